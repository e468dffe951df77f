"""Integers of graphs as bytes and back, small: a graph that never repeats is like those before it, and like itself.

A number that grows with a node's place (an input, a twin, a death) is stored as the distance from there, so that a
layer has the same bytes wherever it stands (``folding``). All that describes a graph goes through zlib at once: to
begin takes it as long as a kilobyte. Of a net of random depth 66 bytes a node become 4.

Files from before hold one column a blob, under zlib (format 3) or as it is (format 2: int32, a length that four
divides, which squeezed ones never have).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphscope.trace import codec, schema
from graphscope.trace.arrays import Ints, Longs
from graphscope.trace.folding import AFTER, GAP, PLAIN, below, fold, unfold

_TOGETHER = b"\1"  # before what is packed together; zlib begins with another byte
_HEAD = Struct("<III")  # how many edges, ports and kept
_SET = Struct("<II")  # how many specs, and how many costs
_COLUMNS = schema.NODE_COLUMNS
_ONE = bytes([PLAIN])
# How the columns of nodes, edges, ports, kept, names and plan are stored.
_WAYS = (
    bytes([GAP if column == schema.TWIN else PLAIN for column in range(_COLUMNS)]),
    bytes([GAP, PLAIN, below(0)]), bytes(schema.PORT_COLUMNS), bytes([below(1), GAP]), _ONE, bytes([AFTER]),
)  # fmt: skip
_NO_COSTS = np.zeros(0, np.int64)
Blobs = Sequence[bytes]


class Structure(NamedTuple):
    """The columns of a graph."""

    nodes: Ints
    edges: Ints
    ports: Ints
    kept: Ints
    names: Ints
    plan: Ints


def structure(blobs: Blobs) -> bytes:
    """Nodes, edges, ports, kept, names and plan of a graph (raw) as one blob."""
    head = [len(blobs[k]) // (4 * len(ways)) for k, ways in enumerate(_WAYS[:4])]
    return _packed(
        _HEAD.pack(*head[1:])
        + b"".join([fold(a, 4, ways) for a, ways in zip(blobs, _WAYS, strict=True)])
    )


def structure_of(n: int, blobs: Blobs) -> Structure:
    """The columns of a graph of ``n`` nodes, of what stands in the file."""
    if not _is_together(blobs[0]):
        return _apart(n, blobs)
    data = zlib.decompress(blobs[0][1:])
    rows = (n, *_head(_HEAD, data), n, n)
    at, found = _HEAD.size, []
    for many, ways in zip(rows, _WAYS, strict=True):
        columns, at = unfold(data, at, many, 4, ways)
        found.append(_rows(columns) if len(ways) > 1 else columns[0].astype(np.int32))
    _is_all(data, at)
    # What was found out later stands by itself.
    if blobs[4]:
        found[4] = column_of(blobs[4])
    if blobs[5]:
        found[5] = plan_of(blobs[5])
    return Structure(*found)


def shapes(specs: bytes, flops: Longs | None = None, traffic: Longs | None = None) -> bytes:
    """A set of shapes: specs (raw), and operations and bytes moved of each node, where they are known."""
    costs = (_NO_COSTS, _NO_COSTS) if flops is None or traffic is None else (flops, traffic)
    head = _SET.pack(len(specs) // 4, len(costs[0]))
    return _packed(head + fold(specs, 4, _ONE) + b"".join([fold(a, 8, _ONE) for a in costs]))


def shapes_of(blob: bytes) -> tuple[Ints, tuple[Longs, Longs] | None]:
    """The inverse of ``shapes``."""
    if not _is_together(blob):
        return column_of(blob), None
    data = zlib.decompress(blob[1:])
    many, costs = _head(_SET, data)
    specs, at = unfold(data, _SET.size, many, 4, _ONE)
    flops, at = unfold(data, at, costs, 8, _ONE)
    traffic, at = unfold(data, at, costs, 8, _ONE)
    _is_all(data, at)
    found = (flops[0].astype(np.int64), traffic[0].astype(np.int64))
    return specs[0].astype(np.int32), found if costs else None


def _is_together(blob: bytes) -> bool:
    return is_squeezed(blob) and blob[:1] == _TOGETHER


def _is_all(data: bytes, at: int) -> None:
    if at != len(data):
        raise ValueError("it is longer than it says")


# ---------------------------------------------------------------- columns by themselves


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
    """One column."""
    return _squeeze(codec.shuffle(np.frombuffer(raw, "<i4")))


def column_of(blob: bytes, n: int = 0) -> Ints:
    """The inverse of ``column``; n: of a column that says nothing (-1 throughout), of which nothing is stored."""
    if not blob and n:
        return np.full(n, -1, np.int32)
    if not is_squeezed(blob):
        return codec.ints(blob)
    return codec.unshuffle(zlib.decompress(blob), "<i4").astype(np.int32)


def is_squeezed(blob: bytes) -> bool:
    """Whether these are bytes that were made here."""
    return len(blob) % 4 != 0


# ---------------------------------------------------------------- files of the formats before


def _apart(n: int, blobs: Blobs) -> Structure:
    if is_squeezed(blobs[0]):
        nodes, edges, ports, kept = _of_format_3(n, blobs[0])
    else:
        nodes, edges, ports, kept = (
            codec.ints(blob, len(ways)) for blob, ways in zip(blobs[:4], _WAYS[:4], strict=True)
        )
    return Structure(nodes, edges, ports, kept, column_of(blobs[4], len(nodes)), plan_of(blobs[5]))


def _of_format_3(n: int, blob: bytes) -> list[Ints]:
    """Whole planes of nodes, edges and kept, and the ports as they are."""
    data = zlib.decompress(blob)
    edges, ports, kept = _head(_HEAD, data)
    many, at = [(n, _COLUMNS), (edges, 3), (kept, 2)], _HEAD.size
    if len(data) != at + 4 * (sum([a * b for a, b in many]) + ports * schema.PORT_COLUMNS):
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
    return [_rows(table), _rows(wires), last, _rows(kept_by)]


# ---------------------------------------------------------------- helpers


def _packed(data: bytes) -> bytes:
    made = _TOGETHER + codec.squeeze(data)
    return made if is_squeezed(made) else made + b"\0"


def _squeeze(data: bytes) -> bytes:
    made = codec.squeeze(data)
    return made if is_squeezed(made) else made + b"\0"  # zlib stops before it


def _head(form: Struct, data: bytes) -> tuple[int, ...]:
    if len(data) < form.size:
        raise ValueError("it is shorter than what it begins with")
    return form.unpack_from(data)


def _rows(columns: NDArray[Any]) -> Ints:
    return np.ascontiguousarray(columns.T, np.int32)
