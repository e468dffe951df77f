"""Where the time of a step went: each part named, and together the wall time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Floats, Graph, Longs, Step, StepTable

PARTS = ("data", "copies", "forward", "backward", "update", "python", "recorder")


class Breakdown(NamedTuple):
    """Nanoseconds of one step on the host. The seven parts sum to ``wall``."""

    data: int
    """Waiting for the next batch."""
    copies: int
    """Moving data between host and device, whatever phase asked for it."""
    forward: int
    backward: int
    update: int
    python: int
    """In the interpreter, outside of ops."""
    recorder: int
    """What recording cost, as far as it is known."""
    wall: int


class Copy(NamedTuple):
    """One copy between host and device in a step."""

    node: int
    direction: str
    """``to device``, ``to host`` or ``between devices``."""
    nbytes: int
    begin_ns: int
    dur_ns: int
    dev_ns: int | None


class DeviceParts(NamedTuple):
    """What a step was on its device: nanoseconds, counted where the device's clock was read."""

    busy: int
    idle: int
    """Waiting for the host before the ops of the step."""
    launch_bound: int
    """How many ops found the device idle for longer than they then took."""


def breakdown(graph: Graph, step: Step) -> Breakdown:
    """The parts of one step. Ops inside other ops cannot occur, so their times add up."""
    sums = phase_sums(graph, step.dur_ns)
    copies = copy_sum(graph, step.dur_ns)
    ops = int(sums.sum()) + copies
    wall = max(int(step.wall_ns), ops)
    data, forward, backward, update = (int(x) for x in sums)
    recorder = min(int(step.rec_ns), wall - ops)
    return Breakdown(data, copies, forward, backward, update, wall - ops - recorder, recorder, wall)


def is_copy(graph: Graph) -> NDArray[np.bool_]:
    """Which nodes move data between devices."""
    found: NDArray[np.bool_] = (graph.flags & schema.COPY) != 0
    return found


def phase_sums(graph: Graph, dur_ns: Longs) -> Longs:
    """Nanoseconds in each of the four phases, copies left out."""
    own = np.where(is_copy(graph), 0, dur_ns)
    return np.array([int(own[graph.phase == k].sum()) for k in range(4)], np.int64)


def copy_sum(graph: Graph, dur_ns: Longs) -> int:
    """Nanoseconds in copies between devices."""
    return int(dur_ns[is_copy(graph)].sum())


def copies(reader: TraceReader, step: Step) -> list[Copy]:
    """The copies of a step, in their order."""
    graph = reader.graph(step.graph)
    found = []
    for i in np.flatnonzero(is_copy(graph)).tolist():
        spec = reader.spec(step.spec_id(i))
        inputs = graph.inputs(i)
        source = reader.spec(step.spec_id(inputs[0])).device if inputs else ""
        if not inputs:  # a gradient comes from where its op had gone
            twin = int(graph.twin[i])
            source = reader.spec(step.spec_id(twin)).device if twin >= 0 else ""
        if spec.device == "cpu":
            direction = "to host"
        else:
            direction = "to device" if source in ("cpu", "") else "between devices"
        device = None if step.dev_ns is None else int(step.dev_ns[i])
        begin, dur = int(step.begin_ns[i]), int(step.dur_ns[i])
        found.append(Copy(i, direction, spec.nbytes, begin, dur, device))
    return found


def launch_bound(step: Step) -> NDArray[np.bool_]:
    """The ops before which the device waited for the host longer than they then took on it."""
    if step.dev_ns is None or step.idle_ns is None:
        return np.zeros(len(step.dur_ns), np.bool_)
    return (step.dev_ns > 0) & (step.idle_ns > step.dev_ns)


def device_parts(step: Step) -> DeviceParts | None:
    """Busy and idle time of the device in a step; None where it was not measured."""
    if step.dev_ns is None or step.idle_ns is None:
        return None
    bound = int(launch_bound(step).sum())
    return DeviceParts(int(step.dev_ns.sum()), int(step.idle_ns.sum()), bound)


def breakdown_table(reader: TraceReader, kind: str = "train") -> tuple[Longs, Floats]:
    """Step numbers and ``[steps, 7]`` nanoseconds in the order of ``PARTS``.

    A step without timings is a row of NaN.
    """
    table = reader.steps(kind)
    return table.num, parts_table(reader, table, kind)


def parts_table(reader: TraceReader, table: StepTable, kind: str = "train") -> Floats:
    """``[steps, 7]`` nanoseconds of these steps in the order of ``PARTS``; NaN without timings."""
    phases = phase_table(reader, table, kind)
    out = np.full((len(table), len(PARTS)), np.nan)
    out[:, 0], out[:, 1] = phases[:, 0], np.where(np.isnan(phases[:, 0]), np.nan, table.copies)
    out[:, 2:5] = phases[:, 1:]
    # Column by column: along short rows a sum of many is slow.
    ops = out[:, 0] + out[:, 1] + out[:, 2] + out[:, 3] + out[:, 4]
    rest = np.maximum(table.wall_ns - ops, 0)
    out[:, 6] = np.minimum(table.rec_ns, rest)
    out[:, 5] = rest - out[:, 6]
    return out


def phase_table(reader: TraceReader, table: StepTable, kind: str = "train") -> Floats:
    """``[steps, 4]``: nanoseconds in the ops of each phase, copies between devices left out.

    A trace keeps them for every step; in one of format 1 they are summed here, and a step whose timing
    columns were thinned away is a row of NaN.
    """
    out = table.parts.copy().reshape(-1, 4)
    unknown = np.isnan(out)
    if not unknown.any():
        return out
    old = unknown.any(axis=1) & table.timed
    for id in np.unique(table.graph[old]).tolist():
        rows = np.flatnonzero(old & (table.graph == id))
        phase = reader.graph(id).phase
        columns = reader.columns("dur_ns", table.num[rows].tolist(), kind)
        for k in range(4):
            out[rows, k] = columns[:, phase == k].sum(axis=1)
    return out
