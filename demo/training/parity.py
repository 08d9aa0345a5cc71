"""Writes reference cases of the demo checkpoint for `wan4j verify`, and the demo's picture.

    python parity.py --checkpoint ../checkpoint --out ../../src/test/resources/golden/demo --picture ../picture.png

Everything is computed on the CPU in float32 with the bf16 weights as stored: two small pipelines with
saved noise, and one forward of each kind of transformer.
"""

import argparse
import json
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

import captions
from dataset import FRAMES, Renderer
from evaluate import I2V_BOUNDARY, NEGATIVE, T2V_BOUNDARY
from export import load_autoencoder, load_experts, load_text_encoder
from sampler import generate, schedule
from tokenizer import Tokenizer

SIDE, LENGTH, STEPS, SHIFT, GUIDANCE, SEED = 48, 9, 6, 5.0, (3.0, 4.0), 20
NOTE = ("checkpoint is relative to src/test/resources/golden; it is the folder demo/checkpoint of this repository. "
        "Computed by demo/training/parity.py")


def picture():
    """The first frame [3,H,W] of a drawn clip: a yellow star on a dark blue ground."""
    torch.manual_seed(3)
    scene = (1, captions.COLOR_NAMES.index("yellow"), captions.SHAPE_NAMES.index("star"), 2, captions.RIGHT,
             0, 0, 0, 0, 0, captions.GROUND_NAMES.index("navy"))
    return Renderer("cpu").clips(torch.tensor([scene]), FRAMES)[0][0, :, 0]


def to_bytes(image):
    """[3,...] in [-1,1] to uint8 with the channels last, truncated as the reference saves frames."""
    return ((image.clamp(-1, 1) + 1) / 2 * 255).to(torch.uint8).movedim(0, -1).contiguous()


def trimmed(encoder, tokenizer, text, length):
    """Text states [L,dim] without the padding."""
    ids = torch.tensor([tokenizer.ids(text, length)])
    return encoder(ids)[0][:int((ids != 0).sum())]


def write(folder, record, tensors):
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.contiguous().clone() for name, value in tensors.items()}
    kinds = {name: {"shape": list(value.shape), "dtype": str(value.dtype).split(".")[1]} for name, value in tensors.items()}
    (folder / "case.json").write_text(
        json.dumps({**record, "notes": NOTE, "tensors": kinds}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    save_file(tensors, folder / "case.safetensors")


def pipeline_case(root, name, prompt, image, out):
    experts, autoencoder, encoder = load_experts(root / name), load_autoencoder(root / name), load_text_encoder(root / name)
    tokenizer = Tokenizer(root / name / "google/umt5-xxl")
    length = experts[0].config["text_len"]
    boundary = T2V_BOUNDARY if image is None else I2V_BOUNDARY
    text, negative = (trimmed(encoder, tokenizer, words, length) for words in (prompt, NEGATIVE))
    noise = torch.randn(16, 1 + (LENGTH - 1) // 4, SIDE // 8, SIDE // 8, generator=torch.Generator().manual_seed(SEED))
    tensors, condition = {"in.noise": noise}, None
    if image is not None:
        small = F.interpolate((image.movedim(-1, 0).float() / 255 - 0.5)[None] / 0.5, size=(SIDE, SIDE), mode="bicubic")
        video = torch.zeros(1, 3, LENGTH, SIDE, SIDE)
        video[:, :, 0] = small
        latents = autoencoder.encode(video)
        mask = torch.zeros_like(latents[:, :4])
        mask[:, :, 0] = 1
        condition = torch.cat([mask, latents], dim=1)
        tensors |= {"in.image_u8": image, "mid.y": condition[0]}
    trace = {}
    generate(experts, boundary, noise[None], text[None], negative[None], condition, STEPS, SHIFT, GUIDANCE, trace)
    latents = torch.cat(trace["latents"])
    video = autoencoder.decode(latents[-1:])[0].clamp(-1, 1)
    levels, times = schedule(STEPS, SHIFT)
    tensors |= {
        "mid.context_cond": text, "mid.context_uncond": negative, "mid.sigmas": levels, "mid.timesteps": torch.tensor(times),
        "mid.latent_start": noise, "mid.latents": latents, "mid.step0_noise_pred": trace["guided"][0],
        "mid.step0_noise_pred_cond": trace["cond"][0], "mid.step0_noise_pred_uncond": trace["uncond"][0],
        "out.video": video, "out.frames_u8": to_bytes(video)}
    arguments = {"prompt": prompt, "n_prompt": "", "frame_num": LENGTH, "shift": SHIFT, "solver": "unipc", "steps": STEPS,
                 "guide_scale": list(GUIDANCE), "seed": SEED, "boundary": boundary, "negative_used": NEGATIVE}
    arguments |= {"size": [SIDE, SIDE]} if image is None else {"max_area": SIDE * SIDE, "image_size_wh": [image.shape[1], image.shape[0]]}
    record = {"kind": "pipeline", "checkpoint": f"../../../../demo/checkpoint/{name}", "case": f"demo {name}", "args": arguments,
              "seq_len": noise[0].numel() // 4, "experts_per_step": trace["experts"], "steps": STEPS,
              "tolerance_rel_l2": {"step0": 2e-5, "latents": 1e-4, "video": 1e-4,
                                   "frames_u8": "max abs diff 1, on fewer than 0.5% of values"}}
    write(out / f"{name}-pipeline", record, tensors)
    if image is not None:
        Image.fromarray(image.numpy()).save(out / f"{name}-pipeline" / "image.png")
    x = latents[2]
    t = torch.tensor([times[3]])
    expert = int(times[3] >= boundary * 1000)
    inputs = x[None] if condition is None else torch.cat([x[None], condition], dim=1)
    forward = {"in.x": x, "in.t": t, "in.context": text, "in.seq_len": torch.tensor([noise[0].numel() // 4], dtype=torch.int32),
               "out.x": experts[expert](inputs, t.float(), text[None])[0]}
    if condition is not None:
        forward["in.y"] = condition[0]
    folder = ("low_noise_model", "high_noise_model")[expert]
    write(out / f"{name}-dit", {"kind": "dit", "checkpoint": f"../../../../demo/checkpoint/{name}/{folder}",
                                "case": "DiT forward", "tolerance_rel_l2": 2e-5}, forward)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--picture", type=Path, required=True)
    options = parser.parse_args()
    image = to_bytes(picture())
    Image.fromarray(image.numpy()).save(options.picture)
    read_back = torch.from_numpy(numpy.array(Image.open(options.picture)))
    pipeline_case(options.checkpoint, "t2v", "a red star moves left on a gray background", None, options.out)
    pipeline_case(options.checkpoint, "i2v", "一个黄色的星星向右移动", read_back, options.out)


if __name__ == "__main__":
    main()
