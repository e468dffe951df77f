"""What the graph page asks for: the layout of a step's graph, its numbers, and where a name occurs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from graphscope import units
from graphscope.errors import TraceError
from graphscope.view.encode import node_values
from graphscope.view.graphview import GraphView, ViewState, build
from graphscope.view.overlay import overlay
from graphscope.view.palette import theme
from graphscope.view.source import Source
from graphscope.view.structure import Structure, structure

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step

HITS = 200


class Views:
    """The last few layouts, so that a step forward asks for numbers only. One per app."""

    def __init__(self, limit: int = 24) -> None:
        self._limit = limit
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def view(
        self, reader: TraceReader, graph: Graph, step: Step, opened: frozenset[str] | None
    ) -> GraphView:
        def make() -> GraphView:
            state = ViewState(step=step.num, opened=opened)
            return build(graph, reader, state, specs=step.specs)

        return self._get(("view", *_key(reader, graph, step), opened), make)

    def structure(self, reader: TraceReader, graph: Graph, step: Step) -> Structure:
        def make() -> Structure:
            return structure(graph, Source(graph, reader, step.specs))

        return self._get(("structure", *_key(reader, graph, step)), make)

    def _get(self, key: tuple[Any, ...], make: Any) -> Any:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()  # outside the lock: a layout may take a second
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        return made


def _key(reader: TraceReader, graph: Graph, step: Step) -> tuple[Any, ...]:
    return str(reader.path), graph.id, graph.digest, step.shape_set, graph.names.tobytes()


def look(reader: TraceReader, num: int | None) -> Step:
    """The step that is looked at: a number, or the newest one.

    A run that only evaluates has no train step; then its eval steps are shown.

    Raises: TraceError when there is no such step.
    """
    try:
        return reader.step(-1 if num is None else num)
    except TraceError:
        if len(reader.steps()):
            raise
        return reader.step(-1 if num is None else num, "eval")


def opened_scopes(text: str | None, graph: Graph) -> frozenset[str] | None:
    """The set of open scopes out of its text in the URL; None lets the view decide.

    ``none`` shuts all, ``all`` opens all, else paths separated by commas (``%2C`` within a path).
    """
    if not text or text == "auto":
        return None
    if text == "none":
        return frozenset()
    if text == "all":
        ids = set(graph.scope.tolist()) | set(graph.ports[:, 2].tolist())
        paths = (graph.lookup.string(int(id)) for id in ids if id >= 0)
        return frozenset(part for path in paths for part in way(path))
    return frozenset(unquote(part) for part in text.split(",") if part)


def way(path: str) -> list[str]:
    """The scopes on the way to a path, outermost first.

    >>> way("net.conv1"), way("")
    (['net', 'net.conv1'], [])
    """
    parts = path.split(".") if path else []
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def graph_json(
    reader: TraceReader, views: Views, num: int | None, opened: str | None, node: str | None
) -> dict[str, Any]:
    """GraphView JSON of a step's graph, with the ids of graph and step."""
    step = look(reader, num)
    graph = reader.graph(step.graph)
    wanted = opened_scopes(opened, graph)
    view = views.view(reader, graph, step, wanted)
    if node and wanted is None and view.node(node) is None:
        # A link to a node inside a closed scope opens the scopes on the way.
        cards = views.structure(reader, graph, step).cards
        home = next((card.home for card in cards if card.id == node), "")
        if home:
            view = views.view(reader, graph, step, view.opened | set(way(home)))
    return {**view.to_json(), "graph": graph.id, "kind": graph.kind, "step": step.num}


def values_json(
    reader: TraceReader,
    views: Views,
    num: int | None,
    opened: str | None,
    color: str = "family",
    look_name: str = "light",
) -> dict[str, Any]:
    """The numbers of a step for every visible card, the overlay's colours, and one line about it."""
    step = look(reader, num)
    graph = reader.graph(step.graph)
    view = views.view(reader, graph, step, opened_scopes(opened, graph))
    values = reader.values(step.num, step.kind)
    nodes = node_values(graph, step, values, view)
    colours = theme(look_name)
    painted = overlay(view, nodes, color, colours)
    if color != "family":
        for id, fill in painted.fills.items():
            nodes[id]["color"] = fill
            nodes[id]["on"] = colours.on(fill)
    if step.status != "ok" and graph.n:
        for card in view.nodes:
            if graph.n - 1 in card.members:
                nodes[card.id]["failed"] = step.status
    return {
        "step": step.num,
        "kind": step.kind,
        "graph": graph.id,
        "status": step.status,
        "value_step": None if values is None else values.num,
        "line": step_line(step, None if values is None else values.num),
        "legend": painted.legend.to_json(),
        "nodes": nodes,
    }


def step_line(step: Step, value_step: int | None) -> str:
    """One line about a step: number, loss, time, and from where its values are.

    Values are not taken in every step, and a page that did not say so would lie.
    """
    parts = [f"{'' if step.kind == 'train' else step.kind + ' '}step {step.num}"]
    if step.loss is not None:
        parts.append(f"loss {units.loss(step.loss)}")
    parts.append(units.ns(step.wall_ns))
    if value_step is None:
        parts.append("no values recorded")
    elif value_step != step.num:
        parts.append(f"values from step {value_step}")
    if step.timed_at != step.num:
        parts.append(f"times from step {step.timed_at}")
    if step.status != "ok":
        parts.append(step.note or step.status)
    return " \u00b7 ".join(parts)


def search_json(reader: TraceReader, views: Views, num: int | None, text: str) -> dict[str, Any]:
    """Cards and scopes whose name, op, scope or source line contains the text, best first.

    ``inside`` is the scope that must be open for the hit to be visible.
    """
    query = text.strip().casefold()[:200]
    if not query:
        return {"hits": [], "total": 0}
    step = look(reader, num)
    graph = reader.graph(step.graph)
    found = views.structure(reader, graph, step)
    ranked: list[tuple[int, int, dict[str, Any]]] = []
    for order, card in enumerate(found.cards):
        rank = _rank(query, card.label, card.op, card.scope, card.site)
        if rank is not None:
            hit = _hit(card.id, card.label, card.scope, card.home, card.site or card.op)
            ranked.append((rank, order, hit))
    for path, scope in found.scopes.items():
        if path and query in path.casefold():
            last = path.rpartition(".")[2]
            rank = 0 if last.casefold().startswith(query) else 2
            hit = _hit(f"s:{path}", last, path, scope.parent or "", f"{scope.ops} ops")
            ranked.append((rank, scope.order, hit))
    ranked.sort(key=lambda row: row[:2])
    return {"hits": [hit for _, _, hit in ranked[:HITS]], "total": len(ranked)}


def _rank(query: str, *texts: str) -> int | None:
    """0 when a name begins with the query, 1 when name or op contains it, then scope and line."""
    if texts[0].casefold().startswith(query):
        return 0
    for rank, text in zip((1, 1, 2, 3), texts, strict=True):
        if query in text.casefold():
            return rank
    return None


def _hit(id: str, label: str, scope: str, inside: str, match: str) -> dict[str, Any]:
    return {
        "id": id,
        "label": units.clip(label, 80),
        "scope": units.clip(scope, 120),
        "inside": inside,
        "match": units.clip(match, 80),
    }
