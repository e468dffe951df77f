"""Place everything: each open scope is laid out alone, then stands as one box in its parent.

Lines are cut at the borders of open scopes. Every cut gets a port, the ports' places are fixed by
the inner layout and given to the outer one as anchors, and the pieces are joined to one smooth
spline: so lines run on into groups, however deep. Scopes of one depth are laid out together, equal ones once.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from graphscope.view import level as lv
from graphscope.view.arrange import DOT_BUDGET_MS, arrange_all, dot_ms
from graphscope.view.joining import Lines, Piece, joined
from graphscope.view.level import Box, Level, Placed, Point, Wire
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


@dataclass
class Frame:
    """An open scope's rectangle, relative to its parent until ``shift`` made it absolute."""

    path: str
    number: int
    w: float = 0.0
    h: float = 0.0
    x: float = 0.0
    y: float = 0.0
    inner: Point = (0.0, 0.0)
    wires: dict[tuple[End, End], int] = field(default_factory=dict)
    """Its wires, each once, by their ends; the number is the place in the level."""
    tops: dict[str, float] = field(default_factory=dict)
    bottoms: dict[str, float] = field(default_factory=dict)
    items: dict[str, Point] = field(default_factory=dict)
    placed: Placed | None = None


@dataclass
class Positions:
    frames: dict[str, Frame]
    routes: Lines
    """A spline for every link, in their order."""
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
    points = found.routes.points
    if direction == "right":
        for box in boxes:
            box.x, box.y, box.w, box.h = box.y, box.x, box.h, box.w
        points[:] = points[:, ::-1].copy()
        found.bounds = (0.0, 0.0, tall, wide)
    else:
        for box in boxes:
            box.y = tall - box.y - box.h
        points[:, 1] = tall - points[:, 1]
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
        self.frames = {path: Frame(path, k) for k, path in enumerate(view.groups)}
        self.leaning: dict[str, list[Node]] = defaultdict(list)
        for node in view.nodes.values():
            if node.host:
                self.leaning[node.host].append(node)
        self.deadline = time.monotonic() + DOT_BUDGET_S

    def run(self) -> Positions:
        groups = self.view.groups
        self.chains = {path: _chain(path, groups) for path in groups}
        pieces = [self._cut(link) for link in self.view.links]
        members: dict[str, list[Node]] = defaultdict(list)
        for node in self.view.nodes.values():
            if not node.host:
                members[node.group].append(node)
        by_depth: dict[int, list[Frame]] = defaultdict(list)
        for path, frame in self.frames.items():
            by_depth[groups[path].depth].append(frame)
        for_dot = self._for_dot(by_depth, members)
        for depth in sorted(by_depth, reverse=True):
            here = [self._level(frame, members[frame.path]) for frame in by_depth[depth]]
            may = [frame.path in for_dot for frame in by_depth[depth]]
            placed = arrange_all([level for level, _, _ in here], may, self.deadline)
            for frame, (_, boxes, index), done in zip(by_depth[depth], here, placed, strict=True):
                self._frame(frame, boxes, index, done)
        for depth in sorted(by_depth):
            for frame in by_depth[depth]:
                self._absolute(frame, members[frame.path])
        root = self.frames[""]
        return Positions(self.frames, self._routes(pieces), (0.0, 0.0, root.w, root.h))

    def _for_dot(
        self, by_depth: dict[int, list[Frame]], members: dict[str, list[Node]]
    ) -> set[str]:
        """The scopes that Graphviz lays out: small ones, outer ones first, as long as it takes little time.

        It is reckoned by size and not by the clock: a picture must not depend on how busy the machine is. Levels of
        one size are mostly equal, and an equal one costs nothing.
        """
        left, known, found = DOT_BUDGET_MS, set(), set()
        for depth in sorted(by_depth):
            for frame in by_depth[depth]:
                inner = sum(path in self.frames for path in self.view.groups[frame.path].children)
                size = (len(members[frame.path]) + inner, len(frame.wires))
                cost = dot_ms(*size) * (0.05 if size in known else 1.0)
                if cost <= left:
                    left -= cost
                    known.add(size)
                    found.add(frame.path)
        return found

    def _cut(self, link: Link) -> list[Piece]:
        """The pieces of a link, from its source outwards to the common scope and in again: (frame, wire)."""
        nodes = self.view.nodes
        source, target = nodes[link.src], nodes[link.dst]
        if source.host == link.dst:
            return []  # a parameter and its op stand side by side
        end: End = ("node", link.src, "")
        if source.group == target.group:
            return [self._wire(source.group, end, ("node", link.dst, ""))]
        a, b = self.chains[source.group], self.chains[target.group]
        common = 0
        while common < min(len(a), len(b)) and a[common] == b[common]:
            common += 1
        pieces = []
        for path in reversed(a[common:]):
            pieces.append(self._wire(path, end, ("out", "", link.src)))
            end = ("group", path, link.src)
        for path, inner in zip(b[common - 1 :], b[common:], strict=False):
            pieces.append(self._wire(path, end, ("group", inner, link.src)))
            end = ("in", "", link.src)
        pieces.append(self._wire(b[-1], end, ("node", link.dst, "")))
        return pieces

    def _wire(self, path: str, start: End, stop: End) -> Piece:
        frame = self.frames[path]
        return frame.number, frame.wires.setdefault((start, stop), len(frame.wires))

    def _level(
        self, frame: Frame, nodes: list[Node]
    ) -> tuple[Level, list[Box], dict[tuple[str, str], int]]:
        """The inside of one open scope; its open children have been laid out before."""
        scope = self.view.groups[frame.path]
        wires = frame.wires
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
        entries.sort(key=lambda entry: entry[0])
        sources = {s[1] for s, _ in wires if s[0] == "node"} if self.leaning else set()
        for _, key, item in entries:
            if isinstance(item, str):
                child = self.frames[item]
                add(("group", key), _framed(child))
                for i, port in enumerate(child.tops):
                    anchors["in", key, port] = (index["group", key], i)
                for i, port in enumerate(child.bottoms):
                    anchors["out", key, port] = (index["group", key], i)
            else:
                add(("node", key), self._with_parameters(item, sources, anchors, len(boxes)))
        for port in dict.fromkeys(d[2] for _, d in wires if d[0] == "out"):
            add(("out", port), Box(PORT_WIDTH, PORT_HEIGHT, lv.OUT))

        def find(end: End, leaving: bool) -> tuple[int, int]:
            kind, name, port = end
            if kind == "node":
                found = anchors.get((kind, name, "out" if leaving else "in")) if anchors else None
                return found or (index[kind, name], -1)
            if kind == "group":
                return anchors["out" if leaving else "in", name, port]
            return index[kind, port], -1

        # What is fed by something else is the main path; an input or a transposed weight is not.
        fed = {stop[:2] for _, stop in wires}
        lines = []
        for start, stop in wires:
            (a, i), (b, j) = find(start, True), find(stop, False)
            lines.append(Wire(a, b, i, j, MAIN if start[:2] in fed or start[0] == "in" else 1))
        return Level(tuple(boxes), tuple(lines)), boxes, index

    def _with_parameters(
        self, node: Node, shared: Collection[str], anchors: dict[End, tuple[int, int]], at: int
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
        frame.placed = placed
        corners = placed.corners.tolist()
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
            x, y = corners[i]
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

    def _routes(self, pieces: list[list[Piece]]) -> Lines:
        """A spline for every link: its pieces on one level after the other, or the short way from a parameter."""
        nodes = self.view.nodes
        place = {
            p.id: (k, len(group)) for group in self.leaning.values() for k, p in enumerate(group)
        }
        ends = np.empty((len(pieces), 4))
        for row, link, own in zip(ends, self.view.links, pieces, strict=True):
            source, target = nodes[link.src], nodes[link.dst]
            if own:
                row[1], row[3] = source.y + source.h, target.y
            else:
                k, many = place[source.id]
                row[:] = (
                    source.x + source.w, source.y + source.h / 2, target.x, target.y + target.h * (k + 1) / (many + 1)
                )  # fmt: skip
        placed = []
        for frame in self.frames.values():
            assert frame.placed is not None
            placed.append((frame.placed, (frame.x + frame.inner[0], frame.y + frame.inner[1])))
        return joined(placed, pieces, ends)


def _framed(frame: Frame) -> Box:
    return Box(
        frame.w, frame.h, lv.INNER, tuple(frame.tops.values()), tuple(frame.bottoms.values())
    )


def _chain(path: str, groups: dict[str, Scope]) -> list[str]:
    chain = [path]
    while (parent := groups[chain[-1]].parent) is not None:
        chain.append(parent)
    return chain[::-1]
