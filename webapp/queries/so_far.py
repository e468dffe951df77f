"""What is known of a run's steps so far: of a growing run only the new rows are read.

One per app, shared by all tabs: ten tabs that ask for the same thing cost what one costs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from graphscope.trace.records import StepTable

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader

RUNS = 16


class _Whole:
    """A reader whose step tables are those that are known so far."""

    def __init__(self, reader: TraceReader, so_far: SoFar) -> None:
        self._reader, self._so_far = reader, so_far

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def steps(self, kind: str = "train", since: int = -1) -> StepTable:
        if since >= 0:
            return self._reader.steps(kind, since)
        table = self._so_far.steps(self._reader, kind)
        # The times of old steps are thinned away meanwhile: asked of those that had them.
        had = np.flatnonzero(table.timed)
        gone = had[~np.isin(table.id[had], self._reader.timed(table.id[had].tolist()))]
        table.timed[gone] = False
        return table


class _Growing:
    """A step table that is appended to: its columns have room for more, so that a long run is not copied at
    every look at it. Tables that were handed out stay as they were, but for their newest row."""

    def __init__(self, table: StepTable) -> None:
        self.table = table
        self._room: dict[str, Any] = {}

    def extend(self, keep: int, new: StepTable) -> StepTable:
        """The first ``keep`` rows and then the new ones."""
        count = keep + len(new)
        columns: dict[str, Any] = {}
        for f in fields(StepTable):
            before, after = getattr(self.table, f.name), getattr(new, f.name)
            if f.name == "status":
                columns[f.name] = before[:keep] + after
                continue
            room = self._room.get(f.name)
            if room is None or len(room) < count:
                room = np.empty((count + count // 2 + 64, *before.shape[1:]), before.dtype)
                room[:keep] = before[:keep]
                self._room[f.name] = room
            room[keep:count] = after
            columns[f.name] = room[:count]
        self.table = StepTable(**columns)
        return self.table


def _is_last(table: StepTable, new: StepTable) -> bool:
    """Whether the new rows are just the last one of the table, unchanged."""
    if len(new) != 1 or table.status[-1:] != new.status:
        return False
    pairs = ((getattr(table, f.name), getattr(new, f.name)) for f in fields(StepTable))
    return all(isinstance(old, list) or old[-1:].tobytes() == one.tobytes() for old, one in pairs)


@dataclass
class _Run:
    reader: TraceReader
    tables: dict[str, _Growing] = field(default_factory=dict)
    answers: dict[str, tuple[Hashable, Any]] = field(default_factory=dict)
    making: dict[str, threading.Lock] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class SoFar:
    """The step tables of the runs that are looked at, and answers made from them."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._lock = threading.Lock()

    def steps(self, reader: TraceReader, kind: str = "train") -> StepTable:
        """All steps of a kind, as ``reader.steps(kind)``, without reading rows twice.

        The newest row is read again: the step that a debugger holds is still being made.
        """
        run = self._run(reader)
        with run.lock:
            known = run.tables.get(kind)
            if known is None or len(known.table) < 2:
                known = run.tables[kind] = _Growing(reader.steps(kind))
                return known.table
            table, new = known.table, reader.steps(kind, since=int(known.table.id[-2]))
            if _is_last(table, new):  # a long run is not copied for nothing
                return table
            return known.extend(len(table) - 1, new)

    def whole(self, reader: TraceReader) -> TraceReader:
        """The run for questions about all of its steps: answers as the reader does, and reads only new rows."""
        return cast("TraceReader", _Whole(reader, self))

    def once(
        self, reader: TraceReader, name: str, key: Hashable, make: Callable[[Any], Any]
    ) -> Any:
        """``make(what it gave last time)``, called again only when the key is another one."""
        run = self._run(reader)
        with self._lock:
            making = run.making.setdefault(name, threading.Lock())
        with making:  # of ten tabs that ask at once one makes it, the others wait for it
            known = run.answers.get(name)
            if known is not None and known[0] == key:
                return known[1]
            made = make(None if known is None else known[1])
            run.answers[name] = (key, made)
            return made

    def _run(self, reader: TraceReader) -> _Run:
        name = str(reader.path)
        with self._lock:
            run = self._runs.get(name)
            if run is None or run.reader is not reader:
                run = self._runs[name] = _Run(reader)
            self._runs.move_to_end(name)
            while len(self._runs) > RUNS:
                self._runs.popitem(last=False)
            return run
