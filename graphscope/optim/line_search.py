"""A line search for the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Point(NamedTuple):
    """The function at a step length: length, value, gradient, slope along the direction."""

    t: float
    f: float
    g: Any
    slope: float


def cubic_minimum(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic through two points and their slopes is least, within [low, high].

    Source: Nocedal and Wright, "Numerical Optimization", equation 3.59.
    """
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if square < 0:
        return (low + high) / 2
    if a.t > b.t:
        a, b = b, a
    d2 = float(square**0.5)
    at = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(at, low), high)


def strong_wolfe(
    look: Callable[[float], Point], start: Point, t: float, reach: float, *,
    c1: float = 1e-4, c2: float = 0.9, tolerance: float = 1e-9, most: int = 25,
) -> Point:  # fmt: skip
    """The step that decreases enough (c1) and where the slope has flattened enough (c2).

    look: evaluates a step length. reach: the direction's largest element. The choices of minFunc that
    torch follows (how an interval grows, when a step too near its end is pushed inside) are kept, so
    that trajectories agree.

    Source: Nocedal and Wright, "Numerical Optimization", algorithms 3.5 and 3.6.
    """
    flat = -c2 * start.slope

    def too_high(p: Point) -> bool:
        return p.f > start.f + c1 * p.t * start.slope

    before, here, n = start, look(t), 0
    interval: list[Point] = []
    while n < most:
        if too_high(here) or (n > 1 and here.f >= before.f):
            interval = [before, here]
            break
        if abs(here.slope) <= flat:
            return here
        if here.slope >= 0:
            interval = [before, here]
            break
        t = cubic_minimum(before, here, here.t + 0.01 * (here.t - before.t), here.t * 10)
        before, here = here, look(t)
        n += 1
    if not interval:
        interval = [start, here]
    # From here on the minimum lies between the two; ``low`` is the index of the better one.
    low = 0 if interval[0].f <= interval[1].f else 1
    stuck = False
    while n < most and abs(interval[1].t - interval[0].t) * reach >= tolerance:
        left, right = sorted(p.t for p in interval)
        t = cubic_minimum(interval[0], interval[1], left, right)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        here = look(t)
        n += 1
        if too_high(here) or here.f >= interval[low].f:
            interval[1 - low] = here
            low = 0 if interval[0].f <= interval[1].f else 1
            continue
        if abs(here.slope) <= flat:
            return here
        if here.slope * (interval[1 - low].t - interval[low].t) >= 0:
            interval[1 - low] = interval[low]
        interval[low] = here
    return interval[low]
