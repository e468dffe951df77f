"""Where the time of a step went: data, forward, backward, update, and Python between the ops."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Floats, Graph, Longs, Step, StepTable

PARTS = (*schema.PHASES, "python")


class Breakdown(NamedTuple):
    """Nanoseconds of one step. The five parts sum to ``wall``."""

    data: int
    forward: int
    backward: int
    update: int
    python: int
    wall: int
    recorder: int
    """What recording cost, as far as it is known; it is part of ``python``."""


def breakdown(graph: Graph, step: Step) -> Breakdown:
    """The parts of one step. Ops inside other ops cannot occur, so their times add up."""
    sums = phase_sums(graph, step.dur_ns)
    wall = max(int(step.wall_ns), int(sums.sum()))
    data, forward, backward, update = (int(x) for x in sums)
    rest = wall - int(sums.sum())
    return Breakdown(data, forward, backward, update, rest, wall, min(int(step.rec_ns), rest))


def phase_sums(graph: Graph, dur_ns: Longs) -> Longs:
    """Nanoseconds in each of the four phases."""
    return np.array([int(dur_ns[graph.phase == k].sum()) for k in range(4)], np.int64)


def breakdown_table(reader: TraceReader, kind: str = "train") -> tuple[Longs, Floats]:
    """Step numbers and ``[steps, 5]`` nanoseconds in the order of ``PARTS``.

    A step without timings is a row of NaN.
    """
    table = reader.steps(kind)
    out = np.full((len(table), len(PARTS)), np.nan)
    out[:, :4] = phase_table(reader, table, kind)
    out[:, 4] = np.maximum(table.wall_ns - out[:, :4].sum(axis=1), 0)
    return table.num, out


def phase_table(reader: TraceReader, table: StepTable, kind: str = "train") -> Floats:
    """``[steps, 4]``: nanoseconds in the ops of each phase.

    A trace keeps them for every step; in one of format 1 they are summed here, and a step whose timing
    columns were thinned away is a row of NaN.
    """
    out = table.parts.copy().reshape(-1, 4)
    old = np.isnan(out).any(axis=1) & table.timed
    for id in np.unique(table.graph[old]).tolist():
        rows = np.flatnonzero(old & (table.graph == id))
        phase = reader.graph(id).phase
        columns = reader.columns("dur_ns", table.num[rows].tolist(), kind)
        for k in range(4):
            out[rows, k] = columns[:, phase == k].sum(axis=1)
    return out
