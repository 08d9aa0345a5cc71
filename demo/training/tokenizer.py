"""The demo's tokenizer: a SentencePiece-style unigram vocabulary over the captions, in tokenizer.json.

    python tokenizer.py --out FOLDER          builds the files (needs the package sentencepiece)

Ids follow umT5: pad 0, eos 1, <s> 2, unk 3, byte pieces from 4, then pieces, then fifty sentinels in
reverse order. Text is normalised by SentencePiece's own nmt_nfkc table, which is taken from the
library; words become pieces with the logarithm of their frequency, single characters follow below.
Tokenizer here is a plain implementation for training; it normalises by NFKC, which is the same on
the generated captions.
"""

import argparse
import base64
import io
import json
import math
import random
import unicodedata
from collections import Counter
from pathlib import Path

import captions

SPACE = "\u2581"
SPECIAL = ["<pad>", "</s>", "<s>", "<unk>"]
SENTINELS = 50


class Tokenizer:
    """Text to ids by the best path through the pieces; unknown characters become bytes."""

    def __init__(self, folder):
        data = json.loads((Path(folder) / "tokenizer.json").read_text(encoding="utf-8"))
        vocabulary = data["model"]["vocab"]
        self.size = len(vocabulary)
        first, last = len(SPECIAL) + 256, self.size - SENTINELS
        self.pieces = {vocabulary[id][0]: (id, vocabulary[id][1]) for id in range(first, last)}
        self.longest = max(len(piece) for piece in self.pieces)
        self.unknown = min(score for _, score in vocabulary) - 10
        self.known_words = {}

    def ids(self, text, length):
        """At most `length` ids, the last of them the end sign, padded with zeros."""
        out = []
        for word in unicodedata.normalize("NFKC", text).split(" "):
            if word:
                out += self._word(SPACE + word)
        return (out[:length - 1] + [1] + [0] * length)[:length]

    def _word(self, word):
        known = self.known_words.get(word)
        if known is None:
            known = self._best_path(word)
            if len(self.known_words) < 200_000:
                self.known_words[word] = known
        return known

    def _best_path(self, word):
        best = [(0.0, 0, None)] + [(-math.inf, 0, None)] * len(word)
        for start in range(len(word)):
            score = best[start][0]
            for end in range(start + 1, min(len(word), start + self.longest) + 1):
                piece = self.pieces.get(word[start:end])
                if piece is not None and score + piece[1] > best[end][0]:
                    best[end] = (score + piece[1], start, piece[0])
                elif piece is None and end == start + 1 and score + self.unknown > best[end][0]:
                    best[end] = (score + self.unknown, start, None)
        ids, end = [], len(word)
        while end > 0:
            _, start, id = best[end]
            ids[:0] = [id] if id is not None else [len(SPECIAL) + byte for byte in word[start:end].encode()]
            end = start
        return ids


def normaliser_table():
    """SentencePiece's precompiled nmt_nfkc table, read from a throw-away model."""
    import sentencepiece
    buffer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a red ball moves left"] * 20), model_writer=buffer, vocab_size=40,
        normalization_rule_name="nmt_nfkc", hard_vocab_limit=False, minloglevel=2)
    # ModelProto.normalizer_spec is field 3, NormalizerSpec.precompiled_charsmap field 2 of it
    return field(field(buffer.getvalue(), 3), 2)


def field(message, wanted):
    """The last bytes field `wanted` of an encoded protocol buffer."""
    position, found = 0, b""

    def number():
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while position < len(message):
        key = number()
        if key & 7 == 0:
            number()
        elif key & 7 == 5:
            position += 4
        else:
            size = number()
            if key >> 3 == wanted:
                found = message[position:position + size]
            position += size
    return found


def count_pieces(samples, seed):
    """How often each word and each Chinese phrase occurs in random captions."""
    source = random.Random(seed)
    counts = Counter()
    phrases = set("一个 一颗 背景 同时 围绕 在 上 边 的 从 向 往 朝 到 和 小 大 左 右 上下 原地 逐渐 慢慢".split())
    for table, column in ((captions.COLORS, 2), (captions.GROUNDS, 2), (captions.SHAPES, 1), (captions.PATTERNS, 1)):
        phrases.update(phrase for entry in table.values() for phrase in entry[column])
    phrases.update(phrase for ways in captions.CHINESE_WAYS.values() for phrase in ways)
    phrases.update(captions.CHINESE_GOING)
    phrases.discard("")
    for _ in range(samples):
        scene = captions.draw_scene(source)
        for word in unicodedata.normalize("NFKC", captions.english(scene, source)).split(" "):
            stripped = word.rstrip(",.")
            counts[SPACE + stripped] += 1
            counts.update(word[len(stripped):])
        text = unicodedata.normalize("NFKC", captions.chinese(scene, source))
        counts.update({phrase: text.count(phrase) for phrase in phrases})
        counts[SPACE] += 1
        counts.update(character for character in text if character in ",。")
    for text in captions.GENERIC + captions.NEGATIVES:
        for word in text.split(" "):
            if word.isascii() and word.rstrip(","):
                counts[SPACE + word.rstrip(",")] += samples // 500
    return counts


def build_vocabulary(samples=20_000, seed=1):
    counts = count_pieces(samples, seed)
    counts = Counter({piece: number for piece, number in counts.items() if number > 0})
    total = sum(counts.values())
    scored = sorted(((piece, math.log(number / total)) for piece, number in counts.items()),
                    key=lambda entry: (-entry[1], entry[0]))
    floor = scored[-1][1] - 2.0
    characters = {chr(code) for code in range(33, 127)} | {SPACE}
    characters |= {character for text in captions.NEGATIVES
                   for character in unicodedata.normalize("NFKC", text) if character != " "}
    characters |= {character for piece, _ in scored for character in piece}
    scored += [(character, floor) for character in sorted(characters - set(counts))]
    scored += [(SPACE + character, floor - 0.5) for character in "abcdefghijklmnopqrstuvwxyz"
               if SPACE + character not in counts]
    pieces = [[name, 0.0] for name in SPECIAL] + [[f"<0x{byte:02X}>", 0.0] for byte in range(256)]
    pieces += [list(entry) for entry in scored]
    return pieces + [[f"<extra_id_{number}>", 0.0] for number in reversed(range(SENTINELS))]


def build(folder):
    """Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = build_vocabulary()
    special = [(id, vocabulary[id][0]) for id in (*range(len(SPECIAL)), *range(len(vocabulary) - SENTINELS, len(vocabulary)))]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    words = {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always", "split": True}
    end = {"SpecialToken": {"id": "</s>", "type_id": 0}}
    table = base64.b64encode(normaliser_table()).decode()
    data = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": id, "content": text, **flags} for id, text in special],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": table},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        "pre_tokenizer": words,
        "post_processor": {
            "type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, end],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, end, {"Sequence": {"id": "B", "type_id": 0}}, end],
            "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
        "decoder": words,
        "model": {"type": "Unigram", "unk_id": 3, "vocab": vocabulary, "byte_fallback": True},
    }
    (folder / "tokenizer.json").write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    more = [f"<extra_id_{number}>" for number in range(SENTINELS)]
    (folder / "special_tokens_map.json").write_text(
        json.dumps({"additional_special_tokens": more, **names}, indent=2) + "\n")
    config = {"added_tokens_decoder": {str(id): {"content": text, **flags} for id, text in special},
              "additional_special_tokens": more, "clean_up_tokenization_spaces": True, "extra_ids": SENTINELS,
              "model_max_length": 1000000000000000019884624838656, "sp_model_kwargs": {},
              "spaces_between_special_tokens": False, "tokenizer_class": "T5Tokenizer", **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    build(parser.parse_args().out)


if __name__ == "__main__":
    main()
