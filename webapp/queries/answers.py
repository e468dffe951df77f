"""The questions that everybody has about a training, answered with one click each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.lifetime import nbytes
from graphscope.trace import schema
from graphscope.webapp.queries.places import Places

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step, ValueStep
    from graphscope.webapp.queries.graph import Views
    from graphscope.webapp.queries.so_far import SoFar


def answers_json(
    reader: TraceReader, so_far: SoFar, views: Views, step: Step
) -> list[dict[str, Any]]:
    """``{key, question, text, detail, id, inside}``: slowest op, largest tensor, smallest gradient.

    A question that the run cannot answer has no ``id`` and says why in ``detail``.
    """
    graph = reader.graph(step.graph)
    if not graph.n:
        return []
    shapes = (step.graph, step.shape_set)
    places = so_far.once(
        reader, "places", (*shapes, graph.names.tobytes()),
        lambda _: Places(reader, views, graph, step),
    )  # fmt: skip
    values = (*shapes, reader.revision()["tensors"])
    return [
        _slowest(reader, places, graph, step),
        so_far.once(
            reader, "largest", shapes, lambda _: _largest(reader, places, graph, step)
        ),
        so_far.once(
            reader, "faintest", values,
            lambda _: _faintest(places, graph, reader.values(step.num, step.kind)),
        ),
    ]  # fmt: skip


def _slowest(reader: TraceReader, places: Places, graph: Graph, step: Step) -> dict[str, Any]:
    """By the mean over the steps of this graph, forward and backward together."""
    question = "Slowest op"
    moments = reader.moments(graph.id)
    mean = np.nan_to_num(moments["mean"]) if moments["n"] else step.dur_ns.astype(float)
    # Waiting for a batch is no op, and the optimizer has its own part of the step.
    cards = np.where(
        (graph.phase == schema.FORWARD) | (graph.phase == schema.BACKWARD), places.cards, -1
    )
    ours = (cards >= 0) & (mean > 0)
    if not ours.any():
        return _nothing("slowest", question, "No times were recorded.")
    totals = np.bincount(cards[ours], weights=mean[ours])
    best = int(totals.argmax())
    value = int(np.flatnonzero(cards == best)[0])
    runs = int(moments["n"]) or 1
    detail = f"{units.share(float(totals[best] / mean.sum()))} of all ops, mean of {units.count(runs)} step"
    detail += "" if runs == 1 else "s"
    return _answer("slowest", question, units.ns(float(totals[best])), detail, places, value)


def _largest(reader: TraceReader, places: Places, graph: Graph, step: Step) -> dict[str, Any]:
    """Of what has memory of its own: values, gradients and parameters."""
    question = "Largest tensor"
    sizes = nbytes(reader, step)
    sizes[: graph.n][step.freed == schema.NO_MEMORY] = 0
    for at in np.argsort(-sizes, kind="stable").tolist():
        value = at if at < graph.n else graph.n - 1 - at
        if not sizes[at]:
            break
        # A data set is no card of the graph, and the inspector shows it all the same.
        if places.card(value) is not None or value < 0:
            spec = reader.spec(step.spec_id(value))
            detail = f"{units.shape(spec.shape)} {spec.dtype}"
            return _answer("largest", question, units.bytes_(int(sizes[at])), detail, places, value)
    return _nothing("largest", question, "No sizes were recorded.")


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
    place = places.place(value) or _unplaced(places.graph, value)
    return {"key": key, "question": question, "text": text, "detail": detail} | place


def _unplaced(graph: Graph, value: int) -> dict[str, str]:
    """Of a port that no card shows: selected all the same, its facts are in the inspector."""
    if value >= 0:
        return {"id": "", "inside": "", "label": "", "scope": "", "line": ""}
    k = -1 - value
    label = units.clip(graph.port_label(k), 60)
    return {"id": f"p{k}", "inside": "", "label": label, "scope": "", "line": ""}


def _nothing(key: str, question: str, why: str) -> dict[str, Any]:
    return {"key": key, "question": question, "text": units.MISSING, "detail": why, "id": ""}
