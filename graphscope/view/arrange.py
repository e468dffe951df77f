"""Lay out levels: small ones by Graphviz when it is there, the others by our own layering; cached.

The cache key is the level's shape alone (sizes, anchors, wires): equal layers of a network look
equal and cost one call, and a step that changes only numbers never moves a box.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence

from graphscope.view import dot, layering, polish, tracing
from graphscope.view import routes as routing
from graphscope.view.level import (
    GAP_X,
    GAP_Y,
    IN,
    INNER,
    OUT,
    Box,
    Level,
    Placed,
    Point,
    Wire,
    ranks,
)

DOT_LIMIT, DOT_WIRES = (
    120,
    300,
)  # boxes, wires; beyond them its cost grows fast, and ours are the straighter lines
DOT_BUDGET_MS = 250.0  # for the levels of one view, as reckoned by ``dot_ms``
DOT_SIDE = 2_400  # px; a row of wider boxes wanders off to the side where lines are to be straight
HUB_DEGREE, HUB_SPAN = 8, 12
CACHE_SIZE, CACHE_POINTS = 4096, 2_000_000  # levels, and points of all their lines

_cache: OrderedDict[Level, Placed] = OrderedDict()
_cache_lock = threading.Lock()


def arrange_all(
    levels: Sequence[Level], by_dot: Sequence[bool], deadline: float = math.inf
) -> list[Placed]:
    """Positions and routes of levels (cached by their shape).

    ``by_dot`` says which may be Graphviz's; after ``deadline`` (of ``time.monotonic``) it is not asked any more,
    so that a Graphviz that hangs costs seconds and no more.
    """
    found: dict[Level, Placed] = {}
    with _cache_lock:
        for level in levels:
            known = _cache.get(level)
            if known is not None:
                _cache.move_to_end(level)
                found[level] = known
    fresh: dict[Level, Placed] = {}
    ours: dict[Level, None] = {}
    for level, may in zip(levels, by_dot, strict=True):
        if level in found or level in fresh or level in ours:
            continue
        placed = _by_dot(level) if may and time.monotonic() < deadline else None
        if placed is None:
            ours[level] = None
        else:
            fresh[level] = placed
    fresh |= zip(ours, layering.arrange_all([*ours]), strict=True)
    with _cache_lock:
        _cache.update(fresh)
        points = sum(len(placed.points) for placed in _cache.values())
        while len(_cache) > CACHE_SIZE or (points > CACHE_POINTS and len(_cache) > 1):
            points -= len(_cache.popitem(last=False)[1].points)
    found |= fresh
    return [found[level] for level in levels]


def arrange(level: Level) -> Placed:
    """Positions and routes of one level."""
    return arrange_all([level], [True])[0]


def dot_ms(boxes: int, wires: int) -> float:
    """About how long Graphviz takes for a level; it does not get one of more than a few hundred boxes at all."""
    if boxes > DOT_LIMIT or wires > DOT_WIRES:
        return math.inf
    return 0.6 + 3e-4 * float(boxes + wires) ** 2


def _by_dot(level: Level) -> Placed | None:
    """What Graphviz makes of a level, if it is there and the level one for it."""
    if len(level.boxes) < 2 or math.isinf(dot_ms(len(level.boxes), len(level.wires))):
        return None
    if max(max(box.w, box.h) for box in level.boxes) >= DOT_SIDE:
        return None
    hubs = _hub_wires(level)
    core = level
    if hubs:
        kept = (wire for number, wire in enumerate(level.wires) if number not in hubs)
        core = Level(level.boxes, tuple(kept))
    text = dot.SERVER.layout(to_dot(core))
    placed = from_plain(text, core) if text else None
    return _with_hubs(level, hubs, polish.polish(core, placed)) if placed is not None else None


def clear() -> None:
    """Forget all layouts (tests use it)."""
    with _cache_lock:
        _cache.clear()


def to_dot(level: Level) -> str:
    """DOT text of a level: numbered nodes of fixed size, no labels, anchors as table cells."""
    lines = [
        "digraph {",
        f"graph [ranksep={GAP_Y / 72:.4f} nodesep={GAP_X / 72:.4f}]",
        'node [shape=box fixedsize=true label="" margin=0]',
        "edge [arrowhead=none]",
    ]
    for role, rank in ((IN, "source"), (OUT, "sink")):
        names = [f"n{i}" for i, box in enumerate(level.boxes) if box.role == role]
        if names:
            lines.append(f"{{rank={rank}; {'; '.join(names)}}}")
    for i, box in enumerate(level.boxes):
        if box.tops or box.bottoms:
            lines.append(f"n{i} [shape=plain fixedsize=false label=<{_table(box)}>]")
        else:
            lines.append(f"n{i} [width={box.w / 72:.4f} height={max(box.h, 0.5) / 72:.4f}]")
    for wire in level.wires:
        tail = f"b{wire.src_anchor}:s" if wire.src_anchor >= 0 else "s"
        head = f"t{wire.dst_anchor}:n" if wire.dst_anchor >= 0 else "n"
        lines.append(f"n{wire.src}:{tail} -> n{wire.dst}:{head} [weight={wire.weight}]")
    lines.append("}")
    return "\n".join(lines)


def _table(box: Box) -> str:
    """Two rows of empty cells; the thin cells named t0, b0, ... are where wires may attach."""
    half = round(box.h / 2)
    rows = (
        _row("t", box.tops, round(box.w), half),
        _row("b", box.bottoms, round(box.w), round(box.h) - half),
    )
    flat = 'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'
    inner = "".join(f"<TR><TD><TABLE {flat}><TR>{row}</TR></TABLE></TD></TR>" for row in rows)
    return f"<TABLE {flat}>{inner}</TABLE>"


def _row(prefix: str, anchors: tuple[float, ...], width: int, height: int) -> str:
    cells, at = [], 0
    for index in sorted(range(len(anchors)), key=anchors.__getitem__):
        start = max(round(anchors[index]) - 1, at)
        if start > at:
            cells.append(_cell(start - at, height))
        cells.append(_cell(2, height, f' PORT="{prefix}{index}"'))
        at = start + 2
    if width > at:
        cells.append(_cell(width - at, height))
    return "".join(cells)


def _cell(width: int, height: int, port: str = "") -> str:
    return f'<TD{port} WIDTH="{width}" HEIGHT="{height}" FIXEDSIZE="TRUE"></TD>'


def _hub_wires(level: Level) -> set[int]:
    """The far wires of hubs. They run beside everything and are kept from the layout engine.

    One value that is used everywhere can cost Graphviz a minute, and makes any layout unreadable.
    """
    degree = Counter(wire.src for wire in level.wires)
    if max(degree.values(), default=0) <= HUB_DEGREE:
        return set()
    rank = ranks(level)
    return {
        number
        for number, wire in enumerate(level.wires)
        if degree[wire.src] > HUB_DEGREE
        and level.boxes[wire.src].role == INNER
        and rank[wire.dst] - rank[wire.src] > HUB_SPAN
    }


def _with_hubs(level: Level, hubs: set[int], placed: Placed) -> Placed:
    """Add the wires of hubs: along lanes at the right, one for each source."""
    if not hubs:
        return placed
    lanes: dict[int, float] = {}
    kept = iter(placed.routes)
    routes: list[Sequence[Point]] = []
    corners = placed.corners.tolist()
    for number, wire in enumerate(level.wires):
        if number not in hubs:
            routes.append(next(kept))
            continue
        a, b = level.boxes[wire.src], level.boxes[wire.dst]
        (ax, ay), (bx, by) = corners[wire.src], corners[wire.dst]
        leave = a.bottoms[wire.src_anchor] if wire.src_anchor >= 0 else a.w / 2
        meet = b.tops[wire.dst_anchor] if wire.dst_anchor >= 0 else b.w / 2
        x = placed.width + tracing.LANE * (len(lanes) % tracing.LANES + 1)
        x = lanes.setdefault(wire.src, x)
        routes.append(routing.lane((ax + leave, ay + a.h), (bx + meet, by), x))
    width = placed.width + tracing.LANE * (min(len(lanes), tracing.LANES) + 1)
    return Placed.of(corners, routes, width, placed.height)


def from_plain(text: str, level: Level) -> Placed | None:
    """Read Graphviz's ``plain`` output; None when it does not hold every box and wire."""
    centres: dict[int, Point] = {}
    routes: dict[tuple[int, int], list[list[Point]]] = {}
    try:
        for line in text.splitlines():
            if line.startswith("node "):
                parts = line.split(maxsplit=4)
                centres[int(parts[1][1:])] = (float(parts[2]) * 72, -float(parts[3]) * 72)
            elif line.startswith("edge "):
                parts = line.split()
                count = int(parts[3])
                flat = [float(v) * 72 for v in parts[4 : 4 + 2 * count]]
                points = [(flat[k], -flat[k + 1]) for k in range(0, 2 * count, 2)]
                ends = (int(parts[1][1:].split(":")[0]), int(parts[2][1:].split(":")[0]))
                routes.setdefault(ends, []).append(points)
        corners = [
            (centres[i][0] - box.w / 2, centres[i][1] - box.h / 2)
            for i, box in enumerate(level.boxes)
        ]
        lines = [_take(routes[wire.src, wire.dst], wire, level, corners) for wire in level.wires]
    except (KeyError, IndexError, ValueError):
        return None
    xs = [x for x, _ in corners] + [x for line in lines for x, _ in line]
    left, top = min(xs), min(y for _, y in corners)
    right = max(
        max(x + box.w for (x, _), box in zip(corners, level.boxes, strict=True)),
        max((x for line in lines for x, _ in line), default=left),
    )
    bottom = max(y + box.h for (_, y), box in zip(corners, level.boxes, strict=True))
    return Placed.of(
        [(x - left, y - top) for x, y in corners],
        [[(x - left, y - top) for x, y in line] for line in lines],
        right - left,
        bottom - top,
    )


def _take(routes: list[list[Point]], wire: Wire, level: Level, corners: list[Point]) -> list[Point]:
    """The route of a wire; parallel wires come in any order and are told apart by their ends."""
    if len(routes) == 1:
        return routes.pop()
    start, end = level.boxes[wire.src].bottoms, level.boxes[wire.dst].tops
    a = corners[wire.src][0] + start[wire.src_anchor] if wire.src_anchor >= 0 else None
    b = corners[wire.dst][0] + end[wire.dst_anchor] if wire.dst_anchor >= 0 else None

    def distance(route: list[Point]) -> float:
        return (abs(route[0][0] - a) if a is not None else 0.0) + (
            abs(route[-1][0] - b) if b is not None else 0.0
        )

    best = min(routes, key=distance)
    routes.remove(best)
    return best
