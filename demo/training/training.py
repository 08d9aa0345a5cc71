"""What the training scripts share: clock, data, averaged weights, the loops of autoencoder and denoiser."""

import argparse
import copy
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F

import dataset
import transformer
import vae
from captions import NEGATIVES
from evaluate import image_condition
from optimizer import MuonWithAdam
from tokenizer import Tokenizer
from transformer import VideoTransformer
from vae import fold_normalisation

SHIFT = 5.0
TEXT_LENGTH = 64
DROPOUT = 0.12
DIVERGENCE = 3e-4  # weight of the latents' distance from a normal distribution
LATENT_NOISE = 0.12  # most that the decoder is trained to see through, in deviations of the latents
LEAST_WEIGHT = 0.3  # of a channel of the latents in which noise can hardly be seen
OBJECT_WEIGHT = 4.0  # how much more the denoiser's errors count where an object is and the noise has gone
NEGATIVE_BOUNDS = (0.25, 0.75, 0.875)  # of a uniform number, between the four captions.NEGATIVES


def common_flags(minutes, rate):
    """The flags that the scripts of one model each have in common, with what is usual for the model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--demo", type=Path, required=True, help="the demo's text-to-video checkpoint")
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--side", type=int, default=dataset.SIZE, help="pixels in a row, and rows")
    parser.add_argument("--frames", type=int, default=dataset.FRAMES, help="of the autoencoder's longest clips")
    parser.add_argument("--rate", type=float, default=rate, help="highest learning rate of the transformer")
    parser.add_argument("--eager", action="store_true", help="no CUDA graphs")
    parser.add_argument("--micro", action="store_true", help="a toy, on processors")
    return parser


def read_flags(parser, full, micro):
    """The options that were given, and the sizes that they ask for."""
    options = parser.parse_args()
    options.tokenizer = options.demo / "google/umt5-xxl"
    if options.micro:
        options.device = "cpu"
    return options, {**(micro if options.micro else full), "side": options.side, "frames": options.frames}


class Run:
    """What all phases share: settings, data, clock and log.

    `size` says how large everything is, `shares` which part of the time each phase gets of what is left
    when it begins; `closing` seconds are kept for what comes after the last one.
    """

    def __init__(self, options, size, shares, closing=0.0):
        self.options, self.size, self.closing = options, size, closing
        self.device = options.device
        self.out = Path(options.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.left = dict(shares)
        self.begin = time.time()
        self.losses, self.notes = [], {}
        self.source = None  # draws clips in place of the renderer: (count, window, frames) to (video, covered)
        self.tokenizer = Tokenizer(options.tokenizer)
        self.text_length = TEXT_LENGTH
        pool = dataset.CaptionPool(options.tokenizer, size["scenes"], self.text_length, options.seed, size["workers"])
        torch.manual_seed(options.seed)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        self.renderer = dataset.Renderer(self.device, size=size["side"], frames=size["frames"])
        self.negative_bounds = torch.tensor(NEGATIVE_BOUNDS, device=self.device)
        self.scenes, self.ids = (part.to(self.device) for part in pool.finish())
        self.negatives = torch.tensor([self.tokenizer.ids(text, self.text_length) for text in NEGATIVES],
                                      dtype=torch.int16, device=self.device)
        self.say(f"{len(self.scenes)} scenes with {self.ids.shape[1]} captions each")

    def elapsed(self):
        return time.time() - self.begin

    def say(self, text):
        print(f"[{self.elapsed():6.1f} s] {text}", flush=True)

    def autocast(self):
        """bfloat16 where tensor cores make it worth it."""
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.device == "cuda")

    def pick(self, count, limit):
        """`count` random numbers below `limit`, a number or a tensor; makes the CPU wait for nothing."""
        return (torch.rand(count, device=self.device, dtype=torch.float64) * limit).long()

    def seconds(self, phase):
        """The phase's part of the time that is left; phases without a share get none."""
        share = self.left.pop(phase, 0.0)
        left = self.options.minutes * 60 - self.closing - self.elapsed()
        return max(0.0, left) * share / (share + sum(self.left.values())) if share else 0.0

    def write_log(self, path, **more):
        """Settings, losses and notes as JSON."""
        record = {"seed": self.options.seed, "minutes": self.options.minutes, "seconds": round(self.elapsed(), 1),
                  "device": torch.cuda.get_device_name() if self.device == "cuda" else self.device,
                  "torch": torch.__version__, "size": self.size, **self.notes, **more, "losses": self.losses}
        Path(path).write_text(json.dumps(record, indent=1) + "\n")


class Average:
    """An exponential moving average of modules' parameters; `weight` is what the newest counts."""

    def __init__(self, modules, device):
        self.source = [parameter for module in modules for parameter in module.parameters()]
        self.modules = [copy.deepcopy(module).eval().requires_grad_(False) for module in modules]
        self.target = [parameter for module in self.modules for parameter in module.parameters()]
        self.weight = torch.ones((), device=device)

    @torch.no_grad()
    def update(self):
        difference = torch._foreach_sub(self.source, self.target)
        torch._foreach_mul_(difference, self.weight)
        torch._foreach_add_(self.target, difference)


def captured(run, step):
    """`step` as a CUDA graph, which spares the CPU the launch of every kernel; else `step` itself."""
    if run.device != "cuda" or run.options.eager:
        return step
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for attempt in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            step()
    except RuntimeError as problem:
        run.say(f"no CUDA graph, every kernel is launched: {str(problem)[:300]}")
        return step
    return graph.replay


def train_loop(run, phase, modules, loss_of, peak, warmup, decay, betas=(0.9, 0.98), floor=0.02, snapshot=None):
    """Minimises loss_of() over the phase's time; the rate rises over `warmup` steps and falls along a cosine to
    `floor` of its peak. `snapshot` is (seconds, function): the function gets the averaged modules every so many
    seconds. Returns averaged modules."""
    seconds = run.seconds(phase)
    if seconds <= 0:
        return [module.eval().requires_grad_(False) for module in modules]
    optimizer = MuonWithAdam(modules, peak / warmup, betas)
    cuda = run.device == "cuda"
    average = Average(modules, run.device)
    total = torch.zeros((), device=run.device)

    def step():
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(optimizer.parameters, 1.0, foreach=True)
        optimizer.step()
        average.update()
        total.add_(loss.detach())

    advance = captured(run, step)
    total.zero_()
    begin = said = saved = time.time()
    number = counted = 0
    while True:
        progress = min(1.0, (time.time() - begin) / seconds)
        if progress >= 1 and number > 2:
            break
        now = peak * min(1.0, (number + 1) / warmup) * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress)))
        optimizer.set_rate(now)
        average.weight.fill_(1 - min(decay, (1 + number) / (10 + number)))
        advance()
        counted += 1
        number += 1
        if cuda and number % 10 == 0:
            torch.cuda.synchronize()
        if time.time() - said > 4:
            mean = (total / counted).item()
            run.losses.append({"phase": phase, "step": number, "seconds": round(run.elapsed(), 1), "loss": round(mean, 5)})
            run.say(f"{phase} step {number} loss {mean:.5f} rate {now:.1e} {(time.time() - said) / counted * 1000:.1f} ms/step")
            said, counted = time.time(), 0
            total.zero_()
            if snapshot and time.time() - saved > snapshot[0]:
                snapshot[1](average.modules)
                saved = time.time()
            if not math.isfinite(mean):
                raise SystemExit(f"the loss of phase {phase} is {mean}, expected a number; lower the rate")
    run.notes.setdefault("steps", {})[phase] = number
    run.say(f"{phase} ends after {number} steps")
    run.write_log(run.out / "log.json")
    return average.modules


def channels_last(module):
    """Stores convolution weights channels-last, which the fast kernels want."""
    for parameter in module.parameters():
        if parameter.dim() == 5:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
        elif parameter.dim() == 4 and parameter.shape[-1] > 1:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return module


def draw(run, count, window=None, frames=None, renderer=None):
    """Random clips, their coverage and the numbers of their scenes; a cut of them with `window` or `frames`."""
    chosen = run.pick(count, len(run.scenes))
    if run.source:
        video, covered = run.source(count, window or run.renderer.size, frames or run.renderer.frames)
        return video.contiguous(memory_format=torch.channels_last_3d), covered, chosen
    video, covered = (renderer or run.renderer).clips(run.scenes[chosen], frames, window)
    return video.contiguous(memory_format=torch.channels_last_3d), covered, chosen


def latent_grid(renderer, stride=8):
    """Frames, height and width of the latents of a renderer's clips."""
    return 1 + (renderer.frames - 1) // 4, renderer.size // stride, renderer.size // stride


def choose_speed(run):
    """Takes the faster of two forms of the 3-D convolution, and cuDNN's search if it gains very much."""
    if run.device != "cuda":
        return
    base, took = run.size["base"], {}
    for stacked in (False, True):
        for search in (False, True):
            vae.Settings.stacked_convolution, torch.backends.cudnn.benchmark = stacked, search
            for channels, side in ((base, 64), (base * 2, 32), (base * 4, 16)):
                layer = channels_last(vae.CausalConvolution(channels, channels, 3).to(run.device))
                video = torch.randn(48, channels, 17, side, side, device=run.device, dtype=torch.bfloat16)
                video = video.contiguous(memory_format=torch.channels_last_3d).requires_grad_(True)
                for attempt in range(8):
                    if attempt == 3:
                        torch.cuda.synchronize()
                        begin = time.time()
                    with run.autocast():
                        layer(video).sum().backward()
                torch.cuda.synchronize()
                took[stacked, search] = took.get((stacked, search), 0) + (time.time() - begin) / 5
    stacked = took[True, False] < took[False, False]
    search = took[stacked, False] > 1.6 * min(took.values())
    if search:
        stacked = took[True, True] < took[False, True]
    vae.Settings.stacked_convolution, torch.backends.cudnn.benchmark = stacked, search
    run.say("convolutions, ms by (stacked, searched): " + str({key: round(value * 1000, 2) for key, value in took.items()})
            + f"; taken {stacked}, {search}")


def reconstruction_errors(difference, covered):
    """The mean of absolute and squared differences, more where the object is or has just been, and of the
    differences of neighbouring pixels."""
    near = covered
    for kernel in ((5, 1, 1), (1, 7, 1), (1, 1, 7)):
        near = F.max_pool3d(near, kernel, 1, tuple(size // 2 for size in kernel))
    weight = 1 + 3 * near
    pixels = (weight * (difference.abs() + difference.square())).mean()
    edges = [(weight.narrow(axis, 1, weight.shape[axis] - 1) * difference.diff(dim=axis).abs()).mean() for axis in (3, 4)]
    return pixels + 0.5 * sum(edges)


def train_autoencoder(run, model):
    """Trains a new autoencoder on cuts of a few frames, then of many; encode() then gives unit latents."""
    model = channels_last(model.to(run.device))

    def loss_of(count, window, frames):
        video, covered, _ = draw(run, count, window, frames)
        with run.autocast():
            mean, log_variance = model.moments(video)
            mean, log_variance = mean.float(), log_variance.float().clamp(-20, 10)
            raw = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
            difference = model.reconstruct(raw).float() - video
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        return reconstruction_errors(difference, covered) + DIVERGENCE * divergence

    few, many, _ = run.size["clips"]
    side, most = min(64, run.renderer.size), min(17, run.renderer.frames)
    model = train_loop(run, "sketch", [model], lambda: loss_of(few, side, 5), 2e-3, 60, 0.99, (0.9, 0.95), 0.6)[0]
    model = channels_last(model).requires_grad_(True).train()
    model = train_loop(run, "autoencoder", [model], lambda: loss_of(many, side, most), 1.5e-3, 20, 0.998, (0.9, 0.95))[0]
    channels_last(model)
    normalise_autoencoder(run, model)
    report_autoencoder(run, model)
    return model


def sharpen(run, model):
    """Trains the decoder alone, on whole frames, from the latents with a little noise; changes no latents."""
    decoding = [part.requires_grad_(True).train() for part in (model.conv2, model.decoder)]
    count = run.size["clips"][2]

    def loss_of():
        video, covered, _ = draw(run, count, None, min(17, run.renderer.frames))
        with run.autocast():
            with torch.no_grad():
                latents = model.encode(video)
                noise = LATENT_NOISE * run.renderer.random(count).view(-1, 1, 1, 1, 1)
            difference = model.decode(latents + noise * torch.randn_like(latents)).float() - video
        return reconstruction_errors(difference, covered)

    model.conv2, model.decoder = train_loop(run, "sharpen", decoding, loss_of, 8e-4, 20, 0.998, (0.9, 0.95))
    channels_last(model)
    report_autoencoder(run, model)
    return model


@torch.no_grad()
def normalise_autoencoder(run, model):
    """Folds the latents' measured mean and spread into the weights."""
    means = []
    for _ in range(3):
        with run.autocast():
            means.append(model.moments(draw(run, run.size["encode"])[0])[0].float())
    means = torch.cat(means)
    mean, std = means.mean((0, 2, 3, 4)), means.std((0, 2, 3, 4))
    run.say("latent spread " + " ".join(f"{value:.2f}" for value in std.tolist()))
    std = std.clamp_min(0.25 * std.max())
    fold_normalisation(model, mean, std)


@torch.no_grad()
def report_autoencoder(run, model):
    """Rounds the weights to bf16 and measures them on clips that no step has seen."""
    for parameter in model.parameters():
        parameter.copy_(parameter.to(torch.bfloat16))
    video = draw(run, min(32, run.size["encode"]))[0]
    latents = model.encode(video)
    error = (model.decode(latents).clamp(-1, 1) - video).square().mean((1, 2, 3, 4)) / 4
    run.notes["autoencoder PSNR"] = round((-10 * error.log10()).mean().item(), 2)
    run.say(f"autoencoder PSNR {run.notes['autoencoder PSNR']} dB, latents mean {latents.mean():.3f} std {latents.std():.3f}")


def on_latents(covered, stride):
    """Coverage [B,1,1+4n,H,W] as the largest within what each latent stands for: [B,1,1+n,H/stride,W/stride]."""
    parts = (F.max_pool3d(covered[:, :, :1], (1, stride, stride)), F.max_pool3d(covered[:, :, 1:], (4, stride, stride)))
    return torch.cat(parts, dim=2)


class Bank:
    """A ring of encoded clips that grows while it is used; its counters live on the device."""

    def __init__(self, run, autoencoder, images, renderer=None):
        self.run, self.autoencoder, self.images = run, autoencoder, images
        self.renderer = renderer or run.renderer
        self.capacity = run.size["capacity"]
        self.refresh = 0
        shape = (self.capacity, autoencoder.CHANNELS, *latent_grid(self.renderer, autoencoder.STRIDE))
        self.latents = torch.empty(shape, dtype=torch.bfloat16, device=run.device)
        self.pictures = torch.empty(shape, dtype=torch.bfloat16, device=run.device) if images else None
        self.objects = torch.empty(self.capacity, 1, *shape[2:], dtype=torch.bfloat16, device=run.device)
        self.scenes = torch.empty(self.capacity, dtype=torch.long, device=run.device)
        self.filled = torch.zeros((), dtype=torch.long, device=run.device)
        self.next = torch.zeros((), dtype=torch.long, device=run.device)

    @torch.no_grad()
    def add(self, count):
        video, covered, chosen = draw(self.run, count, renderer=self.renderer)
        with self.run.autocast():
            latents = self.autoencoder.encode(video)
            if self.images:
                picture = image_condition(self.autoencoder, video[:, :, 0], self.renderer.frames)[:, 4:]
        where = (torch.arange(count, device=self.run.device) + self.next) % self.capacity
        self.latents[where] = latents.to(torch.bfloat16)
        self.objects[where] = on_latents(covered, self.autoencoder.STRIDE).to(torch.bfloat16)
        if self.images:
            self.pictures[where] = picture.to(torch.bfloat16)
        self.scenes[where] = chosen
        self.next.copy_((self.next + count) % self.capacity)
        self.filled.copy_((self.filled + count).clamp_max(self.capacity))

    def fill(self, count, seconds):
        """Encodes `count` clips or as many as `seconds` allow, and settles how many each step adds."""
        chunk = self.run.size["encode"]
        self.add(chunk)
        begin, done = time.time(), 0
        while done < count and (time.time() - begin < seconds or done == 0):
            self.add(chunk)
            done += chunk
            if self.run.device == "cuda":
                torch.cuda.synchronize()
        each = (time.time() - begin) / done
        self.refresh = max(1, min(chunk, round(self.run.size["refresh"] / each)))
        self.run.say(f"{done} clips encoded, {each * 1000:.2f} ms each; {self.refresh} more in every step")

    def batch(self, count):
        """Latents, where objects are, conditions or None, and token ids with some captions replaced by a negative
        text."""
        run = self.run
        chosen = run.pick(count, self.filled)
        ids = run.ids[self.scenes[chosen], run.pick(count, run.ids.shape[1])]
        kind = (run.renderer.random(count)[:, None] > run.negative_bounds).sum(1)
        dropped = run.renderer.random(count) < DROPOUT
        ids = torch.where(dropped[:, None], run.negatives[kind], ids).long()
        clean, objects = self.latents[chosen].float(), self.objects[chosen].float()
        if not self.images:
            return clean, objects, None, ids
        picture = self.pictures[chosen].float()
        mask = torch.zeros_like(picture[:, :4])
        mask[:, :, 0] = 1
        return clean, objects, torch.cat([mask, picture], dim=1), ids


@torch.no_grad()
def channel_weights(run, autoencoder):
    """How much errors in each channel of the latents count [C], with a mean of 1: the root of what noise in it changes
    in the pixels, so that a narrow transformer gives up what nobody would see."""
    latents = autoencoder.encode(draw(run, 4, frames=min(9, run.renderer.frames))[0])
    plain, changes = autoencoder.decode(latents), []
    for channel in range(latents.shape[1]):
        noisy = latents.clone()
        noisy[:, channel] += 0.3 * torch.randn_like(noisy[:, channel])
        changes.append((autoencoder.decode(noisy) - plain).square().mean().sqrt())
    changes = torch.stack(changes)
    weights = (changes / changes.mean()).clamp_min(LEAST_WEIGHT)
    return weights / weights.mean()


def train_denoiser(run, phase, model, text_encoder, bank, low, high, peak, with_text, batch=None, warmup=50, given=0.0,
                   snapshot=None, channels=None):
    """Flow matching on noise levels of `low`..`high`; trains the text encoder too when `with_text`. So large a
    share as `given` has its first frame without noise, as TI2V models are given a picture. Errors count by `channels`,
    a weight for each of the latents, or alike."""
    channels = torch.ones(1, device=run.device) if channels is None else channels
    first, last = (level / (SHIFT - (SHIFT - 1) * level) for level in (low, high))
    model.train()

    def loss_of():
        bank.add(bank.refresh)
        clean, objects, condition, ids = bank.batch(batch or run.size["batch"])
        count, frames = len(clean), clean.shape[2]
        even = (torch.arange(count, device=run.device) + run.renderer.random(count)) / count
        even = first + (last - first) * even
        level = SHIFT * even / (1 + (SHIFT - 1) * even)
        counted = torch.ones(count, frames, device=run.device)
        if given:
            counted[:, 0] = (run.renderer.random(count) >= given).float()
            level = level[:, None] * counted
        noise = torch.randn_like(clean)
        wide = level.view(count, 1, -1, 1, 1)
        inputs = clean * (1 - wide) + noise * wide
        if condition is not None:
            inputs = torch.cat([inputs, condition], dim=1)
        with run.autocast():
            with torch.set_grad_enabled(with_text):
                text = text_encoder(ids)
            velocity = model(inputs, (level * 1000).floor(), text)
        weight = (1 + OBJECT_WEIGHT * objects * (1 - wide).square()) * channels.view(1, -1, 1, 1, 1)
        errors = (weight * (velocity.float() - (noise - clean)).square()).mean((1, 3, 4))
        return (errors * counted).sum() / counted.sum()

    modules = [model, text_encoder] if with_text else [model]
    return train_loop(run, phase, modules, loss_of, peak, warmup, 0.999, snapshot=snapshot)


def compile_blocks(device, batch, config, grid, times=1):
    """Compiles the transformer's block for a batch of latents of `grid`, each with one time or `times`, one for
    each frame. A process that did this before leaves its kernels in the compiler's cache, so that another one starts
    at once."""
    def loss_of():
        model = VideoTransformer(config).to(device).train()
        latents = torch.randn(batch, config["in_dim"], *grid, device=device)
        text = torch.randn(batch, config["text_len"], config["text_dim"], device=device)
        with torch.autocast(device, dtype=torch.bfloat16):
            velocity = model(latents, torch.full((batch,) if times == 1 else (batch, times), 500.0, device=device), text)
        return velocity.square().mean()
    compile_with(device, loss_of)


def compile_with(device, loss_of):
    """Compiles the transformer's block with a first loss and its gradient; keeps it off where that fails."""
    if device != "cuda":
        return
    begin = time.time()
    try:
        torch._dynamo.config.recompile_limit = 64
        transformer.Settings.compiled_block = (
            transformer.Settings.compiled_block or torch.compile(transformer.Block.forward, dynamic=False))
        loss_of().backward()
        torch.cuda.synchronize()
        print(f"blocks compiled in {time.time() - begin:.1f} s", flush=True)
    except Exception as problem:
        transformer.Settings.compiled_block = None
        print(f"blocks stay uncompiled: {type(problem).__name__} {str(problem)[:300]}", flush=True)


def rounded_copy(model):
    """The model as the exported file will give it back."""
    twin = copy.deepcopy(model).eval().requires_grad_(False)
    for parameter in twin.parameters():
        parameter.data.copy_(parameter.data.to(torch.bfloat16))
    return twin


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())

