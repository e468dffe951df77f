"""Key averages: where time goes, summed by op, module, source line, phase or shape."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope import units
from graphscope.analysis.averages import KeyAverages, Row
from graphscope.errors import UsageError
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Floats, Graph, Ints, StepTable

GROUPS = ("op", "scope", "line", "phase", "shape")
SAMPLE = 100  # steps whose columns give the percentiles
FEW_GRAPHS = (
    50  # up to so many, the sample has steps of each; of more, those that a fair sample hits
)
TOP = "(top)"


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
    ids = np.unique(steps.graph).tolist()
    everyone = len(ids) <= FEW_GRAPHS
    sample_of = _by_graph(steps) if not everyone else {}
    for id in ids:
        mine = steps.graph == id
        graph = reader.graph(id)
        moments = reader.moments(id)
        picked = pick(steps, mine) if everyone else sample_of.get(id, [])
        if not picked and not moments["n"]:
            picked = pick(steps, mine, 1)
        columns = reader.columns("dur_ns", picked, kind).reshape(-1, graph.n)
        columns = columns[~np.isnan(columns).any(axis=1)]
        count, mean = ran(steps, mine, moments), moments["mean"]
        if not moments["n"]:  # a graph that only broken steps had, or the first second of a run
            mean = columns.mean(axis=0) if len(columns) else None
        if mean is None or graph.n == 0:
            continue
        shapes = int(np.bincount(steps.shape_set[mine]).argmax())
        sizes = output_bytes(reader, graph, reader.specs_of(shapes))
        flops, traffic = run_costs(reader, graph, steps, mine)
        device = device_time(reader, graph, picked, kind)
        for key, (own, inside) in groups(reader, graph, group_by, shapes).items():
            every = np.concatenate([own, inside])
            row = rows.setdefault(
                key, Row(key, 0, 0, 0, 0, np.nan, np.nan, 0, 0, 0, 0, flops=0.0, traffic=0.0)
            )
            back = graph.phase[every] == schema.BACKWARD
            row.calls += count * (1 if whole else called(graph, own))
            row.total += float(mean[every].sum()) * count
            row.self += float(mean[own].sum()) * count
            row.backward += float(mean[every][back].sum()) * count
            row.bytes = max(row.bytes, int(sizes[every].sum()))
            row.flops += float(flops[every].sum())
            row.traffic += float(traffic[every].sum())
            if device is not None:
                before = 0.0 if row.device != row.device else row.device
                row.device = before + float(device[every].sum()) * count
            part = columns[:, every if whole else every[is_call(graph)[every]]]
            samples.setdefault(key, []).append(part.sum(axis=1) if whole else part.reshape(-1))
    for key, row in rows.items():
        row.mean = row.total / max(row.calls, 1)
        row.forward = row.total - row.backward
        row.share = row.total / wall if wall else np.nan
        took = row.total if row.device != row.device else row.device
        if took > 0:
            row.flops_s, row.bytes_s = 1e9 * row.flops / took, 1e9 * row.traffic / took
        sample = np.concatenate(samples[key])
        if len(sample):
            row.p50, row.p95 = (float(q) for q in np.percentile(sample, (50, 95)))
    return KeyAverages(group_by, len(steps), wall, list(rows.values()))


def ran(steps: StepTable, mine: NDArray[np.bool_], moments: Mapping[str, Any]) -> int:
    """How many steps a graph had, of which ``mine`` are in the table.

    The file has its moments once a second: of a run that goes on, or was killed, they are a second behind the steps;
    of one whose oldest steps were thinned away they are of more.
    """
    n = int(moments["n"])
    if steps.status.count("ok") == len(steps):  # counted in C
        return max(n, int(mine.sum()))
    ok = int((steps.ended("ok") & mine).sum())
    return max(n, ok) or int(mine.sum())


def pick(steps: StepTable, mine: NDArray[np.bool_], most: int = SAMPLE) -> list[int]:
    """Numbers of up to ``most`` of these steps that have timings, in stretches spread evenly over the run.

    A graph that few steps had gets few of them, so that samples of several graphs weigh what they should.
    """
    timed = mine & steps.timed
    nums = steps.num[timed if timed.any() else mine]
    most = max(-(-most * len(nums) // max(len(steps), 1)), 1)
    if len(nums) <= most:
        return [int(num) for num in nums]
    # Neighbours lie in one blob of the file: ten stretches are read in a tenth of the time of a hundred steps.
    length = -(-most // 10)
    starts = np.linspace(0, len(nums) - length, -(-most // length)).astype(int)
    chosen = np.unique((starts[:, None] + np.arange(length)).reshape(-1))
    return [int(num) for num in nums[chosen]]


def _by_graph(steps: StepTable) -> dict[int, list[int]]:
    """A sample of the whole run, sorted by graph."""
    chosen = set(pick(steps, np.ones(len(steps), bool)))
    found: dict[int, list[int]] = {}
    for num, graph in zip(steps.num.tolist(), steps.graph.tolist(), strict=True):
        if num in chosen:
            found.setdefault(graph, []).append(num)
    return found


def run_costs(
    reader: TraceReader, graph: Graph, steps: StepTable, mine: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Operations and bytes moved of each node over these steps; NaN where the trace does not say.

    In float64: a run of a week does more operations than 64 bits count. Broken steps count only where there
    are no others, as in the times.
    """
    all_ok = steps.status.count("ok") == len(steps)  # counted in C
    ok = mine if all_ok else np.array([s == "ok" for s in steps.status]) & mine
    total = np.zeros((2, graph.n))
    sets, times = np.unique(steps.shape_set[ok if ok.any() else mine], return_counts=True)
    for id, count in zip(sets.tolist(), times.tolist(), strict=True):
        costs = reader.costs(id)
        if costs is None or len(costs[0]) != graph.n:
            return np.full(graph.n, np.nan), np.full(graph.n, np.nan)
        total[0] += costs[0].astype(float) * count
        total[1] += costs[1].astype(float) * count
    return total[0], total[1]


def op_times(reader: TraceReader, picked: list[int], kind: str) -> Floats:
    """``[steps, nodes]``: what each op took, on its device where that was measured, else on the host.

    Steps whose timings were thinned away are left out.
    """
    host = reader.columns("dur_ns", picked, kind)
    device = reader.columns("dev_ns", picked, kind)
    if device.shape == host.shape:
        with np.errstate(invalid="ignore"):
            host = np.where(device > 0, device, host)
    times: Floats = host[~np.isnan(host).any(axis=1)]
    return times


def device_time(reader: TraceReader, graph: Graph, picked: list[int], kind: str) -> Floats | None:
    """Mean time on the device of each node in these steps; None where it was not measured."""
    if not picked:
        return None
    columns = reader.columns("dev_ns", picked, kind)
    columns = columns[~np.isnan(columns).any(axis=1)]
    if not len(columns) or columns.shape[1] != graph.n or not columns.any():
        return None
    mean: Floats = columns.mean(axis=0)
    return mean


def is_call(graph: Graph) -> NDArray[np.bool_]:
    """Which nodes are a call of an op: the second output of one, and those after it, are nodes without a call."""
    found: NDArray[np.bool_] = (graph.flags & schema.EXTRA) == 0
    return found


def called(graph: Graph, nodes: Ints) -> int:
    """How many calls of ops there are among these nodes."""
    return int(is_call(graph)[nodes].sum())


def output_bytes(reader: TraceReader, graph: Graph, specs: Ints) -> Ints:
    """Bytes that the output of each node takes; 0 for views and for what is written in place."""
    ids, at = np.unique(specs[: graph.n], return_inverse=True)
    sizes = np.array([reader.spec(id).nbytes for id in ids.tolist()], np.int64)[at]
    return np.where(graph.flags & (schema.VIEW | schema.INPLACE), 0, sizes).astype(np.int64)


def groups(
    reader: TraceReader, graph: Graph, group_by: str, shape_set: int
) -> dict[str, tuple[Ints, Ints]]:
    """Per key the nodes of its own, and the nodes of scopes inside it."""
    own: dict[str, list[int]] = {}
    inside: dict[str, list[int]] = {}
    for i, key in enumerate(keys(reader, graph, group_by, shape_set)):
        own.setdefault(key, []).append(i)
    if group_by == "scope":
        for key, nodes in list(own.items()):
            if key == TOP:
                continue
            parts = key.split(".")
            for depth in range(1, len(parts)):
                inside.setdefault(".".join(parts[:depth]), []).extend(nodes)
            inside.setdefault(TOP, []).extend(nodes)
    names = own.keys() | inside.keys()
    return {
        k: (np.array(own.get(k, []), np.int32), np.array(sorted(inside.get(k, [])), np.int32))
        for k in names
    }


def keys(reader: TraceReader, graph: Graph, group_by: str, shape_set: int) -> list[str]:
    """The group of each node."""
    if group_by == "shape":
        return _with_shapes(reader, graph, shape_set)
    column = {
        "op": graph.op, "scope": graph.scope, "phase": graph.phase, "line": graph.site,
    }[group_by]  # fmt: skip
    _, first, at = np.unique(column, return_index=True, return_inverse=True)
    names = [_name(graph, group_by, i) for i in first.tolist()]
    return [names[k] for k in at.tolist()]


def _name(graph: Graph, group_by: str, i: int) -> str:
    if group_by == "op":
        return graph.op_name(i)
    if group_by == "scope":
        return graph.scope_path(i) or TOP
    return schema.PHASES[int(graph.phase[i])] if group_by == "phase" else line(graph, i)


def _with_shapes(reader: TraceReader, graph: Graph, shape_set: int) -> list[str]:
    specs, n = reader.specs_of(shape_set), graph.n
    words: dict[int, str] = {}
    names = []
    for i in range(n):
        given = graph.inputs(i)
        if graph.flags[i] & schema.EXTRA:  # one more output of the node that its edge leads to
            given = graph.inputs(given[0])
        elif not given and graph.twin[i] >= 0:  # a gradient, of the op that was given this
            given = graph.inputs(int(graph.twin[i]))
        ids = [int(specs[v if v >= 0 else n - 1 - v]) for v in given]
        for id in ids:
            if id not in words:
                words[id] = units.shape(reader.spec(id).shape)
        back = "\u2202" if graph.phase[i] == schema.BACKWARD else ""
        names.append(f"{back}{graph.op_name(i)} {', '.join(words[id] for id in ids)}".rstrip())
    return names


def line(graph: Graph, i: int) -> str:
    """``train.py:31``"""
    site = graph.site_of(i)
    return f"{PurePath(site.file).name}:{site.line}" if site else "(unknown)"
