"""UniPC (bh2, order 2) for flow matching and the two-expert loop, as in Wan-Video/Wan2.2,
wan/utils/fm_solvers_unipc.py and wan/text2video.py; method: Zhao et al., arXiv 2302.04867."""

import numpy
import torch


def schedule(steps, shift):
    """Noise levels [steps+1] (float32, the last 0) and the integer times the model is given."""
    level = numpy.linspace(float(numpy.float32(1 - 1 / 1000)), 0.0, steps + 1)[:-1]
    level = shift * level / (1 + (shift - 1) * level)
    times = (level * 1000).astype(numpy.int64)
    return torch.tensor(numpy.append(level, 0.0).astype(numpy.float32)), times.tolist()


class UniPc:
    """Predictor and corrector over clean-video predictions; one object per run."""

    def __init__(self, levels):
        self.levels = levels
        self.ratio = torch.log(1 - levels) - torch.log(levels)
        self.clean = []
        self.before = None
        self.order = 0

    def step(self, index, velocity, sample):
        """The sample of level index+1; `sample` is what the previous call returned."""
        clean = sample - self.levels[index] * velocity
        if index > 0:
            sample = self._correct(index, clean)
        self.clean = (self.clean + [clean])[-2:]
        self.order = min(2, len(self.levels) - 1 - index, index + 1)
        self.before = sample
        return self._predict(index, sample)

    def _basis(self, start, end):
        step = self.ratio[end] - self.ratio[start]
        growth = torch.expm1(-step)
        base = self.levels[end] / self.levels[start]
        return step, growth, base, 1 - self.levels[end]

    def _predict(self, index, sample):
        step, growth, base, alpha = self._basis(index, index + 1)
        newest = self.clean[-1]
        out = base * sample - alpha * growth * newest
        if self.order == 2:
            rate = (self.ratio[index - 1] - self.ratio[index]) / step
            out = out - alpha * growth * 0.5 * (self.clean[-2] - newest) / rate
        return out

    def _correct(self, index, clean):
        step, growth, base, alpha = self._basis(index - 1, index)
        newest = self.clean[-1]
        out = base * self.before - alpha * growth * newest
        if self.order == 1:
            return out - alpha * growth * 0.5 * (clean - newest)
        rate = (self.ratio[index - 2] - self.ratio[index - 1]) / step
        phi = growth / -step - 1
        first = phi / growth
        second = (phi / -step - 0.5) * 2 / growth
        weights = torch.linalg.solve(
            torch.tensor([[1.0, 1.0], [rate, 1.0]]), torch.stack([first, second]))
        inner = weights[0] * (self.clean[-2] - newest) / rate + weights[1] * (clean - newest)
        return out - alpha * growth * inner


@torch.no_grad()
def generate(experts, boundary, noise, text, negative, condition=None, steps=25, shift=5.0, guidance=(4.0, 4.0),
             trace=None, first=None):
    """Latents of `noise` [B,16,F,H,W] for text states [B,L,D]; experts and guidance are (low, high).

    `condition` [B,20,F,H,W] is what image-to-video models see beside the noise. `first` [B,C,1,H,W] are the latents
    of a given first frame, which TI2V models see without noise, at time 0, in place of the first frame. `trace` may be a dict
    that takes what a reference case records.
    """
    levels, times = schedule(steps, shift)
    solver = UniPc(levels)
    latents = noise if first is None else torch.cat([first, noise[:, :, 1:]], dim=2)
    for index, time in enumerate(times):
        high = int(time >= boundary * 1000)
        model = experts[high]
        inputs = latents if condition is None else torch.cat([latents, condition], dim=1)
        t = torch.full((len(noise),), float(time), device=noise.device)
        if first is not None:
            t = t[:, None].repeat(1, noise.shape[2])
            t[:, 0] = 0
        with_text = model(inputs, t, text).float()
        without = model(inputs, t, negative).float()
        velocity = without + guidance[high] * (with_text - without)
        latents = solver.step(index, velocity, latents)
        if first is not None:
            latents = torch.cat([first, latents[:, :, 1:]], dim=2)
        if trace is not None:
            if index == 0:
                trace.update(cond=with_text, uncond=without, guided=velocity)
            trace.setdefault("latents", []).append(latents)
            trace.setdefault("experts", []).append("high" if high else "low")
    return latents
