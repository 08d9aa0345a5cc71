"""Compares the networks in this folder and sampler.py with reference cases.

    python check.py --golden FOLDER

FOLDER holds `ckpt/`, `s2v-ckpt/`, `animate-ckpt/` and the cases `vae21`, `vae22`, `umt5`, `dit`, `pipeline`, `s2v-dit-*`,
`s2v-wav2vec-24layer`, `animate-clip`, `animate-dit-*`, `animate-face-*` and `animate-motion-encoder-tiny` (case.json and
case.safetensors), which the public Wan2.2 code computed. Prints the relative L2 errors and fails above 1e-4.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from clip_vision import load_clip
from export import (load_autoencoder, load_autoencoder22, load_character_transformer, load_expert, load_experts,
                    load_speech_transformer, load_text_encoder)
from sampler import generate
from wav2vec2 import heard, load_recognizer


def distance(got, expected):
    """Relative L2 error."""
    return ((got - expected).norm() / expected.norm()).item()


def check_case(folder, golden):
    case = json.loads((folder / "case.json").read_text())
    data = load_file(folder / "case.safetensors")
    checkpoint = golden / case["checkpoint"]
    kind = case["kind"]
    if kind in ("vae21", "vae22"):
        model = load_autoencoder(checkpoint) if kind == "vae21" else load_autoencoder22(checkpoint)
        if "in.video" in data:
            return {"latent": distance(model.encode(data["in.video"][None])[0], data["out.latent"])}
        return {"video": distance(model.decode(data["in.latent"][None])[0], data["out.video_unclamped"])}
    if kind == "umt5":
        states = load_text_encoder(checkpoint)(data["in.ids"].long())
        return {name: distance(states[int(name.split(".")[-1])][:len(data[name])], data[name])
                for name in data if name.startswith("out.context")}
    if kind == "dit" and checkpoint.name.startswith("ti2v"):
        x = data["in.x"][None]
        area = x.shape[3] * x.shape[4] // 4
        times = data["in.t"].float().flatten()[:x.shape[2] * area:area][None]  # one for each frame
        return {"x": distance(load_expert(checkpoint)(x, times, data["in.context"][None])[0], data["out.x"])}
    if kind == "dit":
        model = load_experts(checkpoint.parent)[int(checkpoint.name.startswith("high"))]
        x = data["in.x"] if "in.y" not in data else torch.cat([data["in.x"], data["in.y"]])
        return {"x": distance(model(x[None], data["in.t"].float(), data["in.context"][None])[0], data["out.x"])}
    arguments = case["args"]
    condition = data["mid.y"][None] if "mid.y" in data else None
    trace = {}
    guide = arguments["guide_scale"]
    if checkpoint.name.startswith("ti2v"):
        single, first = (load_expert(checkpoint),) * 2, data["mid.z_image"][None] if "mid.z_image" in data else None
        generate(single, 0.0, data["in.noise"][None], data["mid.context_cond"][None], data["mid.context_uncond"][None],
                 None, arguments["steps"], arguments["shift"], (guide,) * 2, trace, first)
        latents = torch.cat(trace["latents"])
        video = load_autoencoder22(checkpoint).decode(latents[-1:]).clamp(-1, 1)[0]
        return {"latents": distance(latents, data["mid.latents"]), "video": distance(video, data["out.video"])}
    generate(load_experts(checkpoint), arguments["boundary"], data["in.noise"][None],
             data["mid.context_cond"][None], data["mid.context_uncond"][None], condition,
             arguments["steps"], arguments["shift"], guide, trace)
    latents = torch.cat(trace["latents"])
    video = load_autoencoder(checkpoint).decode(latents[-1:]).clamp(-1, 1)[0]
    return {"latents": distance(latents, data["mid.latents"]), "video": distance(video, data["out.video"])}


def check_speech(golden):
    """Errors by the name of the case for speech to video: the speech network, and the transformer for clips that
    begin a video or go on from one."""
    checkpoint = golden / "s2v-ckpt"
    data = load_file(golden / "s2v-wav2vec-24layer/case.safetensors")
    states = load_recognizer(checkpoint).wav2vec2(data["in.waveform16k"][None])
    out = {"s2v-wav2vec-24layer": {
        "states": distance(states[0], data["out.hidden_states"]),
        "heard": distance(heard(states, 0, data["out.audio_embed_8"].shape[3]), data["out.audio_embed_8"])}}
    model = load_speech_transformer(checkpoint)
    for name in ("s2v-dit-clip0-nopose", "s2v-dit-clip1-pose", "s2v-dit-clip1-short-motion"):
        call = json.loads((golden / name / "case.json").read_text())["config"]["call"]
        data = load_file(golden / name / "case.safetensors")
        sound = data["in.audio_input"]
        sound = torch.cat([sound[..., :1].expand(-1, -1, -1, call["motion_frames"]), sound], dim=3)
        given = {"motion": None if call["drop"] else data["in.motion_latents"][None],
                 "pose": data["in.cond_states"][None] if call["pose"] else None}
        velocity = model(data["in.x"][None], data["in.t"].float(), data["in.context"][None], sound,
                         data["in.ref_latents"][None], **given)[0]
        out[name] = {"velocity": distance(velocity, data["out.velocity"])}
    return out


def scaled(pictures):
    """Bytes [...,H,W,3] to numbers [...,3,H,W] in [-1,1]."""
    return (pictures.float() / 127.5 - 1).movedim(-1, -3)


def check_character(golden):
    """Errors by the name of the case for character animation: networks by themselves, then the whole transformer."""
    checkpoint, out = golden / "animate-ckpt", {}

    def case(name):
        return load_file(golden / name / "case.safetensors")
    data = case("animate-clip")
    heads = json.loads((golden / "animate-clip/case.json").read_text())["config"]["clip"]["vision_heads"]
    features = load_clip(checkpoint, heads)(scaled(data["in.image_u8"])[None])
    out["animate-clip"] = {"features": distance(features, data["out.features"])}
    model = load_character_transformer(checkpoint)
    data = case("animate-motion-encoder-tiny")
    out["animate-motion-encoder-tiny"] = {"motion": distance(model.motion_encoder(scaled(data["in.face_u8"])), data["out.motion"])}
    data = case("animate-face-encoder")
    out["animate-face-encoder"] = {"tokens": distance(model.face_encoder(data["in.motion"]), data["out.tokens"])}
    data = case("animate-face-block")
    seen = model.face_adapter["fuser_blocks"][0](data["in.x"], data["in.motion_vec"])
    out["animate-face-block"] = {"residual": distance(seen, data["out.residual"])}
    for name in ("animate-dit-a", "animate-dit-b", "animate-dit-1frame"):
        data = case(name)
        velocity = model(data["in.x"][None], data["in.t"].float(), data["in.context"][None], data["in.clip_fea"],
                         data["in.y"][None], data["in.pose_latents"][None], scaled(data["in.face_u8"])[None])[0]
        out[name] = {"velocity": distance(velocity, data["out.velocity"])}
    return out


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--golden", type=Path, required=True)
    golden = parser.parse_args().golden
    names = ["vae21/encode-9x32x48", "vae21/encode-13x40x24", "vae21/encode-image", "vae21/decode-1x4x6",
             "vae21/decode-5x3x2", "vae21/decode-3x4x6", "umt5/a-mixed", "umt5/a-long200", "dit/t2v-5x3x7",
             "dit/i2v-2x5x3", "pipeline/t2v-unipc", "pipeline/i2v-unipc", "vae22/encode-9x64x96", "vae22/decode-4x2x3",
             "dit/ti2v-3x4x6-firstframe0", "pipeline/ti2v-text-unipc", "pipeline/ti2v-image-unipc"]
    found = {}
    for name in names:
        folder = golden / name
        if not folder.is_dir():
            folder = golden / "cases" / name
        found[name] = check_case(folder, golden)
    found.update(check_speech(golden))
    found.update(check_character(golden))
    worst = 0.0
    for name, errors in found.items():
        worst = max(worst, *errors.values())
        print(name, {key: f"{value:.2e}" for key, value in errors.items()})
    if worst > 1e-4:
        raise SystemExit(f"the worst error is {worst:.2e}, expected at most 1e-4")


if __name__ == "__main__":
    main()
