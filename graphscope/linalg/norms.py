"""Norms of vectors and matrices, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import as_tensor, call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, ShapeError
from graphscope.ops import moments
from graphscope.ops.dims import dim_of
from graphscope.ops.functions import abs, amax, amin, permute, reshape, sum, to_dtype
from graphscope.ops.functions.solving import inv
from graphscope.ops.functions.spectra import svdvals

_INF = float("inf")


def _floating(name: str, x: Any, dtype: Any) -> Tensor:
    t = as_tensor(x)
    if dtype is not None:
        t = to_dtype(t, dtype)
    if t._a.dtype.kind != "f":
        raise at_line(
            DTypeError,
            f"{name}: only floating point tensors have a norm, this one is {t.dtype.name}; use .float()",
        )
    return t


def vector_norm(
    x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:  # noqa: A002
    """The p-norm ``sum(|x|^p)^(1/p)`` over dimensions (None: all); inf, -inf and 0 as in torch."""
    t = _floating("linalg.vector_norm", x, dtype)
    axis = _axes(dim, t._a.ndim)
    return call(moments.norm, t, p=float(ord), axis=axis, keepdims=bool(keepdim))


def _axes(dim: Any, ndim: int) -> Any:
    if dim is None or isinstance(dim, (tuple, list)) and not dim:
        return None
    if isinstance(dim, (tuple, list)):
        return tuple(dim_of(d, ndim) for d in dim) if ndim else None
    return dim_of(dim, ndim) if ndim else None


def matrix_norm(
    A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None  # noqa: A002, N803
) -> Tensor:  # fmt: skip
    """The norm of matrices: "fro", "nuc" (sum of singular values), 2 and -2 (largest, smallest), 1, inf..."""
    t = _floating("linalg.matrix_norm", A, dtype)
    if t._a.ndim < 2:
        raise at_line(
            ShapeError,
            f"linalg.matrix_norm: A has the shape {tuple(t._a.shape)}, which has no matrices; use vector_norm",
        )
    row, column = (dim_of(d, t._a.ndim) for d in dim)
    if row == column:
        raise at_line(
            ShapeError,
            f"linalg.matrix_norm: dim={tuple(dim)} names one dimension twice; a matrix has two",
        )
    if ord == "fro":
        return vector_norm(t, 2, (row, column), keepdim)
    if ord in (1, -1, _INF, -_INF):
        added, chosen = (row, column) if ord in (1, -1) else (column, row)
        sums = sum(abs(t), added, keepdim=True)
        out = (amax if ord > 0 else amin)(sums, chosen, keepdim=True)
    elif ord in ("nuc", 2, -2):
        rest = [d for d in range(t._a.ndim) if d not in (row, column)]
        s = svdvals(permute(t, *rest, row, column))
        out = sum(s, -1) if ord == "nuc" else (amax if ord == 2 else amin)(s, -1)
    else:
        raise at_line(ShapeError, f"linalg.matrix_norm: Order {ord!r} not supported")
    kept = [1 if d in (row, column) else n for d, n in enumerate(t._a.shape)]
    return reshape(
        out, kept if keepdim else [n for d, n in enumerate(t._a.shape) if d not in (row, column)]
    )


def norm(
    input: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:  # noqa: A002
    """The norm of a vector or matrix: of all elements without ``ord``, by the number of dims with it."""
    t = _floating("linalg.norm", input, dtype)
    if ord is None:
        return vector_norm(t, 2, dim, keepdim)
    if dim is not None:
        if isinstance(dim, (tuple, list)) and len(dim) == 2:
            return matrix_norm(t, ord, tuple(dim), keepdim)
        return vector_norm(t, ord, dim, keepdim)
    if t._a.ndim == 2:
        return matrix_norm(t, ord, (0, 1), keepdim)
    if t._a.ndim == 1:
        return vector_norm(t, ord, 0, keepdim)
    raise at_line(
        ShapeError,
        f"linalg.norm: ord={ord!r} without dim is for vectors and matrices, this is {tuple(t._a.shape)}; pass dim",
    )


def cond(A: Any, p: Any = None) -> Tensor:  # noqa: N803 - torch's name
    """Condition numbers: the largest singular value over the smallest, or norm(A) * norm(inv(A))."""
    if p in (None, 2, -2):
        s: Any = svdvals(A)
        high, low = s[..., 0], s[..., -1]
        return low / high if p == -2 else high / low  # type: ignore[no-any-return]
    return matrix_norm(A, p) * matrix_norm(inv(A), p)  # type: ignore[operator, no-any-return]
