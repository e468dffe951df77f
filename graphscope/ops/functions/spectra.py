"""Eigenvalues and singular values and what is made of them, in torch's spelling."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.dispatch import call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.ops import spectral as sp
from graphscope.ops.functions.arithmetic import square, sub
from graphscope.ops.functions.linalg import matmul
from graphscope.ops.functions.reduce import sum
from graphscope.ops.functions.shape import squeeze, unsqueeze
from graphscope.ops.functions.solving import _batched, _is_vector, linalg_qr, solve_triangular
from graphscope.ops.results import result

__all__ = ["pinverse", "svd"]
# Those that are methods of Tensor too.
METHODS = ["pinverse", "svd"]

EighResult = result("linalg_eigh", "eigenvalues eigenvectors")
SVDResult = result("linalg_svd", "U S Vh")
LstsqResult = result("linalg_lstsq", "solution residuals rank singular_values")
_OldSVD = result("svd", "U S V")


def eigh(A: Any, UPLO: str = "L") -> Any:  # noqa: N803 - torch's names
    """(eigenvalues, eigenvectors) of symmetric matrices, ascending; only one triangle is read."""
    return EighResult(*call(sp.eigh, A, UPLO=UPLO))


def eigvalsh(A: Any, UPLO: str = "L") -> Tensor:  # noqa: N803 - torch's names
    """Eigenvalues of symmetric matrices, ascending."""
    values: Tensor = call(sp.eigh, A, UPLO=UPLO)[0]  # type: ignore[index]
    return values


def linalg_svd(A: Any, full_matrices: bool = True, *, driver: str | None = None) -> Any:  # noqa: N803
    """(U, S, Vh) with ``A = U diag(S) Vh``; without full_matrices only as many columns as needed.

    driver: accepted as in torch; there is one.
    """
    return SVDResult(*call(sp.svd, A, full=bool(full_matrices)))


def svd(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """(U, S, V) with ``input = U diag(S) V^T``; see ``linalg.svd``."""
    u, s, vh = call(sp.svd, input, full=not some)
    v = vh.mT
    return _OldSVD(u, s, v) if compute_uv else _OldSVD(u.detach() * 0, s, v.detach() * 0)


def svdvals(A: Any, *, driver: str | None = None) -> Tensor:  # noqa: N803 - torch's name
    """Singular values, descending."""
    values: Tensor = call(sp.svd, A, full=False)[1]  # type: ignore[index]
    return values


def pinv(
    A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None  # noqa: N803
) -> Tensor:  # fmt: skip
    """The pseudo-inverse; singular values up to max(atol, rtol * the largest) count as zero."""
    rtol = rcond if rtol is None else rtol
    return call(
        sp.pinv,
        A,
        rtol=None if rtol is None else float(rtol),
        atol=float(0 if atol is None else atol),
    )


def pinverse(input: Any, rcond: float = 1e-15) -> Tensor:
    """The pseudo-inverse; see ``linalg.pinv``."""
    return pinv(input, rcond)


def matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None  # noqa: N803
) -> Tensor:  # fmt: skip
    """How many singular values are above max(atol, rtol * the largest)."""
    atol = tol if atol is None else atol
    if rtol is None:
        eps = float(np.finfo(A._a.dtype).eps)
        rtol = max(A._a.shape[-2:]) * eps if not atol else 0.0
    s: Any = svdvals(A.detach())
    if not s._a.shape[-1]:
        return sum(s > 0, -1)
    largest = s[..., :1] * float(rtol)
    limit = largest.clamp(min=float(atol or 0.0))
    return sum(s > limit, -1)


def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: str | None = None) -> Any:  # noqa: N803
    """(solution, residuals, rank, singular_values) of the X that makes ``|A X - B|`` least.

    By QR for matrices of full rank, else by the pseudo-inverse. ``driver`` only decides, as in torch, which
    of the others are there: "gelsy" (the default) gives rank, "gels" residuals, "gelsd" and "gelss" all.
    """
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise at_line(
            ShapeError,
            f"linalg.lstsq: driver={driver!r} is unknown; choose 'gels', 'gelsy', 'gelsd' or 'gelss'",
        )
    vector = _is_vector(A._a, B._a)
    a, b = _batched(A, unsqueeze(B, -1) if vector else B)
    m, n = a._a.shape[-2:]
    if b._a.shape[-2] != m:
        raise at_line(
            ShapeError,
            f"linalg.lstsq: A {tuple(A._a.shape)} has {m} rows, B {tuple(B._a.shape)} has {b._a.shape[-2]}; they must be equal",
        )
    rank: Any = matrix_rank(a, rtol=rcond)
    full = bool((rank._a == min(m, n)).all())
    if not full:
        x = matmul(pinv(a, rtol=rcond), b)
    elif m >= n:
        q, r = linalg_qr(a)
        x = solve_triangular(r, matmul(q.mT, b), upper=True)
    else:
        q, r = linalg_qr(a.mT)  # type: ignore[attr-defined]
        x = matmul(q, solve_triangular(r.mT, b, upper=False))
    nothing = a.detach().reshape(-1)[:0]  # type: ignore[attr-defined]
    residuals = (
        sum(square(sub(matmul(a, x), b)), -2)
        if m > n and full and driver in ("gels", "gelsd", "gelss")
        else nothing
    )
    values = svdvals(a.detach()) if driver in ("gelsd", "gelss") else nothing
    ranks = rank[:0] if driver == "gels" and rank._a.ndim else rank
    return LstsqResult(squeeze(x, -1) if vector else x, residuals, ranks, values)
