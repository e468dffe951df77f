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
WIDE, HIGH = 300.0, 110.0  # px of a small chart: names that are apart there are apart everywhere
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


@dataclass(frozen=True)
class _Box:
    """A rectangle by its middle and half its sides, in px."""

    x: float
    y: float
    half: float
    tall: float

    def meets(self, other: _Box) -> bool:
        return (
            abs(self.x - other.x) < self.half + other.half
            and abs(self.y - other.y) < self.tall + other.tall
        )


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
    written = _names(roof, low, high, look)
    named = _named(
        drawn,
        math.log10(high / low),
        math.log10(top / bottom),
        _boxes(written, drawn, (low, high), (bottom, top)),
        _along(roof, drawn, (low, high), (bottom, top)),
    )
    data = [*_ceilings(roof, low, high, look), _dots(drawn, look, named, chosen)]
    yaxis = {**layout["yaxis"], **_decades(bottom, top), "tickformat": "~s"}
    yaxis["title"] = {**layout["yaxis"]["title"], "text": "FLOP/s"}
    plain = {
        **layout,
        "xaxis": xaxis,
        "yaxis": yaxis,
        "annotations": written,
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


def _boxes(
    written: Sequence[dict[str, Any]],
    points: Sequence[Point],
    xs: tuple[float, float],
    ys: tuple[float, float],
) -> list[_Box]:
    """Where the names of the ceilings stand, in the px that ``_named`` reckons with."""
    if not points:
        return []
    x0 = min(math.log10(p.intensity) for p in points)
    y0 = min(math.log10(p.rate) for p in points)
    wide, high = math.log10(xs[1] / xs[0]), math.log10(ys[1] / ys[0])
    # No name lies on the numbers of the axis.
    boxes = [_Box(WIDE / 2, HIGH * (math.log10(ys[0]) - y0) / high - 8, 2 * WIDE, 8.0)]
    for note in written:
        half = 3.1 * len(note["text"])
        x = WIDE * (note["x"] - x0) / wide + (-half if note["xanchor"] == "right" else half)
        boxes.append(_Box(x, HIGH * (note["y"] - y0) / high + 8, half, 7.0))
    return boxes


def _along(
    roof: Roof | None,
    points: Sequence[Point],
    xs: tuple[float, float],
    ys: tuple[float, float],
) -> list[_Box]:
    """The ceiling as a row of small boxes, in the same px: a name that a line crosses is hard to read."""
    if roof is None or not points:
        return []
    x0 = min(math.log10(p.intensity) for p in points)
    y0 = min(math.log10(p.rate) for p in points)
    wide, high = math.log10(xs[1] / xs[0]), math.log10(ys[1] / ys[0])
    boxes = []
    for k in range(int(WIDE / 10)):
        x = math.log10(xs[0]) + wide * (k + 0.5) * 10 / WIDE
        y = math.log10(min(roof.copy * 10**x, roof.gemm32))
        boxes.append(_Box(WIDE * (x - x0) / wide, HIGH * (y - y0) / high, 5.0, 1.0))
    return boxes


def _size(point: Point, most: float) -> float:
    """The diameter. The area says the time, so that the eye compares the right thing."""
    return SMALL + (LARGE - SMALL) * math.sqrt(max(point.time, 0) / most)


def _dots(
    points: Sequence[Point], look: Theme, named: dict[str, str], chosen: str | None
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
        "textposition": [named.get(p.key, "bottom center") for p in points],
        "textfont": {"size": 11, "color": look.ink},
        "cliponaxis": False,
        "marker": {
            "size": [_size(p, most) for p in points],
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


def _named(
    points: Sequence[Point],
    wide: float,
    high: float,
    taken: Sequence[_Box],
    crossed: Sequence[_Box] = (),
) -> dict[str, str]:
    """The points whose names are written, the slowest first, each with its side: where it hides neither another
    name nor another point. A point that lies under a named one has none: nobody could say whose it is.

    wide, high: decades of the axes. taken: what else is written, in the px of a small chart. crossed: what a name had
    better not lie on, but may.
    """
    x0 = min((math.log10(p.intensity) for p in points), default=0.0)
    y0 = min((math.log10(p.rate) for p in points), default=0.0)
    most = max((p.time for p in points), default=0.0) or 1.0
    dots = []
    for p in points:
        x = WIDE * (math.log10(p.intensity) - x0) / wide
        y = HIGH * (math.log10(p.rate) - y0) / high
        dots.append((x, y, _size(p, most) / 2))
    names, out = list(taken), dict[str, str]()
    for k in sorted(range(len(points)), key=lambda k: (-points[k].time, k)):
        x, y, r = dots[k]
        if any(
            math.hypot(x - u, y - v) < s for j, (u, v, s) in enumerate(dots) if points[j].key in out
        ):
            continue
        half = 3.1 * min(len(points[k].name or points[k].key), 24) + 3
        free: list[tuple[bool, int, str, _Box]] = []
        for side, dx, dy in (
            ("bottom center", 0.0, -r - 8),
            ("top center", 0.0, r + 8),
            ("middle right", r + half + 2, 0.0),
            ("middle left", -r - half - 2, 0.0),
        ):
            box = _Box(x + dx, y + dy, half, 7.0)
            others = [_Box(u, v, 0.8 * s, 0.8 * s) for j, (u, v, s) in enumerate(dots) if j != k]
            if not any(box.meets(other) for other in [*names, *others]):
                free.append((any(box.meets(other) for other in crossed), len(free), side, box))
        if free:
            _, _, side, box = min(free, key=lambda found: found[:2])
            names.append(box)
            out[points[k].key] = side
        if len(out) == LABELS:
            break
    return out


def _hover(p: Point) -> str:
    bound = f"<br>limited by {p.bound}" if p.bound else ""
    return (
        f"<b>{escape(units.clip(p.key, 60))}</b><br>{units.ns(p.time)} a step<br>"
        f"{units.number(p.intensity)} FLOP/B, {units.flops(p.rate)}/s{bound}"
    )
