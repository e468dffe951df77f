"""The host: numpy arrays, no transfers, no pool; the clock is the wall clock."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter_ns
from typing import Any

import numpy as np

from graphscope.engine.backend import AllocInfo, MemoryEvent, MemoryStats
from graphscope.errors import DeviceError


class NumpyBackend:
    """The default backend."""

    name = "cpu"
    xp: Any = np
    array_type: type = np.ndarray
    sync_count = 0

    def asarray(self, host: Any) -> Any:
        """The array itself: it is there already."""
        return np.asarray(host)

    def to_host(self, array: Any) -> Any:
        """The array itself."""
        return np.asarray(array)

    def scatter_add(self, array: Any, index: Any, values: Any) -> None:
        """``array[index] += values``, where repeated indices add up."""
        np.add.at(array, index, values)

    def synchronize(self) -> None:
        """Nothing to wait for: numpy returns when the work is done."""

    def record(self) -> int:
        """Now."""
        return perf_counter_ns()

    def query(self, handle: int) -> bool:
        """Always passed."""
        return True

    def elapsed_ns(self, begin: int, end: int) -> int:
        """Wall time between two marks."""
        return end - begin

    def event(self) -> int:
        """Raises: DeviceError, since the host's work is timed by its own clock."""
        raise DeviceError("the cpu has no queue to set marks in; its ops are timed where they run")

    def mark(self, event: int) -> int:
        """Never called: there are no events."""
        return 0

    def passed(self, event: int) -> bool:
        """Always."""
        return True

    def await_mark(self, event: int) -> None:
        """Nothing to wait for."""

    def between_ns(self, begin: int, end: int) -> int:
        """Never called: there are no events."""
        return 0

    def passed_at(self, event: int) -> int | None:
        """Never called: there are no events."""
        return None

    def host_ns(self) -> int:
        """Now."""
        return perf_counter_ns()

    def issued_ns(self) -> int | None:
        """Unknown."""
        return None

    def memory_stats(self) -> MemoryStats:
        """All unknown: numpy takes memory from the system, piece by piece."""
        return MemoryStats(None, None, None, None)

    def set_limit(self, limit: int | None) -> None:
        """Raises: DeviceError, since the host has no pool to limit."""
        if limit is not None:
            raise DeviceError(
                "the cpu has no memory pool, so no limit can be set; limits are for cuda and sim"
            )

    def hook(self, sink: Callable[[MemoryEvent], None]) -> AbstractContextManager[None]:
        """No pool, no events."""
        return nullcontext()

    def alloc_info(self, array: Any) -> AllocInfo:
        """The buffer that owns the memory, found by following the views' bases."""
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        return AllocInfo(int(array.ctypes.data), int(array.nbytes), int(owner.nbytes), id(owner))

    def rng(self, seed: int) -> np.random.Generator:
        """A numpy generator."""
        return np.random.default_rng(seed)
