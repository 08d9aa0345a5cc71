package wan4j.text;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import wan4j.tensor.InputException;

/// umT5's tokenizer, equal to the HuggingFace tokenizers library on a Unigram tokenizer.json.
public final class Tokenizer {
  /// What a tokenizer file says: how text is prepared, the model, the ids around every prompt.
  record Definition(
      List<AddedToken> addedTokens,
      UnaryOperator<String> normalizer,
      Metaspace metaspace,
      UnigramModel model,
      List<Integer> before,
      List<Integer> after) {}

  private final Definition definition;
  private final AddedTokens literalTokens;
  private final AddedTokens normalizedTokens;

  private Tokenizer(Definition definition) {
    this.definition = definition;
    var tokens = definition.addedTokens();
    this.literalTokens =
        new AddedTokens(tokens.stream().filter(token -> !token.normalized()).toList());
    this.normalizedTokens =
        new AddedTokens(
            tokens.stream()
                .filter(AddedToken::normalized)
                .map(token -> token.withContent(definition.normalizer().apply(token.content())))
                .toList());
  }

  /// The tokenizer in a folder (google/umt5-xxl or Diffusers' tokenizer): tokenizer.json, or else
  /// spiece.model; an InputException says what is missing or damaged.
  public static Tokenizer load(Path folder) {
    Path json = folder.resolve("tokenizer.json");
    if (Files.exists(json)) {
      return new Tokenizer(TokenizerJson.read(json));
    }
    Path model = folder.resolve("spiece.model");
    if (Files.exists(model)) {
      return new Tokenizer(SentencePieceFile.read(model));
    }
    throw new InputException(
        "no tokenizer in "
            + folder
            + ": expected tokenizer.json or spiece.model; download the tokenizer files of the"
            + " checkpoint");
  }

  /// The tokenizer of a SentencePiece model that lies somewhere else than in a file of its own; the
  /// title names it in messages.
  public static Tokenizer ofSentencePieces(byte[] model, String title) {
    return new Tokenizer(SentencePieceFile.read(model, title));
  }

  /// Returns the largest id that any text can get.
  public int largestId() {
    int largest = definition.model().size() - 1;
    for (AddedToken token : definition.addedTokens()) {
      largest = Math.max(largest, token.id());
    }
    for (int id : definition.before()) {
      largest = Math.max(largest, id);
    }
    for (int id : definition.after()) {
      largest = Math.max(largest, id);
    }
    return largest;
  }

  /// Encodes a cleaned prompt to exactly `textLength` ids: a longer one is cut but keeps its
  /// closing `</s>`, a shorter one is padded with 0.
  public TokenIds encode(String cleanedPrompt, int textLength) {
    int room = textLength - definition.before().size() - definition.after().size();
    if (room < 0) {
      throw new InputException(
          "text length " + textLength + " has no room for the closing token; use 512 as umT5 does");
    }
    List<Integer> tokens = tokens(cleanedPrompt);
    var all = new ArrayList<Integer>(definition.before());
    all.addAll(tokens.subList(0, Math.min(room, tokens.size())));
    all.addAll(definition.after());
    int[] ids = Arrays.copyOf(all.stream().mapToInt(Integer::intValue).toArray(), textLength);
    int[] mask = new int[textLength];
    Arrays.fill(mask, 0, all.size(), 1);
    return new TokenIds(ids, mask, all.size(), Math.max(0, tokens.size() - room));
  }

  private List<Integer> tokens(String prompt) {
    var tokens = new ArrayList<Integer>();
    for (var outer : literalTokens.split(prompt)) {
      if (outer.id() >= 0) {
        tokens.add(outer.id());
        continue;
      }
      String normalized = definition.normalizer().apply(outer.text());
      for (var inner : normalizedTokens.split(normalized)) {
        if (inner.id() >= 0) {
          tokens.add(inner.id());
          continue;
        }
        boolean first = outer.start() == 0 && inner.start() == 0;
        for (String word : definition.metaspace().split(inner.text(), first)) {
          definition.model().encode(word, tokens);
        }
      }
    }
    return tokens;
  }
}
