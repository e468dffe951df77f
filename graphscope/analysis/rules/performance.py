"""Rules about time: what the steps wait for, and steps that take far longer than the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.breakdown import copies, device_parts
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.trace import schema
from graphscope.trace.records import Floats, Longs

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

_XP = "XProf, input pipeline analyzer"
_TP = "PyTorch TensorBoard profiler (torch-tb-profiler), recommendations"
_HTA = "Holistic Trace Analysis (Meta)"
_SM = "Amazon SageMaker Debugger, built-in rules (StepOutlier)"
NEWEST = 200  # steps that averages are taken over


@dataclass
class Times:
    """Nanoseconds in the parts of the newest steps, one row a step."""

    nums: Longs
    graph: Longs
    wall: Floats
    data: Floats
    ops: Floats
    copies: Floats
    python: Floats

    def total(self, column: Floats) -> float:
        """A sum in which no tenth of the steps counts more than the rest: a machine has hiccups."""
        return float(np.minimum(column, np.quantile(column, 0.9)).sum())


def times(case: Case, settings: Mapping[str, float]) -> Times | None:
    """The newest steps without the first few, which load and compile; None where there are too few."""
    held: dict[Any, Times | None] = case.keep("times", dict)
    key = (case.round, settings["steps"], settings["total"])
    if key not in held:
        if held and next(iter(held))[0] != case.round:
            held.clear()
        held[key] = _times(case, settings)
    return held[key]


def _times(case: Case, settings: Mapping[str, float]) -> Times | None:
    table = case.steps()
    whole = ~np.isnan(table.parts).any(axis=1) & (table.wall_ns > 0)
    whole[:3] = False
    at = np.flatnonzero(whole)[-NEWEST:]
    if len(at) < settings["steps"]:
        return None
    parts = table.parts[at]
    ops = parts.sum(axis=1) + table.copies[at]
    wall = np.maximum(table.wall_ns[at].astype(float), ops)
    if wall.sum() < settings["total"] * 1e6:
        return None
    # What the recorder took is not the program's.
    rest = wall - ops
    recorder = np.minimum(table.rec_ns[at], rest)
    return Times(
        table.num[at], table.graph[at], wall - recorder, parts[:, 0], parts[:, 1:].sum(axis=1), table.copies[at],
        rest - recorder,
    )  # fmt: skip


def _newest(case: Case) -> int:
    return case.graphs()[-1] if case.graphs() else -1


def input_bound(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    t = times(case, settings)
    if t is None:
        return
    waits, wall = t.total(t.data), t.total(t.wall)
    each = waits / len(t.nums)
    if waits <= settings["moderate"] * wall or each < settings["each"] * 1e6:
        return
    graph = int(t.graph[np.flatnonzero(t.data > 0)[-1]])
    wires = case.wires(graph)
    nodes = [
        i
        for i, phase in enumerate(wires.phases)
        if phase == schema.DATA and wires.ops[i] == "load_batch"
    ]
    first = [i for i, phase in enumerate(wires.phases) if phase != schema.DATA]
    high = waits > settings["high"] * wall
    yield Hit(
        int(t.nums[-1]),
        f"{units.share(waits / wall)} of the last {len(t.nums)} steps is waiting for the next batch: "
        f"{units.ns(each)} of {units.ns(wall / len(t.nums))} each.",
        {"share": waits / wall, "wait_ns": each, "step_ns": wall / len(t.nums)}, graph, tuple((nodes or first)[:1]),
        key="input", severity="warning" if high else "info",
        fix="Load in the background, DataLoader(data, batch_size=..., num_workers=4, prefetch_factor=4), or do the "
        "preparation once, before the training: TensorDataset(prepared, labels).",
    )  # fmt: skip


def transfer_bound(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    t = times(case, settings)
    if t is None:
        return
    moved, wall = t.total(t.copies), t.total(t.wall)
    if moved <= settings["share"] * wall:
        return
    step = case.reader.step(int(t.nums[-1]))
    found = sorted(copies(case.reader, step), key=lambda c: -c.dur_ns)
    if not found:
        return
    worst = found[0]
    yield Hit(
        step.num,
        f"{units.share(moved / wall)} of the last {len(t.nums)} steps is copying between host and device: "
        f"{len(found)} copies a step, the slowest {units.bytes_(worst.nbytes)} {worst.direction} in "
        f"{units.ns(worst.dur_ns)}.",
        {"share": moved / wall, "copies": len(found), "nbytes": sum(c.nbytes for c in found)},
        step.graph, tuple(c.node for c in found[:8]), key="copies",
    )  # fmt: skip


def python_bound(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    t = times(case, settings)
    if t is None:
        return
    own, wall = t.total(t.python), t.total(t.wall)
    each = own / len(t.nums)
    if own <= settings["share"] * wall or each < settings["each"] * 1e6:
        return
    graph = _newest(case)
    n = len(case.wires(graph)) if graph >= 0 else 0
    if graph < 0:
        return
    node, gap, where = _longest_stretch(case, int(t.nums[-1]))
    longest = f"; the longest stretch, {units.ns(gap)}, is just {where} this one" if gap > 0 else ""
    yield Hit(
        int(t.nums[-1]),
        f"{units.share(own / wall)} of the last {len(t.nums)} steps is Python between the ops: {units.ns(each)} of "
        f"{units.ns(wall / len(t.nums))} a step with {units.count(n)} ops{longest}.",
        {"share": own / wall, "python_ns": each, "ops": n}, graph, (node,) if gap > 0 else (), key="python",
    )  # fmt: skip


def _longest_stretch(case: Case, num: int) -> tuple[int, float, str]:
    """The op beside which the program was longest in Python, how long, and whether before or after it."""
    step = case.reader.step(num)
    if step.timed_at != num:  # its columns are those of another, and so are the gaps in them
        step = case.reader.step(step.timed_at)
    n = len(step.begin_ns)
    if not n:
        return 0, 0.0, ""
    ends = step.begin_ns + step.dur_ns
    gaps = step.begin_ns - np.concatenate([[0], ends[:-1]])
    node = int(gaps.argmax())
    # What follows the last op (a log, a sleep, an image) is a stretch as well; the recorder's part is not the program's.
    rest = step.wall_ns - step.rec_ns - int(ends[-1])
    return (
        (n - 1, float(rest), "after") if rest > gaps[node] else (node, float(gaps[node]), "before")
    )


def _device_steps(case: Case, settings: Mapping[str, float]) -> list[tuple[Any, Any]]:
    """(step, its parts on the device) of the newest steps whose device was timed."""
    held: dict[int, list[tuple[Any, Any]]] = case.keep("device steps", dict)
    if case.round not in held:
        held.clear()
        table = case.steps()
        timed = table.num[table.timed][3:][-12:]
        steps = [case.reader.step(int(num)) for num in timed if _has_device(case, int(num))]
        held[case.round] = [
            (s, p) for s in steps if (p := device_parts(s)) is not None and p.busy + p.idle > 0
        ]
    found = held[case.round]
    return found if len(found) >= settings["steps"] else []


def _has_device(case: Case, num: int) -> bool:
    """Whether any device was seen in this run; asked once, since most runs are on the host alone."""
    seen: list[bool] = case.keep("has device", list)
    if not seen or not seen[0]:
        at = int(np.searchsorted(case.steps().num, num))
        seen[:] = [bool(case.reader.devices(int(case.steps().id[at])))]
    return seen[0]


def launch_bound(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    from graphscope.analysis.breakdown import launch_bound as bound_ops

    found = _device_steps(case, settings)
    if not found:
        return
    step, _ = found[-1]
    bound = bound_ops(step)
    idle = sum(float(s.idle_ns[bound_ops(s)].sum()) for s, _ in found)
    wall = sum(max(float(s.wall_ns), 1.0) for s, _ in found)
    if idle <= settings["share"] * wall or not bound.any():
        return
    worst = np.argsort(-np.where(bound, step.idle_ns, 0))[:8]
    yield Hit(
        step.num,
        f"{int(bound.sum())} of {len(bound)} ops of step {step.num} are shorter on the device than what it takes to "
        f"start them: it waits {units.share(idle / wall)} of the time for the next one (averages of {len(found)} steps).",
        {"share": idle / wall, "ops": int(bound.sum())}, step.graph, tuple(int(i) for i in worst), key="launch",
    )  # fmt: skip


def idle_device(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    found = _device_steps(case, settings)
    if not found:
        return
    busy = sum(p.busy for _, p in found)
    wall = sum(max(s.wall_ns, p.busy + p.idle) for s, p in found)
    waits = sum(p.idle for _, p in found)
    if busy >= settings["used"] * wall and waits <= settings["waits"] * wall:
        return
    step, _ = found[-1]
    node = int(step.idle_ns.argmax())
    yield Hit(
        step.num,
        f"The device computes in {units.share(busy / wall)} of the time and waits for the host in "
        f"{units.share(waits / wall)} (averages of {len(found)} steps); the longest wait of step {step.num}, "
        f"{units.ns(step.idle_ns[node])}, is before this op.",
        {"busy": busy / wall, "idle": waits / wall}, step.graph, (node,), key="idle",
        severity="warning" if busy < settings["used"] * wall else "info",
    )  # fmt: skip


def outliers(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Against the other steps of the same shapes (each set of them belongs to one graph); spread is that of the middle, which outliers leave alone."""
    table = case.steps()
    wall = table.wall_ns.astype(float)
    far: list[tuple[int, float, float]] = []
    _, kinds, n = np.unique(table.shape_set, return_inverse=True, return_counts=True)
    for k in np.flatnonzero(n >= settings["steps"]).tolist():
        mine = np.flatnonzero((kinds == k) & ~table.nonfinite)
        mine = mine[mine >= 3]
        if len(mine) < settings["steps"]:
            continue
        middle = float(np.median(wall[mine]))
        sigma = max(1.4826 * float(np.median(np.abs(wall[mine] - middle))), 0.05 * middle)
        z = (wall[mine] - middle) / sigma
        long = (
            (z > settings["z"])
            & (wall[mine] > settings["factor"] * middle)
            & (wall[mine] - middle > settings["least"] * 1e6)
        )
        places = zip(mine[long].tolist(), z[long].tolist(), strict=True)
        far += [(place, x, middle) for place, x in places]
    lost = sum(wall[j] - m for j, _, m in far)
    if len(far) <= settings["ignored"] or lost < settings["share"] * wall.sum():
        return
    k, z_, middle = max(far, key=lambda one: wall[one[0]])
    graph = int(table.graph[k])
    yield Hit(
        int(table.num[k]),
        f"{len(far)} steps took far longer than their like, {units.ns(lost)} more in all; the longest is step "
        f"{units.count(int(table.num[k]))}: {units.ns(wall[k])} against {units.ns(middle)} ({units.number(z_)} standard deviations).",
        {"steps": [int(table.num[j]) for j, _, _ in far[-100:]], "lost_ns": float(lost), "z": z_},
        graph if graph in case.graphs() else -1, (), key="outliers",
    )  # fmt: skip


_HOST = {"steps": 10, "total": 20}
_ABOUT_HOST = {
    "steps": "least number of steps",
    "total": "least milliseconds of all steps looked at",
}
RULES = (
    Rule(
        "input-bound", "Steps wait for data", "warning", "performance",
        "The training stands still until the next batch is there. No faster op will help.",
        "DataLoader(..., num_workers=4), or prepare the data once before the training.",
        input_bound, {"moderate": 0.05, "high": 0.2, "each": 0.5, **_HOST}, 1, _XP,
        "https://openxla.org/xprof", "run",
        about={"moderate": "share of the step from which on it is said", "high": "and from which on it is a warning",
               "each": "least milliseconds a step", **_ABOUT_HOST},
    ),
    Rule(
        "transfer-bound", "Steps copy between host and device", "warning", "performance",
        "Copies between host and device are slow, and most of them make both wait.",
        "Move data once, before the loop (x = x.to(device)), make new tensors there (torch.zeros(n, device=device)), and "
        "keep .item(), .cpu() and print out of the step.",
        transfer_bound, {"share": 0.1, **_HOST}, 1, _TP, "https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html",
        "run", about={"share": "of the step", **_ABOUT_HOST},
    ),
    Rule(
        "python-bound", "Most of the time is Python", "info", "performance",
        "The ops are done sooner than Python can call the next one: a faster machine or smaller ops will not help, fewer "
        "and larger ops will.",
        "Use larger batches and fused ops (nn.functional.linear, cross_entropy), and keep prints and Python loops out of "
        "the step.",
        python_bound, {"share": 0.5, "each": 2, **_HOST}, 1, _TP,
        "https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html", "run",
        about={"share": "of the step", "each": "least milliseconds a step", **_ABOUT_HOST},
    ),
    Rule(
        "launch-bound", "Ops too short for the device", "warning", "performance",
        "Starting an op costs the host more than running it costs the device, which then waits.",
        "Larger batches; fused ops in place of chains of small ones.",
        launch_bound, {"share": 0.15, "steps": 3}, 1, f"{_XP}; {_HTA}", "https://hta.readthedocs.io", "run",
        about={"share": "of the step that is waiting before such ops", "steps": "least number of steps"},
    ),
    Rule(
        "idle-device", "The device is idle", "warning", "performance",
        "The device waits for the host for a good part of each step.",
        "Larger batches, more workers that load data, fewer copies and .item() calls in the step.",
        idle_device, {"used": 0.5, "waits": 0.1, "steps": 3}, 1, f"{_TP}; {_HTA}", "https://hta.readthedocs.io", "run",
        about={"used": "least share of time in which it computes", "waits": "largest share in which it waits",
               "steps": "least number of steps"},
    ),
    Rule(
        "step-time-outlier", "Some steps take far longer", "info", "performance",
        "Something interrupts the training now and then: a batch that is larger or slow to load, a checkpoint, the "
        "garbage collector, or another program.",
        "Look at these steps on the Time page.",
        outliers, {"z": 5, "factor": 3, "ignored": 10, "steps": 50, "least": 5, "share": 0.1}, 1, _SM,
        "https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html", "run",
        about={"z": "robust standard deviations above the median", "factor": "and at least this many medians",
               "ignored": "outliers that are no finding yet", "steps": "least number of like steps",
               "least": "least milliseconds above the median", "share": "of the run that they lost together"},
    ),
)  # fmt: skip
