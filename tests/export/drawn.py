"""Live graphs to draw: numbers and tensors, one op to a thousand."""

from __future__ import annotations

from typing import Any

import graphscope as gs
from graphscope import nn

NAMES = ("w_1", "x<y", "\u03b1", "\\evil{}", "n" * 80, "$a&b%", "a\u0301<script>", "\u65e5\u672c")


def neuron(lib: Any = gs) -> dict[str, Any]:
    """The sigmoid neuron of the lectures."""
    at = {"w0": 1.0, "w1": -2.0, "w2": 1.0, "x0": -1.0, "x1": 1.0}
    v = {name: lib.tensor(number, requires_grad=True) for name, number in at.items()}
    a, b = v["w0"] * v["x0"], v["w1"] * v["x1"]
    steps = {"a": a, "b": b, "c": a + b}
    steps["d"] = steps["c"] + v["w2"]
    steps["e"] = -steps["d"]
    steps["g"] = lib.exp(steps["e"])
    steps["h"] = 1.0 + steps["g"]
    steps["f"] = 1.0 / steps["h"]
    for t in steps.values():
        t.retain_grad()
    steps["f"].backward()
    return {**v, **steps}


def textbook(lib: Any = gs) -> tuple[Any, Any, Any]:
    """f(x, y) = x^3 + y x e^x + y at (2, 3)."""
    x = lib.tensor(2.0, requires_grad=True)
    y = lib.tensor(3.0, requires_grad=True)
    f = x**3 + y * x * lib.exp(x) + y
    f.backward()
    return x, y, f


def numbers(n: int) -> Any:
    """A graph of ``n`` ops on plain numbers, with branches."""
    x = gs.tensor(0.5, requires_grad=True)
    w = gs.tensor(0.9, requires_grad=True)
    values = [gs.sin(x)]
    for k in range(1, n):
        a = values[-1]
        if k % 5 == 0:
            values.append(a * values[max(0, k - 4)])
        elif k % 5 == 1:
            values.append(a * w)
        elif k % 5 == 2:
            values.append(a + 1.0)
        elif k % 5 == 3:
            values.append(gs.tanh(a))
        else:
            values.append(a - values[max(0, k - 3)])
    values[-1].backward()
    return values[-1]


class Block(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.up = nn.Linear(d, 2 * d)
        self.down = nn.Linear(2 * d, d)

    def forward(self, x: Any) -> Any:
        return x + self.down(self.up(self.norm(x)).relu())


class Deep(nn.Module):
    """``n`` equal blocks between two layers: 5 ops a block."""

    def __init__(self, n: int, d: int = 8) -> None:
        super().__init__()
        self.embed = nn.Linear(4, d)
        self.layers = nn.ModuleList([Block(d) for _ in range(n)])
        self.head = nn.Linear(d, 3)

    def forward(self, x: Any) -> Any:
        x = self.embed(x)
        for layer in self.layers:
            x = layer(x)
        return self.head(x)
