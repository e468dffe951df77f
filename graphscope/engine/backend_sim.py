"""The pretend GPU as a backend: what a GPU would do, countable, on any machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from graphscope.engine.backend import AllocInfo, MemoryEvent, MemoryStats
from graphscope.engine.sim_array import SimArray, host_array_error, wrap
from graphscope.engine.sim_device import Costs, SimDevice

_MAKE = "zeros ones empty full arange eye linspace identity tri".split()


class SimModule:
    """``xp`` for kernels: numpy's functions, which come here through numpy's own protocols.

    Functions that make an array make it on the device.
    """

    # Kernels ask for this name to know that reading a value would stop the device.
    cuda = SimpleNamespace(is_available=lambda: True)
    ndarray = SimArray

    def __init__(self, device: SimDevice) -> None:
        self._device = device
        for name in _MAKE:
            setattr(self, name, self._maker(getattr(np, name)))

    def __getattr__(self, name: str) -> Any:
        try:
            found = getattr(np, name)
        except AttributeError:
            raise AttributeError(
                f"sim: numpy has no {name!r}, so the device has none either"
            ) from None
        setattr(self, name, found)
        return found

    def _maker(self, function: Any) -> Any:
        def make(*args: Any, **kwargs: Any) -> SimArray:
            array = wrap(function(*args, **kwargs), self._device)
            self._device.issue(function.__name__, array.nbytes, 0)
            return array

        make.__name__ = function.__name__
        return make

    def asarray(self, value: Any, dtype: Any = None) -> SimArray:
        """A device array of anything; a device array stays itself."""
        if isinstance(value, SimArray):
            return value if dtype is None or value.dtype == dtype else value.astype(dtype)
        array = wrap(np.array(value, dtype=dtype, order="C"), self._device)
        self._device.upload(array.nbytes)
        return array

    def array(self, value: Any, dtype: Any = None) -> SimArray:
        """A new device array of anything."""
        out = self.asarray(value, dtype)
        return out.copy() if out is value else out

    def ascontiguousarray(self, value: Any) -> SimArray:
        """The array itself if its memory is in order, else a copy that is."""
        if not isinstance(value, SimArray):
            raise host_array_error("ascontiguousarray")
        return value if value.flags.c_contiguous else value.copy()


class SimBackend:
    """A ``SimDevice`` behind the protocol of all backends. Tests may set its costs and limit."""

    name = "sim"
    array_type: type = SimArray

    def __init__(self, costs: Costs | None = None, limit: int | None = None) -> None:
        self.device = SimDevice(costs, limit)
        self.xp: Any = SimModule(self.device)

    @property
    def sync_count(self) -> int:
        """How often the host has waited for the device."""
        return self.device.sync_count

    def asarray(self, host: Any) -> Any:
        """A device array with a copy of a host array."""
        return self.xp.asarray(host)

    def to_host(self, array: Any) -> Any:
        """A numpy array with the values; waits for the device."""
        return array.get()

    def scatter_add(self, array: Any, index: Any, values: Any) -> None:
        """``array[index] += values``, where repeated indices add up."""
        np.add.at(array, index, values)

    def synchronize(self) -> None:
        """Wait until the device has done all work."""
        self.device.synchronize()

    def record(self) -> int:
        """Mark this point in the current stream's work."""
        return self.device.record()

    def query(self, handle: int) -> bool:
        """Whether the mark was passed."""
        return self.device.query(handle)

    def elapsed_ns(self, begin: int, end: int) -> int:
        """Virtual device time between two marks."""
        return self.device.elapsed_ns(begin, end)

    def memory_stats(self) -> MemoryStats:
        """The pool's numbers now."""
        pool = self.device.pool
        return MemoryStats(pool.used, pool.reserved, pool.peak, pool.limit)

    def set_limit(self, limit: int | None) -> None:
        """Refuse to hold more than ``limit`` bytes."""
        self.device.pool.limit = limit

    @contextmanager
    def hook(self, sink: Callable[[MemoryEvent], None]) -> Iterator[None]:
        """Tell ``sink`` every memory event inside the ``with`` block."""
        sinks = self.device.pool.sinks
        sinks.append(sink)
        try:
            yield
        finally:
            sinks.remove(sink)

    def alloc_info(self, array: Any) -> AllocInfo:
        """Where an array lies."""
        chunk = array.mem.chunk
        offset = array._h.ctypes.data - _root_address(array._h)
        return AllocInfo(chunk.pointer + offset, chunk.requested, chunk.size, id(array.mem))

    def rng(self, seed: int) -> np.random.Generator:
        """A host generator: the numbers are drawn there and uploaded."""
        return np.random.default_rng(seed)


def _root_address(array: Any) -> int:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return int(array.ctypes.data)
