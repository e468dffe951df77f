"""The steps of a run, one line each: where the time of each went, its loss, its memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from graphscope import units
from graphscope.analysis import lifetime
from graphscope.analysis.breakdown import PARTS as PARTS
from graphscope.analysis.breakdown import breakdown_table
from graphscope.analysis.tabular import Tabular, nanoseconds, plain, text_table
from graphscope.errors import UsageError
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Longs, StepTable


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


@dataclass
class Steps(Tabular):
    """The steps of one kind, oldest first."""

    kind: str
    rows: list[StepRow]

    def sorted(self, sort_by: str = "step") -> list[StepRow]:
        """By one column: numbers largest first, but steps in their order. Raises: UsageError without it."""
        names = [f.name for f in fields(StepRow)]
        if sort_by not in names:
            text = f"There is no column {sort_by!r} to sort by; there are {', '.join(names)}."
            raise UsageError(text)
        if sort_by in ("step", "status", "graph"):
            return sorted(self.rows, key=lambda row: (getattr(row, sort_by), row.step))
        return sorted(self.rows, key=lambda row: (-_or_last(getattr(row, sort_by)), row.step))

    def table(self, sort_by: str = "step", row_limit: int = 20, width: int = 120) -> str:
        """The table as text: the last ``row_limit`` steps, or the first of another order (-1: all)."""
        rows = self.sorted(sort_by)
        shown = rows
        if 0 <= row_limit < len(rows):
            shown = rows[len(rows) - row_limit :] if sort_by == "step" else rows[:row_limit]
        times = ("wall", *self._parts())
        took = nanoseconds([getattr(row, name) for row in shown for name in times])
        known = [name for name in ("loss", "flops") if any(_known(row, name) for row in shown)]
        names = [*times, *known, "peak", "status"]
        lines = []
        for k, row in enumerate(shown):
            words = took[k * len(times) : (k + 1) * len(times)]
            words += [_cell(row, name) for name in (*known, "peak")]
            lines.append([str(row.step), *words, row.status])
        head = ["FLOP" if name == "flops" else name for name in names]
        drop = ("FLOP", "recorder", "peak", "update", "copies", "data", "python")
        text = text_table(["step", *head], lines, width, drop, left=("status",))
        text.append(self._total())
        if len(shown) < len(rows):
            text[-1] += f"; {len(rows) - len(shown)} more steps not shown"
        return "\n".join(text)

    def _parts(self) -> list[str]:
        """The parts, without copies where there were none."""
        return [name for name in PARTS if name != "copies" or any(r.copies > 0 for r in self.rows)]

    def _total(self) -> str:
        wall = sum(row.wall for row in self.rows)
        steps = f"{units.count(len(self.rows))} step{'' if len(self.rows) == 1 else 's'}"
        timed = [row for row in self.rows if row.python == row.python]
        of = sum(row.wall for row in timed)
        if not of:
            return f"{steps}, {units.ns(wall)} in all"
        shares = [(name, sum(getattr(row, name) for row in timed) / of) for name in self._parts()]
        parts = ", ".join(f"{name} {units.share(share)}" for name, share in shares)
        return f"{steps}, {units.ns(wall)} in all: {parts}"

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON; NaN becomes None."""
        return {"kind": self.kind, "rows": [plain(row) for row in self.rows]}

    def columns(self) -> list[str]:
        return [f.name for f in fields(StepRow)]

    def __iter__(self) -> Iterator[StepRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, k: int) -> StepRow:
        return self.rows[k]

    def __str__(self) -> str:
        return self.table()


def steps(reader: TraceReader, kind: str = "train") -> Steps:
    """Every step of a kind with its parts. A step without timings has NaN in them."""
    table = reader.steps(kind)
    _, parts = breakdown_table(reader, kind)
    sums = np.nan_to_num(parts.sum(axis=1))
    # Overlap of clock readings cannot make a step shorter than its ops.
    wall = np.where(sums > table.wall_ns, sums, table.wall_ns)
    peaks, flops = peak_bytes(reader, table, kind), step_flops(reader, table)
    columns: list[list[Any]] = [
        table.num.tolist(), wall.astype(np.int64).tolist(), *parts.T.tolist(), table.loss.tolist(), peaks.tolist(),
        flops.tolist(), table.graph.tolist(), table.status,
    ]  # fmt: skip
    rows = [StepRow(*values) for values in zip(*columns, strict=True)]
    return Steps(kind, rows)


def peak_bytes(reader: TraceReader, table: StepTable, kind: str = "train") -> Longs:
    """The most bytes alive at once in each step.

    Steps that repeat their graph in the same shapes, and in which memory dies as the graph says, differ in
    nothing but what was alive before: one of them is looked at.
    """
    out = np.zeros(len(table), np.int64)
    known: dict[tuple[int, int], tuple[int, int]] = {}
    for k in range(len(table)):
        key = (int(table.graph[k]), int(table.shape_set[k]))
        found = None if table.own_deaths[k] else known.get(key)
        if found is None:
            step = reader.step(int(table.num[k]), kind)
            graph, sizes = reader.graph(step.graph), lifetime.nbytes(reader, step)
            live = lifetime.live_bytes(step, sizes) - step.live0
            found = max(int(live.max(initial=0)), 0), lifetime.port_bytes(graph, sizes)
            if not table.own_deaths[k]:
                known[key] = found
        above, before = found
        out[k] = max(int(table.live0[k]), before) + above
    return out


def step_flops(reader: TraceReader, table: StepTable) -> Any:
    """The arithmetic operations of each step; NaN where the trace does not say."""
    totals: dict[int, float] = {}
    for id in np.unique(table.shape_set).tolist():
        costs = reader.costs(id)
        totals[id] = float("nan") if costs is None else float(costs[0].sum())
    return np.array([totals[id] for id in table.shape_set.tolist()], float)


def _known(row: StepRow, name: str) -> bool:
    value = getattr(row, name)
    return bool(value == value)


def _or_last(x: float) -> float:
    return -np.inf if x != x else float(x)


def _cell(row: StepRow, name: str) -> str:
    value = getattr(row, name)
    if value != value:
        return ""
    if name == "loss":
        return units.loss(value)
    return units.flops(value) if name == "flops" else units.bytes_(value)
