"""A model as a class of its own: parts in __init__, computation in forward."""

import graphscope as torch
from graphscope import nn


class TwoLayers(nn.Module):
    """Linear, rectifier, linear."""

    def __init__(self, inputs=1000, hidden=100, outputs=10):
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.second(self.first(x).clamp(min=0))


def build(*sizes):
    """The model."""
    return TwoLayers(*sizes)


def train(model, x, y, steps=500, rate=1e-4):
    """Stochastic gradient descent on the sum of squared errors."""
    loss_fn = nn.MSELoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
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
