"""Where texts and boxes of a drawing are, for tests that nothing is cut and nothing overlaps."""

from __future__ import annotations

import itertools

from graphscope.view import text as fonts
from graphscope.view.drawing import Drawing, Path, Polygon, Rect, Text

Box = tuple[float, float, float, float]


def text_box(mark: Text) -> Box:
    """The room of a line of text: from its ascenders to its descenders."""
    wide = fonts.width(mark.text, mark.size, mark.bold, mark.mono)
    left = {"start": mark.x, "middle": mark.x - wide / 2, "end": mark.x - wide}[mark.anchor]
    return left, mark.y - 0.75 * mark.size, left + wide, mark.y + 0.22 * mark.size


def overlap(a: Box, b: Box, slack: float = 0.5) -> bool:
    return (
        a[0] < b[2] - slack and b[0] < a[2] - slack and a[1] < b[3] - slack and b[1] < a[3] - slack
    )


def inside(inner: Box, outer: Box, slack: float = 0.5) -> bool:
    return (
        inner[0] >= outer[0] - slack and inner[1] >= outer[1] - slack
        and inner[2] <= outer[2] + slack and inner[3] <= outer[3] + slack
    )  # fmt: skip


def check(drawing: Drawing) -> None:
    """Every mark is on the page, and no two texts touch each other."""
    sheet = (0.0, 0.0, drawing.width, drawing.height)
    texts = []
    for mark in drawing.marks():
        if isinstance(mark, Text):
            box = text_box(mark)
            assert inside(box, sheet), (mark.text, box, sheet)
            if mark.text.strip():
                texts.append((mark.text, box))
        elif isinstance(mark, Rect):
            box = (mark.x, mark.y, mark.x + mark.w, mark.y + mark.h)
            assert mark.w >= 0 and mark.h >= 0 and inside(box, sheet), (mark, sheet)
        elif isinstance(mark, (Path, Polygon)):
            for x, y in mark.points:
                assert inside((x, y, x, y), sheet), (mark, sheet)
    for (one, a), (other, b) in itertools.combinations(texts, 2):
        assert not overlap(a, b), (one, other)
