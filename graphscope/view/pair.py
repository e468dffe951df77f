"""Two graphs of one program in one picture: equal parts at equal places, and what differs marked.

The two are joined into one graph, whose parts know which side has them; that one is laid out once.
Each side is then painted with only its own parts, so nothing that both have can move.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Protocol

import numpy as np

from graphscope import units
from graphscope.trace import records, schema
from graphscope.view.graphview import GraphView, ViewState, build
from graphscope.view.source import Source
from graphscope.view.structure import OP, Card, short_name
from graphscope.view.visible import AllBut, Node

if TYPE_CHECKING:
    from graphscope.trace.records import Graph, OpInfo, Site, Spec, Step, ValueStep
    from graphscope.trace.records import Lookup as Reader

SAME, ONLY, CHANGED = "same", "only", "changed"


class Side(Protocol):
    """What is known of one of the two (a figure's scene is one)."""

    @property
    def graph(self) -> Graph: ...
    @property
    def reader(self) -> Reader: ...
    @property
    def step(self) -> Step | None: ...
    @property
    def values(self) -> ValueStep | None: ...


@dataclass
class Half:
    """One side of the picture: its own view at the common places, and how its parts differ."""

    view: GraphView
    marks: dict[str, str]
    """``only`` or ``changed`` by card; what is the same on both sides is not in it."""
    absent: list[Node]
    """Cards that only the other side has."""
    edges: set[tuple[str, str]]
    """Lines that only this side has."""


@dataclass
class Pair:
    view: GraphView
    """Both together."""
    halves: tuple[Half, Half]

    @property
    def equal(self) -> bool:
        return not any(half.marks or half.edges for half in self.halves)


class _Both:
    """Looks ids up on the side that they come from: even ids on the first, odd ids on the second."""

    def __init__(self, a: Reader, b: Reader) -> None:
        self.sides = (a, b)

    def string(self, id: int) -> str:
        return self.sides[id % 2].string(id // 2)

    def op(self, id: int) -> OpInfo:
        return self.sides[id % 2].op(id // 2)

    def site(self, id: int) -> Site | None:
        return self.sides[id % 2].site(id // 2)

    def spec(self, id: int) -> Spec:
        return self.sides[id % 2].spec(id // 2)


@dataclass
class _Union:
    graph: Graph
    lookup: _Both
    specs: records.Ints
    own: tuple[dict[int, int], dict[int, int]]
    """Value of the union -> value of the side."""
    wires: tuple[set[tuple[int, int]], set[tuple[int, int]]]
    """(from, to) in the union, of each side."""
    titles: dict[int, str]
    """What an op is called where the module that it is in has no frame."""


def pair(
    a: Side, b: Side, collapse: int | None = None, flat: bool | None = None,
    opened: frozenset[str] | AllBut | None = None,
) -> Pair:  # fmt: skip
    """Lay both out together. ``collapse`` opens modules down to that depth; None: what stays readable.

    ``opened`` says which modules are open, by their paths.

    ``flat`` draws no frames of modules and names ops after them; None: so where a module is called more
    than once, since a frame around several calls would tangle the lines.
    """
    union = _join(a, b, flat if flat is not None or collapse is not None else _reused(a, b))
    view = build(union.graph, union.lookup, ViewState(opened=opened), specs=union.specs)
    if collapse is not None:
        wanted = [
            ".".join(path.split(".")[: k + 1])
            for path in {union.graph.scope_path(i) for i in range(union.graph.n)}
            for k in range(min(path.count(".") + 1, collapse))
            if path
        ]
        view = build(
            union.graph, union.lookup, ViewState(opened=frozenset(wanted)), specs=union.specs
        )
    return Pair(view, (_half(view, union, 0, (a, b)), _half(view, union, 1, (a, b))))


def _reused(a: Side, b: Side) -> bool:
    """Whether some innermost module of either graph is entered twice."""
    for graph in (a.graph, b.graph):
        paths = [graph.scope_path(i) for i in _forward(graph)]
        runs = [p for p, before in zip(paths, [None, *paths], strict=False) if p and p != before]
        inner = [p for p in runs if not any(q.startswith(f"{p}.") for q in runs)]
        if len(inner) != len(set(inner)):
            return True
    return False


def _join(a: Side, b: Side, flat: bool | None) -> _Union:
    sides = (a, b)
    graphs = (a.graph, b.graph)
    order = _merged(graphs)
    maps: tuple[dict[int, int], dict[int, int]] = ({}, {})  # own -> union
    for k, places in enumerate(order):
        for side in (0, 1):
            if places[side] is not None:
                maps[side][places[side]] = k  # type: ignore[index]
    ports = _ports(graphs, maps)
    n = len(order)
    lookup = _Both(a.reader, b.reader)
    nodes = np.full((n, schema.NODE_COLUMNS), -1, np.int32)
    names = np.full(n, -1, np.int32)
    titles: dict[int, str] = {}
    specs: list[int] = []
    for k, places in enumerate(order):
        side = 0 if places[0] is not None else 1
        graph, i = graphs[side], places[side]
        assert i is not None
        row = graph.nodes[i].tolist()
        for column in (schema.OP, schema.SCOPE, schema.SITE, schema.PARAMS):
            row[column] = _coded(row[column], side)
        row[schema.TWIN] = row[schema.SLOT] = -1
        names[k] = _coded(int(graph.names[i]) if i < len(graph.names) else -1, side)
        if flat:
            path = graph.scope_path(i)
            row[schema.SCOPE] = -1
            if path.count("."):
                titles[k] = short_name(path)
        nodes[k] = row
        specs.append(_spec(sides[side], i, side))
    table = []
    for side, value in ports:
        name, kind, scope, const = graphs[side].ports[-1 - value].tolist()
        table.append(
            [_coded(name, side), kind, -1 if flat else _coded(scope, side), _coded(const, side)]
        )
        specs.append(_spec(sides[side], value, side))
    edges: dict[tuple[int, int, int], None] = {}
    wires: tuple[set[tuple[int, int]], set[tuple[int, int]]] = (set(), set())
    for side, graph in enumerate(graphs):
        for dst, position, src in graph.edges.tolist():
            if dst in maps[side] and src in maps[side]:
                one, other = maps[side][src], maps[side][dst]
                edges[other, position, one] = None
                wires[side].add((one, other))
    joined = records.Graph(
        id=0, digest=f"{a.graph.digest}+{b.graph.digest}", kind=a.graph.kind, nodes=nodes,
        edges=np.array(list(edges), np.int32).reshape(-1, 3),
        ports=np.array(table, np.int32).reshape(-1, schema.PORT_COLUMNS),
        kept=np.empty((0, 2), np.int32), names=names, plan=np.full(n, -1, np.int32), parent=-1,
        diverged_at=-1, lookup=lookup,
    )  # fmt: skip
    own = (
        {v: k for k, v in maps[0].items()},
        {v: k for k, v in maps[1].items()},
    )
    return _Union(joined, lookup, np.array(specs, np.int32), own, wires, titles)


def _coded(id: int, side: int) -> int:
    return 2 * id + side if id >= 0 else -1


def _spec(side: Side, value: int, which: int) -> int:
    return _coded(side.step.spec_id(value), which) if side.step is not None else -1


def _forward(graph: Graph) -> list[int]:
    return [int(i) for i in np.flatnonzero(graph.phase == schema.FORWARD)]


def _merged(graphs: tuple[Graph, Graph]) -> list[tuple[int | None, int | None]]:
    """The ops of both in one order: pairs of equal ones, and those that one side only has.

    Both orders are kept, so every op still comes after what it reads. What both begin with and end with
    is equal first: a loop that runs longer then differs in its last rounds.
    """
    a, b = (_forward(g) for g in graphs)
    one, other = (
        [(g.scope_path(i), g.op_name(i)) for i in ops]
        for g, ops in zip(graphs, (a, b), strict=True)
    )
    head, tail, least = 0, 0, min(len(one), len(other))
    while head < least and one[head] == other[head]:
        head += 1
    while tail < least - head and one[-1 - tail] == other[-1 - tail]:
        tail += 1
    stop_a, stop_b = len(a) - tail, len(b) - tail
    matcher = SequenceMatcher(None, one[head:stop_a], other[head:stop_b], autojunk=False)
    out: list[tuple[int | None, int | None]] = list(zip(a[:head], b[:head], strict=True))
    for tag, i0, i1, j0, j1 in matcher.get_opcodes():
        left, right = a[head + i0 : head + i1], b[head + j0 : head + j1]
        if tag == "equal":
            out += list(zip(left, right, strict=True))
        else:
            out += [(i, None) for i in left]
            out += [(None, j) for j in right]
    out += list(zip(a[stop_a:], b[stop_b:], strict=True))
    return out


def _ports(
    graphs: tuple[Graph, Graph], maps: tuple[dict[int, int], dict[int, int]]
) -> list[tuple[int, int]]:
    """The ports of the union as (side, own value), entered into ``maps``; equal names are one port.

    Ports without a name are one where the same input of the same op reads them.
    """
    found: dict[object, int] = {}
    ports: list[tuple[int, int]] = []
    for side, graph in enumerate(graphs):
        used: dict[int, tuple[int, int]] = {}
        for dst, position, src in graph.edges.tolist():
            if src < 0 and dst in maps[side]:
                used.setdefault(src, (maps[side][dst], position))
        for value, place in used.items():
            path, kind = graph.port_path(-1 - value), graph.port_kind(-1 - value)
            named = bool(graph.port_name(-1 - value))
            key: object = (path, kind) if named else (path, kind, place)
            at = found.get(key)
            if at is None:
                at = found[key] = -1 - len(ports)
                ports.append((side, value))
            maps[side][value] = at
    return ports


def _half(view: GraphView, union: _Union, side: int, sides: tuple[Side, Side]) -> Half:
    """The part of the picture that one side has, with that side's own numbers."""
    own, other = union.own[side], union.own[1 - side]
    me, they = sides[side], sides[1 - side]
    source = Source(me.graph, me.reader, me.step.specs if me.step is not None else None)
    theirs = Source(they.graph, they.reader, they.step.specs if they.step is not None else None)
    nodes, absent, marks = [], [], {}
    for node in view.nodes:
        if not any(m in own for m in node.members):
            absent.append(node)
            continue
        nodes.append(_own(node, union, own, me.graph, source))
        here = {m for m in node.members if m in own}
        there = {m for m in node.members if m in other}
        if not there:
            marks[node.id] = ONLY
        elif here != there or any(
            _differs(m, own, other, me.graph, they.graph, source, theirs) for m in here
        ):
            marks[node.id] = CHANGED
    box = {m: node.id for node in view.nodes for m in node.members}
    lines = [{(box[s], box[d]) for s, d in wires if s in box and d in box} for wires in union.wires]
    mine = [e for e in view.edges if (e.src, e.dst) in lines[side]]
    kept = {node.group for node in nodes}
    groups = [
        g for g in view.groups
        if any(k == g.id[2:] or k.startswith(g.id[2:] + ".") for k in kept)
    ]  # fmt: skip
    seen = replace(view, nodes=nodes, edges=mine, groups=groups, source=source)
    return Half(seen, marks, absent, lines[side] - lines[1 - side])


def _own(node: Node, union: _Union, own: dict[int, int], graph: Graph, source: Source) -> Node:
    """A card of the union with the numbers of a side's own values."""
    members = [own[m] for m in node.members if m in own]
    main = own[node.main] if node.main in own else members[-1]
    label = node.label
    if node.kind == OP and label == union.graph.label(node.main):
        label = graph.name(main) or union.titles.get(node.main) or graph.op_name(main)
    shape = source.shape(main)
    parts = [_own_card(card, own) for card in node.parts if card.main in own]
    backward = [b for m in members if m >= 0 for b, _ in graph.backward_of(m)]
    return replace(
        node, members=members + backward, main=main, label=label, parts=parts,
        shape=units.shape(shape) if shape is not None else "",
    )  # fmt: skip


def _own_card(card: Card, own: dict[int, int]) -> Card:
    return replace(card, main=own[card.main], members=[own[m] for m in card.members if m in own])


def _differs(
    value: int, own: dict[int, int], other: dict[int, int], mine: Graph, theirs: Graph,
    source: Source, foreign: Source,
) -> bool:  # fmt: skip
    """Whether a value that both sides have is of another shape, or made with other parameters."""
    a, b = own[value], other[value]
    if source.shape(a) != foreign.shape(b):
        return True
    return value >= 0 and mine.params_text(a) != theirs.params_text(b)
