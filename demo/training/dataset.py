"""Clips of coloured shapes in motion, drawn on the device that trains: no files, no repetition.

A scene (captions.FIELDS) fixes what is seen; where exactly, how fast and in which phase is drawn
anew every time. Positions are in units of the frame's width and height, y downwards.
"""

import math
import random
from concurrent.futures import ProcessPoolExecutor

import numpy
import torch

import captions
from captions import BOUNCING, DOWN, GROWING, LEFT, ORBITING, RIGHT, SPINNING, UP
from tokenizer import Tokenizer

SIZE = 128
FRAMES = 33
RADII = (0.11, 0.16, 0.22)
CORNERS = {"square": 4, "triangle": 3, "star": 5}


class Renderer:
    """Draws scenes as clips of `size` x `size` pixels and `frames` frames; all randomness comes from `generator`
    on `device`, or the device's own without one."""

    def __init__(self, device, generator=None, size=SIZE, frames=FRAMES):
        self.device, self.generator, self.size, self.frames = device, generator, size, frames
        self.colors = torch.tensor([entry[0] for entry in captions.COLORS.values()], device=device)
        self.grounds = torch.tensor([entry[0] for entry in captions.GROUNDS.values()], device=device)
        corners, inner = [], []
        for name in captions.SHAPE_NAMES:
            count = CORNERS.get(name, 5)
            corners.append(float(count))
            inner.append(0.45 if name == "star" else math.cos(math.pi / count))
        self.corners = torch.tensor(corners, device=device)
        self.inner = torch.tensor(inner, device=device)
        self.radii = torch.tensor(RADII, device=device)

    def random(self, count, low=0.0, high=1.0):
        return torch.rand(count, device=self.device, generator=self.generator) * (high - low) + low

    def clips(self, scenes, frames=None, window=None):
        """Videos [B,3,T,window,window] in [-1,1] and the objects' coverage [B,1,T,...] of 0..1.

        A smaller `window` cuts a square at the same scale, at a random place in which an object is at some time, as
        a rule; fewer `frames` cut a stretch of time.
        """
        frames, window = frames or self.frames, window or self.size
        scene = dict(zip(captions.FIELDS, scenes.to(self.device).long().unbind(1)))
        count = len(scenes)
        time = torch.arange(frames, device=self.device) / (self.frames - 1)
        time = time[None] + self.random(count, 0, (self.frames - frames) / (self.frames - 1))[:, None]
        two = scene["objects"] == 2
        sideways = ((scene["motion1"] == LEFT) | (scene["motion1"] == RIGHT))
        lane = self.random(count, 0.17, 0.23) * torch.where(self.random(count) < 0.5, 1.0, -1.0)
        tracks = {}
        for number in (1, 2):
            side = lane * two * (1 if number == 1 else -1)
            around = scene["motion1"] == ORBITING
            side = torch.where(around, torch.zeros_like(side), side)
            tracks[number] = self._track(scene, number, time, side * ~sideways, side * sideways, two, around)
        shown = {1: torch.ones_like(two), 2: two}
        x, y = self._window(tracks, shown, window)
        video = self._ground(scene, x, y)[:, :, None].expand(-1, -1, frames, -1, -1)
        covered = torch.zeros(count, 1, frames, window, window, device=self.device)
        for number in (2, 1):
            alpha = self._cover(scene[f"shape{number}"], tracks[number], x, y) * shown[number].view(-1, 1, 1, 1)
            color = self.colors[scene[f"color{number}"]].view(count, 3, 1, 1, 1)
            video = video + (color - video) * alpha[:, None]
            covered = torch.maximum(covered, alpha[:, None])
        return video * 2 - 1, covered

    def _window(self, tracks, shown, window):
        """Places of the columns [B,1,1,W] and the rows [B,1,H,1] of a cut."""
        size = self.size
        room = (size - window) / size
        count, frames = tracks[1][0].shape
        moment = (self.random(count) * frames).long()[:, None]
        second = shown[2] & (self.random(count) < 0.5)
        anywhere = self.random(count) < 0.2
        pixels = (torch.arange(window, device=self.device) + 0.5) / size
        places = []
        for axis in (0, 1):
            at = torch.where(second, tracks[2][axis].gather(1, moment)[:, 0], tracks[1][axis].gather(1, moment)[:, 0])
            near = (at - self.random(count, 0.2, 0.8) * window / size).clamp(0, room)
            places.append(torch.where(anywhere, self.random(count, 0, room), near)[:, None] + pixels)
        return places[0][:, None, None, :], places[1][:, None, :, None]

    def _ground(self, scene, x, y):
        """Backgrounds [B,3,H,W]."""
        count = len(x)
        base = self.grounds[scene["ground"]].view(count, 3, 1, 1)
        bright = base.mean(1, keepdim=True)
        other = torch.where(bright > 0.6, base - 0.22, base + 0.16)
        x, y = x[:, 0], y[:, 0]
        per = self.random(count, 3.0, 4.5).view(-1, 1, 1)
        angle = self.random(count, 0, math.pi).view(-1, 1, 1)
        phase = self.random(count).view(-1, 1, 1)
        along = x * angle.cos() + y * angle.sin()
        sharp = self.size / per / 2

        def edge(wave):  # a soft step: wave is in periods' units, positive inside
            return (wave * sharp + 0.5).clamp(0, 1)
        triangle_wave = (torch.remainder(along * per + phase, 1.0) - 0.5).abs() - 0.25
        stripes = edge(triangle_wave)
        column = (torch.remainder(x * per * 0.7 + phase, 1.0) - 0.5).abs() - 0.25
        row = (torch.remainder(y * per * 0.7 + phase, 1.0) - 0.5).abs() - 0.25
        checks = edge(column) + edge(row) - 2 * edge(column) * edge(row)
        dots = edge(0.25 - torch.hypot(torch.remainder(x * per + phase, 1.0) - 0.5,
                                       torch.remainder(y * per + phase, 1.0) - 0.5))
        slope = (along * 0.7 + 0.3 * phase).clamp(0, 1)
        choices = torch.stack([torch.zeros_like(stripes), stripes, checks, dots, slope])
        weight = choices.gather(0, scene["pattern"].view(1, -1, 1, 1).expand(1, *stripes.shape))[0]
        return base + (other - base) * weight[:, None]

    def _track(self, scene, number, time, side_x, side_y, two, around):
        """Centre x, centre y, radius and angle [B,T] of one object."""
        motion = scene[f"motion{number}"][:, None]
        count = len(motion)
        radius = self.radii[scene[f"size{number}"]] * self.random(count, 0.93, 1.07)
        radius = radius * torch.where(two, 0.9, 1.0)
        moving = (scene[f"motion{number}"] <= DOWN)
        far = torch.where(moving, self.random(count, 0.46, 0.56), 0.0)
        loose = torch.where(two, 0.03, 0.16)
        slack = torch.where(moving, 0.04, torch.where(two, 0.05, 0.15))
        x_moves = (scene[f"motion{number}"] == LEFT) | (scene[f"motion{number}"] == RIGHT)
        jitter_x, jitter_y = self.random(count, -1, 1), self.random(count, -1, 1)
        x = (0.5 + side_x + jitter_x * torch.where(moving & x_moves, slack, torch.where(moving, loose, slack)))[:, None]
        y = (0.5 + side_y + jitter_y * torch.where(moving & ~x_moves, slack, torch.where(moving, loose, slack)))[:, None]
        path = (time - 0.5) * far[:, None]
        phase = self.random(count)[:, None]
        hop = 0.76 - 0.44 * torch.sin(math.pi * (2.0 * time + phase)).abs() - radius[:, None] * 0.5
        turn = 2 * math.pi * (phase + time)
        reach = self.random(count, 0.25, 0.30)[:, None]
        cx = x + torch.where(motion == RIGHT, path, 0.0) - torch.where(motion == LEFT, path, 0.0)
        cx = torch.where(motion == ORBITING, 0.5 + reach * turn.cos(), cx)
        cy = y + torch.where(motion == DOWN, path, 0.0) - torch.where(motion == UP, path, 0.0)
        cy = torch.where(motion == ORBITING, 0.5 + reach * turn.sin(), cy)
        cy = torch.where(motion == BOUNCING, hop, cy)
        small = torch.where(two, 0.05, 0.07)[:, None]
        large = torch.where(two, 0.17, 0.28)[:, None]
        size = torch.where(motion == GROWING, small + (large - small) * time, radius[:, None])
        size = torch.where((number == 2) & around[:, None] & (motion == GROWING), size * 0.7, size)
        angle = torch.where(motion == SPINNING, (phase + 0.6 * time) * 2 * math.pi, 0.0)
        return cx, cy, size, angle

    def _cover(self, shape, track, x, y):
        """How much of each pixel [B,T,H,W] the object covers."""
        cx, cy, size, angle = (value[:, :, None, None] for value in track)
        dx, dy = x - cx, y - cy
        distance = torch.hypot(dx, dy)
        corners = self.corners[shape].view(-1, 1, 1, 1)
        inner = self.inner[shape].view(-1, 1, 1, 1)
        sector = 2 * math.pi / corners
        # corner up for triangle and star; a square stands on its side
        lean = torch.where(corners == 4, math.pi / 4, 0.0)
        fold = torch.remainder(torch.atan2(dx, -dy) - angle + lean + sector / 2, sector) - sector / 2
        fold = fold.abs()
        # the outline's edge runs from the corner (size, 0) to the inner point at half a sector
        tip_x, tip_y = inner * torch.cos(sector / 2), inner * torch.sin(sector / 2)
        normal_x, normal_y = tip_y, 1 - tip_x
        length = torch.hypot(normal_x, normal_y)
        sided = ((distance * fold.cos() - size) * normal_x + distance * fold.sin() * normal_y) / length
        ring = (shape == captions.SHAPE_NAMES.index("ring")).view(-1, 1, 1, 1)
        ball = (shape == captions.SHAPE_NAMES.index("ball")).view(-1, 1, 1, 1)
        signed = torch.where(ring, (distance - 0.76 * size).abs() - 0.24 * size,
                             torch.where(ball, distance - size * 0.95, sided))
        return (0.5 - signed * self.size).clamp(0, 1)


def draw_captions(job):
    """Scenes and captions' ids for one worker process."""
    seed, count, per_scene, length, folder = job
    source = random.Random(seed)
    tokenizer = Tokenizer(folder)
    scenes, ids = [], []
    for _ in range(count):
        scene = captions.draw_scene(source)
        scenes.append(scene)
        ids.append([tokenizer.ids(captions.caption(scene, source), length) for _ in range(per_scene)])
    return numpy.array(scenes, dtype=numpy.int8), numpy.array(ids, dtype=numpy.int16)


class CaptionPool:
    """Many scenes with several captions each, made by `workers` processes in the background."""

    def __init__(self, folder, count, length, seed, workers, per_scene=4):
        self.executor = ProcessPoolExecutor(workers)
        share = -(-count // (workers * 4))
        self.jobs = [self.executor.submit(draw_captions, (seed * 1000 + job, share, per_scene, length, str(folder)))
                     for job in range(workers * 4)]

    def finish(self):
        """Scenes [N,fields] int8 and ids [N,per_scene,length] int16."""
        parts = [job.result() for job in self.jobs]
        self.executor.shutdown()
        return tuple(torch.from_numpy(numpy.concatenate([part[index] for part in parts])) for index in range(2))
