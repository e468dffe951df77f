"""A graph as timelines need it: per node its lane, depth and texts, and the modules around its ops."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from graphscope import units
from graphscope.analysis.breakdown import is_copy
from graphscope.analysis.holders import line_of
from graphscope.analysis.spans import module_of, spans
from graphscope.trace import schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step

    Longs = NDArray[np.int64]

COPIES = len(schema.PHASES)
LANES = (*schema.PHASES, "copies")
"""A node's lane: its phase, but copies between devices have their own."""
DEEPEST = 64  # rows of modules that are drawn; what is nested deeper lies in the last
CLIP = 120
KEPT = 12


@dataclass(frozen=True)
class Flame:
    """What does not change from step to step of one graph in one set of shapes."""

    lane: NDArray[np.uint8]
    depth: NDArray[np.uint8]
    """In how many modules each node lies."""
    name: list[str]
    scope: list[str]
    line: list[str]
    shape: list[str]
    variable: list[str]
    twin: Longs
    card: Longs
    """The node whose card on the graph page stands for the node: of a gradient its forward op."""
    first: Longs
    """Modules: first node, the node behind the last, depth, path, and lane of the first node."""
    stop: Longs
    level: Longs
    path: list[str]
    module_lane: NDArray[np.uint8]


class Flames:
    """The last few graphs that were looked at; one per app."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], Flame] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, reader: TraceReader, graph: Graph, step: Step) -> Flame:
        key = (str(reader.path), graph.id, graph.digest, step.shape_set, graph.names.tobytes())
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = flame(reader, graph, step)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def flame(reader: TraceReader, graph: Graph, step: Step) -> Flame:
    """Read a graph once: texts are looked up per op, module, line and shape, not per node."""
    n = graph.n
    lane = np.where(is_copy(graph), COPIES, graph.phase).astype(np.uint8)
    # The intervals of the step in node numbers instead of nanoseconds: they are then those of every step.
    plain = replace(step, t0_ns=0, wall_ns=n, begin_ns=np.arange(n), dur_ns=np.ones(n, np.int64))
    depth = np.zeros(n, np.int64)
    modules = []
    for span in spans(graph, plain):
        if span.kind == "op":
            depth[span.node] = span.depth - 2
        elif span.kind == "module":
            modules.append((span.begin, span.end, span.depth - 2, span.name))
    first, stop, level, path = zip(*modules, strict=True) if modules else ((), (), (), ())
    twin = graph.twin.astype(np.int64)
    backward = (graph.phase == schema.BACKWARD) & (twin >= 0)
    ops, slots, sites = graph.op.tolist(), graph.slot.tolist(), graph.site.tolist()
    scopes, phases, twins = graph.scope.tolist(), graph.phase.tolist(), twin.tolist()
    names = graph.names.tolist()
    specs = step.specs.tolist()
    starts = np.array(first, np.int64)
    return Flame(
        lane=lane,
        depth=np.minimum(depth, DEEPEST).astype(np.uint8),
        name=_each(zip(ops, phases, slots, strict=True), lambda i: op_label(graph, i)),
        scope=_each(zip(scopes, twins, strict=True), lambda i: module_of(graph, i)),
        line=_each(zip(sites, twins, strict=True), lambda i: line_of(graph, i)),
        shape=_each(specs[:n], lambda i: units.shape(reader.spec(int(specs[i])).shape)),
        variable=_each(names[:n], lambda i: graph.name(i) or ""),
        twin=twin,
        card=np.where(backward, twin, np.arange(n)),
        first=starts,
        stop=np.array(stop, np.int64),
        level=np.minimum(np.array(level, np.int64), DEEPEST),
        path=[units.clip(text, CLIP) for text in path],
        module_lane=lane[starts] if len(starts) else np.zeros(0, np.uint8),
    )


def _each(keys: Any, text: Callable[[int], str]) -> list[str]:
    """The text of every node, made once per different key."""
    known: dict[Any, str] = {}
    out = []
    for i, key in enumerate(keys):
        found = known.get(key)
        if found is None:
            found = known[key] = units.clip(text(i), CLIP)
        out.append(found)
    return out


def op_label(graph: Graph, i: int) -> str:
    """The op of a node; a gradient's says of which input: ``∂mul/∂a``."""
    name = graph.op_name(i)
    if graph.phase[i] != schema.BACKWARD:
        return name
    inputs = graph.op_info(i).inputs
    slot = int(graph.slot[i])
    return f"\u2202{name}/\u2202{inputs[slot]}" if 0 <= slot < len(inputs) else f"\u2202{name}"
