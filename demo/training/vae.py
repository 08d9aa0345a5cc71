"""A causal video autoencoder of the Wan2.1 shape, written for training.

Names and shapes of all parameters follow Wan-Video/Wan2.2, wan/modules/vae2_1.py, so that a state
dict is at once a checkpoint. The published code walks a video in chunks of 1, 4, 4, ... frames with
a cache; a causal convolution over the whole sequence computes the same numbers, so this file has no
cache. The two places where the chunks show are kept: the first frame skips the temporal convolution
of every resampling layer, and the decoder's temporal convolutions never see that first frame.
"""

import functools

import torch
import torch.nn.functional as F
from torch import nn

LATENT_CHANNELS = 16
# The constants every Wan2.1 loader normalises latents with (wan/modules/vae2_1.py, Wan2_1_VAE).
LATENT_MEAN = [-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508,
               0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921]
LATENT_STD = [2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
              3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160]


class Settings:
    """Switches that change the speed of a layer and never its result."""

    stacked_convolution = False  # 3x3x3 convolutions as 2-D ones over three stacked frames


class NormSilu(torch.autograd.Function):
    """RMS norm over the last axis of rows [N,C], a gain [C] and SiLU, with few passes over memory."""

    @staticmethod
    def forward(context, rows, gain):
        length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True, dtype=torch.float32).clamp_min(1e-12)
        scale = (rows.shape[-1]**0.5 / length).to(rows.dtype)
        unit = rows * scale
        gain = gain.to(rows.dtype)
        context.save_for_backward(unit, scale, gain)
        return F.silu(unit * gain, inplace=True)

    @staticmethod
    def backward(context, gradient):
        unit, scale, gain = context.saved_tensors
        inner = torch.ops.aten.silu_backward(gradient.contiguous(), unit * gain)
        for_gain = torch.sum(inner * unit, dim=0, dtype=torch.float32)
        inner.mul_(gain)
        along = torch.mean(inner * unit, dim=-1, keepdim=True, dtype=torch.float32).to(unit.dtype)
        return inner.addcmul_(unit, along, value=-1).mul_(scale), for_gain


class ChannelNorm(nn.Module):
    """x / |x| over channels, times sqrt(C) and a learnt gain; `dims` is 3 for video, 2 for images."""

    def __init__(self, channels, dims=3):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels, *([1] * dims)))

    def forward(self, x):
        return F.normalize(x.float(), dim=1).to(x.dtype) * (x.shape[1]**0.5) * self.gamma.to(x.dtype)

    def then_silu(self, x):
        last = x.permute(0, 2, 3, 4, 1)
        rows = NormSilu.apply(last.reshape(-1, x.shape[1]), self.gamma.flatten())
        return rows.view(last.shape).permute(0, 4, 1, 2, 3)


class CausalConvolution(nn.Conv3d):
    """A 3-D convolution that looks back in time only: missing frames are zeros at the front."""

    def __init__(self, inputs, outputs, kernel, time_stride=1, pad=True):
        kernel = (kernel,) * 3 if isinstance(kernel, int) else kernel
        super().__init__(inputs, outputs, kernel, stride=(time_stride, 1, 1))
        self.front = kernel[0] - 1 if pad else 0
        self.side = kernel[2] // 2

    def forward(self, x):
        if Settings.stacked_convolution and self.kernel_size == (3, 3, 3):
            return self._stacked(x)
        if self.front:
            x = F.pad(x, (0, 0, 0, 0, self.front, 0))
        return F.conv3d(x, self.weight, self.bias, self.stride, (0, self.side, self.side))

    def _stacked(self, x):
        batch, channels, frames, height, width = x.shape
        rows = F.pad(x.permute(0, 2, 3, 4, 1), (0, 0, 0, 0, 0, 0, 2, 0))
        rows = torch.cat([rows[:, k:k + frames] for k in range(3)], dim=-1)
        images = rows.view(batch * frames, height, width, 3 * channels).permute(0, 3, 1, 2)
        weight = self.weight.permute(0, 2, 1, 3, 4).reshape(-1, 3 * channels, 3, 3)
        out = F.conv2d(images, weight, self.bias, padding=1).permute(0, 2, 3, 1)
        return out.reshape(batch, frames, height, width, -1).permute(0, 4, 1, 2, 3)


def each_frame(function, x):
    """Applies a function of images [N,C,H,W] to every frame of [B,C,T,H,W]."""
    batch, channels, frames, height, width = x.shape
    images = x.permute(0, 2, 3, 4, 1).reshape(batch * frames, height, width, channels)
    out = function(images.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return out.reshape(batch, frames, *out.shape[1:]).permute(0, 4, 1, 2, 3)


class ResidualBlock(nn.Module):
    """Norm, SiLU, convolution, twice, beside a shortcut."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.residual = nn.Sequential(
            ChannelNorm(inputs), nn.SiLU(), CausalConvolution(inputs, outputs, 3),
            ChannelNorm(outputs), nn.SiLU(), nn.Identity(), CausalConvolution(outputs, outputs, 3))
        self.shortcut = CausalConvolution(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x):
        inner = self.residual[2](self.residual[0].then_silu(x))
        return self.shortcut(x) + self.residual[6](self.residual[3].then_silu(inner))


class FrameAttention(nn.Module):
    """Single-head attention among the positions of one frame."""

    def __init__(self, channels):
        super().__init__()
        self.norm = ChannelNorm(channels, dims=2)
        self.to_qkv = nn.Conv2d(channels, channels * 3, 1)
        self.proj = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.proj.weight)

    def forward(self, x):
        return x + each_frame(self._attend, x)

    def _attend(self, images):
        count, channels, height, width = images.shape
        qkv = self.to_qkv(self.norm(images)).reshape(count, 1, 3 * channels, -1).transpose(2, 3)
        mixed = F.scaled_dot_product_attention(*qkv.chunk(3, dim=-1))
        return self.proj(mixed.transpose(2, 3).reshape(count, channels, height, width))


class Downsample(nn.Module):
    """Halves height and width, and with `temporal` joins the frames after the first in pairs."""

    def __init__(self, channels, temporal):
        super().__init__()
        self.resample = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(channels, channels, 3, stride=2))
        if temporal:
            self.time_conv = CausalConvolution(channels, channels, (3, 1, 1), time_stride=2, pad=False)
        self.temporal = temporal

    def forward(self, x):
        x = each_frame(self.resample, x)
        if self.temporal and x.shape[2] > 1:
            x = torch.cat([x[:, :, :1], self.time_conv(x)], dim=2)
        return x


class Upsample(nn.Module):
    """Doubles height and width, and with `temporal` every frame after the first; halves channels, or
    leaves them `outputs`."""

    def __init__(self, channels, temporal, outputs=None):
        super().__init__()
        self.resample = nn.Sequential(nn.Identity(), nn.Conv2d(channels, outputs or channels // 2, 3, padding=1))
        if temporal:
            self.time_conv = CausalConvolution(channels, channels * 2, (3, 1, 1))
        self.temporal = temporal

    def forward(self, x):
        if self.temporal and x.shape[2] > 1:
            later = self.time_conv(x[:, :, 1:])
            early, late = later.chunk(2, dim=1)
            pairs = torch.stack([early, late], dim=3).flatten(2, 3)
            x = torch.cat([x[:, :, :1], pairs], dim=2)
        return each_frame(lambda images: self.resample[1](F.interpolate(images, scale_factor=2, mode="nearest")), x)


class Encoder(nn.Module):
    def __init__(self, base, outputs):
        super().__init__()
        widths = [base, base, base * 2, base * 4, base * 4]
        self.conv1 = CausalConvolution(3, base, 3)
        layers = []
        for stage in range(4):
            layers += [ResidualBlock(widths[stage], widths[stage + 1]),
                       ResidualBlock(widths[stage + 1], widths[stage + 1])]
            if stage < 3:
                layers.append(Downsample(widths[stage + 1], temporal=stage > 0))
        self.downsamples = nn.Sequential(*layers)
        top = widths[-1]
        self.middle = nn.Sequential(ResidualBlock(top, top), FrameAttention(top), ResidualBlock(top, top))
        self.head = nn.Sequential(ChannelNorm(top), nn.SiLU(), CausalConvolution(top, outputs, 3))

    def forward(self, x):
        x = self.middle(self.downsamples(self.conv1(x)))
        return self.head[2](self.head[0].then_silu(x))


class Decoder(nn.Module):
    def __init__(self, base, inputs):
        super().__init__()
        widths = [base * 4, base * 4, base * 4, base * 2, base]
        self.conv1 = CausalConvolution(inputs, widths[0], 3)
        self.middle = nn.Sequential(ResidualBlock(widths[0], widths[0]), FrameAttention(widths[0]),
                                    ResidualBlock(widths[0], widths[0]))
        layers = []
        for stage in range(4):
            narrow = widths[stage] // 2 if stage else widths[stage]
            out = widths[stage + 1]
            layers += [ResidualBlock(narrow, out), ResidualBlock(out, out), ResidualBlock(out, out)]
            if stage < 3:
                layers.append(Upsample(out, temporal=stage < 2))
        self.upsamples = nn.Sequential(*layers)
        self.head = nn.Sequential(ChannelNorm(base), nn.SiLU(), CausalConvolution(base, 3, 3))

    def forward(self, x):
        x = self.upsamples(self.middle(self.conv1(x)))
        return self.head[2](self.head[0].then_silu(x))


class VideoAutoencoder(nn.Module):
    """Videos [B,3,1+4n,H,W] in [-1,1] to latents [B,16,1+n,H/8,W/8] and back."""

    CHANNELS, STRIDE, MEAN, STD = LATENT_CHANNELS, 8, LATENT_MEAN, LATENT_STD

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.encoder = Encoder(base, LATENT_CHANNELS * 2)
        self.conv1 = CausalConvolution(LATENT_CHANNELS * 2, LATENT_CHANNELS * 2, 1)
        self.conv2 = CausalConvolution(LATENT_CHANNELS, LATENT_CHANNELS, 1)
        self.decoder = Decoder(base, LATENT_CHANNELS)
        initialise(self)

    def moments(self, video):
        """Mean and log-variance of the latents, as the checkpoint's weights give them."""
        return self.conv1(self.encoder(video)).chunk(2, dim=1)

    def reconstruct(self, raw):
        """Video of latents that are not normalised."""
        return self.decoder(self.conv2(raw))

    def encode(self, video):
        """Normalised latents: what the diffusion model sees."""
        mean, std = constants(self, video)
        return (self.moments(video)[0] - mean) / std

    def decode(self, latents):
        """The inverse of encode, not clamped."""
        mean, std = constants(self, latents)
        return self.reconstruct(latents * std + mean)


@functools.lru_cache(maxsize=8)
def device_constants(kind, device):
    return [torch.tensor(values, device=device).view(1, -1, 1, 1, 1) for values in (kind.MEAN, kind.STD)]


def constants(model, like):
    """The latents' mean and deviation of a kind of autoencoder, shaped to broadcast over [B,C,T,H,W]."""
    return device_constants(type(model), like.device)


@torch.no_grad()
def initialise(model):
    """Starts every convolution so that signals keep their size and colours pass unharmed: the layers
    that change resolution or width begin near a copy, residual branches begin small."""
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Conv3d)):
            nn.init.normal_(layer.weight, std=layer.weight[0].numel()**-0.5)
            nn.init.zeros_(layer.bias)
    for layer in model.modules():
        if isinstance(layer, ResidualBlock):
            layer.residual[6].weight.mul_(0.2)
            if isinstance(layer.shortcut, CausalConvolution):
                near_copy(layer.shortcut, (0, 0, 0), 0.3)
        elif isinstance(layer, FrameAttention):
            nn.init.zeros_(layer.proj.weight)
        elif isinstance(layer, Downsample):
            layer.resample[1].weight.mul_(0.3)
            index = torch.arange(layer.resample[1].weight.shape[0])
            layer.resample[1].weight[index, index, :2, :2] += 0.25
            if layer.temporal:
                near_copy(layer.time_conv, (1, 0, 0), 0.3)
        elif isinstance(layer, Upsample):
            nn.init.normal_(layer.resample[1].weight[:, :, 1, 1], std=layer.resample[1].weight.shape[1]**-0.5)
            if layer.temporal:
                near_copy(layer.time_conv, (2, 0, 0), 0.3)
    # little noise on the latents at first: the decoder must hear the encoder to learn anything
    model.conv1.weight[model.CHANNELS:] *= 0.1
    model.conv1.bias[model.CHANNELS:] = -5.0


def near_copy(convolution, tap, noise):
    """Scales the weights by `noise` and adds one at `tap` from each input to its outputs."""
    outputs, inputs = convolution.weight.shape[:2]
    convolution.weight.mul_(noise)
    index = torch.arange(outputs)
    convolution.weight[(index, index % inputs, *tap)] += 1.0


@torch.no_grad()
def fold_normalisation(model, mean, std):
    """Rewrites conv1 and conv2 so that latents of the given mean and std per channel come out with
    those that every loader expects, and are taken back the same way: encode() then gives unit latents."""
    target_mean = torch.tensor(model.MEAN, device=mean.device)
    target_std = torch.tensor(model.STD, device=mean.device)
    gain = target_std / std
    offset = target_mean - mean * gain
    rows = slice(0, model.CHANNELS)
    model.conv1.weight[rows] *= gain.view(-1, 1, 1, 1, 1)
    model.conv1.bias[rows] = model.conv1.bias[rows] * gain + offset
    # raw = gain * own + offset, therefore own = raw / gain - offset / gain
    matrix = model.conv2.weight[:, :, 0, 0, 0]
    model.conv2.bias -= matrix @ (offset / gain)
    model.conv2.weight /= gain.view(1, -1, 1, 1, 1)
