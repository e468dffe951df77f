"""GraphView + numbers + theme -> Drawing: what every figure format paints."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from graphscope.view import text as fonts
from graphscope.view.card import card
from graphscope.view.drawing import Drawing, Mark, Rect, Text, arrow, label
from graphscope.view.graphview import Edge, GraphView, Group
from graphscope.view.level import Point
from graphscope.view.overlay import Legend, overlay
from graphscope.view.palette import Theme, mix, theme

SHOW = ("name", "op", "shape", "value", "grad")
MARGIN = 20.0
LEGEND_ROW = 24.0


def paint(
    view: GraphView,
    values: Mapping[str, Mapping[str, Any]] | None = None,
    look: str | Theme = "light",
    *,
    title: str = "",
    subtitle: str = "",
    show: Collection[str] = SHOW,
    color: str = "family",
    legend: bool = True,
) -> Drawing:
    """Draw a view. Without ``values`` the cards show structure only."""
    colours = theme(look)
    numbers = values or {}
    over = overlay(view, numbers, color, colours)
    x0, y0, x1, y1 = _extent(view)
    head = (30.0 if title else 0.0) + (20.0 if subtitle else 0.0)
    wide = max(x1 - x0 + 2 * MARGIN, 260.0)
    # Under an overlay the rows lose their two colours, so there is nothing to explain about them.
    said = {"value" for card in numbers.values() if card.get("v")}
    said |= {"grad" for card in numbers.values() if card.get("g")}
    said |= {"tensor" for card in numbers.values() if "\u00b1" in card.get("v", "")}
    if color != "family":
        said = set()
    foot, rows = _legend(over.legend, colours, wide, said, show) if legend else ([], 0)
    tall = y1 - y0 + 2 * MARGIN + head + rows * LEGEND_ROW
    drawing = Drawing(wide, tall, colours.page, title or "graph")
    shift_x, shift_y = (wide - (x1 - x0)) / 2 - x0, MARGIN + head - y0
    if title:
        drawing.items.append(
            label(MARGIN, MARGIN + 15, title, 15, colours.ink, bold=True, room=wide - 2 * MARGIN)
        )
    if subtitle:
        drawing.items.append(
            label(
                MARGIN,
                MARGIN + 15 + (20 if title else 0),
                subtitle,
                12,
                colours.ink2,
                room=wide - 2 * MARGIN,
            )
        )
    moved = _moved(view, shift_x, shift_y)
    drawing.items += _frames(moved.groups, colours)
    drawing.items += _lines(moved.edges, colours)
    drawing.items += _names(moved.groups, colours)
    for node in moved.nodes:
        fill = over.fills.get(node.id, "") if color != "family" else None
        drawing.items.append(card(node, numbers.get(node.id, {}), colours, show, fill))
    for mark in foot:
        drawing.items.append(_down(mark, tall - rows * LEGEND_ROW - MARGIN / 2))
    return drawing


def _extent(view: GraphView) -> tuple[float, float, float, float]:
    """Bounds of what is really drawn, tighter than the canvas' bounds."""
    boxes = [(n.x, n.y, n.x + n.w, n.y + n.h) for n in view.nodes]
    boxes += [(g.x, g.y, g.x + g.w, g.y + g.h) for g in view.groups]
    boxes += [(x, y, x, y) for edge in view.edges for x, y in edge.points]
    if not boxes:
        return 0.0, 0.0, 0.0, 0.0
    return (
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    )


def _moved(view: GraphView, dx: float, dy: float) -> GraphView:
    """A copy of the view at another place (views are cached and shared: never move the original)."""

    def at(points: tuple[Point, ...]) -> tuple[Point, ...]:
        return tuple((x + dx, y + dy) for x, y in points)

    return replace(
        view,
        nodes=[replace(n, x=n.x + dx, y=n.y + dy) for n in view.nodes],
        groups=[replace(g, x=g.x + dx, y=g.y + dy) for g in view.groups],
        edges=[replace(e, points=at(e.points)) for e in view.edges],
    )


def _frames(groups: list[Group], colours: Theme) -> list[Mark]:
    marks: list[Mark] = []
    for group in groups:
        back = mix(colours.page, colours.surface, 0.55 if group.depth % 2 else 0.0)
        marks.append(Rect(group.x, group.y, group.w, group.h, 10, back, colours.line, 1.0))
    return marks


def _names(groups: list[Group], colours: Theme) -> list[Mark]:
    """Names of open scopes, on a patch of background, above the lines that may pass there."""
    marks: list[Mark] = []
    for group in groups:
        back = mix(colours.page, colours.surface, 0.55 if group.depth % 2 else 0.0)
        text = label(
            group.x + 12, group.y + 20, group.label, 12, colours.ink2, room=group.w - 24, bold=True
        )
        marks += [Rect(group.x + 8, group.y + 7, text.width + 8, 18, 4, back), text]
    return marks


def _lines(edges: list[Edge], colours: Theme) -> list[Mark]:
    marks: list[Mark] = []
    for edge in edges:
        line, head = arrow(edge.points, edge.weight, colours.edge)
        marks += [line, head]
        if edge.shape:
            x, y = edge.points[len(edge.points) // 2]
            wide = fonts.width(edge.shape, 11, mono=True)
            marks.append(Rect(x - wide / 2 - 3, y - 8, wide + 6, 15, 4, colours.page))
            marks.append(label(x, y + 4, edge.shape, 11, colours.ink2, anchor="middle", mono=True))
    return marks


def _legend(
    legend: Legend, colours: Theme, wide: float, said: set[str], show: Collection[str]
) -> tuple[list[Mark], int]:
    """Rows of the legend, from y = 0 down, broken where the figure's width ends."""
    marks: list[Mark] = []
    x, row = MARGIN, 0

    def place(need: float) -> tuple[float, float]:
        nonlocal x, row
        if x + need > wide - MARGIN and x > MARGIN:
            x, row = MARGIN, row + 1
        at = x
        x += need + 16
        return at, row * LEGEND_ROW + 14

    if legend.kind == "names":
        for colour, name in legend.entries:
            text = label(0, 0, name, 11, colours.ink2)
            left, base = place(text.width + 14)
            marks.append(Rect(left, base - 9, 9, 9, 2, colour))
            marks.append(label(left + 14, base, name, 11, colours.ink2))
    else:
        texts = [f"{legend.title} ({legend.scaling})", *legend.ends]
        sizes = [fonts.width(text, 11) for text in texts]
        left, base = place(sum(sizes) + 120 + 24)
        marks.append(label(left, base, texts[0], 11, colours.ink2))
        left += sizes[0] + 12
        marks.append(label(left, base, texts[1], 11, colours.ink2))
        left += sizes[1] + 6
        step = 120 / len(legend.colours)
        for k, colour in enumerate(legend.colours):
            marks.append(Rect(left + k * step, base - 9, step, 10, 0, colour))
        marks.append(label(left + 126, base, texts[2], 11, colours.ink2))
    if said:
        spread = "tensor" in said  # a graph of plain numbers needs no word about statistics
        pairs = (
            ("value", "value, mean \u00b1 std" if spread else "value", colours.value),
            ("grad", "\u2202 gradient, rms" if spread else "\u2202 gradient", colours.gradient),
        )
        for key, name, colour in pairs:
            if key in show and key in said:
                left, base = place(fonts.width(name, 11))
                marks.append(label(left, base, name, 11, colour))
    return marks, row + 1 if marks else 0


def _down(mark: Mark, dy: float) -> Mark:
    assert isinstance(mark, (Rect, Text))
    return replace(mark, y=mark.y + dy)
