"""The drawing model: the few kinds of marks that every figure format can paint.

Coordinates are px, y downwards. A ``Cluster`` groups the marks of one card and gives them a tooltip;
painters without tooltips draw its marks one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from graphscope.view import text as fonts
from graphscope.view.level import Point

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Rect:
    x: float
    y: float
    w: float
    h: float
    radius: float = 0.0
    fill: str = ""
    stroke: str = ""
    width: float = 1.0
    dash: tuple[float, ...] = ()


@dataclass(frozen=True)
class Text:
    """One line of text; ``y`` is the baseline. ``width`` is measured, for painters that can use it."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    anchor: Anchor = "start"
    bold: bool = False
    mono: bool = False
    width: float = 0.0


@dataclass(frozen=True)
class Path:
    """A cubic spline (first point, then triples), stroked or filled."""

    points: tuple[Point, ...]
    stroke: str = ""
    width: float = 1.0
    fill: str = ""
    dash: tuple[float, ...] = ()


@dataclass(frozen=True)
class Polygon:
    points: tuple[Point, ...]
    fill: str


@dataclass(frozen=True)
class Formula:
    """Typeset mathematics: ``y`` is the baseline, ``glyphs`` are closed splines around its origin.

    ``tex`` is the source, for painters that typeset by themselves, and what a copied formula reads;
    ``plain`` says whether it holds nothing but harmless commands. ``ascent`` and ``descent`` bound it.
    """

    x: float
    y: float
    tex: str
    size: float
    colour: str
    width: float
    ascent: float
    descent: float
    glyphs: tuple[tuple[tuple[Point, ...], ...], ...]
    plain: bool = True


Mark = Rect | Text | Path | Polygon | Formula


@dataclass(frozen=True)
class Cluster:
    """The marks of one card, with its id and the text of its tooltip."""

    id: str
    title: str
    marks: tuple[Mark, ...]


@dataclass
class Drawing:
    """A whole figure of ``width`` by ``height`` px. ``scale`` is how large it wants to be shown."""

    width: float
    height: float
    background: str
    title: str = ""
    items: list[Mark | Cluster] = field(default_factory=list)
    scale: float = 1.0

    def marks(self) -> Iterator[Mark]:
        """All marks in painting order, clusters dissolved."""
        for item in self.items:
            if isinstance(item, Cluster):
                yield from item.marks
            else:
                yield item


def moved(mark: Mark, dx: float, dy: float, zoom: float = 1.0) -> Mark:
    """The mark shifted, and before that enlarged about the origin by ``zoom``."""

    def at(points: tuple[Point, ...]) -> tuple[Point, ...]:
        return tuple((x * zoom + dx, y * zoom + dy) for x, y in points)

    if isinstance(mark, Path):
        dash = tuple(d * zoom for d in mark.dash)
        return replace(mark, points=at(mark.points), width=mark.width * zoom, dash=dash)
    if isinstance(mark, Polygon):
        return replace(mark, points=at(mark.points))
    x, y = mark.x * zoom + dx, mark.y * zoom + dy
    if zoom == 1.0:
        return replace(mark, x=x, y=y)
    if isinstance(mark, Rect):
        return replace(
            mark, x=x, y=y, w=mark.w * zoom, h=mark.h * zoom, radius=mark.radius * zoom, width=mark.width * zoom,
            dash=tuple(d * zoom for d in mark.dash),
        )  # fmt: skip
    if isinstance(mark, Text):
        return replace(mark, x=x, y=y, size=mark.size * zoom, width=mark.width * zoom)
    glyphs = tuple(
        tuple(tuple((a * zoom, b * zoom) for a, b in contour) for contour in glyph)
        for glyph in mark.glyphs
    )
    return replace(
        mark, x=x, y=y, size=mark.size * zoom, width=mark.width * zoom, ascent=mark.ascent * zoom,
        descent=mark.descent * zoom, glyphs=glyphs,
    )  # fmt: skip


def label(
    x: float,
    y: float,
    text: str,
    size: float,
    colour: str,
    *,
    room: float = math.inf,
    anchor: Anchor = "start",
    bold: bool = False,
    mono: bool = False,
) -> Text:
    """A text that is cleaned, shortened to ``room`` px and measured."""
    shown = (
        fonts.clean(text) if room == math.inf else fonts.fit(text, size, room, bold=bold, mono=mono)
    )
    wide = fonts.width(shown, size, bold, mono)
    return Text(x, y, shown, size, colour, anchor, bold, mono, wide)


def left_bar(x: float, y: float, h: float, w: float, radius: float, colour: str) -> Path:
    """The strip of width ``w`` along the left edge of a rounded rectangle, following its corners."""
    rise = math.sqrt(max(radius**2 - (radius - w) ** 2, 0.0)) if w < radius else radius
    angle = math.acos(max((radius - w) / radius, 0.0)) if radius else 0.0
    k = 4 / 3 * math.tan(angle / 4) * radius
    ux, uy = math.sin(angle), math.cos(angle)
    top, bottom = y + radius - rise, y + h - radius + rise
    right = x + min(w, radius)
    points: list[Point] = [
        (right, top),
        (right - ux * k, top + uy * k),
        (x, y + radius - k),
        (x, y + radius),
    ]
    points += _line(points[-1], (x, y + h - radius))
    points += [(x, y + h - radius + k), (right - ux * k, bottom - uy * k), (right, bottom)]
    points += _line(points[-1], (right, top))
    return Path(tuple(points), fill=colour)


def _line(a: Point, b: Point) -> list[Point]:
    """A straight piece of a cubic spline, without its first point."""
    dx, dy = (b[0] - a[0]) / 3, (b[1] - a[1]) / 3
    return [(a[0] + dx, a[1] + dy), (b[0] - dx, b[1] - dy), b]


def arrow(points: Sequence[Point], width: float, colour: str) -> tuple[Path, Polygon]:
    """A line with a head whose tip is at its last point; the line ends inside the head."""
    length, half = 5.0 + 1.4 * width, 2.2 + 1.05 * width
    tip, before = points[-1], points[-2]
    for candidate in reversed(points[:-1]):
        before = candidate
        if math.dist(candidate, tip) > 1e-6:
            break
    size = math.dist(before, tip) or 1.0
    dx, dy = (tip[0] - before[0]) / size, (tip[1] - before[1]) / size
    base = (tip[0] - dx * length, tip[1] - dy * length)
    head = Polygon(
        (
            tip,
            (base[0] - dy * half, base[1] + dx * half),
            (base[0] + dy * half, base[1] - dx * half),
        ),
        colour,
    )
    neck = (tip[0] - dx * length * 0.8, tip[1] - dy * length * 0.8)
    line = [*points[:-1], neck]
    # A control point beyond the neck would make the line turn back under the head.
    if math.dist(line[-2], tip) < length:
        line[-2] = neck
    return Path(tuple(line), stroke=colour, width=width), head


def hatch(x: float, y: float, size: float, fill: str, ink: str) -> list[Mark]:
    """A small hatched square: the sign of non-finite values, told apart without its colour."""
    a, b = size * 0.12, size * 0.88
    strokes = [
        ((a, size * 0.5), (size * 0.5, a)),
        ((a, b), (b, a)),
        ((size * 0.5, b), (b, size * 0.5)),
    ]
    return _sign(x, y, size, fill, ink, strokes)


def cross(x: float, y: float, size: float, fill: str, ink: str) -> list[Mark]:
    """A small square with a cross: the sign of the op that raised."""
    a, b = size * 0.28, size * 0.72
    return _sign(x, y, size, fill, ink, [((a, a), (b, b)), ((a, b), (b, a))])


def _sign(
    x: float, y: float, size: float, fill: str, ink: str, strokes: list[tuple[Point, Point]]
) -> list[Mark]:
    marks: list[Mark] = [Rect(x, y, size, size, 3.0, fill)]
    for (ax, ay), (bx, by) in strokes:
        a, b = (x + ax, y + ay), (x + bx, y + by)
        marks.append(Path((a, *_line(a, b)), stroke=ink, width=1.4))
    return marks
