"""The step strip: the loss over the whole run and one health cell per step, bounded in size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphscope.trace.reader import TraceReader

POINTS = 1200  # about what a screen has pixels for
CELLS = 400
_SEVERITY = {"info": 0, "warning": 1, "error": 2}


def strip_json(reader: TraceReader) -> dict[str, Any]:
    """Loss points ``[num, loss or null]`` and cells ``[first, last, severity]``.

    Severity: 0 fine, 1 a finding warns, 2 not finite, 3 the step failed. Every run of steps keeps
    its worst: a single bad step among a million is still a visible cell.
    """
    table = reader.steps()
    kind = "train"
    if not len(table):
        table, kind = reader.steps("eval"), "eval"
    count = len(table)
    if not count:
        return {"kind": kind, "steps": 0, "points": [], "cells": [], "first": 0, "last": 0}
    level = np.zeros(count, np.int8)
    place = {int(num): i for i, num in enumerate(table.num)}
    for finding in reader.findings():
        at = place.get(finding.step)
        if at is not None:
            level[at] = max(level[at], min(_SEVERITY.get(finding.severity, 1), 2))
    level[table.nonfinite] = np.maximum(level[table.nonfinite], 2)
    level[[i for i, status in enumerate(table.status) if status != "ok"]] = 3
    kept = keep(table.loss, POINTS)
    points = [
        [int(num), float(loss) if np.isfinite(loss) else None]
        for num, loss in zip(table.num[kept], table.loss[kept], strict=True)
    ]
    edges = np.linspace(0, count, min(count, CELLS) + 1).astype(int)
    cells = [
        [int(table.num[a]), int(table.num[b - 1]), int(level[a:b].max())]
        for a, b in zip(edges[:-1], edges[1:], strict=True)
    ]
    return {
        "kind": kind,
        "steps": count,
        "first": int(table.num[0]),
        "last": int(table.num[-1]),
        "points": points,
        "cells": cells,
    }


def keep(values: NDArray[np.float64], limit: int) -> NDArray[np.int64]:
    """Indices of at most about ``limit`` values: of every bucket its smallest, largest and first NaN.

    Sampling at random or at equal distance would hide exactly the one step that matters.

    >>> keep(np.array([1.0, 5.0, 2.0]), 10).tolist()
    [0, 1, 2]
    """
    count = len(values)
    if count <= limit:
        return np.arange(count)
    edges = np.linspace(0, count, limit // 2 + 1).astype(np.int64)
    chosen = {0, count - 1}
    for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = values[a:b]
        finite = np.isfinite(part)
        if finite.any():
            chosen.add(a + int(np.where(finite, part, np.inf).argmin()))
            chosen.add(a + int(np.where(finite, part, -np.inf).argmax()))
        if not finite.all():
            chosen.add(a + int((~finite).argmax()))
    return np.array(sorted(chosen), np.int64)
