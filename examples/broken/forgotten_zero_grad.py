"""Broken: gradients are never cleared. backward() adds to .grad, so that each step follows the sum of all before.

It looks like a momentum of 1: the loss falls, then swings up and down for ever.

Look:  graphscope doctor runs/broken-forgotten_zero_grad       Cure:  --fixed  (optimizer.zero_grad())
"""

import sys

import graphscope as gs
from graphscope import nn, optim

gs.manual_seed(0)
x = gs.randn(128, 4)
y = x @ gs.tensor([[1.0], [-2.0], [0.5], [3.0]]) + 0.1 * gs.randn(128, 1)

net = nn.Linear(4, 1)
optimizer = optim.SGD(net.parameters(), lr=0.02)

with gs.profile("runs/broken-forgotten_zero_grad", values="full"):
    for step in range(60):
        loss = nn.functional.mse_loss(net(x), y)
        if "--fixed" in sys.argv:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()  # WRONG: along the gradients of all steps so far
        if step % 10 == 0:
            print(f"step {step}: loss {loss.item():.4g}")
