"""Where a word occurs in a graph: names, ops, shapes, modules and source lines, and in which of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.webapp.queries.graph import Views, look

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader

HITS = 200
WHERE = ("name", "op", "shape", "line", "module")


def search_json(reader: TraceReader, views: Views, num: int | None, text: str) -> dict[str, Any]:
    """Cards and scopes that hold the text, best first: ``{id, label, scope, inside, where, match, at}``.

    ``where`` says what matched (one of WHERE), ``match`` is that text and ``at`` the place in it. ``inside``
    is the scope that must be open for the hit to be visible. A shape may be asked for as 4x5.
    """
    query = text.strip().casefold()[:200]
    if not query:
        return {"hits": [], "total": 0}
    step = look(reader, num)
    graph = reader.graph(step.graph)
    found = views.structure(reader, graph, step)
    as_shape = query.replace("x", "\u00d7").replace("*", "\u00d7").replace(" ", "")
    ranked: list[tuple[int, int, dict[str, Any]]] = []
    for order, card in enumerate(found.cards):
        texts = (card.label, card.op, card.shape, card.site, card.scope)
        place = _place(query, as_shape, texts)
        if place is not None:
            rank, where, at = place
            hit = _hit(card.id, card.label, card.scope, card.home, WHERE[where], texts[where], at)
            ranked.append((rank, order, hit))
    for path, scope in found.scopes.items():
        at = path.casefold().find(query)
        if path and at >= 0:
            last = path.rpartition(".")[2]
            rank = 0 if last.casefold().startswith(query) else 3
            hit = _hit(f"s:{path}", last, path, scope.parent or "", "module", path, at)
            ranked.append((rank, scope.order, hit))
    ranked.sort(key=lambda row: row[:2])
    return {"hits": [hit for _, _, hit in ranked[:HITS]], "total": len(ranked)}


def _place(query: str, as_shape: str, texts: tuple[str, ...]) -> tuple[int, int, int] | None:
    """(rank, which text, place in it): 0 where the name begins so, 1 in name or op, then the others."""
    for where, text in enumerate(texts):
        at = text.casefold().find(as_shape if WHERE[where] == "shape" else query)
        if at >= 0:
            return (0 if where == 0 and at == 0 else max(where, 1)), where, at
    return None


def _hit(
    id: str, label: str, scope: str, inside: str, where: str, match: str, at: int
) -> dict[str, Any]:
    start = max(at - 30, 0)  # a hit deep in a long name is shown with what stands around it
    return {
        "id": id,
        "label": units.clip(label, 80),
        "scope": units.clip(scope, 120),
        "inside": inside,
        "where": where,
        "match": ("\u2026" if start else "") + units.clip(match[start:], 80),
        "at": at - start + (1 if start else 0),
    }
