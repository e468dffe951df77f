"""What a layout engine gets and gives: boxes of fixed size and wires between them, on one level.

A level is the inside of one open scope. Boxes are given in program order. An anchor is the x offset
(from the box's left edge) where wires must meet its top or bottom; a box without anchors lets the
engine choose. Ports are thin boxes through which wires enter at the top (``IN``) or leave at the
bottom (``OUT``) of the level.
"""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]

INNER, IN, OUT = range(3)
GAP_X, GAP_Y = 36.0, 36.0  # between 184x72 cards this gives the 220 x 108 pitch


@dataclass(frozen=True)
class Box:
    """A rectangle to place. ``tops`` and ``bottoms`` are anchor offsets from its left edge."""

    w: float
    h: float
    role: int = INNER
    tops: tuple[float, ...] = ()
    bottoms: tuple[float, ...] = ()


@dataclass(frozen=True)
class Wire:
    """A line from box ``src`` to box ``dst``; an anchor index of -1 stands for the box's middle.

    ``weight`` says how much the line wants to be short and straight: the main path more than an
    input at the side.
    """

    src: int
    dst: int
    src_anchor: int = -1
    dst_anchor: int = -1
    weight: int = 1


@dataclass(frozen=True)
class Level:
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]


@dataclass(frozen=True)
class Placed:
    """Top-left corners, one cubic spline per wire (1 + 3k points, downwards y), and the extent."""

    corners: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def ranks(level: Level) -> list[int]:
    """Longest-path rank of every box; a wire against program order counts reversed."""
    n = len(level.boxes)
    below: list[list[int]] = [[] for _ in range(n)]
    above: list[list[int]] = [[] for _ in range(n)]
    key = [(box.role == OUT) * 2 + (box.role != IN) for box in level.boxes]
    order = sorted(range(n), key=lambda i: (key[i], i))
    place = [0] * n
    for position, i in enumerate(order):
        place[i] = position
    for wire in level.wires:
        a, b = wire.src, wire.dst
        if a == b:
            continue
        if place[a] > place[b]:
            a, b = b, a
        below[a].append(b)
        above[b].append(a)
    first = 1 if any(box.role == IN for box in level.boxes) else 0
    rank = [0] * n
    for i in order:
        base = max((rank[j] + 1 for j in above[i]), default=first)
        rank[i] = 0 if level.boxes[i].role == IN else max(base, first)
    inner = [rank[i] for i in range(n) if level.boxes[i].role != OUT]
    last = max(inner, default=0) + 1
    for i in reversed(order):
        if level.boxes[i].role == OUT:
            rank[i] = last
        elif level.boxes[i].role == INNER and not above[i] and below[i]:
            # A source without inputs (a constant, the targets) belongs just above its first user.
            rank[i] = max(min(rank[j] for j in below[i]) - 1, first)
    return rank
