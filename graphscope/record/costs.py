"""What each node of a step costs in arithmetic and in memory traffic, from the op rows and the shapes.

The rules (a multiply-add counts 2):

- An op: ``row.flops(*inputs, **params)`` where the row says it, else one operation per element of the output.
  Traffic is every input read once and the output written once. A view does and moves nothing. An op that
  writes into a part of its first input, or picks from a large one, moves that part and not the whole.
- A gradient of one input: what the op itself costs, if it needs saved values (the gradient of one factor of a
  product is such a product; of a pointwise op it is one operation per element). One that needs none adds up
  where the op had broadcast (one operation per element of the incoming gradient), and is free where it hands
  the incoming gradient on. Traffic is the incoming gradient and the saved values read, the result written.

These are counts of the mathematics, not of a kernel's instructions: an exponential counts 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphscope.record.names import GraphRecord
from graphscope.record.tables import PORT, dtype_of

Cost = tuple[int, int]
FREE: Cost = (0, 0)
# They read or write as much of their first input as the other side is long.
PICKS = frozenset({"index", "embedding", "index_select", "gather"})
REPEATS = frozenset(
    {"broadcast_to", "expand", "repeat", "repeat_interleave"}
)  # their gradient adds up the copies
LIMIT = 1 << 14  # remembered costs
_BLANK = np.zeros(4, np.float64)


class Shape:
    """A tensor without memory: its shape and dtype."""

    __slots__ = ("shape", "dtype", "size", "nbytes")

    def __init__(self, shape: Sequence[int], dtype: Any) -> None:
        self.shape, self.dtype = tuple(shape), dtype
        size = 1
        for d in self.shape:
            size *= d
        self.size = size
        self.nbytes = 0 if dtype is None else size * dtype.itemsize

    def array(self) -> Any:
        """An array of this shape that has one element of memory, for the rows to ask."""
        return np.ndarray(self.shape, np.dtype("b1"), _BLANK, 0, (0,) * len(self.shape))


class Costs:
    """Counts the nodes of graphs, and remembers: most ops of a program come up again and again."""

    def __init__(self) -> None:
        self._known: dict[Any, Cost] = {}

    def of(
        self, graph: GraphRecord, shapes: Any, specs: Sequence[int]
    ) -> tuple[list[int], list[int]]:
        """Operations and bytes of each node of a graph.

        shapes: of its nodes and of its ports. specs: a number for each of these shapes with its dtype, the
        same one wherever they come up; what is remembered goes by them.
        """
        keys, known, n = graph.keys, self._known, len(graph.keys)
        if len(known) > LIMIT:
            known.clear()
        flops, traffic = [], []
        facts: list[Any] = []
        for i, key in enumerate(keys):
            fact: Any = None
            cost = FREE
            if len(key) == 8:
                row, params, u, v = key[:4]
                u = specs[u if u < PORT else n + u - PORT]
                if v is not None:
                    if type(v) is tuple:
                        v = tuple([specs[w if w < PORT else n + w - PORT] for w in v])
                    else:
                        v = specs[v if v < PORT else n + v - PORT]
                fact = (row, params, u, v, specs[i])
                if not row.view and key[6] is not None:  # None: it raised
                    cost = self._cost(fact, graph, shapes, i, -1, i)
            elif len(key) == 4 and key[1] >= 0 and facts[key[1]] is not None:
                _, twin, slot, _ = key
                cost = self._cost((slot, specs[i], facts[twin]), graph, shapes, twin, slot, i)
            facts.append(fact)
            flops.append(cost[0])
            traffic.append(cost[1])
        return flops, traffic

    def _cost(self, at: Any, graph: GraphRecord, shapes: Any, op: int, slot: int, i: int) -> Cost:
        try:
            found = self._known.get(at)
        except TypeError:  # a slice among the params, which Python before 3.12 cannot look up
            return _count(graph, shapes, op, slot, i)
        if found is None:
            found = self._known[at] = _count(graph, shapes, op, slot, i)
        return found


def _count(graph: GraphRecord, shapes: Any, op: int, slot: int, i: int) -> Cost:
    """The cost of node ``i``: op ``op`` itself, or the gradient of its input ``slot``."""
    of_nodes, of_ports = shapes
    row, params, u, v = graph.keys[op][:4]
    wires = (u,) if v is None else (u, *v) if isinstance(v, tuple) else (u, v)
    inputs = [
        Shape(of_nodes[w], dtype_of(graph.keys[w]))
        if w < PORT
        else Shape(of_ports[w - PORT], graph.ports[w - PORT][3])
        for w in wires
    ]
    out = Shape(of_nodes[i], dtype_of(graph.keys[i]))
    if slot < 0:
        return forward(row, params, inputs, out)
    return gradient(row, slot, params, inputs, Shape(of_nodes[op], graph.keys[op][6]), out)


def forward(row: Any, params: Any, inputs: list[Shape], out: Shape) -> Cost:
    """Operations and bytes of an op. Params are the values of the row's structural ones, in order."""
    if row.view:
        return FREE
    if row.multi and params and params[-1]:  # output k > 0: counted with the first, but written
        return 0, out.nbytes
    return arithmetic(row, params, inputs, out), _moved(row, inputs, out)


def arithmetic(row: Any, params: Any, inputs: list[Shape], out: Shape) -> int:
    """Operations of an op: as its row says, else one per element of the output."""
    if row.view:
        return 0
    if row.flops is None:
        return out.size
    names = [k for k in row.params if k not in row.values]
    static = dict(zip(names, params, strict=False))
    given = {k: v for k, v in row.params.items() if k not in static} | static
    if "kernel" in row.values:  # the size of a filter's gradient is known by the result alone
        given["kernel"] = out.shape[2:]
    try:
        return int(row.flops(*(x.array() for x in inputs), **given))
    except (TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError, KeyError):
        return out.size  # an empty input (``w[0]`` of no filters), or a row that cannot tell


def _moved(row: Any, inputs: list[Shape], out: Shape) -> int:
    sizes = [x.nbytes for x in inputs]
    if row.writes and row.family == "shape" and len(sizes) > 1:
        return 2 * sizes[1] + sum(sizes[2:])  # a part of the first input, read and written
    if row.name in PICKS and sizes:
        sizes[0] = min(sizes[0], out.nbytes)
    return sum(sizes) + out.nbytes


def gradient(
    row: Any, slot: int, params: Any, inputs: list[Shape], whole: Shape, out: Shape
) -> Cost:
    """Operations and bytes of the gradient of one input; ``whole`` is the op's output, ``out`` the gradient."""
    want = next((w for w in row.wants if w.slot == slot or w.name == "*"), None)
    cost = arithmetic(row, params, inputs, whole)
    saved = [] if want is None else [_saved(k, row, inputs, whole) for k in want.take]
    if want is not None and not want.take:
        if out.shape == whole.shape and _hands_on(row, want):
            return FREE
        moved = whole.nbytes + out.nbytes
        if not cost:  # a shape op: back in place, or summed where it had repeated
            if row.view and out.size == whole.size:
                return FREE
            return (whole.size if row.name in REPEATS else 0), moved
        return max(out.size, whole.size), moved
    if row.name in PICKS:  # what was picked twice adds up
        cost = whole.size
    return cost, whole.nbytes + sum(saved) + out.nbytes


def _saved(k: int, row: Any, inputs: list[Shape], whole: Shape) -> int:
    """Bytes of what a gradient kept: an input (or all of a tail), the output, or what only gradients see."""
    if row.inputs == ("*",):
        return sum(x.nbytes for x in inputs)
    if k >= row.n:
        return whole.nbytes
    return sum(x.nbytes for x in (inputs[k:] if row.tail and k == row.n - 1 else inputs[k : k + 1]))


_hand: dict[Any, bool] = {}


def _hands_on(row: Any, want: Any) -> bool:
    """Whether the formula returns the incoming gradient itself, as that of an addition does."""
    key = (row, want.slot)
    if key not in _hand:
        g = object()
        try:
            _hand[key] = not want.params and want.fn(None, g) is g
        except Exception:  # it computes something, which an object cannot do
            _hand[key] = False
    return _hand[key]
