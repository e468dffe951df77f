"""Lay out one level: Graphviz when it is there and quick enough, else our own layering; cached.

The cache key is the level's shape alone (sizes, anchors, wires): equal layers of a network look
equal and cost one call, and a step that changes only numbers never moves a box.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, OrderedDict

from graphscope.view import dot, layering, polish
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

DOT_LIMIT = 400  # boxes; beyond it Graphviz's cost grows too fast
DOT_WIRES = 1200
DOT_SIDE = 60_000  # px; the cells in which Graphviz attaches wires cannot be larger
HUB_DEGREE, HUB_SPAN = 8, 12
CACHE_SIZE = 4096

_cache: OrderedDict[Level, Placed] = OrderedDict()
_cache_lock = threading.Lock()


def arrange(level: Level, deadline: float = math.inf) -> Placed:
    """Positions and routes of a level (cached by its shape).

    After ``deadline`` (of ``time.monotonic``) Graphviz is not asked any more, so that opening
    everything at once stays bearable.
    """
    with _cache_lock:
        found = _cache.get(level)
        if found is not None:
            _cache.move_to_end(level)
            return found
    hubs = _hub_wires(level)
    core = level
    if hubs:
        kept = (wire for number, wire in enumerate(level.wires) if number not in hubs)
        core = Level(level.boxes, tuple(kept))
    placed = None
    small = 1 < len(core.boxes) <= DOT_LIMIT and len(core.wires) <= DOT_WIRES
    small = small and max(max(box.w, box.h) for box in core.boxes) < DOT_SIDE
    if small and time.monotonic() < deadline:
        text = dot.SERVER.layout(to_dot(core))
        placed = from_plain(text, core) if text else None
    if placed is None:
        placed = layering.arrange(core)
    placed = polish.polish(core, placed)
    if hubs:
        placed = _with_hubs(level, hubs, placed)
    with _cache_lock:
        _cache[level] = placed
        while len(_cache) > CACHE_SIZE:
            _cache.popitem(last=False)
    return placed


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
    lanes: dict[int, float] = {}
    kept = iter(placed.routes)
    routes = []
    for number, (wire, (start, end)) in enumerate(
        zip(level.wires, layering.ends(level, placed.corners), strict=True)
    ):
        if number in hubs:
            x = placed.width + layering.LANE * (len(lanes) % layering.LANES + 1)
            routes.append(tuple(routing.lane(start, end, lanes.setdefault(wire.src, x))))
        else:
            routes.append(next(kept))
    width = placed.width + layering.LANE * (min(len(lanes), layering.LANES) + 1)
    return Placed(placed.corners, tuple(routes), width, placed.height)


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
    return Placed(
        tuple((x - left, y - top) for x, y in corners),
        tuple(tuple((x - left, y - top) for x, y in line) for line in lines),
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
