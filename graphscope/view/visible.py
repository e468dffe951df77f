"""Which boxes are visible under a set of open scopes, and the lines between them.

A closed scope stands for everything in it. Equal closed siblings in a row are folded into one card
(``×24``); opening the first of them takes it out of the fold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field

from graphscope.view.structure import OP, PARAM, Card, Scope, Structure, short_name

SCOPE = "scope"
AUTO_LIMIT = 300
FOLD_FROM = 3


@dataclass(frozen=True)
class AllBut:
    """Open scopes as "all but these": a list of thousands of names fits into no address."""

    shut: frozenset[str] = frozenset()

    def __contains__(self, path: object) -> bool:
        return path not in self.shut


@dataclass(slots=True)
class Node:
    """A visible card. ``group`` is the open scope it stands in; ``host`` the card it leans on."""

    id: str
    kind: str
    label: str
    op: str
    family: str
    shape: str
    scope: str
    main: int
    members: list[int]
    group: str
    site: str = ""
    fold: int = 1
    host: str = ""
    parts: list[Card] = field(default_factory=list)
    twin: str = ""
    """Of a mirrored card: the card that it is the gradient of, whose kind is ``form``."""
    form: str = ""
    x: float = 0.0
    y: float = 0.0
    w: float = 184.0
    h: float = 72.0


@dataclass(slots=True)
class Link:
    """A line between visible cards; ``value`` is the largest tensor that runs along it."""

    src: str
    dst: str
    value: int
    elements: int
    shape: str


@dataclass
class Visible:
    nodes: dict[str, Node]
    links: list[Link]
    groups: dict[str, Scope]


def auto_depths(structure: Structure) -> list[int]:
    """Depths that may be opened at first sight, deepest first: at most 300 boxes (or depth 0)."""
    scopes = structure.scopes
    cards = Counter(scopes[card.home].depth for card in structure.cards)
    closed = Counter(scope.depth for scope in scopes.values())
    depths, shown = [0], 0
    for depth in range(max(closed) + 1):
        shown += cards[depth]
        if depth and shown + closed[depth + 1] <= AUTO_LIMIT:
            depths.append(depth)
    return depths[::-1]


def open_to(structure: Structure, depth: int) -> frozenset[str]:
    """All scopes down to a depth."""
    return frozenset(p for p, scope in structure.scopes.items() if 0 < scope.depth <= depth)


def visible(structure: Structure, opened: Container[str]) -> Visible:
    """Nodes, links and open groups for a set of open scopes (a scope in a closed one is closed)."""
    scopes = structure.scopes
    groups = {"": scopes[""]}
    stand_in: dict[str, str] = {}  # a scope inside a closed one -> the closed one
    for path in sorted(scopes, key=lambda p: scopes[p].depth):
        scope = scopes[path]
        if scope.parent is None:
            continue
        if scope.parent in stand_in:
            stand_in[path] = stand_in[scope.parent]
        elif path in opened:
            groups[path] = scope
        else:
            stand_in[path] = path
    folds = _folds(structure, groups, stand_in)
    nodes: dict[str, Node] = {}
    box: list[str] = []
    for card in structure.cards:
        closed = stand_in.get(card.home)
        if closed is None:
            nodes[card.id] = _card_node(card)
            box.append(card.id)
        else:
            first = folds.get(closed, closed)
            node = nodes.get(f"s:{first}")
            if node is None:
                node = nodes[f"s:{first}"] = _scope_node(scopes[first])
            node.parts.append(card)
            node.members.extend(card.members)
            box.append(node.id)
    for card in structure.cards:
        if card.kind == PARAM and nodes.get(card.id) is not None:
            nodes[card.id].host = box[card.host]
    counts = Counter(folds.values())
    for node in nodes.values():
        if node.kind == SCOPE:
            last = [p for p, first in folds.items() if first == node.scope]
            _finish_scope(structure, node, box, counts.get(node.scope, 1), last[-1:] or [""])
    return Visible(nodes, _links(structure, box), groups)


def _card_node(card: Card) -> Node:
    return Node(
        card.id,
        card.kind,
        card.label,
        card.op,
        card.family,
        card.shape,
        card.scope,
        card.main,
        card.members,
        card.home,
        card.site,
    )


def _scope_node(scope: Scope) -> Node:
    return Node(
        f"s:{scope.path}",
        SCOPE,
        short_name(scope.path),
        "",
        "other",
        "",
        scope.path,
        -1,
        [],
        scope.parent or "",
    )


def _finish_scope(
    structure: Structure, node: Node, box: list[str], fold: int, last: list[str]
) -> None:
    """A closed scope shows the value that leaves it, and the family of its most telling ops."""
    ops = [card for card in node.parts if card.kind == OP]
    main = ops[-1] if ops else node.parts[-1]
    inside = {id(card) for card in node.parts}
    for src, dst, value in reversed(structure.links):
        if id(structure.cards[src]) in inside and box[dst] != node.id:
            main = structure.cards[structure.owner[value]]
            break
    node.main, node.shape, node.site = main.main, main.shape, ops[0].site if ops else ""
    node.fold = fold
    node.op = f"{len(ops) // fold} ops"
    families = Counter(card.family for card in ops)
    if families:
        node.family = "linalg" if families["linalg"] else families.most_common(1)[0][0]
    if fold > 1 and last[0]:
        node.label = _span(node.label, short_name(last[0]))


def _span(first: str, last: str) -> str:
    """``layers.0`` and ``layers.23`` as ``layers.0–23``."""
    head = first.rstrip("0123456789")
    tail = last[len(head) :] if last.startswith(head) and last[len(head) :].isdigit() else last
    return f"{first}\u2013{tail}"


def _links(structure: Structure, box: list[str]) -> list[Link]:
    found: dict[tuple[str, str], Link] = {}
    cards = structure.cards
    for src, dst, value in structure.links:
        a, b = box[src], box[dst]
        if a == b:
            continue
        card = cards[src]
        link = found.get((a, b))
        if link is None or card.elements > link.elements:
            found[a, b] = Link(a, b, value, card.elements, card.shape)
    return list(found.values())


def _folds(
    structure: Structure, groups: dict[str, Scope], stand_in: dict[str, str]
) -> dict[str, str]:
    """Closed scope -> the first of its run of equal siblings, for runs of three and more."""
    into: dict[int, list[int]] = {}
    for src, dst, _ in structure.links:
        into.setdefault(dst, []).append(src)
    out: dict[str, str] = {}
    for group in groups.values():
        closed = [
            path for path in group.children if path in stand_in and not structure.scopes[path].chunk
        ]
        if len(closed) < FOLD_FROM:
            continue
        cuts = {c.order for i in group.cards if (c := structure.cards[i]).kind == OP}
        cuts |= {structure.scopes[p].order for p in group.children if p not in stand_in}
        runs: list[list[str]] = []
        previous: tuple[object, int] | None = None
        for path in closed:
            scope = structure.scopes[path]
            key = (_shape_of(structure, scope, into), sum(c < scope.order for c in cuts))
            if key == previous:
                runs[-1].append(path)
            else:
                runs.append([path])
            previous = key
        for run in runs:
            if len(run) >= FOLD_FROM:
                out.update(dict.fromkeys(run, run[0]))
    return out


def _shape_of(structure: Structure, scope: Scope, into: dict[int, list[int]]) -> object:
    """What a scope computes, without its names: equal for repeated layers."""
    inside: list[int] = []
    walk = [scope]
    while walk:
        here = walk.pop()
        inside.extend(here.cards)
        walk.extend(structure.scopes[p] for p in here.children)
    inside.sort(key=lambda c: (structure.cards[c].order, structure.cards[c].kind == OP, c))
    local = {card: k for k, card in enumerate(inside)}
    return tuple(
        (
            (card := structure.cards[c]).kind,
            card.op,
            card.shape,
            tuple(local.get(src, -1) for src in into.get(c, ())),
        )
        for c in inside
    )
