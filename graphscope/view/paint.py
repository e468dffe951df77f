"""GraphView + numbers + theme -> Drawing: what every figure format paints."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphscope.view import text as fonts
from graphscope.view.card import card
from graphscope.view.drawing import Drawing, Mark, Rect, arrow, label, moved
from graphscope.view.edges import Edge
from graphscope.view.graphview import GraphView, Group
from graphscope.view.level import Point
from graphscope.view.overlay import Legend, overlay
from graphscope.view.palette import Theme, mix, theme
from graphscope.view.pattern import bar
from graphscope.view.typeset import title_mark

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
    zoom: float = 1.0,
    signs: Mapping[str, str] | None = None,
    marked: Collection[str] = (),
    locals: Mapping[tuple[str, str], str] | None = None,
    notes: Collection[str] = (),
    finished: Mapping[str, Mapping[str, Any]] | None = None,
    unit: str = "",
) -> Drawing:
    """Draw a view. Without ``values`` the cards show structure only.

    ``zoom`` enlarges what stands on cards that were made larger by as much. By card: ``signs`` (TeX) take the
    place of shapes, ``marked`` ones are framed; ``locals`` are local derivatives by (source, target).
    ``notes`` are said in the legend, in the colour of gradients. ``finished``, for a frame of an animation, are the
    numbers at its end: the legend explains those, or the page would grow in the middle. ``unit`` is that of numbers
    that the program logged.
    """
    colours = theme(look)
    numbers = values or {}
    explained = numbers if finished is None else finished
    over = overlay(view, explained, color, colours, unit)
    if color == "grad":  # a colour may not tell a gradient that is not known yet
        later = {id for id, told in explained.items() if told.get("g") and not numbers[id].get("g")}
        over = replace(over, fills={id: c for id, c in over.fills.items() if id not in later})
    x0, y0, x1, y1 = extent(view)
    head = ((30.0 if title else 0.0) + (20.0 if subtitle else 0.0)) * zoom
    wide = max(x1 - x0 + 2 * MARGIN, 260.0)
    # Under an overlay the rows lose their two colours, so there is nothing to explain about them.
    said = {"value" for card in explained.values() if card.get("v")}
    said |= {"grad" for card in explained.values() if card.get("g")}
    said |= {"tensor" for card in explained.values() if "\u00b1" in card.get("v", "")}
    if color != "family":
        said = set()
    if notes:
        said -= {"grad"}
    chips = _chips(view, locals or {}, colours, zoom)
    foot, rows = (
        _legend(over.legend, colours, wide / zoom, said, show, notes, bool(chips))
        if legend
        else ([], 0)
    )
    tall = y1 - y0 + 2 * MARGIN + head + rows * LEGEND_ROW * zoom
    drawing = Drawing(wide, tall, colours.page, title or "graph")
    shift_x, shift_y = (wide - (x1 - x0)) / 2 - x0, MARGIN + head - y0
    if title:
        drawing.items.append(
            title_mark(title, MARGIN, MARGIN + 15 * zoom, 15 * zoom, colours.ink, wide - 2 * MARGIN)
        )
    if subtitle:
        drawing.items.append(
            label(
                MARGIN,
                MARGIN + (15 + (20 if title else 0)) * zoom,
                subtitle,
                12 * zoom,
                colours.ink2,
                room=wide - 2 * MARGIN,
            )
        )
    shifted = shifted_view(view, shift_x, shift_y)
    drawing.items += frames(shifted.groups, colours)
    drawing.items += lines(shifted.edges, colours, zoom)
    drawing.items += group_names(shifted.groups, colours, zoom)
    for node in shifted.nodes:
        fill = over.fills.get(node.id, "") if color != "family" else None
        near = replace(node, x=0.0, y=0.0, w=node.w / zoom, h=node.h / zoom)
        made = card(
            near, numbers.get(node.id, {}), colours, show, fill, (signs or {}).get(node.id, ""), node.id in marked
        )  # fmt: skip
        marks = tuple(moved(mark, node.x, node.y, zoom) for mark in made.marks)
        drawing.items.append(replace(made, marks=marks))
    drawing.items += [moved(mark, shift_x, shift_y) for mark in chips]
    base = tall - rows * LEGEND_ROW * zoom - MARGIN / 2
    drawing.items += [moved(mark, MARGIN - MARGIN * zoom, base, zoom) for mark in foot]
    return drawing


def extent(view: GraphView) -> tuple[float, float, float, float]:
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


def shifted_view(view: GraphView, dx: float, dy: float) -> GraphView:
    """A copy of the view at another place (views are cached and shared: never move the original)."""

    def at(points: tuple[Point, ...]) -> tuple[Point, ...]:
        return tuple((x + dx, y + dy) for x, y in points)

    return replace(
        view,
        nodes=[replace(n, x=n.x + dx, y=n.y + dy) for n in view.nodes],
        groups=[replace(g, x=g.x + dx, y=g.y + dy) for g in view.groups],
        edges=[replace(e, points=at(e.points)) for e in view.edges],
    )


def frames(groups: list[Group], colours: Theme) -> list[Mark]:
    marks: list[Mark] = []
    for group in groups:
        back = mix(colours.page, colours.surface, 0.55 if group.depth % 2 else 0.0)
        marks.append(Rect(group.x, group.y, group.w, group.h, 10, back, colours.line, 1.0))
    return marks


def group_names(groups: list[Group], colours: Theme, zoom: float) -> list[Mark]:
    """Names of open scopes, on a patch of background, above the lines that may pass there."""
    marks: list[Mark] = []
    for group in groups:
        back = mix(colours.page, colours.surface, 0.55 if group.depth % 2 else 0.0)
        text = label(
            group.x + 12,
            group.y + 20,
            group.label,
            12 * min(zoom, 1.2),
            colours.ink2,
            room=group.w - 24,
            bold=True,
        )
        marks += [Rect(group.x + 8, group.y + 7, text.width + 8, 18, 4, back), text]
    return marks


def lines(edges: Sequence[Edge], colours: Theme, zoom: float) -> list[Mark]:
    marks: list[Mark] = []
    for edge in edges:
        weight = max(edge.weight - 0.5, 1.0) if colours.patterns else edge.weight
        line, head = arrow(edge.points, weight, colours.edge)
        marks += [line, head]
        if edge.shape:
            x, y = edge.points[len(edge.points) // 2]
            marks += [moved(m, x, y, zoom) for m in _chip(edge.shape, colours, mono=True)]
    return marks


def _chip(text: str, colours: Theme, mono: bool = False, border: bool = False) -> list[Mark]:
    """A small text on a line, around the origin."""
    wide = fonts.width(text, 11, mono=mono)
    back = Rect(-wide / 2 - 4, -8, wide + 8, 16, 8 if border else 4, colours.page)
    if border:
        back = replace(back, fill=colours.surface, stroke=colours.line, dash=(2.5, 2.0))
    return [back, label(0, 4, text, 11, colours.ink2, anchor="middle", mono=mono)]


def _chips(
    view: GraphView, locals: Mapping[tuple[str, str], str], colours: Theme, zoom: float
) -> list[Mark]:
    """Local derivatives, each on its line where it is free of boxes."""
    marks: list[Mark] = []
    boxes = [(n.x, n.y, n.w, n.h) for n in view.nodes]
    for edge in view.edges:
        text = locals.get((edge.src, edge.dst), "")
        if not text:
            continue
        wide = (fonts.width(text, 11) + 10) * zoom
        for x, y in _along(edge.points):
            box = (x - wide / 2, y - 9 * zoom, wide, 18 * zoom)
            if not any(_touch(box, other) for other in boxes):
                boxes.append(box)
                marks += [moved(m, x, y, zoom) for m in _chip(text, colours, border=True)]
                break
    return marks


def _along(points: tuple[Point, ...]) -> list[Point]:
    """Places on a spline, its middle first."""
    found = []
    for k in range(0, len(points) - 3, 3):
        a, b, c, d = points[k : k + 4]
        for t in (0.5, 0.35, 0.65, 0.2, 0.8):
            u = 1 - t
            w = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
            found.append(
                (
                    sum(f * p[0] for f, p in zip(w, (a, b, c, d), strict=True)),
                    sum(f * p[1] for f, p in zip(w, (a, b, c, d), strict=True)),
                )
            )
    return found


def _touch(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _legend(
    legend: Legend, colours: Theme, wide: float, said: set[str], show: Collection[str],
    notes: Collection[str], locals: bool,
) -> tuple[list[Mark], int]:  # fmt: skip
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
        back = {colour: family for family, colour in colours.families.items()}
        for colour, name in legend.entries:
            text = label(0, 0, name, 11, colours.ink2)
            left, base = place(text.width + 15)
            family = back.get(colour)  # the names of an overlay have colours of their own
            swatch = [Rect(left, base - 9, 10, 10, 2, colour)]
            marks += bar(left, base - 9, 10, 10, 2, family, colours) if family else swatch
            marks.append(label(left + 15, base, name, 11, colours.ink2))
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
    for note in notes:
        left, base = place(fonts.width(note, 11))
        marks.append(label(left, base, note, 11, colours.gradient))
    if locals:
        left, base = place(fonts.width("local derivative", 11) + 26)
        pill = Rect(left, base - 10, 20, 13, 6.5, colours.surface, colours.line, 1, (2.5, 2.0))
        marks += [pill, label(left + 26, base, "local derivative", 11, colours.ink2)]
    return marks, row + 1 if marks else 0
