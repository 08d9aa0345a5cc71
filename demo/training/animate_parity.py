"""Writes reference cases of the demo's Animate checkpoint for `wan4j verify`.

    python animate_parity.py --checkpoint ../checkpoint/animate --out ../../src/test/resources/golden/demo

Everything is computed on the CPU in float32 with the bf16 weights as stored: a small animation and a small replacement
with saved noise, and one forward of the transformer.
"""

import argparse
import os
from pathlib import Path

import torch

from animate import PROMPT, Networks
from animation import Studio, bytes_of
from clip_vision import HEADS, load_clip
from evaluate import NEGATIVE
from export import load_autoencoder, load_character_transformer, load_text_encoder
from parity import trimmed, write
from sampler import generate
from tokenizer import Tokenizer

SIDE, LENGTH, STEPS, SHIFT, SEED = 48, 9, 4, 5.0, 20
TOLERANCE, FORWARD_TOLERANCE = 1e-4, 2e-5


def as_saved(pixels):
    """Numbers in [-1,1] as bytes give them back."""
    return ((pixels + 1) * 127.5).round() / 127.5 - 1


def drawn(studio, replaced):
    """A scene whose pictures have passed through bytes, as those of a folder have."""
    torch.manual_seed(SEED)
    scene = studio.scene(1, LENGTH, replaced=torch.tensor([replaced]), margins=(9, 9))
    scene.picture, scene.background = as_saved(scene.picture), as_saved(scene.background)
    return scene


def inputs_of(scene, replaced):
    """What the folder of a driving video holds, by the names of reference cases."""
    none = torch.zeros(1, dtype=torch.long)
    tensors = {"in.src_ref": bytes_of(scene.picture)[0], "in.src_pose": bytes_of(scene.pose),
               "in.src_face": bytes_of(scene.faces.transpose(1, 2))}
    if replaced:
        tensors |= {"in.src_bg": bytes_of(scene.beside(none)), "in.src_mask": scene.mask[0, 0].to(torch.uint8) * 255}
    return tensors


class Cases:
    """Writes cases of one checkpoint into a folder."""

    def __init__(self, root, out):
        self.root, self.out = root, out
        self.model, encoder = load_character_transformer(root), load_text_encoder(root)
        self.networks = Networks(load_autoencoder(root), load_clip(root))
        self.text = trimmed(encoder, Tokenizer(root / "google/umt5-xxl"), PROMPT, self.model.config["text_len"])
        self.studio = Studio("cpu", SIDE, self.model.face_side)

    def encoded(self, scene):
        parts = self.networks.encode(self, scene, torch.zeros(1, dtype=torch.long))
        return parts, parts["faces"] / 127.5 - 1

    @staticmethod
    def autocast():
        return torch.autocast("cpu", enabled=False)

    def pipeline(self, name, replaced):
        scene = drawn(self.studio, replaced)
        parts, faces = self.encoded(scene)
        noise = torch.randn(parts["clean"].shape, generator=torch.Generator().manual_seed(SEED))

        def network(x, t, text):
            return self.model(x, t, text, parts["picture"], parts["beside"], parts["pose"], faces)
        trace = {}
        generate((network, network), 0.0, noise, self.text[None], self.text[None], None, STEPS, SHIFT, (1.0, 1.0), trace)
        latents = torch.cat(trace["latents"])
        video = self.networks.autoencoder.decode(latents[-1:, :, 1:])[0].clamp(-1, 1)
        tensors = {**inputs_of(scene, replaced), "in.noise_clip0": noise[0], "mid.clip_features": parts["picture"],
                   "mid.ref_image_resized": bytes_of(scene.picture)[0], "mid.context": self.text,
                   "mid.pose_latents_clip0": parts["pose"][0], "mid.y_clip0": parts["beside"][0],
                   "mid.velocity_cond_clip0_step0": trace["cond"][0], "out.latents_steps_clip0": latents, "out.video": video}
        config = {"checkpoint": self._from(self.out / name), "prompt": PROMPT, "negative_prompt": NEGATIVE, "num_clips": 1,
                  "replace_flag": replaced, "use_relighting_lora": False, "clip_len": LENGTH, "refert_num": 1, "shift": SHIFT,
                  "sample_solver": "unipc", "sampling_steps": STEPS, "guide_scale": 1, "seed": SEED,
                  "tiny_overrides": {"clip": {"vision_heads": HEADS}}}
        write(self.out / name, {"kind": "animate-pipeline", "case": f"demo {name}", "config": config,
                                "tolerance_rel_l2": TOLERANCE}, tensors)

    def forward(self, name):
        scene = drawn(self.studio, True)
        parts, faces = self.encoded(scene)
        x = torch.randn(parts["clean"].shape, generator=torch.Generator().manual_seed(SEED))
        t = torch.tensor([700])
        velocity = self.model(x, t.float(), self.text[None], parts["picture"], parts["beside"], parts["pose"], faces)
        tensors = {"in.x": x[0], "in.t": t, "in.y": parts["beside"][0], "in.pose_latents": parts["pose"][0],
                   "in.clip_fea": parts["picture"], "in.context": self.text,
                   "in.face_u8": bytes_of(scene.faces.transpose(1, 2)), "out.velocity": velocity[0]}
        write(self.out / name, {"kind": "animate-dit", "checkpoint": self._from(self.out), "case": "DiT forward",
                                "tolerance_rel_l2": FORWARD_TOLERANCE}, tensors)

    def _from(self, folder):
        return Path(os.path.relpath(self.root.resolve(), folder.resolve())).as_posix()


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    cases = Cases(options.checkpoint, options.out)
    cases.pipeline("animate-pipeline", False)
    cases.pipeline("animate-replacement", True)
    cases.forward("animate-dit")


if __name__ == "__main__":
    main()
