"""A training that is sound in every number, written by hand, and what a test may do to it.

Three layers of 32 units on 64 rows of 16 features and 10 classes: product, bias, activation; then cross entropy,
backward and an update of each weight. ``mlp(path)`` writes it; each test changes the one thing it is about.

    values: x=-1, weights W0=-2 W1=-4 W2=-6, biases -3 -5 -7, labels=-8
    nodes:  0 load_batch; 1 product, 2 bias, 3 activation; 4, 5, 6; 7, 8 scores; 9 loss; then backward, update
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from graphscope.trace import schema
from graphscope.trace.writer import TraceWriter
from tests.golden_sketch import Dictionary, Sketch, entry

SIZES = (16, 32, 32, 10)
ROWS = 64
X, WEIGHTS, BIASES, LABELS = -1, (-2, -4, -6), (-3, -5, -7), -8
PRODUCTS, ACTS, SCORES, LOSS = (1, 4, 7), (3, 6), 8, 9
SOURCE = "\n".join(f"# line {k}" for k in range(1, 41)) + "\n"
LINES = {"data": 10, "layer": 20, "loss": 30, "update": 33}
Table = dict[tuple[int, str], Any]


def falls(k: int) -> float:
    """A loss that comes down from ln 10, with a little noise that is always the same."""
    return 0.2 + 2.1 * float(np.exp(-k / 15)) + 0.03 * float(np.sin(37.7 * k))


def sketch(d: Dictionary, act: str, update: str, extra: Callable[[Sketch], None] | None) -> Sketch:
    s = Sketch(d)
    x = s.port("x", "input", (ROWS, SIZES[0]))
    for k, (a, b) in enumerate(zip(SIZES, SIZES[1:], strict=False)):
        s.port(f"net.{k}.weight", "parameter", (a, b), f"net.{k}")
        s.port(f"net.{k}.bias", "parameter", (b,), f"net.{k}")
    y = s.port("y", "input", (ROWS,), dtype="int64")
    s.node("load_batch", [], (), phase=schema.DATA, line=LINES["data"])
    h = x
    for k in range(3):
        shape = (ROWS, SIZES[k + 1])
        line = LINES["layer"] + k
        h = s.node("matmul", [h, WEIGHTS[k]], shape, f"net.{k}", line)
        h = s.node("add", [h, BIASES[k]], shape, f"net.{k}", line)
        if k < 2:
            h = s.node(act, [h], shape, f"net.{k}", line)
    loss = s.node(
        "cross_entropy", [h, y], (), line=LINES["loss"], name="loss", params={"reduction": "mean"}
    )
    assert (h, loss) == (SCORES, LOSS)
    if extra is not None:
        extra(s)
    s.backward(loss)
    s.update(LINES["update"], update)
    return s


def numbers(s: Sketch, k: int, act: str, loss: float) -> Table:
    """All values and gradients of step ``k``: made up, of the right sizes, and the weights move a little."""
    rng = np.random.default_rng(100 + k)
    table: Table = {(X, "v"): rng.normal(size=(ROWS, SIZES[0]))}
    table[LABELS, "v"] = rng.integers(0, 10, ROWS)
    for j, (a, b) in enumerate(zip(SIZES, SIZES[1:], strict=False)):
        start = np.random.default_rng(j).normal(0, np.sqrt(2 / a), (a, b))
        walk = np.random.default_rng(10 + j).normal(0, 1e-3, (a, b)) * np.sqrt(2 / a)
        table[WEIGHTS[j], "v"] = start + k * walk
        table[BIASES[j], "v"] = np.full(b, 0.01) + 1e-4 * k * np.arange(b)
        table[_update(s, WEIGHTS[j]), "v"] = start + (k + 1) * walk
        table[WEIGHTS[j], "g"] = rng.normal(0, 1e-2, (a, b))
        table[BIASES[j], "g"] = rng.normal(0, 1e-2, b)
        out = rng.normal(size=(ROWS, b))
        table[PRODUCTS[j], "v"] = out
        if j < 2:
            shaped = {
                "relu": np.maximum(out, 0),
                "tanh": np.tanh(out),
                "sigmoid": 1 / (1 + np.exp(-out)),
            }
            table[ACTS[j], "v"] = shaped[act]
    table[SCORES, "v"] = rng.normal(size=(ROWS, 10))
    table[LOSS, "v"] = np.array(loss)
    return table


def _update(s: Sketch, v: int) -> int:
    return next(
        i
        for i, row in enumerate(s.nodes)
        if row[schema.PHASE] == schema.UPDATE and s.inputs[i][0] == v
    )


def update_of(path_or_sketch: Any, layer: int) -> int:
    """The node that updates a layer's weight (they come in the order of the ports, after backward)."""
    s: Sketch = path_or_sketch
    return _update(s, WEIGHTS[layer])


def mlp(
    path: Path,
    steps: int = 40,
    act: str = "relu",
    update: str = "sgd_",
    loss: Callable[[int], float] = falls,
    edit: Callable[[int, Table, Sketch], None] | None = None,
    value_steps: Iterable[int] | None = None,
    times: Callable[[int, Any, Sketch], tuple[Any, int]] | None = None,
    extra: Callable[[Sketch], None] | None = None,
    live: Callable[[int], int] = lambda k: 100_000,
    each: Callable[[TraceWriter, int, Sketch], None] | None = None,
    dev: Callable[[int, int], Any] | None = None,
    meta: dict[str, str] | None = None,
) -> Path:
    """Write the training, with what a test changes, and return its path.

    value_steps: default every fourth and the last. edit(step, numbers, sketch): changes the arrays of a step. times(step, ns of each op, sketch): gives ns of each
    op and of the whole step. each(writer, step, sketch): writes more. dev(step, ops): the device's column.
    """
    facts = {"engine": "golden", "version": "0", "argv": "train.py", "run": path.stem}
    w = TraceWriter(path, facts | (meta or {}))
    d = Dictionary(w, "train.py", SOURCE)
    s = sketch(d, act, update, extra)
    s.write(0)
    s.write_shapes(0, 0)
    taken = set([*range(0, steps, 4), steps - 1] if value_steps is None else value_steps)
    t0 = 1_000_000
    for k in range(steps):
        dur = np.array([400_000 if op == "matmul" else 10_000 for op in s.op_names], np.int64)
        wall = int(dur.sum()) + 200_000
        if times is not None:
            dur, wall = times(k, dur, s)
        number = loss(k)
        w.add_step(
            k, "train", k, 0, 0, t0_ns=t0, wall_ns=wall, rec_ns=10_000, loss=number, live0=live(k),
            dur_ns=dur, nonfinite=not np.isfinite(number), dev=None if dev is None else dev(k, len(s.nodes)),
        )  # fmt: skip
        if k in taken:
            table = numbers(s, k, act, number)
            if edit is not None:
                edit(k, table, s)
            w.add_values(k, [(v, kind, entry(array)) for (v, kind), array in table.items()])
        if each is not None:
            each(w, k, s)
        t0 += wall
    w.close()
    return path
