"""Broken: each example is prepared anew, one by one, while the training waits. Most of a step is waiting.

Look:  graphscope doctor runs/broken-input_bound       Cure:  --fixed  (prepared once, before the training)
"""

import sys

import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits
from graphscope.utils.data import DataLoader, Dataset, TensorDataset

gs.manual_seed(0)
images, labels, _, _ = digits()


def prepare(image):
    """A blur, made to be slow: every pixel and its neighbours by hand."""
    rows = image[0].tolist()
    wide = [[0.0] * 10, *([0.0, *row, 0.0] for row in rows), [0.0] * 10]
    return gs.tensor(
        [
            [sum(sum(row[x : x + 3]) for row in wide[y : y + 3]) / 9 for x in range(8)]
            for y in range(8)
        ]
    )


class Digits(Dataset):
    def __len__(self):
        return 640

    def __getitem__(self, i):
        return prepare(images[i]), labels[i]


data = Digits()
if "--fixed" in sys.argv:
    data = TensorDataset(gs.stack([prepare(image) for image in images[:640]]), labels[:640])
batches = DataLoader(data, batch_size=32, shuffle=True)
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
