"""Sums, means, products, extremes and flags over dimensions, in torch's spelling."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.dispatch import as_tensor, binary, call, cast
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, IndexRangeError, ShapeError
from graphscope.ops import choice as ch
from graphscope.ops import positions as ps
from graphscope.ops import reduce as rd
from graphscope.ops.functions.making import axes, numpy_names, one_dim
from graphscope.ops.functions.shape import to_dtype
from graphscope.ops.results import result

__all__ = [
    "sum", "mean", "prod", "nansum", "nanmean", "max", "min", "amax", "amin", "aminmax", "argmax",
    "argmin", "all", "any", "count_nonzero",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = list(__all__)
INPLACE: list[str] = []

_INT64 = np.dtype(np.int64)


def _summed(input: Any, dtype: Any) -> Tensor:
    """What a sum runs on: as asked, and integers as int64, so that they do not overflow."""
    x = as_tensor(input)
    if dtype is not None:
        return to_dtype(x, dtype)
    if x._a.dtype.kind != "f" and x._a.dtype != _INT64:
        return cast(x, _INT64)
    return x


def sum(  # noqa: A001
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None,
    axis: Any = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """Sum over all dimensions or some. Integers are summed as int64."""
    if dim is None and dtype is None and axis is None and type(input) is Tensor:
        a = input._a
        if a.dtype.kind == "f":  # the usual case, with nothing left to ask
            total: Tensor = rd.sum.run(input, keepdims=keepdim or keepdims, shape=a.shape)
            return total
    x = _summed(input, dtype)
    shape = x._a.shape
    at = axes("sum", dim if axis is None else axis, len(shape))
    out: Tensor = rd.sum.run(x, axis=at, keepdims=keepdim or keepdims, shape=shape)
    return out


def _floating(name: str, input: Any, dtype: Any) -> Tensor:
    x = as_tensor(input)
    if dtype is not None:
        x = to_dtype(x, dtype)
    if x._a.dtype.kind != "f":
        raise at_line(
            DTypeError,
            f"{name}: the tensor is {x.dtype.name}, and its {name} is a fraction, which needs a floating point dtype; "
            f"convert it: x.float().{name}()",
        )
    return x


def mean(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None,
    axis: Any = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """Mean over all dimensions or some. Raises: DTypeError for integers, as in torch."""
    x = _floating("mean", input, dtype)
    shape = x._a.shape
    at = axes("mean", dim if axis is None else axis, len(shape))
    return call(rd.mean, x, axis=at, keepdims=keepdim or keepdims, shape=shape)


@numpy_names
def prod(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Product of all elements or along a dimension. Integers are multiplied as int64."""
    x = _summed(input, dtype)
    at = axes("prod", dim if dim is None else int(dim), x._a.ndim)
    return call(rd.prod, x, axis=at, keepdims=keepdim)


@numpy_names
def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Sum over all dimensions or some of what is not NaN."""
    x = _summed(input, dtype)
    if x._a.dtype.kind != "f":
        return sum(x, dim, keepdim)
    return call(rd.nansum, x, axis=axes("nansum", dim, x._a.ndim), keepdims=keepdim)


@numpy_names
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Mean over all dimensions or some of what is not NaN."""
    x = _floating("nanmean", input, dtype)
    return call(rd.nanmean, x, axis=axes("nanmean", dim, x._a.ndim), keepdims=keepdim)


@numpy_names
def count_nonzero(input: Any, dim: Any = None) -> Tensor:
    """How many elements are not 0, in all or over dimensions."""
    return call(
        rd.count_nonzero, input, axis=axes("count_nonzero", dim, input._a.ndim), keepdims=False
    )


# ---------------------------------------------------------------- extremes


def _filled(name: str, x: Tensor, axis: Any) -> None:
    """Raise if nothing is there to choose from."""
    if x._a.size:
        return
    if axis is None:
        kind = IndexRangeError if name.startswith("arg") else ShapeError
        raise at_line(
            kind,
            f"{name}: the shape {tuple(x._a.shape)} has no elements, so there is none to choose; pass dim to reduce "
            "a dimension that has some",
        )
    for a in (axis,) if isinstance(axis, int) else axis:
        if not x._a.shape[a]:
            raise at_line(
                IndexRangeError,
                f"{name}: dimension {a} of {tuple(x._a.shape)} is empty, and of no elements there is none to choose",
            )


max_result = result("max", "values indices")
min_result = result("min", "values indices")
aminmax_result = result("aminmax", "min max")


def _extreme(
    row: Any, whole: Any, pair: Any, kind: Any, input: Any, dim: Any, keepdim: bool, other: Any
) -> Any:
    if isinstance(dim, Tensor) or other is not None:
        return binary(pair, input, dim if other is None else other)
    if dim is None:
        _filled(row.name, input, None)
        return call(whole, input, axis=None, keepdims=False)
    at = one_dim(row.name, dim, input._a.ndim)
    if input._a.ndim:
        _filled(row.name, input, at)
    return kind(*call(row, input, axis=at, keepdims=keepdim, was=input._a.shape))


@numpy_names
def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:  # noqa: A001
    """The largest element; with dim also its indices; with a tensor the element-wise maximum."""
    return _extreme(ps.max, rd.amax, ch.maximum, max_result, input, dim, keepdim, other)


@numpy_names
def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:  # noqa: A001
    """The smallest element; with dim also its indices; with a tensor the element-wise minimum."""
    return _extreme(ps.min, rd.amin, ch.minimum, min_result, input, dim, keepdim, other)


def _reduced(row: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    at = axes(row.name, dim, input._a.ndim)
    _filled(row.name, input, at)
    return call(row, input, axis=at, keepdims=keepdim)


@numpy_names
def amax(input: Any, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The largest element over dimensions; equal ones share the gradient."""
    out: Tensor = _reduced(rd.amax, input, dim, keepdim)
    return out


@numpy_names
def amin(input: Any, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The smallest element over dimensions; equal ones share the gradient."""
    out: Tensor = _reduced(rd.amin, input, dim, keepdim)
    return out


@numpy_names
def aminmax(input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest and the largest element, in all or along a dimension."""
    return aminmax_result(*_reduced(rd.aminmax, input, dim, keepdim))


@numpy_names
def argmax(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Index of the largest element: of the first of equal ones, in the flat tensor without dim."""
    out: Tensor = _reduced(rd.argmax, input, dim, keepdim)
    return out


@numpy_names
def argmin(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Index of the smallest element: of the first of equal ones, in the flat tensor without dim."""
    out: Tensor = _reduced(rd.argmin, input, dim, keepdim)
    return out


# ---------------------------------------------------------------- flags


def _flag(row: Any, input: Any, dim: Any, keepdim: bool) -> Tensor:
    out = call(row, input, axis=axes(row.name, dim, input._a.ndim), keepdims=keepdim)
    # uint8 was the mask type once, and still gives itself
    return cast(out, input._a.dtype) if input._a.dtype == np.uint8 else out


@numpy_names
def all(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:  # noqa: A001
    """Whether all elements are true (not 0), in all or over dimensions."""
    return _flag(rd.all, input, dim, keepdim)


@numpy_names
def any(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:  # noqa: A001
    """Whether any element is true (not 0), in all or over dimensions."""
    return _flag(rd.any, input, dim, keepdim)
