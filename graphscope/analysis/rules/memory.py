"""Rules about memory: nearly all in use, or more after every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from graphscope import units
from graphscope.analysis.holders import what
from graphscope.analysis.rules.rule import Hit, Rule

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

_TP = "PyTorch TensorBoard profiler (torch-tb-profiler), recommendations"
_SM = "Amazon SageMaker Debugger, built-in rules (GPUMemoryIncrease)"


def near_limit(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """The trace says how much a device has in meta ``memory_total:<device>``; without it the rule is silent."""
    totals = {
        key.partition(":")[2]: int(value)
        for key, value in case.header.items()
        if key.startswith("memory_total:") and value.isdigit()
    }
    table = case.steps()
    if not totals or not len(table):
        return
    for pool in case.reader.devices(int(table.id[-1])):
        total = totals.get(pool.device, 0)
        if not total or pool.peak <= settings["share"] * total:
            continue
        graph = int(table.graph[-1])
        yield Hit(
            int(table.num[-1]),
            f"At most {units.bytes_(pool.peak)} of the {units.bytes_(total)} of {pool.device} were in use in step "
            f"{table.num[-1]}: {units.share(pool.peak / total)}.",
            {"peak": pool.peak, "total": total}, graph if graph in case.graphs() else -1, (), key=pool.device,
        )  # fmt: skip


def creeping(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A straight line through what is alive when steps begin: it explains nearly all of it, and it rises."""
    table = case.steps()
    live = table.live0.astype(float)
    at = np.flatnonzero(live >= 0)
    at = at[at >= 3]  # optimizers make their state in the first steps
    if len(at) < settings["steps"]:
        return
    at = at[-int(10 * settings["steps"]) :]
    x, y = table.num[at].astype(float), live[at]
    slope, start = np.polyfit(x, y, 1)
    spread = float(((y - y.mean()) ** 2).sum())
    left = float(((y - slope * x - start) ** 2).sum())
    gained = y[-1] - y[0]
    if slope <= 0 or left > settings["straight"] * spread or gained < settings["bytes"]:
        return
    if gained < settings["growth"] * max(y[0], 1.0):
        return
    made: dict[tuple[int, int], tuple[int, int]] = {}
    for one in case.reader.survivors():
        n, size = made.get((one.graph, one.node), (0, 0))
        made[one.graph, one.node] = n + 1, size + one.nbytes
    kept = sorted(
        ((size, graph, node) for (graph, node), (n, size) in made.items() if n >= 3), reverse=True
    )
    graph = kept[0][1] if kept else int(table.graph[-1])
    nodes = tuple(node for _, g, node in kept[:8] if g == graph)
    names = f"; what stays is mostly made by {what(case.graph(graph), nodes[0])}" if nodes else ""
    yield Hit(
        int(table.num[at[-1]]),
        f"Memory alive at the start of a step grew from {units.bytes_(y[0])} at step {int(x[0])} to "
        f"{units.bytes_(y[-1])} at step {int(x[-1])}, {units.bytes_(slope)} with each step{names}.",
        {"first": float(y[0]), "last": float(y[-1]), "per_step": float(slope)}, graph, nodes, key="memory",
    )  # fmt: skip


RULES = (
    Rule(
        "memory-near-limit", "Memory nearly full", "warning", "memory",
        "The next larger batch, or a fragmented pool, ends the program with an out-of-memory error.",
        "Smaller batches with gradient accumulation, float16, or recomputing activations in backward.",
        near_limit, {"share": 0.9}, 1, _TP, "https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management",
        "run", about={"share": "of the device's memory that was in use at the peak"},
    ),
    Rule(
        "creeping-memory", "Memory grows with every step", "warning", "memory",
        "Something keeps tensors of past steps, often with their whole graph: a list of losses, a running sum. It ends "
        "when memory does.",
        "Keep numbers, not tensors: losses.append(loss.item()), total += loss.detach().",
        creeping, {"growth": 0.1, "steps": 20, "straight": 0.05, "bytes": 10_000}, 1, _SM,
        "https://docs.pytorch.org/docs/stable/notes/faq.html", "run",
        about={"growth": "relative to the first step that is looked at", "steps": "least number of steps",
               "straight": "share of the variance that a straight line may leave unexplained",
               "bytes": "least growth in bytes"},
    ),
)  # fmt: skip
