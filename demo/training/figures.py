"""Drawn figures that move their limbs, for character animation: their videos, their points, and the faces that a
preprocessing would cut out of them. All is drawn on the device that trains, anew for every step.

Places are in units of the frame, y downwards; right is the figure's own right, which is the viewer's left.
"""

import copy
import math

import torch

import captions
from poses import (LEFT_ANKLE, LEFT_EAR, LEFT_ELBOW, LEFT_EYE, LEFT_HIP, LEFT_KNEE, LEFT_SHOULDER, LEFT_TOE, LEFT_WRIST, NECK,
                   NOSE, POINTS, RIGHT_ANKLE, RIGHT_EAR, RIGHT_ELBOW, RIGHT_EYE, RIGHT_HIP, RIGHT_KNEE, RIGHT_SHOULDER,
                   RIGHT_TOE, RIGHT_WRIST)

FRAME_RATE = 30
PARTS = ("head", "body", "limbs", "right hand", "left hand", "right foot", "left foot")  # each of a colour of its own
JOINTS = {"head": NOSE, "right hand": RIGHT_WRIST, "left hand": LEFT_WRIST, "right foot": RIGHT_ANKLE,
          "left foot": LEFT_ANKLE}
ARMS = ((RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST), (LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST))
LEGS = ((RIGHT_HIP, RIGHT_KNEE, RIGHT_ANKLE), (LEFT_HIP, LEFT_KNEE, LEFT_ANKLE))
ENDS = ((RIGHT_EYE, RIGHT_EAR, RIGHT_TOE), (LEFT_EYE, LEFT_EAR, LEFT_TOE))
COLORS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "white")
WALLS = ("black", "gray", "brown", "navy")
DARK = (0.06, 0.04, 0.07)  # eyes and mouth
FACE_SIDE = 1.3**0.5 * 2.0  # of what is cut out around a head, over its radius


class Look:
    """How figures look: colours [B,parts,3], radii and lengths [B], and walls and floors [B,3] behind them."""

    def __init__(self, source, count):
        order = source.random(count, len(COLORS)).argsort(dim=1)[:, :len(PARTS)]
        self.colors = source.colors[order]
        grounds = source.random(count, len(WALLS)).argsort(dim=1)
        self.wall = source.walls[grounds[:, 0]]
        self.floor = torch.where(source.random(count, 1) < 0.5, source.walls[grounds[:, 1]], self.wall)
        self.horizon = source.random(count, low=0.72, high=0.9)
        size = source.random(count, low=0.86, high=1.06)
        self.head = 0.088 * size * source.random(count, low=0.9, high=1.15)
        self.body = 0.070 * size * source.random(count, low=0.85, high=1.2)
        self.limb = 0.029 * size * source.random(count, low=0.85, high=1.15)
        self.hand = 0.046 * size
        self.shoulder = 0.095 * size * source.random(count, low=0.9, high=1.15)
        self.hip = 0.052 * size * source.random(count, low=0.9, high=1.15)
        self.trunk = 0.235 * size * source.random(count, low=0.9, high=1.1)
        self.arm = 0.118 * size * source.random(count, low=0.9, high=1.1)  # upper and lower
        self.leg = 0.142 * size * source.random(count, low=0.9, high=1.1)

    def placed(self, other, where):
        """These figures, those of `where` [B] in front of the walls and floors of others."""
        return self._changed(wall=torch.where(where[:, None], other.wall, self.wall),
                             floor=torch.where(where[:, None], other.floor, self.floor),
                             horizon=torch.where(where, other.horizon, self.horizon))

    def similar(self, source):
        """Figures whose lengths differ by up to a twelfth."""
        lengths = ("shoulder", "hip", "trunk", "arm", "leg")
        return self._changed(**{name: getattr(self, name) * source.random(len(self.head), low=11 / 12, high=13 / 12)
                                for name in lengths})

    def _changed(self, **fields):
        twin = copy.copy(self)
        twin.__dict__.update(fields)
        return twin


class Figures:
    """Draws figures of `size` x `size` pixels; all randomness comes from `generator` on `device`, or the device's own."""

    def __init__(self, device, size, generator=None):
        self.device, self.size, self.generator = device, size, generator
        self.colors = torch.tensor([captions.COLORS[name][0] for name in COLORS], device=device)
        self.walls = torch.tensor([captions.GROUNDS[name][0] for name in WALLS], device=device)
        self.corner = torch.zeros(1, 2, dtype=torch.long, device=device)
        self.dark = torch.tensor(DARK, device=device).expand(1, 3)

    def random(self, *shape, low=0.0, high=1.0):
        return torch.rand(*shape, device=self.device, generator=self.generator) * (high - low) + low

    def looks(self, count):
        """Random looks of so many figures."""
        return Look(self, count)

    # ---- how figures move

    def _swing(self, count, frames, rest, reach):
        """Angles [B,T] in degrees that swing by up to `reach` around a random rest within `rest`."""
        time = torch.arange(frames, device=self.device) / FRAME_RATE
        middle = self.random(count, 1, low=rest[0], high=rest[1])
        wide = reach * self.random(count, 1)
        speed, phase = self.random(count, 1, low=0.4, high=1.5), self.random(count, 1)
        return middle + wide * torch.sin(2 * math.pi * (speed * time + phase))

    def dance(self, look, frames):
        """Points [B,T,20,2] of figures that wave, step and sway."""
        count = len(look.head)
        swing = self._swing
        arms = [(swing(count, frames, (15, 140), 60), swing(count, frames, (-20, 90), 50)) for _ in range(2)]
        legs = [(swing(count, frames, (2, 28), 24), swing(count, frames, (-35, 5), 20)) for _ in range(2)]
        x = 0.5 + swing(count, frames, (-0.1, 0.1), 0.07)
        y = 0.53 + swing(count, frames, (-0.03, 0.03), 0.04)
        return self._points(look, x, y, swing(count, frames, (-6, 6), 10), arms, legs)

    def stand(self, look):
        """Points [B,1,20,2] of figures that stand still, their arms a little aside, as for a portrait."""
        count = len(look.head)
        swing = self._swing
        arms = [(swing(count, 1, (15, 50), 0), swing(count, 1, (0, 25), 0)) for _ in range(2)]
        legs = [(swing(count, 1, (4, 14), 0), swing(count, 1, (-8, 0), 0)) for _ in range(2)]
        x, y = 0.5 + swing(count, 1, (-0.06, 0.06), 0), 0.53 + swing(count, 1, (-0.02, 0.02), 0)
        return self._points(look, x, y, swing(count, 1, (-2, 2), 0), arms, legs)

    @staticmethod
    def _points(look, x, y, lean, arms, legs):
        """Places of all points; x and y are those of the hips' middle, angles in degrees, those of the right limbs
        first: of the upper part from hanging down outwards, of the lower one beside it."""
        sine, cosine = torch.sin(torch.deg2rad(lean)), torch.cos(torch.deg2rad(lean))
        points = [None] * POINTS

        def beside(place, along, up):  # `along` to the viewer's right and `up` along the leaning trunk
            return place[0] + along * cosine + up * sine, place[1] + along * sine - up * cosine

        def hung(place, side, angle, length):
            angle = torch.deg2rad(angle)
            return place[0] + side * length * torch.sin(angle), place[1] + length * torch.cos(angle)
        trunk, shoulder, hip, head = (value[:, None] for value in (look.trunk, look.shoulder, look.hip, look.head))
        arm, leg, hand = (value[:, None] for value in (look.arm, look.leg, look.hand))
        neck = beside((x, y), 0, trunk)
        points[NECK] = neck
        points[NOSE] = beside(neck, 0, head * 1.15)
        for own, side in enumerate((-1, 1)):
            arm_angle = arms[own][0] - side * lean  # arms turn with the trunk
            for chain, start, angle, bend, length in (
                    (ARMS[own], beside(neck, side * shoulder, -0.02), arm_angle, arms[own][1], arm),
                    (LEGS[own], beside((x, y), side * hip, 0), *legs[own], leg)):
                points[chain[0]] = start
                points[chain[1]] = hung(start, side, angle, length)
                points[chain[2]] = hung(points[chain[1]], side, angle + bend, length)
            eye, ear, toe = ENDS[own]
            points[eye] = beside(points[NOSE], side * head * 0.38, head * 0.25)
            points[ear] = beside(points[NOSE], side * head * 0.95, head * 0.1)
            ankle = points[LEGS[own][2]]
            points[toe] = ankle[0] + side * hand * 0.7, ankle[1] + hand * 0.5
        return torch.stack([torch.stack(torch.broadcast_tensors(*place), dim=-1) for place in points], dim=2)

    def mouths(self, count, frames):
        """How far [B,T] mouths are open, 0..1."""
        return (self._swing(count, frames, (0.2, 0.8), 0.8)).clamp(0, 1)

    # ---- how they are drawn

    def cut(self, points, side):
        """Where [B,2] cuts of `side` pixels begin, each at a random place near a point of the figure."""
        count, room = len(points), self.size - side
        number = (self.random(count) * POINTS).long().clamp_max(POINTS - 1)
        place = points[torch.arange(count, device=self.device), 0, number] * self.size
        return (place - self.random(count, 2, low=0.2, high=0.8) * side).long().clamp(0, room)

    def _pixels(self, start, side):
        """Places of the columns [B,1,1,W] and the rows [B,1,H,1] of cuts of `side` pixels from `start` on; of the whole
        where they are None."""
        start = self.corner if start is None else start
        pixels = (torch.arange(side or self.size, device=self.device) + 0.5 + start[:, :, None]) / self.size
        return pixels[:, 0, None, None], pixels[:, 1, None, :, None]

    def ground(self, look, start=None, side=None):
        """Walls and floors [B,3,1,H,W] in [-1,1]."""
        x, y = self._pixels(start, side)
        below = ((y[:, None] - look.horizon.view(-1, 1, 1, 1, 1)) * self.size + 0.5).clamp(0, 1)
        wall, floor = (color.view(-1, 3, 1, 1, 1) for color in (look.wall, look.floor))
        return (wall + (floor - wall) * below).expand(-1, -1, -1, -1, x.shape[3]) * 2 - 1

    def videos(self, look, points, opened, start=None, side=None):
        """Videos [B,3,T,H,W] in [-1,1] and where the figure is [B,1,T,H,W], 0..1; or cuts of them of `side` pixels from
        `start` [B,2] on."""
        x, y = self._pixels(start, side)
        video = (self.ground(look, start, side).expand(-1, -1, points.shape[1], -1, -1) + 1) / 2
        covered = torch.zeros_like(video[:, :1])

        def paint(cover, color):
            nonlocal video, covered
            cover = cover[:, None]
            video = video + (color.view(-1, 3, 1, 1, 1) - video) * cover
            covered = torch.maximum(covered, cover)

        def place(point):
            return points[:, :, point, 0, None, None], points[:, :, point, 1, None, None]

        def rod(one, other, radius):
            (x1, y1), (x2, y2) = one, other
            dx, dy = x2 - x1, y2 - y1
            along = (((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy).clamp_min(1e-8)).clamp(0, 1)
            return self._inside(torch.hypot(x - x1 - along * dx, y - y1 - along * dy) - radius.view(-1, 1, 1, 1))

        def limb(chain):
            upper, lower = (rod(place(one), place(other), look.limb) for one, other in zip(chain, chain[1:]))
            return torch.maximum(upper, lower)

        def disc(centre, radius):
            return self._inside(torch.hypot(x - centre[0], y - centre[1]) - radius.view(-1, 1, 1, 1))
        colors = dict(zip(PARTS, look.colors.unbind(1)))
        for leg in LEGS:
            paint(limb(leg), colors["limbs"])
        hips = tuple((right + left) / 2 for right, left in zip(place(RIGHT_HIP), place(LEFT_HIP)))
        paint(rod(place(NECK), hips, look.body), colors["body"])
        paint(rod(place(RIGHT_SHOULDER), place(LEFT_SHOULDER), look.limb * 1.2), colors["body"])
        paint(disc(place(NOSE), look.head), colors["head"])
        self._paint_face(paint, place, look, opened, x, y)
        for arm in ARMS:
            paint(limb(arm), colors["limbs"])
        for name in ("right foot", "left foot", "right hand", "left hand"):
            paint(disc(place(JOINTS[name]), look.hand), colors[name])
        return video * 2 - 1, covered

    def heads(self, look, points, start=None, side=None):
        """Where heads are [B,1,T,H,W], 0..1, in videos or cuts of them."""
        x, y = self._pixels(start, side)
        nose_x, nose_y = points[:, :, NOSE, :, None, None].unbind(2)
        return self._inside(torch.hypot(x - nose_x, y - nose_y) - look.head.view(-1, 1, 1, 1))[:, None]

    def _inside(self, distance, pixels=None):
        return (0.5 - distance * (self.size if pixels is None else pixels)).clamp(0, 1)

    def _paint_face(self, paint, place, look, opened, x, y, pixels=None):
        """Eyes, and a mouth that opens, of a head whose points are known."""
        radius = look.head.view(-1, 1, 1, 1)
        for eye in (RIGHT_EYE, LEFT_EYE):
            centre = place(eye)
            paint(self._inside(torch.hypot(x - centre[0], y - centre[1]) - 0.17 * radius, pixels), self.dark)
        nose, opened = place(NOSE), opened[:, :, None, None]
        dx = (x - nose[0]) / (0.38 * radius)
        dy = (y - nose[1] - 0.45 * radius) / (radius * (0.07 + 0.30 * opened))
        distance = torch.hypot(dx, dy)
        paint(self._inside((distance - 1) * radius * (0.07 + 0.30 * opened), pixels), self.dark)

    def faces(self, look, opened, side):
        """Faces [B,T,3,side,side] in [-1,1] as they are cut out of a video: a head that fills the picture."""
        count, frames = opened.shape
        radius = look.head.view(-1, 1, 1, 1)
        pixels = (torch.arange(side, device=self.device) + 0.5) / side - 0.5
        across = FACE_SIDE * radius
        x, y = pixels.view(1, 1, 1, -1) * across, pixels.view(1, 1, -1, 1) * across
        scale = side / across
        places = {NOSE: (0.0, 0.0), RIGHT_EYE: (-0.38, -0.25), LEFT_EYE: (0.38, -0.25)}
        faces = look.wall.view(-1, 1, 3, 1, 1).expand(-1, frames, -1, side, side)

        def paint(cover, color):
            nonlocal faces
            faces = faces + (color.view(-1, 1, 3, 1, 1) - faces) * cover[:, :, None]
        paint(self._inside(torch.hypot(x, y) - radius, scale), look.colors[:, PARTS.index("head")])
        self._paint_face(paint, lambda point: tuple(part * radius for part in places[point]), look, opened, x, y, scale)
        return faces * 2 - 1
