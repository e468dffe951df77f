"""Very tall levels as columns side by side, like the lines of a newspaper.

A thousand ops in a row are a thread of a hundred thousand pixels, of which no screen can show the whole. From a
certain height on a level is cut between rows; lines run on through the gutter to the head of the next column.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from graphscope.view.level import Bools, Floats, Longs

TALL, SLIM = 40_000.0, 4.0  # px; and so many times as tall as wide
ASPECT = 1.5  # of the whole, about
GUTTER, BAND, STEP = 48.0, 36.0, 6.0  # px, and so many more for each line that runs through
CORNER = 12.0


@dataclass
class Columns:
    """Where the rows of all levels went.

    Of a row that begins a column: where the one before it ends below (``low``) and where the gutter begins.
    """

    top: Floats
    shift: Floats
    of: Longs
    low: Floats
    gutter: Floats
    width: Floats
    height: Floats


def columns(
    top: Floats, tall: Floats, row_base: Longs, sides: tuple[Floats, Floats], may: Bools, outlets: Bools,
    lines: Longs,
) -> Columns:  # fmt: skip
    """Cut what is too tall.

    ``sides`` are the left and right ends of every row; ``outlets`` the levels whose last row must stay at
    their lower edge; ``lines`` how many come into each row.
    """
    rows = len(top)
    left, right = sides
    top = top.copy()
    shift, of, low, gutter = (
        np.zeros(rows), np.zeros(rows, np.int64), np.zeros(rows), np.zeros(rows)
    )  # fmt: skip
    height = np.maximum.reduceat(top + tall, row_base[:-1])
    width = np.maximum.reduceat(right, row_base[:-1])
    for k in np.flatnonzero(may & (height > TALL) & (height > SLIM * width)).tolist():
        begin, end = int(row_base[k]), int(row_base[k + 1])
        cuts = _cuts(top[begin:end], tall[begin:end], width[k], height[k], bool(outlets[k]))
        deepest = edge = 0.0
        for column, (a, b) in enumerate(zip(cuts, [*cuts[1:], end - begin], strict=True)):
            here, first = slice(begin + a, begin + b), begin + a
            if column:
                room = STEP * float(lines[first])
                low[first], gutter[first] = float(top[first - 1] + tall[first - 1]), edge
                deepest = max(deepest, float(low[first]) + BAND + room)
                edge += GUTTER + room
                top[here] += BAND + room - top[first]
            shift[here], of[here] = edge - float(left[here].min()), column
            edge += float(right[here].max() - left[here].min())
            deepest = max(deepest, float((top[here] + tall[here]).max()))
        if outlets[k] and len(cuts) > 1:
            top[end - 1] = deepest - tall[end - 1]
        width[k], height[k] = edge, deepest
    return Columns(top, shift, of, low, gutter, width, height)


def _cuts(top: Floats, tall: Floats, width: float, height: float, outlets: bool) -> list[int]:
    """The first rows of the columns."""
    many = max(2, round(math.sqrt(ASPECT * height / (width + 2 * GUTTER))))
    goal, cuts = height / many, [0]
    last = len(top) - outlets
    for row in range(1, last):
        if top[row] + tall[row] - top[cuts[-1]] > goal:
            cuts.append(row)
    return cuts


def bends(
    flat: Floats, at: Longs, ends: tuple[Floats, Floats, Floats, Floats], number: Longs, low: Floats, gutter: Floats
) -> None:  # fmt: skip
    """Write the 21 points that lead from one column to the next: down, right, up the gutter, right, down.

    ``number`` counts the lines of a gutter, from the one furthest right: they lie in each other and do not cross.
    """
    x0, y0, x1, y1 = ends
    step = STEP * number
    y, x, high = low + BAND / 2 + step, gutter + GUTTER / 2 + step, BAND / 2 + step
    third, rise, way = (x - x0 - 2 * CORNER) / 3, (y - high - 2 * CORNER) / 3, (x1 - x - CORNER) / 3
    points = (
        (x0, y), (x0, y), (x0 + CORNER, y),
        (x0 + CORNER + third, y), (x0 + CORNER + 2 * third, y), (x - CORNER, y),
        (x, y), (x, y), (x, y - CORNER),
        (x, y - CORNER - rise), (x, high + CORNER + rise), (x, high + CORNER),
        (x, high), (x, high), (x + CORNER, high),
        (x + CORNER + way / 2, high), (x1 - CORNER - way / 2, high), (x1 - CORNER, high),
        (x1, high), (x1, high), (x1, y1),
    )  # fmt: skip
    for k, (px, py) in enumerate(points):
        flat[at + k] = np.column_stack((px, py))
