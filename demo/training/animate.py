"""Trains the demo's Animate model (a picture of a drawn figure moves as a driving video's figure does, or takes its
place) within a given number of minutes.

    python animate.py --out FOLDER --demo ../checkpoint/t2v --minutes 8.5

The model has the architecture of Wan2.2-Animate-14B: an autoencoder, and one transformer, which sees drawn poses
(poses.py), the driving face, and the picture, through CLIP's image branch too. The branch stays as it was drawn at
random, since the picture's own latents tell what it would; the motion encoder learns with the transformer, all but its
orthogonal directions. Text encoder and tokenizer are those of the text-to-video model, which stay as they are.
FOLDER/checkpoint is then a checkpoint in the layout of the original download, with links to the files of --demo.
--micro runs all of it on a CPU with a toy configuration.
"""

import subprocess
import sys

import torch

import clip_vision
from animate_transformer import BESIDE, CharacterTransformer
from animation import Studio, given_frames
from clip_vision import ClipVision
from evaluate import NEGATIVE
from export import (TEXT_ENCODER_FILE, link_shared, load_text_encoder, save_autoencoder, save_character_transformer,
                    save_clip)
from figure_check import distances, measure
from ring import ClipRing
from sampler import generate
from sheet import contact_sheet
from training import (SHIFT, TEXT_LENGTH, Run, choose_speed, common_flags, compile_with, count, on_latents, read_flags,
                      rounded_copy, sharpen, train_autoencoder, train_loop)
from vae import VideoAutoencoder

PROMPT = "视频中的人在做动作"  # the reference's, which stands for all
DROPOUT = 0.08  # of the clips, those with the negative prompt and black faces
FIGURE_WEIGHT = 4.0  # how much more errors count where the figure is, and once more where its head is
SHARES = {"sketch": 0.06, "autoencoder": 0.24, "sharpen": 0.05, "joint": 0.65}
FULL = {"base": 12, "dim": 160, "ffn_dim": 288, "num_heads": 5, "num_layers": 5, "clip": (128, 64, 2),
        "face_channels": (8, 16, 24, 24), "motion_encoder_dim": 32, "face_width": 32, "batch": 96, "clips": (32, 12, 6),
        "encode": 16, "scenes": 200, "workers": 1, "fill_seconds": 18, "capacity": 16_000, "refresh": 0.005, "tests": 24,
        "closing": 26}
MICRO = {"base": 4, "dim": 64, "ffn_dim": 96, "num_heads": 2, "num_layers": 5, "clip": (32, 32, 2),
         "face_channels": (4, 8, 8, 8), "motion_encoder_dim": 24, "face_width": 16, "batch": 2, "clips": (1, 1, 1),
         "encode": 2, "scenes": 20, "workers": 1, "fill_seconds": 1, "capacity": 8, "refresh": 0.005, "tests": 2,
         "closing": 0}


class AnimateRun(Run):
    """A run that draws figures which move."""

    def __init__(self, options, size):
        super().__init__(options, size, SHARES, size["closing"])
        self.studio = Studio(self.device, size["side"], 4 << (len(size["face_channels"]) - 1))
        self.source = self.studio.cuts
        self.text = None  # states of the prompt and of the negative one, [2,L,dim]

    def read_prompts(self, text_encoder):
        ids = torch.tensor([self.tokenizer.ids(text, TEXT_LENGTH) for text in (PROMPT, NEGATIVE)], device=self.device)
        with torch.no_grad():
            self.text = text_encoder(ids)


class Networks:
    """What encodes a scene for the transformer: the autoencoder and CLIP's image branch."""

    def __init__(self, autoencoder, clip):
        self.autoencoder, self.clip = autoencoder, clip

    @torch.no_grad()
    def encode(self, run, scene, given):
        """Latents of the picture and the video, mask and latents beside them, latents of poses, CLIP's tokens, faces."""
        parts = (scene.picture, scene.video, scene.beside(given), scene.pose)
        with run.autocast():
            picture, clean, beside, pose = (
                self.autoencoder.encode(part.contiguous(memory_format=torch.channels_last_3d)).float() for part in parts)
            tokens = self.clip(scene.picture[:, :, 0])
        beside = torch.cat([scene.latent_mask(given), torch.cat([picture, beside], dim=2)], dim=1)
        return {"clean": torch.cat([picture, clean], dim=2), "beside": beside, "pose": pose, "picture": tokens,
                "faces": ((scene.faces + 1) * 127.5).round()}


class SceneBank(ClipRing):
    """A ring of encoded scenes."""

    def __init__(self, run, networks):
        self.networks, size = networks, run.size
        frames, grid = (size["frames"] - 1) // 4 + 1, (size["side"] // 8,) * 2
        shapes = {"clean": (16, 1 + frames, *grid), "beside": (BESIDE, 1 + frames, *grid), "pose": (16, frames, *grid),
                  "picture": (clip_vision.TOKENS, size["clip"][0]), "figure": (1, 1 + frames, *grid),
                  "faces": (size["frames"], 3, run.studio.face_side, run.studio.face_side)}
        super().__init__(run, shapes, {"faces": torch.uint8})

    def make(self, count):
        run = self.run
        scene = run.studio.scene(count, run.size["frames"])
        made = self.networks.encode(run, scene, given_frames(run.studio.figures, count))
        figure = on_latents(scene.covered + scene.heads, 8)
        return {**made, "figure": torch.cat([figure[:, :, :1], figure], dim=2)}

    def batch(self, count):
        """The parts of some clips, and text states; the negative prompt and black faces in some."""
        parts = {name: part.float() for name, part in self.pick(count).items()}
        dropped = self.run.studio.figures.random(count) < DROPOUT
        faces = parts["faces"] / 127.5 - 1
        parts["faces"] = torch.where(dropped.view(-1, 1, 1, 1, 1), -1.0, faces)
        return parts, torch.where(dropped.view(-1, 1, 1), self.run.text[1], self.run.text[0])


def velocity_loss(run, model, bank):
    """The error over a batch of a bank's clips."""
    size = run.size["batch"]
    bank.add(bank.refresh)
    parts, text = bank.batch(size)
    clean = parts["clean"]
    even = (torch.arange(size, device=run.device) + run.studio.figures.random(size)) / size
    level = SHIFT * even / (1 + (SHIFT - 1) * even)
    noise = torch.randn_like(clean)
    wide = level.view(-1, 1, 1, 1, 1)
    with run.autocast():
        velocity = model(clean * (1 - wide) + noise * wide, (level * 1000).floor(), text, parts["picture"],
                         parts["beside"], parts["pose"], parts["faces"])
    weight = 1 + FIGURE_WEIGHT * parts["figure"]
    return (weight * (velocity.float() - (noise - clean)).square()).mean()


def compile_blocks(device, size, config):
    """Compiles the transformer's block for batches of a size. A process that did this before leaves its kernels in the
    compiler's cache, so that another one starts at once."""
    batch, frames, side = size["batch"], (size["frames"] - 1) // 4 + 1, size["side"] // 8

    def loss_of():
        model = CharacterTransformer(config).to(device).train()

        def drawn(*shape):
            return torch.randn(batch, *shape, device=device)
        with torch.autocast(device, dtype=torch.bfloat16):
            velocity = model(drawn(16, 1 + frames, side, side), torch.full((batch,), 500.0, device=device),
                             drawn(TEXT_LENGTH, config["text_dim"]), drawn(clip_vision.TOKENS, config["picture_dim"]),
                             drawn(BESIDE, 1 + frames, side, side), drawn(16, frames, side, side),
                             drawn(size["frames"], 3, model.face_side, model.face_side))
        return velocity.float().square().mean()
    compile_with(device, loss_of)


@torch.no_grad()
def animate(run, model, networks, scene, steps=20):
    """Videos [B,3,T,H,W] as the pipeline makes them, without guidance."""
    none = torch.zeros(len(scene.replaced), dtype=torch.long, device=run.device)
    parts = networks.encode(run, scene, none)
    faces = parts["faces"] / 127.5 - 1

    def network(x, t, text):
        return model(x, t, text, parts["picture"], parts["beside"], parts["pose"], faces)
    noise = torch.randn(parts["clean"].shape, generator=torch.Generator().manual_seed(1000)).to(run.device)
    text = run.text[:1].expand(len(noise), -1, -1)
    latents = generate((network, network), 0.0, noise, text, text, None, steps, SHIFT, (1.0, 1.0))
    return networks.autoencoder.decode(latents[:, :, 1:]).clamp(-1, 1)


@torch.no_grad()
def report(run, model, networks):
    """How unseen figures follow unseen drivers in both modes, and a contact sheet of each."""
    torch.manual_seed(4000)
    steps, tests, frames = 2 if run.options.micro else 20, run.size["tests"], run.size["frames"]
    figures, found = run.studio.figures, {}
    for mode in ("animation", "replacement"):
        replaced = torch.full((tests,), mode == "replacement", device=run.device)
        scene = run.studio.scene(tests, frames, replaced=replaced, margins=(9, 9))
        video = animate(run, model, networks, scene, steps)
        found[mode] = measure(video, scene, figures.dark)
        run.say(f"{mode}: {found[mode]}")
        driven = figures.videos(scene.driver, scene.points, scene.opened)[0]
        far = distances(video, scene, figures.dark).flatten(1).median(1).values.tolist()
        shown = min(6, tests)
        rows, titles = [], []
        for number in range(shown):
            rows += [torch.cat([scene.picture[number], part[number]], dim=1) for part in (driven, scene.pose, video)]
            titles += ["picture, driving video", "picture, poses", f"{mode}, joints off by {far[number]:.3f} (median)"]
        contact_sheet(torch.stack(rows), titles, run.out / f"animate-{mode}-sheet.png", frames=9)
    return found


def main():
    parser = common_flags(minutes=8.5, rate=1.6e-3)
    parser.add_argument("--only-compile", action="store_true", help="fill the compiler's cache and stop")
    options, size = read_flags(parser, FULL, MICRO)
    text_encoder = load_text_encoder(options.demo)
    config = {"in_dim": 16 + BESIDE, "out_dim": 16, "freq_dim": 128, "text_len": TEXT_LENGTH, "picture_dim": size["clip"][0],
              "text_dim": text_encoder.token_embedding.weight.shape[1],
              **{name: size[name] for name in ("dim", "ffn_dim", "num_heads", "num_layers", "face_channels",
                                               "motion_encoder_dim", "face_width")}}
    if options.only_compile:
        compile_blocks(options.device, size, config)
        return
    if options.device == "cuda":  # fills the compiler's cache while the autoencoder trains
        subprocess.Popen([sys.executable, __file__, *sys.argv[1:], "--only-compile"])
    run = AnimateRun(options, size)
    choose_speed(run)
    run.read_prompts(text_encoder.to(run.device))
    checkpoint = run.out / "checkpoint"
    clip = rounded_copy(ClipVision(*size["clip"]).to(run.device))
    save_clip(clip, checkpoint)
    autoencoder = sharpen(run, train_autoencoder(run, VideoAutoencoder(size["base"])))
    save_autoencoder(autoencoder, checkpoint)
    networks = Networks(autoencoder, clip)
    model = CharacterTransformer(config).to(run.device)
    run.notes["parameters"] = {"transformer": count(model), "autoencoder": count(autoencoder), "clip": count(clip)}
    run.say(f"parameters: {run.notes['parameters']}")
    bank = SceneBank(run, networks)
    bank.fill(size["fill_seconds"])
    compile_blocks(run.device, size, config)

    def snapshot(modules):
        save_character_transformer(rounded_copy(modules[0]), checkpoint)

    model = train_loop(run, "joint", [model.train()], lambda: velocity_loss(run, model, bank), options.rate, 200, 0.999,
                       snapshot=(30.0, snapshot))[0]
    save_character_transformer(model, checkpoint)
    link_shared(checkpoint, options.demo.resolve(), (TEXT_ENCODER_FILE, "google"))
    run.write_log(run.out / "log.json")
    run.write_log(run.out / "log.json", followed=report(run, rounded_copy(model), networks))


if __name__ == "__main__":
    main()
