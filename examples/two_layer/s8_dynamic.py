"""A graph that differs from step to step: the middle layer runs 0 to 3 times, with shared weights."""

import random

import graphscope as torch
from graphscope import nn


class Dynamic(nn.Module):
    """Linear, up to three times the same middle layer, linear."""

    def __init__(self, inputs=1000, hidden=100, outputs=10):
        super().__init__()
        self.enter = nn.Linear(inputs, hidden)
        self.middle = nn.Linear(hidden, hidden)
        self.leave = nn.Linear(hidden, outputs)

    def forward(self, x):
        x = self.enter(x).clamp(min=0)
        # Plain Python decides what the graph is; a layer may be used as often as we like.
        for _ in range(random.randint(0, 3)):
            x = self.middle(x).clamp(min=0)
        return self.leave(x)


def build(*sizes):
    """The model."""
    return Dynamic(*sizes)


def train(model, x, y, steps=500, rate=1e-4):
    """Gradient descent with momentum, which such a restless model needs."""
    random.seed(0)
    loss_fn = nn.MSELoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    losses = []
    for _ in range(steps):
        loss = loss_fn(model(x), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


if __name__ == "__main__":
    from data import batch, report

    report(train(build(), *batch()))
