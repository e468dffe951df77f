"""Seed 000 "PyTorch: Tensors", 001 the same: the two-layer net with the gradients worked out by hand."""

import os

import torch
from fixed import normal

device = torch.device(os.environ.get("PROGRAM_DEVICE", "cpu"))
x = normal(1, 32, 100, device=device)
y = normal(2, 32, 5, device=device)
first = normal(3, 100, 20, device=device)
second = normal(4, 20, 5, device=device)
rate = 1e-5
losses = []
for _ in range(10):
    hidden = x.mm(first)
    active = hidden.clamp(min=0)
    guess = active.mm(second)
    losses.append((guess - y).pow(2).sum().item())
    d_guess = 2.0 * (guess - y)
    d_second = active.t().mm(d_guess)
    d_hidden = d_guess.mm(second.t()).clone()
    d_hidden[hidden < 0] = 0
    first -= rate * x.t().mm(d_hidden)
    second -= rate * d_second
numbers = {"losses": losses, "first": first.cpu(), "second": second.cpu()}
