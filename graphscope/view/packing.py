"""A view for a page, as columns: the JSON of ten thousand cards and lines at a tenth of the size, and of the time.

Texts that repeat are told once and named by number, positions are whole tenths of a pixel, and the points of a
line are differences from one to the next. ``assets/js/columns.js`` makes cards and lines of it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from graphscope.view.edges import Edge, Edges
from graphscope.view.graphview import GraphView
from graphscope.view.joining import Lines
from graphscope.view.level import Floats

Marks = tuple[Mapping[str, str], Mapping[tuple[str, str], str]]
"""Of a comparison: how cards, by id, and lines, by their ends, differ."""


def packed(view: GraphView, marks: Marks | None = None) -> dict[str, Any]:
    """What ``view.to_json`` has, as columns."""
    nodes, groups = view.nodes, view.groups
    cards: dict[str, Any] = {"id": [node.id for node in nodes]}
    for name in ("kind", "label", "op", "family", "shape", "scope", "site"):
        cards[name] = _texts([getattr(node, name) for node in nodes])
    cards["box"] = _tenths(np.array([(n.x, n.y, n.w, n.h) for n in nodes]).reshape(-1, 4))
    cards["main"] = [node.main for node in nodes]
    cards["fold"] = [node.fold for node in nodes]
    cards["members"] = [m for node in nodes for m in node.members]
    cards["many"] = [len(node.members) for node in nodes]
    if any(node.twin for node in nodes):
        cards["twin"] = _texts([node.twin for node in nodes])
        cards["form"] = _texts([node.form for node in nodes])
    place = {node.id: k for k, node in enumerate(nodes)}
    lines = _lines(view.edges, place)
    if marks is not None:
        by_card, by_line = marks
        cards["mark"] = _texts([by_card.get(node.id, "") for node in nodes])
        lines["mark"] = _texts([by_line.get((edge.src, edge.dst), "") for edge in view.edges])
    return {
        "digest": view.digest,
        "bounds": [round(v, 1) for v in view.bounds],
        "cards": cards,
        "frames": {
            "id": [group.id for group in groups],
            "label": _texts([group.label for group in groups]),
            "depth": [group.depth for group in groups],
            "box": _tenths(np.array([(g.x, g.y, g.w, g.h) for g in groups]).reshape(-1, 4)),
        },
        "lines": lines,
        "start": view.start,
        "saved": view.saved,
        "focus": view.focus,
    }  # fmt: skip


def _lines(edges: Sequence[Edge], place: Mapping[str, int]) -> dict[str, Any]:
    if isinstance(edges, Edges):
        ends: Iterable[Any] = edges.links
        lines, weight = edges.lines, edges.weights()
        shape, tex = edges.shapes(), edges.derivatives()
    else:
        ends = edges
        counts = [len(edge.points) for edge in edges]
        points = np.array([p for edge in edges for p in edge.points], np.float64).reshape(-1, 2)
        lines = Lines(points, np.concatenate(([0], np.cumsum(counts, dtype=np.int64))))
        weight, shape, tex = (
            [edge.weight for edge in edges], [edge.shape for edge in edges], [edge.tex for edge in edges]
        )  # fmt: skip
    pairs = [(place[end.src], place[end.dst]) for end in ends]
    whole = np.rint(lines.points * 10).astype(np.int64)
    whole[1:] -= whole[:-1].copy()
    return {
        "src": [a for a, _ in pairs], "dst": [b for _, b in pairs], "points": whole.ravel().tolist(),
        "many": np.diff(lines.starts).tolist(), "weight": _texts(weight), "shape": _texts(shape), "tex": _texts(tex),
    }  # fmt: skip


def _texts(column: Sequence[Any]) -> dict[str, Any]:
    """The different ones, and the number of each of them."""
    known: dict[Any, int] = {}
    at = [known.setdefault(text, len(known)) for text in column]
    return {"of": list(known), "at": at if len(known) > 1 else []}


def _tenths(numbers: Floats) -> list[int]:
    whole: list[int] = np.rint(numbers * 10).astype(np.int64).ravel().tolist()
    return whole


def text(view: GraphView) -> str:
    """JSON of the packed view, without its last brace: it is made once and sent with every answer's own part."""
    found = view.packed
    if found is None:
        found = json.dumps(packed(view), separators=(",", ":"))[:-1]
        view.packed = found
    return found
