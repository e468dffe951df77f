"""Local derivatives and tangents of a captured graph, on plain arrays: for figures of live tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope import ops
from graphscope.engine import dispatch, forward_mode


def local_derivatives(found: Any, values: list[Any]) -> dict[tuple[int, int], Any]:
    """d(output)/d(input) by (op, input position), where it is one number for each element.

    That is so for elementwise ops, and for any op from one number to one number.
    """
    out: dict[tuple[int, int], Any] = {}
    for i, node in enumerate(found.nodes):
        row = node.row
        if values[i] is None or node.nout != 1 or row.inputs == ("*",) or row.name not in ops.TABLE:
            continue
        arrays = [found.array(s, values) for s in found.inputs[i]]
        if any(a is None for a in arrays):
            continue
        single = values[i].size == 1 and all(a.size == 1 for a in arrays)
        if not single and row.family != "pointwise":
            continue
        saved = row.grouped(arrays)
        saved += [None] * (row.n - len(saved)) + [values[i], found.aux[i]]
        one = np.ones_like(values[i])
        for w in node.wants:
            if any(saved[j] is None for j in w.take):
                continue
            params = {p: node.params[p] for p in w.params}
            out[i, w.slot] = np.asarray(w.fn(ops.NUMPY, one, *[saved[j] for j in w.take], **params))
    return out


def tangents(found: Any, values: list[Any], seed: int) -> dict[int, Any]:
    """The derivative of every value in the direction of one leaf, by the engine's forward mode."""
    start = found.array(seed, values)
    if type(start) is not np.ndarray:
        return {}  # on another device nothing is computed again
    moved: dict[int, Any] = {
        -1 - k: np.zeros_like(t._a)
        for k, t in enumerate(found.ports)
        if t is not None and t._rg and type(t._a) is np.ndarray
    }
    moved[seed] = np.ones_like(start)
    for i, node in enumerate(found.nodes):
        if values[i] is None or node.nout != 1 or node.row.name not in ops.TABLE:
            continue
        arrays = [found.array(s, values) for s in found.inputs[i]]
        given = [moved.get(s) for s in found.inputs[i]]
        if any(a is None for a in arrays) or all(t is None for t in given):
            continue
        plain = dispatch.bind(node.row, np.ndarray)
        got = forward_mode.push(
            node.row, plain, arrays, given, values[i], found.aux[i], node.params or {}
        )
        if got[0] is not None:
            moved[i] = np.broadcast_to(np.asarray(got[0]), values[i].shape)
    return moved
