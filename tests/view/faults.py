"""Everything that a picky reader of a finished figure would complain about, by measuring it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphscope.view.drawing import Cluster, Drawing, Formula, Mark, Path, Polygon, Rect, Text

Box = tuple[float, float, float, float]


def box(mark: Mark) -> Box:
    """Left, top, right, bottom."""
    if isinstance(mark, Rect):
        return mark.x, mark.y, mark.x + mark.w, mark.y + mark.h
    if isinstance(mark, Text):
        left = mark.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[mark.anchor] * mark.width
        return left, mark.y - 0.74 * mark.size, left + mark.width, mark.y + 0.2 * mark.size
    if isinstance(mark, Formula):
        return mark.x, mark.y - mark.ascent, mark.x + mark.width, mark.y + mark.descent
    assert isinstance(mark, (Path, Polygon))
    xs, ys = [x for x, _ in mark.points], [y for _, y in mark.points]
    return min(xs), min(ys), max(xs), max(ys)


def around(marks: Sequence[Mark]) -> Box:
    boxes = [box(mark) for mark in marks]
    lows = min(b[0] for b in boxes), min(b[1] for b in boxes)
    return (*lows, max(b[2] for b in boxes), max(b[3] for b in boxes))


def overlap(a: Box, b: Box, slack: float = 0.5) -> bool:
    return (
        a[0] < b[2] - slack and b[0] < a[2] - slack and a[1] < b[3] - slack and b[1] < a[3] - slack
    )


def clashes(boxes: list[tuple[Box, str]]) -> Iterator[tuple[str, str]]:
    """Pairs that overlap, by a sweep from left to right."""
    active: list[tuple[Box, str]] = []
    for here in sorted(boxes, key=lambda item: item[0][0]):
        active = [other for other in active if other[0][2] > here[0][0]]
        for other in active:
            if overlap(here[0], other[0]):
                yield other[1], here[1]
        active.append(here)


def clusters(drawing: Drawing) -> list[Cluster]:
    return [item for item in drawing.items if isinstance(item, Cluster)]


def written(marks: Sequence[Mark]) -> list[Text | Formula]:
    """The texts and formulas among marks that say anything."""
    return [m for m in marks if isinstance(m, Formula) or isinstance(m, Text) and m.text.strip()]


def faults(drawing: Drawing) -> list[str]:
    """Overlaps of cards or texts, texts that leave their box, marks that leave the page."""
    found = []
    cards = clusters(drawing)
    for a, b in clashes([(around(card.marks), card.id) for card in cards]):
        found.append(f"cards {a} and {b} overlap")
    words = [
        (box(m), m.text if isinstance(m, Text) else m.tex) for m in written([*drawing.marks()])
    ]
    for a, b in clashes(words):
        found.append(f"texts {a!r} and {b!r} overlap")
    for mark in drawing.marks():
        # The control points of a curve may lie outside; the curve does not.
        ends = (mark.points[0], mark.points[-1]) if isinstance(mark, Path) else ()
        corners = [box(mark)] if not ends else [(*p, *p) for p in ends]
        for x0, y0, x1, y1 in corners:
            if x0 < 0 or y0 < 0 or x1 > drawing.width or y1 > drawing.height:
                found.append(f"outside the page: {mark!r:.90}")
    for card in cards:
        rects = [box(m) for m in card.marks if isinstance(m, Rect) and m.fill]
        for mark in written(card.marks):
            here = box(mark)
            touched = [r for r in rects if overlap(here, r)]
            if touched and not any(
                r[0] <= here[0] and r[1] <= here[1] and here[2] <= r[2] and here[3] <= r[3]
                for r in touched
            ):
                found.append(f"cut by its box: {mark!r:.90}")
    return found
