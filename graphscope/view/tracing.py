"""From rows and columns to a picture: heights of the rows, corners of the boxes, and a spline for every wire.

A wire leaves its box straight down to the end of its row, bends in the gaps between the rows only, where no box
is, and passes each row in the channel of its dummy: so it runs through no card. Where it has far to go sideways it
does so on a level track, which all lines of one source share; tracks of a gap are ordered such that few cross.

Source: the tracks are those of orthogonal routing in Schulze, Spoenemann, von Hanxleden, "Drawing layered graphs with
port constraints", Journal of Visual Languages and Computing 25 (2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from graphscope.view import wrapping
from graphscope.view.level import GAP_Y, OUT, Bools, Floats, Level, Longs, Placed
from graphscope.view.routes import lane, straight
from graphscope.view.wrapping import CORNER

if TYPE_CHECKING:
    from graphscope.view.layering import Cells, Wires

LANE, LANES = 10.0, 12
FAN, FAN_SHARE = 16.0, 0.6
SPREAD, ROOM = 0.06, 40.0  # lines that run sideways get more height, up to so many px
FAR, TRACK, TRACKS = 400.0, 6.0, 200.0  # and those that run farther a level piece of their own
Ends = tuple[Floats, Floats, Floats, Floats]
"""x and y of where something begins, and of where it ends."""
EVEN = 0.5  # px; less is no bend


def trace(
    levels: Sequence[Level], base: Longs, cells: Cells, wires: Wires, x: Floats, heights: Floats,
    row_base: Longs,
) -> list[Placed]:  # fmt: skip
    """The levels, placed. ``x`` are the left edges of all cells, ``heights`` those of the boxes."""
    n = int(base[-1])
    rows = int(row_base[-1])
    row = cells.row[:n]
    tall = np.zeros(rows)
    np.maximum.at(tall, row, heights)
    top = _tops(cells, x, tall, row_base)
    low, high = np.full(rows, np.inf), np.full(rows, -np.inf)
    np.minimum.at(low, cells.row, x)
    np.maximum.at(high, cells.row, x + cells.w)
    left = np.repeat(np.minimum.reduceat(low, row_base[:-1]), np.diff(row_base))
    x = x - left[cells.row]
    sides = low - left, high - left
    # Lanes at the side would run through other columns.
    may_wrap = np.bincount(wires.level, wires.first == -2, len(levels)) == 0
    outlets = np.array([level.boxes[-1].role == OUT for level in levels])
    coming = np.bincount(cells.row[cells.b], minlength=rows)
    at = wrapping.columns(top, tall, row_base, sides, may_wrap, outlets, coming)
    x = x + at.shift[cells.row]
    y = _within(wires, row, heights, tall) + at.top[row]

    points, counts, widths = _splines(cells, wires, x, y, heights, at, tall)
    starts = np.concatenate(([0], np.cumsum(counts)))
    wire_base = np.concatenate(
        ([0], np.cumsum(np.bincount(wires.level, minlength=len(levels))))
    ).astype(np.int64)
    corners = np.column_stack((x[:n], y))
    out = []
    for k in range(len(levels)):
        a, b = wire_base[k], wire_base[k + 1]
        own = starts[a : b + 1]
        out.append(
            Placed(
                corners[base[k] : base[k + 1]],
                points[own[0] : own[-1]],
                own - own[0],
                float(widths[k]),
                float(at.height[k]),
            )  # fmt: skip
        )
    return out


def _tops(cells: Cells, x: Floats, tall: Floats, row_base: Longs) -> Floats:
    """The y of every row: below the one before, further where its links run far to the side."""
    rows = len(tall)
    gap = np.full(rows, GAP_Y)
    if len(cells.a):
        side = np.abs(x[cells.a] + cells.lead_a - x[cells.b] - cells.lead_b)
        into = cells.row[cells.b]
        mean = np.bincount(into, side, rows) / np.maximum(np.bincount(into, minlength=rows), 1)
        gap += np.minimum(SPREAD * mean, ROOM)
        far = np.flatnonzero(side > FAR)
        source = x[cells.a[far]] + cells.lead_a[far]
        ways = np.unique(np.column_stack((into[far], np.rint(source))), axis=0)[:, 0].astype(
            np.int64
        )
        gap += np.minimum(TRACK * np.maximum(np.bincount(ways, minlength=rows) - 1, 0), TRACKS)
    gap[row_base[:-1]] = 0.0
    steps = gap.copy()
    steps[1:] += tall[:-1]
    steps[row_base[:-1]] = 0.0
    ends = np.cumsum(steps)
    tops: Floats = ends - np.repeat(ends[row_base[:-1]], np.diff(row_base))
    return tops


def _within(wires: Wires, row: Longs, heights: Floats, tall: Floats) -> Floats:
    """How far below the top of its row a box stands: near what it is wired to, else in the middle."""
    n = len(heights)
    near = wires.first == -1
    down = np.zeros(n, np.bool_)
    up = np.zeros(n, np.bool_)
    down[wires.src[near]] = True
    up[wires.dst[near]] = True
    spare = tall[row] - heights
    return np.where(down & ~up, spare, np.where(up & ~down, 0.0, spare / 2))


def _splines(
    cells: Cells, wires: Wires, x: Floats, y: Floats, heights: Floats, placed: wrapping.Columns, tall: Floats
) -> tuple[Floats, Longs, Floats]:  # fmt: skip
    """All points, how many each wire has, and the width of each level with its lanes."""
    many = len(wires.src)
    if not many:
        return np.empty((0, 2)), np.zeros(0, np.int64), placed.width
    top, bottom = placed.top, placed.top + tall
    src, dst = wires.src, wires.dst
    from_row, to_row = cells.row[src], cells.row[dst]
    x0, y0 = x[src] + wires.leave, y[src] + heights[src]
    x1, y1 = x[dst] + wires.meet, y[dst]

    # Pillars: where a wire runs straight down. One in its own row, one in every row that it passes, one in the last.
    chained = wires.first != -2
    passed = np.where(wires.first >= 0, to_row - from_row - 1, 0)
    count = passed + 2
    begin = np.concatenate(([0], np.cumsum(count)))
    total = int(begin[-1])
    wire = np.repeat(np.arange(many), count)
    inside = np.arange(total) - begin[wire]
    rows = from_row[wire] + inside
    px, above, below = np.empty(total), np.empty(total), np.empty(total)
    px[begin[:-1]], above[begin[:-1]], below[begin[:-1]] = x0, y0, bottom[from_row]
    last = begin[1:] - 1
    rows[last] = to_row  # of one that takes a lane, too
    middle = np.flatnonzero((inside > 0) & (inside < count[wire] - 1))
    dummy = wires.first[wire[middle]] + inside[middle] - 1
    px[middle] = x[dummy] + cells.w[dummy] / 2
    above[middle], below[middle] = top[cells.row[dummy]], bottom[cells.row[dummy]]
    x1 = x1 + _fan(wires, px[last - 1], x1, cells.w, chained)
    px[last], above[last], below[last] = x1, top[to_row], y1

    # Pillars right above each other are one.
    new = np.ones(total, np.bool_)
    new[1:] = (np.abs(px[1:] - px[:-1]) > EVEN) | (inside[1:] == 0)
    new[1:] |= placed.of[rows[1:]] != placed.of[rows[:-1]]
    run = np.maximum.accumulate(np.where(new, np.arange(total), 0))
    # One that is a single pillar would have to be exact at both ends.
    new[last[(run[last] == begin[:-1]) & (np.abs(x1 - x0) > 1e-6)]] = True
    heads = np.flatnonzero(new)
    tails = np.append(heads[1:], total) - 1
    wire, px, above, below = wire[heads], px[heads], above[heads], below[tails]
    into, out_of = rows[heads], rows[tails]
    px[np.append(wire[1:] != wire[:-1], True)] = x1  # ends are exact
    first = np.append(True, wire[1:] != wire[:-1])
    keep = chained[wire]
    wire, px, above, below, first = wire[keep], px[keep], above[keep], below[keep], first[keep]

    upright = below - above > EVEN
    bend = np.flatnonzero(~first)
    dx, dy = px[bend] - px[bend - 1], above[bend] - below[bend - 1]
    into, out_of = into[keep][bend], out_of[keep][bend - 1]
    over = placed.of[into] != placed.of[out_of]
    far = ~over & (np.abs(dx) > FAR) & (np.abs(dx) > 4 * dy)
    turns = np.where(first, 1, 3)
    turns[bend[far]] = 9
    turns[bend[over]] = 21
    steps = turns + 3 * upright
    ends = np.cumsum(steps)
    at = ends - steps
    flat = np.empty((int(ends[-1]) if len(ends) else 0, 2))
    flat[at[first]] = np.column_stack((px[first], above[first]))
    reach = px[bend - 1], below[bend - 1], px[bend], above[bend]
    _level(flat, at[bend[far]], _some(reach, far), into[far])
    number, _ = _numbered(into[over], -reach[0][over])
    wrapping.bends(
        flat, at[bend[over]], _some(reach, over), number, placed.low[into[over]], placed.gutter[into[over]]
    )  # fmt: skip
    plain = ~far & ~over
    bend, dx, dy = bend[plain], dx[plain], dy[plain]
    # A wide, low curve needs a firmer hand to leave its box downwards and not sideways.
    hand = dy * np.where(np.abs(dx) < 2 * np.abs(dy), 0.5, 0.8)
    flat[at[bend]] = np.column_stack((px[bend - 1], below[bend - 1] + hand))
    flat[at[bend] + 1] = np.column_stack((px[bend], above[bend] - hand))
    flat[at[bend] + 2] = np.column_stack((px[bend], above[bend]))
    tall_ones = np.flatnonzero(upright)
    here = at + turns
    for k in range(3):
        share = (k + 1) / 3
        level = above[tall_ones] + (below[tall_ones] - above[tall_ones]) * share
        flat[here[tall_ones] + k] = np.column_stack((px[tall_ones], level))
    counts = np.bincount(wire, steps, many).astype(np.int64)
    if chained.all():
        return flat, counts, placed.width
    ends_at = (x0, y0, x1, y1)
    return _with_lanes(flat, counts, wires, ends_at, bottom[from_row], top[to_row], placed.width)


def _level(flat: Floats, at: Longs, ends: Ends, gap: Longs) -> None:
    """Bends over far distances: round a corner, straight along a track, round a corner."""
    x0, y0, x1, y1 = ends
    right = x1 > x0
    # Lines to the right: who begins further right turns first, and passes nobody's way down.
    number, many = _numbered(2 * gap + right, np.where(right, -x0, x0))
    share = (number + np.where(right, 1.0, 0.5)) / (many + 1)
    edge = np.minimum(0.15, CORNER / np.maximum(y1 - y0, 1.0))
    y = y0 + (y1 - y0) * (edge + (1 - 2 * edge) * share)
    turn = np.where(right, CORNER, -CORNER)
    third = (x1 - x0) / 3
    way = (
        (x0, y), (x0, y), (x0 + turn, y), (x0 + third, y), (x1 - third, y), (x1 - turn, y), (x1, y), (x1, y), (x1, y1)
    )  # fmt: skip
    for k, (x, level) in enumerate(way):
        flat[at + k] = np.column_stack((x, level))


def _some(ends: Ends, which: Bools) -> Ends:
    x0, y0, x1, y1 = ends
    return x0[which], y0[which], x1[which], y1[which]


def _numbered(group: Longs, place: Floats) -> tuple[Longs, Longs]:
    """The number of each one's place among the different places of its group, from 0, and how many there are."""
    if not len(group):
        return group, group
    order = np.lexsort((place, group))
    sorted_group, sorted_place = group[order], place[order]
    new = np.append(True, sorted_group[1:] != sorted_group[:-1])
    number = np.cumsum(new | np.append(True, np.diff(sorted_place) > EVEN))
    heads = np.flatnonzero(new)
    counts = np.diff(np.append(heads, len(order)))
    first = number[heads]
    many = np.append(first[1:], number[-1] + 1) - first
    out, of = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    out[order] = number - np.repeat(first, counts)
    of[order] = np.repeat(many, counts)
    return out, of


def _fan(wires: Wires, before: Floats, x1: Floats, w: Floats, chained: Bools) -> Floats:
    """Wires that meet at the same place of a box are spread, so that their heads do not hide each other."""
    shift = np.zeros(len(before))
    free = np.flatnonzero(wires.free & chained)
    if not len(free):
        return shift
    free = free[np.lexsort((before[free], wires.dst[free]))]
    box = wires.dst[free]
    heads = np.flatnonzero(np.append(True, box[1:] != box[:-1]))
    counts = np.diff(np.append(heads, len(free)))
    inside = np.arange(len(free)) - np.repeat(heads, counts)
    # A wire that comes straight down stays straight, and the others stand around it.
    level = np.abs(before[free] - x1[free]) < 2
    middle = (counts - 1) / 2
    hit = np.flatnonzero(level)[::-1]
    which = np.repeat(np.arange(len(heads)), counts)
    middle[which[hit]] = inside[hit]
    step = np.minimum(FAN, w[box] * FAN_SHARE / counts[which])
    shift[free] = (inside - middle[which]) * step
    return shift


def _with_lanes(
    flat: Floats, counts: Longs, wires: Wires, ends: Ends,
    leave: Floats, meet: Floats, widths: Floats,
) -> tuple[Floats, Longs, Floats]:  # fmt: skip
    """Add the wires that run beside everything: one lane per source, a dozen at most, then they are shared."""
    widths = widths.copy()
    lanes: dict[tuple[int, int], float] = {}
    used = [0] * len(widths)
    extra: list[tuple[int, list[tuple[float, float]]]] = []
    edge = widths.copy()
    for k in np.flatnonzero(wires.first == -2).tolist():
        level, source = int(wires.level[k]), int(wires.src[k])
        if (level, source) not in lanes:
            lanes[level, source] = float(edge[level]) + LANE * (used[level] % LANES + 1)
            used[level] += 1
            widths[level] = edge[level] + LANE * (min(used[level], LANES) + 1)
        start, end = (float(ends[0][k]), float(leave[k])), (float(ends[2][k]), float(meet[k]))
        line = lane(start, end, lanes[level, source])
        if start[1] - ends[1][k] > EVEN:
            line = [*straight((start[0], float(ends[1][k])), start)[:-1], *line]
        if ends[3][k] - end[1] > EVEN:
            line = [*line, *straight(end, (end[0], float(ends[3][k])))[1:]]
        extra.append((k, line))
    new_counts = counts.copy()
    for k, line in extra:
        new_counts[k] = len(line)
    begin = np.concatenate(([0], np.cumsum(new_counts)))
    out = np.empty((int(begin[-1]), 2))
    ordinary = np.repeat(counts > 0, new_counts)
    out[ordinary] = flat
    for k, line in extra:
        out[begin[k] : begin[k + 1]] = line
    return out, new_counts, widths
