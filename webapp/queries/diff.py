"""Two steps, or two runs, in one picture: the union of their graphs, what is only in one, what changed most.

What is looked at comes first ("now"); it is compared with ``vs``, which is ``step:12`` of the same run or the
name of another run at the same step. Cards that only the other has are called ``v:`` and their id there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.numeric import differences
from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.view.encode import node_values
from graphscope.view.graphview import GraphView
from graphscope.view.packing import packed
from graphscope.view.pair import Pair, pair
from graphscope.view.visible import SCOPE, AllBut, Node
from graphscope.webapp.queries.graph import (
    Opened,
    Views,
    Wish,
    key_of,
    look,
    opened_scopes,
)
from graphscope.webapp.queries.values import card_id, facts, paint, step_line

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step, ValueStep

LARGEST = 10
ADDED, REMOVED, CHANGED = "added", "removed", "changed"
OTHER = "v:"


@dataclass
class Side:
    """One of the two: what ``view.pair`` asks for."""

    reader: TraceReader
    step: Step
    graph: Graph
    values: ValueStep | None


def _side(reader: TraceReader, step: Step) -> Side:
    return Side(reader, step, reader.graph(step.graph), reader.values(step.num, step.kind))


def sides(
    reader: TraceReader, other: Callable[[str], TraceReader], wish: Wish
) -> tuple[Side, Side, str]:
    """What is looked at, what it is compared with, and how that is called.

    Raises: TraceError when there is no such step or run.
    """
    now = _side(reader, look(reader, wish.step))
    kind, _, rest = wish.vs.partition(":")
    if kind == "step" and rest.isascii() and rest.isdigit() and len(rest) < 16:
        return now, _side(reader, reader.step(int(rest), now.step.kind)), f"step {int(rest)}"
    second = other(wish.vs)
    try:
        step = second.step(now.step.num, now.step.kind)
    except TraceError:
        step = look(second, None)  # it is shorter: its last step
    return now, _side(second, step), f"{units.clip(wish.vs, 40)}, step {step.num}"


@dataclass
class Union:
    """The picture of both: cards under their own ids, marks by card, and each side's part of it."""

    view: GraphView
    parts: tuple[GraphView, GraphView]
    marks: dict[str, str]
    lines: dict[tuple[str, str], str]


def union(views: Views, now: Side, was: Side, opened: Opened) -> Union:
    """Both graphs laid out together (kept, as every layout)."""
    keys = (*key_of(now.reader, now.graph, now.step), *key_of(was.reader, was.graph, was.step))
    found: Union = views.pair(
        keys, opened, lambda: _union(pair(now, was, flat=False, opened=opened))
    )
    return found


def _union(both: Pair) -> Union:
    first, second = both.halves
    mine = {node.id: node for node in first.view.nodes}
    theirs = {node.id: node for node in second.view.nodes}
    names: dict[str, str] = {}
    nodes: list[Node] = []
    for node in both.view.nodes:
        own = mine.get(node.id) or theirs[node.id]
        id = own.id if own.kind == SCOPE else card_id(own.main)
        names[node.id] = id if node.id in mine else OTHER + id
        nodes.append(replace(own, id=names[node.id]))
    for node in nodes:
        node.host = names.get(node.host, "")
    marks = {names[id]: ADDED if m == "only" else CHANGED for id, m in first.marks.items()}
    marks |= {names[id]: REMOVED for id, m in second.marks.items() if m == "only"}
    lines = {(names[a], names[b]): ADDED for a, b in first.edges}
    lines |= {(names[a], names[b]): REMOVED for a, b in second.edges}
    edges = [replace(e, src=names[e.src], dst=names[e.dst], tex="") for e in both.view.edges]
    view = replace(both.view, nodes=nodes, edges=edges)

    def part(table: dict[str, Node], seen: GraphView) -> GraphView:
        own = [replace(node, id=names[id]) for id, node in table.items()]
        return replace(seen, nodes=own)

    return Union(view, (part(mine, first.view), part(theirs, second.view)), marks, lines)


def diff_graph_json(
    reader: TraceReader, views: Views, wish: Wish, other: Callable[[str], TraceReader]
) -> dict[str, Any]:
    """GraphView JSON of the union; cards and lines carry ``mark``."""
    both, told = diff_view(reader, views, wish, other)
    view = both.view.to_json()
    for node in view["nodes"]:
        node["mark"] = both.marks.get(node["id"], "")
    for edge in view["edges"]:
        edge["mark"] = both.lines.get((edge["src"], edge["dst"]), "")
    return view | told


def diff_text(
    reader: TraceReader, views: Views, wish: Wish, other: Callable[[str], TraceReader]
) -> str:
    """The same as JSON text with cards and lines as columns (see ``view.packing``)."""
    both, told = diff_view(reader, views, wish, other)
    return json.dumps(packed(both.view, (both.marks, both.lines)) | told)


def diff_view(
    reader: TraceReader, views: Views, wish: Wish, other: Callable[[str], TraceReader]
) -> tuple[Union, dict[str, Any]]:
    """Both graphs laid out together, and what else is told with them."""
    now, was, title = sides(reader, other, wish)
    opened = opened_scopes(wish.opened)
    both = union(views, now, was, opened)
    told: dict[str, Any] = {"graph": now.graph.id, "kind": now.graph.kind, "step": now.step.num}
    told["open"] = (wish.opened or "") if isinstance(opened, AllBut) else ""
    return both, told | {"vs": wish.vs, "vs_title": title, "custom": []}


def diff_values_json(
    reader: TraceReader, views: Views, wish: Wish, other: Callable[[str], TraceReader],
    color: str = "change", look_name: str = "light",
) -> dict[str, Any]:  # fmt: skip
    """The numbers now, what they were there (``was``), and the ten largest changes of three kinds."""
    now, was, title = sides(reader, other, wish)
    both = union(views, now, was, opened_scopes(wish.opened))
    nodes = node_values(now.graph, now.step, now.values, both.parts[0])
    before = node_values(was.graph, was.step, was.values, both.parts[1])
    for id, card in before.items():
        if id in nodes:
            nodes[id]["was"] = {key: card[key] for key in ("v", "g", "fwd_ns", "bwd_ns")}
        else:
            nodes[id] = card
    moved = _moved(now, was)
    for node in both.parts[0].nodes:
        inside = [moved[m]["v"] for m in _values(node) if m in moved and "v" in moved[m]]
        if inside:
            nodes[node.id]["change"] = max(inside)
    if color != "change":
        facts(reader, now.graph, now.step, now.values, both.parts[0], nodes, color, {})
    legend = paint(both.view, nodes, color, look_name)
    value_step = None if now.values is None else now.values.num
    return {
        "step": now.step.num,
        "kind": now.step.kind,
        "graph": now.graph.id,
        "status": now.step.status,
        "value_step": value_step,
        "line": f"{step_line(now.step, value_step)} \u00b7 compared with {title}",
        "legend": legend,
        "nodes": nodes,
        "vs": wish.vs,
        "largest": _largest(now, was, both, moved),
        "counts": {
            mark: sum(m == mark for m in both.marks.values()) for mark in (ADDED, REMOVED, CHANGED)
        },
    }


def _values(node: Node) -> list[int]:
    return [card.main for card in node.parts] if node.kind == SCOPE else [node.main]


def _moved(now: Side, was: Side) -> dict[int, dict[str, float]]:
    """By value of the first: the largest relative change of its numbers, and of its gradient's."""
    found: dict[int, dict[str, float]] = {}
    if now.values is None or was.values is None:
        return found
    for d in differences(now.reader, was.reader, now.values.num, was.values.num, now.step.kind):
        if np.isfinite(d.max_rel):
            found.setdefault(d.node, {})[d.what] = d.max_rel
    return found


def _largest(
    now: Side, was: Side, both: Union, moved: dict[int, dict[str, float]]
) -> dict[str, Any]:
    """Ten rows for values, gradients and times, the largest change first; structure comes before them."""
    structure = [
        {"id": node.id, "label": units.clip(node.label, 60), "mark": both.marks[node.id],
         "text": node.shape, "inside": node.group}
        for node in both.view.nodes if node.id in both.marks
    ]  # fmt: skip
    out: dict[str, Any] = {"structure": structure[: 4 * LARGEST]}
    drawn = {v for node in both.parts[0].nodes for v in _values(node)}
    for what, name in (("v", "value"), ("g", "gradient")):
        ranked = sorted(
            ((told[what], v) for v, told in moved.items() if v in drawn and told.get(what, 0) > 0),
            key=lambda pair: (-pair[0], pair[1]),
        )[:LARGEST]
        out[name] = [_row(now, v, units.share(min(size, 99)), size) for size, v in ranked]
    out["time"] = _times(now, was)
    return out


def _row(now: Side, value: int, text: str, size: float) -> dict[str, Any]:
    graph = now.graph
    return {
        "id": card_id(value),
        "label": units.clip(graph.label(value), 60),
        "inside": graph.scope_path(value),
        "text": text,
        "size": size,
        "mark": "",
    }


def _times(now: Side, was: Side) -> list[dict[str, Any]]:
    """Forward and backward together, of ops that both have (matched by module, op and count)."""
    there = {key: i for i, key in enumerate(was.graph.keys)}
    found = []
    for i, key in enumerate(now.graph.keys):
        j = there.get(key)
        if j is None or now.graph.phase[i] != schema.FORWARD:
            continue
        a, b = _spent(now, i), _spent(was, j)
        if a is not None and b is not None and a != b:
            found.append((abs(a - b), i, a - b))
    found.sort(key=lambda row: (-row[0], row[1]))
    return [
        _row(now, i, ("+" if d > 0 else "\u2212") + units.ns(abs(d)), float(abs(d)))
        for _, i, d in found[:LARGEST]
    ]


def _spent(side: Side, i: int) -> int | None:
    times = side.step.dur_ns
    if i >= len(times):
        return None
    back = (b for b, _ in side.graph.backward_of(i) if b < len(times))
    return int(times[i]) + sum(int(times[b]) for b in back)
