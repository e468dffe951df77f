"""The roofline of the Ops page: rates of one step against the ceilings, and in words what limits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.aggregate import GROUPS
from graphscope.analysis.ceilings import Ceilings
from graphscope.analysis.roofline import Roofline, roofline
from graphscope.analysis.tabular import plain
from graphscope.errors import TraceError, UsageError
from graphscope.trace.host import host
from graphscope.view.figures.roofline import Point, Roof, drawable, figure
from graphscope.view.palette import theme
from graphscope.webapp.queries.graph import look
from graphscope.webapp.queries.ops import families
from graphscope.webapp.theme import chart_layout

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader

POINTS = 400


def roof_json(
    reader: TraceReader,
    by: str = "op",
    num: int | None = None,
    look_name: str = "light",
    ceilings: Ceilings | None = None,
) -> dict[str, Any]:
    """The figure, and per group what limits it. A trace without costs gives a sentence instead.

    Raises: TraceError when there is no such step or grouping.
    """
    if by not in GROUPS:
        raise TraceError("There is no such table.")
    step = look(reader, num)
    if step.status != "ok":
        # Half a step says little: the last whole one, if there is one.
        table = reader.steps(step.kind)
        whole = np.flatnonzero(table.ended("ok")).tolist()
        step = reader.step(int(table.num[whole[-1]]), step.kind) if whole else step
    try:
        found = roofline(reader, by, step.num, step.kind, ceilings=ceilings)
    except UsageError as error:
        return {"by": by, "step": step.num, "note": str(error), "figure": None, "rows": {}}
    points = _points(reader, found, step.graph, by)
    drawn = [p for p in points if drawable(p)]
    colours = theme("dark" if look_name == "dark" else "light")
    roof = found.ceilings
    shown = None if roof is None else Roof(roof.copy, roof.gemm32, roof.gemm64)
    return {
        "by": by,
        "step": found.step,
        "note": _note(found, len(points) - len(drawn), reader.header().get("host", "")),
        "figure": figure(points, shown, colours, chart_layout(colours.name)) if drawn else None,
        "rows": {row.key: [row.bound, plain(row.fraction)] for row in found.rows},
    }


def _points(reader: TraceReader, found: Roofline, graph_id: int, by: str) -> list[Point]:
    known = families(reader, np.array([graph_id])) if by in ("op", "shape") else {}
    out = []
    # A module is on the chart as the sum of what is in it only if nothing of it stands there already.
    inner = (
        {row.key.rpartition(".")[0] for row in found.rows} | {"(top)"} if by == "scope" else set()
    )
    for row in [row for row in found.rows if row.key not in inner][:POINTS]:
        family = known.get(row.key.removeprefix("\u2202").partition(" ")[0], "")
        # Of a module its last name, as in the bars beside: paths begin alike, and there is no room for them.
        name = f"\u2026{row.key.rpartition('.')[2]}" if by == "scope" and "." in row.key else ""
        out.append(Point(row.key, row.intensity, row.flops_s, row.time, family, row.bound, name))
    return out


def _note(found: Roofline, left_out: int, made_on: str) -> str:
    c = found.ceilings
    if c is None:
        text = "The ceilings of this device were not measured."
    else:
        # The two rates stand at their lines.
        text = (
            f"Measured on this machine: below {units.number(c.ridge)} FLOP/B memory is the limit."
        )
        # The ceilings are measured where the page is served: of a run that came by mail they say little.
        if made_on and made_on != host():
            text += f" But the run was made on another: {units.clip(made_on, 80)}."
        elif not made_on:
            text += " Its file does not say where the run was made."
    if left_out:
        do = "does" if left_out == 1 else "do"
        text += f" {units.count(left_out)} without arithmetic {do} not appear."
    return text
