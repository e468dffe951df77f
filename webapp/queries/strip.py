"""The step strip: the loss over the whole run, one health cell per step, and marks; bounded in size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.rates import Rates
from graphscope.trace.thinned import sentence, thinned_before

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import StepTable
    from graphscope.webapp.queries.so_far import SoFar

POINTS = 1200  # about what a screen has pixels for
CELLS = 400
MARKS = 60
CHANGES = 12
FINE, INFO, WARNING, ERROR, NONFINITE, FAILED = range(6)
_SEVERITY = {"info": INFO, "warning": WARNING, "error": ERROR}
Marked = tuple[int, int, int, str]
"""First and last step, severity, title."""


def strip_json(
    reader: TraceReader,
    so_far: SoFar | None = None,
    marked: Sequence[Marked] = (),
    rates: Rates | None = None,
) -> dict[str, Any]:
    """Loss points ``[num, loss]`` (see ``points_json``), cells ``[first, last, severity, title]`` and event marks.

    Severity: 0 fine, 1 info, 2 warning, 3 error, 4 not finite, 5 the step failed. Every run of steps
    keeps its worst: a single bad step among a million is still a visible cell.
    """
    read = reader.steps if so_far is None else lambda kind="train": so_far.steps(reader, kind)
    table, kind = read(), "train"
    if not len(table):
        table, kind = read("eval"), "eval"
    count = len(table)
    if not count:
        return {
            "kind": kind, "steps": 0, "points": [], "cells": [], "events": [], "first": 0, "last": 0,
        }  # fmt: skip
    level, titles = _levels(reader, table, marked if kind == "train" else ())
    kept = keep(table.loss, POINTS)
    points = points_json(table, kept)
    edges = np.linspace(0, count, min(count, CELLS) + 1).astype(int).tolist()
    cells: list[list[Any]] = []
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        worst = a + int(level[a:b].argmax())
        title = titles.get((worst, int(level[worst])), "") if level[worst] else ""
        # A click goes to the step that is meant, not to the first of its cell.
        cells.append([int(table.num[a]), int(table.num[b - 1]), int(level[worst]), title])
        if level[worst]:
            cells[-1].append(int(table.num[worst]))
    return {
        "kind": kind,
        "steps": count,
        "first": int(table.num[0]),
        "last": int(table.num[-1]),
        "points": points,
        "cells": cells,
        "events": _events(reader, table, (rates or Rates()).read(reader)),
        **_thinned(reader),
    }


def _thinned(reader: TraceReader) -> dict[str, Any]:
    """Before which step the run is not whole any more, and what went, if anything did."""
    header = reader.header()
    text, before = sentence(header), thinned_before(header)
    return {} if text is None else {"thinned": {"before": before, "text": text}}


def points_json(table: StepTable, kept: NDArray[np.int64]) -> list[list[Any]]:
    """``[num, loss]`` of these rows; the loss is null where it was not finite and false where there is none."""
    loss, wild = table.loss[kept], table.nonfinite[kept]
    points: list[list[Any]] = list(
        map(list, zip(table.num[kept].tolist(), loss.tolist(), strict=True))
    )
    for row in np.flatnonzero(~np.isfinite(loss)).tolist():
        points[row][1] = None if wild[row] else False
    return points


def _levels(
    reader: TraceReader, table: StepTable, marked: Sequence[Marked]
) -> tuple[NDArray[np.int8], dict[tuple[int, int], str]]:
    """The worst of each step, and what it is called, by (row, severity)."""
    level = np.zeros(len(table), np.int8)
    titles: dict[tuple[int, int], str] = {}

    def mark(a: int, b: int, severity: int, title: str) -> None:
        rows = np.arange(a, b)[level[a:b] < severity]
        level[rows] = severity
        for row in rows.tolist():
            titles[row, severity] = title

    for first, last, severity, title in marked:
        a, b = np.searchsorted(table.num, (first, last + 1)).tolist()
        mark(a, b, severity, title)
    for finding in reader.findings():
        a, b = np.searchsorted(table.num, (finding.step, finding.step + 1)).tolist()
        if finding.step >= 0:
            mark(a, b, _SEVERITY.get(finding.severity, INFO), units.clip(finding.title, 120))
    for row in np.flatnonzero(table.nonfinite).tolist():
        mark(row, row + 1, NONFINITE, "not finite")
    usual = table.status.count("ok") == len(table)  # counted in C: of a long run that is nearly all
    for row, status in enumerate(() if usual else table.status):
        if status == "failed":
            mark(row, row + 1, FAILED, "the step failed")
        elif status not in ("ok", "paused"):
            mark(row, row + 1, INFO, f"the step is {units.clip(status, 40)}")
    return level, titles


def _events(reader: TraceReader, table: StepTable, rates: Rates) -> list[dict[str, Any]]:
    """What was done to the run, where its learning rates jumped, and where its graph became another one."""
    found = [
        {
            "step": f.step,
            "kind": "control",
            "text": units.clip(str(f.data.get("text") or f.title), 200),
        }
        for f in reader.findings()
        if f.rule.startswith("control") and f.step >= 0
    ]
    found += [{"step": j.step, "kind": "lr", "text": j.text} for j in rates.jumps()]
    fresh = np.flatnonzero(np.diff(table.graph, prepend=table.graph[:1]) != 0).tolist()
    seen, changes = {int(table.graph[0])}, []
    for row in fresh:
        if int(table.graph[row]) not in seen:
            seen.add(int(table.graph[row]))
            changes.append(int(table.num[row]))
    if (
        len(changes) <= CHANGES
    ):  # a graph that is another one all the time is a finding, not an event
        found += [
            {"step": k, "kind": "graph", "text": "another graph from here on"} for k in changes
        ]
    return sorted(found, key=lambda e: e["step"])[:MARKS]


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
    finite = np.isfinite(values)
    low, high = np.where(finite, values, np.inf), np.where(finite, values, -np.inf)
    found = [
        _first(finite & (low == _of_bucket(np.minimum, low, edges)), edges),
        _first(finite & (high == _of_bucket(np.maximum, high, edges)), edges),
        _first(~finite, edges),
    ]
    return np.unique(np.concatenate([np.array([0, count - 1]), *found]))


def _of_bucket(
    best: np.ufunc, values: NDArray[np.float64], edges: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The least (or largest) value of its bucket, for every value."""
    return np.repeat(best.reduceat(values, edges[:-1]), np.diff(edges))


def _first(hit: NDArray[np.bool_], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first hit of every bucket that has one."""
    at = np.flatnonzero(hit)
    bucket = np.searchsorted(edges, at, side="right")
    return at[np.diff(bucket, prepend=-1) > 0]
