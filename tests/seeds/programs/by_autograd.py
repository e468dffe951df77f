"""Seed 000 "PyTorch: Autograd", 001 "Trivial to run on GPU": the same net, gradients by backward."""

import os

import torch
from fixed import normal

device = os.environ.get("PROGRAM_DEVICE", "cpu")
x = normal(1, 32, 100, device=device)
y = normal(2, 32, 5, device=device)
w1 = normal(3, 100, 20, requires_grad=True, device=device)
w2 = normal(4, 20, 5, requires_grad=True, device=device)
losses = []
for _ in range(10):
    loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
    loss.backward()
    losses.append(loss.item())
    with torch.no_grad():
        w1 -= 1e-5 * w1.grad
        w2 -= 1e-5 * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
numbers = {
    "losses": losses,
    "w1": w1.cpu(),
    "w2": w2.cpu(),
    "leaf": w1.is_leaf,
    "fn": w1.grad_fn is None,
}
