"""Poses as pictures of coloured limbs, pixel for pixel as `wan4j preprocess animate` draws them (Wan-Video/Wan2.2,
wan/modules/animate/preprocess/human_visualization.py, draw_aapose_new; ellipses and discs as OpenCV fills them).
Figures have no fingers, so no hands are drawn, as where a pose network finds none."""

import math

import torch

(NOSE, NECK, RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST, LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST, RIGHT_HIP, RIGHT_KNEE,
 RIGHT_ANKLE, LEFT_HIP, LEFT_KNEE, LEFT_ANKLE, RIGHT_EYE, LEFT_EYE, RIGHT_EAR, LEFT_EAR, LEFT_TOE, RIGHT_TOE) = range(20)
POINTS = 20
LIMBS = ((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
         (0, 14), (14, 16), (0, 15), (15, 17), (13, 18), (10, 19))
COLORS = ((255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
          (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255),
          (255, 0, 255), (255, 0, 170), (255, 0, 85), (200, 200, 0), (100, 100, 0))
DIMMED = 0.6
FULL_TURN = 360


class PoseDrawing:
    """Draws poses on black pictures of `size` x `size` pixels, less than 300 of them, where limbs and joints have a
    half thickness of 1."""

    def __init__(self, device, size):
        self.device, self.size = device, size
        self.most = size // 2  # pixels of half a limb
        self.first, self.last = (part.to(device) for part in self._rows())
        dimmed = [[int(part * DIMMED) for part in color] for color in COLORS[:len(LIMBS)]]
        paints = torch.tensor([(0, 0, 0), *dimmed, *COLORS], device=device, dtype=torch.float32)
        self.colors = paints.mT.contiguous() / 127.5 - 1  # [3,paints]
        self.pairs = torch.tensor(LIMBS, device=device)

    def _rows(self):
        """The first and the last pixel of every row of an ellipse, beside its centre, by whether the centre's places
        are odd (halves are rounded to the even pixel), by half its length and by its angle: two of
        [2,2,lengths,361,rows]. Points of an ellipse a degree apart lie at most a pixel apart, so that they are all of
        the outline."""
        degrees = torch.arange(FULL_TURN + 1, dtype=torch.float64)
        sine, cosine = (torch.round(part(torch.deg2rad(degrees)) * 1e7).div(1e7).float().double()
                        for part in (torch.sin, torch.cos))  # OpenCV's table has seven decimals
        length = torch.arange(self.most + 1, dtype=torch.float64)[:, None, None]
        dx = length * cosine  # [lengths,1,points]
        turned_x = dx * cosine[:, None] - sine * sine[:, None]
        turned_y = dx * sine[:, None] + sine * cosine[:, None]
        rows = 2 * self.most + 3
        bounds = torch.full((2, 2, 2, self.most + 1, FULL_TURN + 1, rows), 0, dtype=torch.int16)
        for odd_x in (0, 1):
            for odd_y in (0, 1):
                at_x = (torch.round(turned_x + odd_x) - odd_x).to(torch.int16)
                at_y = (torch.round(turned_y + odd_y) - odd_y).long() + self.most + 1
                for number, (start, reduce) in enumerate(((999, "amin"), (-999, "amax"))):
                    empty = torch.full((self.most + 1, FULL_TURN + 1, rows), start, dtype=torch.int16)
                    bounds[number, odd_x, odd_y] = empty.scatter_reduce(2, at_y, at_x, reduce)
        return bounds

    def __call__(self, points, start=None, side=None):
        """Pictures [B,3,T,H,W] in [-1,1] of points [B,T,20,2] in units of the frame, x first; or cuts of them of `side`
        pixels from `start` [B,2] on."""
        pixels = torch.arange(side or self.size, device=self.device).view(1, 1, 1, -1)
        columns, rows = (pixels if start is None else pixels + start[:, axis].view(-1, 1, 1, 1) for axis in (0, 1))
        place = points.double() * self.size
        one, other = place[:, :, self.pairs[:, 0]], place[:, :, self.pairs[:, 1]]
        middle = ((one + other) / 2).trunc().long()
        dx, dy = (one - other).unbind(-1)
        half = (torch.sqrt(dy * dy + dx * dx) / 2).trunc().long().clamp_max(self.most)
        angle = (torch.atan2(dy, dx) * (180 / math.pi)).trunc().long()
        angle = torch.where(angle < 0, angle + FULL_TURN, angle)
        row = rows - middle[..., 1, None] + self.most + 1  # [B,T,19,H]
        within = (row >= 0) & (row <= 2 * self.most + 2)
        index = (middle[..., 0, None] % 2, middle[..., 1, None] % 2, half[..., None], angle[..., None],
                 row.clamp(0, 2 * self.most + 2))
        first = torch.where(within, self.first[index], 999) + middle[..., 0, None]
        last = torch.where(within, self.last[index], -999) + middle[..., 0, None]
        paint = torch.zeros(*points.shape[:2], pixels.shape[3], pixels.shape[3], dtype=torch.uint8, device=self.device)
        for limb in range(len(LIMBS)):
            inside = (columns >= first[:, :, limb, :, None]) & (columns <= last[:, :, limb, :, None])
            paint = torch.where(inside, 1 + limb, paint)
        joint = place.trunc().long()
        down = (rows - joint[..., 1, None]).abs()
        across = (columns - joint[..., 0, None]).abs()
        for number in range(POINTS):
            inside = down[:, :, number, :, None] + across[:, :, number, None] <= 1
            paint = torch.where(inside, 1 + len(LIMBS) + number, paint)
        return self.colors[:, paint.long()].transpose(0, 1)
