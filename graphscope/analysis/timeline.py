"""The memory of one step over time: what is alive while each op runs, by category."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphscope import units
from graphscope.analysis import lifetime
from graphscope.analysis.holders import CATEGORIES, OF_PORT, _category, earlier, line_of, what
from graphscope.analysis.tabular import Tabular, plain, text_table
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Longs, Step


@dataclass
class Moment:
    """What is alive while one op runs. ``t`` is nanoseconds since the step began, ``live`` bytes."""

    t: int
    node: int
    op: str
    line: str
    live: int


@dataclass(eq=False)
class MemoryTimeline(Tabular):
    """The memory of one step: a moment per op, and bytes per category, which sum to ``live``."""

    step: int
    rows: list[Moment]
    categories: dict[str, Longs]

    @property
    def peak(self) -> Moment | None:
        """The first moment of most memory; None for a step without ops."""
        return max(self.rows, key=lambda row: row.live, default=None)

    def records(self) -> list[dict[str, Any]]:
        """Per moment its facts and a column per category."""
        return [
            plain(row) | {name: int(column[k]) for name, column in self.categories.items()}
            for k, row in enumerate(self.rows)
        ]

    def columns(self) -> list[str]:
        return ["t", "node", "op", "line", "live", *self.categories]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON."""
        return {"step": self.step, "rows": self.records()}

    def table(self, row_limit: int = 20, width: int = 120) -> str:
        """The moments as text: the ``row_limit`` of most memory, in their order (-1: all)."""
        order = sorted(range(len(self.rows)), key=lambda k: -self.rows[k].live)
        shown = sorted(order if row_limit < 0 else order[:row_limit])
        unit = units.unit_of([row.live for row in self.rows], "bytes")
        names = [name for name, column in self.categories.items() if column.any()]
        rows = [
            [
                str(self.rows[k].node), self.rows[k].op, self.rows[k].line, units.ns(self.rows[k].t),
                *(units.bytes_(x, unit) for x in (self.rows[k].live, *(self.categories[n][k] for n in names))),
            ]
            for k in shown
        ]  # fmt: skip
        lines = text_table(
            ["node", "op", "line", "at", "alive", *names],
            rows,
            width,
            (*names[::-1], "at", "line"),
            ("op", "line"),
        )
        top = self.peak
        if top is not None:
            where = f" ({top.line})" if top.line else ""
            lines.append(
                f"step {self.step}: {units.bytes_(top.live)} at most, while {top.op}{where} runs"
            )
        if len(shown) < len(self.rows):
            lines[-1] += f"; {len(self.rows) - len(shown)} more moments not shown"
        return "\n".join(lines)

    def __iter__(self) -> Iterator[Moment]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.table()


def memory_timeline(reader: TraceReader, num: int = -1, kind: str = "train") -> MemoryTimeline:
    """The memory of one step (-1: the last) over time. Raises: TraceError when there is none."""
    step = reader.step(num, kind)
    graph = reader.graph(step.graph)
    found = curves(reader, step)
    live = sum(found.values(), np.zeros(graph.n, np.int64)).tolist()
    rows = [
        Moment(int(step.begin_ns[i]), i, what(graph, i), line_of(graph, i), live[i])
        for i in range(graph.n)
    ]
    return MemoryTimeline(step.num, rows, found)


def curves(reader: TraceReader, step: Step) -> dict[str, Longs]:
    """Bytes alive while each node of a step runs, by category; a category that never is has no curve."""
    graph = reader.graph(step.graph)
    n = graph.n
    sizes = lifetime.nbytes(reader, step)
    sums = {name: np.zeros(n + 1, np.int64) for name in CATEGORIES}
    ports = 0
    for k in range(graph.n_ports):
        if graph.port_kind(k) != "constant":
            made = step.fresh.get(k)
            ports += 0 if made is not None else int(sizes[n + k])
            sums[OF_PORT[graph.port_kind(k)]][made or 0] += sizes[n + k]
    before = max(int(step.live0), ports)
    known = {name: int(column[0]) for name, column in sums.items()}
    for held in earlier(reader, step, known, before - ports):
        sums.setdefault(held.category, np.zeros(n + 1, np.int64))[0] += held.nbytes
    for i in range(n):
        if step.freed[i] == schema.NO_MEMORY or not sizes[i]:
            continue
        column = sums[_category(graph, step, i, graph.kept_for(i))]
        column[i] += sizes[i]
        if step.freed[i] >= 0:
            column[min(max(int(step.freed[i]), i), n - 1) + 1] -= sizes[i]
    found = {name: np.cumsum(column[:n]) for name, column in sums.items()}
    return {name: curve for name, curve in found.items() if curve.any()}
