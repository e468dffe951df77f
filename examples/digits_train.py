"""Train a small network on handwritten digits and record every operation.

Run it, then look: graphscope view runs        (or while it runs, in another terminal)
"""

import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits
from graphscope.utils.data import DataLoader, TensorDataset

gs.manual_seed(0)
x_train, y_train, x_test, y_test = digits()
batches = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)

net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(128, 10),
)  # fmt: skip
loss_of = nn.CrossEntropyLoss()
optimizer = optim.Adam(net.parameters(), lr=3e-3)

with gs.profile("runs/digits_train") as p:
    for epoch in range(4):
        for images, labels in batches:
            optimizer.zero_grad()
            loss = loss_of(net(images), labels)
            loss.backward()
            optimizer.step()
        with gs.no_grad():
            right = (net(x_test).argmax(1) == y_test).float().mean().item()
        p.scalar("accuracy/test", right)
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}, test accuracy {right:.2%}")

print(p.key_averages().table(sort_by="self", row_limit=8))
