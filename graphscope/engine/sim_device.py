"""A pretend GPU: virtual clocks, a stream that works first in first out, and a memory pool.

Time is counted, not measured, so tests know it to the nanosecond. The host issues an op in
``Costs.launch`` ns and goes on; the device starts it when the host has issued it and the op before it
is done, and takes ``latency + bytes / bandwidth + flops / rate`` ns.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from graphscope.engine.backend import MemoryEvent
from graphscope.errors import DeviceError, OutOfMemory

GRAIN = 512


@dataclass(frozen=True)
class Costs:
    """Virtual prices. Units: ns, bytes per ns, floating point operations per ns."""

    launch: int = 5_000
    view: int = 500
    latency: int = 2_000
    bandwidth: int = 1_000
    rate: int = 10_000
    copy_latency: int = 8_000
    copy_bandwidth: int = 16

    def kernel(self, moved: int, flops: int) -> int:
        """Device time of one op."""
        return self.latency - (-moved // self.bandwidth) - (-flops // self.rate)

    def copy(self, moved: int) -> int:
        """Device time of one transfer from or to the host."""
        return self.copy_latency - (-moved // self.copy_bandwidth)


class Work(NamedTuple):
    """One thing that a stream did, on the device's clock."""

    name: str
    issued: int
    begin: int
    end: int


class Stream:
    """Work in order: each piece begins when it was issued and the one before it is done."""

    def __init__(self) -> None:
        self.tail = 0
        self.log: list[Work] = []


class SimDevice:
    """Clocks, streams, events and counters of one pretend GPU.

    index_wrap: indices out of range wrap silently, as on CuPy. no_sync: waiting for the device is an error.
    """

    def __init__(self, costs: Costs | None = None, limit: int | None = None) -> None:
        self.costs = costs or Costs()
        self.host_ns = 0
        self.default_stream = Stream()
        self.stream = self.default_stream
        self.streams = [self.default_stream]
        self.events: list[int] = []
        self.first_issue = (
            -1
        )  # when the host issued the first work since the last mark of a recorder
        self.sync_count = 0
        self.h2d_bytes = 0
        self.d2h_bytes = 0
        self.index_wrap = True
        self.no_sync = False
        self.pool = Pool(limit)
        self.array_type: type | None = None  # None: SimArray

    def new_stream(self) -> Stream:
        """Another stream; set ``device.stream`` to issue to it."""
        self.streams.append(Stream())
        return self.streams[-1]

    def spend(self, ns: int) -> None:
        """The host works on something else for a while."""
        self.host_ns += ns

    def view(self) -> None:
        """A view: the host makes it, the device never hears of it."""
        self.host_ns += self.costs.view

    def issue(self, name: str, moved: int, flops: int) -> None:
        """An op goes to the current stream."""
        self._enqueue(name, self.costs.kernel(moved, flops))

    def upload(self, nbytes: int) -> None:
        """A copy from the host: asynchronous, as CuPy's from staged memory."""
        self.h2d_bytes += nbytes
        self._enqueue("h2d", self.costs.copy(nbytes))

    def download(self, nbytes: int) -> None:
        """A copy to the host, which waits for it."""
        self.d2h_bytes += nbytes
        self._enqueue("d2h", self.costs.copy(nbytes))
        self.synchronize("reading values on the host")

    def _enqueue(self, name: str, duration: int) -> None:
        self.host_ns += self.costs.launch
        if self.first_issue < 0:
            self.first_issue = self.host_ns
        begin = max(self.host_ns, self.stream.tail)
        self.stream.tail = begin + duration
        self.stream.log.append(Work(name, self.host_ns, begin, self.stream.tail))

    def synchronize(self, why: str = "synchronize") -> None:
        """The host waits for all streams. Raises: DeviceError while ``no_sync`` is set."""
        if self.no_sync:
            raise DeviceError(
                f"sim: {why} waits for the device, and waiting is forbidden here (no_sync); "
                "keep the value on the device and read it at the end of the step"
            )
        self.sync_count += 1
        self.host_ns = max(self.host_ns, *(s.tail for s in self.streams))

    def record(self, stream: Stream | None = None) -> int:
        """An event: the moment when the stream's work so far is done, but not before now."""
        self.events.append(max(self.host_ns, (stream or self.stream).tail))
        return len(self.events) - 1

    def query(self, event: int) -> bool:
        """Whether the event has happened by the host's clock."""
        return self.events[event] <= self.host_ns

    def elapsed_ns(self, begin: int, end: int) -> int:
        """Device time between two events. Raises: DeviceError if one has not happened yet."""
        for event in (begin, end):
            if not self.query(event):
                raise DeviceError(
                    f"sim: event {event} has not happened yet; synchronize, or ask query() first"
                )
        return self.events[end] - self.events[begin]

    def wait(self, event: int, stream: Stream) -> None:
        """The stream does nothing until the event has happened."""
        stream.tail = max(stream.tail, self.events[event])


# ---------------------------------------------------------------- memory


class Chunk:
    """A piece of pool memory; it goes back to the pool when the last array on it dies."""

    __slots__ = ("pool", "pointer", "requested", "size", "free", "before", "after")

    def __init__(self, pool: Pool, pointer: int, size: int) -> None:
        self.pool: Pool = pool
        self.pointer = pointer
        self.requested = 0
        self.size = size
        self.free = True
        self.before: Chunk | None = None
        self.after: Chunk | None = None


class Memory:
    """What an array holds: dropping the last reference frees the chunk."""

    __slots__ = ("chunk", "__weakref__")

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk

    @property
    def size(self) -> int:
        """Bytes after rounding."""
        return self.chunk.size

    def __del__(self, ending: Callable[[], bool] = sys.is_finalizing) -> None:
        if not ending():  # while the interpreter ends, the names that release() needs are gone
            self.chunk.pool.release(self)


class Pool:
    """Best fit over one arena, in grains of 512 bytes; neighbours that are free join.

    As CuPy's default pool: a chunk is cut to the rounded size, the pool keeps what it has taken from
    the device, and at the limit it gives free memory back and collects garbage before it refuses.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.used = self.reserved = self.peak = 0
        self.sinks: list[Callable[[MemoryEvent], None]] = []
        self._chunks: list[Chunk] = []  # free ones
        self._next = GRAIN

    def _tell(self, kind: str, requested: int, allocated: int, pointer: int, memory: int) -> None:
        for sink in self.sinks:
            sink(MemoryEvent(kind, requested, allocated, pointer, memory))

    def malloc(self, requested: int) -> Memory:
        """Memory for ``requested`` bytes. Raises: OutOfMemory at the limit."""
        size = -(-requested // GRAIN) * GRAIN
        chunk = min((c for c in self._chunks if c.size >= size), key=lambda c: c.size, default=None)
        if chunk is None or size == 0:
            chunk = self._grow(size, requested)
        else:
            self._chunks.remove(chunk)
            self._cut(chunk, size)
        chunk.free = False
        chunk.requested = requested
        self.used += size
        self.peak = max(self.peak, self.used)
        memory = Memory(chunk)
        self._tell("malloc", requested, size, chunk.pointer, id(memory))
        return memory

    def _grow(self, size: int, requested: int) -> Chunk:
        if self.limit is not None and self.reserved + size > self.limit:
            self.free_all_blocks()
            if self.reserved + size > self.limit:
                gc.collect()
                self.free_all_blocks()
            if self.reserved + size > self.limit:
                self._tell("oom", requested, size, 0, 0)
                raise OutOfMemory(
                    f"sim: out of memory: {size:,} bytes are wanted, {self.used:,} of {self.limit:,} are in use; "
                    "use smaller batches, or drop tensors that still hold a graph"
                )
        chunk = Chunk(self, self._next if size else 0, size)
        if size:
            self._next += size
            self.reserved += size
            self._tell("grow", requested, size, chunk.pointer, 0)
        return chunk

    def _cut(self, chunk: Chunk, size: int) -> None:
        if chunk.size == size:
            return
        rest = Chunk(self, chunk.pointer + size, chunk.size - size)
        rest.before, rest.after = chunk, chunk.after
        if chunk.after is not None:
            chunk.after.before = rest
        chunk.after = rest
        chunk.size = size
        self._chunks.append(rest)

    def release(self, memory: Memory) -> None:
        """Take a chunk back; called when the memory's last array dies, so it must not raise."""
        chunk = memory.chunk
        if chunk.size == 0:
            return
        self.used -= chunk.size
        self._tell("free", 0, chunk.size, chunk.pointer, id(memory))
        chunk.free = True
        after, before = chunk.after, chunk.before
        if after is not None and after.free:
            self._chunks.remove(after)
            self._join(chunk, after)
        if before is not None and before.free:
            self._chunks.remove(before)
            self._join(before, chunk)
            chunk = before
        self._chunks.append(chunk)

    @staticmethod
    def _join(left: Chunk, right: Chunk) -> None:
        left.size += right.size
        left.after = right.after
        if right.after is not None:
            right.after.before = left

    def free_all_blocks(self) -> None:
        """Give whole free segments back to the device."""
        for chunk in [c for c in self._chunks if c.before is None and c.after is None]:
            self._chunks.remove(chunk)
            self.reserved -= chunk.size
