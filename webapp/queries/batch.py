"""How many samples a step sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader

# Ops that pick rows of what they are given.
_PICKS = frozenset(("getitem", "index", "index_select", "narrow"))


def batch_size(reader: TraceReader, shape_set: int, graph_id: int) -> int | None:
    """How many samples a step sees: the first dimension that all its inputs share; None when unclear."""
    graph = reader.graph(graph_id)
    specs = reader.specs_of(shape_set)
    if len(specs) < graph.n + graph.n_ports:
        return None
    inputs = [k for k in range(graph.n_ports) if graph.port_kind(k) == "input"]
    shapes = []
    for k in inputs:
        # ``net(x[a:b])``: the data set comes in, and a step sees what was picked of it.
        users = graph.users(-1 - k)
        picked = bool(users) and all(graph.op_name(i) in _PICKS for i in users)
        seen = users if picked else [graph.n + k]
        shapes += [reader.spec(int(specs[i])).shape for i in seen]
    first = {shape[0] for shape in shapes if len(shape)}
    if len(first) != 1:
        # A scalar or a second table beside the batch: the target's length decides, if it is one of them.
        return None
    size = first.pop()
    return int(size) if size > 1 else None
