"""Linear algebra under torch's names: norms, inverses, systems, factorizations, with gradients."""

from __future__ import annotations

from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import LinAlgError
from graphscope.linalg.norms import cond, matrix_norm, norm, vector_norm
from graphscope.ops.functions.arithmetic import mul as _mul
from graphscope.ops.functions.linalg import chain_matmul as _chain
from graphscope.ops.functions.linalg import cross as _cross
from graphscope.ops.functions.linalg import matmul
from graphscope.ops.functions.reduce import sum as _sum
from graphscope.ops.functions.shape import unsqueeze as _unsqueeze
from graphscope.ops.functions.solving import det as _det
from graphscope.ops.functions.solving import inv, matrix_power, solve, solve_triangular
from graphscope.ops.functions.solving import linalg_cholesky as cholesky
from graphscope.ops.functions.solving import linalg_qr as qr
from graphscope.ops.functions.solving import linalg_slogdet as slogdet
from graphscope.ops.functions.spectra import (
    eigh,
    eigvalsh,
    lstsq,
    matrix_rank,
    pinv,
    svdvals,
)
from graphscope.ops.functions.spectra import linalg_svd as svd

__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve",
    "solve_triangular", "svd", "svdvals", "vecdot", "vector_norm",
]  # fmt: skip


def cross(input: Any, other: Any, *, dim: int = -1) -> Tensor:
    """Vector product of three numbers along ``dim``; the other dimensions broadcast."""
    return _cross(input, other, dim)


def det(A: Any) -> Tensor:  # noqa: N803 - torch's name
    """Determinants of square matrices."""
    return _det(A)


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:  # noqa: N803
    """The diagonals of matrices, as a view."""
    from graphscope.ops.functions import diagonal as view

    return view(A, offset, dim1, dim2)


def multi_dot(tensors: Any) -> Tensor:
    """Product of matrices in the cheapest order; the first and the last may be vectors."""
    parts = list(tensors)
    first, last = parts[0]._a.ndim == 1, parts[-1]._a.ndim == 1
    if first:
        parts[0] = _unsqueeze(parts[0], 0)
    if last:
        parts[-1] = _unsqueeze(parts[-1], 1)
    out: Any = _chain(parts)
    if last:
        out = out[..., 0]
    return out[0] if first else out  # type: ignore[no-any-return]


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Tensor:
    """Sums of products along a dimension, with broadcasting."""
    return _sum(_mul(x, y), dim)
