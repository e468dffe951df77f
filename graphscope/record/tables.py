"""The keys of a recorded graph as the integer rows that a trace keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphscope.engine.follow import PORT as PORT
from graphscope.record.columns import NONE, WIDTH, Kinds
from graphscope.record.interned import Keeps
from graphscope.record.names import GraphRecord
from graphscope.trace import codec, schema
from graphscope.trace.describer import phases_of
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
        rows = np.frombuffer(b"".join([c.rows for c in columns]), np.int32).reshape(-1, WIDTH)
        self.kinds, self.first, self.second, self.lines = np.ascontiguousarray(rows.T)
        self.keeps = np.frombuffer(b"".join([graph.keeps for graph in graphs]), np.int32)
        self.ops = np.frombuffer(bytes(graphs[0].kinds.ops), np.bool_)[self.kinds]
        """Which nodes are ops, and no gradients."""
        self.more = {
            int(begin) + i: wires
            for begin, c in zip(self.begins, columns, strict=True)
            if c.more
            for i, wires in c.more.items()
        }


class GraphBlobs(NamedTuple):
    """A graph as it stands in the file."""

    nodes: bytes
    edges: bytes
    kept: bytes
    phases: bytes
    """Of each node (``trace.describer.phases_of``)."""
    written: list[int]
    """The ops that write into their first input."""


class Numbers:
    """Numbers rows of integers, given as columns: equal rows have one number, and it stays."""

    def __init__(self) -> None:
        self._known: Any = None  # rows by number
        self._hashes = np.zeros(0, np.uint64)  # in order
        self._numbers = np.zeros(0, np.int64)  # of each hash
        self._odd: dict[Any, int] = {}  # rows whose hash another row has

    def __len__(self) -> int:
        return 0 if self._known is None else len(self._known)

    def of(self, *columns: NDArray[np.int32]) -> tuple[NDArray[np.int64], list[int]]:
        """The number of each row, and where each new number comes up first, numbers in order."""
        n = len(columns[0])
        hashes = np.zeros(n, np.uint64)
        for column in columns:
            hashes += column.astype(np.uint64)
            hashes *= _MIX
            hashes ^= hashes >> _HALF
        new: list[int] = []
        if self._known is None:
            self._known = np.zeros((0, len(columns)), np.int32)
        found = self._look_up(hashes, columns)
        missing = np.flatnonzero(found < 0)
        if len(missing):
            some, first = np.unique(hashes[missing], return_index=True)
            fresh = np.sort(missing[first[~np.isin(some, self._hashes)]])
            self._add(hashes, columns, fresh)
            new += fresh.tolist()
            found[missing] = self._look_up(hashes[missing], [c[missing] for c in columns])
            for i in np.flatnonzero(found < 0).tolist():  # two rows with one hash
                row = tuple(int(c[i]) for c in columns)
                if row not in self._odd:
                    self._odd[row] = len(self._known)
                    self._known = np.concatenate([self._known, np.array([row], np.int32)])
                    new.append(i)
                found[i] = self._odd[row]
        return found, new

    def _look_up(self, hashes: Any, columns: Sequence[Any]) -> NDArray[np.int64]:
        if not len(self._hashes):
            return np.full(len(hashes), -1, np.int64)
        at = np.searchsorted(self._hashes, hashes)
        at[at == len(self._hashes)] = 0
        found = self._numbers[at]
        rows = self._known[found]
        same = rows[:, 0] == columns[0]
        for k, column in enumerate(columns[1:], 1):
            same &= rows[:, k] == column
        return np.where(same, found, -1)

    def _add(self, hashes: Any, columns: Sequence[Any], at: Any) -> None:
        numbers = np.arange(len(at)) + len(self._known)
        self._known = np.concatenate([self._known, np.stack([c[at] for c in columns], 1)])
        hashes = np.concatenate([self._hashes, hashes[at]])
        order = np.argsort(hashes)
        self._hashes = hashes[order]
        self._numbers = np.concatenate([self._numbers, numbers])[order]


_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(29)


class Tables:
    """Turns the columns of graphs into rows; what follows from a node's head alone is worked out once."""

    def __init__(self, kinds: Kinds, keeps: Keeps, op_id: Any, string: Any) -> None:
        self.kinds, self.keeps, self.op_id, self.string = kinds, keeps, op_id, string
        self._rows = np.zeros((64, schema.NODE_COLUMNS), np.int32)
        self._known = 0
        self._kept_by = Numbers()
        self._offsets: list[tuple[int, ...]] = []  # by their numbers

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
            flags |= schema.FAILED if head[2] is None else 0
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
        return [
            (codec.ints(nodes, schema.NODE_COLUMNS), codec.ints(edges, 3), codec.ints(kept, 2))
            for nodes, edges, kept, _, _ in self.blobs(graphs)
        ]

    def blobs(self, graphs: Sequence[GraphRecord]) -> list[GraphBlobs]:
        """The same as they stand in the file."""
        many = Many(graphs)
        self._learn(many)
        first, ops = many.first, many.ops
        nodes = self._rows[many.kinds]
        nodes[:, schema.SITE] = many.lines
        gradients = np.flatnonzero(~ops & (nodes[:, schema.PHASE] == schema.BACKWARD))
        nodes[gradients, schema.TWIN] = first[gradients]
        nodes[gradients, schema.SITE] = -1
        gradients = gradients[first[gradients] >= 0]
        twins = first[gradients] + many.base[gradients]
        for column in (schema.SCOPE, schema.SITE):
            nodes[gradients, column] = nodes[twins, column]
        edges, begins = _edges(many)
        kept, kept_ends = self._kept(many, edges[:, 2], begins)
        written = np.flatnonzero(nodes[:, schema.FLAGS] & schema.INPLACE)
        written_ends = np.searchsorted(written, many.ends).tolist()
        of_nodes, of_edges, of_kept = codec.raw(nodes), codec.raw(edges), codec.raw(kept)
        phases = phases_of(nodes)
        bounds = zip(
            many.begins.tolist(), many.ends.tolist(), begins[many.begins].tolist(), begins[many.ends].tolist(),
            [0, *kept_ends], kept_ends, [0, *written_ends], written_ends, strict=False,
        )  # fmt: skip
        return [
            GraphBlobs(
                of_nodes[4 * schema.NODE_COLUMNS * begin : 4 * schema.NODE_COLUMNS * end],
                of_edges[12 * edge : 12 * edge_end], of_kept[8 * keep : 8 * keep_end], phases[begin:end],
                (written[w:w_end] - begin).tolist() if w_end > w else [],
            )
            for begin, end, edge, edge_end, keep, keep_end, w, w_end in bounds
        ]  # fmt: skip

    def _kept(self, many: Many, wires: Ints, begins: NDArray[np.int64]) -> tuple[Ints, list[int]]:
        """What nodes keep for their gradients, nodes in order; and where that of each graph ends."""
        nodes = np.flatnonzero(many.keeps)
        inputs = (begins[nodes + 1] - begins[nodes]).astype(np.int32)
        kinds, keeps = many.kinds[nodes], many.keeps[nodes]
        numbers, new = self._kept_by.of(kinds, keeps, inputs)
        for i in new:
            kept = self.keeps.all[keeps[i]]
            self._offsets.append(self._offsets_of(int(kinds[i]), kept, int(inputs[i])))
        lengths = np.array([len(o) for o in self._offsets], np.int64)
        places = np.array([k for o in self._offsets for k in o], np.int64)
        many_of = lengths[numbers]
        ends = np.cumsum(many_of)
        at = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - many_of, many_of)
        k = places[at + np.repeat((np.cumsum(lengths) - lengths)[numbers], many_of)]
        owner = np.repeat(nodes, many_of)
        local = owner - many.base[owner]
        rows = np.empty((len(owner), 2), np.int32)
        rows[:, 0] = np.where(k < 0, local, wires[np.where(k < 0, 0, begins[owner] + k)])
        rows[:, 1] = local
        return rows, np.searchsorted(owner, many.ends).tolist()

    def _offsets_of(self, kind: int, kept: Any, inputs: int) -> tuple[int, ...]:
        """Which inputs of an op these are that it keeps; -1: what it made itself."""
        row = self.kinds.heads[kind][0]
        which: list[int] = []
        for k in kept:
            if row.tail and k == row.n - 1:
                which += range(k, inputs)
            elif k < min(inputs, row.n) and row.inputs != ("*",):
                which.append(k)
            elif k == row.n:
                which.append(-1)
        return tuple(which)


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
