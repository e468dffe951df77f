"""The keys of a recorded graph as the integer rows that a trace keeps."""

from __future__ import annotations

import json
from typing import Any

from graphscope.record.names import GraphRecord
from graphscope.trace import schema

PORT = 1 << 23  # value numbers below are nodes, from here on ports
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


def dtype_of(key: Any) -> Any:
    """The numpy dtype of a node's value from its key; None for waiting, which makes none."""
    return None if len(key) == 1 else key[6] if len(key) == 8 else key[3]


def tables(graph: GraphRecord, op_id: Any, string: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """The integer rows of a graph: nodes, edges (dst, position, src) and kept (value, node)."""
    nodes: list[Any] = []
    edges: list[Any] = []
    kept: list[Any] = []
    for i, key in enumerate(graph.keys):
        if len(key) == 1:
            nodes.append([DATA_OP, schema.DATA, 0, graph.lines[i], -1, -1, -1, schema.VIEW])
        elif len(key) == 8:
            row, params, u, v, scope, phase, _, mask = key
            site = graph.lines[i]
            if row.multi and params[-1]:  # output k > 0 of an op with several outputs
                flags = schema.EXTRA
            else:
                flags = 0
            flags |= (schema.VIEW if row.view else 0) | (schema.INPLACE if row.writes else 0)
            flags |= schema.WANTS_GRAD if mask else 0
            flags |= schema.COPY if row.name in COPIES else 0
            flags |= schema.FAILED if key[6] is None else 0
            text = string(json.dumps(_params(row, params), default=str)) if params else -1
            nodes.append([op_id(row), phase, scope, site, -1, -1, text, flags])
            wires = (u,) if v is None else (u, *v) if isinstance(v, tuple) else (u, v)
            sources = [w if w < PORT else PORT - 1 - w for w in wires]
            edges += [[i, position, w] for position, w in enumerate(sources)]
            for k in graph.kept[i]:
                if row.tail and k == row.n - 1:
                    kept += [[s, i] for s in sources[k:]]
                elif k < min(len(sources), row.n) and row.inputs != ("*",):
                    kept.append([sources[k], i])
                elif k == row.n:
                    kept.append([i, i])
        else:
            row, twin, slot, _ = key
            scope, site = (
                (nodes[twin][schema.SCOPE], nodes[twin][schema.SITE]) if twin >= 0 else (0, -1)
            )
            flags = schema.COPY if row.name in COPIES else 0
            nodes.append([op_id(row), schema.BACKWARD, scope, site, twin, slot, -1, flags])
    return nodes, edges, kept


def _params(row: Any, params: Any) -> dict[str, Any]:
    names = [k for k in row.params if k not in row.values]
    return {
        k: str(v) if isinstance(v, (slice, tuple)) else v
        for k, v in zip(names, params, strict=False)
    }
