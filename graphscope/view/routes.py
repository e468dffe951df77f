"""Shapes of lines: cubic splines as one point and then triples, leaving and arriving vertically."""

from __future__ import annotations

from graphscope.view.level import GAP_Y, Point


def s_curve(start: Point, end: Point) -> list[Point]:
    """From one point down to another."""
    (x0, y0), (x1, y1) = start, end
    # A wide, low curve needs a firmer hand to leave its box downwards and not sideways.
    bend = (y1 - y0) * (0.5 if abs(x1 - x0) < 2 * abs(y1 - y0) else 0.8)
    return [start, (x0, y0 + bend), (x1, y1 - bend), end]


def straight(a: Point, b: Point) -> list[Point]:
    """A straight line as a spline."""
    dx, dy = (b[0] - a[0]) / 3, (b[1] - a[1]) / 3
    return [a, (a[0] + dx, a[1] + dy), (b[0] - dx, b[1] - dy), b]


def lane(start: Point, end: Point, x: float) -> list[Point]:
    """Along a lane beside everything: for lines that run very far, or back up."""
    out, back = (x, start[1] + GAP_Y), (x, end[1] - GAP_Y)
    if back[1] > out[1]:
        return s_curve(start, out) + straight(out, back)[1:] + s_curve(back, end)[1:]
    # Upwards: leave and arrive at half the gap, so that the turns stay between the ranks.
    low, high = start[1] + GAP_Y / 2, end[1] - GAP_Y / 2
    near = GAP_Y / 4
    return [
        start,
        (start[0], low + near),
        (x, low + near),
        (x, low - GAP_Y / 2),
        *straight((x, low - GAP_Y / 2), (x, high + GAP_Y / 2))[1:],
        (x, high - near),
        (end[0], high - near),
        end,
    ]
