"""Writes a full-size checkpoint of random numbers in the original layout, to try whole commands on a GPU with.

usage: random_checkpoint.py TASK TARGET [--golden FOLDER] [--tokenizer FOLDER] [--shared FOLDER] [--holes]

TASK         t2v-A14B, i2v-A14B, ti2v-5B, s2v-14B or animate-14B
TARGET       the checkpoint's folder
--golden     where the lists of names and shapes are (default: the repository's reference cases)
--tokenizer  a folder google/umt5-xxl of any checkpoint (default: the demo's)
--shared     a checkpoint of this script whose umT5 and VAE files are linked instead of written
--holes      zeros that take no room, in the safetensors files alone: for names and shapes without PyTorch

Numbers are normal and scaled by the inputs of their layer, so that activations stay finite.
"""
import argparse
import json
import math
import os
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor

HOME = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
SHARDS = 6
UMT5 = "models_t5_umt5-xxl-enc-bf16.pth"
RELIGHTING = "relighting_lora.ckpt"
CLIP = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"
WAV2VEC2 = "wav2vec2-large-xlsr-53-english"
# What the published config.json of wav2vec2 has beside the sizes of its list.
SOUND = {
    "model_type": "wav2vec2",
    "hidden_act": "gelu",
    "feat_extract_activation": "gelu",
    "layer_norm_eps": 1e-05,
    "conv_dim": [512] * 7,
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
}

parser = argparse.ArgumentParser()
parser.add_argument("task")
parser.add_argument("target")
parser.add_argument("--golden", default=HOME + "/src/test/resources/golden")
parser.add_argument("--tokenizer", default=HOME + "/demo/checkpoint/t2v/google")
parser.add_argument("--shared")
parser.add_argument("--holes", action="store_true")
args = parser.parse_args()
if not args.holes:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"


def listed(name):
    """Returns the config and the names and shapes of a network."""
    for folder in ("manifests", "manifests-s2v-animate"):
        path = f"{args.golden}/{folder}/{name}.json"
        if os.path.exists(path):
            with open(path) as f:
                content = json.load(f)
            return content.get("config", {}), [(name, shape) for name, shape, _ in content["tensors"]]
    raise SystemExit(f"{args.golden} has no list {name}.json")


def mean_and_deviation(name, shape):
    inputs = math.prod(shape[1:]) if len(shape) > 1 else 1
    if name.endswith("bias"):
        return 0, 0.01
    if "norm" in name or "gamma" in name or "ln_" in name or name.endswith(("weight_g", "_encoder.weights")):
        return 1, 0.02
    if "modulation" in name or "mask" in name or name.endswith(("_embedding", "_embed", "_tokens")):
        return 0, 0.02
    if name.startswith("motion_encoder.") and len(shape) > 1:
        return 0, 1  # layers scale these themselves when they run
    return 0, 0.7 / math.sqrt(inputs)


def values(name, shape, dtype, generator):
    mean, deviation = mean_and_deviation(name, shape)
    many = math.prod(shape) > 1e7
    t = torch.randn(shape, device=device, dtype=torch.bfloat16 if many else torch.float32, generator=generator)
    return (t * deviation + mean).to(dtype).cpu()


def generator(seed):
    return torch.Generator(device).manual_seed(seed)


def safetensors(path, entries, dtype, size, seed):
    head, offset = {}, 0
    for name, shape in entries:
        end = offset + size * math.prod(shape)
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb", buffering=0) as f:
        f.write(struct.pack("<Q", len(text)) + text)
        if args.holes:
            f.truncate(8 + len(text) + offset)
            return offset
        kind = {"BF16": torch.bfloat16, "F32": torch.float32}[dtype]
        random = generator(seed)
        for name, shape in entries:
            t = values(name, shape, kind, random)
            rest = memoryview(t.contiguous().view(torch.uint8).numpy().reshape(-1))
            while len(rest) > 0:  # a write takes 2 GB at most
                rest = rest[f.write(rest):]
    return offset


def transformer(pool, folder, config, entries, seed):
    """Begins to write a transformer; returns what is to be waited for."""
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/config.json", "w") as f:
        json.dump(config, f)
    per = -(-len(entries) // SHARDS)
    files, places, sizes = [], {}, 0
    for shard in range(SHARDS):
        part = entries[shard * per:(shard + 1) * per]
        file = f"diffusion_pytorch_model-{shard + 1:05d}-of-{SHARDS:05d}.safetensors"
        files.append(pool.submit(safetensors, f"{folder}/{file}", part, "BF16", 2, seed + shard))
        places.update({name: file for name, _ in part})
        sizes += sum(2 * math.prod(shape) for _, shape in part)
    with open(folder + "/diffusion_pytorch_model.safetensors.index.json", "w") as f:
        json.dump({"metadata": {"total_size": sizes}, "weight_map": places}, f)
    return files


def pickled(path, entries, dtype, seed, wrapper=None):
    random = generator(seed)
    state = {name: values(name, shape, dtype, random) for name, shape in entries}
    torch.save({wrapper: state} if wrapper else state, path)


def main():
    os.makedirs(args.target, exist_ok=True)
    config, entries = listed("dit-" + args.task)
    config.setdefault("model_type", args.task.split("-")[0])
    vae = "vae-wan2.2" if args.task == "ti2v-5B" else "vae-wan2.1"
    vae_file = vae.replace("vae-wan", "Wan") + "_VAE.pth"
    with ThreadPoolExecutor(2 * SHARDS) as pool:
        parts = []
        for part, seed in {"high_noise_model": 100, "low_noise_model": 200}.items():
            if args.task.endswith("A14B"):
                parts += transformer(pool, f"{args.target}/{part}", config, entries, seed)
        if not args.task.endswith("A14B"):
            parts += transformer(pool, args.target, config, entries, 100)
        if args.shared:
            for file in (UMT5, vae_file):
                os.symlink(os.path.abspath(f"{args.shared}/{file}"), f"{args.target}/{file}")
        elif not args.holes:
            umt5 = listed("umt5-xxl-encoder")[1]
            parts.append(pool.submit(pickled, f"{args.target}/{UMT5}", umt5, torch.bfloat16, 300))
            parts.append(pool.submit(pickled, f"{args.target}/{vae_file}", listed(vae)[1], torch.float32, 400))
        if args.task == "s2v-14B":
            folder = f"{args.target}/{WAV2VEC2}"
            os.makedirs(folder, exist_ok=True)
            sizes, sound = listed(WAV2VEC2)
            with open(folder + "/config.json", "w") as f:
                json.dump(SOUND | sizes, f)
            parts.append(pool.submit(safetensors, folder + "/model.safetensors", sound, "F32", 4, 500))
        if args.task == "animate-14B" and not args.holes:
            clip = listed("clip-vit-h-14")[1]
            parts.append(pool.submit(pickled, f"{args.target}/{CLIP}", clip, torch.float16, 600))
            lora = listed("relighting-lora")[1]
            parts.append(
                pool.submit(pickled, f"{args.target}/{RELIGHTING}", lora, torch.float32, 700, "state_dict"))
        for part in parts:
            part.result()
    shutil.copytree(args.tokenizer, args.target + "/google", dirs_exist_ok=True)


main()
