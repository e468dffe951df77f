"""The strip that names an op's family: a colour, and on paper a pattern that a photocopier keeps."""

from __future__ import annotations

from graphscope.view.drawing import Mark, Path, Rect, left_bar
from graphscope.view.palette import Theme

# Along a strip: (height of ink, height of gap) in px. Without a gap it is solid, with a gap of -1 its left
# half is; None is empty.
PATTERNS: dict[str, tuple[float, float] | None] = {
    "linalg": (1.0, 0.0), "pointwise": (1.2, 2.4), "reduce": (4.5, 2.5), "shape": None, "loss": (1.6, 1.2),
    "data": (1.2, 5.0), "other": (1.0, -1.0),
}  # fmt: skip


def bar(
    x: float, y: float, w: float, h: float, radius: float, family: str, theme: Theme
) -> list[Mark]:
    """A strip at the left edge of a card, or a swatch of the legend."""
    colour = theme.families[family]
    if not theme.patterns:
        return [left_bar(x, y, h, w, radius, colour) if h > w * 3 else Rect(x, y, w, h, 2, colour)]
    inset = max(radius - 1.0, 0.0) if h > w * 3 else 0.0
    top, tall = y + inset, h - 2 * inset
    marks: list[Mark] = []
    pattern = PATTERNS[family]
    if pattern is not None and pattern[1] == 0.0:
        return [Rect(x, top, w, tall, 0, theme.ink)]
    if pattern is not None and pattern[1] < 0:
        marks.append(Rect(x, top, w / 2, tall, 0, theme.ink))
    elif pattern is not None:
        ink, gap = pattern
        at = top
        while at + ink <= top + tall + 0.01:
            marks.append(Rect(x, at, w, ink, 0, theme.ink))
            at += ink + gap
    return [*marks, Rect(x, top, w, tall, 0, "", theme.ink, 0.6)]


def line(a: tuple[float, float], b: tuple[float, float], width: float, colour: str) -> Path:
    """A straight line."""
    dx, dy = (b[0] - a[0]) / 3, (b[1] - a[1]) / 3
    return Path((a, (a[0] + dx, a[1] + dy), (b[0] - dx, b[1] - dy), b), colour, width)
