"""From a recorded graph to cards: who is drawn, who is folded into whom, and where each card belongs.

A forward op is a card; its backward ops, its extra outputs and nothing else live inside it. What
comes from before the step is a card only when a drawn op uses it and it is not a mere number.
Nothing here knows about open scopes or positions, so it is computed once per graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from graphscope import units
from graphscope.trace import schema

if TYPE_CHECKING:
    from graphscope.trace.records import Graph
    from graphscope.view.source import Source

_T = TypeVar("_T")

OP, PARAM, INPUT = "op", "param", "input"
_PARAM_KINDS = {schema.PORT_KINDS.index("parameter"), schema.PORT_KINDS.index("buffer")}
CHUNK, CHUNK_FROM = 200, 400  # ops
_CONSTANT = schema.PORT_KINDS.index("constant")
_GIVEN = schema.PORT_KINDS.index("input")


@dataclass
class Card:
    """One thing to draw. ``main`` is the value whose numbers it shows; ``host`` is set for parameters."""

    id: str
    kind: str
    main: int
    label: str
    op: str
    family: str
    shape: str
    elements: int
    scope: str
    home: str = ""
    site: str = ""
    members: list[int] = field(default_factory=list)
    host: int = -1
    order: int = 0


@dataclass
class Scope:
    """A module call path that became a node of the scope tree."""

    path: str
    parent: str | None
    depth: int
    cards: list[int] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    ops: int = 0
    order: int = 0
    chunk: bool = False


@dataclass
class Structure:
    """Cards in program order, links between them (source, target, value), and the scope tree."""

    cards: list[Card]
    links: list[tuple[int, int, int]]
    scopes: dict[str, Scope]
    owner: dict[int, int]


def parent_of(path: str) -> str:
    return path.rpartition(".")[0]


def structure(graph: Graph, lookup: Source, *, unrolled: bool = False) -> Structure:
    """Fold a graph into cards. ``unrolled`` keeps backward and update ops as cards of their own."""
    built = _Builder(graph, lookup, unrolled)
    built.ops()
    built.ports()
    built.tree()
    return built.result


class _Builder:
    def __init__(self, graph: Graph, lookup: Source, unrolled: bool) -> None:
        self.graph, self.lookup, self.unrolled = graph, lookup, unrolled
        self.cards: list[Card] = []
        self.owner: dict[int, int] = {}
        self.links: dict[tuple[int, int], int] = {}
        self.result = Structure(self.cards, [], {}, self.owner)
        self.sources: list[list[int]] = [[] for _ in range(graph.n)]
        for dst, _, src in graph.edges.tolist():
            self.sources[dst].append(src)

    def ops(self) -> None:
        """A card per drawn op; backward ops and extra outputs join the card they belong to."""
        graph, lookup = self.graph, self.lookup
        phases, twins, flags = graph.phase.tolist(), graph.twin.tolist(), graph.flags.tolist()
        shown_phases = 4 if self.unrolled else 2
        paths = _cached(lookup.string)
        infos = _cached(lookup.op)
        scopes, ops, sites = graph.scope.tolist(), graph.op.tolist(), graph.site.tolist()
        for i in range(graph.n):
            if flags[i] & schema.EXTRA and self.sources[i]:
                home = self.owner.get(self.sources[i][0])
            elif not self.unrolled and phases[i] == schema.BACKWARD and twins[i] >= 0:
                home = self.owner.get(twins[i])
            elif phases[i] >= shown_phases:
                continue
            elif phases[i] == schema.DATA and not self.unrolled:
                continue  # waiting for a batch makes no value: it belongs to the timeline
            else:
                home = None
            if home is not None:
                if flags[i] & schema.EXTRA:
                    self.owner[i] = home
                self.cards[home].members.append(i)
                continue
            if not self.unrolled and phases[i] == schema.BACKWARD:
                continue
            info = infos(ops[i])
            shape = lookup.shape(i)
            self.owner[i] = len(self.cards)
            self.cards.append(
                Card(
                    f"n{i}",
                    OP,
                    i,
                    graph.label(i),
                    info.name,
                    info.family if info.family in schema.FAMILIES else "other",
                    units.shape(shape) if shape is not None else "",
                    _elements(shape),
                    paths(scopes[i]),
                    site=_site(lookup, sites[i]),
                    members=[i],
                    order=i,
                )
            )

    def ports(self) -> None:
        """Cards for used parameters and inputs, and the links between all cards."""
        users: dict[int, list[int]] = {}
        for card in range(len(self.cards)):
            for member in self.cards[card].members:
                if self.owner.get(member) != card:
                    continue  # a backward member reads values too, but its lines are not drawn
                for src in self.sources[member]:
                    if src < 0:
                        users.setdefault(src, []).append(card)
                    elif self.owner.get(src, card) != card:
                        self.links.setdefault((self.owner[src], card), src)
        for value, cards in sorted(users.items(), key=lambda item: (item[1][0], -item[0])):
            port = self._port(value, cards)
            if port is not None:
                for user in cards:
                    self.links.setdefault((port, user), value)
        self.result.links = [(a, b, v) for (a, b), v in self.links.items()]

    def _port(self, value: int, users: list[int]) -> int | None:
        k = -1 - value
        kind = int(self.graph.ports[k, 1])
        shape = self.lookup.shape(value)
        if kind == _CONSTANT and not shape:
            return None
        is_param = kind in _PARAM_KINDS
        label = self.graph.port_label(k)
        scopes = [self.cards[u].scope for u in users]
        index = len(self.cards)
        self.owner[value] = index
        self.cards.append(
            Card(
                f"p{k}",
                PARAM if is_param else INPUT,
                value,
                label.rpartition(".")[2] if is_param else label,
                schema.PORT_KINDS[kind],
                "other" if is_param else "data",
                units.shape(shape) if shape is not None else "",
                _elements(shape),
                self.cards[users[0]].scope
                if is_param
                else ""
                if kind == _GIVEN
                else _common(scopes),
                members=[value],
                host=users[0] if is_param else -1,
                order=min(self.cards[u].order for u in users),
            )
        )
        return index

    def tree(self) -> None:
        """Build the scope tree; a scope around one single op is that op, under the scope's name."""
        scopes = self.result.scopes
        scopes[""] = Scope("", None, 0)
        for index, card in enumerate(self.cards):
            scope = self._scope(card.scope, card.order)
            scope.cards.append(index)
            if card.kind == OP:
                walk: Scope | None = scope
                while walk is not None:
                    walk.ops += 1
                    walk = scopes[walk.parent] if walk.parent is not None else None
        for path in sorted(scopes, key=lambda p: -scopes[p].depth):
            scope = scopes[path]
            if path and scope.ops <= 1 and not scope.children:
                assert scope.parent is not None
                parent = scopes[scope.parent]
                parent.children.remove(path)
                parent.cards.extend(scope.cards)
                for index in scope.cards:
                    card = self.cards[index]
                    if card.kind == OP and card.label == card.op:
                        card.label = short_name(path)
                del scopes[path]
        for scope in scopes.values():
            scope.cards.sort(key=lambda c: (self.cards[c].order, self.cards[c].kind == OP))
            scope.children.sort(key=lambda p: scopes[p].order)
        for scope in list(scopes.values()):
            self._chunk(scope)
        for scope in scopes.values():
            for index in scope.cards:
                self.cards[index].home = scope.path

    def _chunk(self, scope: Scope) -> None:
        """Cut a scope of very many ops of its own into stretches of program order.

        A program without modules would otherwise be thousands of cards on one level, which nobody
        can read and no layout engine does quickly.
        """
        ops = [c for c in scope.cards if self.cards[c].kind == OP]
        if len(ops) <= CHUNK_FROM:
            return
        place = {c: k // CHUNK for k, c in enumerate(ops)}
        chunks: list[Scope] = []
        for k in range(0, len(ops), CHUNK):
            path = f"{scope.path}." if scope.path else ""
            path += f"ops {k + 1}-{min(k + CHUNK, len(ops))}"
            order = self.cards[ops[k]].order
            chunks.append(Scope(path, scope.path, scope.depth + 1, order=order, chunk=True))
        users: dict[int, set[int]] = {}
        for a, b, _ in self.result.links:
            users.setdefault(a, set()).add(place.get(b, -1))
        stay = []
        for c in scope.cards:
            card = self.cards[c]
            at = place.get(c)
            if card.kind == PARAM:
                at = place.get(card.host)
            elif at is None and len(used := users.get(c, set())) == 1 and card.op != "input":
                at = next(iter(used))
            if at is None or at < 0:
                stay.append(c)
            else:
                chunks[at].cards.append(c)
                chunks[at].ops += card.kind == OP
        scope.cards = stay
        for chunk in chunks:
            self.result.scopes[chunk.path] = chunk
        scope.children = sorted(
            scope.children + [chunk.path for chunk in chunks],
            key=lambda p: self.result.scopes[p].order,
        )

    def _scope(self, path: str, order: int) -> Scope:
        scopes = self.result.scopes
        found = scopes.get(path)
        if found is None:
            parent = self._scope(parent_of(path), order)
            found = scopes[path] = Scope(path, parent.path, parent.depth + 1, order=order)
            parent.children.append(path)
        found.order = min(found.order, order)
        return found


def short_name(path: str) -> str:
    """What a scope is called on screen: its last part, with its parent where that is a number."""
    head, _, last = path.rpartition(".")
    return f"{head.rpartition('.')[2]}.{last}" if last.isdigit() and head else last


def _elements(shape: tuple[int, ...] | None) -> int:
    size = 1
    for extent in shape or ():
        size *= extent
    return size


def _common(paths: list[str]) -> str:
    """The deepest scope that holds all the paths."""
    parts = [path.split(".") if path else [] for path in paths]
    out = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        out.append(level[0])
    return ".".join(out)


def _site(lookup: Source, site: int) -> str:
    found = lookup.site(site)
    if found is None:
        return ""
    return f"{found.file.replace(chr(92), '/').rpartition('/')[2]}:{found.line}"


def _cached(function: Callable[[int], _T]) -> Callable[[int], _T]:
    known: dict[int, _T] = {}

    def call(key: int) -> _T:
        if key not in known:
            known[key] = function(key)
        return known[key]

    return call
