"""A run of two steps whose times and sizes are small enough to be added up on paper.

Step 0 begins at 1,000 us, step 1 at 1,300 us; both take 200 us and run seven ops of 10 us each:

    node  op       module  begins (us)  makes    dies after
    0     matmul   net     10           16 B     1
    1     relu     net     30           16 B     4, its gradient needs it
    2     sum              50            4 B     outlives the step
    3     d sum            70           16 B     4
    4     d relu   net     90           16 B     5
    5     d matmul net     110          16 B     outlives the step
    6     sgd_             140          in place

Before the step there are x and w, 16 B each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from tests.golden import META
from tests.golden_sketch import Dictionary, Sketch

US = 1000
BEGIN = np.array([10, 30, 50, 70, 90, 110, 140]) * US
DUR = np.full(7, 10 * US)
STARTS = (1000 * US, 1300 * US)
LIVE = [48, 64, 52, 68, 84, 68, 52]


def write(path: Path, **meta: str) -> TraceReader:
    """Write the run and open it; further words go into its meta table."""
    w = TraceWriter(path, META | {"run": path.stem} | meta)
    d = Dictionary(w, "train.py", "\n" * 10)
    s = Sketch(d)
    x = s.port("x", "input", (2, 2))
    weight = s.port("w", "parameter", (2, 2))
    a = s.node("matmul", [x, weight], (2, 2), "net", 3)
    r = s.node("relu", [a], (2, 2), "net", 4)
    loss = s.node("sum", [r], (), line=5)
    s.backward(loss)
    s.update(7)
    assert s.op_names == ["matmul", "relu", "sum", "sum", "relu", "matmul", "sgd_"]
    s.write(0)
    s.write_shapes(0, 0)
    for k, t0 in enumerate(STARTS):
        times: dict[str, Any] = {"begin_ns": BEGIN, "dur_ns": DUR, "wall_ns": 200 * US}
        w.add_step(k, "train", k, 0, 0, t0_ns=t0, loss=1.0, live0=32, **times)
    w.close()
    return TraceReader(path)
