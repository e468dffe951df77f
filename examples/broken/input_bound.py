"""Broken: each example is prepared anew, one by one, while the training waits. Most of a step is waiting.

Look:  graphscope doctor runs/broken-input_bound       Cure:  --fixed  (prepared once, before the training)
"""

import sys

import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits
from graphscope.utils.data import DataLoader, Dataset

gs.manual_seed(0)
images, labels, _, _ = digits()


def prepare(image):
    """Made to be slow: every pixel by hand."""
    return gs.tensor([[float(pixel) - 0.5 for pixel in row] for row in image[0].tolist()])


class Digits(Dataset):
    def __init__(self):
        self.ready = [prepare(image) for image in images[:640]] if "--fixed" in sys.argv else None

    def __len__(self):
        return 640

    def __getitem__(self, i):
        return (self.ready[i] if self.ready else prepare(images[i])), labels[i]


batches = DataLoader(Digits(), batch_size=32, shuffle=True)
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 10))
optimizer = optim.Adam(net.parameters(), lr=1e-3)

with gs.profile("runs/broken-input_bound"):
    for _ in range(2):
        for x, y in batches:  # WRONG: the loop waits for the next batch
            loss = nn.functional.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

print(f"loss after 2 epochs: {loss.item():.3f}")
