"""All steps of a run on one time axis, and step blocks: what a run looks like from afar."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope.analysis.breakdown import PARTS, parts_table
from graphscope.analysis.steps import peak_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphscope.trace.reader import TraceReader

KINDS = ("train", "eval")
COLUMNS = (*PARTS, "unknown")
"""The parts of a step that sum to its wall time; a step without timings is ``unknown``."""
BLOCKS = 1200
RUNS = 8


@dataclass(frozen=True)
class Clock:
    """The steps of a run in the order of time, as columns; times are nanoseconds since the run began."""

    id: NDArray[np.int64]
    kind: NDArray[np.uint8]
    num: NDArray[np.int64]
    graph: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    parts: NDArray[np.float64]
    """``[steps, 8]`` nanoseconds in the order of ``COLUMNS``."""
    live: NDArray[np.int64]
    peak: NDArray[np.int64]
    bad: NDArray[np.uint8]
    """0 fine, 1 not finite, 2 failed."""

    def __len__(self) -> int:
        return len(self.num)

    def columns(self) -> tuple[NDArray[Any], ...]:
        """All columns, in their order."""
        return tuple(getattr(self, f.name) for f in fields(self))

    def within(self, first: float, last: float) -> tuple[int, int]:
        """The steps that touch a stretch of time, as a range of positions."""
        a = int(np.searchsorted(self.end, first, "right"))
        b = int(np.searchsorted(self.begin, last, "left"))
        return min(a, len(self)), max(min(a, len(self)), b)

    def place(self, num: int | None, kind: str = "train") -> int | None:
        """Where a step stands; None for a number that is not there. Without a number: the newest."""
        mine = np.flatnonzero(self.kind == KINDS.index(kind))
        if not len(mine):
            return None
        if num is None:
            return int(mine[-1])
        found = mine[self.num[mine] == num]
        return int(found[0]) if len(found) else None


class Clocks:
    """The clocks of the runs that were asked for; one per app, used by several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Any, Clock]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, reader: TraceReader) -> Clock:
        """The run's clock, read again only when there are more steps."""
        name, key = str(reader.path), (id(reader), reader.revision()["steps"])
        with self._lock:
            known = self._kept.get(name)
        if known is not None and known[0] == key:
            return known[1]
        same = known is not None and known[0][0] == id(reader)
        made = clock(reader, known[1] if known is not None and same else None)
        with self._lock:
            self._kept[name] = (key, made)
            self._kept.move_to_end(name)
            while len(self._kept) > RUNS:
                self._kept.popitem(last=False)
        return made


def clock(reader: TraceReader, known: Clock | None = None) -> Clock:
    """Every step of the run, training and evaluation, in the order of time.

    Of a clock that is known only what came after it is read; its last steps once more, which may have been partial.
    """
    columns: list[tuple[Any, ...]] = []
    for k, kind in enumerate(KINDS):
        mine = np.zeros(0, np.int64) if known is None else np.flatnonzero(known.kind == k)[:-1]
        since = -1
        if known is not None and len(mine):
            since = int(known.id[mine[-1]])
            columns.append(tuple(column[mine] for column in known.columns()))
        table = reader.steps(kind, since)
        if not len(table):
            continue
        parts = parts_table(reader, table, kind)
        unknown = np.isnan(parts).any(axis=1)
        whole = np.zeros((len(table), len(COLUMNS)))
        whole[:, :-1] = np.where(unknown[:, None], 0.0, parts)
        whole[:, -1] = np.where(unknown, table.wall_ns, 0.0)
        bad = np.where(table.ended("ok"), 0, 2).astype(np.uint8)
        columns.append(
            (
                table.id, np.full(len(table), k, np.uint8), table.num, table.graph, table.t0_ns,
                table.t0_ns + table.wall_ns, whole, table.live0, peak_bytes(reader, table, kind),
                np.maximum(bad, table.nonfinite.astype(np.uint8)),
            )
        )  # fmt: skip
    if not columns:
        none, flags = np.zeros(0, np.int64), np.zeros(0, np.uint8)
        empty = np.zeros((0, len(COLUMNS)))
        return Clock(none, flags, none, none, none, none, empty, none, none, flags)
    # Of a long run of one kind nothing is copied: it is in the order of time as it is.
    joined = [p[0] if len(p) == 1 else np.concatenate(p) for p in zip(*columns, strict=True)]
    if (np.diff(joined[4]) < 0).any():
        order = np.argsort(joined[4], kind="stable")
        joined = [column[order] for column in joined]
    id, kinds, num, graph, begin, end, whole, live, peak, bad = joined
    # A clock goes one way, whatever a damaged step says: searches rely on it.
    end = np.maximum.accumulate(np.maximum(end, begin))
    return Clock(id, kinds, num, graph, begin, end, whole, live, peak, bad)


def blocks(clock: Clock, first: float, last: float, most: int = BLOCKS) -> dict[str, Any]:
    """At most about ``most`` blocks of consecutive steps between two times, as columns.

    Times in a block are sums over its steps, memory and badness their worst: nothing is lost.
    """
    a, b = clock.within(first, last)
    edges = groups(b - a, most) + a
    starts, stops = edges[:-1], edges[1:]

    def over(column: Any, of: Any) -> Any:
        return of.reduceat(column, starts, axis=0) if len(starts) else column[:0]

    kinds, kinds_high = over(clock.kind, np.minimum), over(clock.kind, np.maximum)
    return {
        "columns": list(COLUMNS),
        "count": (stops - starts).tolist(),
        "first": clock.num[starts].tolist(),
        "last": clock.num[stops - 1].tolist(),
        "kind": [KINDS[x] if x == y else "" for x, y in zip(kinds, kinds_high, strict=True)],
        "begin": clock.begin[starts].tolist(),
        "end": clock.end[stops - 1].tolist(),
        "parts": [column.tolist() for column in over(clock.parts, np.add).astype(np.int64).T],
        "live": over(clock.live, np.maximum).tolist(),
        "peak": over(clock.peak, np.maximum).tolist(),
        "bad": over(clock.bad, np.maximum).tolist(),
        "steps": len(clock),
        "from": int(clock.begin[0]) if len(clock) else 0,
        "to": int(clock.end[-1]) if len(clock) else 0,
    }


def groups(count: int, most: int) -> Any:
    """Edges that cut ``count`` things into at most ``most`` groups of neighbours, none empty.

    >>> groups(5, 2).tolist(), groups(3, 10).tolist(), groups(0, 4).tolist()
    ([0, 2, 5], [0, 1, 2, 3], [0])
    """
    return np.linspace(0, count, min(count, most) + 1).astype(np.int64)
