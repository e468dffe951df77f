"""Place everything: each open scope is laid out alone, then stands as one box in its parent.

Lines are cut at the borders of open scopes. Every cut gets a port, the ports' places are fixed by
the inner layout and given to the outer one as anchors, and the pieces are joined to one smooth
spline: so lines run on into groups, however deep.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from graphscope.view import level as lv
from graphscope.view.arrange import arrange
from graphscope.view.level import Box, Level, Placed, Point, Wire
from graphscope.view.routes import straight
from graphscope.view.structure import Scope
from graphscope.view.visible import Link, Node, Visible

SIDE_GAP, STACK_GAP, COLUMN = 36.0, 8.0, 4
PAD_SIDE, PAD_TOP, PAD_BOTTOM = 20.0, 40.0, 20.0
MIN_GROUP = 208.0
DOT_BUDGET_S = 3.0  # for all levels of a view together; then our own layering goes on
MAIN = 6  # weight of wires on the main path: they stay straight
PORT_WIDTH, PORT_HEIGHT = 12.0, 0.5

# Ends of a wire on one level: ("node", id, ""), ("group", path, port), ("in", "", port), ("out", ...).
End = tuple[str, str, str]
Segment = tuple[str, End, End]


@dataclass
class Frame:
    """An open scope's rectangle, relative to its parent until ``shift`` made it absolute."""

    path: str
    w: float = 0.0
    h: float = 0.0
    x: float = 0.0
    y: float = 0.0
    inner: Point = (0.0, 0.0)
    tops: dict[str, float] = field(default_factory=dict)
    bottoms: dict[str, float] = field(default_factory=dict)
    routes: dict[tuple[End, End], tuple[Point, ...]] = field(default_factory=dict)
    items: dict[str, Point] = field(default_factory=dict)
    placed: Placed | None = None


@dataclass
class Positions:
    frames: dict[str, Frame]
    routes: list[list[Point]]
    bounds: tuple[float, float, float, float]


def place(view: Visible, direction: str = "down") -> Positions:
    """Give every node its corner (in place), every open scope a frame, every link a spline.

    The graph runs ``down``, ``right`` or ``up``. Layout itself always goes down: to the right is that
    with x and y exchanged, up is that upside down.
    """
    if direction == "down":
        return _Layout(view).run()
    nodes = view.nodes.values()
    if direction == "right":
        for node in nodes:
            node.w, node.h = node.h, node.w
    found = _Layout(view, direction).run()
    _, _, wide, tall = found.bounds
    boxes: list[Node | Frame] = [*nodes, *found.frames.values()]
    if direction == "right":
        for box in boxes:
            box.x, box.y, box.w, box.h = box.y, box.x, box.h, box.w
        found.routes = [[(y, x) for x, y in route] for route in found.routes]
        found.bounds = (0.0, 0.0, tall, wide)
    else:
        for box in boxes:
            box.y = tall - box.y - box.h
        found.routes = [[(x, tall - y) for x, y in route] for route in found.routes]
    return found


class _Layout:
    def __init__(self, view: Visible, direction: str = "down") -> None:
        self.view = view
        # The title of a frame stands at its top, wherever that is in the layout: left, top, right, bottom.
        self.pads, self.least = {
            "down": ((PAD_SIDE, PAD_TOP, PAD_SIDE, PAD_BOTTOM), MIN_GROUP),
            "right": ((PAD_TOP, PAD_SIDE, PAD_BOTTOM, PAD_SIDE), 0.0),
            "up": ((PAD_SIDE, PAD_BOTTOM, PAD_SIDE, PAD_TOP), MIN_GROUP),
        }[direction]
        self.frames = {path: Frame(path) for path in view.groups}
        self.leaning: dict[str, list[Node]] = defaultdict(list)
        for node in view.nodes.values():
            if node.host:
                self.leaning[node.host].append(node)
        self.wires: dict[str, dict[tuple[End, End], None]] = {p: {} for p in view.groups}
        self.segments: list[list[Segment]] = []
        self.deadline = time.monotonic() + DOT_BUDGET_S

    def run(self) -> Positions:
        chains = {path: _chain(path, self.view.groups) for path in self.view.groups}
        for link in self.view.links:
            self.segments.append(self._cut(link, chains))
        members: dict[str, list[Node]] = defaultdict(list)
        for node in self.view.nodes.values():
            if not node.host:
                members[node.group].append(node)
        for path in sorted(self.frames, key=lambda p: -self.view.groups[p].depth):
            self._level(self.view.groups[path], members[path])
        root = self.frames[""]
        for path in sorted(self.frames, key=lambda p: self.view.groups[p].depth):
            self._absolute(self.frames[path], members[path])
        routes = [
            self._route(link, pieces)
            for link, pieces in zip(self.view.links, self.segments, strict=True)
        ]
        return Positions(self.frames, routes, (0.0, 0.0, root.w, root.h))

    def _cut(self, link: Link, chains: dict[str, list[str]]) -> list[Segment]:
        """The pieces of a link, from its source outwards to the common scope and in again."""
        source, target = self.view.nodes[link.src], self.view.nodes[link.dst]
        if source.host == link.dst:
            return []  # a parameter and its op stand side by side
        a, b = chains[source.group], chains[target.group]
        common = 0
        while common < min(len(a), len(b)) and a[common] == b[common]:
            common += 1
        pieces: list[Segment] = []
        end: End = ("node", link.src, "")
        for path in reversed(a[common:]):
            pieces.append((path, end, ("out", "", link.src)))
            end = ("group", path, link.src)
        for path, inner in zip(b[common - 1 :], b[common:], strict=False):
            pieces.append((path, end, ("group", inner, link.src)))
            end = ("in", "", link.src)
        pieces.append((b[-1], end, ("node", link.dst, "")))
        for path, start, stop in pieces:
            self.wires[path][start, stop] = None
        return pieces

    def _level(self, scope: Scope, nodes: list[Node]) -> None:
        """Lay out the inside of one open scope; its open children have been laid out before."""
        frame = self.frames[scope.path]
        wires = self.wires[scope.path]
        boxes: list[Box] = []
        index: dict[tuple[str, str], int] = {}
        anchors: dict[End, tuple[int, int]] = {}

        def add(key: tuple[str, str], box: Box) -> None:
            index[key] = len(boxes)
            boxes.append(box)

        for port in dict.fromkeys(s[2] for s, _ in wires if s[0] == "in"):
            add(("in", port), Box(PORT_WIDTH, PORT_HEIGHT, lv.IN))
        entries: list[tuple[int, str, Node | str]] = [
            (min(node.members, default=0) if node.main >= 0 else -1, node.id, node)
            for node in nodes
        ]
        entries += [
            (self.view.groups[p].order, p, p) for p in scope.children if p in self.view.groups
        ]
        for _, key, item in sorted(entries, key=lambda entry: entry[0]):
            if isinstance(item, str):
                child = self.frames[item]
                add(("group", key), _framed(child))
                for i, port in enumerate(child.tops):
                    anchors["in", key, port] = (index["group", key], i)
                for i, port in enumerate(child.bottoms):
                    anchors["out", key, port] = (index["group", key], i)
            else:
                add(("node", key), self._with_parameters(item, wires, anchors, len(boxes)))
        for port in dict.fromkeys(d[2] for _, d in wires if d[0] == "out"):
            add(("out", port), Box(PORT_WIDTH, PORT_HEIGHT, lv.OUT))

        def find(end: End, leaving: bool) -> tuple[int, int]:
            kind, name, port = end
            if kind == "group":
                return anchors["out" if leaving else "in", name, port]
            if kind == "node":
                return anchors.get((kind, name, "out" if leaving else "in")) or (
                    index["node", name],
                    -1,
                )
            return index[kind, port], -1

        # What is fed by something else is the main path; an input or a transposed weight is not.
        fed = {stop[:2] for _, stop in wires}
        lines = []
        for start, stop in wires:
            (a, i), (b, j) = find(start, True), find(stop, False)
            lines.append(Wire(a, b, i, j, MAIN if start[:2] in fed or start[0] == "in" else 1))
        placed = arrange(Level(tuple(boxes), tuple(lines)), self.deadline)
        self._frame(frame, boxes, index, placed)
        frame.routes = dict(zip(wires, placed.routes, strict=True))

    def _with_parameters(
        self,
        node: Node,
        wires: Iterable[tuple[End, End]],
        anchors: dict[End, tuple[int, int]],
        at: int,
    ) -> Box:
        """An op with its parameters at the left, as one box whose lines meet above the op."""
        leaning = self.leaning.get(node.id)
        if not leaning:
            return Box(node.w, node.h)
        columns = -(-len(leaning) // COLUMN)
        rows = -(-len(leaning) // columns)
        wide, tall = max(p.w for p in leaning), max(p.h for p in leaning)
        left = columns * (wide + SIDE_GAP)
        height = max(node.h, rows * (tall + STACK_GAP) - STACK_GAP)
        middle = left + node.w / 2
        bottoms = [middle]
        anchors["node", node.id, "in"] = anchors["node", node.id, "out"] = (at, 0)
        shared = {s[1] for s, _ in wires if s[0] == "node"} if columns else set()
        for k, parameter in enumerate(leaning):
            column = columns - 1 - k // rows
            in_column = min(rows, len(leaning) - (k // rows) * rows)
            stack = in_column * (tall + STACK_GAP) - STACK_GAP
            parameter.x = column * (wide + SIDE_GAP) + (wide - parameter.w)
            parameter.y = (height - stack) / 2 + (k % rows) * (tall + STACK_GAP)
            if parameter.id in shared:
                anchors["node", parameter.id, "out"] = (at, len(bottoms))
                bottoms.append(parameter.x + parameter.w / 2 - 8 * len(bottoms))
        node.x, node.y = left, (height - node.h) / 2
        return Box(left + node.w, height, lv.INNER, (middle,), tuple(bottoms))

    def _frame(
        self, frame: Frame, boxes: list[Box], index: dict[tuple[str, str], int], placed: Placed
    ) -> None:
        inside = frame.path != ""
        has_in = any(box.role == lv.IN for box in boxes)
        has_out = any(box.role == lv.OUT for box in boxes)
        pads = self.pads if inside else (PAD_SIDE,) * 4
        spare = max(self.least - placed.width - pads[0] - pads[2], 0.0) / 2 if inside else 0.0
        left, right = pads[0] + spare, pads[2] + spare
        top = 0.0 if has_in and inside else pads[1]
        bottom = 0.0 if has_out and inside else pads[3]
        frame.w, frame.h = placed.width + left + right, placed.height + top + bottom
        frame.inner = (left, top)
        for (kind, key), i in index.items():
            x, y = placed.corners[i]
            if kind == "in":
                frame.tops[key] = left + x + PORT_WIDTH / 2
            elif kind == "out":
                frame.bottoms[key] = left + x + PORT_WIDTH / 2
            else:
                frame.items[key] = (left + x, top + y)

    def _absolute(self, frame: Frame, nodes: list[Node]) -> None:
        """Turn a frame's inner coordinates into absolute ones (its own corner already is)."""
        for node in nodes:
            x, y = frame.items[node.id]
            for leaning in self.leaning.get(node.id, ()):
                leaning.x += frame.x + x
                leaning.y += frame.y + y
            node.x, node.y = node.x + frame.x + x, node.y + frame.y + y
        for path in self.view.groups[frame.path].children:
            if path in self.frames:
                x, y = frame.items[path]
                self.frames[path].x, self.frames[path].y = frame.x + x, frame.y + y

    def _route(self, link: Link, pieces: list[Segment]) -> list[Point]:
        source, target = self.view.nodes[link.src], self.view.nodes[link.dst]
        if not pieces:
            return self._side(source, target)
        points: list[Point] = []
        for path, start, stop in pieces:
            frame = self.frames[path]
            dx, dy = frame.x + frame.inner[0], frame.y + frame.inner[1]
            piece = [(x + dx, y + dy) for x, y in frame.routes[start, stop]]
            points = _join(points, piece)
        first, last = points[0], points[-1]
        below, above = source.y + source.h, target.y
        if abs(first[1] - below) > 1:
            points = [*straight((first[0], below), first)[:-1], *points]
        if abs(last[1] - above) > 1:
            points = [*points, *straight(last, (last[0], above))[1:]]
        return points

    def _side(self, source: Node, target: Node) -> list[Point]:
        """From a parameter's right edge to the left edge of its op."""
        group = self.leaning[target.id]
        k = group.index(source)
        start = (source.x + source.w, source.y + source.h / 2)
        y = target.y + target.h * (k + 1) / (len(group) + 1)
        middle = (start[0] + target.x) / 2
        return [start, (middle, start[1]), (middle, y), (target.x, y)]


def _framed(frame: Frame) -> Box:
    return Box(
        frame.w, frame.h, lv.INNER, tuple(frame.tops.values()), tuple(frame.bottoms.values())
    )


def _chain(path: str, groups: dict[str, Scope]) -> list[str]:
    chain = [path]
    while (parent := groups[chain[-1]].parent) is not None:
        chain.append(parent)
    return chain[::-1]


def _join(before: list[Point], piece: list[Point]) -> list[Point]:
    """Append a piece at a border: one common point, with a vertical tangent on both sides."""
    if not before:
        return piece
    (x0, y0), (x1, _) = before[-1], piece[0]
    # Graphviz rounds table cells to whole points: the inner place is exact if the level is ours.
    x = (x0 + x1) / 2
    before[-1] = (x, y0)
    if len(before) > 1:
        before[-2] = (x, before[-2][1])
    if len(piece) > 1:
        piece[1] = (x, piece[1][1])
    return [*before, *piece[1:]]
