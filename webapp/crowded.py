"""Whether all processors of this machine are busy: then what a page takes is missing where a training runs.

A training whose BLAS uses all of them waits with all of its threads for the one that had to step aside for a page.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

LOOK = 2.0  # seconds between two looks, and over which the processors are watched
IDLE = 0.12  # of all processors' time: below it they are busy


def _times() -> tuple[float, float]:
    """Idle and whole time of all processors since the start, in ticks. Source: proc_stat(5). Raises: OSError, ValueError."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [float(word) for word in file.readline().split()[1:9]]
    return ticks[3] + ticks[4], sum(
        ticks
    )  # idle and waiting for a disk; guests are counted as users already


class Crowd:
    """Looks at the processors now and then, when somebody asks."""

    def __init__(
        self, times: Callable[[], tuple[float, float]] = _times, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self._times, self._clock = times, clock
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._before: tuple[float, float] | None = None
        self._busy = False

    def is_here(self) -> bool:
        """Whether the processors were busy of late; False where that cannot be known."""
        with self._lock:
            now = self._clock()
            if now - self._looked >= LOOK:
                self._busy = self._look(now - self._looked)
                self._looked = now
            return self._busy

    def _look(self, since: float) -> bool:
        try:
            times = self._times()
        except (
            OSError,
            ValueError,
            IndexError,
        ):  # no Linux: what was ready to run in the last minute
            return hasattr(os, "getloadavg") and os.getloadavg()[0] >= (os.cpu_count() or 1)
        before, self._before = self._before, times
        if before is None or since > 5 * LOOK:  # that was another time
            return False
        idle, whole = times[0] - before[0], times[1] - before[1]
        return whole > 0 and idle < IDLE * whole
