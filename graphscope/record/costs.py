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
from graphscope.record.tables import PORT, Many, Numbers

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
        self._ops, self._gradients = Numbers(), Numbers()
        self._of_ops: list[Cost] = []
        self._of_gradients: list[Cost] = []
        self._tuples: dict[tuple[int, ...], int] = {}

    def of(
        self, many: Many, specs: NDArray[np.int32], spec_of: Any
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Operations and bytes of each node of graphs, one behind the other.

        specs: a number for the shape and dtype of each node, then of each port, graph by graph; the same one wherever
        they come up. spec_of: number -> (shape, dtype).
        """
        if len(self._ops) + len(self._gradients) > LIMIT:
            self._clear()
        kinds, first, second = many.kinds, many.first, many.second
        # Where the specs of a node's graph begin, and there those of its ports.
        ports = np.array([len(graph.ports) for graph in many.graphs], np.int64)
        sizes = many.ends - many.begins
        before = np.repeat(np.cumsum(ports) - ports, sizes)
        of_nodes = many.base + before
        of_ports = of_nodes + np.repeat(sizes, sizes) - PORT
        ids = specs[np.arange(len(kinds)) + before]
        ops = many.ops
        of_ops = np.flatnonzero(ops)
        nodes, entered = of_nodes[of_ops], of_ports[of_ops]
        wires = []
        for wire in (first[of_ops], second[of_ops]):
            at = np.where(wire < PORT, nodes, entered) + wire
            wires.append(np.where(wire >= 0, specs[np.where(wire >= 0, at, 0)], wire))
        if many.more:
            more = [*many.more.items()]
            at_ops = np.searchsorted(of_ops, [i for i, _ in more])
            for k, (i, others) in zip(at_ops.tolist(), more, strict=True):
                # All of them as one number below those that stand for none and for many.
                found = tuple(
                    [int(specs[w + (of_nodes if w < PORT else of_ports)[i]]) for w in others]
                )
                wires[1][k] = -3 - self._tuples.setdefault(found, len(self._tuples))

        def count(i: int) -> Cost:
            g = int(np.searchsorted(many.ends, i, "right"))
            begin, end = int(many.begins[g]), int(many.ends[g])
            at = begin + int(ports[:g].sum())
            mine = specs[at : at + end - begin + int(ports[g])]
            return _count(many.graphs[g], mine, spec_of, i - begin)

        numbers, new = self._ops.of(kinds[of_ops], *wires, ids[of_ops])
        self._of_ops += [count(int(of_ops[i])) for i in new]
        costs = np.zeros((len(kinds), 2), np.int64)
        if self._of_ops:
            costs[of_ops] = np.array(self._of_ops, np.int64)[numbers]
        known = np.zeros(len(kinds), np.int32)
        known[of_ops] = numbers
        of_gradients = np.flatnonzero(~ops & (first >= 0))
        twins = first[of_gradients] + many.base[of_gradients]
        numbers, new = self._gradients.of(kinds[of_gradients], ids[of_gradients], known[twins])
        self._of_gradients += [count(int(of_gradients[i])) for i in new]
        if self._of_gradients:
            costs[of_gradients] = np.array(self._of_gradients, np.int64)[numbers]
        flops, traffic = np.ascontiguousarray(costs.T)
        return flops, traffic


def _count(graph: GraphRecord, specs: NDArray[np.int32], spec_of: Any, i: int) -> Cost:
    """The cost of node ``i``, which is an op or the gradient of one."""

    def shape(k: int) -> Shape:
        return Shape(*spec_of(int(specs[k])))

    columns, kinds = graph.columns, graph.kinds
    slot, at = -1, i
    kind, first, _, _ = columns.row(i)
    if len(kinds.heads[kind]) == 3:
        slot, at = kinds.heads[kind][1], first
        kind = columns.row(at)[0]
    head = kinds.heads[kind]
    if len(head) != 6:
        return FREE
    row, params = head[:2]
    if at == i and (row.view or head[4] is None):  # None: it raised
        return FREE
    inputs = [shape(w if w < PORT else graph.n + w - PORT) for w in columns.wires(at)]
    out = shape(i)
    if at == i:
        return forward(row, params, inputs, out)
    return gradient(row, slot, params, inputs, shape(at), out)


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
