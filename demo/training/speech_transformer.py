"""The diffusion transformer of speech to video: parameter names follow Wan-Video/Wan2.2,
wan/modules/s2v/model_s2v.py (with motioner.py, audio_utils.py and auxi_blocks.py); the blocks are transformer.py's."""

import functools
import math

import torch
import torch.nn.functional as F
from torch import nn

from transformer import PATCH, Block, Head, RootMeanSquareNorm, Settings, sinusoid

REFERENCE_FRAME = 30  # where the picture is in time
GROUPS = ((1, 1), (2, 2), (16, 4))  # latent frames before the clip, the last first, and how coarsely they are packed
KINDS = 3  # sample, reference, motion
SOUND_TOKENS = 4


def positions(start, count, span):
    """Whole positions [count] of tokens spread over `span` from `start`; before the video they are negative."""
    first = abs(start)
    last = first - span + 1 if start < 0 else first + span - 1
    step = (last - first) / max(1, count - 1)
    out = [last if 0 < index == count - 1 else int(first + step * index) for index in range(count)]
    return [-place if start < 0 else place for place in out]


@functools.lru_cache(maxsize=16)
def rotary(grids, head_dim, device):
    """Cosines and sines [tokens,head_dim/2] of grids, each of three axes (start, count, span)."""
    widths = (head_dim - 4 * (head_dim // 6), 2 * (head_dim // 6), 2 * (head_dim // 6))
    tables = []
    for grid in grids:
        counts = tuple(axis[1] for axis in grid)
        parts = []
        for number, (axis, width) in enumerate(zip(grid, widths)):
            rate = torch.pow(10000.0, -torch.arange(0, width, 2, dtype=torch.float64) / width)
            angle = torch.outer(torch.tensor(positions(*axis), dtype=torch.float64), rate)
            shape = [1, 1, 1, width // 2]
            shape[number] = axis[1]
            parts.append(angle.view(shape).expand(*counts, width // 2))
        tables.append(torch.cat(parts, dim=-1).reshape(math.prod(counts), head_dim // 2))
    angle = torch.cat(tables).to(device)
    return angle.cos().float(), angle.sin().float()


def motion_grids(rows, columns):
    """The grids of the packed frames for a sample of so many rows and columns of patches."""
    out, start = [], 0
    for frames, coarseness in GROUPS:
        start -= frames
        out.append(((start, frames // coarseness, frames), (0, rows // coarseness, rows), (0, columns // coarseness, columns)))
    return out


class CausalConvolution1d(nn.Module):
    """Looks back in time: the first frame stands in front of the sequence [B,T,C] twice."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, 3, stride)

    def forward(self, x):
        return self.conv(torch.cat([x[:, :1], x[:, :1], x], dim=1).mT).mT


class SoundEncoder(nn.Module):
    """Sound [B,T,C] of frames to tokens [B,T/4,5,dim] and vectors [B,T/4,dim] of latent frames."""

    def __init__(self, inputs, dim):
        super().__init__()
        quarter = dim // 4
        self.conv1_local = CausalConvolution1d(inputs, quarter * SOUND_TOKENS)
        self.conv1_global = CausalConvolution1d(inputs, quarter)
        self.conv2 = CausalConvolution1d(quarter, dim // 2, 2)
        self.conv3 = CausalConvolution1d(dim // 2, dim, 2)
        self.final_linear = nn.Linear(dim, dim)
        self.padding_tokens = nn.Parameter(torch.zeros(1, 1, 1, dim))

    @staticmethod
    def _norm(x):
        return F.silu(F.layer_norm(x, x.shape[-1:], eps=1e-6))

    def _halved(self, x):
        return self._norm(self.conv3(self._norm(self.conv2(self._norm(x)))))

    def forward(self, sound):
        batch = len(sound)
        local = self.conv1_local(sound).unflatten(2, (SOUND_TOKENS, -1)).transpose(1, 2).flatten(0, 1)
        local = self._halved(local).unflatten(0, (batch, SOUND_TOKENS)).transpose(1, 2)
        whole = self.final_linear(self._halved(self.conv1_global(sound)))
        padding = self.padding_tokens.expand(batch, local.shape[1], -1, -1).to(local.dtype)
        return torch.cat([local, padding], dim=2), whole


class CausalAudioEncoder(nn.Module):
    """Hidden states [B,layers,C,T] of the speech network, mixed, then encoded."""

    def __init__(self, layers, inputs, dim):
        super().__init__()
        self.weights = nn.Parameter(torch.full((1, layers, 1, 1), 0.01))
        self.encoder = SoundEncoder(inputs, dim)

    def forward(self, states):
        factors = F.silu(self.weights.float())
        mixed = (states * factors).sum(1) / factors.sum(1)
        return self.encoder(mixed.mT)


class CrossAttention(nn.Module):
    """From the sample's tokens of a latent frame to that frame's sound."""

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

    def forward(self, x, context):
        split = (self.heads, -1)
        q = self.norm_q(self.q(x)).unflatten(-1, split).transpose(1, 2)
        k = self.norm_k(self.k(context)).unflatten(-1, split).transpose(1, 2)
        v = self.v(context).unflatten(-1, split).transpose(1, 2)
        return self.o(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class AdaptiveNorm(nn.Module):
    """Shift and scale of diffusers' AdaLayerNorm."""

    def __init__(self, dim):
        super().__init__()
        self.linear = nn.Linear(dim, 2 * dim)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x, vector):
        shift, scale = self.linear(F.silu(vector)).chunk(2, dim=-1)
        return F.layer_norm(x.float(), x.shape[-1:], eps=1e-5) * (1 + scale[:, None]) + shift[:, None]


class AudioInjector(nn.Module):
    def __init__(self, dim, heads, count):
        super().__init__()
        self.injector = nn.ModuleList([CrossAttention(dim, heads) for _ in range(count)])
        self.injector_adain_layers = nn.ModuleList([AdaptiveNorm(dim) for _ in range(count)])

    def forward(self, index, tokens, local, whole):
        """Tokens [B,F*N,dim] of the sample with what each latent frame's hear."""
        batch, frames = whole.shape[:2]
        x = tokens.unflatten(1, (frames, -1)).flatten(0, 1)
        inner = self.injector_adain_layers[index](x, whole.flatten(0, 1))
        x = x + self.injector[index](inner, local.flatten(0, 1)).float()
        return x.unflatten(0, (batch, frames)).flatten(1, 2)


class FramePacker(nn.Module):
    """The last 19 latent frames before a clip as few tokens; missing ones are zeros."""

    def __init__(self, channels, dim):
        super().__init__()
        self.proj = nn.Conv3d(channels, dim, (1, 2, 2), (1, 2, 2))
        self.proj_2x = nn.Conv3d(channels, dim, (2, 4, 4), (2, 4, 4))
        self.proj_4x = nn.Conv3d(channels, dim, (4, 8, 8), (4, 8, 8))

    def forward(self, latents):
        frames = sum(group[0] for group in GROUPS)
        latents = F.pad(latents[:, :, -frames:], (0, 0, 0, 0, max(0, frames - latents.shape[2]), 0))
        tokens, end = [], frames
        for (count, _), layer in zip(GROUPS, (self.proj, self.proj_2x, self.proj_4x)):
            tokens.append(layer(latents[:, :, end - count:end]).flatten(2).mT)
            end -= count
        return torch.cat(tokens, dim=1)


class SpeechTransformer(nn.Module):
    """Noisy latents [B,C,F,H,W], times [B], text [B,L,text_dim], sound states [B,layers,C,T] whose last frames are
    the sample's, and picture latents [B,C,1,H,W] to velocities. `motion` [B,C,M,H,W] are the latents before the clip,
    `pose` [B,C,F,H,W] those of drawn poses."""

    def __init__(self, config):
        super().__init__()
        dim, channels = config["dim"], config["in_dim"]
        self.config = dict(config)
        self.patch_embedding = nn.Conv3d(channels, dim, PATCH, PATCH)
        self.cond_encoder = nn.Conv3d(config["cond_dim"], dim, PATCH, PATCH)
        nn.init.normal_(self.cond_encoder.weight, std=0.02)
        nn.init.zeros_(self.cond_encoder.bias)
        self.text_embedding = nn.Sequential(
            nn.Linear(config["text_dim"], dim), nn.GELU(approximate="tanh"), nn.Linear(dim, dim))
        self.time_embedding = nn.Sequential(nn.Linear(config["freq_dim"], dim), nn.SiLU(), nn.Linear(dim, dim))
        self.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(dim, dim * 6))
        self.blocks = nn.ModuleList(
            [Block(dim, config["ffn_dim"], config["num_heads"]) for _ in range(config["num_layers"])])
        self.head = Head(dim, math.prod(PATCH) * config["out_dim"])
        self.casual_audio_encoder = CausalAudioEncoder(config["audio_layers"], config["audio_dim"], dim)
        self.audio_injector = AudioInjector(dim, config["num_heads"], len(config["audio_inject_layers"]))
        self.trainable_cond_mask = nn.Embedding(KINDS, dim)
        nn.init.normal_(self.trainable_cond_mask.weight, std=0.02)
        self.frame_packer = FramePacker(channels, dim)

    @staticmethod
    def _patches(layer, latents):
        """As the convolution, which has no overlap: a projection of 2x2 patches, tokens [B,L,dim]."""
        batch, channels, frames, height, width = latents.shape
        patches = latents.reshape(batch, channels, frames, height // 2, 2, width // 2, 2).permute(0, 2, 3, 5, 1, 4, 6)
        return F.linear(patches.reshape(batch, -1, channels * 4), layer.weight.flatten(1), layer.bias).float()

    def forward(self, x, t, text, sound, reference, motion=None, pose=None):
        batch, _, frames, height, width = x.shape
        rows, columns = height // 2, width // 2
        kinds = self.trainable_cond_mask.weight
        pose = torch.zeros_like(x) if pose is None else pose
        groups = [self._patches(self.patch_embedding, x) + self._patches(self.cond_encoder, pose),
                  self._patches(self.patch_embedding, reference)]
        whole = ((0, rows, rows), (0, columns, columns))
        grids = [((0, frames, frames), *whole), ((REFERENCE_FRAME, 1, 1), *whole)]
        if motion is not None:
            groups.append(self.frame_packer(motion).float())
            grids += motion_grids(rows, columns)
        tokens = torch.cat([group + kinds[number] for number, group in enumerate(groups)], dim=1)
        own = frames * rows * columns
        with torch.autocast(x.device.type, enabled=False):
            e = self.time_embedding(sinusoid(self.config["freq_dim"], torch.cat([t, torch.zeros_like(t[:1])])))
            e0 = self.time_projection(e).unflatten(1, (6, -1))
        e0 = torch.cat([e0[:-1, None].expand(-1, own, -1, -1),
                        e0[-1:, None].expand(batch, tokens.shape[1] - own, -1, -1)], dim=1)
        context = self.text_embedding(F.pad(text, (0, 0, 0, self.config["text_len"] - text.shape[1])))
        local, vector = (part[:, -frames:] for part in self.casual_audio_encoder(sound))
        head_dim = self.config["dim"] // self.config["num_heads"]
        cosine, sine = rotary(tuple(grids), head_dim, x.device)
        step = Settings.compiled_block if self.training and Settings.compiled_block else Block.forward
        injectors = {block: number for number, block in enumerate(self.config["audio_inject_layers"])}
        for number, block in enumerate(self.blocks):
            tokens = step(block, tokens, e0, cosine, sine, context)
            if number in injectors:
                heard = self.audio_injector(injectors[number], tokens[:, :own], local, vector)
                tokens = torch.cat([heard, tokens[:, own:]], dim=1)
        with torch.autocast(x.device.type, enabled=False):
            out = self.head(tokens[:, :own], e[:-1, None])
        out = out.view(batch, frames, rows, columns, 2, 2, -1).permute(0, 6, 1, 2, 4, 3, 5)
        return out.reshape(batch, -1, frames, height, width)
