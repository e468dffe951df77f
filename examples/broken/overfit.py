"""Broken: a large network and forty examples. It learns them by heart and gets worse on all others.

Look:  graphscope doctor runs/broken-overfit       Cure:  --fixed  (all training examples)
"""

import sys

import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits

gs.manual_seed(0)
x_train, y_train, x_test, y_test = digits()
x_train, x_test = x_train.flatten(1), x_test.flatten(1)
if "--fixed" not in sys.argv:
    x_train, y_train = x_train[:40], gs.randint(0, 10, (40,))  # and their labels are noise

net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = optim.Adam(net.parameters(), lr=3e-3)
cross_entropy = nn.functional.cross_entropy

with gs.profile("runs/broken-overfit") as p:
    for step in range(200):
        rows = gs.randint(0, len(x_train), (32,))
        loss = cross_entropy(net(x_train[rows]), y_train[rows])  # WRONG: the same few examples
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 9:
            with gs.no_grad():
                p.scalar("loss/val", cross_entropy(net(x_test), y_test))

print(f"loss after 200 steps: {loss.item():.3f}")
