"""The keys of a recorded graph as the integer rows that a trace keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.engine.follow import PORT as PORT
from graphscope.record.columns import NONE, Kinds
from graphscope.record.names import GraphRecord
from graphscope.trace import schema
from graphscope.trace.records import Ints

COPIES = frozenset({"to_device", "to_host"})  # ops that move data between devices
DATA_OP = 0  # id of the pretend op "load batch"; the rows follow


class Placed:
    """The dtype of a tensor on a device, and the device: two keys differ where the device does."""

    __slots__ = ("name", "itemsize", "kind", "device")
    _known: dict[Any, Placed] = {}

    def __init__(self, dtype: Any, device: str) -> None:
        self.name, self.itemsize, self.kind = dtype.name, dtype.itemsize, dtype.kind
        self.device = device

    @classmethod
    def of(cls, dtype: Any, device: str) -> Placed:
        """Always the same one, so that it is compared by identity."""
        found = cls._known.get((dtype, device))
        if found is None:
            found = cls._known[dtype, device] = cls(dtype, device)
        return found

    def __repr__(self) -> str:
        return f"{self.name}@{self.device}"


class Many:
    """Columns of several graphs behind one another: numpy takes as long for a hundred nodes as for ten thousand."""

    def __init__(self, graphs: Sequence[GraphRecord]) -> None:
        self.graphs = graphs
        sizes = np.array([graph.n for graph in graphs], np.int64)
        self.ends = np.cumsum(sizes)
        self.begins = self.ends - sizes
        self.base = np.repeat(self.begins, sizes)
        """Of each node: where its graph begins."""
        columns = [graph.columns for graph in graphs]
        self.kinds, self.first, self.second = (
            np.frombuffer(b"".join(part), np.int32)
            for part in (
                [c.kinds for c in columns],
                [c.first for c in columns],
                [c.second for c in columns],
            )
        )
        self.ops = np.frombuffer(bytes(graphs[0].kinds.ops), np.bool_)[self.kinds]
        """Which nodes are ops, and no gradients."""
        self.more = {
            int(begin) + i: wires
            for begin, c in zip(self.begins, columns, strict=True)
            if c.more
            for i, wires in c.more.items()
        }


class Tables:
    """Turns the columns of graphs into rows; what follows from a node's head alone is worked out once."""

    def __init__(self, kinds: Kinds, op_id: Any, string: Any) -> None:
        self.kinds, self.op_id, self.string = kinds, op_id, string
        self._rows = np.zeros((64, schema.NODE_COLUMNS), np.int32)
        self._known = 0
        self._keeps: dict[Any, tuple[int, ...]] = {}

    def _learn(self, many: Many) -> None:
        upto = int(many.kinds.max(initial=-1)) + 1
        while len(self._rows) < upto:
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        for k in range(self._known, upto):
            self._rows[k] = self._row(self.kinds.heads[k])
            self._known = k + 1

    def _row(self, head: Any) -> list[int]:
        """A node's row, all but what depends on where it stands."""
        if len(head) == 1:
            return [DATA_OP, schema.DATA, 0, -1, -1, -1, -1, schema.VIEW]
        row = head[0]
        flags = schema.COPY if row.name in COPIES else 0
        if len(head) == 3:
            return [self.op_id(row), schema.BACKWARD, 0, -1, -1, head[1], -1, flags]
        _, params, scope, phase, dtype, mask = head
        if row.multi and params[-1]:  # output k > 0 of an op with several outputs
            flags |= schema.EXTRA
        flags |= (schema.VIEW if row.view else 0) | (schema.INPLACE if row.writes else 0)
        flags |= schema.WANTS_GRAD if mask else 0
        flags |= schema.FAILED if dtype is None else 0
        text = self.string(json.dumps(_params(row, params), default=str)) if params else -1
        return [self.op_id(row), phase, scope, -1, -1, -1, text, flags]

    def of(self, graphs: Sequence[GraphRecord]) -> list[tuple[Ints, Ints, Ints]]:
        """The integer rows of graphs: nodes, edges (dst, position, src) and kept (value, node) of each."""
        many = Many(graphs)
        self._learn(many)
        first, ops = many.first, many.ops
        nodes = self._rows[many.kinds]
        nodes[:, schema.SITE] = [*chain.from_iterable([graph.lines for graph in graphs])]
        gradients = np.flatnonzero(~ops & (nodes[:, schema.PHASE] == schema.BACKWARD))
        nodes[gradients, schema.TWIN] = first[gradients]
        nodes[gradients, schema.SITE] = -1
        gradients = gradients[first[gradients] >= 0]
        twins = first[gradients] + many.base[gradients]
        for column in (schema.SCOPE, schema.SITE):
            nodes[gradients, column] = nodes[twins, column]
        edges, begins = _edges(many)
        kept, kept_ends = self._kept(many, edges[:, 2], begins)
        found, at = [], 0
        for begin, end, kept_end in zip(many.begins, many.ends, kept_ends, strict=True):
            found.append((nodes[begin:end], edges[begins[begin] : begins[end]], kept[at:kept_end]))
            at = kept_end
        return found

    def _kept(self, many: Many, wires: Ints, begins: NDArray[np.int64]) -> tuple[Ints, list[int]]:
        """What nodes keep for their gradients, nodes in order; and where that of each graph ends."""
        sources, at = wires.tolist(), begins.tolist()
        kinds = many.kinds.tolist()
        rows: list[int] = []
        ends: list[int] = []
        i = 0
        for graph in many.graphs:
            for node, kept in enumerate(graph.kept):
                if kept:
                    begin = at[i]
                    for k in self._offsets(kinds[i], kept, at[i + 1] - begin):
                        rows.append(sources[begin + k] if k >= 0 else node)
                        rows.append(node)
                i += 1
            ends.append(len(rows) // 2)
        return np.array(rows, np.int32).reshape(-1, 2), ends

    def _offsets(self, kind: int, kept: Any, inputs: int) -> tuple[int, ...]:
        """Which inputs of an op these are that it keeps; -1: what it made itself."""
        key = (kind, kept, inputs)
        found = self._keeps.get(key)
        if found is None:
            row = self.kinds.heads[kind][0]
            which: list[int] = []
            for k in kept:
                if row.tail and k == row.n - 1:
                    which += range(k, inputs)
                elif k < min(inputs, row.n) and row.inputs != ("*",):
                    which.append(k)
                elif k == row.n:
                    which.append(-1)
            found = self._keeps[key] = tuple(which)
        return found


def _edges(many: Many) -> tuple[Ints, NDArray[np.int64]]:
    """Edges (dst, position, src), and where those of each node begin (one more than there are nodes)."""
    first, second, ops = many.first, many.second, many.ops
    n = len(first)
    counts = ops.astype(np.int64)
    counts += second != NONE
    for i, others in many.more.items():
        counts[i] = 1 + len(others)
    begins = np.zeros(n + 1, np.int64)
    np.cumsum(counts, out=begins[1:])
    edges = np.empty((int(begins[-1]), 3), np.int32)
    edges[:, 0] = np.repeat(np.arange(n) - many.base, counts)
    edges[:, 1] = np.arange(len(edges)) - np.repeat(begins[:-1], counts)
    wires = np.empty(len(edges), np.int32)
    wires[begins[:-1][ops]] = first[ops]
    two = second >= 0
    wires[begins[:-1][two] + 1] = second[two]
    for i, others in many.more.items():
        wires[begins[i] + 1 : begins[i + 1]] = others
    edges[:, 2] = np.where(wires < PORT, wires, PORT - 1 - wires)
    return edges, begins


def _params(row: Any, params: Any) -> dict[str, Any]:
    names = [k for k in row.params if k not in row.values]
    return {
        k: str(v) if isinstance(v, (slice, tuple)) else v
        for k, v in zip(names, params, strict=False)
    }
