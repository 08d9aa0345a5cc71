"""Encoded clips that are kept on the device and replaced by new ones while a model learns from them."""

import time

import torch


class ClipRing:
    """A ring of clips of several tensors each; a subclass makes them. Its counters live on the device, so that adding
    and picking can be part of a CUDA graph."""

    def __init__(self, run, shapes, kinds=None):
        """`shapes` has the shape of each tensor of a clip, `kinds` the types that are not bfloat16."""
        self.run, self.capacity = run, run.size["capacity"]
        kinds = kinds or {}
        self.parts = {name: torch.zeros(self.capacity, *shape, dtype=kinds.get(name, torch.bfloat16), device=run.device)
                      for name, shape in shapes.items()}
        self.filled, self.next = (torch.zeros((), dtype=torch.long, device=run.device) for _ in range(2))
        self.refresh = 0  # clips that each step adds

    def make(self, count):
        """The tensors [count,...] of so many new clips by their names."""
        raise NotImplementedError

    @torch.no_grad()
    def add(self, count):
        made = self.make(count)
        where = (torch.arange(count, device=self.run.device) + self.next) % self.capacity
        for name, part in self.parts.items():
            part[where] = made[name].to(part.dtype)
        self.next.copy_((self.next + count) % self.capacity)
        self.filled.copy_((self.filled + count).clamp_max(self.capacity))

    def fill(self, seconds):
        """Encodes clips for so long, and settles how many each step adds."""
        run, chunk = self.run, self.run.size["encode"]
        self.add(chunk)
        begin, done = time.time(), 0
        while done < self.capacity and (time.time() - begin < seconds or done == 0):
            self.add(chunk)
            done += chunk
            if run.device == "cuda":
                torch.cuda.synchronize()
        each = (time.time() - begin) / done
        self.refresh = max(1, min(chunk, round(run.size["refresh"] / each)))
        run.say(f"{done} clips encoded, {each * 1000:.2f} ms each; {self.refresh} more in every step")

    def pick(self, count):
        """The tensors of some clips."""
        chosen = self.run.pick(count, self.filled)
        return {name: part[chosen] for name, part in self.parts.items()}
