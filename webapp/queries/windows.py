"""What of a long curve is drawn: the part between two ends, its extremes, its restarts, its calm part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_PARTS = (
    12  # of a curve that jumps back more often, the order of its points means something else
)
FENCE = 3.0


def shrink(values: NDArray[np.float64], limit: int) -> NDArray[np.int64]:
    """Indices of at most about ``limit`` values: of every bucket its smallest, largest and first that is not finite.

    No spike is lost, whatever its width; the first and the last value always stay.

    >>> shrink(np.array([1.0, 5.0, 2.0]), 10).tolist()
    [0, 1, 2]
    """
    count = len(values)
    if count <= max(limit, 2):
        return np.arange(count)
    width = -(-count // max(1, limit // 2))
    rows = -(-count // width)
    finite = np.isfinite(values)
    low, high = np.full(rows * width, np.inf), np.full(rows * width, -np.inf)
    low[:count], high[:count] = np.where(finite, values, np.inf), np.where(finite, values, -np.inf)
    bad = np.zeros(rows * width, bool)
    bad[:count] = ~finite
    base = np.arange(rows) * width
    lows, bads = low.reshape(rows, width), bad.reshape(rows, width)
    has, broken = np.isfinite(lows).any(axis=1), bads.any(axis=1)
    smallest = (base + lows.argmin(axis=1))[has]
    largest = (base + high.reshape(rows, width).argmax(axis=1))[has]
    first = (base + bads.argmax(axis=1))[broken]
    ends = np.array([0, count - 1])
    return np.unique(np.concatenate([ends, smallest, largest, first])).astype(np.int64)


def between(x: NDArray[Any], low: float, high: float) -> tuple[int, int]:
    """Begin and end of the points from ``low`` to ``high``, with the neighbour on each side: lines go on.

    x: not decreasing.

    >>> between(np.array([0, 10, 20, 30]), 12, 25)
    (1, 4)
    """
    first, last = int(np.searchsorted(x, low)), int(np.searchsorted(x, high, "right"))
    return max(0, first - 1), min(len(x), last + 1)


def cut(
    x: NDArray[Any],
    values: NDArray[np.float64],
    limit: int,
    window: tuple[float, float] | None = None,
) -> NDArray[np.int64]:
    """The points to draw: all of a window if they fit, else its extremes.

    Outside the window a tenth of the points stay, so that a step back to the whole shows it at once.
    """
    if window is None:
        return shrink(values, limit)
    first, last = between(x, *window)
    inside = first + shrink(values[first:last], limit)
    before = shrink(values[:first], max(limit // 10, 2))
    behind = last + shrink(values[last:], max(limit // 10, 2))
    return np.concatenate([before, inside, behind])


def parts(steps: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The stretches ``(first, end)`` in which the step grows: a restarted run goes back and begins another.

    >>> parts(np.array([0, 1, 2, 1, 2, 3]))
    [(0, 3), (3, 6)]
    """
    back = (np.flatnonzero(np.diff(steps) < 0) + 1).tolist()
    if not back or len(back) >= MOST_PARTS:
        return [(0, len(steps))]
    edges = [0, *back, len(steps)]
    return list(zip(edges[:-1], edges[1:], strict=True))


def calm(values: NDArray[np.float64], log: bool = False) -> tuple[float, float] | None:
    """The range in which the curve is calm; None where nothing lies outside it.

    Outside is what is more than three times the middle half's width away from the middle half.
    Source: J. W. Tukey, "Exploratory Data Analysis", 1977, the outer fence.

    >>> calm(np.array([1.0, 2.0, 3.0, 2.0, 1.0, 500.0, 2.0, 3.0]))
    (1.0, 3.0)
    """
    good = values[np.isfinite(values)]
    if log:
        good = np.log10(good[good > 0])
    if len(good) < 5:
        return None
    low, high = np.percentile(good, (25, 75))
    reach = FENCE * (high - low)
    inside = good[(good >= low - reach) & (good <= high + reach)]
    if len(inside) == len(good) or not len(inside):
        return None
    first, last = float(inside.min()), float(inside.max())
    return (10**first, 10**last) if log else (first, last)


def peaks(
    values: NDArray[np.float64], low: float, high: float, most: int = 6
) -> list[tuple[int, bool]]:
    """Index of the worst point of each stretch outside ``low`` to ``high``, and whether it is above; the worst first.

    >>> peaks(np.array([1.0, 9.0, 5.0, 1.0, -4.0]), 0.0, 2.0)
    [(1, True), (4, False)]
    """
    found = []
    for above, beyond in ((True, values > high), (False, values < low)):
        edge = np.flatnonzero(np.diff(np.concatenate(([False], beyond, [False]))))
        for a, b in zip(edge[::2].tolist(), edge[1::2].tolist(), strict=True):
            part = values[a:b]
            at = a + int(part.argmax() if above else part.argmin())
            found.append((abs(float(values[at]) - (high if above else low)), at, above))
    found.sort(key=lambda f: -f[0])
    return [(at, above) for _, at, above in found[:most]]
