"""Breakpoints: where and when a program stops, checked at each op while any is on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from graphscope.errors import UsageError
from graphscope.record.statistics import to_host
from graphscope.trace.schema import BACKWARD, PHASES

MANY = 200  # breakpoints at once


class Event:
    """What just ran, with lazy statistics of what it made."""

    __slots__ = (
        "op",
        "scope",
        "site",
        "phase",
        "step",
        "seq",
        "loss",
        "changed",
        "arrays",
        "_known",
    )

    def __init__(
        self, op: str, scope: str, site: tuple[str, int] | None, phase: int, step: int, seq: int,
        loss: float | None, changed: bool, arrays: dict[str, Any],
    ) -> None:  # fmt: skip
        self.op, self.scope, self.site, self.phase = op, scope, site, phase
        self.step, self.seq, self.loss, self.changed = step, seq, loss, changed
        self.arrays = arrays  # by the names of conditions: value, grad, weight, update
        self._known: dict[tuple[str, str], float | None] = {}

    def asks(self, function: str, name: str) -> float | None:
        """A statistic of one of the arrays, or a scalar; None where it is not there."""
        if not function:
            return self.loss if name == "loss" else float(self.step)
        key = function, name
        if key not in self._known:
            array = self.arrays.get(name)
            self._known[key] = None if array is None else statistic(function, array)
        return self._known[key]


def statistic(function: str, array: Any) -> float | None:
    """One number of an array, as conditions name it; None of an empty one that has no such number."""
    a = np.asarray(to_host(array() if callable(array) else array))
    if function == "size":
        return float(a.size)
    if function == "zeros":
        return float(a.size - np.count_nonzero(a))
    if a.dtype.kind == "c":
        a = np.abs(a)
    if function in ("nan", "inf"):
        if a.dtype.kind != "f":
            return 0.0
        return float(np.count_nonzero(np.isnan(a) if function == "nan" else np.isinf(a)))
    if function == "item":
        return float(a.reshape(-1)[0]) if a.size == 1 else None
    if not a.size:
        return 0.0 if function == "norm" else None
    flat = a.reshape(-1).astype(np.float64)
    with np.errstate(all="ignore"):
        if function == "norm":
            return float(np.sqrt(np.dot(flat, flat)))
        if function == "rms":
            return float(np.sqrt(np.dot(flat, flat) / flat.size))
        if function == "absmax":
            return float(np.abs(flat).max())
        return float(getattr(flat, function)())


class Breakpoint:
    """Stop where all of its fields fit. ``hits``: it stops at that hit and, unless ``once``, at each later one."""

    def __init__(
        self,
        id: int,
        *,
        op: str | None = None,
        module: str | None = None,
        site: str | None = None,
        step: int | None = None,
        graph_change: bool = False,
        condition: str | None = None,
        phase: str | None = None,
        once: bool = False,
        hits: int = 1,
        where: str = "",
    ) -> None:
        given = (op, module, site, condition, phase)
        if not any(given) and step is None and not graph_change:
            raise UsageError(
                "a breakpoint needs a place or a condition: an op, a module, a line, a step, graph_change, or when"
            )
        if hits < 1:
            raise UsageError(f"a breakpoint stops at hit 1 or later, not at {hits}")
        if phase is not None and phase not in PHASES:
            raise UsageError(f"a breakpoint's phase is one of {', '.join(PHASES)}; not {phase!r}")
        self.id, self.op, self.module, self.site, self.step = id, op, module, site, step
        self.graph_change, self.phase, self.once, self.hits = graph_change, phase, once, hits
        self.text = condition or ""
        self.when: Any = None
        if condition:
            from graphscope.analysis.conditions import parse

            self.when = parse(condition)
        self.enabled, self.count, self.where = True, 0, where
        self._file, self._line = _place(site)
        self._last: Any = None
        # Without a place, and without asking for a tensor, it fits a whole step: then it counts once a step.
        self._per_step = not (op or module or site or phase) and (
            self.when is None or not self.when.tensors
        )

    @property
    def needs(self) -> frozenset[str]:
        """The tensors that its condition asks about."""
        return frozenset() if self.when is None else self.when.tensors

    def hit(self, event: Event) -> bool:
        """Whether the program stops at this event."""
        if not self.enabled or not self._fits(event):
            return False
        if self._per_step and self._last == event.seq:
            return False
        if self.when is not None and not self.when.holds(event.asks):
            return False
        self._last = event.seq
        self.count += 1
        if self.count < self.hits:
            return False
        if self.once:
            self.enabled = False
        return True

    def _fits(self, event: Event) -> bool:
        if self.step is not None and event.step != self.step:
            return False
        if self.graph_change and not event.changed:
            return False
        if self.op is not None and event.op != self.op:
            return False
        if self.phase is not None:
            if PHASES[event.phase] != self.phase:
                return False
        elif self.op is not None and event.phase == BACKWARD and "grad" not in self.needs:
            return False  # the op itself is meant, and not its gradient
        if self.module is not None and not _inside(event.scope, self.module):
            return False
        if self._line:
            if event.site is None or event.site[1] != self._line:
                return False
            if self._file and not _same_file(event.site[0], self._file):
                return False
        return True

    def text_of(self) -> str:
        """In words: ``relu in net.1 when any nan``."""
        parts = [self.op or ("graph change" if self.graph_change else "")]
        parts += [
            f"in {self.module}" if self.module else "",
            f"at {self.site}" if self.site else "",
        ]
        parts += [f"({self.phase})" if self.phase else ""]
        parts += [f"step {self.step}" if self.step is not None else ""]
        parts += [f"when {self.text}" if self.text else ""]
        return " ".join(p for p in parts if p)

    def to_dict(self) -> dict[str, Any]:
        """For the meta row ``control``."""
        return {
            "id": self.id, "text": self.text_of(), "op": self.op, "module": self.module, "site": self.site,
            "step": self.step, "graph_change": self.graph_change, "condition": self.text, "phase": self.phase,
            "once": self.once, "hits": self.hits, "count": self.count, "enabled": self.enabled, "where": self.where,
        }  # fmt: skip


def _place(site: str | None) -> tuple[str, int]:
    """``train.py:31`` or ``31`` as file and line."""
    if not site:
        return "", 0
    file, _, line = str(site).rpartition(":")
    if not (line.isascii() and line.isdigit() and 0 < len(line) < 10) or int(line) < 1:
        raise UsageError(f"a breakpoint's line is written train.py:31 or 31, not {site[:60]!r}")
    return file, int(line)


def _same_file(path: str, given: str) -> bool:
    path, given = path.replace("\\", "/"), given.replace("\\", "/")
    return path == given or path.endswith("/" + given) or os.path.abspath(given) == path


def _inside(scope: str, module: str) -> bool:
    """``net.1`` holds ``net.1`` and ``net.1.relu``; ``1`` or ``relu`` alone is the last part of a path."""
    return (
        scope == module
        or scope.startswith(module + ".")
        or ("." not in module and module in scope.split("."))
    )


class Breakpoints:
    """All of a run, numbered."""

    def __init__(self) -> None:
        self.all: dict[int, Breakpoint] = {}
        self._count = 0

    def add(self, **fields: Any) -> Breakpoint:
        """Raises: UsageError for one that makes no sense, or too many."""
        if len(self.all) >= MANY:
            raise UsageError(f"there are {MANY} breakpoints already; delete some")
        made = Breakpoint(self._count + 1, **fields)
        self._count += 1
        self.all[made.id] = made
        return made

    def get(self, id: int) -> Breakpoint:
        """Raises: UsageError when there is none of this number."""
        if id not in self.all:
            raise UsageError(f"there is no breakpoint {id}")
        return self.all[id]

    @property
    def on(self) -> list[Breakpoint]:
        """Those that can stop the program."""
        return [b for b in list(self.all.values()) if b.enabled]

    @property
    def needs(self) -> frozenset[str]:
        """The tensors that enabled conditions ask about."""
        return frozenset().union(*(b.needs for b in self.on))

    def hit(self, make: Callable[[], Event]) -> Breakpoint | None:
        """The first one that stops here; the event is made only if there is any."""
        found: Breakpoint | None = None
        event: Event | None = None
        for each in self.on:
            event = event or make()
            if each.hit(event):  # all are asked: each counts its own hits
                found = found or each
        return found

    def to_list(self) -> list[dict[str, Any]]:
        """For the meta row ``control``."""
        return [b.to_dict() for b in list(self.all.values())]

    def take(self, given: Iterable[dict[str, Any]]) -> None:
        """Those that the program set before the recording began."""
        for fields in given:
            self.add(**fields)
