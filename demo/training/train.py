"""Trains the demo checkpoint from nothing within a given number of minutes.

    python train.py --out FOLDER --tokenizer ../checkpoint/t2v/google/umt5-xxl --minutes 8

Phases, each with its share of the time: the autoencoder; one text-to-video transformer for all noise
levels together with the text encoder; from it the two text-to-video experts; from it again an
image-to-video transformer and its two experts. Every phase ends with averaged weights and a file in
FOLDER, so that a stop loses one phase at most. --resume FOLDER continues from the files of an earlier
run (its tar files unpacked to FOLDER/checkpoint). --micro runs all of it on a CPU with a toy
configuration.
"""

import argparse
import copy
import subprocess
import sys
import tarfile
from pathlib import Path

import torch

import dataset
from evaluate import I2V_BOUNDARY, SHOW, T2V_BOUNDARY, Studio, first_frames, score, test_prompts
from export import EXPERTS, link_shared, load_expert, save_autoencoder, save_expert, save_text_encoder
from sheet import contact_sheet
from text_encoder import TextEncoder
from training import (SHIFT, TEXT_LENGTH, Bank, Run, channels_last, choose_speed, compile_blocks, count, latent_grid,
                      rounded_copy, train_autoencoder, train_denoiser)
from transformer import VideoTransformer, extend_inputs
from vae import VideoAutoencoder

SHARES = {"sketch": 0.12, "autoencoder": 0.22, "joint": 0.38, "t2v_low": 0.06, "t2v_high": 0.05,
          "i2v": 0.10, "i2v_low": 0.035, "i2v_high": 0.035}
FULL = {"base": 16, "text": (128, 256, 4, 3), "dim": 160, "ffn_dim": 384, "num_heads": 5, "num_layers": 5,
        "batch": 256, "clips": (32, 16), "encode": 128, "scenes": 150_000, "workers": 14, "first_fill": 12_000,
        "capacity": 60_000, "refresh": 0.005, "side": 96, "frames": 17, "prompts": 52}
MICRO = {"base": 4, "text": (32, 64, 2, 1), "dim": 64, "ffn_dim": 96, "num_heads": 2, "num_layers": 2,
         "batch": 8, "clips": (2, 2), "encode": 4, "scenes": 400, "workers": 1, "first_fill": 16,
         "capacity": 64, "refresh": 0.005, "side": 96, "frames": 17, "prompts": 4}


class DemoRun(Run):
    """A run that writes the demo's checkpoint and can continue an earlier one."""

    def __init__(self, options, size):
        shares = SHARES
        if options.shares:
            shares = {name: float(value) for name, value in (part.split("=") for part in options.shares.split(","))}
        super().__init__(options, size, shares)
        self.checkpoint = Path(options.checkpoint or self.out / "checkpoint")

    def path(self, name):
        """A file of the earlier run to continue from, or None."""
        earlier = Path(self.options.resume) / name if self.options.resume else None
        return earlier if earlier and earlier.exists() else None


def pack(run, name, *parts):
    """Puts files of the checkpoint into one tar in FOLDER."""
    with tarfile.open(run.out / f"{name}.tar", "w") as archive:
        for part in parts:
            archive.add(run.checkpoint / part, arcname=part)


@torch.no_grad()
def report(run, studio, experts, label, images=False, settings=None):
    """Prints the share of test prompts that pass and returns the videos."""
    prompts = test_prompts(run.size["prompts"])
    pictures = first_frames(prompts, run.device, run.renderer.size) if images else None
    boundary = I2V_BOUNDARY if images else T2V_BOUNDARY
    used = settings or {"steps": 20, "shift": SHIFT, "guidance": (4.0, 4.0)}
    if run.options.micro:
        used = {**used, "steps": 2}
    videos = studio.videos(experts, [prompt[0] for prompt in prompts], 1000, boundary, pictures, run.renderer.frames,
                           size=run.renderer.size, **used)
    run.say(f"{label} {used}: {score(videos, prompts, settings is None):.3f} of {len(prompts)} prompts pass")
    return videos, prompts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--checkpoint", help="where the checkpoint is built, otherwise OUT/checkpoint")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--resume")
    parser.add_argument("--shares", help="other shares of the time, as joint=0.5,t2v_low=0.5")
    parser.add_argument("--rate", type=float, default=1.6e-3, help="highest learning rate of the joint phase")
    parser.add_argument("--eager", action="store_true", help="no CUDA graphs")
    parser.add_argument("--reports", action="store_true", help="generate and judge videos at the end")
    parser.add_argument("--micro", action="store_true")
    parser.add_argument("--only-compile", action="store_true", help="fill the compiler's cache and stop")
    options = parser.parse_args()
    if options.micro:
        options.device = "cpu"
    size = MICRO if options.micro else FULL
    config = {"dim": size["dim"], "ffn_dim": size["ffn_dim"], "freq_dim": 128, "in_dim": 16, "out_dim": 16,
              "num_heads": size["num_heads"], "num_layers": size["num_layers"], "text_len": TEXT_LENGTH,
              "text_dim": size["text"][0]}
    if options.only_compile:
        compile_blocks(options.device, size["batch"], config, latent_grid(dataset.Renderer("cpu", None, size["side"], size["frames"])))
        return
    run = DemoRun(options, size)
    checkpoint = run.checkpoint
    if run.device == "cuda":  # fills the compiler's cache while the autoencoder trains
        subprocess.Popen([sys.executable, __file__, "--out", options.out, "--tokenizer", options.tokenizer, "--only-compile"])
    choose_speed(run)
    autoencoder = obtain_autoencoder(run)
    torch.save({name: value.to(torch.bfloat16) for name, value in autoencoder.state_dict().items()}, run.out / "autoencoder.pt")
    save_autoencoder(autoencoder, checkpoint / "t2v")

    model = VideoTransformer(config).to(run.device)
    text_encoder = TextEncoder(run.tokenizer.size, *size["text"]).to(run.device)
    if run.path("joint.pt"):
        state = torch.load(run.path("joint.pt"), map_location=run.device)
        model.load_state_dict(state["model"])
        text_encoder.load_state_dict(state["text_encoder"])
    run.say(f"parameters: transformer {count(model):,}, text encoder {count(text_encoder):,}, autoencoder {count(autoencoder):,}")
    bank = Bank(run, autoencoder, images=False)
    bank.fill(size["first_fill"], 6)
    compile_blocks(run.device, size["batch"], config, latent_grid(run.renderer))
    model, text_encoder = train_denoiser(run, "joint", model, text_encoder, bank, 0.0, 1.0, options.rate, True, warmup=200)
    torch.save({"model": model.state_dict(), "text_encoder": text_encoder.state_dict()}, run.out / "joint.pt")
    text_encoder = rounded_copy(text_encoder)
    save_text_encoder(text_encoder, checkpoint / "t2v")
    pack(run, "shared", *(f"t2v/{path.name}" for path in sorted((checkpoint / "t2v").glob("*.pth"))))
    studio = Studio(text_encoder, autoencoder, run.tokenizer, run.text_length, run.device)

    def branch(name, start, low, high, used):
        kind, noise = name.split("_")
        earlier = run.path(f"checkpoint/{kind}/{noise}_noise_model")
        start = load_expert(earlier).to(run.device) if earlier else copy.deepcopy(start)
        trained = train_denoiser(run, name, start.requires_grad_(True), text_encoder, used, low, high, 6e-4, False)[0]
        save_expert(trained, checkpoint / kind / f"{noise}_noise_model", kind)
        return rounded_copy(trained)

    t2v = (branch("t2v_low", model, 0.0, T2V_BOUNDARY, bank), branch("t2v_high", model, T2V_BOUNDARY, 1.0, bank))
    pack(run, "t2v", *(f"t2v/{name}" for name in EXPERTS))
    del bank
    bank = Bank(run, autoencoder, images=True)
    bank.fill(size["first_fill"] // 2, 5)
    wide = extend_inputs(model, {**config, "in_dim": 36}).requires_grad_(True)
    wide = train_denoiser(run, "i2v", wide, text_encoder, bank, 0.0, 1.0, 1e-3, False)[0]
    i2v = (branch("i2v_low", wide, 0.0, I2V_BOUNDARY, bank), branch("i2v_high", wide, I2V_BOUNDARY, 1.0, bank))
    pack(run, "i2v", *(f"i2v/{name}" for name in EXPERTS))
    link_shared(checkpoint / "i2v")
    run.write_log(run.out / "log.json")
    run.say("the checkpoint is whole")
    if not options.reports:
        return
    videos, prompts = report(run, studio, t2v, "text-to-video")
    moving, _ = report(run, studio, i2v, "image-to-video", images=True)
    show = {"steps": 2 if options.micro else 20, "shift": SHIFT, "guidance": (4.0, 4.0)}
    shown = studio.videos(t2v, SHOW, 1000, frames=run.renderer.frames, size=run.renderer.size, **show)
    titles = SHOW + [prompt[0] for prompt in prompts[:10]] + ["image: " + prompt[0] for prompt in prompts[:12]]
    contact_sheet(torch.cat([shown, videos[:10], moving[:12]]), titles, run.out / "sheet.png", columns=2)
    for shift, guidance in ((3.0, 4.0), (5.0, 3.0), (5.0, 6.0), (8.0, 4.0)):
        report(run, studio, t2v, "text-to-video", settings={"steps": 20, "shift": shift, "guidance": (guidance,) * 2})
    run.say("done")


def obtain_autoencoder(run):
    """The autoencoder of an earlier run, or a new one."""
    if not run.path("autoencoder.pt"):
        return train_autoencoder(run)
    run.skip("sketch", "autoencoder")
    model = VideoAutoencoder(run.size["base"]).to(run.device)
    model.load_state_dict(torch.load(run.path("autoencoder.pt"), map_location=run.device))
    return channels_last(model).eval().requires_grad_(False)



if __name__ == "__main__":
    main()
