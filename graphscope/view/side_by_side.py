"""A ``Pair`` as a drawing: two panels, the same places in both, signs at what differs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from graphscope.view import text as fonts
from graphscope.view.card import card
from graphscope.view.charts import axes as ax
from graphscope.view.drawing import (
    Cluster,
    Drawing,
    Mark,
    Rect,
    arrow,
    label,
    moved,
)
from graphscope.view.pair import CHANGED, Half, Pair
from graphscope.view.palette import Theme, mix
from graphscope.view.visible import Node

GAP = 56.0
WIDEST = 2400.0
"""Two panels that would be wider than this stand one above the other."""
BADGE = 18.0
SHOW = ("name", "op", "shape", "value", "grad")


def paint(
    pair: Pair,
    numbers: Sequence[Mapping[str, Mapping[str, Any]] | None],
    names: tuple[str, str],
    look: str | Theme = "light",
    *,
    title: str = "",
    subtitle: str = "",
    show: Collection[str] = SHOW,
    font: str = "normal",
    stacked: bool | None = None,
) -> Drawing:
    """Draw both halves. ``numbers`` are the cards' texts of each (see ``encode.node_values``)."""
    s = ax.style(look, font)
    x0, y0, x1, y1 = _extent(pair)
    wide, tall = x1 - x0, y1 - y0
    if stacked is None:
        stacked = 2 * wide + GAP > WIDEST and wide > tall
    caption = s.body + 22
    width = wide if stacked else 2 * wide + GAP
    height = 2 * (tall + caption) + GAP / 2 if stacked else tall + caption
    entries = _entries(pair, names, s)
    page_width = max(width + 2 * ax.MARGIN, 420.0)
    foot, foot_height = ax.legend(entries, s, ax.MARGIN, 0.0, page_width - 2 * ax.MARGIN)
    drawing, top = ax.page(s, page_width, height + 24 + foot_height, title, subtitle, "two graphs")
    left = (page_width - width) / 2
    for k, (half, name) in enumerate(zip(pair.halves, names, strict=True)):
        px = left + (0 if stacked or not k else wide + GAP)
        py = top + (k * (tall + caption + GAP / 2) if stacked else 0)
        drawing.items.append(label(px, py + s.body, name, s.body, s.look.ink, bold=True, room=wide))
        drawing.items.append(
            ax.line([(px, py + s.body + 8), (px + wide, py + s.body + 8)], s.look.line)
        )
        for item in _half(half, numbers[k] or {}, s, show, k):
            drawing.items.append(_shifted(item, px - x0, py + caption - y0, k))
    base = top + height + 24
    drawing.items += [moved(mark, 0.0, base) for mark in foot]
    return drawing


def _extent(pair: Pair) -> tuple[float, float, float, float]:
    """Bounds of everything that either half draws, badges included."""
    view = pair.view
    boxes = [(n.x, n.y - BADGE / 2, n.x + n.w + BADGE / 2, n.y + n.h) for n in view.nodes]
    boxes += [(g.x, g.y, g.x + g.w, g.y + g.h) for g in view.groups]
    boxes += [(x, y, x, y) for edge in view.edges for x, y in edge.points]
    if not boxes:
        return 0.0, 0.0, 200.0, 40.0
    return (
        min(b[0] for b in boxes), min(b[1] for b in boxes),
        max(b[2] for b in boxes), max(b[3] for b in boxes),
    )  # fmt: skip


def _half(
    half: Half, numbers: Mapping[str, Mapping[str, Any]], s: ax.Style, show: Collection[str], side: int
) -> list[Mark | Cluster]:  # fmt: skip
    look = s.look
    items: list[Mark | Cluster] = []
    for group in half.view.groups:
        back = mix(look.page, look.surface, 0.55 if group.depth % 2 else 0.0)
        items.append(Rect(group.x, group.y, group.w, group.h, 10, back, look.line, 1.0))
    items += [_ghost(node, s) for node in half.absent]
    accent = _accent(look, side)
    for edge in half.view.edges:
        alone = (edge.src, edge.dst) in half.edges
        items += arrow(
            edge.points, edge.weight + (0.75 if alone else 0.0), accent if alone else look.edge
        )
    for group in half.view.groups:
        back = mix(look.page, look.surface, 0.55 if group.depth % 2 else 0.0)
        text = label(
            group.x + 12, group.y + 20, group.label, 12, look.ink2, room=group.w - 24, bold=True
        )
        items += [Rect(group.x + 8, group.y + 7, text.width + 8, 18, 4, back), text]
    for node in half.view.nodes:
        items.append(card(node, numbers.get(node.id, {}), look, show))
        found = half.marks.get(node.id)
        if found:
            items += _badge(node, found, side, s)
    return items


def _accent(look: Theme, side: int) -> str:
    """The colour of what only the first, or only the second, has."""
    return look.families["data" if side else "loss"]


def _sign(found: str, side: int) -> str:
    return "\u2260" if found == CHANGED else "+" if side else "\u2212"


def _badge(node: Node, found: str, side: int, s: ax.Style) -> list[Mark]:
    """A frame around a card that differs, and the sign of how at its corner."""
    colour = s.look.ink if found == CHANGED else _accent(s.look, side)
    dash = (5.0, 3.0) if found != CHANGED and not side else ()
    radius = 20.0 if node.kind == "param" else 8.0
    frame = Rect(node.x - 3, node.y - 3, node.w + 6, node.h + 6, radius, "", colour, 2.0, dash)
    x, y = node.x + node.w - BADGE / 2, node.y - BADGE / 2
    return [frame, *_disc(x, y, _sign(found, side), colour, s)]


def _disc(x: float, y: float, sign: str, colour: str, s: ax.Style) -> list[Mark]:
    """A round badge with a sign drawn of strokes: no font has to have it."""
    cx, cy, r = x + BADGE / 2, y + BADGE / 2, BADGE / 2
    ink = s.look.on(colour)
    marks: list[Mark] = [Rect(x, y, BADGE, BADGE, r, colour)]
    if sign == "\u2260":
        for dy in (-2.2, 2.2):
            marks.append(ax.line([(cx - 4.5, cy + dy), (cx + 4.5, cy + dy)], ink, 1.6))
        marks.append(ax.line([(cx - 2.8, cy + 5), (cx + 2.8, cy - 5)], ink, 1.6))
        return marks
    if sign == "=":
        return marks + [
            ax.line([(cx - 4.5, cy + y), (cx + 4.5, cy + y)], ink, 1.6) for y in (-2.2, 2.2)
        ]
    marks.append(ax.line([(cx - 4.5, cy), (cx + 4.5, cy)], ink, 2.0))
    if sign == "+":
        marks.append(ax.line([(cx, cy - 4.5), (cx, cy + 4.5)], ink, 2.0))
    return marks


def _ghost(node: Node, s: ax.Style) -> Cluster:
    """The dotted outline of a card that only the other side has."""
    radius = 18.0 if node.kind == "param" else 6.0
    marks: list[Mark] = [
        Rect(
            node.x,
            node.y,
            node.w,
            node.h,
            radius,
            "",
            mix(s.look.page, s.look.ink3, 0.55),
            1.0,
            (2, 4),
        )
    ]
    return Cluster(
        f"{node.id}-absent", f"{fonts.clean(node.label)}: not in this graph", tuple(marks)
    )


def _entries(pair: Pair, names: tuple[str, str], s: ax.Style) -> list[tuple[ax.Sample, str]]:
    """The legend: only the signs that are there."""
    entries: list[tuple[ax.Sample, str]] = []

    def sample(sign: str, colour: str) -> ax.Sample:
        return lambda x, y: _disc(x - 2, y - BADGE / 2, sign, colour, s)

    # "step 3, loss 0.42" is said over the panel; here its first words are enough, where they differ.
    short = [name.partition(",")[0] for name in names]
    called = short if short[0] != short[1] else list(names)
    for side, half in enumerate(pair.halves):
        if "only" in half.marks.values() or half.edges:
            sign = _sign("only", side)
            entries.append((sample(sign, _accent(s.look, side)), f"only in {called[side]}"))
    if any(CHANGED in half.marks.values() for half in pair.halves):
        entries.append((sample("\u2260", s.look.ink), "other shape, parameters or inside"))
    if any(half.absent for half in pair.halves):
        dots = mix(s.look.page, s.look.ink3, 0.55)
        entries.append(
            (lambda x, y: [Rect(x, y - 6, 16, 12, 3, "", dots, 1.0, (2, 4))], "not in this one")
        )
    if not entries:
        entries.append((sample("=", s.look.ink3), "the two graphs are the same"))
    return entries


def _shifted(item: Mark | Cluster, dx: float, dy: float, side: int) -> Mark | Cluster:
    if isinstance(item, Cluster):
        marks = tuple(moved(mark, dx, dy) for mark in item.marks)
        return Cluster(f"{'ab'[side]}-{item.id}", item.title, marks)
    return moved(item, dx, dy)
