"""The questions that everybody has about a training, answered with one click each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.trace import schema
from graphscope.webapp.queries.places import Places

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step, ValueStep
    from graphscope.webapp.queries.graph import Views


def answers_json(reader: TraceReader, views: Views, step: Step) -> list[dict[str, Any]]:
    """``{key, question, text, detail, id, inside}``: slowest op, largest tensor, smallest gradient.

    A question that the run cannot answer has no ``id`` and says why in ``detail``.
    """
    graph = reader.graph(step.graph)
    if not graph.n:
        return []
    places = Places(reader, views, graph, step)
    values = reader.values(step.num, step.kind)
    return [
        _slowest(reader, places, graph, step),
        _largest(reader, places, graph, step),
        _faintest(places, graph, values),
    ]


def _slowest(reader: TraceReader, places: Places, graph: Graph, step: Step) -> dict[str, Any]:
    """By the mean over the steps of this graph, forward and backward together."""
    moments = reader.moments(graph.id)
    mean = np.nan_to_num(moments["mean"]) if moments["n"] else step.dur_ns.astype(float)
    totals: dict[str, float] = {}
    of: dict[str, int] = {}
    for value in np.flatnonzero(mean).tolist():
        if graph.phase[value] not in (schema.FORWARD, schema.BACKWARD):
            continue  # waiting for a batch is no op; the optimizer has its own part of the step
        card = places.card(value)
        if card is None:
            continue
        totals[card.id] = totals.get(card.id, 0.0) + float(mean[value])
        of.setdefault(card.id, value)
    question = "Slowest op"
    if not totals:
        return _nothing("slowest", question, "No times were recorded.")
    best = max(totals, key=lambda id: totals[id])
    wall = float(mean.sum()) or 1.0
    runs = int(moments["n"]) or 1
    detail = f"{units.share(totals[best] / wall)} of all ops, mean of {units.count(runs)} step"
    detail += "" if runs == 1 else "s"
    return _answer("slowest", question, units.ns(totals[best]), detail, places, of[best])


def _largest(reader: TraceReader, places: Places, graph: Graph, step: Step) -> dict[str, Any]:
    """Of what has memory of its own: values, gradients and parameters."""
    question = "Largest tensor"
    best, size = None, 0
    for value in range(-graph.n_ports, graph.n):
        if value >= 0 and step.freed[value] == schema.NO_MEMORY:
            continue
        nbytes = reader.spec(step.spec_id(value)).nbytes
        if nbytes > size and places.card(value) is not None:
            best, size = value, nbytes
    if best is None:
        return _nothing("largest", question, "No sizes were recorded.")
    spec = reader.spec(step.spec_id(best))
    detail = f"{units.shape(spec.shape)} {spec.dtype}"
    return _answer("largest", question, units.bytes_(size), detail, places, best)


def _faintest(places: Places, graph: Graph, values: ValueStep | None) -> dict[str, Any]:
    """The module whose parameters together have the smallest gradient, by root mean square."""
    question = "Layer with the smallest gradient"
    if values is None:
        return _nothing("faintest", question, "No gradients were recorded yet.")
    layers: dict[str, list[tuple[int, float, int]]] = {}
    for k in range(graph.n_ports):
        entry = values.get(-1 - k, "g")
        if graph.port_kind(k) != "parameter" or entry is None or not np.isfinite(entry.rms):
            continue
        layer = graph.port_path(k).rpartition(".")[0]
        layers.setdefault(layer, []).append((-1 - k, entry.rms, entry.count))
    if not layers:
        return _nothing("faintest", question, "No parameter has a gradient in this step.")
    sizes = {name: _rms(group) for name, group in layers.items()}
    layer = min(sizes, key=lambda name: sizes[name])
    weakest = min(layers[layer], key=lambda row: row[1])[0]
    largest = max(sizes.values())
    detail = "root mean square over its parameters"
    if len(sizes) > 1 and sizes[layer] > 0:
        detail += f"; the largest is {units.number(largest / sizes[layer])} times as much"
    text = f"\u2202 {units.number(sizes[layer])}"
    named = {"label": units.clip(layer or graph.port_label(-1 - weakest), 60), "scope": ""}
    return _answer("faintest", question, text, detail, places, weakest) | named


def _rms(group: list[tuple[int, float, int]]) -> float:
    total = sum(n for _, _, n in group)
    return float(np.sqrt(sum(rms * rms * n for _, rms, n in group) / total)) if total else 0.0


def _answer(
    key: str, question: str, text: str, detail: str, places: Places, value: int
) -> dict[str, Any]:
    place = places.place(value) or {"id": "", "inside": "", "label": "", "scope": "", "line": ""}
    return {"key": key, "question": question, "text": text, "detail": detail} | place


def _nothing(key: str, question: str, why: str) -> dict[str, Any]:
    return {"key": key, "question": question, "text": units.MISSING, "detail": why, "id": ""}
