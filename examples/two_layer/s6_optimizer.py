"""An optimizer does the update: here Adam."""

import graphscope as torch
from graphscope import nn


def build(inputs=1000, hidden=100, outputs=10):
    """Two linear layers with a rectifier between them."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def train(model, x, y, steps=500, rate=1e-4):
    """Adam on the sum of squared errors."""
    loss_fn = nn.MSELoss(reduction="sum")
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
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
