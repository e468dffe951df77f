"""NVIDIA GPUs through CuPy. The only file that imports CuPy, and only when a GPU is asked for.

Facts that shaped it: index arrays out of range wrap silently; ``asarray`` is asynchronous; a free on
another thread is not seen by a memory hook; the async pool has no hooks, so the default pool stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Any

import numpy as np

from graphscope.engine import bounds
from graphscope.engine.backend import AllocInfo, MemoryEvent, MemoryStats
from graphscope.errors import DeviceError

RING = 8192


def load() -> Any:
    """The ``cupy`` module. Raises: DeviceError with what to do if it or a GPU is missing."""
    try:
        import cupy
    except ImportError as error:
        raise DeviceError(
            "device cuda: CuPy is not installed, and it is what runs tensors on an NVIDIA GPU. "
            "Install it with: pip install 'graphscope-debugger[cuda]', or use device='cpu'"
        ) from error
    if not cupy.is_available():
        raise DeviceError(
            "device cuda: CuPy finds no NVIDIA GPU with a working driver here; use device='cpu', or check nvidia-smi"
        )
    return cupy


class CupyBackend:
    """The first NVIDIA GPU."""

    name = "cuda:0"

    def __init__(self, cupy: Any = None) -> None:
        self.xp: Any = cupy or load()
        self.array_type: type = self.xp.ndarray
        self.sync_count = 0
        self._runtime = self.xp.cuda.runtime
        # Raw events in a ring: creating one costs more than recording it.
        self._ring: list[int] = []
        self._count = 0
        self._used = self._peak = 0
        # CuPy keeps no peak. Its hooks see this thread only, where training usually is.
        self._hook = memory_hook(self.xp, self._count_bytes)
        self._hook.__enter__()

    # ---------------------------------------------------------------- arrays

    def asarray(self, host: Any) -> Any:
        """A device array with a copy of a host array; does not wait for the copy."""
        return self.xp.asarray(host)

    def to_host(self, array: Any) -> Any:
        """A numpy array with the values; waits for the device."""
        bounds.settle()
        self.sync_count += 1
        return self.xp.asnumpy(array)

    def scatter_add(self, array: Any, index: Any, values: Any) -> None:
        """``array[index] += values``, where repeated indices add up. Order, and so rounding, varies."""
        self.xp.add.at(array, index, values)

    def synchronize(self) -> None:
        """Wait until the device has done all work."""
        self.sync_count += 1
        self._runtime.deviceSynchronize()
        bounds.settle()

    # ---------------------------------------------------------------- time

    def record(self) -> int:
        """An event on the current stream. The newest 8,192 are valid: resolve a step's marks by the next one."""
        slot = self._count % RING
        if slot == len(self._ring):
            self._ring.append(self._runtime.eventCreateWithFlags(0))
        self._runtime.eventRecord(self._ring[slot], self.xp.cuda.get_current_stream().ptr)
        self._count += 1
        return self._count - 1

    def _event(self, handle: int) -> int:
        if not self._count - len(self._ring) <= handle < self._count:
            raise DeviceError(
                f"cuda: mark {handle} is too old, only the newest {RING} are kept; resolve marks sooner"
            )
        return self._ring[handle % RING]

    def query(self, handle: int) -> bool:
        """Whether the device has passed the mark; never waits."""
        return bool(self._runtime.eventQuery(self._event(handle)) == 0)

    def elapsed_ns(self, begin: int, end: int) -> int:
        """Device time between two passed marks. CUDA resolves about 500 ns, as float32 milliseconds."""
        ms: float = self._runtime.eventElapsedTime(self._event(begin), self._event(end))
        return round(ms * 1e6)

    def event(self) -> int:
        """A CUDA event of one's own with timing, to be set again and again; it lives as long as the program."""
        return int(self._runtime.eventCreateWithFlags(0))

    def mark(self, event: int) -> int:
        """Set it behind the current stream's work; returns the stream's pointer."""
        stream: int = self.xp.cuda.get_current_stream().ptr
        self._runtime.eventRecord(event, stream)
        return stream

    def passed(self, event: int) -> bool:
        """Whether the device has passed it; never waits, and may be asked by any thread."""
        return bool(self._runtime.eventQuery(event) == 0)

    def await_mark(self, event: int) -> None:
        """Wait until the device has passed it."""
        self.sync_count += 1
        self._runtime.eventSynchronize(event)

    def between_ns(self, begin: int, end: int) -> int:
        """Device time between two passed marks. CUDA resolves about 500 ns, as float32 milliseconds."""
        ms: float = self._runtime.eventElapsedTime(begin, end)
        return round(ms * 1e6)

    def passed_at(self, event: int) -> int | None:
        """None: CUDA tells differences only."""
        return None

    def host_ns(self) -> int:
        """The wall clock."""
        return perf_counter_ns()

    def issued_ns(self) -> int | None:
        """None: CUDA does not tell when a kernel was launched."""
        return None

    # ---------------------------------------------------------------- memory

    def memory_stats(self) -> MemoryStats:
        """The default pool's numbers now; the peak is that of the thread which used the GPU first."""
        pool = self.xp.get_default_memory_pool()
        limit = int(pool.get_limit())
        return MemoryStats(
            int(pool.used_bytes()),
            int(pool.total_bytes()),
            max(self._peak, int(pool.used_bytes())),
            limit or None,
        )

    def set_limit(self, limit: int | None) -> None:
        """Refuse to hold more than ``limit`` bytes."""
        self.xp.get_default_memory_pool().set_limit(size=limit or 0)

    @contextmanager
    def hook(self, sink: Callable[[MemoryEvent], None]) -> Iterator[None]:
        """Tell ``sink`` every memory event of this thread inside the ``with`` block."""
        with memory_hook(self.xp, sink):
            yield

    def alloc_info(self, array: Any) -> AllocInfo:
        """Where an array lies; ``memory`` is what the hook calls pmem_id."""
        mem = array.data.mem
        return AllocInfo(int(array.data.ptr), int(array.nbytes), int(mem.size), id(mem))

    # ---------------------------------------------------------------- what graphscope.cuda asks a GPU for

    def properties(self) -> dict[str, Any]:
        """Name, total_memory, major, minor, multi_processor_count."""
        p = self._runtime.getDeviceProperties(0)
        return dict(
            name=p["name"].decode(), total_memory=int(p["totalGlobalMem"]), major=int(p["major"]),
            minor=int(p["minor"]), multi_processor_count=int(p["multiProcessorCount"]),
        )  # fmt: skip

    def memory_info(self) -> tuple[int, int]:
        """Bytes that are free, and all."""
        free, total = self._runtime.memGetInfo()
        return int(free), int(total)

    def reset_peak(self) -> None:
        """Count the peak from here."""
        self._used = self._peak = int(self.xp.get_default_memory_pool().used_bytes())

    def _count_bytes(self, event: MemoryEvent) -> None:
        if event.kind == "malloc":
            self._used += event.allocated
            self._peak = max(self._peak, self._used)
        elif event.kind == "free":
            self._used -= event.allocated

    def free_all_blocks(self) -> None:
        """Give memory that no array uses back to the device."""
        self.xp.get_default_memory_pool().free_all_blocks()

    def new_stream(self) -> Any:
        """Another stream."""
        return self.xp.cuda.Stream(non_blocking=True)

    def default_stream(self) -> Any:
        """The stream that work goes to if none was chosen."""
        return self.xp.cuda.Stream.null

    def current_stream(self) -> Any:
        """The stream that this thread's work goes to."""
        return self.xp.cuda.get_current_stream()

    def set_stream(self, stream: Any) -> None:
        """This thread's work goes to ``stream`` from here."""
        stream.use()

    def stream_query(self, stream: Any) -> bool:
        """Whether all work of a stream is done."""
        return bool(stream.done)

    def stream_synchronize(self, stream: Any) -> None:
        """Wait for a stream."""
        self.sync_count += 1
        stream.synchronize()

    def stream_wait(self, stream: Any, event: Any) -> None:
        """The stream does nothing until the event has happened."""
        stream.wait_event(event)

    def new_event(self, stream: Any) -> Any:
        """Mark this point in a stream's work."""
        return stream.record()

    def event_query(self, event: Any) -> bool:
        """Whether the event has happened."""
        return bool(event.done)

    def event_synchronize(self, event: Any) -> None:
        """Wait for an event."""
        self.sync_count += 1
        event.synchronize()

    def event_elapsed_ns(self, begin: Any, end: Any) -> int:
        """Device time between two events."""
        return int(round(self.xp.cuda.get_elapsed_time(begin, end) * 1e6))

    def rng(self, seed: int) -> np.random.Generator:
        """A host generator: CuPy's stream differs from numpy's and between its versions."""
        return np.random.default_rng(seed)


def memory_hook(cupy: Any, sink: Callable[[MemoryEvent], None]) -> Any:
    """A CuPy memory hook (a context manager) that tells ``sink`` in our words.

    CuPy calls these by keyword; ``free`` runs while an array dies, so it must not raise.
    """

    class Hook(cupy.cuda.MemoryHook):  # type: ignore[misc]
        name = f"graphscope-{id(sink)}"

        def alloc_postprocess(self, **k: Any) -> None:
            if k["mem_ptr"]:
                sink(MemoryEvent("grow", k["mem_size"], k["mem_size"], k["mem_ptr"], 0))

        def malloc_postprocess(self, **k: Any) -> None:
            kind = "malloc" if k["mem_ptr"] or not k["size"] else "oom"
            sink(MemoryEvent(kind, k["size"], k["mem_size"], k["mem_ptr"], k["pmem_id"]))

        def free_postprocess(self, **k: Any) -> None:
            sink(MemoryEvent("free", 0, k["mem_size"], k["mem_ptr"], k["pmem_id"]))

    return Hook()
