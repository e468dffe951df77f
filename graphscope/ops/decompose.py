"""Inverses and factorizations with their gradients, for batches of matrices.

Source: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), by section below; for QR Seeger et al., "Auto-differentiating linear algebra"
(2017); for Cholesky Murray, "Differentiation of the Cholesky decomposition" (2016); for the
pseudo-inverse Golub and Pereyra (1973).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import DTypeError, ShapeError
from graphscope.ops.samples import arrays, made


def square(x: tuple[int, ...], *others: Any, **params: Any) -> None:
    """The rule of everything that takes square matrices."""
    if len(x) < 2:
        raise ShapeError(
            f"matrices fill the last two dimensions, and the shape {x} has less than two"
        )
    if x[-1] != x[-2]:
        raise ShapeError(f"only square matrices will do, and these are {x[-2]} by {x[-1]}")


def _floating(x: Any) -> None:
    if x.dtype.kind != "f":
        raise DTypeError(
            f"matrices of {x.dtype.name} have no such thing; convert them with .float()"
        )


def _checked(x: Any) -> Any:
    _floating(x)
    square(x.shape)
    return x


def _cube(x: Any, **_: Any) -> int:
    return int(x.size) * int(x.shape[-1])


def _well(r: Any, *shape: int) -> Any:
    """Random matrices far from singular."""
    return r.normal(size=shape) + 3 * np.eye(shape[-2], shape[-1])


_SQUARES = (made(lambda r: (_well(r, 3, 3),)), made(lambda r: (_well(r, 2, 3, 3),)))

inv = Op(
    "inv", lambda xp, x: xp.linalg.inv(_checked(x)), tex="{{{x}}}^{{-1}}", family="linalg", shape=square,
    vjp=dict(x=lambda F, g, out: -(F.matmul(out.mT, F.matmul(g, out.mT)))),  # Giles 2.2.3
    flops=lambda x: 2 * _cube(x), samples=(*_SQUARES, arrays((0, 0))), errors=(((2, 3), "these are 2 by 3"),),
    doc="Inverse of square matrices.",
)  # fmt: skip


def _solve_rule(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    square(a)
    if len(b) < 2 or b[-2] != a[-1]:
        raise ShapeError(
            f"Incompatible matrix sizes for A X = B: A is {a}, so B needs {a[-1]} rows; B is {b}"
        )


def _solve(xp: Any, a: Any, b: Any) -> Any:
    _solve_rule(_checked(a).shape, b.shape)
    return xp.linalg.solve(a, b)


solve = Op(
    "solve", _solve, tex="{{{a}}}^{{-1}}{b}", family="linalg", shape=_solve_rule,
    vjp=dict(  # Giles 2.3.1
        a=lambda F, g, a, out: -(F.matmul(F.solve(a.mT, g), out.mT)), b=lambda F, g, a: F.solve(a.mT, g),
    ),
    flops=lambda a, b: _cube(a) + 2 * int(a.size) * int(b.shape[-1]),
    samples=(
        made(lambda r: (_well(r, 3, 3), r.normal(size=(3, 2)))),
        made(lambda r: (_well(r, 2, 3, 3), r.normal(size=(2, 3, 1)))),
    ),
    errors=(((3, 3), (4, 2), "B needs 3 rows"),), doc="The X with A X = B.",
)  # fmt: skip


def _across(x: Any) -> Any:
    return x[..., None, None]


def _cofactor(xp: Any, x: Any) -> Any:
    """d det / dx = det(x) x^-T, by singular values, so that it holds for singular matrices too."""
    u, s, vh = xp.linalg.svd(x)
    n = s.shape[-1]
    eye = xp.eye(n, dtype=bool)
    others = xp.where(eye, s.dtype.type(1), s[..., None, :]).prod(axis=-1)
    sign = xp.linalg.det(u) * xp.linalg.det(vh)
    return _across(sign) * xp.matmul(u * others[..., None, :], vh)


def _cofactor_vjp(F: Any, g: Any, x: Any, out: Any) -> Any:
    # C = d P with P = x^-T: dd = <C, dx>, dP = -P dx^T P. Needs an inverse, which the gradient itself does not.
    p = F.inv(x).mT
    total = F.sum(g * p, axis=(-2, -1), keepdims=True, shape=tuple(x.shape))
    return out * total - F.matmul(out, F.matmul(g.mT, p))


det = Op(
    "det", lambda xp, x: xp.linalg.det(_checked(x)), tex=r"\det {x}", family="linalg", shape=lambda x: square(x),
    vjp=dict(x=lambda F, g, x: _across(g) * F.det_grad(x)),  # Giles 2.2.4
    flops=_cube, samples=_SQUARES, errors=(((2, 3), "square"),), doc="Determinants.",
)  # fmt: skip
det_grad = Op(
    "det_grad", _cofactor, tex=r"\mathrm{{cof}}\,{x}", family="linalg", vjp=dict(x=_cofactor_vjp),
    flops=_cube, samples=_SQUARES, doc="Cofactors: the gradient of the determinant.",
)  # fmt: skip


def _slogdet(xp: Any, x: Any) -> Any:
    sign, log = xp.linalg.slogdet(_checked(x))
    return xp.asarray(sign), xp.asarray(log)


slogdet = Op(
    "slogdet", _slogdet, tex=r"\ln|\det {x}|", family="linalg", multi=True, shape=square,
    vjp=dict(x=lambda F, g, x: x * 0 if g[1] is None else _across(g[1]) * F.inv(x).mT),
    flops=_cube, samples=_SQUARES, doc="Sign and logarithm of the size of determinants.",
)  # fmt: skip


# ---------------------------------------------------------------- triangles


def _keep_triangle(xp: Any, x: Any, *, half: Any) -> Any:
    n, m = x.shape[-2:]
    mask = xp.tri(n, m, dtype=x.dtype)
    return x * (mask - xp.eye(n, m, dtype=x.dtype) / 2 if half else mask)


lower_part = Op(
    "lower_part", _keep_triangle, tex=r"\Phi({x})", family="linalg", jvp="multilinear",
    vjp=dict(x=lambda F, g, half: F.lower_part(g, half=half)),
    samples=(arrays((3, 3), half=True), arrays((2, 3, 4), half=False)),
    doc="The lower triangle, with half of the diagonal or all of it: a step of gradients.",
)  # fmt: skip


def _cholesky_vjp(F: Any, g: Any, out: Any) -> Any:
    inner = F.lower_part(F.matmul(out.mT, g), half=True)
    s = F.solve(out.mT, F.matmul(inner, F.inv(out)))
    return (s + s.mT) * 0.5


cholesky = Op(
    "cholesky", lambda xp, x: xp.linalg.cholesky(_checked(x)), tex=r"\mathrm{{chol}}\,{x}", family="linalg",
    shape=square, vjp=dict(x=_cholesky_vjp), flops=lambda x: _cube(x) // 3,
    # A gradient is meant for symmetric changes, which single numbers are; the others are tested beside torch.
    samples=(arrays((2, 1, 1), low=0.5), arrays((1, 1), low=0.5)),
    doc="The lower triangular L with L L^T = x.",
)  # fmt: skip


def _qr(xp: Any, x: Any, *, mode: Any = "reduced") -> Any:
    _floating(x)
    if mode == "r":
        r = xp.linalg.qr(x, mode="r")
        return xp.zeros((0,), x.dtype), r
    q, r = xp.linalg.qr(x, mode=mode)
    return q, r


def _qr_vjp(F: Any, g: Any, x: Any, out: Any, mode: Any) -> Any:
    q, r = out
    m, n = x.shape[-2:]
    if mode == "r" or mode == "complete" and m > n:
        raise ShapeError(
            f"qr: there is no gradient with mode={mode!r} for matrices of {m} by {n}; use mode='reduced'"
        )
    gq = q * 0 if g[0] is None else g[0]
    gr = r * 0 if g[1] is None else g[1]
    if m >= n:
        return _qr_tall(F, gq, gr, q, r)
    # Wide: x = [a | b] with a = q u, and b = q v.
    u, gu, gv = r[..., :m], gr[..., :m], gr[..., m:]
    left = _qr_tall(F, gq + F.matmul(x[..., m:], gv.mT), gu, q, u)
    return F.cat(left, F.matmul(q, gv), axis=x.ndim - 1, sizes=(m, n - m))


def _qr_tall(F: Any, gq: Any, gr: Any, q: Any, r: Any) -> Any:
    inner = F.matmul(r, gr.mT) - F.matmul(gq.mT, q)
    low = F.lower_part(inner, half=True)
    both = gq + F.matmul(q, low + low.mT)
    return F.solve(r, both.mT).mT  # both r^-T


qr = Op(
    "qr", _qr, tex=r"\mathrm{{qr}}\,{x}", family="linalg", multi=True, vjp=dict(x=_qr_vjp),
    flops=lambda x, **_: 2 * _cube(x),
    samples=(made(lambda r: (_well(r, 4, 3),)), made(lambda r: (_well(r, 2, 3, 5),))),
    doc="Orthonormal columns times an upper triangle.",
)  # fmt: skip

ROWS = [inv, solve, det, det_grad, slogdet, lower_part, cholesky, qr]
