"""Trains the demo's TI2V model (text, or text and a first picture, to video) within a given number of minutes.

    python ti2v.py --out FOLDER --demo ../checkpoint/t2v --minutes 9 --side 128 --frames 33

The model has the architecture of Wan2.2-TI2V-5B: an autoencoder of 48 channels and 16x16 pixels a latent, one
transformer, a time for each token. Text encoder and tokenizer are those of the text-to-video model, which stay
as they are. FOLDER/checkpoint is then a checkpoint in the layout of the original download, with links to the
files of --demo. With --resume the autoencoder of such a checkpoint stays as it is, and all of the time is the
transformer's, which goes on from what it is there, or begins anew where its sizes differ. --micro runs all of it on a
CPU with a toy configuration.
"""

import subprocess
import sys
from pathlib import Path

import torch

import dataset
from evaluate import NEGATIVE, first_frames, score, test_prompts
from export import (AUTOENCODER22_FILE, TEXT_ENCODER_FILE, link_shared, load_autoencoder22, load_expert,
                    load_text_encoder, save_autoencoder, save_expert)
from sampler import generate
from sheet import contact_sheet
from training import (SHIFT, TEXT_LENGTH, Bank, Run, channel_weights, channels_last, choose_speed, common_flags,
                      compile_blocks, count, latent_grid, read_flags, report_autoencoder, rounded_copy, sharpen,
                      train_autoencoder, train_denoiser)
from transformer import VideoTransformer
from vae22 import VideoAutoencoder22

SHARES = {"sketch": 0.06, "autoencoder": 0.30, "sharpen": 0.08, "joint": 0.56}
FULL = {"base": 16, "bases": (8, 16), "dim": 192, "ffn_dim": 352, "num_heads": 6, "num_layers": 4, "batch": 256,
        "clips": (32, 16, 6), "encode": 32, "scenes": 150_000, "workers": 14, "fill_seconds": 12, "capacity": 60_000,
        "refresh": 0.003, "prompts": 60, "closing": 30}
MICRO = {"base": 4, "bases": (4, 4), "dim": 64, "ffn_dim": 96, "num_heads": 2, "num_layers": 2, "batch": 4,
         "clips": (2, 2, 1), "encode": 2, "scenes": 200, "workers": 1, "fill_seconds": 2, "capacity": 32,
         "refresh": 0.005, "prompts": 2, "closing": 0}
GUIDANCES = (2.0, 4.0)  # that the report tries
GIVEN = 0.5  # of the clips, those whose first frame is given


@torch.no_grad()
def videos(run, model, autoencoder, text_encoder, texts, images=None, guidance=4.0, batch=16):
    """Videos [B,3,T,H,W] for prompts; `images` [B,3,H,W] are first frames."""
    def states(part):
        return text_encoder(torch.tensor([run.tokenizer.ids(text, run.text_length) for text in part], device=run.device))

    out = []
    for start in range(0, len(texts), batch):
        part = texts[start:start + batch]
        shape = (len(part), autoencoder.CHANNELS, *latent_grid(run.renderer, autoencoder.STRIDE))
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(1000 + start)).to(run.device)
        first = None if images is None else autoencoder.encode(images[start:start + batch].to(run.device)[:, :, None])
        latents = generate((model, model), 0.0, noise, states(part), states([NEGATIVE]).expand(len(part), -1, -1),
                           steps=2 if run.options.micro else 20, shift=SHIFT, guidance=(guidance, guidance), first=first)
        out.append(autoencoder.decode(latents).clamp(-1, 1).cpu())
    return torch.cat(out)


def report(run, model, autoencoder, text_encoder):
    """The shares of prompts that are followed without and with a picture, by guidance, and contact sheets."""
    prompts = test_prompts(run.size["prompts"])
    texts = [prompt[0] for prompt in prompts]
    pictures = first_frames(prompts, run.device, run.renderer.size)
    shown = min(12, len(texts))
    followed = {}
    for guidance in GUIDANCES:
        made = {name: videos(run, model, autoencoder, text_encoder, texts, images, guidance)
                for name, images in (("text", None), ("picture", pictures))}
        contact_sheet(torch.cat([clips[:shown] for clips in made.values()]),
                      [f"{name}: {text}" for name in made for text in texts[:shown]],
                      run.out / f"ti2v-{guidance:.0f}-sheet.png", columns=2)
        followed[f"guidance {guidance}"] = {name: score(clips, prompts, run.device, True) for name, clips in made.items()}
        run.say(f"of {len(prompts)} prompts are right {followed[f'guidance {guidance}']} with guidance {guidance}")
    return followed


def same_sizes(one, other):
    """Whether two models' parameters have the same shapes."""
    return [part.shape for part in one.parameters()] == [part.shape for part in other.parameters()]


def main():
    parser = common_flags(minutes=9.0, rate=1.4e-3)
    parser.add_argument("--resume", type=Path, help="a checkpoint of TI2V whose autoencoder stays")
    parser.add_argument("--only-compile", action="store_true", help="fill the compiler's cache and stop")
    options, size = read_flags(parser, FULL, MICRO)
    text_encoder = load_text_encoder(options.demo)
    config = {"in_dim": 48, "out_dim": 48, "freq_dim": 128, "text_len": TEXT_LENGTH,
              "text_dim": text_encoder.token_embedding.weight.shape[1],
              **{name: size[name] for name in ("dim", "ffn_dim", "num_heads", "num_layers")}}
    grid = latent_grid(dataset.Renderer("cpu", size=options.side, frames=options.frames), VideoAutoencoder22.STRIDE)
    if options.only_compile:
        compile_blocks(options.device, size["batch"], config, grid, grid[0])
        return
    if options.device == "cuda" and not options.resume:  # fills the compiler's cache while the autoencoder trains
        subprocess.Popen([sys.executable, __file__, *sys.argv[1:], "--only-compile"])
    run = Run(options, size, {"joint": 1.0} if options.resume else SHARES, size["closing"])
    choose_speed(run)
    text_encoder = text_encoder.to(run.device)
    if options.resume:
        autoencoder = channels_last(load_autoencoder22(options.resume).to(run.device))
        report_autoencoder(run, autoencoder)
    else:
        autoencoder = sharpen(run, train_autoencoder(run, VideoAutoencoder22(*size["bases"])))
    checkpoint = run.out / "checkpoint"
    save_autoencoder(autoencoder, checkpoint)
    model, rate = VideoTransformer(config), options.rate
    if options.resume and same_sizes(earlier := load_expert(options.resume), model):
        model, rate = earlier.requires_grad_(True), options.rate / 2
        run.say("the transformer goes on from what it was")
    model = model.to(run.device)
    run.notes["parameters"] = {"transformer": count(model), "autoencoder": count(autoencoder)}
    run.say(f"parameters: {run.notes['parameters']}")
    bank = Bank(run, autoencoder, images=False)
    bank.fill(size["capacity"], size["fill_seconds"])
    compile_blocks(run.device, size["batch"], config, grid, grid[0])
    model = train_denoiser(run, "joint", model, text_encoder, bank, 0.0, 1.0, rate, False, warmup=200, given=GIVEN,
                           channels=channel_weights(run, autoencoder))[0]
    save_expert(model, checkpoint, "ti2v")
    link_shared(checkpoint, options.demo.resolve(), (TEXT_ENCODER_FILE, "google"))
    run.write_log(run.out / "log.json")
    run.say(f"{AUTOENCODER22_FILE} and the transformer are there")
    run.write_log(run.out / "log.json", followed=report(run, rounded_copy(model), autoencoder, text_encoder))


if __name__ == "__main__":
    main()
