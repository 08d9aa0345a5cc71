"""Muon (github.com/KellerJordan/Muon, muon.py) for matrices and convolutions between the first layer and the last,
AdamW for everything else. Muon's updates are scaled to the size of AdamW's (Liu et al., arXiv 2502.16982), so that
one learning rate serves both."""

import torch

HIDDEN = ("blocks.", "downsamples.", "upsamples.", "middle.")  # in the names of parameters that are Muon's
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
MOMENTUM = 0.95
UPDATE_SIZE = 0.2  # root mean square of an update at a rate of 1
DECAY = 0.01


def orthogonalised(matrices):
    """Each of [N,rows,columns] with its singular values near 1, by a quintic Newton-Schulz iteration."""
    a, b, c = COEFFICIENTS
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    x = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    x = x.to(torch.bfloat16) if x.is_cuda else x
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x if wide is matrices else x.mT).float()


def split(modules):
    """The parameters that are Muon's, the other matrices, and the vectors."""
    hidden, matrices, vectors = [], [], []
    for module in modules:
        for name, parameter in module.named_parameters():
            if parameter.dim() <= 1 or parameter.numel() == parameter.shape[0] or parameter.shape[0] == 1:
                vectors.append(parameter)
            elif any(part in name for part in HIDDEN) and "embedding" not in name:
                hidden.append(parameter)
            else:
                matrices.append(parameter)
    return hidden, matrices, vectors


class MuonWithAdam:
    """Steps of the modules' parameters. Everything stays on the device, so that a step can be part of a CUDA graph;
    the rate is then a tensor."""

    def __init__(self, modules, rate, betas):
        hidden, matrices, vectors = split(modules)
        cuda = vectors[0].is_cuda
        self.parameters = hidden + matrices + vectors
        self.rate = torch.full((), rate, device=vectors[0].device) if cuda else rate
        self.adam = torch.optim.AdamW([{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}],
                                      lr=self.rate, betas=betas, fused=cuda, capturable=cuda)
        self.groups = {}
        for parameter in hidden:
            self.groups.setdefault(tuple(parameter.shape), []).append(parameter)
        self.momenta = {shape: [torch.zeros_like(each) for each in group] for shape, group in self.groups.items()}

    def set_rate(self, rate):
        if torch.is_tensor(self.rate):
            self.rate.fill_(rate)
        else:
            self.rate = rate
            for group in self.adam.param_groups:
                group["lr"] = rate

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self):
        self.adam.step()
        for shape, group in self.groups.items():
            gradients = [parameter.grad for parameter in group]
            torch._foreach_lerp_(self.momenta[shape], gradients, 1 - MOMENTUM)
            ahead = torch._foreach_lerp(gradients, self.momenta[shape], MOMENTUM)
            matrices = torch.stack([update.flatten(1) for update in ahead])
            updates = orthogonalised(matrices) * (UPDATE_SIZE * max(matrices.shape[1:])**0.5)
            torch._foreach_mul_(group, 1 - self.rate * DECAY)
            torch._foreach_sub_(group, [update.view(shape) for update in (updates * self.rate).unbind()])
