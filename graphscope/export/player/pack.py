"""Many pictures of one layout as little data: every mark once, every frame as what changes.

A frame is painted in a light and in a dark theme; marks that differ in their colours only become one mark
whose colours are pairs. A *slot* is a place in the painting order (a card, or a single loose mark), a
*variant* is what stands there: a card without numbers, with its value, with its gradient too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from graphscope.errors import UsageError
from graphscope.export.svg import _n as num
from graphscope.view import text as fonts
from graphscope.view.drawing import Cluster, Drawing, Formula, Mark, Path, Polygon, Rect, Text
from graphscope.view.level import Point

_COLOURS = ("fill", "stroke", "colour")
Element = list[Any]  # [tag, attributes, fill, stroke, text]; colours are places in Pack.colours, or -1


@dataclass
class Slot:
    """``card`` is the id of the card that it paints, ``variants`` are lists of places in ``Pack.marks``."""

    card: str = ""
    variants: dict[tuple[int, ...], int] = field(default_factory=dict)


@dataclass
class Pack:
    """Collects pictures. ``order`` is the painting order of the slots."""

    width: float = 0.0
    height: float = 0.0
    colours: dict[tuple[str, str], int] = field(default_factory=dict)
    slots: dict[Any, Slot] = field(default_factory=dict)
    order: list[Any] = field(default_factory=list)
    _marks: dict[tuple[Mark, ...], tuple[int, ...]] = field(default_factory=dict)
    _dark: dict[str, str] = field(default_factory=dict)
    _at: dict[Any, int] = field(default_factory=dict)
    elements: list[Element] = field(default_factory=list)

    def add(self, light: Drawing, dark: Callable[[], Drawing]) -> dict[Any, int]:
        """Take in a picture, and paint it in the dark theme too where colours have to be compared.

        Returns the variant of every slot that it fills.
        """
        self.width, self.height = max(self.width, light.width), max(self.height, light.height)
        if not self._knows(light):
            self._compare(light, dark())
        state: dict[Any, int] = {}
        seen: Counter[Any] = Counter()
        at = -1
        for item in light.items:
            name: Any = ("card", item.id) if isinstance(item, Cluster) else item
            seen[name] += 1
            key = (name, seen[name])
            slot = self.slots.get(key)
            if slot is None:
                slot = self.slots[key] = Slot(item.id if isinstance(item, Cluster) else "")
                self.order.insert(at + 1, key)
                self._at = {k: i for i, k in enumerate(self.order)} if at + 2 < len(self.order) else self._at
                self._at[key] = at + 1
            at = self._at[key]
            marks = item.marks if isinstance(item, Cluster) else (item,)
            variant = tuple(place for group in _bars(marks) for place in self._places(group))
            state[key] = slot.variants.setdefault(variant, len(slot.variants))
        return state

    def _knows(self, light: Drawing) -> bool:
        """Whether the dark colours of a picture follow from those that were compared already."""
        return not self._unclear and all(
            colour in self._dark for mark in light.marks() for colour in _colours(mark)
        )

    def _compare(self, light: Drawing, dark: Drawing) -> None:
        one, other = list(light.marks()), list(dark.marks())
        if [type(m) for m in one] != [type(m) for m in other]:
            raise UsageError("the two themes of this figure differ in more than their colours")
        pairs = [(light.background, dark.background)]
        for a, b in zip(one, other, strict=True):
            pairs += zip(_colours(a), _colours(b), strict=True)
        for shade, dark_shade in pairs:
            # where one light colour has two dark ones, the first is as good as any on its background
            self._dark.setdefault(shade, dark_shade)

    def _places(self, marks: tuple[Mark, ...]) -> tuple[int, ...]:
        found = self._marks.get(marks)
        if found is None:
            first = len(self.elements)
            self.elements += self._bars(marks) if len(marks) > 1 else self._elements(marks[0])
            found = self._marks[marks] = tuple(range(first, len(self.elements)))
        return found

    def _bars(self, marks: tuple[Mark, ...]) -> list[Element]:
        """Bars of one colour side by side as one element: a histogram is a dozen of them."""
        boxes = [m for m in marks if isinstance(m, Rect)]
        path = "".join(f"M{num(m.x)},{num(m.y)}h{num(m.w)}v{num(m.h)}h{num(-m.w)}z" for m in boxes)
        return [["path", {"d": path}, self._colour(boxes[0].fill), -1, ""]]

    def _colour(self, light: str) -> int:
        if not light:
            return -1
        return self.colours.setdefault((light, self._dark.get(light, light)), len(self.colours))

    def _elements(self, mark: Mark) -> Iterator[Element]:
        fill = self._colour(getattr(mark, "fill", ""))
        stroke = self._colour(getattr(mark, "stroke", ""))
        ink = self._colour(getattr(mark, "colour", ""))
        line: dict[str, str] = {}
        if isinstance(mark, (Rect, Path)) and stroke >= 0:
            line["stroke-width"] = num(mark.width)
            if mark.dash:
                line["stroke-dasharray"] = " ".join(num(d) for d in mark.dash)
        if isinstance(mark, Rect):
            box = {"x": num(mark.x), "y": num(mark.y), "width": num(mark.w), "height": num(mark.h)}
            if mark.radius:
                box["rx"] = num(min(mark.radius, mark.w / 2, mark.h / 2))
            yield ["rect", {**box, **line}, fill, stroke, ""]
        elif isinstance(mark, Path):
            yield ["path", {"d": _spline(mark.points, bool(mark.fill)), **line}, fill, stroke, ""]
        elif isinstance(mark, Polygon):
            points = " ".join(_point(p) for p in mark.points)
            yield ["polygon", {"points": points}, fill, -1, ""]
        elif isinstance(mark, Text):
            yield ["text", _text(mark), ink, -1, mark.text]
        else:
            outline = "".join(
                _spline([(x + mark.x, y + mark.y) for x, y in contour], True)
                for glyph in mark.glyphs
                for contour in glyph
                if len(contour) > 3
            )
            yield ["path", {"d": outline}, ink, -1, ""]
            yield ["text", _hidden(mark), -1, -1, fonts.clean(mark.tex)]

    # ---------------------------------------------------------------- as data

    def rows(self, states: list[dict[Any, int]]) -> list[list[int]]:
        """The variant of every slot, -1 where it is empty, for every state."""
        return [[state.get(key, -1) for key in self.order] for state in states]

    def table(self) -> list[list[list[int]]]:
        """The variants of every slot, in painting order."""
        return [[list(v) for v in self.slots[key].variants] for key in self.order]

    def cards(self) -> list[str]:
        """The id of the card that each slot paints, or an empty text."""
        return [self.slots[key].card for key in self.order]


def changes(before: list[int], after: list[int]) -> list[int]:
    """What differs, as slot, variant, slot, variant, ..."""
    out: list[int] = []
    for slot, (a, b) in enumerate(zip(before, after, strict=True)):
        if a != b:
            out += [slot, b]
    return out


def _colours(mark: Mark) -> Iterator[str]:
    for name in _COLOURS:
        yield str(getattr(mark, name, ""))


def _bars(marks: tuple[Mark, ...]) -> Iterator[tuple[Mark, ...]]:
    """The marks one by one, but plain boxes of one colour in a row together."""
    run: list[Mark] = []
    for mark in marks:
        plain = isinstance(mark, Rect) and mark.fill and not (mark.radius or mark.stroke)
        if run and not (plain and mark.fill == getattr(run[0], "fill", "")):  # type: ignore[union-attr]
            yield tuple(run)
            run = []
        if plain:
            run.append(mark)
        else:
            yield (mark,)
    if run:
        yield tuple(run)


def _text(mark: Text) -> dict[str, str]:
    told = {"x": num(mark.x), "y": num(mark.y), "font-size": num(mark.size)}
    kinds = ("mono " if mark.mono else "") + ("bold" if mark.bold else "")
    if kinds:
        told["class"] = kinds.strip()
    if mark.anchor != "start":
        told["text-anchor"] = mark.anchor
    return told


def _hidden(mark: Formula) -> dict[str, str]:
    """The source of a formula under its outlines: it can be selected and is read aloud."""
    return {
        "x": num(mark.x), "y": num(mark.y), "font-size": num(mark.size), "opacity": "0",
        "textLength": num(mark.width), "lengthAdjust": "spacingAndGlyphs",
    }  # fmt: skip


def _spline(points: Any, closed: bool) -> str:
    first, *rest = points
    return f"M{_point(first)} C{' '.join(_point(p) for p in rest)}{'Z' if closed else ''}"


def _point(point: Point) -> str:
    return f"{num(point[0])},{num(point[1])}"


