"""Broken: a learning rate at which each step overshoots by more than it corrects. The loss diverges.

Gradient descent on a parabola of curvature c needs a rate below 2 / c; here c is about 4.

Look:  graphscope doctor runs/broken-high_learning_rate       Cure:  --fixed  (0.1)
"""

import sys

import graphscope as gs
from graphscope import nn, optim

gs.manual_seed(0)
x = gs.randn(128, 4)
y = x @ gs.tensor([[1.0], [-2.0], [0.5], [3.0]]) + 0.1 * gs.randn(128, 1)

net = nn.Linear(4, 1)
optimizer = optim.SGD(net.parameters(), lr=0.1 if "--fixed" in sys.argv else 2.0)

with gs.profile("runs/broken-high_learning_rate", values="full"):
    for step in range(40):
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()  # WRONG: lr=2.0 is more than twice too much
        if step % 10 == 0:
            print(f"step {step}: loss {loss.item():.4g}")
