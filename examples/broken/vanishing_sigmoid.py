"""Broken: a deep network of sigmoids. Its first layers get next to no gradient.

The slope of a sigmoid is a quarter at most, so that eight layers of them pass on less than 1/65,536 of what the
loss says. The last layer learns the mean of the labels and the loss stays at ln 10.

Look:  graphscope doctor runs/broken-vanishing_sigmoid       Cure:  --fixed  (ReLU)
"""

import sys

import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits

gs.manual_seed(0)
activation = nn.functional.relu if "--fixed" in sys.argv else gs.sigmoid


class Deep(nn.Module):
    def __init__(self, width=32, depth=8):
        super().__init__()
        sizes = [64] + [width] * depth
        self.hidden = nn.ModuleList(
            [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False)]
        )
        self.head = nn.Linear(width, 10)
        for layer in self.hidden:
            nn.init.kaiming_normal_(layer.weight)

    def forward(self, x):
        for layer in self.hidden:
            x = activation(layer(x))  # WRONG: a quarter of the gradient at most, eight times
        return self.head(x)


x_train, y_train, _, _ = digits()
x_train = x_train.flatten(1)
net = Deep()
optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

with gs.profile("runs/broken-vanishing_sigmoid", values="full"):
    for _ in range(60):
        rows = gs.randint(0, len(x_train), (64,))
        loss = nn.functional.cross_entropy(net(x_train[rows]), y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

print(f"loss after 60 steps: {loss.item():.3f} (ln 10 is 2.303)")
