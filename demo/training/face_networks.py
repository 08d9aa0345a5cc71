"""What Animate makes of driving faces: motion, then tokens of latent frames, which the transformer's tokens look at.
Parameter names follow Wan-Video/Wan2.2, wan/modules/animate/motion_encoder.py (LIA, Wang et al., arXiv 2203.09043)
and face_blocks.py."""

import torch
import torch.nn.functional as F
from torch import nn

from speech_transformer import CausalConvolution1d
from transformer import RootMeanSquareNorm

DIRECTIONS, LINEARS, FACE_HEADS = 20, 5, 4
EPSILON = 1e-6
ROOT = 2**0.5


class EqualConvolution(nn.Module):
    """A convolution whose weights are scaled when it runs, after a blur where it halves its input."""

    def __init__(self, inputs, outputs, kernel):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))

    def forward(self, x, padding=0, blur=None):
        weight = self.weight * self.weight[0].numel()**-0.5
        if blur is None:
            return F.conv2d(x, weight, padding=padding)
        # a kernel of what the blur and the kernel do one after the other
        wide = F.conv_transpose2d(weight.flatten(0, 1)[:, None], blur[None, None]).unflatten(0, weight.shape[:2])[:, :, 0]
        return F.conv2d(x, wide, padding=padding, stride=2)


class Bias(nn.Module):
    """A bias, then a leaky ReLU that keeps the size of signals."""

    def __init__(self, channels):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x):
        return F.leaky_relu(x + self.bias.to(x.dtype), 0.2) * ROOT


class Blur(nn.Module):
    def __init__(self):
        super().__init__()
        line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", torch.outer(line, line))


class HalvingBlock(nn.Module):
    """Two convolutions, the second of which halves the picture, beside a shortcut that does so too."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Sequential(EqualConvolution(inputs, inputs, 3), Bias(inputs))
        self.conv2 = nn.Sequential(Blur(), EqualConvolution(inputs, outputs, 3), Bias(outputs))
        self.skip = nn.Sequential(Blur(), EqualConvolution(inputs, outputs, 1))

    def forward(self, x):
        inner = self.conv1[1](self.conv1[0](x, 1))
        inner = self.conv2[2](self.conv2[1](inner, 2, self.conv2[0].kernel))
        return (inner + self.skip[1](x, 1, self.skip[0].kernel)) / ROOT


class EqualLinear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return F.linear(x, self.weight * self.weight.shape[1]**-0.5, self.bias)


class Directions(nn.Module):
    """Orthogonal directions of motion: the Q of what is stored, with LAPACK's signs. They are not trained."""

    def __init__(self, dim):
        super().__init__()
        self.register_buffer("weight", torch.randn(dim, DIRECTIONS).to(torch.bfloat16).float())
        self.orthogonal = None

    def forward(self, coefficients):
        if self.orthogonal is None:
            stored = self.weight.detach().cpu().float() + 1e-8
            self.orthogonal = torch.linalg.qr(stored)[0].to(self.weight.device)
        return coefficients.float() @ self.orthogonal.mT


class MotionEncoder(nn.Module):
    """Faces [N,3,side,side] in [-1,1] to motion [N,dim]; `channels` has those of sides 4 * 2^n, the largest first."""

    def __init__(self, channels, dim):
        super().__init__()
        layers = [nn.Sequential(EqualConvolution(3, channels[0], 1), Bias(channels[0]))]
        layers += [HalvingBlock(*pair) for pair in zip(channels, channels[1:])]
        layers.append(EqualConvolution(channels[-1], dim, 4))
        widths = [dim] * LINEARS + [DIRECTIONS]
        linears = nn.Sequential(*[EqualLinear(*pair) for pair in zip(widths, widths[1:])])
        self.enc = nn.ModuleDict({"net_app": nn.ModuleDict({"convs": nn.Sequential(*layers)}), "fc": linears})
        self.dec = nn.ModuleDict({"direction": Directions(dim)})

    def forward(self, faces):
        features = self.enc["net_app"]["convs"](faces).flatten(1)
        return self.dec["direction"](self.enc["fc"](features))


class FaceEncoder(nn.Module):
    """Motion [B,T,C] of frames to tokens [B,1+(T-1)/4,5,dim] of latent frames."""

    def __init__(self, inputs, width, dim):
        super().__init__()
        self.conv1_local = CausalConvolution1d(inputs, width * FACE_HEADS)
        self.conv2 = CausalConvolution1d(width, width, 2)
        self.conv3 = CausalConvolution1d(width, width, 2)
        self.out_proj = nn.Linear(width, dim)
        self.padding_tokens = nn.Parameter(torch.zeros(1, 1, 1, dim))

    def forward(self, motion):
        batch = len(motion)
        x = self.conv1_local(motion).unflatten(2, (FACE_HEADS, -1)).transpose(1, 2).flatten(0, 1)
        x = F.silu(normed(x))
        for layer in (self.conv2, self.conv3):
            x = F.silu(normed(layer(x)))
        tokens = self.out_proj(x).unflatten(0, (batch, FACE_HEADS)).transpose(1, 2)
        padding = self.padding_tokens.expand(batch, tokens.shape[1], -1, -1).to(tokens.dtype)
        return torch.cat([tokens, padding], dim=2)


def normed(x):
    """A layer norm without weights."""
    return F.layer_norm(x.float(), x.shape[-1:], eps=EPSILON).to(x.dtype)


class FaceBlock(nn.Module):
    """From the tokens of each latent frame to that frame's face; norms of queries and keys are over each head."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.linear1_kv = nn.Linear(dim, 2 * dim)
        self.linear1_q = nn.Linear(dim, dim)
        self.linear2 = nn.Linear(dim, dim)
        self.q_norm = RootMeanSquareNorm(dim // heads)
        self.k_norm = RootMeanSquareNorm(dim // heads)
        nn.init.xavier_uniform_(self.linear2.weight, gain=0.1)

    def forward(self, x, faces):
        """What tokens [B,F*N,dim] see in faces [B,F,5,dim]."""
        batch, frames = faces.shape[:2]
        split = (self.heads, -1)
        q = self.q_norm(self.linear1_q(normed(x)).unflatten(1, (frames, -1)).flatten(0, 1).unflatten(-1, split))
        k, v = (part.unflatten(-1, split) for part in self.linear1_kv(normed(faces)).flatten(0, 1).chunk(2, dim=-1))
        seen = F.scaled_dot_product_attention(q.transpose(1, 2), self.k_norm(k).transpose(1, 2), v.transpose(1, 2))
        return self.linear2(seen.transpose(1, 2).flatten(2)).unflatten(0, (batch, frames)).flatten(1, 2)
