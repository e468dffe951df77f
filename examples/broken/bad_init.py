"""Broken: weights drawn with a standard deviation of 1. The untrained network is sure of its wrong answers.

With 64 inputs the scores are hundreds in size, and the first loss is far above the ln 10 = 2.303 of a guess.

Look:  graphscope doctor runs/broken-bad_init       Cure:  --fixed  (kaiming_normal_)
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
        self.hidden = nn.Linear(64, 64)
        self.head = nn.Linear(64, 10)
        draw = nn.init.kaiming_normal_ if "--fixed" in sys.argv else nn.init.normal_
        draw(self.hidden.weight)
        nn.init.xavier_normal_(self.head.weight)

    def forward(self, x):
        h = self.hidden(x).relu()  # WRONG: a variance of 1, 32 times that of He's initialisation
        return self.head(h)


net = Net()
optimizer = optim.SGD(net.parameters(), lr=0.05)

with gs.profile("runs/broken-bad_init", values="full"):
    for step in range(40):
        rows = gs.randint(0, len(x_train), (64,))
        loss = nn.functional.cross_entropy(net(x_train[rows]), y_train[rows])
        if step == 0:
            print(f"first loss: {loss.item():.2f} (ln 10 is 2.30)")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

print(f"loss after 40 steps: {loss.item():.3f}")
