"""A layered layout of our own: for large levels, and for all where Graphviz is missing or too slow.

The levels of a view are laid out together, so that every loop that counts runs once over all of them in
numpy: ranks by longest path, one shared chain of thin dummies per source for wires that skip ranks (so that
lines pass between cards and a hub costs one chain, not one per user), crossings reduced (``crossing``), x by
aligned blocks that are pulled and kept apart (``placing``), y by rank, splines in the free channels (``tracing``).

Source: Sugiyama, Tagawa, Toda, "Methods for visual understanding of hierarchical system structures", IEEE
Transactions on Systems, Man, and Cybernetics 11 (1981).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from graphscope.view import crossing, placing, tracing
from graphscope.view.level import Bools, Floats, Level, Longs, Placed, ranks

DUMMY_WIDTH = 6.0
LONGEST = 40  # ranks; of longer wires so many per box may have dummies, and a few, then they take a lane at the side
PER_BOX, FEW = 2, 500
USERS = 64  # of one source that many ranks away; each of their lines is told from the source on
STIFF = 8.0  # how much a piece between two dummies wants to be straight
LOOSE = 0.9  # and its ends: a little less than a short wire, which is rather the way on


@dataclass
class Cells:
    """Boxes of all levels and then dummies, in rows; links run from each row to the next.

    ``row`` counts the ranks of all levels, ``level``, one after the other. ``lead`` is where a link meets a cell, from its
    left edge: at ``a`` (above) and at ``b`` (below).
    """

    w: Floats
    level: Longs
    rank: Longs
    row: Longs
    dummy: Bools
    seed: Floats
    """By which a row is ordered at first: program order, a dummy beside its source."""
    a: Longs
    b: Longs
    lead_a: Floats
    lead_b: Floats
    pull: Floats

    @property
    def n(self) -> int:
        return len(self.w)


@dataclass
class Wires:
    """The wires of all levels; ``first`` is the dummy below the source, -1 without, -2 for a lane at the side."""

    src: Longs
    dst: Longs
    leave: Floats
    meet: Floats
    weight: Floats
    free: Bools
    """Those that choose where they meet their box."""
    first: Longs
    level: Longs


def arrange_all(levels: Sequence[Level]) -> list[Placed]:
    """Place the boxes of every level and route its wires; each comes out as if it were alone."""
    out = [Placed.of((), (), 0.0, 0.0)] * len(levels)
    alike: dict[int, list[tuple[int, list[int]]]] = {}
    for k, level in enumerate(levels):
        if level.boxes:
            rank = ranks(level)
            alike.setdefault(crossing.sweeps(max(rank)), []).append((k, rank))
    for sweeps, batch in alike.items():
        placed = _together([levels[k] for k, _ in batch], [rank for _, rank in batch], sweeps)
        for (k, _), done in zip(batch, placed, strict=True):
            out[k] = done
    return out


def _together(filled: Sequence[Level], found: Sequence[list[int]], sweeps: int) -> list[Placed]:
    """Levels with boxes, and the ranks of these."""
    sizes = np.array([len(level.boxes) for level in filled])
    base = np.concatenate(([0], np.cumsum(sizes)))
    heights = np.array([box.h for level in filled for box in level.boxes])
    rank = np.array(list(chain.from_iterable(found)), np.int64)
    deep = np.maximum.reduceat(rank, base[:-1]) + 1
    row_base = np.concatenate(([0], np.cumsum(deep)))
    cells, wires = _cells(filled, base, rank, row_base)
    order = crossing.order(cells, sweeps)
    x = placing.place(cells, order)
    return tracing.trace(filled, base, cells, wires, x, heights, row_base)


def arrange(level: Level) -> Placed:
    """One level alone."""
    return arrange_all([level])[0]


def _wires(levels: Sequence[Level], base: Longs, w: Floats, rank: Longs) -> Wires:
    src, dst, leave, meet, weight, free = [], [], [], [], [], []
    for start, level in zip(base.tolist(), levels, strict=False):
        boxes = level.boxes
        for a, b, i, j, pull in level.wires:
            src.append(start + a)
            dst.append(start + b)
            leave.append(boxes[a].bottoms[i] if i >= 0 else boxes[a].w / 2)
            meet.append(boxes[b].tops[j] if j >= 0 else boxes[b].w / 2)
            weight.append(pull)
            free.append(j < 0 and boxes[b].role == 0)
    counts = [len(level.wires) for level in levels]
    return Wires(
        np.array(src, np.int64), np.array(dst, np.int64), np.array(leave, np.float64), np.array(meet, np.float64),
        np.array(weight, np.float64), np.array(free, np.bool_), np.full(len(src), -1, np.int64),
        np.repeat(np.arange(len(levels)), counts),
    )  # fmt: skip


def _too_long(wires: Wires, span: Longs, boxes: Longs) -> Bools:
    """Wires for which there would be too many dummies: of the long ones, those of the farthest-reaching sources."""
    found = span > LONGEST
    far = np.flatnonzero(found)
    if not len(far):
        return found
    # Longest last, source by source: what they need is what the longest wire of each needs.
    far = far[np.lexsort((span[far], wires.leave[far], wires.src[far]))]
    last = np.append((np.diff(wires.src[far]) != 0) | (np.diff(wires.leave[far]) != 0), True)
    source = np.cumsum(last) - last
    need, level = span[far[last]], wires.level[far[last]]
    order = np.lexsort((need, level))
    total = np.cumsum(need[order])
    begin = np.searchsorted(level[order], level[order])
    before = total - (total[begin] - need[order][begin])
    fits = np.empty(len(need), np.bool_)
    fits[order] = before <= PER_BOX * boxes[level[order]] + FEW
    fits &= np.bincount(source) <= USERS
    found[far] = ~fits[source]
    return found


def _cells(
    levels: Sequence[Level], base: Longs, rank: Longs, row_base: Longs
) -> tuple[Cells, Wires]:
    """Dummies for the wires that skip ranks, and the links between neighbouring rows."""
    w = np.array([box.w for level in levels for box in level.boxes], np.float64)
    # On a grid of binary fractions sums are exact: a row is the same wherever it stands among the others.
    w = np.ceil(w * 64) / 64
    wires = _wires(levels, base, w, rank)
    n = len(w)
    span = rank[wires.dst] - rank[wires.src]
    wires.first[(span < 1) | _too_long(wires, span, np.diff(base))] = -2
    long = np.flatnonzero((span > 1) & (wires.first != -2))
    # One chain for all long wires that leave a box at the same place, as long as the longest of them.
    order = np.lexsort((wires.leave[long], wires.src[long]))
    long = long[order]
    new = np.ones(len(long), np.bool_)
    new[1:] = (np.diff(wires.src[long]) != 0) | (np.diff(wires.leave[long]) != 0)
    heads = np.flatnonzero(new)
    which = np.cumsum(new) - 1
    lengths = np.maximum.reduceat(span[long], heads) - 1 if len(heads) else np.empty(0, np.int64)
    starts = n + np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    wires.first[long] = starts[which]
    source = np.repeat(wires.src[long[heads]], lengths)
    total = len(source)
    step = np.arange(total) - np.repeat(starts[:-1] - n, lengths) + 1
    level_of = np.repeat(np.arange(len(levels)), np.diff(base))
    all_rank = np.concatenate((rank, rank[source] + step))
    level = np.concatenate((level_of, level_of[source]))
    row = row_base[level] + all_rank
    seed = np.concatenate((np.arange(n, dtype=np.float64), source + 0.5))

    # Links: short wires; sources to their chains; along the chains; from the chains to the users.
    short = np.flatnonzero(span == 1)
    along = n + np.flatnonzero(step > 1)
    # Several wires may leave a chain into the same box: one link for them all.
    tail = starts[which] + span[long] - 2
    half = DUMMY_WIDTH / 2
    a = np.concatenate((wires.src[short], wires.src[long[heads]], along - 1, tail))
    b = np.concatenate((wires.dst[short], starts[:-1], along, wires.dst[long]))
    lead_a = np.concatenate(
        (wires.leave[short], wires.leave[long[heads]], np.full(len(along) + len(tail), half))
    )
    lead_b = np.concatenate(
        (wires.meet[short], np.full(len(heads) + len(along), half), wires.meet[long])
    )
    pull = np.concatenate(
        (wires.weight[short], LOOSE * wires.weight[long[heads]], np.full(len(along), STIFF), LOOSE * wires.weight[long])
    )  # fmt: skip
    width = np.concatenate((w, np.full(total, DUMMY_WIDTH)))
    dummy = np.arange(n + total) >= n
    return Cells(width, level, all_rank, row, dummy, seed, a, b, lead_a, lead_b, pull), wires
