"""Two runs side by side: what each op costs in both, with its spread, and whether they do the same work.

The time of an op is that on its device where it was measured, else that on the host.
A difference is only claimed where the middle halves of the two samples do not overlap; everything else is
"no difference shown", however far the medians lie apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphscope import units
from graphscope.analysis.aggregate import (
    GROUPS,
    SAMPLE,
    groups,
    is_call,
    op_times,
    output_bytes,
    pick,
)
from graphscope.analysis.breakdown import PARTS, parts_table
from graphscope.analysis.comparison import (
    FASTER,
    ONLY_A,
    ONLY_B,
    SAME,
    SLOWER,
    Comparison,
    Difference,
    Side,
    Structure,
    regressions,
)
from graphscope.analysis.numeric import called
from graphscope.errors import UsageError
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Floats, Graph, Ints, Spec, StepTable

FEWEST = 5  # samples a side; fewer show nothing
__all__ = [
    "FASTER", "GROUPS", "ONLY_A", "ONLY_B", "SAME", "SLOWER", "Comparison", "Difference", "Side", "Structure",
    "compare", "compare_steps", "regressions", "structure",
]  # fmt: skip


def compare(
    a: TraceReader, b: TraceReader, group_by: str = "op", kind: str = "train"
) -> Comparison:
    """Compare the steps of two runs (or a run with itself).

    Each side is the run's most common graph in its most common shapes; the first step, which warms caches
    up, is left out where there are others; of a whole step what recording cost is left out. Raises: UsageError for an unknown grouping, or when one of them
    has no step with timings.
    """
    _known(group_by)
    one, two = _side(a, group_by, kind), _side(b, group_by, kind)
    names = [f"{r.header().get('run', r.path.stem)} ({r.path.name})" for r in (a, b)]
    return _joined(names, group_by, one, two)


def compare_steps(
    reader: TraceReader, a: int, b: int, group_by: str = "op", kind: str = "train"
) -> Comparison:
    """Compare two steps of one run.

    A step is one sample and has no spread of its own: a difference is claimed where it is larger than the
    middle nine tenths of all steps that repeat the graph of ``a`` are wide.
    Raises: UsageError for an unknown grouping, or when a step has no timings; TraceError when there is none.
    """
    _known(group_by)
    table = reader.steps(kind)
    sides = [_of_step(reader, table, num, group_by, kind) for num in (a, b)]
    nums = [reader.step(num, kind).num for num in (a, b)]  # -1 is the last one
    names = [f"step {num} of {reader.header().get('run', reader.path.stem)}" for num in nums]
    found = _joined(names, group_by, *sides)
    one = sides[0]
    for row in (found.step, *found.rows):
        wide = one.wide.get(row.key)
        if row.verdict in (ONLY_A, ONLY_B) or wide is None:
            continue
        gap = row.b.p50 - row.a.p50
        row.verdict = SAME if abs(gap) <= wide else SLOWER if gap > 0 else FASTER
    return found


@dataclass
class _Run:
    graph: Graph
    specs: list[Spec]
    """Of the nodes, then of the ports."""
    step: Side
    groups: dict[str, Side]
    wide: dict[str, float]


STEP = "(whole step)"


def _known(group_by: str) -> None:
    if group_by not in GROUPS:
        raise UsageError(f"Cannot group by {group_by!r}; there are {', '.join(GROUPS)}.")


def _joined(names: list[str], group_by: str, one: _Run, two: _Run) -> Comparison:
    rows = []
    for key in sorted(one.groups.keys() | two.groups.keys()):
        left, right = one.groups.get(key), two.groups.get(key)
        rows.append(Difference(key, left or Side(), right or Side(), _verdict(left, right)))
    step = Difference(STEP, one.step, two.step, _verdict(one.step, two.step))
    ops = structure(one.graph, two.graph)
    if ops.same:
        ops.tensors = _other_tensors(one, two)
    return Comparison(names[0], names[1], group_by, step, ops, rows)


def _other_tensors(one: _Run, two: _Run) -> list[str]:
    """What two runs of the same ops compute in other shapes or dtypes, in words; what comes in first."""
    n = one.graph.n
    found: dict[str, str] = {}
    for v in [*range(-1, -1 - min(one.graph.n_ports, two.graph.n_ports), -1), *range(n)]:
        place = v if v >= 0 else n - 1 - v
        was, now = one.specs[place], two.specs[place]
        if (was.shape, was.dtype) != (now.shape, now.dtype):
            name = called(one.graph, v) if v >= 0 else one.graph.port_path(-1 - v)
            texts = [
                units.shape(x.shape) + (f" {x.dtype}" if was.dtype != now.dtype else "")
                for x in (was, now)
            ]
            found.setdefault(name, f"{name} is {texts[0]} in A and {texts[1]} in B")
    return list(found.values())


def _side(reader: TraceReader, group_by: str, kind: str) -> _Run:
    table = reader.steps(kind)
    if not len(table):
        other = "eval" if kind == "train" else "train"
        there = f"; its steps are of kind {other}" if len(reader.steps(other)) else ""
        raise UsageError(f"{reader.path.name} has no {kind} step to compare{there}.")
    whole = table.ended("ok")
    pool = whole if whole.any() else np.ones(len(table), bool)
    graph_id = int(np.bincount(table.graph[pool]).argmax())
    mine = pool & (table.graph == graph_id)
    shapes = int(np.bincount(table.shape_set[mine]).argmax())
    mine &= table.shape_set == shapes
    if mine.sum() > 1:
        mine[np.flatnonzero(mine)[0]] = False
    nums = table.num[mine & table.timed]
    if not len(nums):
        nums = table.num[mine]
    picked = nums[np.unique(np.linspace(0, len(nums) - 1, SAMPLE).astype(int))]
    columns = op_times(reader, [int(num) for num in picked], kind)
    if not len(columns):
        raise UsageError(f"{reader.path.name} has no {kind} step whose timings were kept.")
    wall = _own_wall(reader, table, kind)[mine]
    return _run(reader, graph_id, shapes, group_by, columns, wall)


def _of_step(reader: TraceReader, table: StepTable, num: int, group_by: str, kind: str) -> _Run:
    one = reader.step(num, kind)
    columns = op_times(reader, [one.num], kind)
    if not len(columns):
        raise UsageError(f"{reader.path.name}: {kind} step {one.num} has no timings of its own.")
    walls = _own_wall(reader, table, kind)
    wall = walls[table.num == one.num][-1:]
    run = _run(reader, one.graph, one.shape_set, group_by, columns, wall)
    mine = (table.graph == one.graph) & (table.shape_set == one.shape_set)
    others = op_times(reader, pick(table, mine), kind)
    graph = reader.graph(one.graph)
    for key, nodes in groups(reader, graph, group_by, one.shape_set).items():
        times = others[:, np.concatenate(nodes)].sum(axis=1) if others.size else np.zeros(0)
        run.wide[key] = _width(times)
    run.wide[STEP] = _width(walls[mine])
    return run


def _own_wall(reader: TraceReader, table: StepTable, kind: str) -> Floats:
    """What the steps took without what recording them did: runs may be recorded in different ways."""
    recorder = parts_table(reader, table, kind)[:, PARTS.index("recorder")]
    return np.asarray(table.wall_ns - np.nan_to_num(recorder), float)


def _width(times: Floats) -> float:
    if len(times) < FEWEST:
        return float("inf")
    low, high = np.percentile(times, (5, 95))
    return float(high - low)


def _run(
    reader: TraceReader, graph_id: int, shapes: int, group_by: str, columns: Floats, wall: Floats
) -> _Run:
    graph = reader.graph(graph_id)
    sizes = output_bytes(reader, graph, reader.specs_of(shapes))
    costs = reader.costs(shapes)
    if costs is not None and len(costs[0]) != graph.n:
        costs = None

    def side(times: Floats, nodes: slice | Ints) -> Side:
        found = _measured(times, int(is_call(graph)[nodes].sum()), int(sizes[nodes].sum()))
        if costs is None:
            return found
        flops, traffic = (int(c[nodes].sum()) for c in costs)
        return replace(found, flops=flops, traffic=traffic)

    found = {}
    for key, (own, inside) in groups(reader, graph, group_by, shapes).items():
        every = np.concatenate([own, inside])
        found[key] = side(columns[:, every].sum(axis=1), every)
    specs = reader.specs_of(shapes)[: graph.n + graph.n_ports].tolist()
    return _Run(graph, [reader.spec(id) for id in specs], side(wall, slice(None)), found, {})


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
