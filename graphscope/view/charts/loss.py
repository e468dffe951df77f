"""The loss (or any other number) over the steps of one run or of several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graphscope import units
from graphscope.view import text as fonts
from graphscope.view.charts import axes as ax
from graphscope.view.drawing import Drawing, Mark, Rect, label, moved
from graphscope.view.palette import Theme, mix

DASHES: tuple[tuple[float, ...], ...] = ((), (7, 4), (2, 3), (9, 3, 2, 3))
FEW = 40  # up to so many points are drawn as points too
FINE = 2  # points a px, at most


@dataclass(frozen=True)
class Curve:
    """One run's numbers, one per step. What is not finite is NaN or infinite."""

    name: str
    steps: Sequence[int]
    values: Sequence[float]


def chart(
    curves: Sequence[Curve],
    look: str | Theme = "light",
    *,
    title: str = "",
    subtitle: str = "",
    of: str = "loss",
    log: bool | None = None,
    width: float = ax.WIDTH,
    height: float = ax.HEIGHT,
    font: str = "normal",
) -> Drawing:
    """A line per run, told apart by colour and dashes; where a value is not finite, a hatched band.

    ``log`` scales the upright axis by powers of ten; None decides by the values (all positive, over
    two decades). Nothing is smoothed and no peak is cut.
    """
    s = ax.style(look, font)
    finite = [v for curve in curves for v in curve.values if math.isfinite(v)]
    steps = [step for curve in curves for step in curve.steps]
    positive = bool(finite) and min(finite) > 0
    upright_log = positive and (max(finite) > 100 * min(finite) if log is None else log)
    named = len(curves) > 1
    foot, foot_height = _legend(curves, s, width) if named else ([], 0.0)
    above = s.small + 14
    needs = above + height + ax.foot_height(s) + (foot_height + 10 if named else 0)
    drawing, top = ax.page(s, width, needs, title, subtitle, of)
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if not upright_log and low > 0 and low < 0.5 * high:
        low = 0.0  # an axis that nearly reaches zero shall reach it
    low, high = ax.padded(low, high, upright_log)
    y = ax.Axis(low, high, top + above + height, top + above, of, log=upright_log)
    y.choose(s.small)
    side = max((fonts.width(t, s.small) for t in y.texts), default=0.0) + 10
    first, last = (min(steps), max(steps)) if steps else (0, 1)
    edge = 0.5 if last == first else 0.0
    x = ax.Axis(
        first - edge, last + edge, ax.MARGIN + side, width - ax.MARGIN - 6, "step", whole=True
    ).choose(s.small)
    marks = [*ax.upright(x, y, s), *ax.feet(x, y.start, s)]
    said: set[int] = set()
    for curve in curves:
        marks += _bands(curve, x, y, s, said, units.clip(curve.name, 24) if named else "")
    for place, curve in enumerate(curves):
        marks += _line(curve, x, y, colour(s.look, place), DASHES[place % len(DASHES)])
    if not steps:
        marks.append(
            label((x.start + x.stop) / 2, (y.start + y.stop) / 2, "no step has a value yet",
                     s.body, s.look.ink3, anchor="middle")
        )  # fmt: skip
    drawing.items += marks
    base = top + above + height + ax.foot_height(s) + 10
    drawing.items += [moved(mark, 0.0, base) for mark in foot]
    return drawing


def colour(look: Theme, place: int) -> str:
    """The colour of the run at ``place``, as on the dashboard: a run alone is drawn as a value."""
    return look.runs[place % len(look.runs)] if place else look.value


def thin(points: list[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most ``most`` points, the least and the largest of every stretch: no peak is lost."""
    if len(points) <= most:
        return points
    size = math.ceil(len(points) / (most // 2))
    out = []
    for k in range(0, len(points), size):
        part = points[k : k + size]
        ends = {part.index(min(part, key=_second)), part.index(max(part, key=_second))}
        out += [part[i] for i in sorted(ends)]
    return out


def _second(point: tuple[float, float]) -> float:
    return point[1]


def _line(curve: Curve, x: ax.Axis, y: ax.Axis, ink: str, dash: tuple[float, ...]) -> list[Mark]:
    marks: list[Mark] = []
    points = [
        (x.place(step), y.place(value))
        if math.isfinite(value) and (value > 0 or not y.log)
        else None
        for step, value in zip(curve.steps, curve.values, strict=True)
    ]
    piece: list[tuple[float, float]] = []
    for point in [*points, None]:
        if point is not None:
            piece.append(point)
            continue
        if len(piece) > 1:
            most = FINE * max(int(x.stop - x.start), 10)
            marks.append(ax.line(thin(piece, most), ink, 1.75, dash))
        elif piece:
            marks.append(ax.dot(*piece[0], 2.5, ink))
        piece = []
    if len(points) <= FEW:
        marks += [ax.dot(*point, 2.5, ink) for point in points if point is not None]
    return marks


def _bands(
    curve: Curve, x: ax.Axis, y: ax.Axis, s: ax.Style, said: set[int], who: str
) -> list[Mark]:
    """Where the run is not finite, over the whole height, and a word at the first such step."""
    marks: list[Mark] = []
    begin: int | None = None
    wild = [not math.isfinite(v) for v in curve.values]
    for k, bad in enumerate([*wild, False]):
        if bad and begin is None:
            begin = k
        if bad or begin is None:
            continue
        left = x.place(curve.steps[begin])
        right = max(x.place(curve.steps[min(k, len(wild) - 1)]), left + 6)
        left = min(left, x.stop - 6)
        right = min(right, x.stop)
        tall = y.start - y.stop
        marks.append(
            Rect(left, y.stop, right - left, tall, 0, mix(s.look.page, s.look.nonfinite, 0.12))
        )
        marks += ax.hatched(
            left, y.stop, right - left, tall, mix(s.look.page, s.look.nonfinite, 0.5), 8
        )
        if not said:
            said.add(begin)
            text = (
                f"{who + ': ' if who else ''}not finite from step {units.count(curve.steps[begin])}"
            )
            marks += ax.boxed(
                left + 6, y.stop + s.small + 6, text, s, s.look.nonfinite, limits=(x.start, x.stop)
            )
        begin = None
    return marks


def _legend(curves: Sequence[Curve], s: ax.Style, width: float) -> tuple[list[Mark], float]:
    entries = [
        (ax.stroke_sample(colour(s.look, k), 1.75, DASHES[k % len(DASHES)]), units.clip(c.name, 60))
        for k, c in enumerate(curves)
    ]
    return ax.legend(entries, s, ax.MARGIN + 4, 0.0, width - 2 * ax.MARGIN - 4)
