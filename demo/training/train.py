"""Trains the demo checkpoint from nothing within a given number of minutes.

    python train.py --out FOLDER --tokenizer ../checkpoint/t2v/google/umt5-xxl --minutes 8

Phases, each with its share of the time: the autoencoder; one text-to-video transformer for all noise
levels together with the text encoder; from it the two text-to-video experts; from it again an
image-to-video transformer and its two experts. Every phase ends with averaged weights and a file in
FOLDER, so that a stop loses one phase at most. --resume FOLDER continues from the files of an earlier
run (its tar files unpacked to FOLDER/checkpoint). --micro runs all of it on a CPU with a toy
configuration.
"""

import argparse
import copy
import math
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import torch

import dataset
import transformer
import vae
from captions import NEGATIVES
from evaluate import I2V_BOUNDARY, SHOW, T2V_BOUNDARY, Studio, first_frames, image_condition, score, test_prompts
from export import EXPERTS, link_shared, load_expert, save_autoencoder, save_expert, save_text_encoder
from sheet import contact_sheet
from text_encoder import TextEncoder
from tokenizer import Tokenizer
from transformer import VideoTransformer, extend_inputs
from vae import VideoAutoencoder, fold_normalisation

SHIFT = 5.0
TEXT_LENGTH = 64
DROPOUT = 0.12
NEGATIVE_BOUNDS = (0.25, 0.75, 0.875)  # of a uniform number, between the four captions.NEGATIVES
SHARES = {"sketch": 0.12, "autoencoder": 0.22, "joint": 0.38, "t2v_low": 0.06, "t2v_high": 0.05,
          "i2v": 0.10, "i2v_low": 0.035, "i2v_high": 0.035}
FULL = {"base": 16, "text": (128, 256, 4, 3), "dim": 160, "ffn_dim": 384, "num_heads": 5, "num_layers": 5,
        "batch": 256, "clips": (32, 16), "encode": 128, "scenes": 150_000, "workers": 14, "first_fill": 12_000,
        "capacity": 60_000, "prompts": 52}
MICRO = {"base": 4, "text": (32, 64, 2, 1), "dim": 64, "ffn_dim": 96, "num_heads": 2, "num_layers": 2,
         "batch": 8, "clips": (2, 2), "encode": 4, "scenes": 400, "workers": 1, "first_fill": 16,
         "capacity": 64, "prompts": 4}


class Run:
    """What all phases share: settings, data, clock and log."""

    def __init__(self, options):
        self.options = options
        self.size = MICRO if options.micro else FULL
        self.device = options.device
        self.out = Path(options.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.checkpoint = Path(options.checkpoint or self.out / "checkpoint")
        self.shares = SHARES
        if options.shares:
            self.shares = {name: float(value) for name, value in (part.split("=") for part in options.shares.split(","))}
        self.begin = time.time()
        self.tokenizer = Tokenizer(options.tokenizer)
        self.text_length = TEXT_LENGTH
        pool = dataset.CaptionPool(options.tokenizer, self.size["scenes"], self.text_length, options.seed, self.size["workers"])
        torch.manual_seed(options.seed)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        self.renderer = dataset.Renderer(self.device)
        self.negative_bounds = torch.tensor(NEGATIVE_BOUNDS, device=self.device)
        self.scenes, self.ids = (part.to(self.device) for part in pool.finish())
        self.negatives = torch.tensor([self.tokenizer.ids(text, self.text_length) for text in NEGATIVES],
                                      dtype=torch.int16, device=self.device)
        self.say(f"{len(self.scenes)} scenes with {self.ids.shape[1]} captions each")

    def say(self, text):
        print(f"[{time.time() - self.begin:6.1f} s] {text}", flush=True)

    def autocast(self):
        return torch.autocast(self.device, dtype=torch.bfloat16)

    def pick(self, count, limit):
        """`count` random numbers below `limit`, a number or a tensor; makes the CPU wait for nothing."""
        return (torch.rand(count, device=self.device, dtype=torch.float64) * limit).long()

    def seconds(self, phase):
        """The phase's part of the time; phases that --shares leaves out get none."""
        return self.shares.get(phase, 0.0) * self.options.minutes * 60

    def path(self, name):
        """A file of the earlier run to continue from, or None."""
        earlier = Path(self.options.resume) / name if self.options.resume else None
        return earlier if earlier and earlier.exists() else None


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
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def train_loop(run, phase, modules, loss_of, peak, warmup, decay, betas=(0.9, 0.98), floor=0.02):
    """Minimises loss_of() over the phase's time with AdamW; the rate rises over `warmup` steps and falls
    along a cosine to `floor` of its peak. Returns averaged modules."""
    seconds = run.seconds(phase)
    if seconds <= 0:
        return [module.eval().requires_grad_(False) for module in modules]
    parameters = [parameter for module in modules for parameter in module.parameters()]
    matrices = [parameter for parameter in parameters if parameter.dim() > 1]
    vectors = [parameter for parameter in parameters if parameter.dim() <= 1]
    cuda = run.device == "cuda"
    rate = torch.full((), peak / warmup, device=run.device) if cuda else peak / warmup
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}],
                                  lr=rate, betas=betas, fused=cuda, capturable=cuda)
    average = Average(modules, run.device)
    total = torch.zeros((), device=run.device)

    def step():
        loss = loss_of()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
        optimizer.step()
        average.update()
        total.add_(loss.detach())

    advance = captured(run, step)
    total.zero_()
    begin = said = time.time()
    number = counted = 0
    while True:
        progress = min(1.0, (time.time() - begin) / seconds)
        if progress >= 1 and number > 2:
            break
        now = peak * min(1.0, (number + 1) / warmup) * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress)))
        if cuda:
            rate.fill_(now)
        else:
            for group in optimizer.param_groups:
                group["lr"] = now
        average.weight.fill_(1 - min(decay, (1 + number) / (10 + number)))
        advance()
        counted += 1
        number += 1
        if cuda and number % 10 == 0:
            torch.cuda.synchronize()
        if time.time() - said > 4:
            mean = (total / counted).item()
            run.say(f"{phase} step {number} loss {mean:.5f} rate {now:.1e} {(time.time() - said) / counted * 1000:.1f} ms/step")
            said, counted = time.time(), 0
            total.zero_()
            if not math.isfinite(mean):
                raise SystemExit(f"the loss of phase {phase} is {mean}, expected a number; lower the rate")
    run.say(f"{phase} ends after {number} steps")
    return average.modules


def channels_last(module):
    """Stores convolution weights channels-last, which the fast kernels want."""
    for parameter in module.parameters():
        if parameter.dim() == 5:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
        elif parameter.dim() == 4 and parameter.shape[-1] > 1:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return module


def draw(run, count, window=dataset.SIZE, frames=dataset.FRAMES):
    """Random clips, their coverage and the numbers of their scenes."""
    chosen = run.pick(count, len(run.scenes))
    video, covered = run.renderer.clips(run.scenes[chosen], frames, window)
    return video.contiguous(memory_format=torch.channels_last_3d), covered, chosen


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


def train_autoencoder(run):
    model = channels_last(VideoAutoencoder(run.size["base"]).to(run.device))

    def reconstruction_loss(count, window, frames):
        video, covered, _ = draw(run, count, window, frames)
        with run.autocast():
            mean, log_variance = model.moments(video)
            mean, log_variance = mean.float(), log_variance.float().clamp(-20, 10)
            raw = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
            difference = model.reconstruct(raw).float() - video
        pixels = ((1 + 3 * covered) * (difference.abs() + difference.square())).mean()
        edges = (difference[..., 1:] - difference[..., :-1]).abs().mean() + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        return pixels + 0.5 * edges + 5e-4 * divergence

    few, many = run.size["clips"]
    model = train_loop(run, "sketch", [model], lambda: reconstruction_loss(few, 64, 5), 2e-3, 60, 0.99, (0.9, 0.95), 0.6)[0]
    model = channels_last(model).requires_grad_(True).train()
    model = train_loop(run, "autoencoder", [model], lambda: reconstruction_loss(many, 64, 17), 1.3e-3, 20, 0.996, (0.9, 0.95))[0]
    measure_autoencoder(run, model)
    return model


@torch.no_grad()
def measure_autoencoder(run, model):
    """Folds the latents' measured mean and spread into the weights, rounds them to bf16 and reports."""
    means = []
    for _ in range(3):
        with run.autocast():
            means.append(model.moments(draw(run, run.size["encode"])[0])[0].float())
    means = torch.cat(means)
    mean, std = means.mean((0, 2, 3, 4)), means.std((0, 2, 3, 4))
    run.say("latent spread " + " ".join(f"{value:.2f}" for value in std.tolist()))
    std = std.clamp_min(0.25 * std.max())
    fold_normalisation(model, mean, std)
    for parameter in model.parameters():
        parameter.copy_(parameter.to(torch.bfloat16))
    video = draw(run, min(32, run.size["encode"]))[0]
    latents = model.encode(video)
    error = (model.decode(latents).clamp(-1, 1) - video).square().mean((1, 2, 3, 4)) / 4
    run.say(f"autoencoder PSNR {(-10 * error.log10()).mean():.2f} dB, latents mean {latents.mean():.3f} std {latents.std():.3f}")


class Bank:
    """A ring of encoded clips that grows while it is used; its counters live on the device."""

    def __init__(self, run, autoencoder, images):
        self.run, self.autoencoder, self.images = run, autoencoder, images
        self.capacity = run.size["capacity"]
        shape = (self.capacity, 16, 1 + (dataset.FRAMES - 1) // 4, dataset.SIZE // 8, dataset.SIZE // 8)
        self.latents = torch.empty(shape, dtype=torch.bfloat16, device=run.device)
        self.pictures = torch.empty(shape, dtype=torch.bfloat16, device=run.device) if images else None
        self.scenes = torch.empty(self.capacity, dtype=torch.long, device=run.device)
        self.filled = torch.zeros((), dtype=torch.long, device=run.device)
        self.next = torch.zeros((), dtype=torch.long, device=run.device)

    @torch.no_grad()
    def add(self, count):
        video, _, chosen = draw(self.run, count)
        with self.run.autocast():
            latents = self.autoencoder.encode(video)
            if self.images:
                picture = image_condition(self.autoencoder, video[:, :, 0], dataset.FRAMES)[:, 4:]
        where = (torch.arange(count, device=self.run.device) + self.next) % self.capacity
        self.latents[where] = latents.to(torch.bfloat16)
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
        self.refresh = max(2, min(chunk, int(0.005 / each)))
        self.run.say(f"{done} clips encoded, {each * 1000:.2f} ms each; {self.refresh} more in every step")

    def batch(self, count):
        """Latents, conditions or None, and token ids with some captions replaced by a negative text."""
        run = self.run
        chosen = run.pick(count, self.filled)
        ids = run.ids[self.scenes[chosen], run.pick(count, run.ids.shape[1])]
        kind = (run.renderer.random(count)[:, None] > run.negative_bounds).sum(1)
        dropped = run.renderer.random(count) < DROPOUT
        ids = torch.where(dropped[:, None], run.negatives[kind], ids).long()
        if not self.images:
            return self.latents[chosen].float(), None, ids
        picture = self.pictures[chosen].float()
        mask = torch.zeros_like(picture[:, :4])
        mask[:, :, 0] = 1
        return self.latents[chosen].float(), torch.cat([mask, picture], dim=1), ids


def train_denoiser(run, phase, model, text_encoder, bank, low, high, peak, with_text):
    """Flow matching on noise levels of `low`..`high`; trains the text encoder too when `with_text`."""
    first, last = (level / (SHIFT - (SHIFT - 1) * level) for level in (low, high))
    model.train()

    def loss_of():
        bank.add(bank.refresh)
        clean, condition, ids = bank.batch(run.size["batch"])
        count = len(clean)
        even = (torch.arange(count, device=run.device) + run.renderer.random(count)) / count
        even = first + (last - first) * even
        level = SHIFT * even / (1 + (SHIFT - 1) * even)
        noise = torch.randn_like(clean)
        wide = level.view(-1, 1, 1, 1, 1)
        inputs = clean * (1 - wide) + noise * wide
        if condition is not None:
            inputs = torch.cat([inputs, condition], dim=1)
        with run.autocast():
            with torch.set_grad_enabled(with_text):
                text = text_encoder(ids)
            velocity = model(inputs, (level * 1000).floor(), text)
        return (velocity.float() - (noise - clean)).square().mean()

    modules = [model, text_encoder] if with_text else [model]
    return train_loop(run, phase, modules, loss_of, peak, 200 if with_text else 50, 0.999 if with_text else 0.998)


def compile_blocks(device, batch, config):
    """Compiles the transformer's block once for all models; keeps it off where that fails. A process that
    did this before leaves its kernels in the compiler's cache, so that another one starts at once."""
    if device != "cuda":
        return
    begin = time.time()
    try:
        torch._dynamo.config.recompile_limit = 64
        transformer.Settings.compiled_block = torch.compile(transformer.Block.forward, dynamic=False)
        model = VideoTransformer(config).to(device).train()
        latents = torch.randn(batch, 16, 1 + (dataset.FRAMES - 1) // 4, dataset.SIZE // 8, dataset.SIZE // 8, device=device)
        text = torch.randn(batch, config["text_len"], config["text_dim"], device=device)
        for attempt in range(2):
            with torch.autocast(device, dtype=torch.bfloat16):
                velocity = model(latents, torch.full((batch,), 500.0, device=device), text)
            velocity.square().mean().backward()
        torch.cuda.synchronize()
        print(f"blocks compiled in {time.time() - begin:.1f} s", flush=True)
    except Exception as problem:
        transformer.Settings.compiled_block = None
        print(f"blocks stay uncompiled: {type(problem).__name__} {str(problem)[:300]}", flush=True)


def pack(run, name, *parts):
    """Puts files of the checkpoint into one tar in FOLDER."""
    with tarfile.open(run.out / f"{name}.tar", "w") as archive:
        for part in parts:
            archive.add(run.checkpoint / part, arcname=part)


@torch.no_grad()
def report(run, studio, experts, label, images=False, settings=None):
    """Prints the share of test prompts that pass and returns the videos."""
    prompts = test_prompts(run.size["prompts"])
    pictures = first_frames(prompts, run.device) if images else None
    boundary = I2V_BOUNDARY if images else T2V_BOUNDARY
    used = settings or {"steps": 20, "shift": SHIFT, "guidance": (4.0, 4.0)}
    if run.options.micro:
        used = {**used, "steps": 2}
    videos = studio.videos(experts, [prompt[0] for prompt in prompts], 1000, boundary, pictures, **used)
    run.say(f"{label} {used}: {score(videos, prompts, settings is None):.3f} of {len(prompts)} prompts pass")
    return videos, prompts


def rounded_copy(model):
    """The model as the exported file will give it back."""
    twin = copy.deepcopy(model).eval().requires_grad_(False)
    for parameter in twin.parameters():
        parameter.data.copy_(parameter.data.to(torch.bfloat16))
    return twin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--checkpoint", help="where the checkpoint is built, otherwise OUT/checkpoint")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--resume")
    parser.add_argument("--shares", help="other shares of the time, as joint=0.5,t2v_low=0.5")
    parser.add_argument("--rate", type=float, default=1.6e-3, help="highest learning rate of the joint phase")
    parser.add_argument("--eager", action="store_true", help="no CUDA graphs")
    parser.add_argument("--reports", action="store_true", help="generate and judge videos at the end")
    parser.add_argument("--micro", action="store_true")
    parser.add_argument("--only-compile", action="store_true", help="fill the compiler's cache and stop")
    options = parser.parse_args()
    if options.micro:
        options.device = "cpu"
    size = MICRO if options.micro else FULL
    config = {"dim": size["dim"], "ffn_dim": size["ffn_dim"], "freq_dim": 128, "in_dim": 16, "out_dim": 16,
              "num_heads": size["num_heads"], "num_layers": size["num_layers"], "text_len": TEXT_LENGTH,
              "text_dim": size["text"][0]}
    if options.only_compile:
        compile_blocks(options.device, size["batch"], config)
        return
    run = Run(options)
    checkpoint = run.checkpoint
    if run.device == "cuda":  # fills the compiler's cache while the autoencoder trains
        subprocess.Popen([sys.executable, __file__, "--out", options.out, "--tokenizer", options.tokenizer, "--only-compile"])
    choose_speed(run)
    autoencoder = obtain_autoencoder(run)
    torch.save({name: value.to(torch.bfloat16) for name, value in autoencoder.state_dict().items()}, run.out / "autoencoder.pt")
    save_autoencoder(autoencoder, checkpoint / "t2v")

    model = VideoTransformer(config).to(run.device)
    text_encoder = TextEncoder(run.tokenizer.size, *size["text"]).to(run.device)
    if run.path("joint.pt"):
        state = torch.load(run.path("joint.pt"), map_location=run.device)
        model.load_state_dict(state["model"])
        text_encoder.load_state_dict(state["text_encoder"])
    run.say(f"parameters: transformer {count(model):,}, text encoder {count(text_encoder):,}, autoencoder {count(autoencoder):,}")
    bank = Bank(run, autoencoder, images=False)
    bank.fill(size["first_fill"], 6)
    compile_blocks(run.device, size["batch"], config)
    model, text_encoder = train_denoiser(run, "joint", model, text_encoder, bank, 0.0, 1.0, options.rate, True)
    torch.save({"model": model.state_dict(), "text_encoder": text_encoder.state_dict()}, run.out / "joint.pt")
    text_encoder = rounded_copy(text_encoder)
    save_text_encoder(text_encoder, checkpoint / "t2v")
    pack(run, "shared", *(f"t2v/{path.name}" for path in sorted((checkpoint / "t2v").glob("*.pth"))))
    studio = Studio(text_encoder, autoencoder, run.tokenizer, run.text_length, run.device)

    def branch(name, start, low, high, used):
        kind, noise = name.split("_")
        earlier = run.path(f"checkpoint/{kind}/{noise}_noise_model")
        start = load_expert(earlier).to(run.device) if earlier else copy.deepcopy(start)
        trained = train_denoiser(run, name, start.requires_grad_(True), text_encoder, used, low, high, 6e-4, False)[0]
        save_expert(trained, checkpoint / kind / f"{noise}_noise_model", kind)
        return rounded_copy(trained)

    t2v = (branch("t2v_low", model, 0.0, T2V_BOUNDARY, bank), branch("t2v_high", model, T2V_BOUNDARY, 1.0, bank))
    pack(run, "t2v", *(f"t2v/{name}" for name in EXPERTS))
    del bank
    bank = Bank(run, autoencoder, images=True)
    bank.fill(size["first_fill"] // 2, 5)
    wide = extend_inputs(model, {**config, "in_dim": 36}).requires_grad_(True)
    wide = train_denoiser(run, "i2v", wide, text_encoder, bank, 0.0, 1.0, 1e-3, False)[0]
    i2v = (branch("i2v_low", wide, 0.0, I2V_BOUNDARY, bank), branch("i2v_high", wide, I2V_BOUNDARY, 1.0, bank))
    pack(run, "i2v", *(f"i2v/{name}" for name in EXPERTS))
    link_shared(checkpoint / "i2v")
    run.say("the checkpoint is whole")
    if not options.reports:
        return
    videos, prompts = report(run, studio, t2v, "text-to-video")
    moving, _ = report(run, studio, i2v, "image-to-video", images=True)
    show = {"steps": 2 if options.micro else 20, "shift": SHIFT, "guidance": (4.0, 4.0)}
    shown = studio.videos(t2v, SHOW, 1000, **show)
    titles = SHOW + [prompt[0] for prompt in prompts[:10]] + ["image: " + prompt[0] for prompt in prompts[:12]]
    contact_sheet(torch.cat([shown, videos[:10], moving[:12]]), titles, run.out / "sheet.png", columns=2)
    for shift, guidance in ((3.0, 4.0), (5.0, 3.0), (5.0, 6.0), (8.0, 4.0)):
        report(run, studio, t2v, "text-to-video", settings={"steps": 20, "shift": shift, "guidance": (guidance,) * 2})
    run.say("done")


def obtain_autoencoder(run):
    """The autoencoder of an earlier run, or a new one."""
    if not run.path("autoencoder.pt"):
        return train_autoencoder(run)
    model = VideoAutoencoder(run.size["base"]).to(run.device)
    model.load_state_dict(torch.load(run.path("autoencoder.pt"), map_location=run.device))
    return channels_last(model).eval().requires_grad_(False)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())



if __name__ == "__main__":
    main()
