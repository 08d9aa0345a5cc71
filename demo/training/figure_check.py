"""Measures whether videos show the figures that they should, where the driving video has them: joints by the patches
of their colours, colours by the nearest of those that the scene has, what is behind by its PSNR."""

import torch
import torch.nn.functional as F

from animation import spread
from figures import JOINTS, PARTS
from poses import NOSE
from speech import correlation

NEAR = 0.3  # Euclidean distance of colours, of 0..1, within which a pixel has one
LEAST_PIXELS = 5  # of a joint's patch in a frame of 128 x 128, when its outline has been taken away
REACH = 0.1  # of the frame, within which a joint is where it should be


def classes(video, look, dark):
    """The nearest colour [B,T,H,W] of each pixel of videos [B,3,T,H,W], those of parts first, and how far it is."""
    palette = torch.cat([look.colors, dark.expand(len(video), 1, 3), look.wall[:, None], look.floor[:, None]], dim=1)
    pixels = video.float().clamp(-1, 1) / 2 + 0.5
    distance = torch.stack([(pixels - color.view(-1, 3, 1, 1, 1)).square().sum(1) for color in palette.unbind(1)], dim=1)
    least, nearest = distance.min(1)
    return nearest, least.sqrt()


def places(nearest, distance):
    """Where joints are: centres [B,T,joints,2] of the patches of their colours, x first; -1 where there is none."""
    size = nearest.shape[-1]
    pixels = (torch.arange(size, device=nearest.device) + 0.5) / size
    out = []
    for name in JOINTS:
        own = ((nearest == PARTS.index(name)) & (distance < NEAR)).float()
        own = 1 - F.max_pool2d(1 - own, 3, 1, 1)  # lines of mixed colours between two parts are no patch
        count = own.sum((2, 3))
        sums = torch.stack([(own.sum(2) * pixels).sum(2), (own.sum(3) * pixels).sum(2)], dim=-1)
        enough = count >= LEAST_PIXELS * (size / 128)**2
        out.append(torch.where(enough[..., None], sums / count.clamp_min(1)[..., None], -1.0))
    return torch.stack(out, dim=2)


def distances(video, scene, dark):
    """How far [B,T,joints] joints are from the driver's, in units of the frame; 1 where a joint is not there."""
    found = places(*classes(video, scene.look, dark))
    there = found[..., 0] >= 0
    wanted = scene.points[:, :, list(JOINTS.values())]
    return torch.where(there, (found - wanted).norm(dim=-1), 1.0)


def mouths(video, scene, dark):
    """How the dark of mouths and their opening correlate [B]."""
    nearest = classes(video, scene.look, dark)[0]
    size = nearest.shape[-1]
    pixels = (torch.arange(size, device=nearest.device) + 0.5) / size
    nose, radius = scene.points[:, :, NOSE], scene.look.head.view(-1, 1, 1)
    across = (pixels - nose[..., 0, None]).abs() < 0.6 * radius
    down = (pixels - nose[..., 1, None] > 0.05 * radius) & (pixels - nose[..., 1, None] < radius)
    dark_pixels = ((nearest == len(PARTS)) & down[..., None] & across[:, :, None]).float().sum((2, 3))
    return correlation(dark_pixels, scene.opened)


def decibels(errors):
    """PSNR of mean squared errors of numbers in [-1,1]."""
    return -10 * (errors / 4).clamp_min(1e-9).log10()


def measure(video, scene, dark):
    """Figures of videos [B,3,T,H,W] as a dict of numbers."""
    far = distances(video, scene, dark)
    figure = scene.covered[:, 0] > 0.99
    own, wanted = (classes(clip, scene.look, dark)[0] for clip in (video, scene.video))
    behind = (~scene.mask if scene.mask.any() else spread(scene.covered, 4) == 0).float()
    errors = ((video - scene.video).square() * behind).sum((1, 2, 3, 4)) / (3 * behind.sum((1, 2, 3, 4)))
    return {"joint distance, median": round(far.median().item(), 4),
            **{f"{name}, median": round(far[:, :, number].median().item(), 4) for number, name in enumerate(JOINTS)},
            "joints within 10 %": round((far < REACH).float().mean().item(), 4),
            "colours": round((own == wanted)[figure].float().mean().item(), 4),
            "background PSNR, median": round(decibels(errors).median().item(), 2),
            "mouths, median correlation": round(mouths(video, scene, dark).median().item(), 4)}
