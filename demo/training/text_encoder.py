"""A text encoder of the umT5 shape: parameter names follow Wan-Video/Wan2.2, wan/modules/t5.py."""

import math

import torch
from torch import nn

BUCKETS = 32
MAX_DISTANCE = 128


def look_up(table, index):
    """Rows of `table`. While it trains, as a product with one-hot rows: the usual gradient of an
    embedding cannot be part of a CUDA graph."""
    if not (torch.is_grad_enabled() and table.requires_grad):
        return table[index]
    rows = torch.arange(len(table), device=table.device)
    return ((index[..., None] == rows).to(table.dtype) @ table).float()


class RootMeanSquareNorm(nn.Module):
    """T5's norm: no mean subtraction, no bias, epsilon 1e-6."""

    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.float().square().mean(-1, keepdim=True) + 1e-6))


class RelativePositions(nn.Module):
    """One learnt bias per head and distance bucket; distances beyond MAX_DISTANCE share the last."""

    def __init__(self, heads):
        super().__init__()
        self.embedding = nn.Embedding(BUCKETS, heads)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, length):
        device = self.embedding.weight.device
        position = torch.arange(length, device=device)
        offset = position[None, :] - position[:, None]
        half = BUCKETS // 2
        exact = half // 2
        distance = offset.abs()
        ratio = torch.log(distance.float().clamp_min(1) / exact) / math.log(MAX_DISTANCE / exact)
        far = (exact + (ratio * (half - exact)).long()).clamp_max(half - 1)
        bucket = (offset > 0).long() * half + torch.where(distance < exact, distance, far)
        return look_up(self.embedding.weight, bucket).permute(2, 0, 1)[None]


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        for name in ("q", "k", "v", "o"):
            setattr(self, name, nn.Linear(dim, dim, bias=False))
        nn.init.normal_(self.q.weight, std=(dim * dim // heads)**-0.5)
        for layer in (self.k, self.v, self.o):
            nn.init.normal_(layer.weight, std=dim**-0.5)

    def forward(self, x, bias):
        batch, length, dim = x.shape
        q, k, v = (layer(x).view(batch, length, self.heads, -1).transpose(1, 2)
                   for layer in (self.q, self.k, self.v))
        weights = torch.softmax((q @ k.transpose(-1, -2)).float() + bias, dim=-1).to(v.dtype)
        return self.o((weights @ v).transpose(1, 2).reshape(batch, length, dim))


class FeedForward(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(dim, hidden, bias=False), nn.GELU(approximate="tanh"))
        self.fc1 = nn.Linear(dim, hidden, bias=False)
        self.fc2 = nn.Linear(hidden, dim, bias=False)

    def forward(self, x):
        return self.fc2(self.fc1(x) * self.gate(x))


class Layer(nn.Module):
    def __init__(self, dim, hidden, heads):
        super().__init__()
        self.norm1 = RootMeanSquareNorm(dim)
        self.attn = Attention(dim, heads)
        self.norm2 = RootMeanSquareNorm(dim)
        self.ffn = FeedForward(dim, hidden)
        self.pos_embedding = RelativePositions(heads)

    def forward(self, x, mask):
        bias = self.pos_embedding(x.shape[1]).masked_fill(mask == 0, torch.finfo(torch.float32).min)
        x = x + self.attn(self.norm1(x), bias)
        return x + self.ffn(self.norm2(x))


class TextEncoder(nn.Module):
    """Ids [B,L] with 0 as padding to states [B,L,dim]; states of padding come out as zeros."""

    def __init__(self, vocabulary, dim, hidden, heads, layers):
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, dim)
        self.blocks = nn.ModuleList([Layer(dim, hidden, heads) for _ in range(layers)])
        self.norm = RootMeanSquareNorm(dim)

    def forward(self, ids):
        mask = (ids != 0)[:, None, None, :]
        x = look_up(self.token_embedding.weight, ids)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x).float() * (ids != 0)[..., None]
