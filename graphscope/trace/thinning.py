"""What keeps a run of a week small: exact moments of all steps, columns of some.

The first 2000 steps of a kind keep their timing columns, then every second, then every fourth, and
so on, so that the file grows with the logarithm of the run. Steps that say something keep theirs:
the first of a graph, a failed one, a new slowest one, the first hundred with non-finite values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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

    def __init__(self, nodes: int) -> None:
        self.n = 0
        self.data = np.zeros((4, nodes))
        self.data[2] = np.inf
        self.data[3] = -np.inf
        self.flushed = 0
        self.flushed_at = 0.0

    def add(self, durations: NDArray[np.int64]) -> None:
        """One more step (Welford's update, which loses no digits in a long run)."""
        self.n += 1
        mean, m2, low, high = self.data
        delta = durations - mean
        mean += delta / self.n
        m2 += delta * (durations - mean)
        np.minimum(low, durations, out=low)
        np.maximum(high, durations, out=high)

    def flush(self, now: float) -> bytes | None:
        """The blob to write, or None when nothing is new or the last one is young enough."""
        rest = 1.0 if self.data.nbytes < 1 << 16 else 5.0
        if self.flushed == self.n or now - self.flushed_at < rest:
            return None
        self.flushed, self.flushed_at = self.n, now
        return self.data.astype("<f8").tobytes()
