"""What keeps a run of a week small: exact moments of all steps, columns of some.

The first 2000 steps of a kind keep their timing columns, then every second, then every fourth, and
so on, so that the file grows with the logarithm of the run. Steps that say something keep theirs:
the first of a graph, a failed one, a new slowest one, the first hundred with non-finite values.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.trace import codec

KEEP = 2000
NONFINITE = 100


class Thinning:
    """Decides, step by step of one kind, whose timing columns stay in the file."""

    def __init__(self) -> None:
        self.stride = 1
        self.kept = 0
        self.seen = 0
        self.slowest = 0
        self.nonfinite = 0

    def keeps(self, wall_ns: int, special: bool, nonfinite: bool) -> bool:
        regular = self.seen % self.stride == 0
        self.seen += 1
        if regular:
            self.kept += 1
            if self.kept == KEEP:
                self.stride, self.kept = 2 * self.stride, 0
        slow, self.slowest = wall_ns > self.slowest, max(wall_ns, self.slowest)
        self.nonfinite += nonfinite
        return regular or special or slow or (nonfinite and self.nonfinite <= NONFINITE)


class Moments:
    """Running mean, squared deviation, smallest and largest duration of each node, exactly."""

    def __init__(self, nodes: int, goes_on: bool = False, first: int = -1) -> None:
        self.goes_on = goes_on  # the file has some of before, which are not in here
        self.first = first  # id of the first step
        self.n = 0
        self.nodes = nodes
        self._data: NDArray[np.float64] | None = None
        self._alone: Any = (
            None  # of a graph that ran once, as most do in a program that never repeats
        )
        self.flushed = 0
        self.flushed_at = 0.0

    @property
    def data(self) -> NDArray[np.float64]:
        """Mean, sum of squared deviations, least and most of each node."""
        data = self._data
        if data is None:
            data = self._data = np.zeros((4, self.nodes))
            data[2] = np.inf
            data[3] = -np.inf
            if self._alone is not None:
                self.n, alone, self._alone = 0, self._alone, None
                self.add(alone)
        return data

    def add(self, durations: NDArray[np.int64]) -> None:
        """More steps: ``[steps, nodes]``, or the nodes of one step.

        Source: Chan, Golub, LeVeque (1979), pairwise updating of sums of squares; it loses no digits
        in a long run.
        """
        if self.n == 0 and self._data is None and durations.size == self.nodes:
            self.n, self._alone = 1, durations
            return
        many = np.atleast_2d(durations).astype(np.float64)
        of_these = many.mean(axis=0)
        spread = np.square(many - of_these).sum(axis=0)
        self.join(len(many), of_these, spread, many.min(axis=0), many.max(axis=0))

    def join(self, k: int, of_these: Any, spread: Any, least: Any, most: Any) -> None:
        """The moments of ``k`` more steps."""
        mean, m2, low, high = self.data
        before = self.n
        self.n += k
        m2 += spread
        delta = of_these - mean
        m2 += np.square(delta) * (before * k / self.n)
        mean += delta * (k / self.n)
        np.minimum(low, least, out=low)
        np.maximum(high, most, out=high)

    def flush(self, now: float) -> bytes | None:
        """The blob to write, or None when nothing is new or the last one is young enough."""
        rest = 1.0 if self.nodes < 2_048 else 5.0
        if self.n < 2:
            return None  # the step itself says as much; a graph that never repeats would take a third more
        if self.flushed == self.n or now - self.flushed_at < rest:
            return None
        self.flushed, self.flushed_at = self.n, now
        return self.data.astype("<f8").tobytes()


def duration(db: sqlite3.Connection, step: int) -> NDArray[np.int64] | None:
    """How long each node of a step took; None where that is not in the file (any more)."""
    at = db.execute("SELECT chunk, place FROM steps WHERE id = ?", (step,)).fetchone()
    if at is None or at[0] is None:
        return None
    chunk = db.execute("SELECT columns, shift, held FROM steps WHERE id = ?", at[:1]).fetchone()
    found: NDArray[np.int64] = codec.unpack_many(*chunk)[1][at[1]]
    return found
