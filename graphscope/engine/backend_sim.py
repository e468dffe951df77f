"""The pretend GPU as a backend: what a GPU would do, countable, on any machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from graphscope.engine import bounds
from graphscope.engine.backend import AllocInfo, MemoryEvent, MemoryStats
from graphscope.engine.sim_array import SimArray, host_array_error, run, wrap
from graphscope.engine.sim_device import Costs, SimDevice

PRETENDED_MEMORY = 16 << 30  # bytes, where no limit is set
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
        self.lib = SimpleNamespace(stride_tricks=SimpleNamespace(as_strided=self._as_strided))
        for name in _MAKE:
            setattr(self, name, self._maker(getattr(np, name)))

    def _as_strided(self, array: Any, shape: Any, strides: Any) -> Any:
        as_strided = np.lib.stride_tricks.as_strided
        return run(self._device, "as_strided", as_strided, (array, shape, strides), {}, ())

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

    def __init__(
        self,
        costs: Costs | None = None,
        limit: int | None = None,
        name: str = "sim",
        array_type: type = SimArray,
    ) -> None:
        self.name = name
        self.array_type = array_type
        self.device = SimDevice(costs, limit)
        self.device.array_type = array_type
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
        bounds.settle()
        return array.get()

    def scatter_add(self, array: Any, index: Any, values: Any) -> None:
        """``array[index] += values``, where repeated indices add up."""
        np.add.at(array, index, values)

    def synchronize(self) -> None:
        """Wait until the device has done all work."""
        self.device.synchronize()
        bounds.settle()

    def record(self) -> int:
        """Mark this point in the current stream's work."""
        return self.device.record()

    def query(self, handle: int) -> bool:
        """Whether the mark was passed."""
        return self.device.query(handle)

    def elapsed_ns(self, begin: int, end: int) -> int:
        """Virtual device time between two marks."""
        return self.device.elapsed_ns(begin, end)

    def event(self) -> int:
        """A mark of one's own, not set yet."""
        self.device.events.append(0)
        return len(self.device.events) - 1

    def mark(self, event: int) -> int:
        """Set it behind the current stream's work; returns the stream's number."""
        device = self.device
        device.events[event] = max(device.host_ns, device.stream.tail)
        device.first_issue = -1
        return device.streams.index(device.stream)

    def passed(self, event: int) -> bool:
        """Whether it was passed by the host's virtual clock."""
        return self.device.query(event)

    def await_mark(self, event: int) -> None:
        """The host's virtual clock goes to where the mark was passed."""
        self.device.sync_count += 1
        self.device.host_ns = max(self.device.host_ns, self.device.events[event])

    def between_ns(self, begin: int, end: int) -> int:
        """Virtual time between two marks."""
        return self.device.events[end] - self.device.events[begin]

    def passed_at(self, event: int) -> int | None:
        """The moment of the mark, exactly."""
        return self.device.events[event]

    def host_ns(self) -> int:
        """The host's virtual clock."""
        return self.device.host_ns

    def issued_ns(self) -> int | None:
        """When the first work since the last mark was issued, exactly; -1 if there was none."""
        return self.device.first_issue

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

    # ---------------------------------------------------------------- what graphscope.cuda asks a GPU for

    def properties(self) -> dict[str, Any]:
        """Name, total_memory, major, minor, multi_processor_count."""
        total = self.device.pool.limit or PRETENDED_MEMORY
        return dict(
            name="GraphScope sim (no GPU)",
            total_memory=total,
            major=0,
            minor=0,
            multi_processor_count=1,
        )

    def memory_info(self) -> tuple[int, int]:
        """Bytes that are free, and all."""
        total = self.properties()["total_memory"]
        return total - self.device.pool.reserved, total

    def reset_peak(self) -> None:
        """Count the peak from here."""
        self.device.pool.peak = self.device.pool.used

    def free_all_blocks(self) -> None:
        """Give memory that no array uses back to the device."""
        self.device.pool.free_all_blocks()

    def new_stream(self) -> Any:
        """Another stream."""
        return self.device.new_stream()

    def default_stream(self) -> Any:
        """The stream that work goes to if none was chosen."""
        return self.device.default_stream

    def current_stream(self) -> Any:
        """The stream that work goes to."""
        return self.device.stream

    def set_stream(self, stream: Any) -> None:
        """Work goes to ``stream`` from here."""
        self.device.stream = stream

    def stream_query(self, stream: Any) -> bool:
        """Whether all work of a stream is done."""
        return bool(stream.tail <= self.device.host_ns)

    def stream_synchronize(self, stream: Any) -> None:
        """Wait for a stream."""
        self.device.sync_count += 1
        self.device.host_ns = max(self.device.host_ns, stream.tail)

    def stream_wait(self, stream: Any, event: Any) -> None:
        """The stream does nothing until the event has happened."""
        self.device.wait(event, stream)

    def new_event(self, stream: Any) -> Any:
        """Mark this point in a stream's work."""
        return self.device.record(stream)

    def event_query(self, event: Any) -> bool:
        """Whether the event has happened."""
        return self.device.query(event)

    def event_synchronize(self, event: Any) -> None:
        """Wait for an event."""
        self.device.sync_count += 1
        self.device.host_ns = max(self.device.host_ns, self.device.events[event])

    def event_elapsed_ns(self, begin: Any, end: Any) -> int:
        """Device time between two events."""
        return self.device.elapsed_ns(begin, end)


_stand_ins: dict[int, SimBackend] = {}


def stand_in_for_cuda(index: int = 0) -> SimBackend:
    """The pretend GPU that answers to ``cuda:index``; always the same one, since kernels are bound to it.

    Each has a kind of arrays of its own, so that two devices do not mix.
    """
    if index not in _stand_ins:
        kind = type("CudaArray", (SimArray,), {"__slots__": ()})
        _stand_ins[index] = SimBackend(name=f"cuda:{index}", array_type=kind)
    return _stand_ins[index]


def _root_address(array: Any) -> int:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return int(array.ctypes.data)
