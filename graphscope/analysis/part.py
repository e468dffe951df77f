"""A part of a run that answers like a reader: some of its steps, or both kinds of steps as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Floats, StepTable

KINDS = ("train", "eval")
_EVAL = 1 << 40  # added to the number of an evaluation step where both kinds are one table


class Part:
    """The steps of a run whose numbers lie in ``ranges`` (by kind; a kind that is missing has none).

    Ask it what you would ask a ``TraceReader``. With ``merged``, ``steps("train")`` holds evaluation too,
    so that sums run over everything.
    """

    def __init__(
        self, reader: TraceReader, ranges: Mapping[str, range] | None = None, merged: bool = False
    ) -> None:
        self._reader = reader
        self._ranges = ranges
        self._merged = merged

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def steps(self, kind: str = "train", since: int = -1) -> StepTable:
        """The steps of the part with an id above ``since``, oldest first."""
        if not self._merged:
            return self._own(kind, since)
        train, evaluation = (self._own(k, since) for k in KINDS)
        if not len(evaluation):
            return train
        evaluation = _with(evaluation, num=evaluation.num + _EVAL)
        return evaluation if not len(train) else _joined(train, evaluation)

    def _own(self, kind: str, since: int) -> StepTable:
        table = self._reader.steps(kind, since)
        if self._ranges is None:
            return table
        wanted = self._ranges.get(kind, range(0))
        return _rows(table, (table.num >= wanted.start) & (table.num < wanted.stop))

    def columns(self, name: str, steps: Sequence[int], kind: str = "train") -> Floats:
        """``[steps, nodes]`` of these steps, which have one graph."""
        if self._merged and len(steps) and steps[0] >= _EVAL:
            steps, kind = [num - _EVAL for num in steps], "eval"
        return self._reader.columns(name, steps, kind)

    def moments(self, graph: int) -> dict[str, Any]:
        """Each node's duration; those of the whole run stand for a part only if it is the whole."""
        whole = self._reader.moments(graph)
        if self._ranges is None:
            return whole
        kind = self._reader.graph(graph).kind
        mine = int((self._own(kind, -1).graph == graph).sum())
        return (
            whole
            if mine == int((self._reader.steps(kind).graph == graph).sum())
            else whole | {"n": 0}
        )

    def value_steps(self, kind: str = "train") -> list[int]:
        """The numbers of the part's steps in which statistics were taken."""
        every = self._reader.value_steps(kind)
        return (
            every if self._ranges is None else [n for n in every if n in self._ranges.get(kind, ())]
        )


def _rows(table: StepTable, keep: Any) -> StepTable:
    changed: dict[str, Any] = {}
    for f in fields(table):
        column = getattr(table, f.name)
        if isinstance(column, list):
            changed[f.name] = [x for x, kept in zip(column, keep, strict=True) if kept]
        else:
            changed[f.name] = column[keep]
    return StepTable(**changed)


def _joined(a: StepTable, b: StepTable) -> StepTable:
    """Both tables, ordered by when the steps ran."""
    order = np.argsort(np.concatenate([a.id, b.id]), kind="stable")
    both: dict[str, Any] = {}
    for f in fields(a):
        one, other = getattr(a, f.name), getattr(b, f.name)
        if isinstance(one, list):
            every = one + other
            both[f.name] = [every[k] for k in order.tolist()]
        else:
            both[f.name] = np.concatenate([one, other])[order]
    return StepTable(**both)


def _with(table: StepTable, **changed: Any) -> StepTable:
    return StepTable(**{f.name: getattr(table, f.name) for f in fields(table)} | changed)
