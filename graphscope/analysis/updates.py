"""How far an optimizer moved each parameter in a step, against how large the parameter is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphscope.trace import schema

if TYPE_CHECKING:
    from graphscope.trace.records import Graph, ValueStep


def update_ratios(graph: Graph, values: ValueStep | None) -> dict[int, float]:
    """By parameter (a negative value): rms of its change in the step over its own rms.

    About 1e-3 is usual for SGD and Adam. Only parameters whose numbers were sampled before and after the
    update have one.
    Source: A. Karpathy, "A Recipe for Training Neural Networks" and the CS231n notes, "Ratio of weights:updates".
    """
    if values is None:
        return {}
    found: dict[int, float] = {}
    for node in np.flatnonzero(graph.phase == schema.UPDATE).tolist():
        read = graph.inputs(node)
        if not read or read[0] >= 0 or graph.port_kind(-1 - read[0]) != "parameter":
            continue
        before, after = values.get(read[0], "v"), values.get(node, "v")
        if before is None or after is None or before.thumb is None or after.thumb is None:
            continue
        if before.thumb.shape != after.thumb.shape or before.thumb.stride != after.thumb.stride:
            continue
        old = before.thumb.values.astype(np.float64)
        size = float(np.sqrt(np.mean(old**2))) if old.size else 0.0
        moved = float(np.sqrt(np.mean((after.thumb.values - old) ** 2))) if old.size else 0.0
        if size > 0 and np.isfinite(moved):
            found[read[0]] = moved / size
    return found
