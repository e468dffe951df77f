"""A layered layout of our own, for when Graphviz is missing, too slow, or the level is very large.

Longest-path ranks, one shared chain of dummy boxes per source for wires that skip ranks (so that
lines pass between cards and a hub costs one chain, not one per user), barycentre ordering, then
x positions by isotonic regression: every row gets as close to its neighbours' anchors as the
minimal gaps allow, in the least-squares sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope.view.level import GAP_X, GAP_Y, Level, Placed, Point, ranks
from graphscope.view.routes import lane, through

ORDER_SWEEPS = 6
PLACE_SWEEPS = 8
DUMMY_WIDTH = 6.0
LANE, LANES = 10.0, 12
LONGEST = 40  # ranks; a longer wire takes a lane at the side instead of so many dummies


@dataclass
class _Cell:
    """A real box or a dummy on one rank. ``anchor`` is where its lines pass, from its left edge."""

    box: int
    rank: int
    w: float
    anchor: float
    x: float = 0.0
    weight: float = 1.0


def arrange(level: Level) -> Placed:
    """Place the boxes of a level and route its wires."""
    if not level.boxes:
        return Placed((), (), 0.0, 0.0)
    rank = ranks(level)
    cells = [
        _Cell(i, rank[i], box.w, _mean(box.tops + box.bottoms, box.w / 2))
        for i, box in enumerate(level.boxes)
    ]
    links, chains = _chains(level, rank, cells)
    rows: list[list[int]] = [[] for _ in range(max(rank) + 1)]
    for index, cell in enumerate(cells):
        rows[cell.rank].append(index)
    up: list[list[int]] = [[] for _ in cells]
    down: list[list[int]] = [[] for _ in cells]
    for a, b in links:
        down[a].append(b)
        up[b].append(a)
    _order(rows, up, down)
    _place(rows, up, down, cells)
    return _finish(level, rows, cells, chains)


def _mean(values: tuple[float, ...], default: float) -> float:
    return sum(values) / len(values) if values else default


def _chains(
    level: Level, rank: list[int], cells: list[_Cell]
) -> tuple[list[tuple[int, int]], list[list[int] | None]]:
    """Add dummies; returns links between cells of neighbouring ranks and each wire's dummies.

    None instead of dummies says that the wire goes along a lane at the side.
    """
    links: dict[tuple[int, int], None] = {}
    shared: dict[tuple[int, int, int], int] = {}
    chains: list[list[int] | None] = []
    for wire in level.wires:
        a, b = wire.src, wire.dst
        if not 0 < rank[b] - rank[a] <= LONGEST:
            chains.append(None)
            continue
        dummies = []
        for r in range(rank[a] + 1, rank[b]):
            key = (a, wire.src_anchor, r)
            if key not in shared:
                shared[key] = len(cells)
                cells.append(_Cell(-1, r, DUMMY_WIDTH, DUMMY_WIDTH / 2, weight=4.0))
            dummies.append(shared[key])
        path = [a, *dummies, b]
        links.update(dict.fromkeys(zip(path, path[1:], strict=False)))
        chains.append(dummies)
    return list(links), chains


def _order(rows: list[list[int]], up: list[list[int]], down: list[list[int]]) -> None:
    """Order every row by the mean position of its neighbours, sweeping down and up."""
    place: dict[int, float] = {}
    for row in rows:
        place.update((c, i) for i, c in enumerate(row))
    for sweep in range(ORDER_SWEEPS):
        near = up if sweep % 2 == 0 else down
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            if len(row) < 2:
                continue
            key = {
                c: sum(place[o] for o in near[c]) / len(near[c]) if near[c] else place[c]
                for c in row
            }
            row.sort(key=key.__getitem__)
            place.update((c, i) for i, c in enumerate(row))


def _place(
    rows: list[list[int]], up: list[list[int]], down: list[list[int]], cells: list[_Cell]
) -> None:
    for row in rows:
        x = 0.0
        for c in row:
            cells[c].x = x
            x += cells[c].w + GAP_X
        shift = (x - GAP_X) / 2
        for c in row:
            cells[c].x -= shift
    for sweep in range(PLACE_SWEEPS):
        both = sweep >= PLACE_SWEEPS - 2
        near = up if sweep % 2 == 0 else down
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wishes, weights = [], []
            for c in row:
                others = up[c] + down[c] if both else near[c]
                cell = cells[c]
                if others:
                    spots = [cells[o].x + cells[o].anchor for o in others]
                    wishes.append(sum(spots) / len(spots) - cell.anchor)
                    weights.append(cell.weight)
                else:
                    wishes.append(cell.x)
                    weights.append(0.05)
            for c, x in zip(row, _separate(row, cells, wishes, weights), strict=True):
                cells[c].x = x


def _separate(
    row: list[int], cells: list[_Cell], wishes: list[float], weights: list[float]
) -> list[float]:
    """Closest positions to the wishes that keep order and gaps (pool adjacent violators)."""
    offsets, total = [], 0.0
    for i, c in enumerate(row):
        offsets.append(total)
        thin = cells[c].box < 0 and i + 1 < len(row) and cells[row[i + 1]].box < 0
        total += cells[c].w + (GAP_X / 3 if thin else GAP_X if cells[c].box >= 0 else GAP_X / 2)
    blocks: list[list[float]] = []  # mean, weight, count
    for wish, weight, offset in zip(wishes, weights, offsets, strict=True):
        blocks.append([wish - offset, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, w, count = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + mean * w) / (last[1] + w)
            last[1] += w
            last[2] += count
    bases = [mean for mean, _, count in blocks for _ in range(int(count))]
    return [base + offset for base, offset in zip(bases, offsets, strict=True)]


def _finish(
    level: Level,
    rows: list[list[int]],
    cells: list[_Cell],
    chains: list[list[int] | None],
) -> Placed:
    """Rows to y positions, everything to positive x, chains to cubic splines."""
    left = min(cell.x for cell in cells)
    right = max(cell.x + cell.w for cell in cells)
    tops, heights, y = [], [], 0.0
    for row in rows:
        height = max((level.boxes[cells[c].box].h for c in row if cells[c].box >= 0), default=0.0)
        tops.append(y)
        heights.append(height)
        y += height + GAP_Y
    corners = [(0.0, 0.0)] * len(level.boxes)
    for cell in cells:
        if cell.box >= 0:
            spare = heights[cell.rank] - level.boxes[cell.box].h
            corners[cell.box] = (cell.x - left, tops[cell.rank] + spare / 2)
    lanes: dict[int, float] = {}
    routes = []
    for wire, chain, (start, end) in zip(level.wires, chains, ends(level, corners), strict=True):
        if chain is None:
            # One lane per source, a dozen at most: beyond that lines share lanes.
            x = lanes.setdefault(wire.src, right - left + LANE * (len(lanes) % LANES + 1))
            routes.append(tuple(lane(start, end, x)))
            continue
        spans = []
        for c in chain:
            x, top = cells[c].x - left + cells[c].anchor, tops[cells[c].rank]
            spans.append((x, top, top + heights[cells[c].rank]))
        routes.append(tuple(through(start, spans, end)))
    width = right - left + (LANE * (min(len(lanes), LANES) + 1) if lanes else 0.0)
    return Placed(tuple(corners), tuple(routes), width, y - GAP_Y)


def ends(level: Level, corners: Sequence[Point]) -> list[tuple[Point, Point]]:
    """Where every wire leaves and meets its boxes: at its anchor, or in the middle."""
    out = []
    for wire in level.wires:
        a, b = level.boxes[wire.src], level.boxes[wire.dst]
        (ax, ay), (bx, by) = corners[wire.src], corners[wire.dst]
        leave = a.bottoms[wire.src_anchor] if wire.src_anchor >= 0 else a.w / 2
        meet = b.tops[wire.dst_anchor] if wire.dst_anchor >= 0 else b.w / 2
        out.append(((ax + leave, ay + a.h), (bx + meet, by)))
    return out
