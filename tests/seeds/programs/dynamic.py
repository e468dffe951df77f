"""Seed 000 "Dynamic Computation Graphs", 002 DynamicNet: the graph depends on the loss, or on chance."""

import random

import torch
from fixed import normal, refill

x, y = normal(1, 32, 50), normal(2, 32, 5)
w1 = normal(3, 50, 20, requires_grad=True)
w2a = normal(4, 20, 5, requires_grad=True)
w2b = normal(5, 20, 5, requires_grad=True)
previous = 5.0
taken = []
for _ in range(8):
    w2 = w2a if previous < 5.0 else w2b
    taken.append(w2 is w2a)
    loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).mean()
    loss.backward()
    previous = loss.item() / 20
    with torch.no_grad():
        for w in (w1, w2a, w2b):
            if w.grad is not None:
                w -= 1e-2 * w.grad
                w.grad = None
numbers = {"taken": taken, "previous": previous, "w1": w1}


class Repeated(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(50, 20)
        self.middle = torch.nn.Linear(20, 20)
        self.last = torch.nn.Linear(20, 5)

    def forward(self, x):
        h = self.first(x).clamp(min=0)
        for _ in range(random.randint(0, 3)):
            h = self.middle(h).clamp(min=0)
        return self.last(h)


random.seed(4)
model = refill(Repeated())
criterion = torch.nn.MSELoss(reduction="sum")
optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
for _ in range(12):
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
numbers["random depth"] = loss
numbers["middle"] = model.middle.weight
