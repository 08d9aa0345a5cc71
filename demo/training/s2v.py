"""Trains the demo's S2V model (a picture of a drawn face and a sound to a face that speaks it) within a given
number of minutes.

    python s2v.py --out FOLDER --demo ../checkpoint/t2v --minutes 9

The model has the architecture of Wan2.2-S2V-14B: a speech network (wav2vec2), which is trained first, to tell the
loudness and the vowels of synthetic speech (speech.py), an autoencoder, and one transformer that hears the sound.
Text encoder and tokenizer are those of the text-to-video model, which stay as they are. FOLDER/checkpoint is then a
checkpoint in the layout of the original download, with links to the files of --demo. --micro runs all of it on a
CPU with a toy configuration.
"""


import torch
import torch.nn.functional as F
from torch import nn

from export import TEXT_ENCODER_FILE, link_shared, load_text_encoder, save_autoencoder, save_speech_transformer
from ring import ClipRing
from sampler import generate
from sheet import contact_sheet
from speech import (FORMANTS, FRAME_RATE, FRAME_SAMPLES, Faces, Voices, correlation, face_captions, face_number, loudness,
                    mouth_openings, opening)
from speech_transformer import SpeechTransformer
from training import (TEXT_LENGTH, Run, choose_speed, common_flags, compile_with, count, on_latents, read_flags, rounded_copy,
                      sharpen, train_autoencoder, train_loop)
from vae import VideoAutoencoder
from wav2vec2 import WORDS, SpeechRecognizer, heard, save_recognizer

SHIFT = 3.0
CLIP = 32  # frames of a clip
REMEMBERED, REMEMBERED_LATENTS, PICTURE_FRAMES = 73, 19, 6
GREY = (0, 12, 44)  # frames before the video began that a later clip remembers
REPEATS = 17  # of the first frame's sound in front of a clip; more, as the pipeline has them, change nothing
DROPOUT = 0.12  # of the clips, those without text and sound
POSED = 0.3  # of the clips, those with a drawn pose
MOUTH_WEIGHT = 5.0
NEGATIVE = ("画面模糊，最差质量，画面模糊，细节模糊不清，情绪激动剧烈，手快速抖动，字幕，丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，"
            "畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走")
SHARES = {"speech": 0.09, "sketch": 0.06, "autoencoder": 0.20, "sharpen": 0.05, "joint": 0.60}
FULL = {"base": 12, "speech": (32, 64, 128, 4, 3), "dim": 160, "ffn_dim": 384, "num_heads": 5, "num_layers": 4,
        "inject": (0, 1, 2), "batch": 64, "sounds": 32, "clips": (32, 12, 6), "encode": 16, "scenes": 200, "workers": 1,
        "fill_seconds": 14, "capacity": 12_000, "refresh": 0.003, "tests": 24, "closing": 24}
MICRO = {"base": 4, "speech": (8, 32, 32, 2, 2), "dim": 64, "ffn_dim": 96, "num_heads": 2, "num_layers": 2,
         "inject": (0, 1), "batch": 2, "sounds": 2, "clips": (1, 1, 1), "encode": 2, "scenes": 20, "workers": 1,
         "fill_seconds": 1, "capacity": 8, "refresh": 0.005, "tests": 2, "closing": 0}


class SpeechRun(Run):
    """A run that draws faces which speak."""

    def __init__(self, options, size):
        super().__init__(options, size, SHARES, size["closing"])
        self.voices, self.faces = Voices(self.device), Faces(self.device, size["side"])
        self.captions = face_captions(self.tokenizer, TEXT_LENGTH).to(self.device)
        self.negative = torch.tensor(self.tokenizer.ids(NEGATIVE, TEXT_LENGTH), dtype=torch.int16, device=self.device)
        self.source = self.cuts

    def speaking(self, faces, looks, samples, vowels, frames, window=None):
        """Videos, where mouths are, and drawn poses of faces that say `samples`."""
        width = self.voices.widths[vowels[:, ::FRAME_SAMPLES][:, :frames]]
        return self.faces.clips(faces, looks, opening(samples, frames), width, self.faces.tracks(len(faces), frames), window)

    def cuts(self, count, window, frames):
        """Clips for the autoencoder: faces whose mouths move as chance has it, some that are grey at first, some poses."""
        faces, looks = self.faces.draw_faces(count)
        time = torch.arange(frames, device=self.device) / FRAME_RATE
        opened = (0.6 * torch.sin(2 * torch.pi * (self.voices.random(count, 1, low=0.5, high=4.0) * time
                                                  + self.voices.random(count, 1))) + 0.4).clamp(0, 1)
        width = self.voices.random(count, 1, low=0.55, high=1.3).expand(-1, frames)
        video, region, pose = self.faces.clips(faces, looks, opened, width, self.faces.tracks(count, frames), window)
        kind = self.voices.random(count).view(-1, 1, 1, 1, 1)
        video = torch.where(kind < 0.1, pose, video)
        begins = (self.voices.random(count) * frames * (kind.flatten() > 0.9)).long()
        grey = torch.arange(frames, device=self.device)[None] < begins[:, None]
        faint = 0.02 * torch.randn(video.shape, device=self.device)  # the norm of zeros has no finite gradient
        return torch.where(grey[:, None, :, None, None], faint, video), region

    def pictures(self, faces, looks):
        """Pictures [B,3,1,H,W] of faces with their mouths almost shut."""
        opened = self.voices.random(len(faces), 1, high=0.15)
        return self.faces.clips(faces, looks, opened, torch.ones_like(opened), self.faces.tracks(len(faces), 1))[0]


def train_speech(run):
    """The recognizer, which names the vowel of each state and by whose states a linear layer tells the loudness."""
    model = SpeechRecognizer(*run.size["speech"]).to(run.device)
    gauge = nn.Linear(run.size["speech"][1], 1).to(run.device)
    letters = torch.tensor([WORDS.index(vowel) for vowel in FORMANTS], device=run.device)

    def loss_of():
        total = 0.0
        for frames in (52, 84):
            samples, vowels, voiced = run.voices.draw(run.size["sounds"], frames)
            with run.autocast():
                states = model.wav2vec2(samples)
                known = model.lm_head(states[:, -1]).float()
                level = gauge(states[:, -2]).float()[..., 0]
            length = states.shape[2]
            loud = loudness(samples, length, 400, 320, 0)
            spoken = voiced[:, 200::320][:, :length] & (loud > 0.15)
            wanted = torch.where(spoken, letters[vowels[:, 200::320][:, :length]], WORDS.index("|"))
            total = total + F.cross_entropy(known.flatten(0, 1), wanted.flatten()) + 4 * F.smooth_l1_loss(level, loud, beta=0.1)
        return total

    model = train_loop(run, "speech", [model, gauge], loss_of, 2e-3, 100, 0.998)[0]
    with torch.no_grad():
        samples, vowels, voiced = run.voices.draw(run.size["sounds"], 84)
        named = model.lm_head(model.wav2vec2(samples)[:, -1]).argmax(2)
        length = named.shape[1]
        loud = loudness(samples, length, 400, 320, 0)
        spoken = voiced[:, 200::320][:, :length] & (loud > 0.3)
        right = (named == letters[vowels[:, 200::320][:, :length]])[spoken].float().mean().item()
    run.notes["vowels named"] = round(right, 4)
    run.say(f"vowels named {right:.3f} of loud states")
    return model


class SpeechBank(ClipRing):
    """A ring of encoded clips that speak: those that begin a video, or those that go on from one."""

    def __init__(self, run, autoencoder, speech, later):
        self.autoencoder, self.speech, self.later = autoencoder, speech, later
        grid = (run.size["side"] // 8,) * 2
        layers, dim = run.size["speech"][4] + 1, run.size["speech"][1]
        shapes = {"clean": (16, CLIP // 4, *grid), "reference": (16, 1, *grid), "pose": (16, CLIP // 4, *grid),
                  "mouth": (1, CLIP // 4, *grid), "sound": (layers, dim, CLIP), "row": ()}
        if later:
            shapes["motion"] = (16, REMEMBERED_LATENTS, *grid)
        super().__init__(run, shapes, {"row": torch.long})

    def make(self, count):
        run = self.run
        before = REMEMBERED if self.later else 0
        faces, looks = run.faces.draw_faces(count)
        samples, vowels, _ = run.voices.draw(count, before + CLIP + 20)
        video, region, pose = run.speaking(faces, looks, samples, vowels, before + CLIP)
        picture = run.pictures(faces, looks)
        if self.later:
            kind = (run.voices.random(count) * (len(GREY) + 1)).long()
            limits = torch.cat([torch.full_like(kind[:1], length) for length in (*GREY, REMEMBERED)])
            begin = limits[kind][:, None]
            number = torch.arange(before + CLIP, device=run.device)[None]
            shown = (kind[:, None] == len(GREY)) & (number >= REMEMBERED - PICTURE_FRAMES) & (number < REMEMBERED)
            video = video * (number >= begin)[:, None, :, None, None]
            video = torch.where(shown[:, None, :, None, None], picture, video)
        else:
            video, region = torch.cat([picture, video], dim=2), torch.cat([region[:, :, :1], region], dim=2)
        video, picture, pose = (part.contiguous(memory_format=torch.channels_last_3d) for part in (video, picture, pose))
        with run.autocast():
            latents = self.autoencoder.encode(video).float()
            reference = self.autoencoder.encode(picture).float() if self.later else latents[:, :, :1]
            pose = pose[:, :, -CLIP:]
            drawn = self.autoencoder.encode(torch.cat([pose[:, :, :1], pose], dim=2))[:, :, 1:]
        return {"clean": latents[:, :, -CLIP // 4:], "reference": reference, "pose": drawn,
                "sound": heard(self.speech.wav2vec2(samples), before, CLIP), "mouth": on_latents(region, 8)[:, :, -CLIP // 4:],
                "motion": latents[:, :, :REMEMBERED_LATENTS], "row": face_number(faces)}

    def batch(self, count):
        """The parts of some clips, and token ids; without text and sound in some."""
        run, parts = self.run, self.pick(count)
        rows = parts.pop("row")
        parts = {name: part.float() for name, part in parts.items()}
        ids = run.captions[rows, run.pick(count, run.captions.shape[1])]
        kept = run.voices.random(count) >= DROPOUT
        parts["sound"] = with_repeats(parts["sound"]) * kept.view(-1, 1, 1, 1)
        parts["pose"] = parts["pose"] * (run.voices.random(count) < POSED).view(-1, 1, 1, 1, 1)
        return parts, torch.where(kept[:, None], ids, run.negative).long()


def with_repeats(sound):
    """Sound [B,layers,C,frames] with its first frame in front, as often as it matters."""
    return torch.cat([sound[..., :1].expand(-1, -1, -1, REPEATS), sound], dim=-1)


def velocity_loss(run, model, text_encoder, bank):
    """The error over a batch of a bank's clips."""
    size = run.size["batch"]
    bank.add(bank.refresh)
    parts, ids = bank.batch(size)
    clean = parts["clean"]
    even = (torch.arange(size, device=run.device) + run.voices.random(size)) / size
    level = SHIFT * even / (1 + (SHIFT - 1) * even)
    noise = torch.randn_like(clean)
    wide = level.view(-1, 1, 1, 1, 1)
    with run.autocast():
        with torch.no_grad():
            text = text_encoder(ids)
        velocity = model(clean * (1 - wide) + noise * wide, (level * 1000).floor(), text, parts["sound"],
                         parts["reference"], parts.get("motion"), parts["pose"])
    weight = 1 + MOUTH_WEIGHT * parts["mouth"]
    return (weight * (velocity.float() - (noise - clean)).square()).mean()


def speak(run, model, autoencoder, text_encoder, ids, states, picture, clips=1, guidance=1.0, steps=20):
    """Videos [B,3,T,H,W] of clips for pictures [B,3,1,H,W] and states of the speech network, as the pipeline makes
    them: the first clip has three frames fewer."""
    text = text_encoder(ids)
    negative = text_encoder(run.negative[None].long()).expand(len(ids), -1, -1)
    reference = autoencoder.encode(picture)
    video = torch.zeros_like(picture[:, :, :0])
    for number in range(clips):
        sound = with_repeats(heard(states, number * CLIP, CLIP))
        motion = None
        if number:
            before = video[:, :, -REMEMBERED:]
            grey = torch.zeros_like(picture).expand(-1, -1, REMEMBERED - before.shape[2], -1, -1)
            motion = autoencoder.encode(torch.cat([grey, before], dim=2))

        def network(x, t, context):
            return model(x, t, context, sound * 0 if context is negative else sound, reference, motion)
        noise = torch.randn(len(ids), 16, CLIP // 4, *reference.shape[3:], generator=torch.Generator().manual_seed(1000 + number))
        latents = generate((network, network), 0.0, noise.to(run.device), text, negative, None, steps, SHIFT, (guidance,) * 2)
        lead = reference if motion is None else motion
        made = autoencoder.decode(torch.cat([lead, latents], dim=2))[:, :, -CLIP:].clamp(-1, 1)
        video = torch.cat([video, made if number else made[:, :, 3:]], dim=2)
    return video


@torch.no_grad()
def report(run, model, autoencoder, text_encoder, speech):
    """How mouths follow the loudness of unseen sounds, and a contact sheet."""
    torch.manual_seed(4000)
    tests, clips = run.size["tests"], 2
    faces, looks = run.faces.draw_faces(tests)
    samples, _, _ = run.voices.draw(tests, clips * CLIP)
    picture = run.pictures(faces, looks)
    ids = run.captions[face_number(faces), 0].long()
    steps = 2 if run.options.micro else 16
    found = {}
    for guidance in (1.0, 3.0):
        made = []
        for start in range(0, tests, 8):
            part = slice(start, start + 8)
            made.append(speak(run, model, autoencoder, text_encoder, ids[part], speech.wav2vec2(samples[part]),
                              picture[part], clips, guidance, steps))
        video = torch.cat(made)
        follows = correlation(mouth_openings(video), loudness(samples, clips * CLIP)[:, 3:])
        found[f"guidance {guidance}"] = {"median": round(follows.median().item(), 4), "least": round(follows.min().item(), 4)}
        run.say(f"mouths and loudness correlate by {found[f'guidance {guidance}']}")
        shown = min(6, tests)
        contact_sheet(video[:shown].cpu(), [f"guidance {guidance}, correlation {value:.3f}" for value in follows[:shown].tolist()],
                      run.out / f"s2v-{guidance:.0f}-sheet.png", frames=12)
    return found


def main():
    parser = common_flags(minutes=9.0, rate=1.6e-3)
    options, size = read_flags(parser, FULL, MICRO)
    run = SpeechRun(options, size)
    choose_speed(run)
    text_encoder = load_text_encoder(options.demo).to(run.device)
    checkpoint = run.out / "checkpoint"
    speech = train_speech(run).to(run.device)
    save_recognizer(speech, checkpoint)
    autoencoder = sharpen(run, train_autoencoder(run, VideoAutoencoder(size["base"])))
    save_autoencoder(autoencoder, checkpoint)
    config = {"in_dim": 16, "out_dim": 16, "cond_dim": 16, "freq_dim": 128, "text_len": TEXT_LENGTH,
              "text_dim": text_encoder.token_embedding.weight.shape[1], "audio_layers": size["speech"][4] + 1,
              "audio_dim": size["speech"][1], "audio_inject_layers": list(size["inject"]),
              **{name: size[name] for name in ("dim", "ffn_dim", "num_heads", "num_layers")}}
    model = SpeechTransformer(config).to(run.device)
    run.notes["parameters"] = {"transformer": count(model), "autoencoder": count(autoencoder), "speech": count(speech)}
    run.say(f"parameters: {run.notes['parameters']}")
    banks = [SpeechBank(run, autoencoder, speech, later) for later in (False, True)]
    for bank in banks:
        bank.fill(size["fill_seconds"])

    def loss_of():
        return sum(velocity_loss(run, model, text_encoder, bank) for bank in banks) / 2

    def snapshot(modules):
        save_speech_transformer(rounded_copy(modules[0]), checkpoint)

    model.train()
    compile_with(run.device, loss_of)
    model = train_loop(run, "joint", [model], loss_of, options.rate, 200, 0.999, snapshot=(30.0, snapshot))[0]
    save_speech_transformer(model, checkpoint)
    link_shared(checkpoint, options.demo.resolve(), (TEXT_ENCODER_FILE, "google"))
    run.write_log(run.out / "log.json")
    run.write_log(run.out / "log.json", followed=report(run, rounded_copy(model), autoencoder, text_encoder, speech))


if __name__ == "__main__":
    main()
