"""Sums, means and extremes over dimensions, in torch's spelling."""

from __future__ import annotations

from typing import Any, NamedTuple

from graphscope.engine import dtype as dtypes
from graphscope.engine.dispatch import as_tensor, binary, call
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, ShapeError
from graphscope.ops import index as ix
from graphscope.ops import pointwise as pw
from graphscope.ops import reduce as rd
from graphscope.ops.functions.arithmetic import div, square, sub
from graphscope.ops.functions.pointwise import sqrt
from graphscope.ops.functions.shape import squeeze, to_dtype

__all__ = [
    "sum", "mean", "var", "std", "max", "min", "amax", "amin", "argmax", "argmin", "all", "any",
    "norm",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [
    "sum", "mean", "var", "std", "max", "min", "amax", "amin", "argmax", "argmin", "all", "any",
    "norm",
]  # fmt: skip


def _axis(dim: Any) -> Any:
    return tuple(dim) if isinstance(dim, (list, tuple)) else dim


def sum(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:  # noqa: A001
    """Sum over all dimensions or some."""
    x = as_tensor(input)
    if dtype is not None:
        x = to_dtype(x, dtype)
    elif x._a.dtype.kind in "bu" or x._a.dtype.kind == "i" and x._a.dtype != dtypes.int64.np:
        x = to_dtype(x, dtypes.int64)
    return call(rd.sum, x, axis=_axis(dim), keepdims=keepdim, shape=x._a.shape)


def mean(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Mean over all dimensions or some. Raises: DTypeError for integers, as in torch."""
    x = as_tensor(input)
    if dtype is not None:
        x = to_dtype(x, dtype)
    if x._a.dtype.kind != "f":
        raise DTypeError(
            f"mean: the input is {x.dtype.name}; make it floating first: x.float().mean()"
        )
    return call(rd.mean, x, axis=_axis(dim), keepdims=keepdim, shape=x._a.shape)


def var(input: Any, dim: Any = None, keepdim: bool = False, correction: int = 1) -> Tensor:
    """Variance with Bessel's correction, as in torch."""
    centred = sub(input, mean(input, dim, True))
    n = rd.reduced_count(input._a.shape, _axis(dim)) - correction
    return div(sum(square(centred), dim, keepdim), float(n) if n > 0 else float("nan"))


def std(input: Any, dim: Any = None, keepdim: bool = False, correction: int = 1) -> Tensor:
    """Standard deviation with Bessel's correction, as in torch."""
    return sqrt(var(input, dim, keepdim, correction))


class max_result(NamedTuple):  # noqa: N801 - torch's name
    """Values and their indices."""

    values: Tensor
    indices: Tensor


def _extreme(row: Any, arg: Any, pair: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        return call(row, input, axis=None, keepdims=False)
    if isinstance(dim, Tensor):
        return binary(pair, input, dim)
    indices = call(arg, input, axis=dim, keepdims=True)
    values = call(ix.gather, input, indices, axis=dim, was=input._a.shape)
    if not keepdim:
        indices, values = squeeze(indices, dim), squeeze(values, dim)
    return max_result(values, indices)


def max(input: Any, dim: Any = None, keepdim: bool = False) -> Any:  # noqa: A001
    """The largest element; with dim also its indices; with a tensor the element-wise maximum."""
    return _extreme(rd.amax, rd.argmax, pw.maximum, input, dim, keepdim)


def min(input: Any, dim: Any = None, keepdim: bool = False) -> Any:  # noqa: A001
    """The smallest element; with dim also its indices; with a tensor the element-wise minimum."""
    return _extreme(rd.amin, rd.argmin, pw.minimum, input, dim, keepdim)


def amax(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest element over dimensions."""
    return call(rd.amax, input, axis=_axis(dim), keepdims=keepdim)


def amin(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The smallest element over dimensions."""
    return call(rd.amin, input, axis=_axis(dim), keepdims=keepdim)


def argmax(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Index of the largest element."""
    return call(rd.argmax, input, axis=dim, keepdims=keepdim)


def argmin(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Index of the smallest element."""
    return call(rd.argmin, input, axis=dim, keepdims=keepdim)


def all(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:  # noqa: A001
    """Whether all elements are true."""
    return call(rd.all, input, axis=dim, keepdims=keepdim)


def any(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:  # noqa: A001
    """Whether any element is true."""
    return call(rd.any, input, axis=dim, keepdims=keepdim)


def norm(input: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The 2-norm (p=2 or 'fro') over all or some dimensions."""
    if p not in (2, 2.0, "fro"):
        raise ShapeError(f"norm: p={p!r} is not there yet, only 2")
    return sqrt(sum(square(input), dim, keepdim))
