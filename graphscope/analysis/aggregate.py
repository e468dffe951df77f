"""Key averages: where time goes, summed by op, module, source line, phase or shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from io import StringIO
from pathlib import PurePath
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from graphscope import units
from graphscope.errors import UsageError
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Floats, Graph, Ints

GROUPS = ("op", "scope", "line", "phase", "shape")
SAMPLE = 100  # steps whose columns give the percentiles
TOP = "(top)"


@dataclass
class Row:
    """One line of the table. Times are nanoseconds."""

    key: str
    calls: int
    total: float
    self: float
    mean: float
    p50: float
    p95: float
    share: float
    forward: float
    backward: float
    bytes: int


@dataclass
class KeyAverages:
    """Sums and averages per key over the steps of a run.

    ``total`` and ``calls`` count every step, also those whose columns were thinned away; ``p50``
    and ``p95`` come from a sample of up to 100 steps. A *call* is one run of an op when grouped by
    op or shape, and one step's time in it when grouped by scope, line or phase. ``self`` leaves
    out the modules inside a module. ``share`` is of the steps' wall time, ``bytes`` is what the
    outputs of one step take. Where shapes change from step to step (a last, smaller batch), sizes
    are those of the most common ones.
    """

    group_by: str
    steps: int
    wall_ns: int
    rows: list[Row]

    def sorted(self, sort_by: str = "total") -> list[Row]:
        """The rows by one column, largest first (by ``key``: A to Z).

        Raises: UsageError when there is no such column.
        """
        column = _column(sort_by)
        if column == "key":
            return sorted(self.rows, key=lambda row: row.key)
        return sorted(self.rows, key=lambda row: (-_order(getattr(row, column)), row.key))

    def table(self, sort_by: str = "total", row_limit: int = 20, width: int = 120) -> str:
        """The table as text, ``row_limit`` rows of it (-1: all)."""
        rows = self.sorted(sort_by)
        shown = rows if row_limit < 0 else rows[:row_limit]
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column(self.group_by, overflow="ellipsis", no_wrap=True, min_width=12)
        hidden = _SAME.get(self.group_by, ("self",))
        names = [f.name for f in fields(Row) if f.name not in ("key", *hidden)]
        times = [getattr(row, name) for name in _TIMES if name in names for row in shown]
        small = [getattr(row, name) for name in _PER_CALL for row in shown]
        unit = dict.fromkeys(_TIMES, units.unit_of(times))
        unit |= dict.fromkeys(_PER_CALL, units.unit_of(small))
        cells = {name: [_cell(row, name, unit) for row in shown] for name in names}
        wide = {name: max(map(len, [name, *cells[name]])) for name in names}
        # In a narrow terminal whole columns go, and keys are shortened, but never a number.
        for name in _DROP:
            if name in names and 24 + sum(wide[n] + 3 for n in names) > width:
                names.remove(name)
        for name in names:
            table.add_column(name, justify="right", no_wrap=True, min_width=wide[name])
        for k, row in enumerate(shown):
            # Text, not markup: a name may hold square brackets.
            table.add_row(Text(_printable(row.key)), *(cells[name][k] for name in names))
        out = StringIO()
        Console(file=out, width=width, color_system=None, legacy_windows=False).print(table)
        lines = [line.rstrip() for line in out.getvalue().rstrip().splitlines()]
        steps = f"{units.count(self.steps)} step{'' if self.steps == 1 else 's'}"
        lines.append(f"{steps}, {units.ns(self.wall_ns)} in all")
        if len(shown) < len(rows):
            lines[-1] += f"; {len(rows) - len(shown)} more rows not shown"
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON; NaN becomes None."""
        rows = [{k: None if v != v else v for k, v in asdict(row).items()} for row in self.sorted()]
        head = {"group_by": self.group_by, "steps": self.steps, "wall_ns": self.wall_ns}
        return head | {"rows": rows}

    def __iter__(self) -> Iterator[Row]:
        return iter(self.sorted())

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.table()


_TIMES = ("total", "self", "mean", "p50", "p95", "forward", "backward")
_PER_CALL = ("mean", "p50", "p95")
_DROP = ("p50", "forward", "backward", "p95", "bytes", "self", "calls")
# Columns that would only repeat another.
_SAME = {"scope": (), "phase": ("self", "forward", "backward")}
_ALIASES = {
    "cpu_time_total": "total",
    "self_cpu_time_total": "self",
    "cpu_time": "mean",
    "count": "calls",
    "cpu_memory_usage": "bytes",
}


def _cell(row: Row, name: str, unit: dict[str, str]) -> str:
    value = getattr(row, name)
    if name in unit:
        return units.ns(value, unit[name]) if value else "0"
    return {"calls": units.count, "share": units.share, "bytes": units.bytes_}[name](value)


def _column(name: str) -> str:
    column = _ALIASES.get(name, name)
    names = [f.name for f in fields(Row)]
    if column not in names:
        raise UsageError(f"There is no column {name!r} to sort by; there are {', '.join(names)}.")
    return column


def _order(x: float) -> float:
    return -np.inf if x != x else float(x)


def _printable(key: str) -> str:
    """Control characters and direction marks would garble the terminal."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in key)
    return units.clip(text, 48)


def key_averages(reader: TraceReader, group_by: str = "op", kind: str = "train") -> KeyAverages:
    """Sums per op, scope, line, phase or shape over all steps of a kind.

    Raises: UsageError when ``group_by`` is none of these.
    """
    if group_by not in GROUPS:
        known = ", ".join(GROUPS)
        raise UsageError(f"Cannot group by {group_by!r}; there are {known}.")
    steps = reader.steps(kind)
    wall = int(steps.wall_ns.sum())
    rows: dict[str, Row] = {}
    samples: dict[str, list[Floats]] = {}
    whole = group_by in ("scope", "line", "phase")
    for id in np.unique(steps.graph).tolist():
        mine = steps.graph == id
        graph = reader.graph(id)
        moments = reader.moments(id)
        nums = steps.num[mine]
        picked = nums[np.unique(np.linspace(0, len(nums) - 1, SAMPLE).astype(int))]
        columns = reader.columns("dur_ns", picked.tolist(), kind)
        columns = columns[~np.isnan(columns).any(axis=1)]
        count, mean = int(moments["n"]), moments["mean"]
        if count == 0:  # a graph that only broken steps had
            count, mean = int(mine.sum()), columns.mean(axis=0) if len(columns) else None
        if mean is None or graph.n == 0:
            continue
        shapes = int(np.bincount(steps.shape_set[mine]).argmax())
        sizes = _output_bytes(reader, graph, reader.specs_of(shapes))
        for key, (own, inside) in _groups(reader, graph, group_by, shapes).items():
            every = np.concatenate([own, inside])
            row = rows.setdefault(key, Row(key, 0, 0, 0, 0, np.nan, np.nan, 0, 0, 0, 0))
            back = graph.phase[every] == schema.BACKWARD
            row.calls += count * (1 if whole else len(own))
            row.total += float(mean[every].sum()) * count
            row.self += float(mean[own].sum()) * count
            row.backward += float(mean[every][back].sum()) * count
            row.bytes = max(row.bytes, int(sizes[every].sum()))
            part = columns[:, every]
            samples.setdefault(key, []).append(part.sum(axis=1) if whole else part.reshape(-1))
    for key, row in rows.items():
        row.mean = row.total / max(row.calls, 1)
        row.forward = row.total - row.backward
        row.share = row.total / wall if wall else np.nan
        sample = np.concatenate(samples[key])
        if len(sample):
            row.p50, row.p95 = (float(q) for q in np.percentile(sample, (50, 95)))
    return KeyAverages(group_by, len(steps), wall, list(rows.values()))


def _output_bytes(reader: TraceReader, graph: Graph, specs: Ints) -> Ints:
    sizes = np.array([reader.spec(id).nbytes for id in specs[: graph.n].tolist()], np.int64)
    return np.where(graph.flags & (schema.VIEW | schema.INPLACE), 0, sizes).astype(np.int64)


def _groups(
    reader: TraceReader, graph: Graph, group_by: str, shape_set: int
) -> dict[str, tuple[Ints, Ints]]:
    """Per key the nodes of its own, and the nodes of scopes inside it."""
    own: dict[str, list[int]] = {}
    inside: dict[str, list[int]] = {}
    key_of = _key_function(reader, graph, group_by, shape_set)
    for i in range(graph.n):
        key = key_of(i)
        own.setdefault(key, []).append(i)
        if group_by == "scope" and key != TOP:
            parts = key.split(".")
            for depth in range(1, len(parts)):
                inside.setdefault(".".join(parts[:depth]), []).append(i)
            inside.setdefault(TOP, []).append(i)
    keys = own.keys() | inside.keys()
    return {
        k: (np.array(own.get(k, []), np.int32), np.array(inside.get(k, []), np.int32)) for k in keys
    }


def _key_function(
    reader: TraceReader, graph: Graph, group_by: str, shape_set: int
) -> Callable[[int], str]:
    if group_by == "op":
        return graph.op_name
    if group_by == "scope":
        return lambda i: graph.scope_path(i) or TOP
    if group_by == "phase":
        return lambda i: schema.PHASES[int(graph.phase[i])]
    if group_by == "line":
        return lambda i: _line(graph, i)
    specs, n = reader.specs_of(shape_set), graph.n

    def with_shapes(i: int) -> str:
        ids = [int(specs[v if v >= 0 else n - 1 - v]) for v in graph.inputs(i)]
        back = "\u2202" if graph.phase[i] == schema.BACKWARD else ""
        return (
            f"{back}{graph.op_name(i)} {', '.join(units.shape(reader.spec(s).shape) for s in ids)}"
        )

    return with_shapes


def _line(graph: Graph, i: int) -> str:
    site = graph.site_of(i)
    return f"{PurePath(site.file).name}:{site.line}" if site else "(unknown)"
