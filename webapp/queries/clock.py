"""All steps of a run on one time axis, and step blocks: what a run looks like from afar."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope.analysis.breakdown import PARTS, parts_table
from graphscope.analysis.steps import Peaks, peak_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import StepTable

KINDS = ("train", "eval")
COLUMNS = (*PARTS, "unknown")
"""The parts of a step that sum to its wall time; a step without timings is ``unknown``."""
BLOCKS = 1200
RUNS = 8
_BEGIN = 4  # its place among the columns of a clock; the end is the next


@dataclass(frozen=True)
class Clock:
    """The steps of a run in the order of time, as columns; times are nanoseconds since the run began.

    Of a run of a million steps all are kept: numbers are as wide as they must be (``narrow``).
    """

    id: NDArray[Any]
    kind: NDArray[np.uint8]
    num: NDArray[Any]
    graph: NDArray[Any]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    live: NDArray[Any]
    peak: NDArray[Any]
    bad: NDArray[np.uint8]
    """0 fine, 1 not finite, 2 failed."""
    parts: tuple[NDArray[Any], ...]
    """Nanoseconds of each of ``COLUMNS``."""

    def __len__(self) -> int:
        return len(self.num)

    def columns(self) -> tuple[NDArray[Any], ...]:
        """All columns, in their order; the parts, which are last, one by one."""
        return (*(getattr(self, f.name) for f in fields(self)[:-1]), *self.parts)

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
    rows: list[tuple[Any, ...]] = []
    for k, kind in enumerate(KINDS):
        mine = np.zeros(0, np.int64) if known is None else np.flatnonzero(known.kind == k)[:-1]
        since = -1
        if known is not None and len(mine):
            since = int(known.id[mine[-1]])
            rows.append(tuple(column[mine] for column in known.columns()))
        peaks: Peaks = {}
        rows += [_rows(reader, table, k, peaks) for table in reader.tables(kind, since)]
    if not rows:
        none, flags = np.zeros(0, np.int64), np.zeros(0, np.uint8)
        return Clock(none, flags, none, none, none, none, none, none, flags, (none,) * len(COLUMNS))
    # One column after the other, so that not all are there twice.
    pieces = [list(column) for column in zip(*rows, strict=True)]
    del rows
    whole: list[Any] = []
    for k in range(len(pieces)):
        whole.append(np.concatenate(pieces[k]))
        pieces[k].clear()
    begin, end = whole[_BEGIN], whole[_BEGIN + 1]
    if (begin[1:] < begin[:-1]).any():
        order = np.argsort(begin, kind="stable")
        for k in range(len(whole)):
            whole[k] = whole[k][order]
        begin, end = whole[_BEGIN], whole[_BEGIN + 1]
    # A clock goes one way, whatever a damaged step says: searches rely on it.
    np.maximum(end, begin, out=end)
    np.maximum.accumulate(end, out=end)
    return Clock(*whole[: -len(COLUMNS)], tuple(whole[-len(COLUMNS) :]))


def _rows(reader: TraceReader, table: StepTable, k: int, peaks: Peaks) -> tuple[Any, ...]:
    """Some steps of a kind as the columns of a clock."""
    parts = parts_table(reader, table, KINDS[k])
    unknown = np.isnan(parts[:, PARTS.index("python")])  # what is left of all others
    if unknown.any():
        parts[unknown] = 0.0
    bad = np.where(table.ended("ok"), 0, 2).astype(np.uint8)
    return (
        narrow(table.id), np.full(len(table), k, np.uint8), narrow(table.num), narrow(table.graph), table.t0_ns,
        table.t0_ns + table.wall_ns, narrow(table.live0), narrow(peak_bytes(reader, table, KINDS[k], peaks)),
        np.maximum(bad, table.nonfinite.astype(np.uint8)), *(narrow(part) for part in parts.T),
        narrow(np.where(unknown, table.wall_ns, 0)),
    )  # fmt: skip


def narrow(column: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers in as few bytes as they need; what is negative or large stays as it is.

    >>> narrow(np.array([7, 300])).dtype, narrow(np.array([-1])).dtype
    (dtype('uint16'), dtype('int64'))
    """
    low, high = column.min(initial=0), column.max(initial=0)
    for dtype in (np.uint8, np.uint16, np.uint32):
        if low >= 0 and high <= np.iinfo(dtype).max:
            return column.astype(dtype)
    return np.ascontiguousarray(column)  # not a part of a table that would stay


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
        "parts": [_sums(column, starts) for column in clock.parts],
        "live": over(clock.live, np.maximum).tolist(),
        "peak": over(clock.peak, np.maximum).tolist(),
        "bad": over(clock.bad, np.maximum).tolist(),
        "steps": len(clock),
        "from": int(clock.begin[0]) if len(clock) else 0,
        "to": int(clock.end[-1]) if len(clock) else 0,
    }


def _sums(column: NDArray[Any], starts: NDArray[Any]) -> list[int]:
    if not len(starts):
        return []
    sums: list[int] = np.add.reduceat(column, starts, dtype=np.float64).astype(np.int64).tolist()
    return sums


def groups(count: int, most: int) -> Any:
    """Edges that cut ``count`` things into at most ``most`` groups of neighbours, none empty.

    >>> groups(5, 2).tolist(), groups(3, 10).tolist(), groups(0, 4).tolist()
    ([0, 2, 5], [0, 1, 2, 3], [0])
    """
    return np.linspace(0, count, min(count, most) + 1).astype(np.int64)
