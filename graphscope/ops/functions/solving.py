"""Inverses, linear systems, determinants and factorizations, in torch's spelling.

``graphscope.linalg`` has all of it; the older names that torch has at the top too are in ``__all__``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.dispatch import call
from graphscope.engine.explain import at_line, describe
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.ops import arrange
from graphscope.ops import decompose as de
from graphscope.ops import einsum as es
from graphscope.ops.functions.arithmetic import add
from graphscope.ops.functions.choice import where
from graphscope.ops.functions.linalg import matmul
from graphscope.ops.functions.pointwise import log
from graphscope.ops.functions.shape import broadcast_to, clone, squeeze, unsqueeze
from graphscope.ops.results import result

__all__ = ["cholesky", "det", "inverse", "logdet", "matrix_power", "qr", "slogdet"]
# Those that are methods of Tensor too.
METHODS = ["cholesky", "det", "inverse", "logdet", "matrix_power", "qr", "slogdet"]

SlogdetResult = result("linalg_slogdet", "sign logabsdet")
QRResult = result("linalg_qr", "Q R")
_OldSlogdet = result("slogdet", "sign logabsdet")
_OldQR = result("qr", "Q R")


def inv(A: Any) -> Tensor:  # noqa: N803 - torch's name
    """The inverse of square matrices. Raises: LinAlgError for a singular one."""
    return call(de.inv, A)


def inverse(input: Any) -> Tensor:
    """The inverse of square matrices. Raises: LinAlgError for a singular one."""
    return call(de.inv, input)


def _is_vector(a: Any, b: Any) -> bool:
    return bool(b.ndim == 1 or a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])


def _batched(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the same batch dimensions."""
    batch = np.broadcast_shapes(a._a.shape[:-2], b._a.shape[:-2])
    full = [(*batch, *x._a.shape[-2:]) for x in (a, b)]
    a, b = (x if x._a.shape == s else broadcast_to(x, s) for x, s in zip((a, b), full, strict=True))
    return a, b


def _square(name: str, a: Any) -> None:
    """Raise if these are no square matrices. Raises: ShapeError."""
    try:
        de.square(a._a.shape)
    except ShapeError as rule:
        raise at_line(ShapeError, f"{name}: {describe(a)}: {rule}") from None


def solve(A: Any, B: Any, *, left: bool = True) -> Tensor:  # noqa: N803 - torch's names
    """The X with ``A X = B`` (or ``X A = B``); B is matrices or vectors.

    Raises: LinAlgError if A is singular, ShapeError if the sizes do not fit.
    """
    _square("linalg.solve", A)
    if left and _is_vector(A._a, B._a):
        return squeeze(solve(A, unsqueeze(B, -1)), -1)
    if not left:
        return solve(A.mT, B.mT).mT  # type: ignore[attr-defined, no-any-return]
    return call(de.solve, *_batched(A, B))


def solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False  # noqa: N803
) -> Tensor:  # fmt: skip
    """The X with ``A X = B`` for triangular A; the other triangle is not read."""
    _square("linalg.solve_triangular", A)
    row = arrange.triu if upper else arrange.tril
    if unitriangular:
        n = A._a.shape[-1]
        eye = call(es.identity_like, A.detach(), n=n, m=n)
        a = add(call(row, A, k=1 if upper else -1), eye)
    else:
        a = call(row, A, k=0)
    return solve(a, B, left=left)


def det(input: Any) -> Tensor:
    """Determinants of square matrices."""
    return call(de.det, input)


def linalg_slogdet(A: Any) -> Any:  # noqa: N803 - torch's name
    """(sign, logabsdet): determinants too large or small for numbers, as sign and logarithm."""
    return SlogdetResult(*call(de.slogdet, A))


def slogdet(input: Any) -> Any:
    """(sign, logabsdet) of the determinants of square matrices."""
    return _OldSlogdet(*call(de.slogdet, input))


def logdet(input: Any) -> Tensor:
    """The logarithm of determinants: nan for negative ones, -inf for 0."""
    sign, log_size = call(de.slogdet, input)
    out: Tensor = where(sign < 0, log(sign), log_size)
    return out


def linalg_cholesky(A: Any, *, upper: bool = False) -> Tensor:  # noqa: N803 - torch's name
    """L with ``L L^T = A`` for symmetric positive-definite matrices; ``upper``: its transpose.

    Raises: LinAlgError if a matrix is not positive-definite.
    """
    low: Any = call(de.cholesky, A)
    return low.mT if upper else low  # type: ignore[no-any-return]


def cholesky(input: Any, upper: bool = False) -> Tensor:
    """L with ``L L^T = input``; see ``linalg.cholesky``."""
    return linalg_cholesky(input, upper=upper)


def linalg_qr(A: Any, mode: str = "reduced") -> Any:  # noqa: N803 - torch's name
    """(Q, R): orthonormal columns and an upper triangle. mode: "reduced", "complete" or "r" (Q is empty)."""
    if mode not in ("reduced", "complete", "r"):
        raise at_line(
            ShapeError,
            f"linalg.qr: mode={mode!r} is unknown; choose 'reduced', 'complete' or 'r'",
        )
    return QRResult(*call(de.qr, A, mode=mode))


def qr(input: Any, some: bool = True) -> Any:
    """(Q, R); see ``linalg.qr``."""
    return _OldQR(*call(de.qr, input, mode="reduced" if some else "complete"))


def matrix_power(input: Any, n: int) -> Tensor:
    """A square matrix multiplied with itself n times; negative n: the inverse is."""
    _square("matrix_power", input)
    if n == 0:
        size = input._a.shape[-1]
        eye = call(es.identity_like, input.detach(), n=size, m=size)
        return clone(broadcast_to(eye, input._a.shape))
    base = inv(input) if n < 0 else input
    out = None
    k = abs(n)
    while True:
        if k & 1:
            out = base if out is None else matmul(out, base)
        k >>= 1
        if not k:
            assert out is not None
            return out
        base = matmul(base, base)
