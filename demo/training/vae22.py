"""A causal video autoencoder of the Wan2.2 shape (TI2V), written for training.

Names and shapes of all parameters follow Wan-Video/Wan2.2, wan/modules/vae2_2.py, so that a state dict is at
once a checkpoint. As in vae.py, whole-sequence convolutions compute what the published code computes in chunks;
here every stage has a shortcut without weights beside it, whose first frame stands alone too.
"""

import torch
import torch.nn.functional as F
from torch import nn

from vae import (CausalConvolution, ChannelNorm, Downsample, FrameAttention, ResidualBlock, Upsample, constants,
                 initialise)


def fold_pixels(video):
    """[B,3,T,H,W] to [B,12,T,H/2,W/2]."""
    batch, channels, frames, height, width = video.shape
    x = video.view(batch, channels, frames, height // 2, 2, width // 2, 2)
    return x.permute(0, 1, 6, 4, 2, 3, 5).reshape(batch, channels * 4, frames, height // 2, width // 2)


def unfold_pixels(x):
    """The inverse of fold_pixels."""
    batch, channels, frames, height, width = x.shape
    x = x.view(batch, channels // 4, 2, 2, frames, height, width)
    return x.permute(0, 1, 4, 5, 3, 6, 2).reshape(batch, channels // 4, frames, height * 2, width * 2)


def average_down(x, time, space, outputs):
    """Means of groups of pixels and channels: [B,C,T,H,W] to [B,outputs,ceil(T/time),H/space,W/space]."""
    x = F.pad(x, (0, 0, 0, 0, -x.shape[2] % time, 0))
    batch, channels, frames, height, width = x.shape
    x = x.view(batch, channels, frames // time, time, height // space, space, width // space, space)
    x = x.permute(0, 1, 3, 5, 7, 2, 4, 6)
    return x.reshape(batch, outputs, -1, *x.shape[5:]).mean(2)


def duplicate_up(x, time, space, outputs):
    """Repeats pixels and channels: [B,C,T,H,W] to [B,outputs,1+(T-1)·time,H·space,W·space]."""
    batch, channels, frames, height, width = x.shape
    x = x.repeat_interleave(outputs * time * space * space // channels, dim=1)
    x = x.view(batch, outputs, time, space, space, frames, height, width).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(batch, outputs, frames * time, height * space, width * space)[:, :, time - 1:]


class DownStage(nn.Module):
    def __init__(self, inputs, outputs, space, time):
        super().__init__()
        layers = [ResidualBlock(inputs, outputs), ResidualBlock(outputs, outputs)]
        if space:
            layers.append(Downsample(outputs, temporal=time))
        self.downsamples = nn.Sequential(*layers)
        self.outputs, self.space, self.time = outputs, 2 if space else 1, 2 if time else 1

    def forward(self, x):
        return self.downsamples(x) + average_down(x, self.time, self.space, self.outputs)


class UpStage(nn.Module):
    def __init__(self, inputs, outputs, space, time):
        super().__init__()
        layers = [ResidualBlock(inputs, outputs), ResidualBlock(outputs, outputs), ResidualBlock(outputs, outputs)]
        if space:
            layers.append(Upsample(outputs, temporal=time, outputs=outputs))
        self.upsamples = nn.Sequential(*layers)
        self.outputs, self.space, self.time = outputs, space, 2 if time else 1

    def forward(self, x):
        made = self.upsamples(x)
        return made + duplicate_up(x, self.time, 2, self.outputs) if self.space else made


def middle(channels):
    return nn.Sequential(ResidualBlock(channels, channels), FrameAttention(channels), ResidualBlock(channels, channels))


class Encoder(nn.Module):
    def __init__(self, base, outputs):
        super().__init__()
        widths = [base, base, base * 2, base * 4, base * 4]
        self.conv1 = CausalConvolution(12, base, 3)
        self.downsamples = nn.Sequential(*(
            DownStage(widths[stage], widths[stage + 1], stage < 3, stage in (1, 2)) for stage in range(4)))
        self.middle = middle(widths[-1])
        self.head = nn.Sequential(ChannelNorm(widths[-1]), nn.SiLU(), CausalConvolution(widths[-1], outputs, 3))

    def forward(self, x):
        x = self.middle(self.downsamples(self.conv1(x)))
        return self.head[2](self.head[0].then_silu(x))


class Decoder(nn.Module):
    def __init__(self, base, inputs):
        super().__init__()
        widths = [base * 4, base * 4, base * 4, base * 2, base]
        self.conv1 = CausalConvolution(inputs, widths[0], 3)
        self.middle = middle(widths[0])
        self.upsamples = nn.Sequential(*(
            UpStage(widths[stage], widths[stage + 1], stage < 3, stage < 2) for stage in range(4)))
        self.head = nn.Sequential(ChannelNorm(base), nn.SiLU(), CausalConvolution(base, 12, 3))

    def forward(self, x):
        x = self.upsamples(self.middle(self.conv1(x)))
        return self.head[2](self.head[0].then_silu(x))


class VideoAutoencoder22(nn.Module):
    """Videos [B,3,1+4n,H,W] in [-1,1] to latents [B,48,1+n,H/16,W/16] and back."""

    CHANNELS, STRIDE = 48, 16
    # The constants every Wan2.2 loader normalises latents with (wan/modules/vae2_2.py, Wan2_2_VAE).
    MEAN = [-0.2289, -0.0052, -0.1323, -0.2339, -0.2799, 0.0174, 0.1838, 0.1557, -0.1382, 0.0542, 0.2813, 0.0891,
            0.1570, -0.0098, 0.0375, -0.1825, -0.2246, -0.1207, -0.0698, 0.5109, 0.2665, -0.2108, -0.2158, 0.2502,
            -0.2055, -0.0322, 0.1109, 0.1567, -0.0729, 0.0899, -0.2799, -0.1230, -0.0313, -0.1649, 0.0117, 0.0723,
            -0.2839, -0.2083, -0.0520, 0.3748, 0.0152, 0.1957, 0.1433, -0.2944, 0.3573, -0.0548, -0.1681, -0.0667]
    STD = [0.4765, 1.0364, 0.4514, 1.1677, 0.5313, 0.4990, 0.4818, 0.5013, 0.8158, 1.0344, 0.5894, 1.0901,
            0.6885, 0.6165, 0.8454, 0.4978, 0.5759, 0.3523, 0.7135, 0.6804, 0.5833, 1.4146, 0.8986, 0.5659,
            0.7069, 0.5338, 0.4889, 0.4917, 0.4069, 0.4999, 0.6866, 0.4093, 0.5709, 0.6065, 0.6415, 0.4944,
            0.5726, 1.2042, 0.5458, 1.6887, 0.3971, 1.0600, 0.3943, 0.5537, 0.5444, 0.4089, 0.7468, 0.7744]

    def __init__(self, encoder_base, decoder_base):
        super().__init__()
        self.encoder = Encoder(encoder_base, self.CHANNELS * 2)
        self.conv1 = CausalConvolution(self.CHANNELS * 2, self.CHANNELS * 2, 1)
        self.conv2 = CausalConvolution(self.CHANNELS, self.CHANNELS, 1)
        self.decoder = Decoder(decoder_base, self.CHANNELS)
        initialise(self)
        with torch.no_grad():  # the shortcuts already bring a copy
            for layer in self.modules():
                if isinstance(layer, (Downsample, Upsample)):
                    layer.resample[1].weight.mul_(0.3)

    def moments(self, video):
        """Mean and log-variance of the latents, as the checkpoint's weights give them."""
        return self.conv1(self.encoder(fold_pixels(video))).chunk(2, dim=1)

    def reconstruct(self, raw):
        """Video of latents that are not normalised."""
        return unfold_pixels(self.decoder(self.conv2(raw)))

    def encode(self, video):
        """Normalised latents: what the diffusion model sees."""
        mean, std = constants(self, video)
        return (self.moments(video)[0] - mean) / std

    def decode(self, latents):
        """The inverse of encode, not clamped."""
        mean, std = constants(self, latents)
        return self.reconstruct(latents * std + mean)
