"""Sounds that are like speech, and drawn faces that speak them; both are made on the device that trains.

A sound is a row of syllables: harmonics of a voice under the three formants of a vowel (Peterson and Barney 1952),
each as loud as chance has it, with pauses between. The mouth opens with the loudness and is as wide as the vowel.
"""

import itertools
import math
import random

import torch
import torch.nn.functional as F

import captions
from wav2vec2 import SOUND_RATE

FRAME_RATE = 16
FRAME_SAMPLES = SOUND_RATE // FRAME_RATE
FORMANTS = {"a": (730, 1090, 2440), "e": (530, 1840, 2480), "i": (270, 2290, 3010), "o": (570, 840, 2410),
            "u": (300, 870, 2240)}
WIDTHS = {"a": 1.0, "e": 1.2, "i": 1.3, "o": 0.7, "u": 0.55}  # of the mouth
BANDS = (80.0, 100.0, 140.0)
HARMONICS = 40
SYLLABLES = 40
LOUDEST = 2.0  # loudness over that of the whole sound at which the mouth is open as far as it goes

SKINS = ("yellow", "orange", "pink", "white", "green", "cyan")
HAIRS = {"black": (0.06, 0.05, 0.06), "brown": (0.40, 0.24, 0.10), "blond": (0.98, 0.84, 0.36), "blue": (0.12, 0.25, 0.95),
         "purple": (0.55, 0.15, 0.80)}
HAIR_WORDS = {"black": "黑色", "brown": "棕色", "blond": "金色", "blue": "蓝色", "purple": "紫色"}
MOUTH = (0.45, 0.02, 0.08)
EYE, PUPIL, NOSE = (1.0, 1.0, 1.0), (0.04, 0.04, 0.06), (0.35, 0.25, 0.20)
TALKS = ("talks", "is talking", "speaks", "is speaking to the camera", "sings", "says something")


class Voices:
    """Draws sounds; all randomness comes from `generator` on `device`, or the device's own."""

    def __init__(self, device, generator=None):
        self.device, self.generator = device, generator
        self.formants = torch.tensor(list(FORMANTS.values()), device=device, dtype=torch.float32)
        self.widths = torch.tensor(list(WIDTHS.values()), device=device)

    def random(self, *shape, low=0.0, high=1.0):
        return torch.rand(*shape, device=self.device, generator=self.generator) * (high - low) + low

    def draw(self, count, frames):
        """Samples [B,frames/16 s], the vowel of every sample [B,N] and whether there is one."""
        device = self.device
        time = torch.arange(frames * FRAME_SAMPLES, device=device, dtype=torch.float32) / SOUND_RATE
        lengths = self.random(count, SYLLABLES, low=0.16, high=0.5)
        ends = lengths.cumsum(1)
        pause = self.random(count, SYLLABLES) < 0.22
        level = torch.where(pause, 0.0, self.random(count, SYLLABLES, low=0.15, high=1.0))
        vowel = (self.random(count, SYLLABLES) * len(FORMANTS)).long().clamp_max(len(FORMANTS) - 1)
        pitch = self.random(count, 1, low=90, high=240)
        tract = self.random(count, 1, low=0.9, high=1.15)
        which = torch.searchsorted(ends, time.expand(count, -1).contiguous(), right=True).clamp_max(SYLLABLES - 1)
        length, end = lengths.gather(1, which), ends.gather(1, which)
        within = ((time[None] - end + length) / length).clamp(0, 1)
        envelope = level.gather(1, which) * torch.sin(math.pi * within).clamp_min(0).pow(0.6)
        wobble = self.random(count, 1, low=0.3, high=0.9)
        cycles = pitch * time + 0.02 * pitch / wobble * torch.sin(wobble * 2 * math.pi * time)
        formants = self.formants[vowel] * tract[:, :, None]  # [B,K,3]
        samples = torch.zeros_like(envelope)
        for first in range(1, HARMONICS + 1, 8):  # eight at once
            harmonic = torch.arange(first, first + 8, device=device)
            frequency = pitch * harmonic  # [B,8]
            gain = sum(weight / (1 + ((frequency[:, :, None] - formants[:, None, :, number]) / BANDS[number]).square())
                       for number, weight in enumerate((1.0, 0.6, 0.3))) / harmonic[:, None]**0.3  # [B,8,K]
            gain = gain * (frequency < 7600)[:, :, None]
            wave = torch.sin(2 * math.pi * torch.remainder(cycles[:, None] * harmonic[:, None], 1.0))
            samples = samples + (gain.gather(2, which[:, None].expand(-1, 8, -1)) * wave).sum(1)
        own = samples.square().mean(1, keepdim=True).sqrt() + 1e-6
        samples = samples / own * envelope
        samples = samples + 0.004 * torch.randn(samples.shape, device=device, generator=self.generator)
        return samples, vowel.gather(1, which), ~pause.gather(1, which)


def loudness(samples, frames, window=FRAME_SAMPLES, step=FRAME_SAMPLES, lead=FRAME_SAMPLES // 2):
    """Root mean squares [B,frames] around every frame's time over that of the whole sound."""
    power = F.pad(samples.square()[:, None], (lead, window))
    local = F.avg_pool1d(power, window, step)[:, 0, :frames]
    return (local / samples.square().mean(1, keepdim=True).clamp_min(1e-12)).sqrt()


def opening(samples, frames):
    """How far [B,frames] the mouth is open, 0..1."""
    return (loudness(samples, frames) / LOUDEST).clamp(0, 1)


class Faces:
    """Draws faces of `size` x `size` pixels; a face is (skin, hair, ground)."""

    def __init__(self, device, size, generator=None):
        self.device, self.size, self.generator = device, size, generator
        self.skins = torch.tensor([captions.COLORS[name][0] for name in SKINS], device=device)
        self.hairs = torch.tensor(list(HAIRS.values()), device=device)
        self.grounds = torch.tensor([entry[0] for entry in captions.GROUNDS.values()], device=device)
        self.fixed = {name: torch.tensor(color, device=device).view(1, 3, 1, 1, 1)
                      for name, color in (("mouth", MOUTH), ("eye", EYE), ("pupil", PUPIL), ("nose", NOSE))}
        pixels = (torch.arange(size, device=device) + 0.5) / size
        self.x, self.y = pixels.view(1, 1, 1, -1), pixels.view(1, 1, -1, 1)

    def random(self, *shape, low=0.0, high=1.0):
        return torch.rand(*shape, device=self.device, generator=self.generator) * (high - low) + low

    def draw_faces(self, count):
        """Random faces [B,3] and what else tells them apart, [B,5]."""
        limits = (len(SKINS), len(HAIRS), len(captions.GROUNDS))
        numbers = [(self.random(count) * limit).long().clamp_max(limit - 1) for limit in limits]
        return torch.stack(numbers, dim=1), self.random(count, 5)

    def tracks(self, count, frames):
        """Where heads are [B,T] beside the middle, and how far eyes are shut."""
        time = torch.arange(frames, device=self.device) / FRAME_RATE
        sway = [self.random(count, 1, low=0.0, high=0.035) * torch.sin(
            2 * math.pi * (self.random(count, 1, low=0.15, high=0.45) * time + self.random(count, 1))) for _ in range(2)]
        since = torch.remainder(time + self.random(count, 1, high=3.0), self.random(count, 1, low=2.2, high=3.5))
        return sway[0], sway[1] * 0.7, (1 - (since - 0.12).abs() / 0.12).clamp(0, 1)

    def _ellipse(self, cx, cy, rx, ry):
        """Coverage [B,T,H,W] of ellipses whose centres and radii are [B,T]."""
        cx, cy, rx, ry = (value[:, :, None, None] for value in (cx, cy, rx, ry))
        dx, dy = (self.x - cx) / rx, (self.y - cy) / ry
        distance = torch.hypot(dx, dy)
        slope = torch.hypot(dx / rx, dy / ry).clamp_min(1e-3)
        return (0.5 - distance * (distance - 1) / slope * self.size).clamp(0, 1)

    def _window(self, count, window):
        """Places of the columns [B,1,1,W] and the rows [B,1,H,1] of a random cut."""
        pixels = (torch.arange(window, device=self.device) + 0.5) / self.size
        room = 1 - window / self.size
        columns, rows = (self.random(count, 1, high=room) + pixels for _ in range(2))
        return columns[:, None, None], rows[:, None, :, None]

    def clips(self, faces, looks, opened, width, tracks, window=None):
        """Videos [B,3,T,H,W] in [-1,1], where mouths can be [B,1,T,H,W] and drawn poses [B,3,T,H,W]; a smaller
        `window` cuts a square at a random place."""
        whole = self.x, self.y
        if window and window < self.size:
            self.x, self.y = self._window(len(faces), window)
        try:
            return self._clips(faces, looks, opened, width, tracks)
        finally:
            self.x, self.y = whole

    def _clips(self, faces, looks, opened, width, tracks):
        sway_x, sway_y, shut = tracks
        count, frames = sway_x.shape
        big = 0.92 + 0.16 * looks[:, :1]
        one = torch.ones_like(sway_x)
        cx, cy = 0.5 + 0.04 * (looks[:, 1:2] - 0.5) + sway_x, 0.54 + 0.04 * (looks[:, 2:3] - 0.5) + sway_y
        rx, ry = 0.29 * big * one, 0.36 * big * one
        skin = self.skins[faces[:, 0]].view(count, 3, 1, 1, 1)
        hair = self.hairs[faces[:, 1]].view(count, 3, 1, 1, 1)
        ground = self.grounds[faces[:, 2]].view(count, 3, 1, 1, 1)
        video = ground.expand(-1, -1, frames, self.y.shape[2], self.x.shape[3])

        def paint(video, color, cover):
            return video + (color - video) * cover[:, None]
        above = (0.5 - (self.y - (cy - 0.05)[:, :, None, None]) * self.size).clamp(0, 1)
        video = paint(video, hair, self._ellipse(cx, cy - 0.05, rx * 1.15, ry * 1.08) * above)
        video = paint(video, skin, self._ellipse(cx, cy, rx, ry))
        video = paint(video, hair, self._ellipse(cx, cy - ry * 0.92, rx * 0.82, ry * 0.34))
        apart, up = rx * (0.38 + 0.06 * looks[:, 3:4]), ry * 0.16
        size = 0.055 + 0.02 * looks[:, 4:5]
        for side in (-1, 1):
            video = paint(video, self.fixed["eye"], self._ellipse(cx + side * apart, cy - up, size * one, size * (1 - 0.85 * shut)))
            video = paint(video, self.fixed["pupil"], self._ellipse(
                cx + side * apart, cy - up, size * 0.5 * one, size * 0.5 * (1 - 0.7 * shut)))
        video = paint(video, self.fixed["nose"], self._ellipse(cx, cy + ry * 0.16, 0.018 * one, 0.028 * one))
        below = cy + ry * 0.55
        across = 0.105 * big * (1 + (width - 1) * (0.4 + 0.6 * opened))
        video = paint(video, self.fixed["mouth"], self._ellipse(cx, below, across, 0.012 + 0.085 * opened))
        region = self._ellipse(cx, below, 0.16 * one, 0.12 * one)[:, None]
        pose = torch.zeros_like(video)
        for color, dx, dy in (((1, 0, 0), 0.0, ry * 0.16), ((0, 1, 0), -apart, -up), ((0, 0, 1), apart, -up)):
            dot = self._ellipse(cx + dx, cy + dy, 0.03 * one, 0.03 * one)
            pose = torch.stack([torch.maximum(pose[:, channel], dot * color[channel]) for channel in range(3)], dim=1)
        return video * 2 - 1, region, pose * 2 - 1


def face_captions(tokenizer, length, each=6, seed=1):
    """Ids [skins*hairs*grounds, each, length] of what may be said of a face."""
    source = random.Random(seed)
    rows = []
    for skin, hair, ground in itertools.product(SKINS, HAIRS, captions.GROUNDS):
        texts = []
        for number in range(each):
            if number % 6 == 5:
                texts.append(f"一张{captions.COLORS[skin][2][0]}的脸在说话，{HAIR_WORDS[hair]}头发，{captions.GROUNDS[ground][2][0]}背景")
            else:
                hairy = f" with {hair} hair" if source.random() < 0.6 else ""
                behind = f" on a {source.choice(captions.GROUNDS[ground][1])} background" if source.random() < 0.5 else ""
                texts.append(f"{source.choice(['a', 'the'])} {skin} face{hairy} {source.choice(TALKS)}{behind}")
        rows.append([tokenizer.ids(text, length) for text in texts])
    return torch.tensor(rows, dtype=torch.int16)


def face_number(faces):
    """The row of face_captions of faces [B,3]."""
    return (faces[:, 0] * len(HAIRS) + faces[:, 1]) * len(captions.GROUNDS) + faces[:, 2]


def mouth_openings(video):
    """How far mouths are open [B,T]: the most pixels that a column of the lower middle has of the mouth's colour, to
    which no ground's is nearer; videos [B,3,T,H,W] in [-1,1]. The same as the Java class wan4j.demo.MouthCheck."""
    height, width = video.shape[3:]
    part = video[..., height // 2:, width // 4:width - width // 4].float().clamp(-1, 1) / 2 + 0.5

    def distance(color):
        return (part - torch.tensor(color, device=video.device).view(1, 3, 1, 1, 1)).square().sum(1).sqrt()
    own = distance(MOUTH)
    other = torch.stack([distance(entry[0]) for entry in captions.GROUNDS.values()]).amin(0)
    return ((own < 0.25) & (own <= other)).float().sum(2).amax(2)


def correlation(a, b):
    """Pearson's correlation of rows [B,T]."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-9)
