"""Many pictures of one layout as little data: every mark once, every frame as what changes.

A frame is painted in a light and in a dark theme; marks that differ in their colours only become one mark
whose colours are pairs. A *slot* is a place in the painting order (a card, or a single loose mark), a
*variant* is what stands there: a card without numbers, with its value, with its gradient too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
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
    _marks: dict[tuple[Mark, Mark], tuple[int, ...]] = field(default_factory=dict)
    elements: list[Element] = field(default_factory=list)

    def add(self, light: Drawing, dark: Drawing) -> dict[Any, int]:
        """Take in a picture, painted in two themes. Returns the variant of every slot that it fills."""
        self.width, self.height = max(self.width, light.width), max(self.height, light.height)
        self._colour(light.background, dark.background)
        if len(light.items) != len(dark.items):
            raise UsageError("the two themes of this figure differ in more than their colours")
        state: dict[Any, int] = {}
        seen: Counter[Any] = Counter()
        before = None
        for one, other in zip(light.items, dark.items, strict=True):
            name: Any = ("card", one.id) if isinstance(one, Cluster) else one
            seen[name] += 1
            key = (name, seen[name])
            slot = self.slots.get(key)
            if slot is None:
                slot = self.slots[key] = Slot(one.id if isinstance(one, Cluster) else "")
                self.order.insert(self.order.index(before) + 1 if before is not None else 0, key)
            before = key
            variant = tuple(self._places(one, other))
            state[key] = slot.variants.setdefault(variant, len(slot.variants))
        return state

    def _places(self, one: Mark | Cluster, other: Mark | Cluster) -> Iterator[int]:
        a = one.marks if isinstance(one, Cluster) else (one,)
        b = other.marks if isinstance(other, Cluster) else (other,)
        if len(a) != len(b):
            raise UsageError("the two themes of this figure differ in more than their colours")
        for light, dark in zip(a, b, strict=True):
            found = self._marks.get((light, dark))
            if found is None:
                first = len(self.elements)
                self.elements += self._elements(light, dark)
                found = self._marks[light, dark] = tuple(range(first, len(self.elements)))
            yield from found

    def _colour(self, light: str, dark: str) -> int:
        if not light:
            return -1
        return self.colours.setdefault((light, dark or light), len(self.colours))

    def _elements(self, mark: Mark, dark: Mark) -> Iterator[Element]:
        known = {f.name for f in fields(mark)}
        pair = {
            name: self._colour(getattr(mark, name), getattr(dark, name))
            for name in _COLOURS
            if name in known
        }
        fill, stroke = pair.get("fill", -1), pair.get("stroke", -1)
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
            yield ["text", _text(mark), pair["colour"], -1, mark.text]
        else:
            outline = "".join(
                _spline([(x + mark.x, y + mark.y) for x, y in contour], True)
                for glyph in mark.glyphs
                for contour in glyph
                if len(contour) > 3
            )
            yield ["path", {"d": outline}, pair["colour"], -1, ""]
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


