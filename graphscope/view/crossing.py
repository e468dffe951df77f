"""The order of cells in every row such that few links cross.

Sweeps down and up put each cell at the mean place of its neighbours in the row before (barycentres), for all
levels at once; then neighbours change places wherever that takes crossings away.

Sources: Sugiyama, Tagawa, Toda (1981) for the barycentres; Gansner, Koutsofios, North, Vo, "A technique for
drawing directed graphs", IEEE Transactions on Software Engineering 19 (1993), for the exchanges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphscope.view.level import Floats, Longs

if TYPE_CHECKING:
    from graphscope.view.layering import Cells

SWEEPS = (
    (60, 12),
    (120, 6),
)  # so many below so many ranks; deep levels have narrow rows, which need fewer
LEAST = 4
ROUNDS = 4  # of exchanges
MOST_PAIRS = 4096  # of links of two neighbours; two hubs stay where they are
GAP = 12.0


def sweeps(deepest: int) -> int:
    """How often a level of so many ranks is swept."""
    return next((many for most, many in SWEEPS if deepest < most), LEAST)


def order(cells: Cells, sweeps: int) -> Longs:
    """All cells, row by row from left to right."""
    found = np.lexsort((cells.seed, cells.row))
    found = _swept(cells, found, sweeps)
    return _exchanged(cells, found)


def _swept(cells: Cells, order: Longs, sweeps: int) -> Longs:
    deepest = int(cells.rank.max())
    if deepest < 1 or not len(cells.a):
        return order
    by_rank = np.argsort(cells.rank[order], kind="stable")
    order = order[by_rank]  # rank by rank; within a rank level by level
    cuts = np.searchsorted(cells.rank[order], np.arange(deepest + 2))
    x = np.empty(cells.n)
    x[order] = _pack(cells, order)
    local = np.empty(cells.n, np.int64)
    sides = []
    for near, far, shift in (
        (cells.b, cells.a, cells.lead_a - cells.lead_b),
        (cells.a, cells.b, cells.lead_b - cells.lead_a),
    ):
        sorted_by = np.argsort(cells.rank[near], kind="stable")
        parts = np.searchsorted(cells.rank[near][sorted_by], np.arange(deepest + 2))
        sides.append((near[sorted_by], far[sorted_by], shift[sorted_by], parts))
    for sweep in range(sweeps):
        near, far, shift, parts = sides[sweep % 2]
        way = range(1, deepest + 1) if sweep % 2 == 0 else range(deepest - 1, -1, -1)
        for rank in way:
            here = order[cuts[rank] : cuts[rank + 1]]
            m = len(here)
            if not m:
                continue
            local[here] = np.arange(m)
            links = slice(parts[rank], parts[rank + 1])
            at = local[near[links]]
            count = np.bincount(at, minlength=m)
            sums = np.bincount(at, x[far[links]] + shift[links], m)
            wish = np.where(count > 0, sums / np.maximum(count, 1), x[here])
            found = here[np.lexsort((wish, cells.row[here]))]
            order[cuts[rank] : cuts[rank + 1]] = found
            x[found] = _pack(cells, found)
    return order[np.argsort(cells.row[order], kind="stable")]


def _pack(cells: Cells, here: Longs) -> Floats:
    """The left edges of cells that stand side by side in this order, every row around zero."""
    row, wide = cells.row[here], cells.w[here] + GAP
    ends = np.cumsum(wide)
    heads = np.flatnonzero(np.concatenate(([True], row[1:] != row[:-1])))
    stops = np.append(heads[1:], len(here))
    middle = (ends[heads] - wide[heads] + ends[stops - 1]) / 2
    packed: Floats = ends - wide - np.repeat(middle, stops - heads)
    return packed


def _exchanged(cells: Cells, order: Longs) -> Longs:
    """Neighbours change places where fewer links cross then: every second pair of every second row at a time."""
    n = cells.n
    if n < 2 or not len(cells.a):
        return order
    place = np.empty(n, np.float64)
    slots = np.arange(n)
    row = cells.row[order]  # exchanges do not change in which row a slot is
    odd_row = cells.rank[order] % 2
    odd_slot = (slots - np.searchsorted(row, row)) % 2
    down, up = _lists(cells.a, cells.b, n), _lists(cells.b, cells.a, n)
    for _ in range(ROUNDS):
        changed = 0
        for turn in range(4):
            place[order] = slots
            turns = (odd_row[:-1] == turn // 2) & (odd_slot[:-1] == turn % 2)
            here = np.flatnonzero((row[:-1] == row[1:]) & turns)
            if not len(here):
                continue
            u, v = order[here], order[here + 1]
            saved = np.zeros(len(here), np.int64)
            for begin, other in (down, up):
                saved += _saved(u, v, begin, other, place)
            swap = here[saved > 0]
            order[swap], order[swap + 1] = order[swap + 1], order[swap].copy()
            changed += len(swap)
        if not changed:
            break
    return order


def _lists(a: Longs, b: Longs, n: int) -> tuple[Longs, Longs]:
    """The neighbours of all cells one after the other, and where those of each begin."""
    begin = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(a, minlength=n), out=begin[1:])
    return begin, b[np.argsort(a, kind="stable")]


def _saved(u: Longs, v: Longs, begin: Longs, other: Longs, place: Floats) -> Longs:
    """Crossings of each pair's links on one side that go away when u and v change places."""
    many_u, many_v = begin[u + 1] - begin[u], begin[v + 1] - begin[v]
    pairs = np.where(many_u * many_v <= MOST_PAIRS, many_u * many_v, 0)
    total = int(pairs.sum())
    if total == 0:
        return np.zeros(len(u), np.int64)
    which = np.repeat(np.arange(len(u)), pairs)
    inner = np.arange(total) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    width = many_v[which]
    p = place[other[begin[u][which] + inner // width]]
    q = place[other[begin[v][which] + inner % width]]
    gain: Longs = np.bincount(which, np.sign(p - q), len(u)).astype(np.int64)
    return gain
