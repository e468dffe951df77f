"""Place boxes of a style's own, whichever way the graph runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphscope.view.arrange import arrange
from graphscope.view.level import Box, Level, Placed, Point, Wire


@dataclass
class Cell:
    """A box to place. ``ins`` are the offsets, across the direction, at which its wires arrive;
    ``out`` is where they leave. ``x, y`` is its corner afterwards."""

    value: int
    w: float
    h: float
    ins: tuple[float, ...] = ()
    out: float | None = None
    x: float = 0.0
    y: float = 0.0
    extra: dict[str, object] = field(default_factory=dict)


@dataclass
class Placing:
    """Where the wires run, in the order given, and how large it all is. Cells got their places."""

    routes: list[tuple[Point, ...]]
    width: float
    height: float


def place(
    cells: Sequence[Cell], wires: Sequence[tuple[int, int, int]], direction: str, tight: float = 0.0
) -> Placing:
    """Lay out cells; a wire is (from cell, to cell, which of its ins).

    ``tight`` brings neighbours closer together, across the direction, by as many px.
    """
    sideways = direction == "right"
    boxes = []
    for cell in cells:
        w, h = (cell.h, cell.w) if sideways else (cell.w, cell.h)
        w = max(w - tight, 4.0)
        tops = tuple(min(max(at - tight / 2, 1.0), w - 1.0) for at in cell.ins)
        out = () if cell.out is None else (min(max(cell.out - tight / 2, 1.0), w - 1.0),)
        boxes.append(Box(w, h, 0, tops, out))
    lines = []
    for a, b, slot in wires:
        lines.append(Wire(a, b, 0 if boxes[a].bottoms else -1, slot if boxes[b].tops else -1, 2))
    placed = arrange(Level(tuple(boxes), tuple(lines)))
    return _turned(cells, wires, boxes, placed, direction, tight)


def _turned(
    cells: Sequence[Cell], wires: Sequence[tuple[int, int, int]], boxes: Sequence[Box], placed: Placed,
    direction: str, tight: float,
) -> Placing:  # fmt: skip
    deep = placed.height

    def at(point: Point) -> Point:
        x, y = point[0] + tight / 2, point[1]
        return (y, x) if direction == "right" else (x, deep - y) if direction == "up" else (x, y)

    for cell, (x, y), box in zip(cells, placed.corners, boxes, strict=True):
        across = x + tight / 2 - ((cell.h if direction == "right" else cell.w) - box.w) / 2
        if direction == "right":
            cell.x, cell.y = y, across
        else:
            cell.x, cell.y = across, deep - y - cell.h if direction == "up" else y
    routes = []
    for (a, b, slot), route in zip(wires, placed.routes, strict=True):
        points = [at(p) for p in route]
        routes.append(tuple(_tied(points, cells[a], cells[b], slot, direction)))
    wide = placed.width + tight
    size = (deep, wide) if direction == "right" else (wide, deep)
    return Placing(routes, *size)


def _tied(points: list[Point], a: Cell, b: Cell, slot: int, direction: str) -> list[Point]:
    """The ends exactly where the cells want them: the layout engine rounds to whole points."""
    if direction == "right":
        start = (a.x + a.w, a.y + a.out if a.out is not None else points[0][1])
        end = (b.x, b.y + b.ins[slot] if b.ins else points[-1][1])
        second = (max(points[1][0], start[0]), start[1])
        last = (min(points[-2][0], end[0]), end[1])
    else:
        up = direction == "up"
        start = (
            a.x + a.out if a.out is not None else points[0][0],
            a.y if up else a.y + a.h,
        )
        end = (b.x + b.ins[slot] if b.ins else points[-1][0], b.y + b.h if up else b.y)
        second, last = (start[0], points[1][1]), (end[0], points[-2][1])
    return [start, second, *points[2:-2], last, end]
