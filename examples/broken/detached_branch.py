"""Broken: a branch of the network is cut from the loss by detach(). Its weights never change.

The other branch learns on, so that the loss falls and nobody notices.

Look:  graphscope doctor runs/broken-detached_branch       Cure:  --fixed  (no detach)
"""

import sys

import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits

gs.manual_seed(0)
x_train, y_train, _, _ = digits()
x_train = x_train.flatten(1)


class TwoBranches(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(64, 32), nn.Linear(64, 32)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        left, right = self.left(x).relu(), self.right(x).relu()
        if "--fixed" not in sys.argv:
            right = right.detach()  # WRONG: no gradient comes back to self.right
        return self.head(gs.cat([left, right], 1))


net = TwoBranches()
optimizer = optim.SGD(net.parameters(), lr=0.1)

with gs.profile("runs/broken-detached_branch", values="full"):
    for _ in range(40):
        rows = gs.randint(0, len(x_train), (64,))
        loss = nn.functional.cross_entropy(net(x_train[rows]), y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

print(f"loss after 40 steps: {loss.item():.3f}")
