"""What every chart has: a page with a title, axes with round ticks and their unit, a legend, hatching.

A chart is a ``Drawing`` of the same marks as a graph, so it can be saved in every picture format. No text
is turned: the title of the upright axis stands over it, where it is read first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from graphscope.errors import UsageError
from graphscope.view import text as fonts
from graphscope.view.drawing import Anchor, Drawing, Mark, Path, Rect, label
from graphscope.view.level import Point
from graphscope.view.palette import Theme, mix, theme

MARGIN = 20.0
WIDTH, HEIGHT = 720.0, 300.0
TICKS = 6
TICK_GAP = 16.0  # px between the texts of two ticks
FONTS = {"normal": 1.0, "large": 1.35}


@dataclass(frozen=True)
class Style:
    """Colours and type of a chart: ``small`` for ticks, ``body`` for words, ``head`` for the title."""

    look: Theme
    zoom: float = 1.0

    @property
    def small(self) -> float:
        return 11.0 * self.zoom

    @property
    def body(self) -> float:
        return 12.0 * self.zoom

    @property
    def head(self) -> float:
        return 15.0 * self.zoom

    @property
    def grid(self) -> str:
        """The colour of grid lines: they are seen only when looked for."""
        return mix(self.look.page, self.look.line, 0.4 if self.look.name == "print" else 0.7)

    @property
    def row(self) -> float:
        """Height of a line of small text."""
        return 18.0 * self.zoom


def style(look: str | Theme = "light", font: str = "normal") -> Style:
    """The style of a theme and a size of type.

    Raises:
        UsageError: no such theme or size.
    """
    if font not in FONTS:
        raise UsageError(f"there is no font {font!r}: a figure has font='normal' or font='large'.")
    return Style(theme(look), FONTS[font])


# ---------------------------------------------------------------- ticks


def ticks(low: float, high: float, most: int = TICKS) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) between ``low`` and ``high``, at most ``most``.

    >>> ticks(0, 97, 5), ticks(-1, 1, 5)
    ([0.0, 20.0, 40.0, 60.0, 80.0], [-1.0, -0.5, 0.0, 0.5, 1.0])
    """
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (1, 2, 5, 10, 20, 50):
        step = power * factor
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            break
    return [k * step + 0.0 for k in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int = TICKS) -> list[float]:
    """Powers of ten between two positive numbers; with few of them, 1, 2 and 5 of every decade.

    >>> log_ticks(0.5, 20), log_ticks(1e-3, 1e5, 5)
    ([0.5, 1.0, 2.0, 5.0, 10.0, 20.0], [0.01, 1.0, 100.0, 10000.0])
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors, apart in (((1, 2, 5), 1), ((1, 3), 1), *(((1,), k) for k in range(1, 400))):
        found = [
            float(f"{f}e{k}")
            for k in range(first, last + 1)
            if k % apart == 0
            for f in factors
            if low * (1 - 1e-9) <= f * 10.0**k <= high * (1 + 1e-9)
        ]
        if len(found) <= most:
            break
    return found


def tick_texts(values: Sequence[float]) -> tuple[list[str], str]:
    """One notation for all ticks of an axis, and the power of ten that belongs into its title.

    >>> tick_texts([0.0, 0.5, 1.0]), tick_texts([0.0, 20000.0]), tick_texts([1000.0, 2500.0])
    ((['0', '0.5', '1.0'], ''), (['0', '2'], 'e4'), (['1,000', '2,500'], ''))
    """
    largest = max((abs(v) for v in values), default=0.0)
    power = math.floor(math.log10(largest)) if largest else 0
    shift = power if power >= 4 or power < -2 else 0
    scaled = [v / 10.0**shift for v in values]
    places = next(
        (
            p
            for p in range(12)
            if all(abs(round(v, p) - v) < 1e-7 * (abs(v) + 1e-3) for v in scaled)
        ),
        12,
    )
    texts = ["0" if v == 0 else f"{v:,.{places}f}".replace("-", "\u2212") for v in scaled]
    return texts, f"e{shift}".replace("-", "\u2212") if shift else ""


# ---------------------------------------------------------------- axes


@dataclass
class Axis:
    """A scale from values to px. ``unit`` divides the values before they are written."""

    low: float
    high: float
    start: float
    stop: float
    title: str = ""
    unit: float = 1.0
    log: bool = False
    whole: bool = False
    at: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def place(self, value: float) -> float:
        """Where a value stands, in px; what lies outside stands at the edge."""
        if self.log:
            part = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return self.start + min(max(part, 0.0), 1.0) * (self.stop - self.start)

    def choose(self, size: float) -> Axis:
        """Pick ticks whose texts leave room for each other, and write the power of ten in the title."""
        room = abs(self.stop - self.start)
        rises = self.stop < self.start
        for most in range(TICKS, 0, -1):
            if self.log:
                values = log_ticks(self.low, self.high, most)
                texts, power = [_power(v) for v in values], ""
            else:
                values = ticks(self.low / self.unit, self.high / self.unit, most)
                if self.whole:
                    values = [v for v in values if v == int(v)]
                texts, power = tick_texts(values)
            at = [v * (1.0 if self.log else self.unit) for v in values]
            ends = [
                (self.place(v), size if rises else fonts.width(t, size))
                for v, t in zip(at, texts, strict=True)
            ]
            gaps = [
                abs(b[0] - a[0]) - (a[1] + b[1]) / 2 for a, b in zip(ends, ends[1:], strict=False)
            ]
            if all(gap >= TICK_GAP for gap in gaps) or room <= 0:
                break
        self.at, self.texts = at, texts
        if power:
            self.title = f"{self.title} (\u00d71{power})"
        return self


def _power(value: float) -> str:
    if 1e-3 <= value < 1e4:
        return f"{value:,g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "\u2212")


def padded(low: float, high: float, log: bool = False) -> tuple[float, float]:
    """A range with a little air; one single value gets a range around it.

    >>> padded(3.0, 3.0), padded(0.0, 0.0)
    ((2.7, 3.3), (-1.0, 1.0))
    """
    if not high > low:
        edge = abs(low) * 0.1 or 1.0
        return (low / 2, low * 2) if log else (low - edge, high + edge)
    if log:
        air = (high / low) ** 0.04
        return low / air, high * air
    air = (high - low) * 0.04
    return (low if low == 0 else low - air), high + air


def upright(x: Axis, y: Axis, s: Style) -> list[Mark]:
    """Grid lines, ticks and the title of the upright axis, and the line at the foot of the plot."""
    look, marks = s.look, list[Mark]()
    for value, text in zip(y.at, y.texts, strict=True):
        at = y.place(value)
        marks.append(line([(x.start, at), (x.stop, at)], s.grid, 1.0))
        marks.append(
            label(x.start - 8, at + s.small * 0.36, text, s.small, look.ink2, anchor="end")
        )
    marks.append(line([(x.start, y.start), (x.stop, y.start)], look.ink3, 1.0))
    marks.append(label(x.start, y.stop - 12, y.title, s.small, look.ink2))
    return marks


def feet(x: Axis, y: float, s: Style) -> list[Mark]:
    """The ticks and the title of a level axis at height ``y``; see ``foot_height``."""
    look, marks = s.look, list[Mark]()
    for value, text in zip(x.at, x.texts, strict=True):
        at = x.place(value)
        marks.append(line([(at, y), (at, y + 4)], look.ink3, 1.0))
        marks.append(label(at, y + 6 + s.small, text, s.small, look.ink2, anchor="middle"))
    centre = (x.start + x.stop) / 2
    marks.append(label(centre, y + 12 + 2 * s.small, x.title, s.small, look.ink2, anchor="middle"))
    return marks


def foot_height(s: Style) -> float:
    """What ``feet`` needs below the axis."""
    return 16 + 2 * s.small


# ---------------------------------------------------------------- pages and pieces


def page(
    s: Style, width: float, height: float, title: str, subtitle: str, name: str = "chart"
) -> tuple[Drawing, float]:
    """An empty figure whose plot begins at the returned y; ``height`` is what the plot needs."""
    top = MARGIN + (s.head + 13 if title else 0) + (s.body + 8 if subtitle else 0)
    drawing = Drawing(width, top + height + MARGIN, s.look.page, title or name)
    room = width - 2 * MARGIN
    base = MARGIN + s.head
    if title:
        drawing.items.append(label(MARGIN, base, title, s.head, s.look.ink, bold=True, room=room))
    if subtitle:
        at = base + s.body + 8 if title else MARGIN + s.body
        drawing.items.append(label(MARGIN, at, subtitle, s.body, s.look.ink2, room=room))
    return drawing, top


def line(
    points: Sequence[Point], stroke: str, width: float = 1.0, dash: tuple[float, ...] = ()
) -> Path:
    """A line of straight pieces."""
    return Path(straight(points), stroke=stroke, width=width, dash=dash)


def area(points: Sequence[Point], fill: str) -> Path:
    """A filled outline of straight pieces."""
    return Path(straight([*points, points[0]]), fill=fill)


def straight(points: Sequence[Point]) -> tuple[Point, ...]:
    """Straight pieces as a cubic spline: what a ``Path`` holds."""
    out = [points[0]]
    for (ax, ay), (bx, by) in zip(points, points[1:], strict=False):
        dx, dy = (bx - ax) / 3, (by - ay) / 3
        out += [(ax + dx, ay + dy), (bx - dx, by - dy), (bx, by)]
    return tuple(out)


def dot(x: float, y: float, radius: float, fill: str, stroke: str = "") -> Rect:
    """A round point."""
    return Rect(x - radius, y - radius, 2 * radius, 2 * radius, radius, fill, stroke, 1.5)


def hatched(x: float, y: float, w: float, h: float, ink: str, gap: float = 6.0) -> list[Mark]:
    """Diagonal strokes inside a rectangle: what tells two areas apart without their colours."""
    marks: list[Mark] = []
    k = gap
    while k < w + h:
        a = (x + min(k, w), y + max(k - w, 0.0))
        b = (x + max(k - h, 0.0), y + min(k, h))
        marks.append(line([a, b], ink, 1.0))
        k += gap
    return marks


Sample = Callable[[float, float], list[Mark]]
"""Paints the sign of a legend's entry: 14 px wide, around the height that it is given."""


def swatch(fill: str, frame: str = "", hatching: str = "") -> Sample:
    """A small square, framed or hatched where that belongs to it."""

    def paint(x: float, y: float) -> list[Mark]:
        marks: list[Mark] = [Rect(x + 0.5, y - 4.5, 13, 9, 2, fill, frame)]
        return marks + (hatched(x + 0.5, y - 4.5, 13, 9, hatching, 4.0) if hatching else [])

    return paint


def stroke_sample(colour: str, width: float, dash: tuple[float, ...]) -> Sample:
    """A short piece of a line."""
    return lambda x, y: [line([(x - 4, y), (x + 18, y)], colour, width, dash)]


def legend(
    entries: Iterable[tuple[Sample, str]], s: Style, x: float, y: float, wide: float
) -> tuple[list[Mark], float]:
    """Entries in rows from (x, y) down, broken at ``wide`` px; and the height that they take."""
    marks: list[Mark] = []
    at, row = x, 0
    for sample, name in entries:
        text = label(0, 0, name, s.small, s.look.ink2, room=max(wide - 24, 40.0))
        need = text.width + 24
        if at + need > x + wide and at > x:
            at, row = x, row + 1
        base = y + row * s.row + s.row / 2
        marks += sample(at, base)
        marks.append(label(at + 24, base + s.small * 0.36, text.text, s.small, s.look.ink2))
        at += need + 18
    return marks, (row + 1) * s.row if marks else 0.0


def boxed(
    x: float, y: float, text: str, s: Style, colour: str, anchor: Anchor = "start",
    limits: tuple[float, float] | None = None,
) -> list[Mark]:  # fmt: skip
    """A word on a patch of page, so that lines behind it do not cross it; kept inside ``limits``."""
    wide = fonts.width(text, s.small)
    left = {"start": x, "middle": x - wide / 2, "end": x - wide}[anchor]
    if limits is not None:
        left = max(min(left, limits[1] - wide - 4), limits[0] + 4)
    back = Rect(left - 4, y - s.small * 0.36 - 8 * s.zoom, wide + 8, 16 * s.zoom, 4, s.look.page)
    return [back, label(left, y, text, s.small, colour)]
