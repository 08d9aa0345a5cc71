"""A diffusion transformer of the Wan2.2 shape: parameter names follow Wan-Video/Wan2.2,
wan/modules/model.py. All clips of a batch share one grid; times are a clip's, or a frame's of the latents."""

import functools
import math

import torch
import torch.nn.functional as F
from torch import nn

PATCH = (1, 2, 2)


class Settings:
    """Switches that change the speed of a layer and never its result."""

    compiled_block = None  # a compiled Block.forward, filled by train.py


def sinusoid(dim, t):
    """[B] times to [B,dim]: cosines, then sines, computed in float64."""
    half = dim // 2
    rate = torch.pow(10000.0, -torch.arange(half, device=t.device, dtype=torch.float64) / half)
    angle = t.double()[:, None] * rate
    return torch.cat([angle.cos(), angle.sin()], dim=1).float()


@functools.lru_cache(maxsize=16)
def rotary(grid, head_dim, device):
    """Cosines and sines [F*H*W, head_dim/2] of the three axes, each with its own ladder."""
    widths = (head_dim - 4 * (head_dim // 6), 2 * (head_dim // 6), 2 * (head_dim // 6))
    parts = []
    for axis, width in enumerate(widths):
        rate = torch.pow(10000.0, -torch.arange(0, width, 2, dtype=torch.float64) / width)
        angle = torch.outer(torch.arange(grid[axis], dtype=torch.float64), rate)
        shape = [1, 1, 1, width // 2]
        shape[axis] = grid[axis]
        parts.append(angle.view(shape).expand(*grid, width // 2))
    angle = torch.cat(parts, dim=-1).reshape(math.prod(grid), head_dim // 2).to(device)
    return angle.cos().float(), angle.sin().float()


def rotate(x, cosine, sine):
    """Turns adjacent pairs of [B,L,heads,d] by the angles of their token."""
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    cosine, sine = cosine[None, :, None], sine[None, :, None]
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], dim=-1).flatten(-2).to(x.dtype)


class RootMeanSquareNorm(nn.Module):
    """Over all heads together; epsilon 1e-6."""

    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-6)).to(x.dtype) * self.weight.to(x.dtype)


class Attention(nn.Module):
    """Self-attention, or with `context` attention to the text."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        for name in ("q", "k", "v", "o"):
            layer = nn.Linear(dim, dim)
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
            setattr(self, name, layer)
        self.norm_q = RootMeanSquareNorm(dim)
        self.norm_k = RootMeanSquareNorm(dim)

    def forward(self, x, context, turn):
        split = (self.heads, -1)
        q = self.norm_q(self.q(x)).unflatten(-1, split)
        k = self.norm_k(self.k(context)).unflatten(-1, split)
        v = self.v(context).unflatten(-1, split)
        if turn is not None:
            q, k = rotate(q, *turn), rotate(k, *turn)
        mixed = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
        return self.o(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, dim, hidden, heads):
        super().__init__()
        self.modulation = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)
        self.norm1 = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.self_attn = Attention(dim, heads)
        self.norm3 = nn.LayerNorm(dim, eps=1e-6)
        self.cross_attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.ffn = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, dim))

    def forward(self, x, e, cosine, sine, context):
        shift1, scale1, gate1, shift2, scale2, gate2 = (self.modulation[:, None] + e).unbind(2)
        inner = self.norm1(x) * (1 + scale1) + shift1
        x = x + self.self_attn(inner, inner, (cosine, sine)).float() * gate1
        x = x + self.cross_attn(self.norm3(x), context, None).float()
        return x + self.ffn(self.norm2(x) * (1 + scale2) + shift2).float() * gate2


class Head(nn.Module):
    def __init__(self, dim, outputs):
        super().__init__()
        self.modulation = nn.Parameter(torch.randn(1, 2, dim) / dim**0.5)
        self.norm = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.head = nn.Linear(dim, outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x, e):
        shift, scale = (self.modulation[:, None] + e[:, :, None]).unbind(2)
        return self.head(self.norm(x) * (1 + scale) + shift)


class VideoTransformer(nn.Module):
    """Noisy latents [B,C,F,H,W], times [B] or [B,F] of 0..1000 and text [B,L,text_dim] to velocities [B,C,F,H,W]."""

    def __init__(self, config):
        super().__init__()
        dim = config["dim"]
        self.config = dict(config)
        self.patch_embedding = nn.Conv3d(config["in_dim"], dim, PATCH, PATCH)
        self.text_embedding = nn.Sequential(
            nn.Linear(config["text_dim"], dim), nn.GELU(approximate="tanh"), nn.Linear(dim, dim))
        self.time_embedding = nn.Sequential(nn.Linear(config["freq_dim"], dim), nn.SiLU(), nn.Linear(dim, dim))
        self.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(dim, dim * 6))
        self.blocks = nn.ModuleList(
            [Block(dim, config["ffn_dim"], config["num_heads"]) for _ in range(config["num_layers"])])
        self.head = Head(dim, math.prod(PATCH) * config["out_dim"])

    def forward(self, x, t, text):
        batch, channels, frames, height, width = x.shape
        grid = (frames, height // 2, width // 2)
        # the patch embedding has no overlap: a plain projection of 2x2 patches
        patches = x.view(batch, channels, frames, grid[1], 2, grid[2], 2).permute(0, 2, 3, 5, 1, 4, 6)
        tokens = F.linear(patches.reshape(batch, math.prod(grid), channels * 4),
                          self.patch_embedding.weight.flatten(1), self.patch_embedding.bias).float()
        with torch.autocast(x.device.type, enabled=False):
            e = self.time_embedding(sinusoid(self.config["freq_dim"], t.flatten())).unflatten(0, (batch, -1))
            e0 = self.time_projection(e).unflatten(2, (6, -1))
        if t.dim() == 2:  # a time for each token
            e, e0 = (value.repeat_interleave(grid[1] * grid[2], dim=1) for value in (e, e0))
        missing = self.config["text_len"] - text.shape[1]
        context = self.text_embedding(F.pad(text, (0, 0, 0, missing)))
        head_dim = self.config["dim"] // self.config["num_heads"]
        cosine, sine = rotary(grid, head_dim, x.device)
        step = Settings.compiled_block if self.training and Settings.compiled_block else Block.forward
        for block in self.blocks:
            tokens = step(block, tokens, e0, cosine, sine, context)
        with torch.autocast(x.device.type, enabled=False):
            out = self.head(tokens, e)
        out = out.view(batch, *grid, 2, 2, -1).permute(0, 6, 1, 2, 4, 3, 5)
        return out.reshape(batch, -1, frames, height, width)


def extend_inputs(model, config):
    """A copy of `model` for `config` whose additional input channels start without influence."""
    wider = VideoTransformer(config).to(model.head.head.weight.device)
    state = model.state_dict()
    weight = state["patch_embedding.weight"]
    extra = weight.new_zeros(weight.shape[0], config["in_dim"] - weight.shape[1], *PATCH)
    wider.load_state_dict({**state, "patch_embedding.weight": torch.cat([weight, extra], dim=1)})
    return wider
