"""What the inspector says about one node at one step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.view.encode import NOT_YET, gradient_text, reach, value_text
from graphscope.view.palette import FAMILY_NAMES
from graphscope.view.source import Source
from graphscope.webapp.queries.facts import Fact, facts
from graphscope.webapp.queries.formula import filled, formula_json
from graphscope.webapp.queries.graph import Views, look
from graphscope.webapp.queries.places import source_json
from graphscope.webapp.queries.tensor import tensor_json, thumb_json

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step, ValueStep

SAMPLES_BACK = 40  # value steps to look through for a sample


def node_json(reader: TraceReader, views: Views, num: int | None, id: str) -> dict[str, Any]:
    """Facts of a card ``n12`` (op), ``p3`` (port) or ``s:net.conv1`` (scope).

    Raises: TraceError when the step's graph has no such node.
    """
    step = look(reader, num)
    graph = reader.graph(step.graph)
    values = reader.values(step.num, step.kind)
    source = Source(graph, reader, step.specs)
    told = {"id": id, "step": step.num, "value_step": None if values is None else values.num}
    if id.startswith("s:"):
        return told | _scope(reader, views, graph, step, values, id[2:])
    value = value_of(id, graph)
    told |= _head(graph, source, value)
    card = next((c for c in views.structure(reader, graph, step).cards if c.id == id), None)
    if card is not None:
        told["label"] = card.label  # a module around one op is called by its own name
    told["tensors"] = _tensors(reader, graph, step, values, value)
    told["formula"] = formula_json(graph, source, values, value)
    told["source"] = source_json(reader, graph.site_of(value) if value >= 0 else None)
    told["facts"] = facts(reader, graph, source, step, value)
    told["note"] = _note(step, values)
    told["inputs"] = [_link(graph, source, v) for v in (graph.inputs(value) if value >= 0 else [])]
    users = [u for u in graph.users(value) if graph.phase[u] <= schema.FORWARD]
    told["outputs"] = [_link(graph, source, v) for v in users[:12]]
    return told


def element_json(reader: TraceReader, num: int | None, id: str, index: str) -> dict[str, Any]:
    """One element of an op's result, computed with the numbers that it is made of.

    Raises: TraceError when there is no such node.
    """
    step = look(reader, num)
    graph = reader.graph(step.graph)
    value = value_of(id, graph)
    values = reader.values(step.num, step.kind)
    parts = [part for part in index.split(",")[:16] if part]
    place = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 10]
    if value < 0 or len(place) != len(parts):
        return {"id": id, "filled": None}
    return {"id": id, "filled": filled(graph, values, value, place)}


def value_of(id: str, graph: Graph) -> int:
    """The value that a card id stands for: ``n12`` is 12, ``p3`` is -4."""
    kind, digits = id[:1], id[1:]
    if kind in ("n", "p") and digits.isascii() and digits.isdigit() and len(digits) < 10:
        k = int(digits)
        if k < (graph.n if kind == "n" else graph.n_ports):
            return k if kind == "n" else -1 - k
    raise TraceError(f"This step has no node {units.clip(id, 40)}; it may belong to another step.")


def _head(graph: Graph, source: Source, value: int) -> dict[str, Any]:
    shape = source.shape(value)
    shape_text = units.shape(shape) if shape is not None else units.MISSING
    if value >= 0:
        if graph.flags[value] & schema.FAILED:
            shape_text = "failed"
        info = graph.op_info(value)
        operands = [source.shape(v) for v in graph.inputs(value)]
        told = ", ".join(units.shape(s) if s is not None else "?" for s in operands)
        return {
            "kind": "op",
            "label": graph.label(value),
            "op": info.name,
            "family": info.family if info.family in schema.FAMILIES else "other",
            "family_name": FAMILY_NAMES.get(info.family, info.family),
            "scope": graph.scope_path(value),
            "signature": f"({told}) \u2192 {shape_text}",
            "doc": info.doc,
        }
    kind = graph.port_kind(-1 - value)
    family = "other" if kind in ("parameter", "buffer") else "data"
    return {
        "kind": "param" if family == "other" else "input",
        "label": graph.label(value),
        "op": kind.replace("_", " "),
        "family": family,
        "family_name": kind.replace("_", " "),
        "scope": graph.scope_path(value),
        "signature": shape_text,
        "doc": "",
    }


def _note(step: Step, values: ValueStep | None) -> str:
    if values is None:
        return "No values were recorded in this run up to this step."
    if values.num != step.num:
        return f"Values were last taken in step {values.num}."
    return ""


def _tensors(
    reader: TraceReader, graph: Graph, step: Step, values: ValueStep | None, value: int
) -> dict[str, Any]:
    ran = reach(graph)
    entry = values.get(value, "v") if values is not None else None
    gradient = values.get(value, "g") if values is not None else None
    if gradient is not None:
        why = ""
    elif not ran.ran:
        why = "Backward has not run in this step."
    elif value not in ran.values:
        why = "Backward does not come by here: no gradient is asked for."
    else:
        why = "Gradients were off (level: stats), or not taken in this step."
    missing = "No value was taken here." if values is not None else "Values were not recorded."
    told = {
        "v": tensor_json(entry, value_text(entry) or units.MISSING, missing),
        "g": tensor_json(gradient, gradient_text(gradient, value, ran, True) or NOT_YET, why),
    }
    for kind, there in (("v", entry), ("g", gradient)):
        if there is not None and there.thumb is None:
            told[kind]["thumb"] = _earlier_sample(reader, values, value, kind)
    return told


def _earlier_sample(
    reader: TraceReader, values: ValueStep | None, value: int, kind: str
) -> dict[str, Any] | None:
    """The newest sample of a tensor from before, with its step: samples are taken less often."""
    for _ in range(SAMPLES_BACK):
        if values is None or values.num <= 0:
            return None
        values = reader.values(values.num - 1, values.kind)
        entry = values.get(value, kind) if values is not None else None
        if entry is not None and entry.thumb is not None and values is not None:
            return {**thumb_json(entry.thumb), "step": values.num}
    return None


def _link(graph: Graph, source: Source, value: int) -> dict[str, Any]:
    shape = source.shape(value)
    return {
        "id": f"n{value}" if value >= 0 else f"p{-1 - value}",
        "label": units.clip(graph.label(value), 80),
        "shape": units.shape(shape) if shape is not None else "",
        "inside": graph.scope_path(value),
    }


def _scope(
    reader: TraceReader,
    views: Views,
    graph: Graph,
    step: Step,
    values: ValueStep | None,
    path: str,
) -> dict[str, Any]:
    """A scope as a whole: its time, its parameters and its slowest ops."""
    cards = [
        card
        for card in views.structure(reader, graph, step).cards
        if card.home == path or card.home.startswith(path + ".")
    ]
    if not cards:
        raise TraceError(f"This step has no scope {units.clip(path, 60)}.")
    spent = []
    for card in cards:
        if card.kind == "op":
            own = sum(int(step.dur_ns[m]) for m in card.members if 0 <= m < graph.n)
            spent.append((own, card))
    spent.sort(key=lambda pair: -pair[0])
    total = sum(own for own, _ in spent)
    weights = sum(card.elements for card in cards if card.kind == "param")
    told: list[Fact] = [
        ("ops", units.count(len(spent))),
        ("parameters", units.count(weights)),
        ("CPU time", units.ns(total)),
    ]
    if step.wall_ns:
        told.append(("share of step", units.share(min(total / step.wall_ns, 1.0))))
    return {
        "kind": "scope",
        "label": path.rpartition(".")[2],
        "op": "scope",
        "family": "other",
        "family_name": "scope",
        "scope": path.rpartition(".")[0],
        "signature": f"{len(spent)} ops",
        "doc": "",
        "tensors": None,
        "formula": None,
        "source": None,
        "facts": told,
        "note": _note(step, values),
        "inputs": [],
        "outputs": [],
        "slowest": [
            {
                "id": card.id,
                "label": units.clip(_within(path, card.scope, card.label), 80),
                "shape": units.ns(own),
                "inside": card.home,
            }
            for own, card in spent[:8]
        ],
    }


def _within(path: str, scope: str, label: str) -> str:
    """``conv1 / conv2d``: which of the equal names inside a scope is meant."""
    inner = scope[len(path) + 1 :]
    return f"{inner} / {label}" if inner and inner != label else label
