"""Broken: the logarithm of a probability that can become exactly 0. From then on everything is NaN.

A softmax of scores that lie far apart rounds to 0 and 1; log(0) is -inf, and 0 * -inf is NaN.

Look:  graphscope doctor runs/broken-log_of_zero       Cure:  --fixed  (log_softmax of the scores)
"""

import sys

import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits

gs.manual_seed(0)
x_train, y_train, _, _ = digits()
x_train = x_train.flatten(1)
targets = nn.functional.one_hot(y_train, 10).float()

net = nn.Linear(64, 10)
optimizer = optim.SGD(net.parameters(), lr=2.0)

with gs.profile("runs/broken-log_of_zero"):
    for _ in range(40):
        rows = gs.randint(0, len(x_train), (64,))
        scores = 20 * net(x_train[rows])
        if "--fixed" in sys.argv:
            logs = nn.functional.log_softmax(scores, 1)
        else:
            chance = scores.softmax(1)
            logs = chance.log()  # WRONG: chance underflows to 0
        loss = -(targets[rows] * logs).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

print(f"loss after 40 steps: {loss.item():.3f}")
