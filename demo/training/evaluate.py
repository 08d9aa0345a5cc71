"""Measures whether generated videos show what their prompts say.

    python evaluate.py --checkpoint ../checkpoint [--device cuda] [--prompts 52] [--sheet FILE]

The colour is there when it covers at least 0.4 % of the first, middle and last three frames; the direction is
right when, besides, the centroid of its pixels moves at least a fifth of the frame that way, and in the other axis
less than half as far; the shape is right when most frames that show the colour's largest patch as a whole, and a
third of all, show that shape (shapes.py). A pixel has a colour when that colour is the nearest of the palette and
within 0.25 of it (Euclidean, sRGB of 0..1).
"""

import argparse
import random
import time
from pathlib import Path

import torch

import captions
from dataset import FRAMES, SIZE, Renderer
from sampler import generate
from shapes import LEAST_SHARE, seen_shape
from sheet import contact_sheet
from tokenizer import Tokenizer

DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
DIRECTION_WORDS = {"left": "moves left", "right": "moves right", "up": "moves up", "down": "moves down"}
T2V_BOUNDARY, I2V_BOUNDARY = 0.875, 0.9
NEGATIVE = captions.NEGATIVES[1]


def test_prompts(count):
    """(prompt, colour, direction, shape) covering all colours, directions, shapes and both languages."""
    out = []
    shapes = list(captions.SHAPES)
    for number in range(count):
        color = captions.COLOR_NAMES[number % len(captions.COLOR_NAMES)]
        direction = list(DIRECTIONS)[(number + number // 4) % 4]
        shape = shapes[(number * 2 + number // 9) % len(shapes)]
        size = ("", "small ", "", "large ", "")[number % 5]
        ground = ("", " on a black background", "", " over a striped navy background", " on a brown background")[number % 5]
        if color == "white" and not ground:
            ground = " on a black background"
        article = "an" if (size + color)[0] in "aeiou" else "a"
        if number % 6 == 5:
            side = captions.CHINESE_SIDE[direction]
            dark = "，黑色背景" if color == "white" else ""
            text = f"一个{captions.COLORS[color][2][0]}的{captions.SHAPES[shape][1][0]}向{side}移动{dark}"
        else:
            text = f"{article} {size}{color} {shape} {DIRECTION_WORDS[direction]}{ground}"
        out.append((text, color, direction, shape))
    return out


def color_mask(video, color):
    """Which pixels [T,H,W] of a video [3,T,H,W] in [-1,1] have the named colour."""
    palette = torch.tensor([entry[0] for entry in captions.COLORS.values()], device=video.device)
    pixels = (video.float().clamp(-1, 1) + 1) / 2
    distance = (pixels[None] - palette[:, :, None, None, None]).square().sum(1).sqrt()
    own = captions.COLOR_NAMES.index(color)
    return (distance.argmin(0) == own) & (distance[own] < 0.25)


def moved(mask, direction):
    """(coverage, movement along the direction, movement across it) of a colour's mask [T,H,W]."""
    mask = mask.float()
    frames, height, width = mask.shape
    x = (torch.arange(width, device=mask.device) + 0.5) / width
    y = (torch.arange(height, device=mask.device) + 0.5) / height
    parts = (mask[:3].sum(0), mask[frames // 2 - 1:frames // 2 + 2].sum(0), mask[-3:].sum(0))
    coverage = min(part.mean().item() / 3 for part in parts)
    if coverage < 0.004:
        return coverage, 0.0, 0.0
    centres = [((part * x[None, :]).sum() / part.sum(), (part * y[:, None]).sum() / part.sum()) for part in parts]
    dx, dy = (centres[2][0] - centres[0][0]).item(), (centres[2][1] - centres[0][1]).item()
    step = DIRECTIONS[direction]
    return coverage, dx * step[0] + dy * step[1], abs(dx * step[1]) + abs(dy * step[0])


def judge(video, color, direction, shape):
    """Which of "colour", "direction" and "shape" a video [3,T,H,W] has, and the figures in words."""
    mask = color_mask(video, color)
    coverage, along, across = moved(mask, direction)
    seen, share = seen_shape(mask)
    good = {"colour": coverage >= 0.004, "direction": coverage >= 0.004 and along >= 0.2 and across < 0.5 * along,
            "shape": seen == shape and share >= LEAST_SHARE}
    return good, f"coverage {coverage:.4f}, along {along:.2f}, across {across:.2f}, seen {seen} in {share:.2f}"


class Studio:
    """A text encoder, an autoencoder and a tokenizer, on one device."""

    def __init__(self, text_encoder, autoencoder, tokenizer, text_length, device):
        self.text_encoder, self.autoencoder, self.tokenizer = text_encoder, autoencoder, tokenizer
        self.text_length, self.device = text_length, device

    def states(self, texts):
        ids = torch.tensor([self.tokenizer.ids(text, self.text_length) for text in texts], device=self.device)
        return self.text_encoder(ids)

    @torch.no_grad()
    def videos(self, experts, texts, seed, boundary=T2V_BOUNDARY, images=None, frames=FRAMES, batch=64, size=SIZE,
               **settings):
        """Videos [B,3,T,H,W] for prompts; `images` [B,3,H,W] makes it image-to-video."""
        out = []
        for start in range(0, len(texts), batch):
            part = texts[start:start + batch]
            generator = torch.Generator().manual_seed(seed + start)
            grid = (1 + (frames - 1) // 4, size // 8, size // 8)
            noise = torch.randn(len(part), 16, *grid, generator=generator).to(self.device)
            condition = None
            if images is not None:
                condition = image_condition(self.autoencoder, images[start:start + batch].to(self.device), frames)
            latents = generate(experts, boundary, noise, self.states(part), self.states([NEGATIVE]).expand(len(part), -1, -1),
                               condition, **settings)
            out.append(self.autoencoder.decode(latents).clamp(-1, 1).cpu())
        return torch.cat(out)


def image_condition(autoencoder, images, frames):
    """Mask and latents [B,20,F,H,W] of first frames [B,3,H,W]: the other frames are mid grey."""
    video = torch.zeros(len(images), 3, frames, *images.shape[2:], device=images.device)
    video[:, :, 0] = images
    latents = autoencoder.encode(video).float()
    mask = torch.zeros_like(latents[:, :4])
    mask[:, :, 0] = 1
    return torch.cat([mask, latents], dim=1)


def first_frames(prompts, device, size=SIZE):
    """A drawn first frame [3,H,W] for each test prompt, as image-to-video would be given."""
    renderer = Renderer(device, torch.Generator(device).manual_seed(77), size)
    source = random.Random(77)
    scenes = []
    for number, (_, color, direction, shape) in enumerate(prompts):
        ground = source.choice([0, 3, 4])
        scenes.append((1, captions.COLOR_NAMES.index(color), captions.SHAPE_NAMES.index(shape), number % 3, captions.MOTIONS.index(direction), 0, 0, 0, 0,
                       1 if number % 4 == 3 else 0, ground))
    video, _ = renderer.clips(torch.tensor(scenes))
    return video[:, :, 0]


def score(videos, prompts, device="cpu", verbose=False):
    """The shares of prompts whose videos have the colour, the direction and the shape."""
    right = dict.fromkeys(("colour", "direction", "shape"), 0)
    for video, (text, *wanted) in zip(videos, prompts):
        good, words = judge(video.to(device), *wanted)
        for name, value in good.items():
            right[name] += value
        if verbose and not all(good.values()):
            print(f"  fails: {text!r}: {words}")
    return {name: round(number / len(prompts), 4) for name, number in right.items()}


SHOW = ["a red ball moves left", "a small blue star moves right over a striped background", "a green triangle moves up",
        "an orange square moves down on a gray background", "a yellow ring is bouncing on a black background",
        "a pink ball orbits", "a cyan star is spinning", "a purple ball grows on a brown background",
        "a red ball moves left and a blue square moves right", "a large white square is spinning on a navy background",
        "一个黄色的星星向右移动", "蓝色的圆环上下弹跳，黑色背景", "a purple dragon eats a green star", "a crimson orb drifts leftwards"]


def main():
    from export import load_autoencoder, load_experts, load_text_encoder
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--prompts", type=int, default=24)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--shift", type=float, default=5.0)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    root = options.checkpoint / "t2v"
    experts = [model.to(options.device) for model in load_experts(root)]
    studio = Studio(load_text_encoder(root).to(options.device), load_autoencoder(root).to(options.device),
                    Tokenizer(root / "google/umt5-xxl"), experts[0].config["text_len"], options.device)
    settings = {"steps": options.steps, "shift": options.shift, "guidance": (options.guidance,) * 2}
    prompts = test_prompts(options.prompts)
    texts = [prompt[0] for prompt in prompts]
    begin = time.time()
    videos = studio.videos(experts, texts, options.seed, batch=8, **settings)
    print(f"text-to-video: of {len(prompts)} prompts are right {score(videos, prompts, verbose=True)} ({time.time() - begin:.0f} s)")
    i2v = [model.to(options.device) for model in load_experts(options.checkpoint / "i2v")]
    pictures = first_frames(prompts, options.device)
    moving = studio.videos(i2v, texts, options.seed, I2V_BOUNDARY, pictures, batch=8, **settings)
    print(f"image-to-video: of {len(prompts)} prompts are right {score(moving, prompts, verbose=True)}")
    if options.sheet:
        shown = studio.videos(experts, SHOW, options.seed, batch=8, **settings)
        contact_sheet(torch.cat([shown, moving[:4]]), SHOW + ["image: " + text for text in texts[:4]], options.sheet, columns=2)


if __name__ == "__main__":
    main()
