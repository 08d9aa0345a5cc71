"""Which shape a patch of pixels has, by the same figures as the Java class wan4j.demo.Silhouette: its hole, its
roundness and how much its outline has three, four or five corners."""

import math

import torch
import torch.nn.functional as F

LEAST_PIXELS = 30
LEAST_HOLE = 0.1
LEAST_SHARE = 1 / 3  # of the frames
IDEALS = {"ball": (1, 0, 0, 0), "square": (0.955, 0, 0.428, 0), "triangle": (0.827, 0.658, 0, 0), "star": (0.807, 0, 0, 0.824)}


def spread(seeds, inside):
    """Each patch of `inside` [T,H,W], connected side by side, filled with the largest number of `seeds` in it."""
    labels = torch.where(inside, seeds, 0.0)
    while True:
        before = labels
        for _ in range(16):
            row = F.max_pool2d(labels[:, None], (1, 3), 1, (0, 1))
            column = F.max_pool2d(labels[:, None], (3, 1), 1, (1, 0))
            labels = torch.where(inside, torch.maximum(row, column)[:, 0], 0.0)
        if torch.equal(labels, before):
            return labels


def silhouettes(mask):
    """(area, hole, whole, figures [T,4]) of the largest patch of every frame of `mask` [T,H,W]; holes count as area."""
    frames, height, width = mask.shape
    numbers = torch.arange(1, height * width + 1, device=mask.device, dtype=torch.float32).view(1, height, width)
    labels = spread(numbers.expand(frames, -1, -1), mask).long().flatten(1)
    sizes = torch.zeros(frames, height * width + 1, device=mask.device)
    sizes.scatter_add_(1, labels, torch.ones_like(labels, dtype=torch.float32))
    sizes[:, 0] = 0
    own = ((labels == sizes.argmax(1)[:, None]) & (labels > 0)).view_as(mask)
    edge = torch.ones_like(mask)
    edge[:, 1:-1, 1:-1] = False
    whole = ~(own & edge).flatten(1).any(1)
    outside = spread((edge & ~own).float(), ~own) > 0
    filled = (~outside).float()
    area = filled.sum((1, 2)).clamp_min(1e-9)
    x = torch.arange(width, device=mask.device, dtype=torch.float32)[None, None]
    y = torch.arange(height, device=mask.device, dtype=torch.float32)[None, :, None]
    dx = x - ((filled * x).sum((1, 2)) / area)[:, None, None]
    dy = y - ((filled * y).sum((1, 2)) / area)[:, None, None]
    square, angle = dx.square() + dy.square(), torch.atan2(dy, dx)
    inertia = (filled * (square + 1 / 6)).sum((1, 2)).clamp_min(1e-9)
    figures = [area.square() / (2 * math.pi * inertia)]
    for corners in (3, 4, 5):
        power = filled * square.pow(corners / 2)
        real, imaginary = ((power * part(corners * angle)).sum((1, 2)) for part in (torch.cos, torch.sin))
        figures.append(torch.hypot(real, imaginary) / power.sum((1, 2)).clamp_min(1e-9))
    return area, 1 - own.float().sum((1, 2)) / area, whole, torch.stack(figures, dim=1)


def seen_shape(mask):
    """(name or None, share of the frames) of the shape that most frames of a colour's mask [T,H,W] show."""
    area, hole, whole, figures = silhouettes(mask)
    names = list(IDEALS)
    distance = (figures[:, None] - torch.tensor(list(IDEALS.values()), device=mask.device)).square().sum(2)
    nearest = torch.where(hole >= LEAST_HOLE, len(names), distance.argmin(1))
    votes = nearest[whole & (area >= LEAST_PIXELS)]
    if not len(votes):
        return None, 0.0
    counts = torch.bincount(votes, minlength=len(names) + 1)
    most = counts.argmax().item()
    return (names + ["ring"])[most], counts[most].item() / len(mask)
