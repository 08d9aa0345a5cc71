"""Times the reference's transformer block (Wan-Video/Wan2.2 at 42bf4cf, wan/modules/model.py) as
one of 8 GPUs does it, written anew in plain PyTorch: eager, bf16, cuDNN attention.

usage: reference_block.py OUTPUT.json
"""
import json
import statistics
import sys

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

DIM, WIDE, HEADS, SIZE, TOKENS, WORDS, SHARE = 5120, 13824, 40, 128, 75600, 512, 8
ROWS = TOKENS // SHARE


def weight(*sizes):
    return torch.randn(*sizes, device="cuda", dtype=torch.bfloat16) / sizes[-1] ** 0.5


def rms(x, gain):
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)).type_as(x) * gain


def rotate(x, turns):
    pairs = torch.view_as_complex(x.to(torch.float64).reshape(ROWS, HEADS, SIZE // 2, 2))
    return torch.view_as_real(pairs * turns).flatten(2).float()


def norm(x):
    return layer_norm(x.float(), (DIM,), eps=1e-6)


def attend(q, k, v):
    with sdpa_kernel([SDPBackend.CUDNN_ATTENTION]):
        out = scaled_dot_product_attention(
            q.transpose(0, 1)[None], k.transpose(0, 1)[None], v.transpose(0, 1)[None]
        )
    return out[0].transpose(0, 1)


def main():
    square = {name: weight(DIM, DIM) for name in ("q", "k", "v", "o", "cross_q", "cross_o")}
    up, down = weight(WIDE, DIM), weight(DIM, WIDE)
    gain = torch.ones(DIM, device="cuda", dtype=torch.bfloat16)
    bias = torch.zeros(DIM, device="cuda", dtype=torch.bfloat16)
    wide_bias = torch.zeros(WIDE, device="cuda", dtype=torch.bfloat16)
    words_k = torch.randn(WORDS, HEADS, SIZE, device="cuda", dtype=torch.bfloat16)
    words_v = torch.randn_like(words_k)
    angles = torch.rand(ROWS, 1, SIZE // 2, device="cuda", dtype=torch.float64)
    turns = torch.polar(torch.ones_like(angles), angles)
    # the reference holds one modulation a token
    parts = [0.1 * torch.randn(ROWS, DIM, device="cuda") for _ in range(6)]
    x = torch.randn(ROWS, DIM, device="cuda")

    def apply(h, name):
        return linear(h.to(torch.bfloat16), square[name], bias)

    def exchanged(h):
        return h.reshape(TOKENS, HEADS // SHARE, SIZE)

    def block(x):
        h = norm(x) * (1 + parts[1]) + parts[0]
        q = rotate(rms(apply(h, "q"), gain).view(ROWS, HEADS, SIZE), turns)
        k = rotate(rms(apply(h, "k"), gain).view(ROWS, HEADS, SIZE), turns)
        v = apply(h, "v").view(ROWS, HEADS, SIZE)
        a = attend(exchanged(q.bfloat16()), exchanged(k.bfloat16()), exchanged(v))
        x = x + apply(a.reshape(ROWS, DIM), "o") * parts[2]
        q = rms(apply(norm(x), "cross_q"), gain).view(ROWS, HEADS, SIZE)
        x = x + apply(attend(q, words_k, words_v).reshape(ROWS, DIM), "cross_o")
        h = norm(x) * (1 + parts[4]) + parts[3]
        h = gelu(linear(h.to(torch.bfloat16), up, wide_bias), approximate="tanh")
        return x + linear(h, down, bias) * parts[5]

    heads = [
        torch.randn(TOKENS, HEADS // SHARE, SIZE, device="cuda", dtype=torch.bfloat16)
        for _ in range(3)
    ]
    works = {"block": lambda: block(x), "self-attention alone": lambda: attend(*heads)}
    times = {name: [] for name in works}
    with torch.inference_mode():
        for run in range(14):
            for name, work in works.items():
                start = torch.cuda.Event(enable_timing=True)
                end = torch.cuda.Event(enable_timing=True)
                start.record()
                work()
                end.record()
                end.synchronize()
                if run >= 3:
                    times[name].append(start.elapsed_time(end))
    rest = [a - b for a, b in zip(times["block"], times["self-attention alone"])]
    times["time less self-attention"] = rest
    parameters = {"implementation": "PyTorch eager", "precision": "bf16", "share": SHARE}
    results = [
        {
            "benchmark": "reference block",
            "parameters": parameters,
            "metric": "time" if name == "block" else name,
            "unit": "ms",
            "median": statistics.median(values),
            "min": min(values),
            "max": max(values),
            "runs": len(values),
        }
        for name, values in times.items()
    ]
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(
            {
                "device": torch.cuda.get_device_name(),
                "driver": "serves CUDA " + torch.version.cuda,
                "libraries": {
                    "PyTorch": torch.__version__,
                    "cuDNN": str(torch.backends.cudnn.version()),
                },
                "commit": "reference",
                "date": __import__("datetime").date.today().isoformat(),
                "results": results,
            },
            file,
            indent=2,
        )


if __name__ == "__main__":
    main()
