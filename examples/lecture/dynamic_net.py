"""A net of random depth, at two steps: the middle layer is used once, then three times.

Seed 002_3f25d30047549305.txt, "Control Flow + Weight Sharing" (DynamicNet).
"""

import random
import tempfile
from pathlib import Path

from deck import save

import graphscope as gs


class DynamicNet(gs.nn.Module):
    def __init__(self, n_in, hidden, n_out):
        super().__init__()
        self.input_linear = gs.nn.Linear(n_in, hidden)
        self.middle_linear = gs.nn.Linear(hidden, hidden)
        self.output_linear = gs.nn.Linear(hidden, n_out)

    def forward(self, x):
        h = self.input_linear(x).clamp(min=0)
        for _ in range(random.randint(0, 3)):
            h = self.middle_linear(h).clamp(min=0)
        return self.output_linear(h)


def figures(look="light"):
    gs.manual_seed(0)
    random.seed(21)  # depths 1 and 3
    model = DynamicNet(100, 20, 10)
    optimizer = gs.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)
    x, y = gs.randn(64, 100), gs.randn(64, 10)
    with tempfile.TemporaryDirectory() as folder:
        with gs.profile(Path(folder) / "dynamic", values="full") as run:
            for _ in range(2):
                loss = gs.nn.functional.mse_loss(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        pair = gs.figures.pair(
            run, 0, 1, theme=look, title="One program, two graphs: the depth is drawn by chance"
        )
    return {"dynamic_net": pair}


if __name__ == "__main__":
    save(figures())
