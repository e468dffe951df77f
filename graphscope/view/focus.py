"""A part of a graph that is worth a picture of its own: around a card, on the way to the loss, behind a card.

A focus is a short text, so that it fits into an address: ``near:n12:2`` (all within two lines of n12),
``loss:p3`` (everything on a way from p3 to the loss), ``from:p3`` (all that p3 influences) and ``into:n12``
(all that n12 is made of).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from graphscope.trace import schema
from graphscope.view.structure import OP, Scope, Structure

if TYPE_CHECKING:
    from graphscope.trace.records import Graph

KINDS = ("near", "loss", "from", "into")
MOST_HOPS = 9


@dataclass(frozen=True)
class Focus:
    """``kind`` is one of KINDS, ``id`` a card or a scope (``s:net.conv1``)."""

    kind: str
    id: str
    hops: int = 1


def parse(text: str) -> Focus | None:
    """The focus that a text of an address asks for; None for anything else.

    >>> parse("near:n12:2"), parse("loss:s:net.fc:1"), parse("nonsense")
    (Focus(kind='near', id='n12', hops=2), Focus(kind='loss', id='s:net.fc:1', hops=1), None)
    """
    kind, _, rest = text.partition(":")
    if kind not in KINDS or not rest:
        return None
    hops = 1
    if kind == "near":
        head, _, last = rest.rpartition(":")
        if head and last.isascii() and last.isdigit() and len(last) == 1:
            rest, hops = head, min(max(int(last), 1), MOST_HOPS)
    return Focus(kind, rest, hops)


def cards(structure: Structure, graph: Graph, focus: Focus) -> set[int] | None:
    """The cards that belong to a focus; None where this graph has no such card."""
    start = _start(structure, focus.id)
    if not start:
        return None
    after: dict[int, list[int]] = {}
    before: dict[int, list[int]] = {}
    for a, b, _ in structure.links:
        after.setdefault(a, []).append(b)
        before.setdefault(b, []).append(a)
    if focus.kind == "near":
        found, edge = set(start), set(start)
        for _ in range(focus.hops):
            edge = {n for c in edge for n in (*after.get(c, ()), *before.get(c, ()))} - found
            found |= edge
        return found
    if focus.kind == "into":
        return _reached(start, before)
    behind = _reached(start, after)
    if focus.kind == "from":
        return behind
    end = loss_card(structure, graph)
    if end is None:
        return behind
    return (behind & _reached({end}, before)) | start


def loss_card(structure: Structure, graph: Graph) -> int | None:
    """The card that backward begins at: the twin of the first recorded gradient."""
    backward = np.flatnonzero((graph.phase == schema.BACKWARD) & (graph.twin >= 0))
    return structure.owner.get(int(graph.twin[backward[0]])) if len(backward) else None


def _start(structure: Structure, id: str) -> set[int]:
    if id.startswith("s:"):
        path = id[2:]
        return {
            k
            for k, card in enumerate(structure.cards)
            if card.home == path or card.home.startswith(path + ".")
        }
    return {k for k, card in enumerate(structure.cards) if card.id == id}


def _reached(start: Iterable[int], lines: dict[int, list[int]]) -> set[int]:
    found, walk = set(start), list(start)
    while walk:
        for card in lines.get(walk.pop(), ()):
            if card not in found:
                found.add(card)
                walk.append(card)
    return found


def narrowed(structure: Structure, keep: set[int]) -> Structure:
    """The structure with these cards only; scopes that hold none of them are gone."""
    order = sorted(keep)
    new = {old: k for k, old in enumerate(order)}
    kept = [
        replace(card, host=new.get(card.host, -1))
        for card in (structure.cards[old] for old in order)
    ]
    links = [(new[a], new[b], v) for a, b, v in structure.links if a in new and b in new]
    owner = {value: new[card] for value, card in structure.owner.items() if card in new}
    scopes: dict[str, Scope] = {}
    for path, scope in structure.scopes.items():
        inside = [new[c] for c in scope.cards if c in new]
        scopes[path] = replace(scope, cards=inside, children=[], ops=0)
    used: set[str] = {""}
    for card in kept:
        inner: str | None = card.home
        while inner:
            used.add(inner)
            scopes[inner].ops += card.kind == OP
            inner = scopes[inner].parent
        scopes[""].ops += card.kind == OP
    filled = {path: scope for path, scope in scopes.items() if path in used}
    for path, scope in filled.items():
        scope.children = [c for c in structure.scopes[path].children if c in used]
    return Structure(kept, links, filled, owner)
