"""One scalar over the training, of one or more runs, as a plotly figure in plain dicts."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from graphscope import units
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
    word: str = "not finite"
    """What the first of these is: NaN, +Inf or -Inf."""
    origin: str = ""
    """The op in which it began, where that is known."""
    band: tuple[Sequence[float], Sequence[float]] | None = None
    """The smallest and the largest of the runs whose mean this is."""
    faded: bool = False
    """Whether the run was restarted after this part."""
    as_value: bool = False
    """Whether it has the colour of values, as a run alone has."""
    peaks: Sequence[tuple[float, float, int, bool]] = ()
    """What lies outside the range that is shown: x, value, step, whether above."""


@dataclass(frozen=True)
class Event:
    """Something that happened during the training."""

    x: float
    step: int
    kind: str
    text: str


def figure(
    curves: Sequence[Curve],
    look: Theme,
    layout: dict[str, Any],
    axis: str = "step",
    log: bool = False,
    view: tuple[float, float] | None = None,
    events: Sequence[Event] = (),
) -> dict[str, Any]:
    """The chart: each run's raw line at full strength, its average as a thin second one.

    Args:
        layout: what all charts of the theme share; it is not changed.
        view: the range of values that is shown; what lies outside is a triangle at the edge.
    """
    data = [trace for curve in curves for trace in _lines(curve, look, log)]
    bands = [_band(curve, span, look) for curve in curves for span in curve.wild]
    labels = [_label(curve, look) for curve in curves if curve.wild]
    finite = {v for trace in data for v in trace["y"] if v is not None}
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
            if max(steps) == min(steps):
                xaxis["range"] = [steps[0] - 0.5, steps[0] + 0.5]  # nor one before the first
    elif axis == "wall":
        xaxis |= {"nticks": 4, "tickangle": 0}  # a time of day is long
    yaxis = {**layout["yaxis"], "type": "log" if log else "linear", "exponentformat": "e"}
    if log:
        yaxis |= _decades(finite)
    if not finite:
        yaxis |= {"range": [0, 1], "type": "linear", "showticklabels": False}
    elif view is not None:
        low, high = _padded(*view, log)
        yaxis["range"] = [math.log10(low), math.log10(high)] if log else [low, high]
        data += [_peaks(curve, look, low, high) for curve in curves if curve.peaks]
    elif len(finite) == 1 and not log:
        yaxis["range"] = [
            *_padded(min(finite), max(finite), log)
        ]  # the library takes 1 below to 1 above
    plain = {**layout, "xaxis": xaxis, "yaxis": yaxis, "annotations": labels[:1]}
    if events:
        # Only between the first and the last point: a line beyond would stretch the axis.
        ends = [x for curve in curves if curve.x for x in (curve.x[0], curve.x[-1])]
        inside = [e for e in events if ends and min(ends) <= e.x <= max(ends)]
        plain["shapes"] = [{**_line(e, look), "name": str(events.index(e))} for e in inside]
    if bands:
        # The bands fill the height, whatever the values are: they have an axis of their own.
        # The lines' axis lies over it: a run's band must not hide another run's line.
        plain["yaxis2"] = {"range": [0, 1], "visible": False, "fixedrange": True}
        yaxis |= {"overlaying": "y2", "tickmode": "auto", "showgrid": True}
    # Zoom stays while points arrive, and is given up when the axes mean something else.
    plain["uirevision"] = f"{axis} {log} {view is not None}"
    return {"data": data + bands, "layout": plain}


def _padded(low: float, high: float, log: bool) -> tuple[float, float]:
    """The range with room for the triangles at its edges."""
    if log:
        room = (high / low) ** 0.08 if high > low else 2.0
        return low / room, high * room
    room = 0.08 * (high - low) or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _decades(values: Collection[float]) -> dict[str, Any]:
    """Ticks of a log axis. Plotly's own are up to nine a decade, in a type too small to read."""
    # A format of ours also keeps the numbers between two powers of ten at full size.
    axis: dict[str, Any] = {"tickformat": "~g"}
    if values:
        span = math.log10(max(values)) - math.log10(min(values))
        if 0.6 <= span < 3:
            axis["dtick"] = "D2"  # 1, 2 and 5 of every decade
        elif span >= 3:
            axis["dtick"] = math.ceil(span / 6)
    return axis


def colour(look: Theme, place: int, as_value: bool = False) -> str:
    """The colour of the run at ``place`` in the list of runs, or that of values.

    The seven of runs are told apart in every kind of colour vision. The value's blue is none of them, and too near
    to two of them without red or blue cones: it is for a run alone.
    """
    return look.value if as_value else look.runs[place % len(look.runs)]


def _lines(curve: Curve, look: Theme, log: bool) -> list[dict[str, Any]]:
    ink = colour(look, curve.place, curve.as_value)
    if curve.faded:
        ink = mix(look.surface, ink, 0.5)
    # One point alone makes no line: a short curve shows every point it has.
    shown = sum(v is not None for v in curve.y)
    few = shown <= 30
    name = escape(_short(curve.run))
    raw: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers" if few else "lines",
        "name": name,
        "x": list(curve.x),
        "y": _drawable(curve.y, log),
        "customdata": list(curve.steps),
        "meta": [name],
        "line": {
            "color": ink,
            "width": 1.5,
            "dash": "solid" if curve.place < len(look.runs) else "dash",
        },
        "marker": {"color": ink, "size": 4 if shown > 1 else 7},
        "connectgaps": False,
        "hovertemplate": "%{meta[0]}<br>step %{customdata:,d}<br><b>%{y}</b><extra></extra>",
    }
    if curve.band is not None:
        return [*_spread(curve, look, ink, log), raw]
    if not curve.smooth:
        return [raw]
    average = {
        "type": "scatter",
        "mode": "lines",
        "name": f"{name}, smoothed",
        "x": list(curve.x),
        "y": _drawable(curve.smooth, log),
        "line": {"color": mix(ink, look.ink, 0.65), "width": 1.25},
        "hoverinfo": "skip",
    }
    return [raw, average]


def _spread(curve: Curve, look: Theme, ink: str, log: bool) -> list[dict[str, Any]]:
    """From the smallest to the largest of a group, behind its mean."""
    assert curve.band is not None
    low, high = (_drawable(part, log) for part in curve.band)
    shared = {
        "type": "scatter",
        "mode": "lines",
        "x": list(curve.x),
        "line": {"width": 0, "color": ink},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    red, green, blue = (int(ink[k : k + 2], 16) for k in (1, 3, 5))
    fill = {"fill": "tonexty", "fillcolor": f"rgba({red},{green},{blue},0.18)"}
    return [shared | {"y": low}, shared | {"y": high} | fill]


def _drawable(values: Sequence[float | None], log: bool) -> list[float | None]:
    return [v if v is not None and not (log and v <= 0) else None for v in values]


def _peaks(curve: Curve, look: Theme, low: float, high: float) -> dict[str, Any]:
    """A triangle with its value where a peak leaves the range that is shown."""
    ink = colour(look, curve.place, curve.as_value)
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [x for x, _, _, _ in curve.peaks],
        "y": [high if above else low for _, _, _, above in curve.peaks],
        "customdata": [step for _, _, step, _ in curve.peaks],
        "text": [units.number(value) for _, value, _, _ in curve.peaks],
        "textposition": [
            "bottom right" if above else "top right" for _, _, _, above in curve.peaks
        ],
        "textfont": {"size": 11, "color": look.ink},
        "marker": {
            "symbol": [
                "triangle-up" if above else "triangle-down" for _, _, _, above in curve.peaks
            ],
            "size": 9,
            "color": ink,
        },
        "cliponaxis": False,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _line(event: Event, look: Theme) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": event.x,
        "x1": event.x,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": _ink(event, look), "width": 1, "dash": "dot"},
        "layer": "below",
    }


def _ink(event: Event, look: Theme) -> str:
    return look.states.get("paused", look.ink2) if event.kind == "finding" else look.ink2


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
        "showlegend": False,
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
        "text": f"{curve.word} from step {step:,}"
        + (f" \u00b7 {escape(curve.origin)}" if curve.origin else ""),
        "font": {"size": 11, "color": look.nonfinite},
        "bgcolor": look.surface,
        "borderpad": 3,
    }


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:40]}\u2026{name[-18:]}"
