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
from numpy.typing import NDArray

from graphscope.record.names import GraphRecord
from graphscope.record.tables import PORT, Many

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
    """Counts the nodes of graphs, and remembers: most ops of a program come up again and again.

    An op is known again by its kind and the numbers of the shapes of its inputs and of its output, a gradient by
    its kind, its own shape and the op.
    """

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._known: dict[Any, int] = {}  # -> place among the costs; place 0 is free
        self._costs = np.zeros((64, 2), np.int64)

    def of(
        self, many: Many, shapes: Sequence[Any], specs: NDArray[np.int32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Operations and bytes of each node of graphs, one behind the other.

        shapes: of the nodes and of the ports of each. specs: a number for each of these shapes with its dtype,
        nodes, then ports, graph by graph; the same one wherever they come up.
        """
        if len(self._known) > LIMIT:
            self._clear()
        kinds, first, second = many.kinds, many.first, many.second
        # Where the specs of a node's graph begin, and there those of its ports.
        ports = np.array([len(graph.ports) for graph in many.graphs], np.int64)
        before = np.repeat(np.cumsum(ports) - ports, many.ends - many.begins)
        of_nodes = many.base + before
        of_ports = of_nodes + np.repeat(many.ends - many.begins, many.ends - many.begins) - PORT
        ids = specs[np.arange(len(kinds)) + before]
        wires = []
        for wire in (first, second):
            there = wire >= 0
            at = np.where(wire < PORT, of_nodes, of_ports) + wire
            wires.append(np.where(there, specs[np.where(there, at, 0)], wire))
        ops = many.ops
        of_ops = np.flatnonzero(ops)
        keys: list[Any] = [*zip(*(c[of_ops].tolist() for c in (kinds, *wires, ids)), strict=True)]
        for i, others in many.more.items():
            k = int(np.searchsorted(of_ops, i))
            found = [int(specs[w + (of_nodes if w < PORT else of_ports)[i]]) for w in others]
            keys[k] = (*keys[k][:2], tuple(found), keys[k][3])
        places = np.zeros(len(kinds), np.int64)
        places[of_ops] = self._places(keys, of_ops, many, shapes)
        of_gradients = np.flatnonzero(~ops & (first >= 0))
        twins = first[of_gradients] + many.base[of_gradients]
        columns = (kinds[of_gradients], ids[of_gradients], places[twins])
        keys = [*zip(*(c.tolist() for c in columns), strict=True)]
        places[of_gradients] = self._places(keys, of_gradients, many, shapes)
        flops, traffic = self._costs[places].T
        return flops, traffic

    def _places(self, keys: list[Any], nodes: Any, many: Many, shapes: Sequence[Any]) -> list[int]:
        """Where the costs of these nodes stand."""
        known = self._known
        found: list[Any] = [*map(known.get, keys)]
        if None in found:
            for k, i in enumerate(nodes.tolist()):
                if found[k] is None:
                    place = known.get(keys[k])
                    if place is None:
                        place = known[keys[k]] = len(known) + 1
                        if place >= len(self._costs):
                            self._costs = np.concatenate([self._costs, np.zeros_like(self._costs)])
                        g = int(np.searchsorted(many.ends, i, "right"))
                        self._costs[place] = _count(
                            many.graphs[g], shapes[g], i - int(many.begins[g])
                        )
                    found[k] = place
        return found


def _count(graph: GraphRecord, shapes: Any, i: int) -> Cost:
    """The cost of node ``i``, which is an op or the gradient of one."""
    of_nodes, of_ports = shapes
    columns, kinds = graph.columns, graph.kinds
    numbers = columns.kinds
    slot, at = -1, i
    if len(kinds.heads[numbers[i]]) == 3:
        slot, at = kinds.heads[numbers[i]][1], columns.first[i]
    head = kinds.heads[numbers[at]]
    if len(head) != 6:
        return FREE
    row, params = head[:2]
    if at == i and (row.view or head[4] is None):  # None: it raised
        return FREE
    inputs = [
        Shape(of_nodes[w], kinds.dtypes[numbers[w]])
        if w < PORT
        else Shape(of_ports[w - PORT], graph.ports[w - PORT][3])
        for w in columns.wires(at)
    ]
    out = Shape(of_nodes[i], kinds.dtypes[numbers[i]])
    if at == i:
        return forward(row, params, inputs, out)
    return gradient(row, slot, params, inputs, Shape(of_nodes[at], head[4]), out)


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
