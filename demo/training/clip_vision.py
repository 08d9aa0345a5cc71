"""The image branch of CLIP with the layout of open-clip ViT checkpoints, as Wan-Video/Wan2.2,
wan/modules/animate/clip.py, has it: all of its blocks but the last give the tokens."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

CLIP_FILE = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"
HEADS = 16  # which the tensors do not tell
SIDE, PATCH = 224, 14
TOKENS = 1 + (SIDE // PATCH)**2
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
EPSILON = 1e-5


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.to_qkv(x).chunk(3, dim=2))
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, dim, hidden, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=EPSILON)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=EPSILON)
        self.mlp = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Visual(nn.Module):
    def __init__(self, dim, hidden, heads, layers):
        super().__init__()
        self.cls_embedding = nn.Parameter(torch.randn(1, 1, dim) * dim**-0.5)
        self.pos_embedding = nn.Parameter(torch.randn(1, TOKENS, dim) * dim**-0.5)
        self.patch_embedding = nn.Conv2d(3, dim, PATCH, PATCH, bias=False)
        self.pre_norm = nn.LayerNorm(dim, eps=EPSILON)
        self.transformer = nn.Sequential(*[Block(dim, hidden, heads) for _ in range(layers)])
        self.post_norm = nn.LayerNorm(dim, eps=EPSILON)


class ClipVision(nn.Module):
    """Pictures [B,3,H,W] in [-1,1] to tokens [B,257,dim]: one for the whole, one for each patch."""

    def __init__(self, dim, hidden, layers, heads=HEADS):
        super().__init__()
        self.visual = Visual(dim, hidden, heads, layers)
        for name, values in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def forward(self, pictures):
        visual = self.visual
        small = F.interpolate(pictures, (SIDE, SIDE), mode="bicubic", align_corners=False)
        x = visual.patch_embedding((small * 0.5 + 0.5 - self.mean) / self.deviation).flatten(2).mT
        x = torch.cat([visual.cls_embedding.to(x.dtype).expand(len(x), -1, -1), x], dim=1) + visual.pos_embedding
        return visual.transformer[:-1](visual.pre_norm(x))


def load_clip(root, heads=HEADS):
    """The image branch of a checkpoint folder, in float32; what its file holds of the text branch is left out."""
    state = torch.load(Path(root) / CLIP_FILE, map_location="cpu", weights_only=True)
    state = {name: value.float() for name, value in state.items() if name.startswith("visual.") and name != "visual.head"}
    hidden, dim = state["visual.transformer.0.mlp.0.weight"].shape
    layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("visual.transformer."))
    model = ClipVision(dim, hidden, layers, heads)
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)
