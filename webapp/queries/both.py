"""The curves of the Compare page: one scalar of both runs on one chart, the loss first."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.view.figures import curves
from graphscope.view.palette import theme
from graphscope.webapp.queries import scalars as query
from graphscope.webapp.theme import chart_layout

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader

TAGS = 200
Series = Callable[["TraceReader"], dict[str, query.Series]]


def both_json(
    readers: list[tuple[str, TraceReader]],
    tag: str,
    look_name: str = "light",
    log: bool = False,
    marked: tuple[int, ...] = (),
    series: Series = query.series,
) -> dict[str, Any]:
    """Tags of either run, those of both first, and the figure of the one that is asked for (default: the loss).

    readers: A, then B; of two steps of one run only that run. marked: steps that get a line.
    """
    found = [(name, series(reader)) for name, reader in readers]
    every = dict.fromkeys(tag for _, tags in found for tag in tags)
    shared = [t for t in every if all(t in tags for _, tags in found)]
    tags = sorted(every, key=lambda t: (not query.is_loss(t), t not in shared, t.casefold()))[:TAGS]
    if not tags:
        return {"tags": [], "tag": "", "figure": None, "last": []}
    wanted = tag if tag in every else tags[0]
    look = theme("dark" if look_name == "dark" else "light")
    lines, last = [], []
    for place, (name, own) in enumerate(found):
        # B, what is looked at, keeps the colour that a run alone has.
        seat = len(found) - 1 - place
        mine = _of(own, wanted)
        if mine is None:
            last.append([curves.colour(look, seat, not seat), units.MISSING])
            continue
        steps, values, _ = own[mine]
        kept = query.keep(values, query.POINTS)
        y = [v if math.isfinite(v) else None for v in values[kept].tolist()]
        wild = [(steps[a] - 0.5, steps[b] + 0.5, int(steps[a])) for a, b in query.wild(values)]
        spans = [(float(a), float(b), s) for a, b, s in wild]
        x = [float(s) for s in steps[kept].tolist()]
        told = curves.Curve(name, seat, x, y, steps[kept].tolist(), (), spans, as_value=not seat)
        lines.append(told)
        last.append([curves.colour(look, seat, not seat), units.number(float(values[-1]), 4)])
    figure = curves.figure(lines, look, chart_layout(look.name), "step", log)
    # A lies below B and is drawn wider, so that equal curves are still seen as two.
    for line in figure["data"][: len(lines) - 1]:
        line["line"] = line["line"] | {"width": 3}
    figure["layout"]["shapes"] = [_mark(step, look.ink2) for step in marked]
    return {"tags": tags, "tag": wanted, "figure": figure, "last": last}


def _of(own: dict[str, query.Series], wanted: str) -> str | None:
    """The run's tag for what is wanted: a loss may be called ``loss`` here and ``train/loss`` there."""
    if wanted in own or not query.is_loss(wanted):
        return wanted if wanted in own else None
    return next((tag for tag in own if query.is_loss(tag)), None)


def _mark(step: int, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1.5, "dash": "dot"}
    return {"type": "line", "x0": step, "x1": step, "y0": 0, "y1": 1, "yref": "paper", "line": line}
