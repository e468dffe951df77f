"""How far to the left every cell of a row stands: lines straight, cards near what they are wired to, nothing overlapping.

Cells that are each other's best neighbours in successive rows form a block that wants one vertical line (a chain of
dummies, a row of ops): the alignment of Brandes and Koepf. Blocks are then pulled by their other links as by
springs, while every row keeps its order and its gaps in the least-squares sense (pool adjacent violators); at last
each block becomes exactly straight where its neighbours leave it the room. All rows of all levels at once.

Sources: Brandes, Koepf, "Fast and simple horizontal coordinate assignment", Graph Drawing 2001; Ruegg, Schulze, Carstens,
von Hanxleden, "Size- and port-aware horizontal node coordinate assignment", Graph Drawing 2015, for the places at which
links meet a cell; Barlow, Bartholomew, Bremner, Brunk, "Statistical inference under order restrictions", 1972.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphscope.view.level import GAP_X, Bools, Floats, Longs

if TYPE_CHECKING:
    from graphscope.view.layering import Cells

STEPS = 24  # rounds of pulling
STRAIGHTEN = 4
INERTIA = 0.5
WIDE, CENTRED = (
    800.0,
    3.0,
)  # px; a box that is wider wants to stand in the middle, and need not end a straight line
RIGID = 20.0  # a block of so many cells, and a longer one, gives way to single cells no more


def place(cells: Cells, order: Longs) -> Floats:
    """The left edge of every cell; ``order`` has the cells row by row from left to right."""
    n = cells.n
    row, dummy = cells.row[order], cells.dummy[order]
    first = np.ones(n, np.bool_)
    first[1:] = row[1:] != row[:-1]
    apart = np.zeros(n)
    apart[1:] = cells.w[order][:-1] + gaps(dummy[:-1], dummy[1:])
    apart[first] = 0.0
    at = _from_row_start(np.cumsum(apart), first)
    slot = np.empty(n, np.int64)
    slot[order] = np.arange(n)
    a, b, shift = slot[cells.a], slot[cells.b], cells.lead_a - cells.lead_b

    wide = cells.w[order] > WIDE
    inner = _aligned(cells, a, b, n) & ~wide[a] & ~wide[b]
    block, d = _blocks(a, b, shift, inner, n)
    outer = ~inner
    ends = np.concatenate((a[outer], b[outer]))
    others = np.concatenate((b[outer], a[outer]))
    lead = np.concatenate((-shift[outer], shift[outer]))  # what to add to the other's x
    pull = np.tile(cells.pull[outer], 2)
    owner = block[ends]
    blocks = int(block.max()) + 1
    size = np.bincount(block, minlength=blocks)
    force = np.bincount(owner, pull, blocks)
    weight = (np.minimum(size, RIGID) * (0.2 + np.minimum(force, 10.0)))[block]

    # A row of wide boxes whose lines enter on the left and leave on the right would wander off to the side.
    home = np.where(wide, CENTRED * np.minimum(cells.w[order] / WIDE, 8.0), 0.0)
    base = np.bincount(block, home * (-cells.w[order] / 2 - d), blocks)
    force = force + np.bincount(block, home, blocks)

    x = at - _middle(at + cells.w[order], first) / 2
    runs = np.cumsum(first) - 1
    idle = np.flatnonzero((force == 0)[block])
    level = cells.level[order]
    for _ in range(STEPS):
        own = np.bincount(block, x - d, blocks) / size
        wish = base + np.bincount(owner, pull * (x[others] + lead - d[ends]), blocks)
        goal = np.where(force > 0, wish / np.maximum(force, 1e-9), own)
        goal = INERTIA * own + (1 - INERTIA) * goal
        goal[block[idle]] = _beside(x, apart, first, level, idle)
        x = _kept_apart(goal[block] + d, weight, at, runs)
    slack = np.zeros(n + 1)
    for _ in range(STRAIGHTEN):
        slack[1:n] = x[1:] - x[:-1] - apart[1:]
        slack[:n][first] = np.inf
        slack[n] = np.inf
        low = np.full(blocks, -np.inf)
        high = np.full(blocks, np.inf)
        np.maximum.at(low, block, x - slack[:-1] / 2 - d)
        np.minimum.at(high, block, x + slack[1:] / 2 - d)
        mean = np.bincount(block, x - d, blocks) / size
        fits = low <= high
        x = np.where(fits[block], np.clip(mean, low, np.maximum(low, high))[block] + d, x)
    out = np.empty(n)
    out[order] = x
    return out


def gaps(left: Bools, right: Bools) -> Floats:
    """The least distance between neighbours in a row, by whether they are dummies."""
    found: Floats = np.where(left & right, GAP_X / 3, np.where(left | right, GAP_X / 2, GAP_X))
    return found


def _beside(x: Floats, apart: Floats, first: Bools, level: Longs, idle: Longs) -> Floats:
    """Where cells that nothing pulls want to be: close to their neighbours in the row, else amid their level."""
    ended = np.append(first[1:], True)
    left, right = ~first[idle], ~ended[idle]
    before, after = np.maximum(idle - 1, 0), np.minimum(idle + 1, len(x) - 1)
    wish = left * (x[before] + apart[idle]) + right * (x[after] - apart[after])
    mean = np.bincount(level, x) / np.maximum(np.bincount(level), 1)
    found: Floats = np.where(
        left | right, wish / np.maximum(left * 1 + right, 1), mean[level[idle]]
    )
    return found


def _from_row_start(ends: Floats, first: Bools) -> Floats:
    heads = np.flatnonzero(first)
    counts = np.diff(np.append(heads, len(first)))
    found: Floats = ends - np.repeat(ends[heads], counts)
    return found


def _middle(right: Floats, first: Bools) -> Floats:
    """How wide each cell's row is."""
    heads = np.flatnonzero(first)
    stops = np.append(heads[1:], len(first))
    found: Floats = np.repeat(right[stops - 1], stops - heads)
    return found


def _aligned(cells: Cells, a: Longs, b: Longs, n: int) -> Bools:
    """Which links hold a block together: those that are the best one of both their ends.

    It is the strongest, and of equal ones that in the middle: where there is none, the cell stands in between. Links
    within long lines are the strongest of all, so that these are straight; of two that would cross, the one
    that is later in its row gives way.
    """
    if not len(a):
        return np.zeros(0, np.bool_)
    best = np.ones(len(a), np.bool_)
    for near, far in ((a, b), (b, a)):
        order = np.lexsort((far, -cells.pull, near))
        heads = np.flatnonzero(np.append(True, np.diff(near[order]) != 0))
        counts = np.diff(np.append(heads, len(order)))
        strong = cells.pull[order] == np.repeat(cells.pull[order][heads], counts)
        many = np.add.reduceat(strong.astype(np.int64), heads)
        chosen = np.zeros(len(a), np.bool_)
        chosen[order[(heads + many // 2)[many % 2 == 1]]] = True
        best &= chosen
    links = np.flatnonzero(best)
    links = links[np.argsort(a[links], kind="stable")]
    gap = cells.row[cells.b][links]
    links = links[np.argsort(gap, kind="stable")]
    gap = cells.row[cells.b][links]
    # Within a gap, from left to right, the lower ends must run to the right as well.
    reach = b[links].astype(np.float64) + gap * (n + 1.0)
    crossing = reach < np.maximum.accumulate(reach)
    best[links[crossing]] = False
    return best


def _blocks(a: Longs, b: Longs, shift: Floats, inner: Bools, n: int) -> tuple[Longs, Floats]:
    """The block of every cell and how far right of the block's line it stands (pointer jumping)."""
    parent = np.arange(n)
    d = np.zeros(n)
    parent[b[inner]] = a[inner]
    d[b[inner]] = shift[inner]
    while True:
        above = parent[parent]
        if np.array_equal(above, parent):
            break
        d += np.where(above != parent, d[parent], 0.0)
        parent = above
    return np.unique(parent, return_inverse=True)[1], d


def _kept_apart(wish: Floats, weight: Floats, at: Floats, runs: Longs) -> Floats:
    """The places closest to the wishes that keep order and distances: in every row a regression that only rises.

    Neighbours in the wrong order are pooled to their mean until none are left.
    """
    value, w, run = wish - at, weight, runs
    counts = np.ones(len(value), np.int64)
    while True:
        joined = (value[1:] < value[:-1]) & (run[1:] == run[:-1])
        if not joined.any():
            break
        heads = np.flatnonzero(np.concatenate(([True], ~joined)))
        total = np.add.reduceat(w, heads)
        value = np.add.reduceat(value * w, heads) / total
        counts = np.add.reduceat(counts, heads)
        w, run = total, run[heads]
    found: Floats = np.repeat(value, counts) + at
    return found
