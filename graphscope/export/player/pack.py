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

# marks with what their colours are in the dark theme
Inked = tuple[tuple[Mark, tuple[str, ...]], ...]
Element = list[
    Any
]  # [tag, attributes, fill, stroke, text]; colours are places in Pack.colours, or -1


@dataclass
class Slot:
    """``card`` is the id of the card that it paints, ``variants`` are lists of places in ``Pack.marks``."""

    card: str = ""
    variants: dict[tuple[int, ...], int] = field(default_factory=dict)


@dataclass
class Pack:
    """Collects pictures. ``order`` is the painting order of the slots, ``outlines`` are shapes of formulas."""

    width: float = 0.0
    height: float = 0.0
    colours: dict[tuple[str, str], int] = field(default_factory=dict)
    slots: dict[Any, Slot] = field(default_factory=dict)
    order: list[Any] = field(default_factory=list)
    _marks: dict[Inked, tuple[int, ...]] = field(default_factory=dict)
    _dark: dict[str, str] = field(default_factory=dict)
    _clear: bool = True
    _at: dict[Any, int] = field(default_factory=dict)
    elements: list[Element] = field(default_factory=list)
    outlines: dict[str, int] = field(default_factory=dict)

    def add(self, light: Drawing, dark: Callable[[], Drawing]) -> dict[Any, int]:
        """Take in a picture; ``dark`` paints it in the other theme, where that has to be looked at.

        Returns the variant of every slot that it fills.
        """
        self.width, self.height = max(self.width, light.width), max(self.height, light.height)
        inks = self._inks(light, dark)
        state: dict[Any, int] = {}
        seen: Counter[Any] = Counter()
        at = -1
        for item in light.items:
            name: Any = ("card", item.id) if isinstance(item, Cluster) else item
            seen[name] += 1
            key = (name, seen[name])
            if key not in self.slots:
                self.slots[key] = Slot(item.id if isinstance(item, Cluster) else "")
                self.order.insert(at + 1, key)
                self._at = {k: i for i, k in enumerate(self.order)}
            at = self._at[key]
            marks = item.marks if isinstance(item, Cluster) else (item,)
            inked = [(mark, next(inks)) for mark in marks]
            variant = tuple(place for group in _grouped(inked) for place in self._places(group))
            slot = self.slots[key]
            state[key] = slot.variants.setdefault(variant, len(slot.variants))
        return state

    def compare(self, light: Drawing, dark: Drawing) -> list[tuple[str, ...]]:
        """Learn which dark colour stands for which light one. Returns the dark colours of every mark."""
        one, other = list(light.marks()), list(dark.marks())
        if [type(m) for m in one] != [type(m) for m in other]:
            raise UsageError("the two themes of this figure differ in more than their colours")
        told = [_colours(mark) for mark in other]
        for a, b in zip(map(_colours, one), told, strict=True):
            for shade, dark_shade in zip(a, b, strict=True):
                # one light colour for two dark ones: from now on every picture is painted twice
                self._clear &= _near(self._dark.setdefault(shade, dark_shade), dark_shade)
        return told

    def _inks(self, light: Drawing, dark: Callable[[], Drawing]) -> Iterator[tuple[str, ...]]:
        shades = [_colours(mark) for mark in light.marks()]
        if self._clear and all(shade in self._dark for told in shades for shade in told):
            return (tuple(self._dark[shade] for shade in told) for told in shades)
        return iter(self.compare(light, dark()))

    def _places(self, group: Inked) -> tuple[int, ...]:
        found = self._marks.get(group)
        if found is None:
            first = len(self.elements)
            self.elements += self._bars(group) if len(group) > 1 else self._elements(*group[0])
            found = self._marks[group] = tuple(range(first, len(self.elements)))
        return found

    def _bars(self, group: Inked) -> list[Element]:
        """Bars of one colour as one element: a histogram is a dozen of them, each a thick line upwards."""
        boxes = [mark for mark, _ in group if isinstance(mark, Rect)]
        first, dark = boxes[0], group[0][1][0]
        colour = self._colour(first.fill, dark)
        if any(num(b.w) != num(first.w) or num(b.y + b.h) != num(first.y + first.h) for b in boxes):
            path = "".join(
                f"M{num(b.x)},{num(b.y)}h{num(b.w)}v{num(b.h)}h{num(-b.w)}z" for b in boxes
            )
            return [["path", {"d": path}, colour, -1, ""]]
        path = f"M{num(first.x + first.w / 2)},{num(first.y + first.h)}v{num(-first.h)}"
        for before, bar in zip(boxes, boxes[1:], strict=False):
            path += f"m{num(bar.x - before.x)},{num(before.h)}v{num(-bar.h)}"
        return [["path", {"d": path, "stroke-width": num(first.w)}, -1, colour, ""]]

    def _colour(self, light: str, dark: str) -> int:
        return self.colours.setdefault((light, dark), len(self.colours)) if light else -1

    def _elements(self, mark: Mark, dark: tuple[str, ...]) -> Iterator[Element]:
        fill, stroke, ink = map(self._colour, _colours(mark), dark)
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
            known = self.outlines.setdefault(_outline(mark), len(self.outlines))
            place = {"href": f"#g{known}", "x": num(mark.x), "y": num(mark.y)}
            yield ["use", place, ink, -1, ""]
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


def _colours(mark: Mark) -> tuple[str, ...]:
    return tuple(str(getattr(mark, name, "")) for name in ("fill", "stroke", "colour"))


def _near(one: str, other: str) -> bool:
    """Equal but for the rounding of a colour scale."""
    if one == other or not (one and other):
        return one == other
    return all(abs(int(one[k : k + 2], 16) - int(other[k : k + 2], 16)) < 6 for k in (1, 3, 5))


def _grouped(marks: list[tuple[Mark, tuple[str, ...]]]) -> Iterator[Inked]:
    """The marks one by one, but plain boxes of one colour in a row together."""
    run: Inked = ()
    for mark, dark in marks:
        plain = isinstance(mark, Rect) and mark.fill and not (mark.radius or mark.stroke)
        if run and not (plain and _colours(mark) == _colours(run[0][0])):
            yield run
            run = ()
        if plain:
            run = (*run, (mark, dark))
        else:
            yield ((mark, dark),)
    if run:
        yield run


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


def _outline(formula: Formula) -> str:
    """The glyphs of a formula around its origin, in steps of a hundredth px, each relative to the last point."""
    out = []
    for contour in (contour for glyph in formula.glyphs for contour in glyph if len(contour) > 3):
        whole = [(round(x * 100), round(y * 100)) for x, y in contour]
        x, y = whole[0]
        out.append(f"M{x} {y}c")
        steps = []
        for k in range(1, len(whole) - 2, 3):
            for to in whole[k : k + 3]:
                steps += [to[0] - x, to[1] - y]
            x, y = whole[k + 2]
        out.append(" ".join(map(str, steps)).replace(" -", "-") + "z")
    return "".join(out)


def _spline(points: Any, closed: bool) -> str:
    first, *rest = points
    return f"M{_point(first)} C{' '.join(_point(p) for p in rest)}{'Z' if closed else ''}"


def _point(point: Point) -> str:
    return f"{num(point[0])},{num(point[1])}"
