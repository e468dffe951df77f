"""One node through all steps: its time in every timed step, its statistics in every value step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.webapp.queries.graph import look
from graphscope.webapp.queries.node import value_of

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader

TIMES, VALUES = 300, 120


def history_json(reader: TraceReader, num: int | None, id: str) -> dict[str, Any]:
    """Series over the steps that ran the same graph, each ``{"steps": [...], name: [...]}``.

    Units: ns. Numbers that are not finite are null. Long runs are thinned evenly; the first and the
    last step stay.

    Raises: TraceError when there is no such step or node.
    """
    step = look(reader, num)
    graph = reader.graph(step.graph)
    value = value_of(id, graph)
    table = reader.steps(step.kind)
    same = table.num[table.graph == graph.id]
    out: dict[str, Any] = {"id": id, "step": step.num, "times": None}
    if value >= 0 and len(same):
        nums = _thin(same, TIMES)
        columns = reader.columns("dur_ns", nums.tolist(), step.kind)
        back = [b for b, _ in graph.backward_of(value)]
        timed = np.isfinite(columns[:, value])
        out["times"] = {
            "steps": nums[timed].tolist(),
            "forward": _plain(columns[timed, value]),
            "backward": _plain(columns[timed][:, back].sum(axis=1)) if back else None,
            "said": _said(columns[timed][:, [value, *back]].sum(axis=1)),
        }
    inside = set(same.tolist())
    recorded = np.array([n for n in reader.value_steps(step.kind) if n in inside], np.int64)
    series: dict[str, list[Any]] = {k: [] for k in ("steps", "mean", "std", "gradient")}
    for n in _thin(recorded, VALUES).tolist():
        values = reader.values(n, step.kind)
        if values is None or values.num != n:
            continue
        entry, gradient = values.get(value, "v"), values.get(value, "g")
        series["steps"].append(n)
        series["mean"].append(_finite(entry.mean) if entry is not None else None)
        series["std"].append(_finite(entry.std) if entry is not None else None)
        series["gradient"].append(_finite(gradient.rms) if gradient is not None else None)
    out["values"] = series
    return out


def _said(spent: Any) -> str:
    """The middle and the slow end of the times, in words."""
    if not len(spent):
        return ""
    middle, slow = (float(q) for q in np.percentile(spent, (50, 95)))
    return f"p50 {units.ns(middle)}, p95 {units.ns(slow)}"


def _thin(nums: Any, limit: int) -> Any:
    if len(nums) <= limit:
        return nums
    return nums[np.unique(np.linspace(0, len(nums) - 1, limit).astype(np.int64))]


def _plain(column: Any) -> list[float | None]:
    return [_finite(float(x)) for x in column]


def _finite(x: float) -> float | None:
    return x if math.isfinite(x) else None
