"""Seed 000 "PyTorch: nn", "optim", "Defining Modules", "DataLoaders": models, optimizers, minibatches."""

import torch
from fixed import normal, refill
from torch.utils.data import DataLoader, TensorDataset

x, y = normal(1, 64, 100), normal(2, 64, 10)
numbers = {}


def stack():
    return torch.nn.Sequential(torch.nn.Linear(100, 30), torch.nn.ReLU(), torch.nn.Linear(30, 10))


class TwoLayerNet(torch.nn.Module):
    def __init__(self, n_in, hidden, n_out):
        super().__init__()
        self.linear1 = torch.nn.Linear(n_in, hidden)
        self.linear2 = torch.nn.Linear(hidden, n_out)

    def forward(self, x):
        return self.linear2(self.linear1(x).clamp(min=0))


class ParallelBlock(torch.nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear1 = torch.nn.Linear(n_in, n_out)
        self.linear2 = torch.nn.Linear(n_in, n_out)

    def forward(self, x):
        return (self.linear1(x) * self.linear2(x)).clamp(min=0)


model = refill(stack())
assert all(p.requires_grad for p in model.parameters())
for _ in range(10):
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= 1e-2 * p.grad
    model.zero_grad()
numbers["by hand"] = loss
numbers["gradient gone"] = model[0].weight.grad is None

for name, build, make in [
    ("adam", stack, lambda ps: torch.optim.Adam(ps, lr=1e-3)),
    ("sgd", lambda: TwoLayerNet(100, 30, 10), lambda ps: torch.optim.SGD(ps, lr=1e-2)),
    (
        "blocks",
        lambda: torch.nn.Sequential(
            ParallelBlock(100, 30), ParallelBlock(30, 30), torch.nn.Linear(30, 10)
        ),
        lambda ps: torch.optim.Adam(ps, lr=1e-4),
    ),
]:
    model = refill(build())
    optimizer = make(model.parameters())
    losses = []
    for _ in range(10):
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    numbers[name] = losses
    numbers[name + " repr"] = repr(model)

model = refill(TwoLayerNet(100, 30, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
loader = DataLoader(TensorDataset(x, y), batch_size=8)
seen = []
for _epoch in range(2):
    for x_batch, y_batch in loader:
        loss = torch.nn.functional.mse_loss(model(x_batch), y_batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seen.append(loss.item())
numbers["batches"] = seen
