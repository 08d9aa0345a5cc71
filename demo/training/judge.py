"""Trains the judge, a text-to-video model with which accelerations are measured, within a few minutes.

    python judge.py --out FOLDER --demo ../checkpoint/t2v --minutes 6 --seed 1

The model has the heads of Wan2.2-A14B (128) and two experts, and sees 2,304 tokens (33 frames of
256x256). Autoencoder, text encoder and tokenizer are the demo's. FOLDER/checkpoint is then a checkpoint
in the layout of the original download, FOLDER/lora.safetensors a LoRA file for it: what the training of
the low-noise expert added to the model of all levels, cut to a few ranks. FOLDER/log.json has settings,
steps, losses and the share of prompts whose videos show what they should. --micro runs all of it on a CPU
with a toy configuration.
"""

import argparse
import copy
import subprocess
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

from dataset import Renderer
from evaluate import T2V_BOUNDARY, Studio, score, test_prompts
from export import link_shared, load_autoencoder, load_text_encoder, save_expert
from training import (SHIFT, TEXT_LENGTH, Bank, Run, channels_last, choose_speed, compile_blocks, count, draw,
                      latent_grid, rounded_copy, train_denoiser)
from transformer import VideoTransformer

SHARES = {"sketch": 0.26, "joint": 0.46, "low": 0.16, "high": 0.12}
FULL = {"side": 256, "frames": 33, "sketch_side": 128, "dim": 512, "ffn_dim": 1024, "freq_dim": 256, "num_heads": 4,
        "num_layers": 4, "batch": 32, "sketch_batch": 128, "encode": 16, "base": 16, "scenes": 60_000, "workers": 14,
        "fill_seconds": (12, 24), "capacity": 12_000, "refresh": 0.006, "prompts": 32, "report_batch": 8, "rank": 16}
MICRO = {**FULL, "side": 64, "frames": 9, "sketch_side": 32, "dim": 256, "ffn_dim": 256, "num_heads": 2, "num_layers": 2,
         "batch": 2, "sketch_batch": 4, "encode": 2, "scenes": 200, "workers": 1, "fill_seconds": (1, 1), "capacity": 16,
         "prompts": 2, "report_batch": 2, "rank": 4}
CLOSING = 25.0  # seconds for the report and the files


def renderers(size, device):
    """Small and large clips: the first phase learns what prompts mean on few tokens."""
    return [Renderer(device, size=side, frames=size["frames"]) for side in (size["sketch_side"], size["side"])]


def shapes(size):
    """(batch, grid of latents) of the phases."""
    return [(batch, latent_grid(renderer))
            for batch, renderer in zip((size["sketch_batch"], size["batch"]), renderers(size, "cpu"))]


@torch.no_grad()
def autoencoder_decibels(run, autoencoder):
    """PSNR of reconstructions of fresh clips."""
    video = draw(run, min(4, run.size["encode"]))[0]
    error = (autoencoder.decode(autoencoder.encode(video)).clamp(-1, 1) - video).square().mean((1, 2, 3, 4)) / 4
    return round((-10 * error.log10()).mean().item(), 2)


@torch.no_grad()
def save_lora(before, after, rank, path):
    """Writes what training changed in the blocks' matrices as a LoRA file of a rank (truncated SVD)."""
    tensors, old = {}, dict(before.named_parameters())
    for name, parameter in after.named_parameters():
        if name.startswith("blocks.") and name.endswith(".weight") and parameter.dim() == 2:
            left, values, right = torch.linalg.svd((parameter - old[name]).float(), full_matrices=False)
            root = values[:rank].sqrt()
            module = "diffusion_model." + name.removesuffix("weight")
            tensors[module + "lora_A.weight"] = root[:, None] * right[:rank]
            tensors[module + "lora_B.weight"] = left[:, :rank] * root
    save_file({name: value.to("cpu", torch.bfloat16).contiguous() for name, value in tensors.items()}, path)


def report(run, studio, experts):
    """The share of prompts whose videos show what they should, from the weights as they are exported."""
    prompts = test_prompts(run.size["prompts"])
    steps = 2 if run.options.micro else 20
    videos = studio.videos(experts, [prompt[0] for prompt in prompts], 1000, frames=run.size["frames"],
                           batch=run.size["report_batch"], size=run.size["side"], steps=steps, shift=SHIFT,
                           guidance=(5.0, 5.0))
    followed = score(videos, prompts, run.device, True)
    run.say(f"of {len(prompts)} prompts are right {followed}")
    return {"prompts": len(prompts), "prompts followed": followed}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--demo", type=Path, required=True, help="the demo's text-to-video checkpoint")
    parser.add_argument("--minutes", type=float, default=6.0, help="from the start to the last file")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=8e-4, help="highest learning rate of the first phase")
    parser.add_argument("--eager", action="store_true", help="no CUDA graphs")
    parser.add_argument("--micro", action="store_true")
    parser.add_argument("--only-compile", action="store_true", help="fill the compiler's cache and stop")
    options = parser.parse_args()
    options.tokenizer = options.demo / "google/umt5-xxl"
    if options.micro:
        options.device = "cpu"
    size = MICRO if options.micro else FULL
    text_encoder = load_text_encoder(options.demo)
    config = {"in_dim": 16, "out_dim": 16, "text_len": TEXT_LENGTH, "text_dim": text_encoder.token_embedding.weight.shape[1],
              **{name: size[name] for name in ("dim", "ffn_dim", "freq_dim", "num_heads", "num_layers")}}
    if options.only_compile:
        for batch, grid in shapes(size):
            compile_blocks(options.device, batch, config, grid)
        return
    begin = time.time()
    if options.device == "cuda":  # beside the encoding of the first clips
        compiling = subprocess.Popen([sys.executable, __file__, "--out", options.out, "--demo", options.demo, "--only-compile"])
    run = Run(options, size, SHARES, CLOSING)
    run.begin = begin
    choose_speed(run)
    text_encoder = text_encoder.to(run.device)
    autoencoder = channels_last(load_autoencoder(options.demo).to(run.device))
    run.notes["autoencoder PSNR"] = autoencoder_decibels(run, autoencoder)
    model = VideoTransformer(config).to(run.device)
    run.notes["parameters"] = count(model)
    run.say(f"{count(model):,} parameters an expert, {run.notes['autoencoder PSNR']} dB of the autoencoder")
    banks = []
    for renderer, seconds in zip(renderers(size, run.device), size["fill_seconds"]):
        banks.append(Bank(run, autoencoder, images=False, renderer=renderer))
        banks[-1].fill(size["capacity"], seconds)
    if run.device == "cuda":
        try:
            compiling.wait(60)
        except subprocess.TimeoutExpired:
            compiling.kill()  # what it has not done is done below
    for batch, grid in shapes(size):
        compile_blocks(run.device, batch, config, grid)
    small, large = banks
    model = train_denoiser(run, "sketch", model, text_encoder, small, 0.0, 1.0, options.rate, False,
                           size["sketch_batch"], warmup=200)[0]
    del small, banks
    model = train_denoiser(run, "joint", model.requires_grad_(True), text_encoder, large, 0.0, 1.0, options.rate * 0.7, False)[0]
    experts = []
    for name, low, high in (("low", 0.0, T2V_BOUNDARY), ("high", T2V_BOUNDARY, 1.0)):
        start = copy.deepcopy(model).requires_grad_(True)
        expert = train_denoiser(run, name, start, text_encoder, large, low, high, options.rate * 0.4, False)[0]
        save_expert(expert, run.out / "checkpoint" / f"{name}_noise_model", "t2v")
        experts.append(expert)
    save_lora(model, experts[0], size["rank"], run.out / "lora.safetensors")
    link_shared(run.out / "checkpoint", options.demo.resolve())
    run.write_log(run.out / "log.json")
    studio = Studio(text_encoder, autoencoder, run.tokenizer, run.text_length, run.device)
    run.write_log(run.out / "log.json", **report(run, studio, [rounded_copy(expert) for expert in experts]))
    run.say("the judge is whole")


if __name__ == "__main__":
    main()
