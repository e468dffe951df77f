"""Backward unrolled: the gradients as cards of their own, mirrored beside the forward pass.

Backward runs the same lines the other way round, so its picture is the forward picture in a mirror: each
gradient stands level with the op it belongs to, nothing has to be laid out, and no line crosses into the
other half. What backward reads of the forward pass is in ``saved``, for the card that is looked at.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from graphscope.trace import schema
from graphscope.view.edges import Edge, edge_weight
from graphscope.view.encode import reach
from graphscope.view.graphview import GraphView
from graphscope.view.routes import straight
from graphscope.view.structure import INPUT, PARAM
from graphscope.view.visible import SCOPE, Node

if TYPE_CHECKING:
    from graphscope.trace.records import Graph

GRAD = "grad"
MARK = "~"
"""Before the id of a card, that of its mirror image."""
GAP = 120.0


def mirrored(view: GraphView, graph: Graph) -> GraphView:
    """The view with its backward pass at the right; as it is where no backward ran."""
    reached = reach(graph)
    images = _images(view, graph, reached.values) if reached.ran else {}
    if not images:
        return view
    x0, y0, x1, y1 = view.bounds
    axis = 2 * x1 + GAP
    for image in images.values():
        image.x = axis - image.x - image.w

    edges = [*view.edges]
    for edge in view.edges:
        a, b = images.get(edge.src), images.get(edge.dst)
        if a is not None and b is not None and (a.form == SCOPE or a.main in reached.values):
            points = tuple((axis - x, y) for x, y in reversed(edge.points))
            edges.append(replace(edge, src=b.id, dst=a.id, points=points, tex=""))
    first = int(graph.twin[np.flatnonzero((graph.phase == schema.BACKWARD) & (graph.twin >= 0))[0]])
    end = next((n for n in view.nodes if n.id in images and first in n.members), None)
    if end is not None:
        y, image = end.y + end.h / 2, images[end.id]
        line = tuple(straight((end.x + end.w, y), (image.x, y)))
        edges.append(Edge(end.id, image.id, line, edge_weight(1), ""))
    inner = {image.group for image in images.values()}
    groups = [
        replace(g, id=MARK + g.id, label=f"\u2202 {g.label}", x=axis - g.x - g.w)
        for g in view.groups
        if any(path == g.id[2:] or path.startswith(g.id[2:] + ".") for path in inner)
    ]
    return replace(
        view, digest=view.digest + MARK, bounds=(x0, y0, axis - x0, y1),
        nodes=[*view.nodes, *images.values()], groups=[*view.groups, *groups], edges=edges,
        saved=_saved(view, graph, images),
    )  # fmt: skip


def _images(view: GraphView, graph: Graph, reached: frozenset[int]) -> dict[str, Node]:
    """By card, its gradient's card (not yet at its place): of ops with a gradient, and of parameters."""
    images: dict[str, Node] = {}
    for node in view.nodes:
        backward = [m for m in node.members if m >= 0 and graph.phase[m] == schema.BACKWARD]
        if node.kind == INPUT or not (node.main in reached if node.kind == PARAM else backward):
            continue
        images[node.id] = replace(
            node, id=MARK + node.id, kind=GRAD, form=node.kind, label=f"\u2202 {node.label}",
            members=backward, twin=node.id, host=MARK + node.host if node.host else "",
        )  # fmt: skip
    return images


def _saved(view: GraphView, graph: Graph, images: dict[str, Node]) -> list[tuple[str, str]]:
    """(card, mirrored card): what a gradient reads of the forward pass, which is why it is kept alive."""
    box = {m: node.id for node in reversed(view.nodes) for m in node.members}
    box |= {node.main: node.id for node in view.nodes if node.kind in (INPUT, PARAM)}
    found: dict[tuple[str, str], None] = {}
    for value, node in graph.kept.tolist():
        twin = int(graph.twin[node]) if node < graph.n else -1
        a, b = box.get(value), box.get(twin if twin >= 0 else node)
        if a is not None and b in images:
            found[a, MARK + b] = None
    return list(found)
