"""The numbers of a step for every visible card: what they say, how they are coloured, and one line about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.analysis import custom
from graphscope.analysis.trail import trail
from graphscope.analysis.updates import update_ratios
from graphscope.view.encode import node_values
from graphscope.view.overlay import CUSTOM, overlay
from graphscope.view.palette import theme
from graphscope.view.structure import PARAM
from graphscope.webapp.queries.graph import Views, Wish, look, opened_scopes

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step, ValueStep
    from graphscope.view.graphview import GraphView

Cards = dict[str, dict[str, Any]]
_WORST = {"info": 1, "warning": 2, "error": 3}


def values_json(
    reader: TraceReader,
    views: Views,
    wish: Wish,
    color: str = "family",
    look_name: str = "light",
    findings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Texts, bars, times and colours by card.

    ``findings`` are the worst severities by card id, for the overlay of that name.
    """
    step = look(reader, wish.step)
    graph = reader.graph(step.graph)
    opened = opened_scopes(wish.opened)
    view = views.view(reader, graph, step, opened, wish.focus, wish.mode)
    values = reader.values(step.num, step.kind)
    nodes = node_values(graph, step, values, view, views.numbers(graph, step, values, view))
    unit = facts(reader, graph, step, values, view, nodes, color, findings or {})
    legend = paint(view, nodes, color, look_name, unit)
    _failed(graph, step, view, nodes)
    told = {
        "step": step.num,
        "kind": step.kind,
        "graph": graph.id,
        "status": step.status,
        "value_step": None if values is None else values.num,
        "line": step_line(step, None if values is None else values.num),
        "legend": legend,
        "nodes": nodes,
    }
    found = _trail(reader, step) if step.nonfinite or step.status != "ok" else None
    return told | ({"trail": found} if found else {}) | ({"unit": unit} if unit else {})


def facts(
    reader: TraceReader, graph: Graph, step: Step, values: ValueStep | None, view: GraphView, nodes: Cards,
    color: str, findings: Mapping[str, str],
) -> str:  # fmt: skip
    """Add what only some overlays need to the numbers of the cards; the unit of a logged one."""
    unit = ""
    if color == "update":
        ratios = update_ratios(graph, values)
        for node in view.nodes:
            if node.kind == PARAM and node.main in ratios:
                nodes[node.id]["update"] = ratios[node.main]
    elif color == "device":
        for node in view.nodes:
            spec = view.source.spec(node.main)
            if spec is not None:
                nodes[node.id]["device"] = spec.device
    elif color == "findings":
        for node in view.nodes:
            told = _inside(node, findings)
            nodes[node.id]["finding"] = max(told, key=lambda s: _WORST.get(s, 0), default="none")
    elif color.startswith(CUSTOM):
        logged = custom.at(reader, color[len(CUSTOM) :], step.num)
        numbers = custom.by_value(graph, logged.numbers) if logged is not None else {}
        unit = logged.unit if logged is not None else ""
        for node in view.nodes:
            inside = [numbers[m] for m in node.members if m in numbers]
            if inside:  # a closed module has the mean of what is in it
                nodes[node.id]["custom"] = sum(inside) / len(inside)
    return unit


def paint(
    view: GraphView, nodes: Cards, color: str, look_name: str, unit: str = ""
) -> dict[str, Any]:
    """Give the cards the colours of an overlay; its legend."""
    colours = theme(look_name)
    painted = overlay(view, nodes, color, colours, unit)
    if color != "family":
        for id, fill in painted.fills.items():
            nodes[id]["color"] = fill
            nodes[id]["on"] = colours.on(fill)
    return painted.legend.to_json()


def _inside(node: Any, findings: Mapping[str, str]) -> list[str]:
    names = [node.id, f"s:{node.scope}" if node.kind == "scope" else node.id]
    names += [card.id for card in node.parts]
    return [findings[name] for name in names if name in findings]


def _failed(graph: Graph, step: Step, view: GraphView, nodes: Cards) -> None:
    """A step that an exception ended has as its last op the one that raised: its card says what it was given."""
    if step.status != "failed" or not graph.n:
        return
    last = graph.n - 1
    for card in view.nodes:
        if last in card.members:
            nodes[card.id]["failed"] = step.status
            twin = int(graph.twin[last])  # of a gradient: what its op was given
            given = graph.inputs(last) or (graph.inputs(twin) if twin >= 0 else [])
            shapes = [view.source.shape(v) for v in given]
            told = [units.shape(s) if s is not None else "?" for s in shapes]
            nodes[card.id]["operands"] = units.clip(" \u00b7 ".join(told), 60)


def _trail(reader: TraceReader, step: Step) -> dict[str, Any] | None:
    """The way of what is not finite: the card where it began, and the values that it went through.

    Once it is there it stays: a later step that does not tell shows where it began in the run.
    """
    found = trail(reader, step.num, step.kind)
    if found is None or found.node is None:
        found = trail(reader, None, step.kind)
    if found is None or found.graph != step.graph or found.node is None or found.step > step.num:
        return None
    return {
        "node": card_id(found.node),
        "path": list(found.path),
        "step": found.step,
        "why": units.clip(found.why, 300),
    }


def card_id(value: int) -> str:
    """The id of the card of a value.

    >>> card_id(3), card_id(-2)
    ('n3', 'p1')
    """
    return f"n{value}" if value >= 0 else f"p{-1 - value}"


def step_line(step: Step, value_step: int | None) -> str:
    """One line about a step: number, loss, time, and from where its values are.

    Values are not taken in every step, and a page that did not say so would lie.
    """
    parts = [f"{'' if step.kind == 'train' else step.kind + ' '}step {units.count(step.num)}"]
    # A loss that is NaN comes out of the file as no loss (SQLite has no NaN).
    loss = math.nan if step.loss is None and step.nonfinite else step.loss
    if loss is not None:
        parts.append(f"loss {units.loss(loss)}")
    if step.wall_ns:  # what a pause took of a step is in none
        parts.append(units.ns(step.wall_ns))
    if value_step is None:
        parts.append("no values recorded")
    elif value_step != step.num:
        parts.append(f"values from step {units.count(value_step)}")
    if step.timed_at != step.num:
        parts.append(f"times from step {units.count(step.timed_at)}")
    if step.status != "ok":
        parts.append(step.note or step.status)
    return " \u00b7 ".join(parts)
