"""Layers that own their weights, and a loss as a module; the update is still ours."""

import graphscope as torch


def build(inputs=1000, hidden=100, outputs=10):
    """Two linear layers with a rectifier between them."""
    return torch.nn.Sequential(
        torch.nn.Linear(inputs, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, outputs)
    )


def train(model, x, y, steps=500, rate=1e-4):
    """Gradient descent on the sum of squared errors."""
    loss_fn = torch.nn.MSELoss(reduction="sum")
    losses = []
    for _ in range(steps):
        loss = loss_fn(model(x), y)
        losses.append(loss.item())
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p.data -= rate * p.grad
    return losses


if __name__ == "__main__":
    from data import batch, report

    report(train(build().to("cpu"), *batch()))
