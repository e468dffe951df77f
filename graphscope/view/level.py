"""What a layout engine gets and gives: boxes of fixed size and wires between them, on one level.

A level is the inside of one open scope. Boxes are given in program order. An anchor is the x offset
(from the box's left edge) where wires must meet its top or bottom; a box without anchors lets the
engine choose. Ports are thin boxes through which wires enter at the top (``IN``) or leave at the
bottom (``OUT``) of the level.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

INNER, IN, OUT = range(3)
GAP_X, GAP_Y = 36.0, 36.0  # between 184x72 cards this gives the 220 x 108 pitch


class Box(NamedTuple):
    """A rectangle to place. ``tops`` and ``bottoms`` are anchor offsets from its left edge."""

    w: float
    h: float
    role: int = INNER
    tops: tuple[float, ...] = ()
    bottoms: tuple[float, ...] = ()


class Wire(NamedTuple):
    """A line from box ``src`` to box ``dst``; an anchor index of -1 stands for the box's middle.

    ``weight`` says how much the line wants to be short and straight: the main path more than an
    input at the side.
    """

    src: int
    dst: int
    src_anchor: int = -1
    dst_anchor: int = -1
    weight: int = 1


class Level(NamedTuple):
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]


@dataclass(frozen=True)
class Placed:
    """Top-left corners, one cubic spline per wire (1 + 3k points, downwards y), and the extent.

    Shapes: ``corners`` [boxes, 2]; ``points`` [points, 2], those of wire k from ``starts[k]`` to ``starts[k + 1]``.
    """

    corners: Floats
    points: Floats
    starts: Longs
    width: float
    height: float

    @classmethod
    def of(
        cls, corners: Iterable[Any], routes: Iterable[Any], width: float, height: float
    ) -> Placed:
        """Out of a list of corners and a list of splines, each a list of points."""
        lines = [np.asarray(route, np.float64).reshape(-1, 2) for route in routes]
        starts = np.zeros(len(lines) + 1, np.int64)
        np.cumsum([len(line) for line in lines], out=starts[1:])
        points = np.concatenate(lines) if lines else np.empty((0, 2))
        flat = np.asarray(list(corners), np.float64).reshape(-1, 2)
        return cls(flat, points, starts, width, height)

    @property
    def routes(self) -> Sequence[tuple[Point, ...]]:
        """The splines as points, one after the other."""
        points = list(map(tuple, self.points.tolist()))
        ends = self.starts.tolist()
        return [tuple(points[a:b]) for a, b in zip(ends, ends[1:], strict=False)]


def ranks(level: Level) -> list[int]:
    """Longest-path rank of every box; a wire against program order counts reversed."""
    n = len(level.boxes)
    below: list[list[int]] = [[] for _ in range(n)]
    above: list[list[int]] = [[] for _ in range(n)]
    key = [(box.role == OUT) * 2 + (box.role != IN) for box in level.boxes]
    order = sorted(range(n), key=key.__getitem__)  # stable: program order within each
    place = [0] * n
    for position, i in enumerate(order):
        place[i] = position
    for a, b, *_ in level.wires:
        if a == b:
            continue
        if place[a] > place[b]:
            a, b = b, a
        below[a].append(b)
        above[b].append(a)
    first = 1 if any(box.role == IN for box in level.boxes) else 0
    rank = [0] * n
    for i in order:
        if level.boxes[i].role != IN:
            rank[i] = max(max([rank[j] for j in above[i]], default=-1) + 1, first)
    inner = [rank[i] for i in range(n) if level.boxes[i].role != OUT]
    last = max(inner, default=0) + 1
    for i in reversed(order):
        if level.boxes[i].role == OUT:
            rank[i] = last
        elif level.boxes[i].role == IN:
            continue
        elif below[i] and all(level.boxes[j].role == IN for j in above[i]):
            # What needs nothing of this level (a constant, the targets) belongs just above its first user.
            rank[i] = max(min([rank[j] for j in below[i]]) - 1, first)
    return rank
