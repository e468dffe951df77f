"""Seeds 003 "Your First Network", 004 "Module Abstraction": quick start, LeNet-like net, frozen layers, files."""

import os
import tempfile
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from fixed import normal, refill
from torch import nn, optim
from torch.autograd import Variable
from torch.utils.data import DataLoader, Dataset

numbers = {}
lines = []


class Pictures(Dataset):
    """Stands for the fashion pictures: 1 x 28 x 28, ten classes."""

    def __init__(self, n):
        rng = np.random.default_rng(n)
        self.labels = rng.integers(0, 10, n)
        self.images = rng.random((n, 1, 28, 28), np.float32) + self.labels[
            :, None, None, None
        ].astype(np.float32)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return torch.from_numpy(self.images[i]), int(self.labels[i])


training, testing = (
    DataLoader(Pictures(256), batch_size=64),
    DataLoader(Pictures(100), batch_size=64),
)
for X, y in testing:
    lines += [f"Shape of X [N, C, H, W]: {X.shape}", f"Shape of y: {y.shape} {y.dtype}"]
    break
device = os.environ.get("PROGRAM_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")


class NeuralNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = nn.Sequential(
            nn.Linear(28 * 28, 64),
            nn.ReLU(),
            nn.Linear(64, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
            nn.ReLU(),
        )

    def forward(self, x):
        return self.linear_relu_stack(self.flatten(x))


model = refill(NeuralNetwork()).to(device)
numbers["repr"] = repr(model)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)


def train(dataloader):
    size = len(dataloader.dataset)
    for batch, (X, y) in enumerate(dataloader):
        X, y = X.to(device), y.to(device)
        loss = loss_fn(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if batch % 2 == 0:
            loss, current = loss.item(), batch * len(X)
            lines.append(f"loss: {loss:>7f} [{current:>5d}/{size:>5d}]"[:12])


def test(dataloader):
    size = len(dataloader.dataset)
    model.eval()
    total, correct = 0, 0
    with torch.no_grad():
        for X, y in dataloader:
            X, y = X.to(device), y.to(device)
            pred = model(X)
            total += loss_fn(pred, y).item()
            correct += (pred.argmax(1) == y).type(torch.float).sum().item()
    numbers["test"] = [total / size, correct / size]
    lines.append(f"Accuracy: {100 * correct / size:>0.1f}%")


for _ in range(2):
    train(training)
    test(testing)
numbers["lines"] = lines

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "model.pth")
    torch.save(model.state_dict(), path)
    copy = NeuralNetwork()
    copy.load_state_dict(torch.load(path, map_location="cpu"))
    numbers["loaded"] = all(
        torch.equal(a.cpu(), b)
        for a, b in zip(model.state_dict().values(), copy.state_dict().values(), strict=True)
    )
    torch.save({"model_state_dict": model.state_dict(), "epoch": 2}, path)
    checkpoint = torch.load(path)
    copy.load_state_dict(checkpoint["model_state_dict"])
    numbers["epoch"] = checkpoint["epoch"]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.view(-1, 320)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, training=self.training)
        x = self.fc2(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no dim given, as in the slide
            return F.log_softmax(x)


net = refill(Net()).to(device)
images, labels = normal(8, 16, 1, 28, 28, device=device), (torch.arange(16) % 10).to(device)
assert net(Variable(images)).shape == (16, 10)  # training mode: dropout draws
net.eval()  # from here on the same numbers in both libraries
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
losses = []
for _ in range(4):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(images), labels)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
numbers["lenet"] = losses
numbers["net"] = repr(net)

for p in net.parameters():
    p.requires_grad = False
net.fc2 = refill(nn.Linear(50, 4)).to(device)
optimizer = optim.SGD(net.fc2.parameters(), lr=1e-2, momentum=0.9)
loss = F.cross_entropy(net(images), labels % 4)
loss.backward()
optimizer.step()
numbers["frozen"] = [net.conv1.weight.grad is None, net.fc2.weight.grad is not None]
numbers["fc2"] = net.fc2.weight.cpu()


class Classifier(nn.Module):
    def __init__(self, num_units=10, nonlin=F.relu):
        super().__init__()
        self.dense0, self.dense1 = nn.Linear(20, num_units), nn.Linear(num_units, 10)
        self.nonlin, self.dropout, self.output = nonlin, nn.Dropout(0.5), nn.Linear(10, 2)

    def forward(self, X, **kwargs):
        X = self.dropout(self.nonlin(self.dense0(X)))
        return F.softmax(self.output(F.relu(self.dense1(X))), dim=-1)


numbers["classes"] = refill(Classifier()).eval()(normal(9, 5, 20))
