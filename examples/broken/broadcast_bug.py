"""Broken: predictions of shape (N, 1) against targets of shape (N,). The loss compares each with all.

Broadcasting makes it (N, N). Nothing fails, the loss even falls: towards a net that always says the mean.

Look:  graphscope doctor runs/broken-broadcast_bug       Cure:  --fixed  (squeeze the prediction)
"""

import sys

import graphscope as gs
from graphscope import nn, optim

gs.manual_seed(0)
x = gs.randn(64, 4)
y = (x**2).sum(1) / 4 - 1

net = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = optim.Adam(net.parameters(), lr=5e-3)

with gs.profile("runs/broken-broadcast_bug", values="full"):
    for _ in range(60):
        prediction = net(x)
        if "--fixed" in sys.argv:
            prediction = prediction.squeeze(1)
        error = prediction - y  # WRONG: (64, 1) - (64,) is (64, 64)
        loss = (error**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

print(f"loss after 60 steps: {loss.item():.3f}, of an error of shape {tuple(error.shape)}")
