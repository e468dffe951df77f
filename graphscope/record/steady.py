"""Steps that were as predicted, on their way to the writer: what each adds is one row beside what all share.

Most steps of a training are so, and a step of a small net takes no longer than a hundred microseconds: a ``Job`` each,
and everything that is asked of a job, would cost more than recording its ops.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.record.names import GraphRecord


class Steady:
    """Steps of one graph and one set of shapes, oldest first.

    It is the last job that waits as long as the program's thread adds to it; when another one stands behind it, it
    is complete. rows: (seq, num, moment of its begin, wall, recording, loss, nonfinite, bytes alive, times), times
    in nanoseconds; the last as ``Job.times``.
    """

    __slots__ = ("graph", "shape_set", "rows")
    names = None
    seq = -1
    marks = None
    is_over = True
    status = "ok"

    def __init__(self, graph: GraphRecord, shape_set: int) -> None:
        self.graph, self.shape_set = graph, shape_set
        self.rows: deque[tuple[Any, ...]] = deque()

    def take(self, limit: int) -> SteadyRows:
        """The oldest rows, as columns; they are gone from here."""
        rows = self.rows
        return SteadyRows(
            self.graph, self.shape_set, [rows.popleft() for _ in range(min(limit, len(rows)))]
        )


class SteadyRows:
    """Some steps as columns: lists, and arrays of [steps, nodes]."""

    names = None
    seq = -1

    def __init__(self, graph: GraphRecord, shape_set: int, rows: list[tuple[Any, ...]]) -> None:
        self.graph, self.shape_set, self.many = graph, shape_set, len(rows)
        columns = [*zip(*rows, strict=True)] or [()] * 9
        self.seqs, self.nums, self.t0, self.wall, self.rec = columns[:5]
        self.loss, self.nonfinite, self.live0, times = columns[5:]
        both = np.frombuffer(b"".join(times), np.int64).reshape(self.many, 2, graph.n)
        began = np.array(self.t0, np.int64).reshape(-1, 1)
        self.begin: NDArray[np.int64] = both[:, 0] - began
        self.dur: NDArray[np.int64] = both[:, 1] - both[:, 0]

    def __len__(self) -> int:
        return self.many
