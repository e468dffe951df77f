"""The page around a picture: title, margins, and the legend below, broken where the width ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphscope.view.drawing import Cluster, Drawing, Mark, Rect, label, moved
from graphscope.view.palette import FAMILY_NAMES, Theme
from graphscope.view.pattern import bar
from graphscope.view.styles.options import Options
from graphscope.view.styles.scene import Scene
from graphscope.view.typeset import title_mark

MARGIN = 24.0
ROW = 22.0
LEAST = 260.0
NOT_YET = "no gradient yet: call backward() first"

Piece = tuple[list[Mark], float]
"""Marks around a baseline at y = 0, and how wide they are."""


def page(
    body: Sequence[Mark | Cluster], width: float, height: float, colours: Theme, opts: Options,
    pieces: Sequence[Piece] = (), lines: Sequence[Piece] = (), default_title: str = "graph",
) -> Drawing:  # fmt: skip
    """A page for a body of ``width`` by ``height`` whose corner is at the origin.

    ``pieces`` flow side by side below it, ``lines`` stand each on a row of its own.
    """
    k = opts.large
    row = ROW * k
    widest = max([p[1] for p in (*pieces, *lines)], default=0.0)
    wide = max(width, widest, LEAST) + 2 * MARGIN
    head = (30.0 * k if opts.title else 0.0) + (20.0 * k if opts.subtitle else 0.0)
    foot: list[Mark] = []
    x, y = MARGIN, 0.0
    if opts.legend:
        for marks, need in pieces:
            if x > MARGIN and x + need > wide - MARGIN:
                x, y = MARGIN, y + row
            foot += [moved(mark, x, y) for mark in marks]
            x += need + 18.0
        y += row if pieces else 0.0
    for marks, _ in lines:
        foot += [moved(mark, MARGIN, y) for mark in marks]
        y += row
    gap = 20.0 if foot else 0.0
    tall = head + height + 2 * MARGIN + gap + y - (row - 12.0 * k if foot else 0.0)
    drawing = Drawing(wide, tall, colours.page, opts.title or default_title)
    at = MARGIN
    room = wide - 2 * MARGIN
    if opts.title:
        at += 15.0 * k
        drawing.items.append(title_mark(opts.title, MARGIN, at, 15 * k, colours.ink, room))
    if opts.subtitle:
        at += 20.0 * k if opts.title else 15.0 * k
        drawing.items.append(label(MARGIN, at, opts.subtitle, 12 * k, colours.ink2, room=room))
    dx, dy = (wide - width) / 2, MARGIN + head
    for item in body:
        if isinstance(item, Cluster):
            marks = [moved(mark, dx, dy) for mark in item.marks]
            drawing.items.append(Cluster(item.id, item.title, tuple(marks)))
        else:
            drawing.items.append(moved(item, dx, dy))
    base = dy + height + gap + 10.0 * k
    drawing.items += [moved(mark, 0.0, base) for mark in foot]
    return drawing


def words(text: str, colour: str, k: float = 1.0, bold: bool = False) -> Piece:
    """A text of the legend."""
    mark = label(0, 0, text, 12 * k, colour, bold=bold)
    return [mark], mark.width


def families(used: Sequence[str], colours: Theme, k: float = 1.0) -> list[Piece]:
    """One swatch and name for each op family, in the order of the palette."""
    pieces: list[Piece] = []
    for family, name in FAMILY_NAMES.items():
        if family not in used:
            continue
        text = label(18 * k, 0, name, 12 * k, colours.ink2)
        swatch: list[Mark] = [
            moved(mark, 0, -10 * k, k) for mark in bar(0, 0, 11, 11, 2, family, colours)
        ]
        pieces.append(([*swatch, text], 18 * k + text.width))
    return pieces


def gradient_word(scene: Scene, colours: Theme, opts: Options, text: str) -> Piece:
    """What the second colour means; before backward, that there is nothing of it yet."""
    said = text if scene.has_gradients else NOT_YET
    return words(said, colours.gradient, opts.large)


def ring(x: float, y: float, w: float, h: float, radius: float, colours: Theme) -> Rect:
    """The frame around something highlighted."""
    return Rect(x - 4, y - 4, w + 8, h + 8, radius + 4, "", colours.focus, 2.5)


def tooltip(scene: Scene, value: int, opts: Options) -> str:
    """What a pointer resting on a value is told."""
    graph = scene.graph
    lines = [scene.name(value)]
    if value >= 0 and graph.op_name(value) != lines[0]:
        lines[0] += f" ({graph.op_name(value)})"
    facts: list[tuple[str, Any]] = [
        ("shape", scene.shape_text(value)), ("value", scene.value_text(value, opts)),
        ("gradient", scene.grad_text(value, opts)),
    ]  # fmt: skip
    return "\n".join(lines + [f"{name} {text}" for name, text in facts if text])
