"""Variance, standard deviation, norms, log of sums and running sums, in torch's spelling."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.dispatch import as_tensor, call, cast
from graphscope.engine.explain import at_line
from graphscope.engine.half import in_float32
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, IndexRangeError, ShapeError, UsageError
from graphscope.ops import moments as mo
from graphscope.ops import scan as sc
from graphscope.ops.functions.arithmetic import mul, sub
from graphscope.ops.functions.choice import where
from graphscope.ops.functions.joining import cat
from graphscope.ops.functions.making import axes, numpy_names, one_dim
from graphscope.ops.functions.shape import to_dtype
from graphscope.ops.results import result

__all__ = [
    "var", "std", "var_mean", "std_mean", "logsumexp", "norm", "dist", "renorm", "cumsum", "cumprod",
    "cummax", "cummin", "logcumsumexp", "diff",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [name for name in __all__ if not name.endswith("_mean")]
# Those whose method has an in-place twin with a trailing underscore.
INPLACE = ["renorm", "cumsum", "cumprod"]


def _spread(row: Any, input: Any, dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> Any:
    if isinstance(dim, bool):  # torch's older form: var(unbiased)
        dim, unbiased = None, dim
    x = as_tensor(input)
    if x._a.dtype.kind != "f":
        raise at_line(
            DTypeError,
            f"{row.name}: a tensor of {x.dtype.name} cannot hold its own spread, which is a fraction; use .float() first",
        )
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return call(
        row, x, axis=axes(row.name, dim, x._a.ndim), keepdims=keepdim, correction=correction
    )


@numpy_names
@in_float32
def var(
    input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:  # fmt: skip
    """Variance over all dimensions or some: squares are summed and divided by n - correction."""
    out: Tensor = _spread(mo.var, input, dim, unbiased, keepdim, correction)
    return out


@numpy_names
@in_float32
def std(
    input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:  # fmt: skip
    """Standard deviation over all dimensions or some."""
    out: Tensor = _spread(mo.std, input, dim, unbiased, keepdim, correction)
    return out


@numpy_names
@in_float32
def var_mean(
    input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Variance and mean."""
    out: tuple[Tensor, Tensor] = _spread(mo.var_mean, input, dim, unbiased, keepdim, correction)
    return out


@numpy_names
@in_float32
def std_mean(
    input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Standard deviation and mean."""
    out: tuple[Tensor, Tensor] = _spread(mo.std_mean, input, dim, unbiased, keepdim, correction)
    return out


@numpy_names
def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input))) over dimensions, without overflow."""
    return call(mo.logsumexp, input, axis=axes("logsumexp", dim, input._a.ndim), keepdims=keepdim)


# ---------------------------------------------------------------- norms


def vector_norm(name: str, x: Tensor, p: float, dim: Any, keepdim: bool) -> Tensor:
    """The p-norm of all elements over dimensions. Raises: DTypeError, ShapeError as torch's."""
    if x._a.dtype.kind != "f":
        raise at_line(
            DTypeError,
            f"{name}: only floating point tensors have a norm, this one is {x.dtype.name}; use .float() first",
        )
    at = axes(name, dim, x._a.ndim)
    if not x._a.size and (p < 0 or p == float("inf")):
        gone = range(x._a.ndim) if at is None else (at,) if isinstance(at, int) else at
        if not all(x._a.shape[a] for a in gone):
            raise at_line(
                IndexRangeError,
                f"{name}: the norm of order {p} of no elements does not exist: the shape is {tuple(x._a.shape)}",
            )
    return call(mo.norm, x, p=float(p), axis=at, keepdims=keepdim)


@numpy_names
@in_float32
def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The p-norm of all elements over all dimensions or some; "fro" is 2."""
    x = as_tensor(input) if dtype is None else to_dtype(as_tensor(input), dtype)
    if p == "nuc":
        raise at_line(UsageError, "norm: the nuclear norm is linalg.matrix_norm(x, 'nuc') here")
    if isinstance(p, str) and p != "fro":
        raise at_line(UsageError, f"norm: p is {p!r}; it can be a number, inf, -inf or 'fro'")
    out: Tensor = vector_norm("norm", x, 2.0 if p in ("fro", None) else p, dim, keepdim)
    return out


def dist(input: Any, other: Any, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    out: Tensor = norm(sub(input, other), p)
    return out


def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Tensor:
    """Each part along ``dim`` scaled down to a p-norm of at most ``maxnorm``."""
    d = one_dim("renorm", dim, input._a.ndim)
    if input._a.ndim < 2:
        raise at_line(
            ShapeError,
            f"renorm: the shape {tuple(input._a.shape)} has no slices to scale; it takes a matrix or more",
        )
    rest = tuple(i for i in range(input._a.ndim) if i != d)
    size = vector_norm("renorm", input, p, rest, True)
    out: Tensor = mul(input, where(size > maxnorm, maxnorm / (size + 1e-7), 1.0))  # type: ignore[operator]
    return out


# ---------------------------------------------------------------- along a dimension

cummax_result = result("cummax", "values indices")
cummin_result = result("cummin", "values indices")


def _running(row: Any, input: Any, dim: Any, dtype: Any) -> Tensor:
    x = as_tensor(input)
    if dtype is not None:
        x = to_dtype(x, dtype)
    elif x._a.dtype.kind != "f" and x._a.dtype != np.int64:
        x = cast(x, np.dtype(np.int64))
    return call(row, x, axis=one_dim(row.name, dim, x._a.ndim))


@numpy_names
@in_float32
def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sum along a dimension. Integers are summed as int64."""
    return _running(sc.cumsum, input, dim, dtype)


@numpy_names
@in_float32
def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Tensor:
    """Running product along a dimension."""
    return _running(sc.cumprod, input, dim, dtype)


@numpy_names
def logcumsumexp(input: Any, dim: int) -> Tensor:
    """The logarithm of the running sum of exponentials."""
    return call(sc.logcumsumexp, input, axis=one_dim("logcumsumexp", dim, input._a.ndim))


@numpy_names
def cummax(input: Any, dim: int) -> Any:
    """Running maximum along a dimension and where it is (the last of equal ones)."""
    d = one_dim("cummax", dim, input._a.ndim)
    return cummax_result(*call(sc.cummax, input, axis=d, was=input._a.shape))


@numpy_names
def cummin(input: Any, dim: int) -> Any:
    """Running minimum along a dimension and where it is (the last of equal ones)."""
    d = one_dim("cummin", dim, input._a.ndim)
    return cummin_result(*call(sc.cummin, input, axis=d, was=input._a.shape))


@numpy_names
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """Differences of neighbours along a dimension, n times."""
    if not input._a.ndim:
        raise at_line(ShapeError, "diff: a 0-d tensor has no neighbours to subtract")
    d = one_dim("diff", dim, input._a.ndim)
    if n < 0:
        raise at_line(ShapeError, f"diff: n={n}; differences are taken 0 times or more")
    parts = [x for x in (prepend, input, append) if x is not None]
    x = cat(parts, d) if len(parts) > 1 else input
    return call(sc.diff, x, n=min(n, x._a.shape[d]), axis=d)
