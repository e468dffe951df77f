"""One scalar over the training, of one or more runs, as a plotly figure in plain dicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from graphscope.view.palette import Theme, mix

AXIS_TITLES = {"step": "step", "relative": "seconds since the run began", "wall": "time of day"}


@dataclass(frozen=True)
class Curve:
    """One run's part of a chart. ``None`` in a column is a point that is not finite."""

    run: str
    place: int
    """Its place in the list of runs, which gives its colour on every card."""
    x: Sequence[float]
    y: Sequence[float | None]
    steps: Sequence[int]
    smooth: Sequence[float | None] = ()
    """The smoothed values at the same points; empty when not asked for."""
    wild: Sequence[tuple[float, float, int]] = ()
    """Where it is not finite: from x, to x, first step."""


def figure(
    curves: Sequence[Curve],
    look: Theme,
    layout: dict[str, Any],
    axis: str = "step",
    log: bool = False,
) -> dict[str, Any]:
    """The chart: each run's raw line at full strength, its average as a thin second one.

    Args:
        layout: what all charts of the theme share; it is not changed.
    """
    data = [trace for curve in curves for trace in _lines(curve, look, log)]
    bands = [_band(curve, span, look) for curve in curves for span in curve.wild]
    labels = [_label(curve, look) for curve in curves if curve.wild]
    finite = any(v is not None for trace in data for v in trace["y"])
    steps = [step for curve in curves for step in curve.steps]
    xaxis = {
        **layout["xaxis"],
        "title": {**layout["xaxis"]["title"], "text": AXIS_TITLES[axis]},
        "type": "date" if axis == "wall" else "linear",
    }
    if axis == "step":
        xaxis["tickformat"] = ",~r"
        if steps and max(steps) - min(steps) <= 6:
            xaxis["dtick"] = 1  # there is no step 0.5
    yaxis = {**layout["yaxis"], "type": "log" if log else "linear", "exponentformat": "e"}
    if log:
        yaxis |= _decades([v for trace in data for v in trace["y"] if v is not None])
    if not finite:
        yaxis |= {"range": [0, 1], "type": "linear", "showticklabels": False}
    plain = {**layout, "xaxis": xaxis, "yaxis": yaxis, "annotations": labels[:1]}
    if bands:
        # The bands fill the height, whatever the values are: they have an axis of their own.
        # The lines' axis lies over it: a run's band must not hide another run's line.
        plain["yaxis2"] = {"range": [0, 1], "visible": False, "fixedrange": True}
        yaxis |= {"overlaying": "y2", "tickmode": "auto", "showgrid": True}
    # Zoom stays while points arrive, and is given up when the axes mean something else.
    plain["uirevision"] = f"{axis} {log}"
    return {"data": data + bands, "layout": plain}


def _decades(values: Sequence[float]) -> dict[str, Any]:
    """Ticks of a log axis. Plotly's own are up to nine a decade, in a type too small to read."""
    # A format of ours also keeps the numbers between two powers of ten at full size.
    axis: dict[str, Any] = {"tickformat": "~g"}
    if values:
        span = math.log10(max(values)) - math.log10(min(values))
        if 1 <= span < 3:
            axis["dtick"] = "D2"  # 1, 2 and 5 of every decade
        elif span >= 3:
            axis["dtick"] = math.ceil(span / 6)
    return axis


def colour(look: Theme, place: int) -> str:
    """The colour of the run at ``place`` in the list of runs; a run alone is drawn as a value."""
    return look.runs[place % len(look.runs)] if place else look.value


def _lines(curve: Curve, look: Theme, log: bool) -> list[dict[str, Any]]:
    ink = colour(look, curve.place)
    # One point alone makes no line: a short curve shows every point it has.
    few = sum(v is not None for v in curve.y) <= 30
    raw: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers" if few else "lines",
        "x": list(curve.x),
        "y": _drawable(curve.y, log),
        "customdata": list(curve.steps),
        "meta": [escape(_short(curve.run))],
        "line": {
            "color": ink,
            "width": 1.5,
            "dash": "solid" if curve.place < len(look.runs) else "dash",
        },
        "marker": {"color": ink, "size": 4},
        "connectgaps": False,
        "hovertemplate": "%{meta[0]}<br>step %{customdata:,d}<br><b>%{y}</b><extra></extra>",
    }
    if not curve.smooth:
        return [raw]
    average = {
        "type": "scatter",
        "mode": "lines",
        "x": list(curve.x),
        "y": _drawable(curve.smooth, log),
        "line": {"color": mix(ink, look.ink, 0.65), "width": 1.25},
        "hoverinfo": "skip",
    }
    return [raw, average]


def _drawable(values: Sequence[float | None], log: bool) -> list[float | None]:
    return [v if v is not None and not (log and v <= 0) else None for v in values]


def _band(curve: Curve, span: tuple[float, float, int], look: Theme) -> dict[str, Any]:
    """A hatched band over a stretch that is not finite."""
    begin, end, _ = span
    return {
        "type": "bar",
        "x": [(begin + end) / 2],
        "width": [end - begin],
        "y": [1],
        "yaxis": "y2",
        "hoverinfo": "skip",
        "marker": {
            "line": {"width": 0},
            "pattern": {
                "shape": "/",
                "size": 7,
                "solidity": 0.3,
                "fgcolor": mix(look.surface, look.nonfinite, 0.55),
                "bgcolor": mix(look.surface, look.nonfinite, 0.15),
            },
        },
    }


def _label(curve: Curve, look: Theme) -> dict[str, Any]:
    begin, _, step = curve.wild[0]
    return {
        "x": begin,
        "y": 1,
        "xref": "x",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "top",
        "showarrow": False,
        "text": f"not finite from step {step:,}",
        "font": {"size": 11, "color": look.nonfinite},
        "bgcolor": look.surface,
        "borderpad": 3,
    }


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:40]}\u2026{name[-18:]}"
