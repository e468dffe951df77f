"""A training as charts: the loss, one step's timeline and memory, time by op, and the graph in heat.

Seeds 001_ac00b92326d83d9e.txt, slide "PyTorch: torch.utils.tensorboard" and "CPU vs GPU in practice", and
004_5d59a9959c7a57f1.txt, "Identifying bottlenecks".
"""

import tempfile
from pathlib import Path

from deck import save

import graphscope as gs


def train(path, lr):
    gs.manual_seed(0)
    nn = gs.nn
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 32), nn.ReLU(),
        nn.Linear(32, 10),
    )  # fmt: skip
    optimizer = gs.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    images, labels = gs.randn(256, 1, 8, 8), gs.randint(0, 10, (256,))
    with gs.profile(path, values="full") as run:
        for _ in range(40):
            loss = nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return run


def figures(look="light"):
    with tempfile.TemporaryDirectory() as folder:
        fast, slow = (train(Path(folder) / f"lr {lr}", lr) for lr in (0.05, 0.005))
        options = dict(theme=look)
        return {
            "chart_loss": gs.figures.loss(
                fast, slow, title="Loss for two learning rates", **options
            ),
            "chart_timeline": gs.figures.timeline(fast, **options),
            "chart_memory": gs.figures.memory(fast, **options),
            "chart_ops": gs.figures.ops(fast, **options),
            "overlay_time": gs.figures.overlay(
                fast, by="time", title="Where the time goes", **options
            ),
            "overlay_memory": gs.figures.overlay(
                fast, by="memory", title="Where the memory goes", **options
            ),
            "overlay_gradient": gs.figures.overlay(
                fast, by="grad", title="How large the gradients are", **options
            ),
        }


if __name__ == "__main__":
    save(figures())
