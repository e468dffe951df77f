"""Achieved rates against what the machine can do, as a plotly figure in plain dicts.

Source: S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for multicore
architectures", CACM 52(4), 2009.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from graphscope import units
from graphscope.view.palette import Theme, mix

LABELS = 6  # points that carry their name; more would lie on each other
SMALL, LARGE = 7.0, 30.0  # diameters in px


@dataclass(frozen=True)
class Point:
    """One op, module or line: operations per byte, operations a second, nanoseconds of a step."""

    key: str
    intensity: float
    rate: float
    time: float
    family: str = ""
    bound: str = ""
    name: str = ""
    """What is written at it; the key when empty."""


@dataclass(frozen=True)
class Roof:
    """Measured ceilings, per second: bytes copied, float32 and float64 operations."""

    copy: float
    gemm32: float
    gemm64: float


def figure(
    points: Sequence[Point],
    roof: Roof | None,
    look: Theme,
    layout: dict[str, Any],
    chosen: str | None = None,
) -> dict[str, Any]:
    """A log-log chart. What does no arithmetic, or moves nothing, has no place on it and is left out.

    Args:
        layout: what all charts of the theme share; it is not changed.
        chosen: the key of the point that is marked.
    """
    drawn = [p for p in points if drawable(p)]
    low, high = _range(drawn, roof)
    xaxis = {**layout["xaxis"], **_decades(low, high)}
    xaxis["title"] = {**layout["xaxis"]["title"], "text": "operations per byte moved"}
    ys = [p.rate for p in drawn]
    tops = ys + ([roof.gemm32, roof.gemm64] if roof is not None else [])
    bottom, top = (min(ys) / 8, max(tops) * 4) if ys else (1e6, 1e11)
    named = _named(drawn, math.log10(high / low), math.log10(top / bottom))
    data = [*_ceilings(roof, low, high, look), _dots(drawn, look, named, chosen)]
    yaxis = {**layout["yaxis"], **_decades(bottom, top), "tickformat": "~s"}
    yaxis["title"] = {**layout["yaxis"]["title"], "text": "FLOP/s"}
    plain = {
        **layout,
        "xaxis": xaxis,
        "yaxis": yaxis,
        "annotations": _names(roof, low, high, look),
        "hovermode": "closest",
        "uirevision": "roofline",
    }
    return {"data": data, "layout": plain}


def drawable(point: Point) -> bool:
    """Whether it has a place on logarithmic axes."""
    return 0 < point.intensity < math.inf and 0 < point.rate < math.inf


def _range(points: Sequence[Point], roof: Roof | None) -> tuple[float, float]:
    xs = [p.intensity for p in points]
    if roof is not None:
        xs.append(roof.gemm32 / roof.copy)  # the ridge is always in the picture
    if not xs:
        return 0.01, 100.0
    return min(xs) / 3, max(xs) * 4


def _decades(low: float, high: float) -> dict[str, Any]:
    span = math.log10(high) - math.log10(low)
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "dtick": max(1, math.ceil(span / 6)),
        "tickformat": "~g",
        "minor": {"showgrid": False},
    }


def _ceilings(roof: Roof | None, low: float, high: float, look: Theme) -> list[dict[str, Any]]:
    if roof is None:
        return []
    lines = []
    for peak, dash in ((roof.gemm64, "dot"), (roof.gemm32, "solid")):
        ridge = peak / roof.copy
        xs = [low, ridge, high] if low < ridge < high else [low, high]
        lines.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": xs,
                "y": [min(roof.copy * x, peak) for x in xs],
                "line": {"color": look.ink2, "width": 1.5, "dash": dash},
                "hoverinfo": "skip",
            }
        )
    return lines


def _names(roof: Roof | None, low: float, high: float, look: Theme) -> list[dict[str, Any]]:
    """What each ceiling is, written at it: a legend would be farther away than the line."""
    if roof is None:
        return []
    font = {"size": 11, "color": look.ink2}
    # No ground of their own: it would cover the points and the very line that is named.
    shared = {"showarrow": False, "font": font, "borderpad": 2}
    ridge = roof.gemm32 / roof.copy
    # From the left edge on, so high that the line passes below the end of the words: over the axis' numbers
    # there is no room for them.
    slope = min(low * (high / low) ** 0.34, ridge)
    return [
        {
            **shared, "x": math.log10(high), "y": math.log10(roof.gemm32), "xanchor": "right", "yanchor": "bottom",
            "text": f"float32 products, {units.flops(roof.gemm32)}/s",
        },
        {
            **shared, "x": math.log10(low), "y": math.log10(roof.copy * slope), "xanchor": "left",
            "yanchor": "bottom", "text": f"memory, {units.flops(roof.copy).removesuffix('FLOP')}B/s",
        },
    ]  # fmt: skip


def _dots(
    points: Sequence[Point], look: Theme, named: set[str], chosen: str | None
) -> dict[str, Any]:
    most = max((p.time for p in points), default=0.0) or 1.0
    colours = [look.families.get(p.family, look.value) for p in points]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [p.intensity for p in points],
        "y": [p.rate for p in points],
        "customdata": [p.key for p in points],
        "text": [escape(units.clip(p.name or p.key, 24)) if p.key in named else "" for p in points],
        "hovertext": [_hover(p) for p in points],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "textposition": "bottom center",
        "textfont": {"size": 11, "color": look.ink},
        "cliponaxis": False,
        "marker": {
            # The area says the time, so that the eye compares the right thing.
            "size": [SMALL + (LARGE - SMALL) * math.sqrt(max(p.time, 0) / most) for p in points],
            "color": [mix(look.surface, c, 0.75) for c in colours],
            "line": {
                "color": [
                    look.focus if p.key == chosen else c
                    for p, c in zip(points, colours, strict=True)
                ],
                "width": [3 if p.key == chosen else 1 for p in points],
            },
        },
    }


def _named(points: Sequence[Point], wide: float, high: float) -> set[str]:
    """The points whose names are written: the slowest, as far as their names do not lie on each other.

    wide, high: decades of the axes.
    """
    xs, ys = ([math.log10(getattr(p, name)) for p in points] for name in ("intensity", "rate"))
    taken: list[tuple[float, float, float]] = []
    out = set()
    for _, k in sorted((-p.time, k) for k, p in enumerate(points)):
        # In units of a small chart: about 400 px wide and 140 high, a sign 6 px and a line 16.
        x, y, half = (
            400 * xs[k] / wide,
            130 * ys[k] / high,
            3.0 * min(len(points[k].name or points[k].key), 24) + 4,
        )
        if all(abs(x - x2) > half + half2 or abs(y - y2) > 16 for x2, y2, half2 in taken):
            taken.append((x, y, half))
            out.add(points[k].key)
        if len(out) == LABELS:
            break
    return out


def _hover(p: Point) -> str:
    bound = f"<br>limited by {p.bound}" if p.bound else ""
    return (
        f"<b>{escape(units.clip(p.key, 60))}</b><br>{units.ns(p.time)} a step<br>"
        f"{units.number(p.intensity)} FLOP/B, {units.flops(p.rate)}/s{bound}"
    )
