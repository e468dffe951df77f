"""Last touches to a laid-out level, whoever laid it out: the things that engines do badly.

A small box beside a tall group (the targets beside a network) slides down to the bottom of its
rank, next to its users. Wires with nothing in their way become plain S curves. Wires that meet at
the same box are fanned out, so that their heads do not hide each other.
"""

from __future__ import annotations

from collections import defaultdict

from graphscope.view.level import GAP_Y, INNER, Level, Placed, Point
from graphscope.view.routes import s_curve, straight

FAN = 16.0
FAN_SHARE = 0.6
CLEAR = 6.0


def polish(level: Level, placed: Placed) -> Placed:
    """The same layout, tidied."""
    if not level.wires:
        return placed
    corners: list[Point] = [(x, y) for x, y in placed.corners.tolist()]
    routes = [list(route) for route in placed.routes]
    _slide(level, corners, routes)
    if len(level.boxes) * len(level.wires) < 400_000:
        _relax(level, corners, routes)
    _fan(level, corners, routes)
    return Placed.of(corners, routes, placed.width, placed.height)


def _slide(level: Level, corners: list[Point], routes: list[list[Point]]) -> None:
    leaving: dict[int, list[int]] = defaultdict(list)
    arriving: dict[int, list[int]] = defaultdict(list)
    for number, wire in enumerate(level.wires):
        leaving[wire.src].append(number)
        arriving[wire.dst].append(number)
    for i, box in enumerate(level.boxes):
        if box.role != INNER or not leaving[i]:
            continue
        x, y = corners[i]
        # Ranks do not overlap: the band of this rank ends with its tallest box around our middle.
        middle = y + box.h / 2
        bottom = max(
            cy + other.h
            for (_, cy), other in zip(corners, level.boxes, strict=True)
            if cy <= middle <= cy + other.h
        )
        down = bottom - box.h - y
        targets = [corners[level.wires[k].dst][1] for k in leaving[i]]
        if down < 1 or min(targets) < bottom or max(targets) - bottom > 2 * GAP_Y:
            continue
        corners[i] = (x, y + down)
        for k in leaving[i]:
            start, end = routes[k][0], routes[k][-1]
            routes[k] = s_curve((start[0], bottom), end)
        for k in arriving[i]:
            # The column between the old place and the new one was ours: go straight down in it.
            end = routes[k][-1]
            routes[k] += straight(end, (end[0], end[1] + down))[1:]


def _relax(level: Level, corners: list[Point], routes: list[list[Point]]) -> None:
    """Plain S curves wherever no other box is in the way."""
    for number, wire in enumerate(level.wires):
        (x0, y0), (x1, y1) = routes[number][0], routes[number][-1]
        if y1 - y0 < GAP_Y / 2:
            continue
        left, right = min(x0, x1) - CLEAR, max(x0, x1) + CLEAR
        for i, (cx, cy) in enumerate(corners):
            if i in (wire.src, wire.dst):
                continue
            box = level.boxes[i]
            if cx < right and cx + box.w > left and cy < y1 and cy + box.h > y0:
                break
        else:
            routes[number] = s_curve((x0, y0), (x1, y1))


def _fan(level: Level, corners: list[Point], routes: list[list[Point]]) -> None:
    arriving: dict[int, list[int]] = defaultdict(list)
    for number, wire in enumerate(level.wires):
        if wire.dst_anchor < 0 and level.boxes[wire.dst].role == INNER:
            arriving[wire.dst].append(number)
    for target, numbers in arriving.items():
        if len(numbers) < 2:
            continue
        numbers.sort(key=lambda k: _approach(routes[k]))
        step = min(FAN, level.boxes[target].w * FAN_SHARE / len(numbers))
        # A wire that comes straight down stays straight, and the others stand around it.
        straight = [p for p, k in enumerate(numbers) if abs(routes[k][0][0] - routes[k][-1][0]) < 2]
        middle = straight[0] if straight else (len(numbers) - 1) / 2
        for place, number in enumerate(numbers):
            shift = (place - middle) * step
            route = routes[number]
            for k in (-1, -2):
                route[k] = (route[k][0] + shift, route[k][1])


def _approach(route: list[Point]) -> float:
    """From which side a wire comes: where it was some way before its end."""
    ex, ey = route[-1]
    for x, y in reversed(route):
        if abs(x - ex) > 1 and ey - y > 1:
            return (x - ex) / max(ey - y, 1.0)
    return 0.0
