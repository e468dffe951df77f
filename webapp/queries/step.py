"""What is known of one step as a whole: the inspector shows it while no card is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.steps import peak_bytes, step_flops
from graphscope.webapp.queries.batch import batch_size
from graphscope.webapp.queries.home import parts_of, rows_of
from graphscope.webapp.queries.scalars import Series, is_loss

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import StepTable
    from graphscope.webapp.queries.so_far import SoFar

TAGS = 12


def step_json(
    reader: TraceReader, so_far: SoFar, series: Mapping[str, Series], num: int | None
) -> dict[str, Any]:
    """``{step, kind, status, facts, parts, scalars}`` of a step (the newest one without a number), as texts.

    ``step`` is None where there is none yet; a number between two recorded steps means the one before it.
    """
    table, kind = so_far.steps(reader), "train"
    if not len(table):
        table, kind = so_far.steps(reader, "eval"), "eval"
    if not len(table):
        return {"step": None}
    before = np.flatnonzero(table.num <= num) if num is not None else ()
    k = int(before[-1]) if len(before) else 0 if num is not None else len(table) - 1
    one = rows_of(table, np.array([k]))
    at = int(one.num[0])
    return {
        "step": at,
        "kind": kind,
        "status": one.status[0],
        "facts": _facts(reader, one, kind),
        "parts": parts_of(reader, one, kind),
        "scalars": _scalars(series, at),
    }


def _facts(reader: TraceReader, one: StepTable, kind: str) -> list[tuple[str, str]]:
    graph = reader.graph(int(one.graph[0]))
    loss = float(one.loss[0])
    facts = []
    if np.isfinite(loss) or one.nonfinite[0]:
        facts.append(("loss", units.loss(loss)))
    facts += [("wall time", units.ns(float(one.wall_ns[0]))), ("ops", units.count(graph.n))]
    flops = float(step_flops(reader, one)[0])
    if flops > 0:  # NaN where the trace does not say
        facts.append(("arithmetic", units.flops(flops)))
    peak = int(peak_bytes(reader, one, kind)[0])
    if peak:
        facts.append(("memory at the peak", units.bytes_(peak)))
    size = batch_size(reader, int(one.shape_set[0]), graph.id)
    if size:
        facts.append(("samples", units.count(size)))
    return facts


def _scalars(series: Mapping[str, Series], at: int) -> list[tuple[str, str, int]]:
    """Tag, value, and the step that it was logged at: the last one up to this step."""
    found = []
    for tag, (steps, values, _) in series.items():
        before = np.flatnonzero(steps <= at)
        if not len(before) or len(found) == TAGS:
            continue
        # Of a run that began again the last row is not the newest step.
        row = int(before[np.argmax(steps[before] + before / (len(steps) + 1.0))])
        text = units.loss if is_loss(tag) else units.number
        found.append((units.clip(tag, 80), text(float(values[row])), int(steps[row])))
    return found
