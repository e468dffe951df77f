"""What limits each op: memory, arithmetic, or the cost of calling it at all.

Source: S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for multicore
architectures", CACM 52(4), 2009.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from graphscope import units
from graphscope.analysis.aggregate import GROUPS, called, groups, op_times, pick
from graphscope.analysis.ceilings import Ceilings
from graphscope.analysis.ceilings import ceilings as measured
from graphscope.analysis.tabular import Tabular, nanoseconds, plain, rate, text_table
from graphscope.errors import UsageError
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Floats, Graph

MEMORY, COMPUTE, OVERHEAD, UNKNOWN = "memory", "compute", "overhead", ""
LOST = 0.1  # below this share of the ceilings it is neither of them that limits


@dataclass
class Roof:
    """One line: figures of one step, times in nanoseconds, rates per second.

    intensity: operations per byte moved. fraction: of the time, the share that this work would take at the
    measured ceilings; 1 is as fast as the machine can, and more says that data came from caches (the ceiling of
    copying is that of main memory). bound: ``memory`` or ``compute``, whichever would take
    longer at its ceiling; ``overhead`` when both would take less than a tenth of the time, so that what
    counts is calling the op (or a kernel far from the ceilings).
    """

    key: str
    calls: int
    time: float
    flops: float
    traffic: float
    intensity: float
    flops_s: float
    bytes_s: float
    fraction: float
    bound: str


@dataclass
class Roofline(Tabular):
    """The ops (or modules, lines) of one step against what the machine can do."""

    group_by: str
    step: int
    ceilings: Ceilings | None
    rows: list[Roof]

    def table(self, row_limit: int = 20, width: int = 120) -> str:
        """The table as text, what takes longest first."""
        shown = self.rows if row_limit < 0 else self.rows[:row_limit]
        head = [
            self.group_by,
            "calls",
            "time",
            "FLOP",
            "bytes moved",
            "FLOP/B",
            "FLOP/s",
            "B/s",
            "of ceiling",
            "bound",
        ]
        times = nanoseconds(row.time for row in shown)
        cells = [
            [
                row.key, units.count(row.calls), times[k], units.flops(row.flops), units.bytes_(row.traffic),
                "" if row.intensity != row.intensity else units.number(row.intensity),
                rate(row.flops_s, "flops"), rate(row.bytes_s, "bytes"),
                "" if row.fraction != row.fraction else units.share(row.fraction), row.bound,
            ]
            for k, row in enumerate(shown)
        ]  # fmt: skip
        drop = ("calls", "FLOP", "bytes moved", "B/s", "FLOP/s", "FLOP/B")
        lines = text_table(head, cells, width, drop, left=("bound",))
        lines.append(_roof(self.ceilings))
        if any(row.fraction > 1.5 and row.bound == COMPUTE for row in self.rows):
            lines.append(
                "Some are faster than the ceilings: those were measured while the machine was busy. "
                "graphscope info --measure takes them again."
            )
        if len(shown) < len(self.rows):
            lines[-1] += f"; {len(self.rows) - len(shown)} more rows not shown"
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON; NaN becomes None."""
        return {
            "group_by": self.group_by, "step": self.step, "ceilings": plain(self.ceilings),
            "rows": [plain(row) for row in self.rows],
        }  # fmt: skip

    def columns(self) -> list[str]:
        return [f.name for f in fields(Roof)]

    def __iter__(self) -> Iterator[Roof]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.table()


def _roof(c: Ceilings | None) -> str:
    if c is None:
        return "ceilings of this device were not measured"
    return (
        f"ceilings: {rate(c.copy, 'bytes')} copied, {rate(c.gemm32, 'flops')} in float32 products, "
        f"{rate(c.gemm64, 'flops')} in float64; memory limits below {units.number(c.ridge)} FLOP/B"
    )


def roofline(
    reader: TraceReader,
    group_by: str = "op",
    step: int = -1,
    kind: str = "train",
    ceilings: Ceilings | None = None,
) -> Roofline:
    """Operations, bytes, time and achieved rates of a step, against the ceilings of the machine.

    step: whose graph and shapes are looked at (-1: the last); times are the medians over the steps that
    repeat it. ceilings: default, those measured here for the CPU, which are for runs of this machine; ops on
    another device have no fraction and no bound unless its ceilings are given.
    Raises: UsageError for an unknown grouping, or when the trace has no costs or timings for this step.
    """
    if group_by not in GROUPS:
        raise UsageError(f"Cannot group by {group_by!r}; there are {', '.join(GROUPS)}.")
    one = reader.step(step, kind)
    graph = reader.graph(one.graph)
    costs = reader.costs(one.shape_set)
    if costs is None or len(costs[0]) != graph.n:
        raise UsageError(
            f"{reader.path.name} does not say what its ops cost: it was recorded by an older version."
        )
    table = reader.steps(kind)
    mine = (table.graph == one.graph) & (table.shape_set == one.shape_set)
    picked = pick(table, mine)
    columns = op_times(reader, picked, kind)
    if not len(columns):
        raise UsageError(f"{reader.path.name}: no step like {kind} step {one.num} has timings.")
    times = np.median(columns, axis=0)
    flops, traffic = (c.astype(float) for c in costs)
    specs = [reader.spec(id) for id in one.specs[: graph.n].tolist()]
    on_cpu = np.array([spec.device == "cpu" for spec in specs], bool)
    wide = np.array([spec.dtype in ("float64", "complex128") for spec in specs], bool)
    roof = ceilings or (measured() if (on_cpu & (traffic > 0)).any() else None)
    limits = None if roof is None else _limits(roof, flops, traffic, wide)
    known = np.ones(graph.n, bool) if ceilings is not None else on_cpu
    found = groups(reader, graph, group_by, one.shape_set)
    rows = []
    for key, (own, inside) in found.items():
        every = np.concatenate([own, inside])
        rows.append(_row(graph, key, every, times, flops, traffic, limits, known))
    rows.sort(key=lambda row: (-row.time, row.key))
    return Roofline(group_by, one.num, roof, rows)


def _limits(roof: Ceilings, flops: Floats, traffic: Floats, wide: Any) -> tuple[Floats, Floats]:
    """Nanoseconds of each node at the ceiling of memory and at that of arithmetic."""
    return 1e9 * traffic / roof.copy, 1e9 * flops / np.where(wide, roof.gemm64, roof.gemm32)


def _row(
    graph: Graph,
    key: str,
    every: Any,
    times: Floats,
    flops: Floats,
    traffic: Floats,
    limits: tuple[Floats, Floats] | None,
    known: Any,
) -> Roof:
    took = float(times[every].sum())
    work, moved = float(flops[every].sum()), float(traffic[every].sum())
    nan = float("nan")
    fraction, bound = nan, UNKNOWN
    if limits is not None and took > 0 and known[every].all():
        memory, compute = (limit[every] for limit in limits)
        fraction = float(np.maximum(memory, compute).sum()) / took
        bound = MEMORY if memory.sum() >= compute.sum() else COMPUTE
        if fraction < LOST:
            bound = OVERHEAD
    return Roof(
        key, called(graph, every), took, work, moved, work / moved if moved else nan, 1e9 * work / took if took else nan,
        1e9 * moved / took if took else nan, fraction, bound,
    )  # fmt: skip
