"""The steps of a run, one line each: where the time of each went, its loss, its memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from graphscope import units
from graphscope.analysis import lifetime
from graphscope.analysis.breakdown import PARTS as PARTS
from graphscope.analysis.breakdown import parts_table
from graphscope.analysis.holders import line_of, what
from graphscope.analysis.tabular import Tabular, nanoseconds, text_table
from graphscope.errors import UsageError
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Longs, StepTable

CHANGES = 3  # of graphs that are told
_AT_ONCE = 4_096  # rows that are made together


@dataclass
class StepRow:
    """One step. Times are nanoseconds; ``data`` to ``recorder`` sum to ``wall``.

    data: waiting for the batch. copies: between host and device. python: between the ops, in the
    interpreter. recorder: what recording cost.
    loss: NaN where none was seen. peak: most bytes alive at once. flops: arithmetic operations.
    """

    step: int
    wall: int
    data: float
    copies: float
    forward: float
    backward: float
    update: float
    python: float
    recorder: float
    loss: float
    peak: int
    flops: float
    graph: int
    status: str


class Steps(Tabular):
    """The steps of one kind, oldest first; kept as columns, so that a long run takes little memory."""

    def __init__(self, kind: str, columns: dict[str, Any], changes: Sequence[str] = ()) -> None:
        self.kind = kind
        self.changes = changes
        """Where graphs part from the ones before them, a sentence each; of the first few."""
        self._columns = columns  # by the fields of ``StepRow``: arrays, and the list of status

    @cached_property
    def rows(self) -> list[StepRow]:
        """All of them, an object each."""
        return list(self)

    def sorted(self, sort_by: str = "step") -> list[StepRow]:
        """By one column: numbers largest first, but steps in their order. Raises: UsageError without it."""
        return self._picked(self._order(sort_by))

    def table(self, sort_by: str = "step", row_limit: int = 20, width: int = 120) -> str:
        """The table as text: the last ``row_limit`` steps, or the first of another order (-1: all)."""
        order = self._order(sort_by)
        if 0 <= row_limit < len(order):
            order = order[len(order) - row_limit :] if sort_by == "step" else order[:row_limit]
        shown = self._picked(order)
        times = ("wall", *self._parts())
        took = nanoseconds([getattr(row, name) for row in shown for name in times])
        known = [name for name in ("loss", "flops") if any(_known(row, name) for row in shown)]
        of_graph = ["graph"] if (self._columns["graph"] != self._columns["graph"][:1]).any() else []
        names = [*times, *known, "peak", *of_graph, "status"]
        lines = []
        for k, row in enumerate(shown):
            words = took[k * len(times) : (k + 1) * len(times)]
            words += [_cell(row, name) for name in (*known, "peak")]
            words += [str(row.graph)] * len(of_graph)
            lines.append([str(row.step), *words, row.status])
        head = ["FLOP" if name == "flops" else name for name in names]
        drop = ("FLOP", "recorder", "peak", "update", "copies", "data", "python")
        text = text_table(["step", *head], lines, width, drop, left=("status",))
        text.append(self._total())
        if len(shown) < len(self):
            text[-1] += f"; {len(self) - len(shown)} more steps not shown"
        return "\n".join([*text, *self.changes])

    def _order(self, sort_by: str) -> Any:
        """The places of all steps in this order."""
        names = [f.name for f in fields(StepRow)]
        if sort_by not in names:
            text = f"There is no column {sort_by!r} to sort by; there are {', '.join(names)}."
            raise UsageError(text)
        by = np.asarray(self._columns[sort_by])
        if sort_by not in ("step", "status", "graph"):
            by = -np.where(np.isnan(by), -np.inf, by)
        return np.lexsort((self._columns["step"], by))

    def _picked(self, places: Any) -> list[StepRow]:
        """The rows at these places."""
        some = [
            column[places].tolist() if hasattr(column, "tolist") else [column[k] for k in places]
            for column in self._columns.values()
        ]
        return [StepRow(*values) for values in zip(*some, strict=True)]

    def _parts(self) -> list[str]:
        """The parts, without copies where there were none."""
        return [name for name in PARTS if name != "copies" or (self._columns[name] > 0).any()]

    def _total(self) -> str:
        walls = self._columns["wall"]
        steps = f"{units.count(len(self))} step{'' if len(self) == 1 else 's'}"
        took = f"{steps}, {units.ns(int(walls.sum()))} in all"
        timed = ~np.isnan(self._columns["python"])
        of = int(walls[timed].sum())
        if not of:
            return took
        shares = [(name, float(self._columns[name][timed].sum()) / of) for name in self._parts()]
        parts = ", ".join(f"{name} {units.share(share)}" for name, share in shares)
        return f"{took}: {parts}"

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON; NaN becomes None."""
        return {"kind": self.kind, "rows": self.records()}

    def columns(self) -> list[str]:
        return [f.name for f in fields(StepRow)]

    def column(self, name: str) -> Any:
        """One column of all steps, as an array."""
        return np.asarray(self._columns[name])

    def __iter__(self) -> Iterator[StepRow]:
        for at in range(0, len(self), _AT_ONCE):
            yield from self._picked(range(at, min(at + _AT_ONCE, len(self))))

    def __len__(self) -> int:
        return len(self._columns["step"])

    def __getitem__(self, k: int) -> StepRow:
        return self._picked([range(len(self))[k]])[0]

    def __str__(self) -> str:
        return self.table()


def steps(reader: TraceReader, kind: str = "train") -> Steps:
    """Every step of a kind with its parts. A step without timings has NaN in them."""
    table = reader.steps(kind)
    parts = parts_table(reader, table, kind)
    sums = np.nan_to_num(parts.sum(axis=1))
    # Overlap of clock readings cannot make a step shorter than its ops.
    wall = np.where(sums > table.wall_ns, sums, table.wall_ns).astype(np.int64)
    return Steps(
        kind,
        {
            "step": table.num, "wall": wall, **dict(zip(PARTS, parts.T, strict=True)), "loss": table.loss,
            "peak": peak_bytes(reader, table, kind), "flops": step_flops(reader, table), "graph": table.graph,
            "status": table.status,
        },
        changes(reader, table),
    )  # fmt: skip


def changes(reader: TraceReader, table: StepTable) -> list[str]:
    """The first graphs of a run that are not those of the steps before: where each of them parts."""
    ids, first = np.unique(table.graph, return_index=True)
    found = []
    for k in np.sort(first)[1 : CHANGES + 1].tolist():
        id = int(table.graph[k])
        graph = reader.graph(id)
        at = graph.diverged_at
        if 0 <= at < graph.n:
            line = line_of(graph, at)
            where = f"at {what(graph, at)}" + (f" ({line})" if line else "")
        else:
            where = "at its end"
        found.append(
            f"Graph {id}, first in step {int(table.num[k])}, parts from graph {graph.parent} {where}."
        )
    if len(ids) > len(found) + 1:
        found.append(f"{units.count(len(ids) - len(found) - 1)} more graphs are not told.")
    return found


Peaks = dict[tuple[int, int], tuple[int, int]]
"""By graph and set of shapes: most bytes alive in a step above what it found, and those of its ports."""


def peak_bytes(
    reader: TraceReader, table: StepTable, kind: str = "train", known: Peaks | None = None
) -> Longs:
    """The most bytes alive at once in each step.

    Steps that repeat their graph in the same shapes, and in which memory dies as the graph says, differ in
    nothing but what was alive before: one of them is looked at. known: what was seen of those of other tables.
    """
    above, before = np.zeros((2, len(table)), np.int64)
    known = {} if known is None else known

    def look(k: int) -> tuple[int, int]:
        step = reader.step(int(table.num[k]), kind)
        graph, sizes = reader.graph(step.graph), lifetime.nbytes(reader, step)
        live = lifetime.live_bytes(step, sizes) - step.live0
        return max(int(live.max(initial=0)), 0), lifetime.port_bytes(graph, step, sizes)

    alone = table.own_deaths | np.isin(table.num, [*reader.fresh(kind)])
    for k in np.flatnonzero(alone).tolist():
        above[k], before[k] = look(k)
    same = np.flatnonzero(~alone)
    for some in alike(table.graph[same], table.shape_set[same]):
        rows = same[some]
        key = int(table.graph[rows[0]]), int(table.shape_set[rows[0]])
        if key not in known:
            known[key] = look(int(rows[0]))
        above[rows], before[rows] = known[key]
    return np.maximum(table.live0, before) + above


def alike(*columns: Longs) -> list[Longs]:
    """The rows that are equal in all of these columns, together, each group rising.

    >>> [rows.tolist() for rows in alike(np.array([7, 2, 7]), np.array([0, 0, 0]))]
    [[1], [0, 2]]
    """
    if not len(columns[0]):
        return []
    if all((column == column[0]).all() for column in columns):  # as in most runs
        return [np.arange(len(columns[0]))]
    order = np.lexsort(columns[::-1])
    other = np.zeros(len(order) - 1, np.bool_)
    for column in columns:
        other |= np.diff(column[order]) != 0
    return np.split(order, np.flatnonzero(other) + 1)


def step_flops(reader: TraceReader, table: StepTable) -> Any:
    """The arithmetic operations of each step; NaN where the trace does not say."""
    found, at = np.unique(table.shape_set, return_inverse=True)
    costs = [reader.costs(id) for id in found.tolist()]
    totals = [float("nan") if cost is None else float(cost[0].sum()) for cost in costs]
    return np.array(totals, float)[at]


def _known(row: StepRow, name: str) -> bool:
    value = getattr(row, name)
    return bool(value == value)


def _cell(row: StepRow, name: str) -> str:
    value = getattr(row, name)
    if value != value:
        return ""
    if name == "loss":
        return units.loss(value)
    return units.flops(value) if name == "flops" else units.bytes_(value)
