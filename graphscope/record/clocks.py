"""When the ops of a step ran on a device: pooled marks behind each op, read a step later.

A mark is set in the device's queue behind every op; the time between two marks is the op's. Nothing waits:
the writer's thread reads the marks of a step when the device has passed the last of them, and gives them back
to the pool. An op begins when the one before it has ended, or when the host issued it if that was later:
in between the device was idle. A backend that does not know when work was issued (CUDA) gets the moment at
which the op began on the host, so that there the time of an op on an idle device has its launch in it.

CUDA tells differences between marks only. Where the device's clock stands on the host's follows from what
cannot be otherwise: no mark is passed before the host has set it, and none later than the host sees it passed.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from graphscope.engine.backend import BACKENDS, Backend, MemoryEvent
from graphscope.record.tables import Placed

NOT_A_NODE = -1
LIMIT = 2**32 - 1
DRIFT = 20_000  # two clocks drift apart by less than one in so many


class Mark(NamedTuple):
    """What a mark is, as a plain tuple: which node of the step ended there, in which stream, and since when the host wanted it."""

    node: int
    clock: Clock
    event: int
    stream: int
    issued: int
    """-1: the node gave the device nothing to do."""
    told: int
    """A moment of the host's clock at or before which the mark was set."""


class Pool(NamedTuple):
    """A device's memory in one step. Bytes; ``workspace`` is the most that one op took and gave back."""

    used: int
    reserved: int
    peak: int
    workspace: int


class DeviceRow(NamedTuple):
    """What is stored of a device in a step, beside the times of the ops."""

    device: str
    start_ns: int
    busy_ns: int
    idle_ns: int
    used: int
    reserved: int
    peak: int
    workspace: int


class Clock:
    """The marks of one device, and the moments that were read from them."""

    def __init__(self, backend: Backend, memory: bool) -> None:
        self.backend = backend
        self.name = backend.name
        self._pool: deque[int] = deque()
        self._placed: dict[int, Placed] = {}
        # The writer's side: the newest mark that was read, its time, and where each stream stood.
        self._last = backend.event()
        # What to add to the device's time, which counts from this first mark, to have the host's.
        self._offset = backend.host_ns()
        stream = backend.mark(self._last)
        self._at = self._anchored = 0
        exact = backend.passed_at(self._last)
        self._ends = {stream: self._offset if exact is None else exact}
        self.used = self._high = self._peak = self._workspace = 0
        self._before = 0
        self._hook: Any = None
        if memory:
            self._hook = backend.hook(self._counts)
            self._hook.__enter__()
        self._zero()

    def close(self) -> None:
        """Look at the pool no longer."""
        hook, self._hook = self._hook, None
        if hook is not None:
            hook.__exit__(None, None, None)

    # ---------------------------------------------------------------- while the program runs

    def mark(self, t0: int) -> tuple[int, int, int]:
        """(event, stream, issued) of a mark behind what the host gave the device since it began at ``t0``."""
        backend = self.backend
        issued = backend.issued_ns()
        event = self._pool.popleft() if self._pool else backend.event()
        stream = backend.mark(event)
        if self._high != self._before:
            self._look()
        return event, stream, t0 if issued is None else issued

    def placed(self, dtype: Any) -> Placed:
        """What stands for a dtype of this device's arrays."""
        found = self._placed.get(dtype.num)
        if found is None:
            found = self._placed[dtype.num] = Placed.of(dtype, self.name)
        return found

    def _counts(self, event: MemoryEvent) -> None:
        """Runs while arrays are born and die: it adds, and nothing else."""
        if event.kind == "malloc":
            self.used += event.allocated
            if self.used > self._high:
                self._high = self.used
        elif event.kind == "free":
            self.used -= event.allocated

    def _look(self) -> None:
        """An op is over: what it took beyond what it left behind was workspace."""
        extra = self._high - max(self.used, self._before)
        if extra > self._workspace:
            self._workspace = extra
        if self._high > self._peak:
            self._peak = self._high
        self._before = self._high = self.used

    def _zero(self) -> None:
        used = self.backend.memory_stats().used or 0
        self.used = self._high = self._before = self._peak = used
        self._workspace = 0

    def pool(self, begin: int) -> Pool:
        """The memory of the step that ends, which began with ``begin`` bytes in use; counts from here again."""
        self._look()
        reserved = self.backend.memory_stats().reserved or 0
        found = Pool(begin, reserved, self._peak, self._workspace)
        self._zero()
        return found

    # ---------------------------------------------------------------- the writer's thread

    def read(self, told: list[Mark]) -> Any:
        """Node, begin, end and idle time before of marks that were all passed, as rows on the host's clock."""
        backend = self.backend
        nodes, _, events, streams, issued, since = (
            list(column) for column in zip(*told, strict=True)
        )
        exact = backend.passed_at(events[0]) is not None
        if exact:
            moments = np.array([backend.passed_at(event) for event in events], np.int64)
        else:
            steps = [backend.between_ns(a, b) for a, b in pairwise([self._last, *events])]
            moments = self._at + np.cumsum(np.array(steps, np.int64))
            self._at = int(moments[-1])
        self._pool.extend([self._last, *events[:-1]])
        self._last = events[-1]
        if not exact:
            moments += self._anchor(np.array(since, np.int64), moments)
        wanted = np.array(issued, np.int64)
        begin, end = np.empty_like(moments), np.empty_like(moments)
        idle = np.empty_like(moments)
        for stream in set(streams):
            at = np.array([s == stream for s in streams])
            first = self._ends.get(stream)
            if first is None:  # nothing is known of what it did before
                first = int(moments[at][0])
                first = min(first, int(wanted[at][0])) if wanted[at][0] >= 0 else first
            # Without work a mark is where the one before it was.
            ends = np.where(wanted[at] < 0, first, moments[at])
            ends = np.maximum.accumulate(np.concatenate([[first], ends]))
            before, after = ends[:-1], ends[1:]
            start = np.maximum(before, np.minimum(wanted[at], after))
            begin[at], end[at], idle[at] = start, after, start - before
            self._ends[stream] = int(after[-1])
        return np.stack([np.array(nodes, np.int64), begin, end, idle])

    def _anchor(self, since: Any, moments: Any) -> int:
        """Put the device's clock where it can be on the host's; returns the new offset."""
        last = int(moments[-1])
        known = self._offset
        # A device that was never idle says little; but the two clocks may drift apart.
        offset = max(int((since - moments).max()), known - (last - self._anchored) // DRIFT)
        offset = min(offset, self.backend.host_ns() - last)
        self._ends = {stream: end + offset - known for stream, end in self._ends.items()}
        self._offset, self._anchored = offset, last
        return offset


class StepMarks:
    """The marks of one step, of all devices, until they are read."""

    def __init__(self, clocks: dict[Any, Clock]) -> None:
        self.told: list[Any] = []  # marks, as plain tuples: one is made per op
        self.clocks = clocks
        self.began = {clock: clock.backend.host_ns() for clock in clocks.values()}
        self.before = {clock: clock.used for clock in clocks.values()}
        self.pools: dict[Clock, Pool] = {}
        self.waits: list[tuple[int, int]] = []  # before which mark the program stood, and how long
        self.on_device = False  # whether an op of the step ran on one

    def set_apart(self) -> None:
        """What the devices have done since the last mark belongs to no node."""
        for clock in self.clocks.values():
            now = clock.backend.host_ns()
            self.told.append((NOT_A_NODE, clock, *clock.mark(now), now))

    def waited(self, ns: int) -> None:
        """The program stood still, and what the devices did before that moves with the step's begin."""
        self.waits.append((len(self.told), ns))
        self.set_apart()

    def join(self, clock: Clock) -> None:
        """A device was started in the middle of the step."""
        self.began[clock] = clock.backend.host_ns()
        self.before[clock] = clock.used

    def end(self) -> None:
        """The step is over: take the pools' numbers."""
        for clock in self.clocks.values():
            self.pools[clock] = clock.pool(self.before.get(clock, 0))

    def _moved(self, clock: Clock) -> Any:
        """By how much each of a device's marks moves, so that the times that the program stood are in no step."""
        by = np.zeros(len(self.told), np.int64)
        for place, ns in self.waits:
            if place:
                by[place - 1] += ns
        by = by[::-1].cumsum()[::-1]
        return by[[t[1] is clock for t in self.told]]

    def _last(self) -> dict[Clock, int]:
        """The newest mark of each device."""
        return {clock: event for _, clock, event, *_ in self.told}

    @property
    def passed(self) -> bool:
        """Whether every device is through with this step."""
        return all(clock.backend.passed(event) for clock, event in self._last().items())

    def wait(self) -> None:
        """Wait until they are."""
        for clock, event in self._last().items():
            if not clock.backend.passed(event):
                clock.backend.await_mark(event)

    def read(self, n: int, t0: int) -> tuple[Any, list[DeviceRow]]:
        """The ``dev`` column of a step of ``n`` nodes that began at ``t0``, and a row for each device.

        The column holds each node's time and the idle time before it, and where more than one stream or
        device worked also when it began, since then that does not follow.
        """
        begin = np.zeros(n, np.int64)
        dur, idle = np.zeros((2, n), np.int64)
        rows = []
        apart = False
        for clock in self.clocks.values():
            told = [t for t in self.told if t[1] is clock]
            pool = self.pools.get(clock, Pool(0, 0, 0, 0))
            start = busy = waits = 0
            if told:
                found = clock.read(told)
                # A virtual clock is not the host's: there the step began when that clock said so.
                # (nor does it run on while the program stands)
                if clock.backend.passed_at(told[-1][2]) is None:
                    zero = t0
                    found[1:3] += self._moved(clock)
                else:
                    zero = self.began[clock]
                mine = (found[0] >= 0) & (found[0] < n)
                apart = apart or not mine.all()
                nodes, at, end, waited = found[:, mine]
                begin[nodes], dur[nodes], idle[nodes] = at - zero, end - at, waited
                busy, waits = int(dur[nodes].sum()), int(waited.sum())
                start = int(at[0] - waited[0] - zero) if len(at) else 0
            if self.on_device and (busy or any(pool)):
                rows.append(DeviceRow(clock.name, start, busy, waits, *pool))
        if not any(t[0] >= 0 for t in self.told):
            return None, rows
        column = np.maximum(np.concatenate([dur, idle]), 0)
        # Neither does it where a device was idle (or busy) for longer than 32 bits of nanoseconds hold.
        if apart or column.max() > LIMIT or len({(t[1], t[3]) for t in self.told}) > 1:
            high = column >> 32
            column = np.concatenate([column, *np.divmod(begin + (1 << 62), 1 << 32)])
            if high.any():  # one op, or one wait, of more than four seconds
                column = np.concatenate([column & LIMIT, high])
        return np.clip(column, 0, LIMIT).astype(np.uint32), rows


def clocks_of_devices(known: dict[type, Clock], memory: bool) -> dict[type, Clock]:
    """A clock for every device that was used so far, by its kind of arrays."""
    for kind, backend in list(BACKENDS.items()):
        if backend.name != "cpu" and (kind not in known or known[kind].backend is not backend):
            known[kind] = Clock(backend, memory)
    return known
