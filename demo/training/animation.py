"""Scenes of character animation: a picture of a figure, a driving video's poses and faces, and what is to be made of
them. In some the figure moves in front of its own picture's wall, as in animation; in the others it takes the place of
a figure in another video, as in replacement."""

import torch
import torch.nn.functional as F

from figures import Figures
from poses import PoseDrawing

GIVEN = (0, 1, 5)  # frames of the clip before that a clip is given


class Scene:
    """Scenes drawn at random, B of them of T frames of `figures.size` pixels.

    look, picture [B,3,1,H,W]: the figures, and their pictures. points [B,T,20,2], opened [B,T]: how they move.
    video [B,3,T,H,W], covered and heads [B,1,T,H,W]: what is to be made, and where figures and their heads are in it.
    pose [B,3,T,H,W], faces [B,T,3,S,S]: what drives them. replaced [B]: in which a figure is replaced;
    mask [B,1,T,H,W]: where it was, background [B,3,1,H,W]: what was behind it. `margins` are the least and the most
    pixels of 128 by which the mask's box is larger than the figure.
    """

    def __init__(self, figures, poses, count, frames, face_side, replaced=None, margins=(5, 14)):
        look, other = figures.looks(count), figures.looks(count)
        self.replaced = figures.random(count) < 0.5 if replaced is None else replaced
        self.look, self.driver = look.placed(other, self.replaced), other
        self.points = figures.dance(look.similar(figures), frames)
        self.opened = figures.mouths(count, frames)
        self.picture = figures.videos(look, figures.stand(look), figures.mouths(count, 1))[0]
        self.video, self.covered = figures.videos(self.look, self.points, self.opened)
        self.heads = figures.heads(self.look, self.points)
        self.pose = poses(self.points)
        self.faces = figures.faces(other, self.opened, face_side)
        self.background = figures.ground(self.look)
        margin = figures.random(count, 1, 1, low=margins[0], high=margins[1]) * figures.size / 128
        self.mask = boxes(self.covered, margin) & self.replaced.view(-1, 1, 1, 1, 1)

    def beside(self, given):
        """The video [B,3,T,H,W] that a clip is given beside the poses: the first `given` [B] frames of its own, then
        the background where it stays, black where not, or grey where no figure is replaced."""
        black = torch.where(self.mask, -1.0, self.background)
        rest = torch.where(self.replaced.view(-1, 1, 1, 1, 1), black, 0.0)
        return torch.where(self._is_given(given), self.video, rest)

    def latent_mask(self, given, stride=8):
        """What is given [B,4,1+F,H/8,W/8], as 1: the picture, the first frames, and the background that stays."""
        stays = self.replaced.view(-1, 1, 1, 1, 1) & ~self.mask[..., ::stride, ::stride]
        mask = (stays | self._is_given(given)).float()
        first = mask[:, :, :1].expand(-1, -1, 4, -1, -1)
        mask = torch.cat([torch.ones_like(first), first, mask[:, :, 1:]], dim=2)
        return mask.unflatten(2, (-1, 4))[:, 0].transpose(1, 2)

    def _is_given(self, given):
        frames = torch.arange(self.video.shape[2], device=given.device)
        return (frames < given[:, None]).view(len(given), 1, -1, 1, 1)


def boxes(covered, margin):
    """Boxes [B,1,T,H,W] around what is covered by more than half, larger by `margin` [B,1,1] pixels."""
    inside = covered[:, 0] > 0.5
    within = []
    for axis, size in ((3, covered.shape[3]), (2, covered.shape[4])):  # over the other axis
        place = torch.arange(size, device=covered.device)
        filled = inside.any(dim=axis)  # [B,T,size]
        first = torch.where(filled, place, size).amin(2, keepdim=True) - margin
        last = torch.where(filled, place, -1).amax(2, keepdim=True) + margin
        within.append((place >= first) & (place <= last))
    return (within[0][..., None] & within[1][:, :, None])[:, None]


class Studio:
    """Draws scenes, and cuts of what networks see of them for the training of an autoencoder."""

    def __init__(self, device, size, face_side):
        self.figures, self.poses, self.face_side = Figures(device, size), PoseDrawing(device, size), face_side

    def scene(self, count, frames, **settings):
        return Scene(self.figures, self.poses, count, frames, self.face_side, **settings)

    def cuts(self, count, side, frames):
        """Clips of figures, some of poses, some of figures behind a black box, some that are grey after the first
        frames; and what of them matters most."""
        figures = self.figures
        look = figures.looks(count)
        points = figures.dance(look, frames)
        start = figures.cut(points, side)
        video, covered = figures.videos(look, points, figures.mouths(count, frames), start, side)
        covered = covered + figures.heads(look, points, start, side)
        pose = self.poses(points, start, side)
        kind = figures.random(count).view(-1, 1, 1, 1, 1)
        video = torch.where(kind < 0.25, pose, video)
        covered = torch.where(kind < 0.25, (pose > -1).any(1, keepdim=True).float(), covered)
        margin = figures.random(count, 1, 1, low=5, high=14) * figures.size / 128
        hidden = (kind > 0.85) & boxes(covered, margin)
        video, covered = torch.where(hidden, -1.0, video), torch.where(hidden, 0.0, covered)
        number = torch.arange(frames, device=video.device).view(1, 1, -1, 1, 1)
        grey = (kind > 0.92) & (number >= (figures.random(count, 1, 1, 1, 1) * 2).long() * 4 + 1)
        faint = 0.02 * torch.randn_like(video)  # the norm of zeros has no finite gradient
        return torch.where(grey, faint, video), covered


def given_frames(figures, count):
    """How many frames of the clip before random clips are given, [B]: none in most."""
    chance = figures.random(count)
    return torch.where(chance < 0.7, GIVEN[0], torch.where(chance < 0.85, GIVEN[1], GIVEN[2]))


def spread(covered, pixels):
    """Coverage that reaches so many pixels further."""
    return F.max_pool3d(covered, (1, 2 * pixels + 1, 2 * pixels + 1), 1, (0, pixels, pixels))


def bytes_of(pixels):
    """[1,3,T,H,W] in [-1,1] as uint8 [T,H,W,3]."""
    return ((pixels[0] + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 3, 0).contiguous()
