"""Traces of very large graphs, one for each way of being large: for the layout's tests and the bench of the Graph page.

chain    one scope, a long row of ops with short and long skip connections
wide     one scope, 64 rows side by side that meet now and then
blocks   a transformer's nesting: 24 equal layers, each with heads of their own
random   one scope in which every op reads any of the last thousand: nobody can read it whole
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np

from graphscope.trace.writer import TraceWriter
from tests.golden import META
from tests.golden_sketch import Dictionary, Sketch

SHAPE = (32, 64)
SOURCE = "for step in range(3):\n    loss = model(x)\n"


def build(name: str, folder: Path, n: int = 10_000) -> Path:
    """Write the trace of a graph of about ``n`` forward ops into ``folder``; its path."""
    path = Path(folder) / f"{name}.gscope"
    writer = TraceWriter(path, META | {"run": name})
    sketch = Sketch(Dictionary(writer, "train.py", SOURCE))
    last = GRAPHS[name](sketch, n)
    loss = sketch.node("sum", [last], (), line=2, name="loss")
    sketch.backward(loss)
    sketch.write(0)
    sketch.write_shapes(0, 0)
    rng, begun = np.random.default_rng(4), 0
    for k in range(2):
        begin, spent, wall = sketch.times(rng)
        writer.add_step(
            k, "train", k, 0, 0,
            t0_ns=begun, wall_ns=wall, loss=1.0 / (k + 1), begin_ns=begin, dur_ns=spent, live0=0,
        )  # fmt: skip
        begun += wall
    writer.close()
    return path


def chain(s: Sketch, n: int) -> int:
    x = s.port("x", "input", SHAPE)
    values = [x]
    for k in range(n):
        if k % 10 == 0:
            weight = s.port(f"w{k}", "parameter", (64, 64))
            x = s.node("matmul", [x, weight], SHAPE)
        elif k % 10 == 5:
            x = s.node("add", [x, values[-5]], SHAPE)
        elif k % 250 == 249:
            x = s.node("add", [x, values[-230]], SHAPE)
        else:
            x = s.node(("relu", "tanh", "exp")[k % 3], [x], SHAPE)
        values.append(x)
    return x


def wide(s: Sketch, n: int, rows: int = 64) -> int:
    x = s.port("x", "input", SHAPE)
    heads = [x] * rows
    for k in range(n // rows):
        for r in range(rows):
            other = heads[(r + 1) % rows] if k % 8 == 7 and r % 2 else None
            inputs = [heads[r]] if other is None else [heads[r], other]
            heads[r] = s.node("add" if len(inputs) > 1 else "relu", inputs, SHAPE)
    while len(heads) > 1:
        pairs = zip(heads[::2], heads[1::2], strict=False)
        heads = [s.node("add", [a, b], SHAPE) for a, b in pairs]
    return heads[0]


def blocks(s: Sketch, n: int, layers: int = 24) -> int:
    """``n`` decides how many heads each of the layers has."""
    x = s.port("tokens", "input", SHAPE)
    heads = max((n // layers - 12) // 8, 1)

    def linear(x: int, scope: str) -> int:
        weight = s.port(f"{scope}.weight", "parameter", (64, 64), scope)
        bias = s.port(f"{scope}.bias", "parameter", (64,), scope)
        return s.node("add", [s.node("matmul", [x, weight], SHAPE, scope), bias], SHAPE, scope)

    def norm(x: int, scope: str) -> int:
        gain = s.port(f"{scope}.weight", "parameter", (64,), scope)
        bias = s.port(f"{scope}.bias", "parameter", (64,), scope)
        return s.node("batch_norm", [x, gain, bias], SHAPE, scope)

    for k in range(layers):
        scope = f"model.layers.{k}"
        y, outs = norm(x, f"{scope}.norm1"), []
        for h in range(heads):
            inner = f"{scope}.attention.heads.{h}"
            query, key = linear(y, f"{inner}.query"), linear(y, f"{inner}.key")
            score = s.node("matmul", [query, key], (32, 32), inner)
            weights = s.node("exp", [score], (32, 32), inner)
            outs.append(s.node("matmul", [weights, linear(y, f"{inner}.value")], SHAPE, inner))
        total = outs[0]
        for out in outs[1:]:
            total = s.node("add", [total, out], SHAPE, f"{scope}.attention")
        x = s.node("add", [x, total], SHAPE, scope)
        y = linear(norm(x, f"{scope}.norm2"), f"{scope}.mlp.up")
        y = linear(s.node("relu", [y], SHAPE, f"{scope}.mlp"), f"{scope}.mlp.down")
        x = s.node("add", [x, y], SHAPE, scope)
    return x


def tangle(s: Sketch, n: int) -> int:
    choose = random.Random(7)
    values = [s.port("x", "input", SHAPE)]
    for _ in range(n):
        first = max(0, len(values) - 1000)
        inputs = [choose.randrange(first, len(values)) for _ in range(choose.randint(1, 3))]
        values.append(s.node("add", [values[k] for k in inputs[:2]], SHAPE))
    return values[-1]


GRAPHS: dict[str, Callable[[Sketch, int], int]] = {
    "chain": chain, "wide": wide, "blocks": blocks, "random": tangle,
}  # fmt: skip
