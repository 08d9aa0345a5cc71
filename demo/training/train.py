"""Trains the demo's text-to-video and image-to-video models within a given number of minutes.

    python train.py --out FOLDER --tokenizer ../checkpoint/t2v/google/umt5-xxl --minutes 25

Parts: the autoencoder; its decoder alone ("sharpen"); one text-to-video transformer for all noise levels, and from
it the two text-to-video experts; from it again an image-to-video transformer and its two experts. The text encoder
is trained with the first transformer, or stays as it is in the checkpoint given by --text. Every phase gets its
share of the time and ends with averaged weights and a file in FOLDER, so that a stop loses one phase at most.
--parts trains some parts; those before them are taken from --resume, FOLDER of another run, which may still be
going on (together.sh does so on two GPUs). --micro runs all of it on a CPU with a toy configuration.
"""

import argparse
import copy
import subprocess
import sys
import time
from pathlib import Path

import torch

import dataset
from evaluate import I2V_BOUNDARY, SHOW, T2V_BOUNDARY, Studio, first_frames, score, test_prompts
from export import link_shared, load_text_encoder, save_autoencoder, save_expert, save_text_encoder
from sheet import contact_sheet
from text_encoder import TextEncoder
from training import (SHIFT, TEXT_LENGTH, Bank, Run, channels_last, choose_speed, compile_blocks, count, latent_grid,
                      rounded_copy, sharpen, train_autoencoder, train_denoiser)
from transformer import VideoTransformer, extend_inputs
from vae import VideoAutoencoder

PARTS = {"autoencoder": {"sketch": 0.03, "autoencoder": 0.22},
         "sharpen": {"sharpen": 0.10},
         "t2v": {"joint": 0.32, "t2v_low": 0.12, "t2v_high": 0.07},
         "i2v": {"i2v": 0.08, "i2v_low": 0.05, "i2v_high": 0.03}}
FULL = {"base": 16, "text": (128, 256, 4, 3), "dim": 160, "ffn_dim": 384, "num_heads": 5, "num_layers": 5,
        "batch": 128, "clips": (32, 12, 6), "encode": 32, "scenes": 150_000, "workers": 14, "fill_seconds": 14,
        "capacity": 40_000, "refresh": 0.003, "prompts": 60, "closing": 24}
MICRO = {"base": 4, "text": (32, 64, 2, 1), "dim": 64, "ffn_dim": 96, "num_heads": 2, "num_layers": 2,
         "batch": 4, "clips": (1, 1, 1), "encode": 2, "scenes": 200, "workers": 1, "fill_seconds": 1,
         "capacity": 32, "refresh": 0.005, "prompts": 2, "closing": 0}
SNAPSHOT_SECONDS = 15.0
PATIENCE = 240.0  # seconds that a file of a run that goes on is waited for


class DemoRun(Run):
    """A run that writes the demo's checkpoint and can continue an earlier one."""

    def __init__(self, options, size):
        shares = {phase: share for part in options.parts for phase, share in PARTS[part].items()}
        super().__init__(options, size, shares, size["closing"] if options.reports else 0.0)
        self.checkpoint = Path(options.checkpoint or self.out / "checkpoint")

    def required(self, name):
        """A file of the run to continue from, waiting for it a while; ends the program without one."""
        if not self.options.resume:
            raise SystemExit(f"{name} is needed and is not trained now; give the folder of a run that has it with --resume")
        path, begin = Path(self.options.resume) / name, time.time()
        while not path.exists():
            if time.time() - begin > PATIENCE:
                raise SystemExit(f"{path} did not come; see the log of the run that trains it")
            time.sleep(0.5)
        return path


def save(state, path):
    """Writes a file that appears whole under its name."""
    hidden = path.with_suffix(".part")
    torch.save(state, hidden)
    hidden.rename(path)


@torch.no_grad()
def report(run, studio, experts, label, images):
    """Videos of the test prompts, these prompts, and the shares of them that are followed."""
    prompts = test_prompts(run.size["prompts"])
    pictures = first_frames(prompts, run.device, run.renderer.size) if images else None
    boundary = I2V_BOUNDARY if images else T2V_BOUNDARY
    videos = studio.videos(experts, [prompt[0] for prompt in prompts], 1000, boundary, pictures, run.renderer.frames,
                           size=run.renderer.size, steps=2 if run.options.micro else 20, shift=SHIFT, guidance=(4.0, 4.0))
    followed = score(videos, prompts, run.device, True)
    run.say(f"{label}: of {len(prompts)} prompts are right {followed}")
    return videos, prompts, followed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--checkpoint", help="where the checkpoint is built, otherwise OUT/checkpoint")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--text", type=Path, help="a checkpoint whose text encoder is taken as it is")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--side", type=int, default=dataset.SIZE, help="pixels in a row, and rows")
    parser.add_argument("--frames", type=int, default=dataset.FRAMES)
    parser.add_argument("--parts", default=",".join(PARTS), help="what is trained now: some of " + ",".join(PARTS))
    parser.add_argument("--resume", help="the folder of an earlier run that has the parts before these")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate of the joint phase")
    parser.add_argument("--eager", action="store_true", help="no CUDA graphs")
    parser.add_argument("--reports", action="store_true", help="generate and judge videos at the end")
    parser.add_argument("--micro", action="store_true")
    parser.add_argument("--only-compile", action="store_true", help="fill the compiler's cache and stop")
    options = parser.parse_args()
    if options.micro:
        options.device = "cpu"
    options.parts = options.parts.split(",")
    if not set(options.parts) <= set(PARTS):
        parser.error(f"--parts got {','.join(options.parts)}; it takes some of {','.join(PARTS)}")
    size = {**(MICRO if options.micro else FULL), "side": options.side, "frames": options.frames}
    if options.text:
        given = load_text_encoder(options.text)
        size["text"] = (given.norm.weight.numel(), *size["text"][1:])
    config = {"dim": size["dim"], "ffn_dim": size["ffn_dim"], "freq_dim": 128, "in_dim": 16, "out_dim": 16,
              "num_heads": size["num_heads"], "num_layers": size["num_layers"], "text_len": TEXT_LENGTH,
              "text_dim": size["text"][0]}
    if options.only_compile:
        compile_blocks(options.device, size["batch"], config, latent_grid(dataset.Renderer("cpu", size=options.side, frames=options.frames)))
        return
    if options.device == "cuda" and not set(options.parts) <= {"autoencoder", "sharpen"}:  # fills the compiler's cache meanwhile
        subprocess.Popen([sys.executable, __file__, *sys.argv[1:], "--only-compile"])
    run = DemoRun(options, size)
    choose_speed(run)
    autoencoder = obtain_autoencoder(run)
    if set(options.parts) <= {"autoencoder", "sharpen"}:
        run.write_log(run.out / "log.json")
        return
    model = VideoTransformer(config).to(run.device)
    text_encoder = given if options.text else TextEncoder(run.tokenizer.size, *size["text"])
    text_encoder = text_encoder.to(run.device)
    run.say(f"parameters: transformer {count(model):,}, text encoder {count(text_encoder):,}, autoencoder {count(autoencoder):,}")
    made = {}
    if "t2v" in options.parts:
        model, text_encoder, made["t2v"] = train_text_to_video(run, model, text_encoder, autoencoder)
    if "i2v" in options.parts:
        made["i2v"], text_encoder = train_image_to_video(run, model, text_encoder, autoencoder)
    run.write_log(run.out / "log.json")
    run.say("all parts are there")
    if options.reports:
        studio = Studio(text_encoder, autoencoder, run.tokenizer, run.text_length, run.device)
        run.write_log(run.out / "log.json", followed=all_reports(run, studio, made))
        run.say("done")


def obtain_autoencoder(run):
    """A new autoencoder, or that of another run; either way its files."""
    parts = run.options.parts
    if "autoencoder" in parts:
        model = train_autoencoder(run, VideoAutoencoder(run.size["base"]))
    else:
        model = VideoAutoencoder(run.size["base"]).to(run.device)
        model.load_state_dict(torch.load(run.required("autoencoder.pt"), map_location=run.device))
        model = channels_last(model).eval().requires_grad_(False)
    if "sharpen" in parts:
        model = sharpen(run, model)
    save({name: value.to(torch.bfloat16) for name, value in model.state_dict().items()}, run.out / "autoencoder.pt")
    save_autoencoder(model, run.checkpoint / "t2v")
    return model


def train_text_to_video(run, model, text_encoder, autoencoder):
    """The model of all levels, its text encoder, and the (low, high) experts as they are exported."""
    bank = Bank(run, autoencoder, images=False)
    bank.fill(run.size["capacity"], run.size["fill_seconds"])
    compile_blocks(run.device, run.size["batch"], model.config, latent_grid(run.renderer))
    given = run.options.text is not None

    def keep(modules):
        save({"model": modules[0].state_dict(), "text_encoder": (text_encoder if given else modules[1]).state_dict()},
             run.out / "joint.pt")

    made = train_denoiser(run, "joint", model, text_encoder, bank, 0.0, 1.0, run.options.rate, not given, warmup=200,
                          snapshot=(SNAPSHOT_SECONDS, keep) if given else None)
    keep(made)
    model, text_encoder = made[0], text_encoder if given else rounded_copy(made[1])
    save_text_encoder(text_encoder, run.checkpoint / "t2v")
    experts = (branch(run, "t2v_low", model, text_encoder, 0.0, T2V_BOUNDARY, bank),
               branch(run, "t2v_high", model, text_encoder, T2V_BOUNDARY, 1.0, bank))
    return model, text_encoder, experts


def train_image_to_video(run, model, text_encoder, autoencoder):
    """The (low, high) experts as they are exported, and the text encoder; they start from text-to-video's model of
    all levels, trained now or by another run so far."""
    bank = Bank(run, autoencoder, images=True)
    bank.fill(run.size["capacity"], run.size["fill_seconds"])
    compile_blocks(run.device, run.size["batch"], model.config, latent_grid(run.renderer))
    if "t2v" not in run.options.parts:
        state = torch.load(run.required("joint.pt"), map_location=run.device)
        model.load_state_dict(state["model"])
        text_encoder.load_state_dict(state["text_encoder"])
        text_encoder = rounded_copy(text_encoder)
    wide = extend_inputs(model, {**model.config, "in_dim": 36}).requires_grad_(True)
    wide = train_denoiser(run, "i2v", wide, text_encoder, bank, 0.0, 1.0, run.options.rate * 0.6, False)[0]
    experts = (branch(run, "i2v_low", wide, text_encoder, 0.0, I2V_BOUNDARY, bank),
               branch(run, "i2v_high", wide, text_encoder, I2V_BOUNDARY, 1.0, bank))
    link_shared(run.checkpoint / "i2v")
    return experts, text_encoder


def branch(run, name, start, text_encoder, low, high, bank):
    """Fine-tunes a copy of `start` on some noise levels and writes it; returns it as it is exported."""
    kind, noise = name.split("_")
    start = copy.deepcopy(start).requires_grad_(True)
    trained = train_denoiser(run, name, start, text_encoder, bank, low, high, run.options.rate * 0.4, False)[0]
    save_expert(trained, run.checkpoint / kind / f"{noise}_noise_model", kind)
    return rounded_copy(trained)


def all_reports(run, studio, made):
    """The shares of followed prompts by model, and a contact sheet of each."""
    followed = {}
    show = {"steps": 2 if run.options.micro else 20, "shift": SHIFT, "guidance": (4.0, 4.0)}
    for kind, experts in made.items():
        videos, prompts, followed[kind] = report(run, studio, experts, kind, images=kind == "i2v")
        clips, titles = [videos[:14]], [prompt[0] for prompt in prompts[:14]]
        if kind == "t2v":
            clips.append(studio.videos(experts, SHOW, 1000, frames=run.renderer.frames, size=run.renderer.size, **show))
            titles += SHOW
        contact_sheet(torch.cat(clips), titles, run.out / f"{kind}-sheet.png", columns=2)
    return followed


if __name__ == "__main__":
    main()
