"""Integers of graphs as bytes and back, small: a graph that never repeats is like those before it, and like itself.

A number that grows with a node's place (an input, a twin, a death) is stored as the distance from there, so that a
layer has the same bytes wherever it stands; byte plane by byte plane, what is constant costs nothing under zlib. Of a
net of random depth 58 bytes a node become 4, in a third of a microsecond.

Raw columns of int32, as in files from before, have a length that four divides; squeezed ones have none.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.trace import codec, schema
from graphscope.trace.arrays import Ints

_HEAD = np.dtype([("edges", "<u4"), ("ports", "<u4"), ("kept", "<u4")])
_COLUMNS = schema.NODE_COLUMNS
_NONE = b"\xff\xff\xff\xff"  # -1
Blobs = Sequence[bytes]


def structures(graphs: Sequence[Blobs]) -> list[bytes]:
    """Nodes, edges, ports and kept of graphs (raw), each as one blob; together, since numpy takes as long for one."""
    nodes, ends = _together([g[0] for g in graphs], _COLUMNS)
    edges, edge_ends = _together([g[1] for g in graphs], 3)
    kept, kept_ends = _together([g[3] for g in graphs], 2)
    _differ(nodes[schema.TWIN], ends)
    edges[2] = edges[0] - edges[2]
    _differ(edges[0], edge_ends)
    kept[0] = kept[1] - kept[0]
    _differ(kept[1], kept_ends)
    planes = [(_planes(nodes), ends), (_planes(edges), edge_ends), (_planes(kept), kept_ends)]
    head = np.zeros(1, _HEAD)
    made = []
    for k, graph in enumerate(graphs):
        parts = []
        for columns, upto in planes:
            begin, end = int(upto[k]), int(upto[k + 1])
            parts.append(columns[:, :, begin:end].tobytes())
        head["edges"], head["ports"], head["kept"] = (
            len(graph[1]) // 12, len(graph[2]) // (4 * schema.PORT_COLUMNS), len(graph[3]) // 8,
        )  # fmt: skip
        made.append(_squeeze(b"".join((head.tobytes(), *parts, graph[2]))))
    return made


def structure(n: int, nodes: bytes, edges: bytes, ports: bytes, kept: bytes) -> list[Ints]:
    """Nodes, edges, ports and kept of a graph of ``n`` nodes, of what stands in the file."""
    if not is_squeezed(nodes):
        return [
            codec.ints(nodes, _COLUMNS), codec.ints(edges, 3), codec.ints(ports, schema.PORT_COLUMNS), codec.ints(kept, 2),
        ]  # fmt: skip
    data = zlib.decompress(nodes)
    head = np.frombuffer(data, _HEAD, 1)[0]
    many, at = [(n, _COLUMNS), (int(head["edges"]), 3), (int(head["kept"]), 2)], _HEAD.itemsize
    if len(data) != at + 4 * (
        sum([a * b for a, b in many]) + int(head["ports"]) * schema.PORT_COLUMNS
    ):
        raise ValueError("it is not as long as it says")
    found = []
    for rows, columns in many:
        planes = np.frombuffer(data, np.uint8, 4 * rows * columns, at).reshape(columns, 4, rows)
        at += 4 * rows * columns
        whole = planes.transpose(0, 2, 1).copy()
        found.append(whole.reshape(-1).view("<i4").reshape(columns, rows))
    table, wires, kept_by = found
    np.cumsum(table[schema.TWIN], out=table[schema.TWIN])
    np.cumsum(wires[0], out=wires[0])
    wires[2] = wires[0] - wires[2]
    np.cumsum(kept_by[1], out=kept_by[1])
    kept_by[0] = kept_by[1] - kept_by[0]
    last = codec.ints(data[at:], schema.PORT_COLUMNS)
    return [
        *(np.ascontiguousarray(c.T, np.int32) for c in (table, wires)),
        last,
        np.ascontiguousarray(kept_by.T, np.int32),
    ]


def plan(raw: bytes) -> bytes:
    """When memory dies: as the distance from where it was made."""
    dies = np.frombuffer(raw, "<i4")
    if len(dies) and (dies.min() < -9 or dies.max() >= 1 << 30):
        return raw
    after = 2 * (dies - np.arange(len(dies), dtype=np.int32))
    return _squeeze(codec.shuffle(np.where(dies < 0, -1 - 2 * dies, after).astype("<i4")))


def plan_of(blob: bytes) -> Ints:
    """The inverse of ``plan``."""
    if not is_squeezed(blob):
        return codec.ints(blob)
    found = codec.unshuffle(zlib.decompress(blob), "<i4")
    place = np.arange(len(found), dtype=np.int32)
    return np.where(found & 1, -((found + 1) >> 1), (found >> 1) + place).astype(np.int32)


def column(raw: bytes) -> bytes:
    """One column; of one that says nothing (-1 throughout) nothing."""
    if raw == _NONE * (len(raw) // 4):
        return b""
    return _squeeze(codec.shuffle(np.frombuffer(raw, "<i4")))


def column_of(blob: bytes, n: int = 0) -> Ints:
    """The inverse of ``column``; n: of a column that says nothing."""
    if not blob and n:
        return np.full(n, -1, np.int32)
    if not is_squeezed(blob):
        return codec.ints(blob)
    return codec.unshuffle(zlib.decompress(blob), "<i4").astype(np.int32)


def is_squeezed(blob: bytes) -> bool:
    """Whether these are bytes that were made here."""
    return len(blob) % 4 != 0


def _squeeze(data: bytes) -> bytes:
    made = codec.squeeze(data)
    return made if is_squeezed(made) else made + b"\0"  # zlib stops before it


def _together(blobs: Sequence[bytes], columns: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Columns of all graphs, and where each of them begins and the last one ends."""
    ends = np.cumsum([0, *(len(blob) // (4 * columns) for blob in blobs)])
    rows = np.frombuffer(b"".join(blobs), "<i4").reshape(-1, columns)
    return rows.T.copy(), ends


def _differ(column: NDArray[Any], ends: NDArray[np.int64]) -> None:
    """In place: each less the one before it, anew in every graph."""
    first = ends[:-1][ends[:-1] < ends[1:]]
    heads = column[first]
    column[1:] -= column[:-1].copy()
    column[first] = heads


def _planes(columns: NDArray[Any]) -> NDArray[np.uint8]:
    """Byte planes ``[columns, 4, rows]``."""
    planes = columns.view(np.uint8).reshape(*columns.shape, 4)
    return np.ascontiguousarray(planes.transpose(0, 2, 1))
