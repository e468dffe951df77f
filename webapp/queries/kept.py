"""The curves of the runs as far as they were read: of a running program only what is new is asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphscope.analysis.rates import Rates
from graphscope.webapp.queries.scalars import Series, is_loss, loss_of_steps, sort

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.webapp.queries.so_far import SoFar

RUNS = 128  # a hundred can lie on top of each other


@dataclass(frozen=True)
class _Known:
    reader: TraceReader
    scalars: int  # id of the last scalar that was read
    steps: int  # id of the last step
    logged: dict[str, Series]
    loss: Series | None
    rates: Rates


class Kept:
    """One per app; used by several threads."""

    def __init__(self, so_far: SoFar | None = None) -> None:
        """``so_far`` has the steps' own losses already; without it they are read."""
        self._so_far = so_far
        self._runs: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def series(self, reader: TraceReader) -> dict[str, Series]:
        """What ``queries.scalars.series`` gives, without reading any row twice."""
        known = self._keep(_read_on(self._known(reader), self._so_far))
        found = known.rates.series() | known.logged
        if known.loss is not None and not any(is_loss(tag) for tag in found):
            found["loss"] = known.loss
        return sort(found)

    def rates(self, reader: TraceReader) -> Rates:
        """The learning rates that the recorder saw."""
        return self._keep(self._known(reader)).rates.read(reader)

    def _known(self, reader: TraceReader) -> _Known:
        with self._lock:
            known = self._runs.get(str(reader.path))
        if known is None or known.reader is not reader:
            known = _Known(reader, 0, -1, {}, None, Rates())
        return known

    def _keep(self, known: _Known) -> _Known:
        with self._lock:
            self._runs[str(known.reader.path)] = known
            self._runs.move_to_end(str(known.reader.path))
            while len(self._runs) > RUNS:
                self._runs.popitem(last=False)
        return known


def _read_on(known: _Known, so_far: SoFar | None) -> _Known:
    reader, logged, loss = known.reader, known.logged, known.loss
    now = reader.revision()
    known.rates.read(reader, now)
    scalars, steps = known.scalars, known.steps
    if now["scalars"] > scalars:
        fresh = reader.scalars(since=scalars)
        # Rows are only ever added, one id after the other: their number says how far we are.
        scalars += sum(len(step) for step, _, _ in fresh.values())
        logged = logged | {tag: _join(logged.get(tag), part) for tag, part in fresh.items()}
    if now["steps"] > steps and not any(is_loss(tag) for tag in logged):
        table = so_far.steps(reader) if so_far else reader.steps(since=steps)
        new = slice(int(np.searchsorted(table.id, steps, "right")), None)
        part = loss_of_steps(table, new)
        if part is not None:
            loss = _join(loss, part)
        steps = int(table.id[-1]) if len(table) else steps
    return _Known(reader, scalars, steps, logged, loss, known.rates)


def _join(old: Series | None, new: Series) -> Series:
    if old is None:
        return new
    step, value, wall = (np.concatenate(pair) for pair in zip(old, new, strict=True))
    return step, value, wall
