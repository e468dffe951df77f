"""Two runs side by side: what each op costs in both, with its spread, and whether they do the same work.

A difference is only claimed where the middle halves of the two samples do not overlap; everything else is
"no difference shown", however far the medians lie apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from io import StringIO
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from graphscope import units
from graphscope.analysis.aggregate import SAMPLE, _groups, _output_bytes, _printable
from graphscope.errors import UsageError
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Floats, Graph

GROUPS = ("op", "scope", "line", "phase", "shape")
SAME, FASTER, SLOWER = "no difference shown", "faster", "slower"
ONLY_A, ONLY_B = "only in A", "only in B"
FEWEST = 5  # samples a side; fewer show nothing


@dataclass
class Side:
    """One run's figures for a key: calls and bytes of one step, and nanoseconds of one step in it."""

    calls: int = 0
    bytes: int = 0
    p25: float = np.nan
    p50: float = np.nan
    p75: float = np.nan
    samples: int = 0


@dataclass
class Difference:
    """One line of the comparison."""

    key: str
    a: Side
    b: Side
    verdict: str

    @property
    def ratio(self) -> float:
        """Time in B over time in A: 2 means that B takes twice as long."""
        return float(self.b.p50 / self.a.p50) if self.a.p50 else float("nan")


@dataclass
class Structure:
    """Whether the runs ran the same ops. ``first`` is the first node that differs, by its key."""

    same: bool
    nodes_a: int
    nodes_b: int
    first: str | None = None
    only_a: dict[str, int] = field(default_factory=dict)
    only_b: dict[str, int] = field(default_factory=dict)


@dataclass
class Comparison:
    """Two runs: their steps, their structure, and a line per op (or module, line, phase, shape)."""

    name_a: str
    name_b: str
    group_by: str
    step: Difference
    structure: Structure
    rows: list[Difference]

    def sorted(self) -> list[Difference]:
        """The largest claimed change in time first, then what shows no difference."""
        return sorted(self.rows, key=lambda row: (row.verdict == SAME, -_change(row), row.key))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON; NaN becomes None."""

        def side(s: Side) -> dict[str, Any]:
            return {k: None if v != v else v for k, v in asdict(s).items()}

        def row(d: Difference) -> dict[str, Any]:
            ratio = None if d.ratio != d.ratio else d.ratio
            return {
                "key": d.key,
                "a": side(d.a),
                "b": side(d.b),
                "ratio": ratio,
                "verdict": d.verdict,
            }

        return {
            "a": self.name_a, "b": self.name_b, "group_by": self.group_by, "step": row(self.step),
            "structure": asdict(self.structure), "rows": [row(d) for d in self.sorted()],
        }  # fmt: skip

    def table(self, row_limit: int = 20, width: int = 120) -> str:
        """The comparison as text."""
        lines = [
            f"A: {_printable(self.name_a)}",
            f"B: {_printable(self.name_b)}",
            *self._structure(),
            "",
        ]
        shown = self.sorted()
        cut = shown if row_limit < 0 else shown[:row_limit]
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column(self.group_by, overflow="ellipsis", no_wrap=True, min_width=12)
        for name in ("calls A", "calls B", "A a step", "B a step", "B / A", "verdict"):
            table.add_column(name, justify="left" if name == "verdict" else "right", no_wrap=True)
        times = [t for row in (*cut, self.step) for t in (row.a.p50, row.b.p50)]
        unit = units.unit_of([t for t in times if t == t])
        for row in (*cut, self.step):
            table.add_row(
                Text(_printable(row.key)), units.count(row.a.calls), units.count(row.b.calls),
                _time(row.a.p50, unit), _time(row.b.p50, unit), units.number(row.ratio) if row.ratio == row.ratio else "",
                row.verdict,
            )  # fmt: skip
        out = StringIO()
        Console(file=out, width=width, color_system=None, legacy_windows=False).print(table)
        lines += [line.rstrip() for line in out.getvalue().rstrip().splitlines()]
        if len(cut) < len(shown):
            lines.append(f"{len(shown) - len(cut)} more rows not shown")
        return "\n".join(lines)

    def _structure(self) -> list[str]:
        s = self.structure
        if s.same:
            return [f"Both run the same {units.count(s.nodes_a)} ops a step."]
        text = [
            f"They differ: {units.count(s.nodes_a)} ops a step in A, {units.count(s.nodes_b)} in B."
        ]
        if s.first is not None:
            text.append(f"The first that differs: {_printable(s.first.replace('|', ' '))}")
        for name, only in (("A", s.only_a), ("B", s.only_b)):
            if only:
                most = sorted(only.items(), key=lambda item: (-item[1], item[0]))[:6]
                text.append(
                    f"Only in {name}: " + ", ".join(f"{_printable(k)} x{n}" for k, n in most)
                )
        return text

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.sorted())

    def __str__(self) -> str:
        return self.table()


def _time(x: float, unit: str) -> str:
    return units.ns(x, unit) if x == x else ""


def _change(row: Difference) -> float:
    a, b = (0.0 if x != x else x for x in (row.a.p50, row.b.p50))
    return abs(b - a)


def compare(
    a: TraceReader, b: TraceReader, group_by: str = "op", kind: str = "train"
) -> Comparison:
    """Compare the steps of two runs (or a run with itself).

    Each side is the run's most common graph in its most common shapes; the first step, which warms caches
    up, is left out where there are others. Raises: UsageError for an unknown grouping, or when one of them
    has no step with timings.
    """
    if group_by not in GROUPS:
        raise UsageError(f"Cannot group by {group_by!r}; there are {', '.join(GROUPS)}.")
    one, two = _side(a, group_by, kind), _side(b, group_by, kind)
    rows = []
    for key in sorted(one.groups.keys() | two.groups.keys()):
        left, right = one.groups.get(key), two.groups.get(key)
        rows.append(Difference(key, left or Side(), right or Side(), _verdict(left, right)))
    step = Difference("(whole step)", one.step, two.step, _verdict(one.step, two.step))
    names = [f"{r.header().get('run', r.path.stem)} ({r.path.name})" for r in (a, b)]
    return Comparison(names[0], names[1], group_by, step, structure(one.graph, two.graph), rows)


@dataclass
class _Run:
    graph: Graph
    step: Side
    groups: dict[str, Side]


def _side(reader: TraceReader, group_by: str, kind: str) -> _Run:
    table = reader.steps(kind)
    if not len(table):
        raise UsageError(f"{reader.path.name} has no {kind} step to compare.")
    whole = np.array([s == "ok" for s in table.status])
    pool = whole if whole.any() else np.ones(len(table), bool)
    graph_id = int(np.bincount(table.graph[pool]).argmax())
    mine = pool & (table.graph == graph_id)
    shapes = int(np.bincount(table.shape_set[mine]).argmax())
    mine &= table.shape_set == shapes
    nums, wall = table.num[mine], table.wall_ns[mine].astype(float)
    if len(nums) > 1:
        nums, wall = nums[1:], wall[1:]
    picked = nums[np.unique(np.linspace(0, len(nums) - 1, SAMPLE).astype(int))]
    columns = reader.columns("dur_ns", picked.tolist(), kind)
    columns = columns[~np.isnan(columns).any(axis=1)]
    graph = reader.graph(graph_id)
    if not len(columns):
        raise UsageError(f"{reader.path.name} has no {kind} step whose timings were kept.")
    sizes = _output_bytes(reader, graph, reader.specs_of(shapes))
    groups = {}
    for key, (own, inside) in _groups(reader, graph, group_by, shapes).items():
        every = np.concatenate([own, inside])
        groups[key] = _measured(columns[:, every].sum(axis=1), len(every), int(sizes[every].sum()))
    return _Run(graph, _measured(wall, graph.n, int(sizes.sum())), groups)


def _measured(times: Floats, calls: int, size: int) -> Side:
    low, middle, high = (float(q) for q in np.percentile(times, (25, 50, 75)))
    return Side(calls, size, low, middle, high, len(times))


def _verdict(a: Side | None, b: Side | None) -> str:
    if a is None:
        return ONLY_B
    if b is None:
        return ONLY_A
    if min(a.samples, b.samples) < FEWEST:
        return SAME
    if b.p75 < a.p25:
        return FASTER
    return SLOWER if b.p25 > a.p75 else SAME


def structure(a: Graph, b: Graph) -> Structure:
    """Whether two graphs have the same nodes, wired the same way; else where they part."""
    keys_a, keys_b = a.keys, b.keys
    same = keys_a == keys_b and np.array_equal(a.edges, b.edges)
    first = None
    if not same:
        for i in range(min(a.n, b.n)):
            if keys_a[i] != keys_b[i] or a.inputs(i) != b.inputs(i):
                first = keys_b[i]
                break
        else:
            longer, n = (keys_a, b.n) if a.n > b.n else (keys_b, a.n)
            first = longer[n] if n < len(longer) else None
    ops_a, ops_b = _op_counts(a), _op_counts(b)
    only_a = {k: n - ops_b.get(k, 0) for k, n in ops_a.items() if n > ops_b.get(k, 0)}
    only_b = {k: n - ops_a.get(k, 0) for k, n in ops_b.items() if n > ops_a.get(k, 0)}
    return Structure(same, a.n, b.n, first, only_a, only_b)


def _op_counts(graph: Graph) -> dict[str, int]:
    out: dict[str, int] = {}
    for i in range(graph.n):
        name = graph.op_name(i) + (" (gradient)" if graph.twin[i] >= 0 else "")
        out[name] = out.get(name, 0) + 1
    return out


def regressions(now: Comparison, tolerance: float) -> list[str]:
    """What got worse from A to B, one sentence each; empty when nothing did.

    Ops, wiring, calls and bytes must be equal; the step's time may grow by ``tolerance`` (0.2: by a fifth),
    and more only counts where the spreads do not overlap.
    """
    found = []
    s = now.structure
    if not s.same:
        found.append("The ops of a step differ. " + " ".join(now._structure()))
    for row in now.rows:
        for what in ("calls", "bytes"):
            was, is_ = getattr(row.a, what), getattr(row.b, what)
            if was != is_ and s.same:
                found.append(f"{row.key}: {what} {was:,} in A, {is_:,} in B.")
    for row in (now.step, *now.rows):
        if row.verdict == SLOWER and row.ratio > 1 + tolerance:
            times = f"{units.ns(row.a.p50)} in A, {units.ns(row.b.p50)} in B a step"
            found.append(
                f"{row.key}: {times}, {row.ratio:.2f} times as long (allowed {1 + tolerance:.2f})."
            )
    return found
