"""Steps that were as predicted, on their way to the writer: each is one row of numbers in a block.

Most steps of a training are so, and a step of a small net takes no longer than a hundred microseconds: a ``Job`` each,
and everything that is asked of a job, would cost more than recording its ops. The program's thread writes rows, in C
where that is compiled (``engine.follow``), and whoever packs reads them, as columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.engine.follow import HEAD
from graphscope.record.names import GraphRecord

ROWS = 256  # of a block: so many steps come between two that are looked at, where they are quick
NUMBERS = 1 << 18  # of a block at most: a graph of very many nodes has fewer rows


class Steady:
    """Steps of one graph and one set of shapes, oldest first.

    It grows as long as the recorder holds it. block: its first row holds only how many there are; then one for each
    step: seq, num, moment of its begin, wall, recording, nonfinite, loss (the bits of a float; NaN: none), when each
    node began, when each ended. Times are nanoseconds, moments those of the clock.
    """

    __slots__ = ("graph", "shape_set", "block", "taken", "live")
    names = None
    seq = -1
    marks = None
    is_over = True
    status = "ok"

    def __init__(self, graph: GraphRecord, shape_set: int, live: tuple[int, float, int]) -> None:
        self.graph, self.shape_set = graph, shape_set
        width = HEAD + 2 * graph.n
        self.block: NDArray[np.int64] = np.empty(
            (1 + max(1, min(ROWS, NUMBERS // width)), width), np.int64
        )
        self.block[0, 0] = 0
        self.taken = 0
        self.live = (
            live  # of Outlive: bytes counted, growth in a step, and steps unseen at the first row
        )

    def takes(self, graph: GraphRecord, shape_set: int) -> bool:
        """Whether steps of this graph and these shapes belong here."""
        return self.graph is graph and self.shape_set == shape_set

    def __len__(self) -> int:
        return int(self.block[0, 0])

    def take(self) -> SteadyRows:
        """The rows that nobody took before."""
        first, self.taken = self.taken, len(self)
        return SteadyRows(self, first, self.taken)


class SteadyRows:
    """Some steps as columns: of [steps], and of [steps, nodes]."""

    names = None
    seq = -1

    def __init__(self, steady: Steady, first: int, last: int) -> None:
        self.graph, self.shape_set = steady.graph, steady.shape_set
        n = self.graph.n
        rows = steady.block[1 + first : 1 + last]
        self.many = len(rows)
        self.seqs, self.nums, self.t0, self.wall, self.rec, self.nonfinite = rows[:, :6].T
        self.loss: NDArray[np.float64] = rows[:, 6].copy().view(np.float64)
        self.begin: NDArray[np.int64] = rows[:, HEAD : HEAD + n] - rows[:, 2:3]
        self.dur: NDArray[np.int64] = rows[:, HEAD + n :] - rows[:, HEAD : HEAD + n]
        counted, rate, unseen = steady.live
        # -1: not known
        self.live0: Any = None
        if counted:
            self.live0 = counted + (rate * (unseen + np.arange(first, last))).astype(np.int64)

    def __len__(self) -> int:
        return self.many
