"""Words for an op that failed: what, with which shapes, the rule, the fix, and the user's line."""

from __future__ import annotations

import re
from copy import copy
from typing import Any

from graphscope.engine.bounds import outside
from graphscope.engine.frames import user_line
from graphscope.errors import (
    AutogradError,
    DeviceError,
    DTypeError,
    GraphScopeError,
    IndexRangeError,
    LinAlgError,
    ShapeError,
)

# What numpy says of an index that an axis does not have.
_BEYOND = re.compile(r"index (-?\d+) is out of bounds for axis (\d+) with size (\d+)")

# What numpy says of values and dtypes that an op cannot take, and what we say instead.
_NUMPYS = {
    "to negative integer powers": "whole numbers raised to a power below 0 give fractions; use .float() first",
    "numpy boolean subtract": "there is no difference of bool tensors; use ^ (one or the other), or .int() first",
    "numpy boolean negative": "bool tensors have no sign; use ~ (not), or .int() first",
    "not supported for the input types": "the op does not exist for these dtypes; use .long(), .bool() or .float()",
    "indexing arrays could not be broadcast": "shape mismatch: index tensors go together one by one, so their shapes "
    "must broadcast (sizes equal or 1); x[rows][:, columns] takes all combinations",
}


def describe(x: Any) -> str:
    """``w1 (1000, 100) float32`` for a tensor, with its name where it has one."""
    if not hasattr(x, "_a"):
        return repr(x)
    name = f"{x.name} " if x.name else ""
    return f"{name}{tuple(x._a.shape)} {x._a.dtype}"


def explain(row: Any, error: BaseException | None, inputs: Any, params: Any) -> BaseException:
    """The exception to raise for a kernel's failure; unknown failures keep the kernel's words."""
    where = user_line(2)
    tail = f" ({where})" if where else ""
    what = f"{row.name}: " + ", ".join(describe(x) for x in inputs)
    kinds = {type(x._a) for x in inputs}
    if len(kinds) > 1:
        places = " and ".join(str(x.device) for x in inputs)
        each = ", ".join(f"{describe(x)} on {x.device}" for x in inputs)
        return DeviceError(
            f"{row.name}: {each}: the tensors are on {places}; an op needs them on one device. "
            f"Move one with .to(device).{tail}"
        )
    if isinstance(error, Exception):
        from graphscope.engine.out_of_memory import (
            ran_out,
            worded,
        )  # it needs tensors, and they this

        if ran_out(error):
            return worded(what, error, where)
    if isinstance(error, GraphScopeError):
        if str(error).startswith(f"{row.name}:"):
            return error
        told = copy(
            error
        )  # a kernel knows the rule; the op, the shapes and the line are known here
        told.args = (f"{what}: {error}{tail}",)
        return told
    if row.shape is not None:
        try:
            row.shape(*(tuple(x._a.shape) for x in inputs), **(params or {}))
        except ShapeError as rule:
            return ShapeError(f"{what}: {rule}{tail}")
    if row.broadcast:
        clash = broadcast_clash([tuple(x._a.shape) for x in inputs])
        if clash:
            return ShapeError(f"{what}: {clash}{tail}")
    if row.writes and "read-only" in str(error):
        return ShapeError(
            f"{what}: some elements of this tensor share one place in memory, as in an expanded tensor, and would all "
            f"change together. clone() it before writing.{tail}"
        )
    if row.writes and "non-broadcastable output" in str(error):
        return ShapeError(
            f"{what}: the result does not have the shape {tuple(inputs[0]._a.shape)} of the tensor that should keep it, "
            f"and in place a shape cannot change. Use the op without `_`.{tail}"
        )
    if type(error).__name__ == "LinAlgError":  # numpy's or CuPy's
        words = str(error)[:1].lower() + str(error)[1:]
        if "singular" in words:
            words = "a singular matrix (its rows depend on each other) has no inverse; use linalg.pinv or linalg.lstsq"
        if "positive definite" in words:
            words = "a matrix that is not positive-definite has no such factor; add a small multiple of the identity"
        return LinAlgError(f"{what}: {words}{tail}")
    words = next((ours for theirs, ours in _NUMPYS.items() if theirs in str(error)), str(error))
    if isinstance(error, IndexError):
        found = _BEYOND.fullmatch(words)
        if found:
            index, dim, size = map(int, found.groups())
            words = outside(index, dim, size, True)
        return IndexRangeError(f"{what}: {words}{tail}")
    kind = DTypeError if isinstance(error, TypeError) else ShapeError
    return kind(f"{what}: {words}{tail}")


def at_line(kind: type[BaseException], text: str) -> BaseException:
    """An exception with these words and the user's line, for what is refused before an op runs."""
    where = user_line(2)
    return kind(f"{text} ({where})" if where else text)


def broadcast_clash(shapes: list[tuple[int, ...]]) -> str:
    """Why these shapes do not broadcast, in a sentence with a fix; empty if they do."""
    rank = max(map(len, shapes))
    for d in range(1, rank + 1):
        sizes = sorted({s[-d] for s in shapes if len(s) >= d and s[-d] != 1})
        if len(sizes) > 1:
            return (
                f"the shapes do not broadcast: sizes {sizes[0]} and {sizes[1]} differ at non-singleton dimension "
                f"{rank - d}, and sizes must be equal or 1. Reshape one, or add a dimension with unsqueeze"
            )
    return ""


def inplace_error(row: Any, target: Any) -> AutogradError:
    """The error for writing into a tensor whose gradient is wanted."""
    where = user_line(3)
    kind = "a leaf that requires grad" if target._node is None else "part of the graph"
    return AutogradError(
        f"{row.name}: {describe(target)} is {kind}, so it cannot be changed in place while gradients "
        f"are recorded. Wrap the update in `with no_grad():`, or compute a new tensor. ({where})"
    )
