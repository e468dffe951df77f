"""Broken: biases so low that the ReLU behind them is never on. A dead unit gets no gradient, so that it stays dead.

One line of an initialisation is enough; a learning rate far too high does the same after a few steps.

Look:  graphscope doctor runs/broken-dead_relu       Cure:  --fixed  (biases begin as 0)
"""

import sys

import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits

gs.manual_seed(0)
x_train, y_train, _, _ = digits()
x_train = x_train.flatten(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 32)
        self.head = nn.Linear(32, 10)
        nn.init.constant_(self.hidden.bias, 0.0 if "--fixed" in sys.argv else -4.0)

    def forward(self, x):
        h = self.hidden(x).relu()  # WRONG: what comes in is below 0 for nearly every example
        return self.head(h)


net = Net()
optimizer = optim.SGD(net.parameters(), lr=0.1)

with gs.profile("runs/broken-dead_relu", values="full"):
    for _ in range(60):
        rows = gs.randint(0, len(x_train), (64,))
        loss = nn.functional.cross_entropy(net(x_train[rows]), y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

print(f"loss after 60 steps: {loss.item():.3f}")
