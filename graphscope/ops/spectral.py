"""Eigenvalues, singular values and what is made of them, for batches of matrices.

Source: M. Giles (2008), 3.1 and 3.3; J. Townsend, "Differentiating the singular value decomposition"
(2016). Gradients through the vectors need distinct values, and mean something only for what does not
depend on the vectors' signs.
"""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.ops.decompose import _checked, _cube, _floating, square
from graphscope.ops.samples import arrays


def _gaps(F: Any, values: Any) -> Any:
    """v_j - v_i, and 1 on the diagonal."""
    eye = F.identity_like(values, n=values.shape[-1], m=values.shape[-1])
    return values[..., None, :] - values[..., :, None] + eye, eye


def _eigh(xp: Any, x: Any, *, UPLO: Any = "L") -> Any:  # noqa: N803 - numpy's and torch's name
    return tuple(xp.linalg.eigh(_checked(x), UPLO=UPLO))


def _eigh_vjp(F: Any, g: Any, x: Any, out: Any) -> Any:
    values, v = out
    gaps, eye = _gaps(F, values)
    inner = None
    if g[1] is not None:
        inner = F.matmul(v.mT, g[1]) / gaps * (1 - eye)
    if g[0] is not None:
        along = eye * g[0][..., None, :]
        inner = along if inner is None else inner + along
    out_x = F.matmul(v, F.matmul(inner, v.mT))
    return (out_x + out_x.mT) * 0.5


eigh = Op(
    "eigh", _eigh, tex=r"\mathrm{{eigh}}\,{x}", family="linalg", multi=True, shape=square,
    vjp=dict(x=_eigh_vjp), flops=lambda x, **_: 9 * _cube(x),
    # A gradient is meant for symmetric changes, which single numbers are; the others are tested beside torch.
    samples=(arrays((2, 1, 1)), arrays((1, 1))),
    doc="Eigenvalues, ascending, and eigenvectors of symmetric matrices.",
)  # fmt: skip


def _svd(xp: Any, x: Any, *, full: Any = False) -> Any:
    _floating(x)
    return tuple(xp.linalg.svd(x, full_matrices=full))


def _svd_vjp(F: Any, g: Any, x: Any, out: Any, full: Any) -> Any:
    u, s, vh = out
    k = s.shape[-1]
    gu, gs, gvh = g
    if full:  # the vectors beyond the k-th are not determined, so they take no part
        u, vh = u[..., :k], vh[..., :k, :]
        gu = None if gu is None else gu[..., :k]
        gvh = None if gvh is None else gvh[..., :k, :]
    squares, eye = _gaps(F, s * s)
    row, column = s[..., None, :], s[..., :, None]
    inner = 0 if gs is None else eye * gs[..., None, :]
    if gu is not None:
        a = F.matmul(u.mT, gu)
        inner = inner + (a - a.mT) / squares * row
    if gvh is not None:
        b = F.matmul(vh, gvh.mT)
        inner = inner + column * ((b - b.mT) / squares)
    out_x = F.matmul(F.matmul(u, inner), vh)
    m, n = x.shape[-2:]
    if gu is not None and m > k:
        out_x = out_x + F.matmul((gu - F.matmul(u, F.matmul(u.mT, gu))) / row, vh)
    if gvh is not None and n > k:
        out_x = out_x + F.matmul(u, (gvh - F.matmul(F.matmul(gvh, vh.mT), vh)) / column)
    return out_x


svd = Op(
    "svd", _svd, tex=r"\mathrm{{svd}}\,{x}", family="linalg", multi=True, vjp=dict(x=_svd_vjp),
    flops=lambda x, **_: 14 * _cube(x),
    samples=(arrays((4, 3)), arrays((2, 3, 3)), arrays((2, 4))),
    doc="U, the singular values descending, and V^T.",
)  # fmt: skip


def _pinv(xp: Any, x: Any, *, rtol: Any = None, atol: Any = 0.0) -> Any:
    _floating(x)
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    if not s.size:
        return xp.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    if rtol is None:
        rtol = max(x.shape[-2:]) * xp.finfo(x.dtype).eps if not atol else 0.0
    cut = xp.maximum(s[..., :1] * s.dtype.type(rtol), s.dtype.type(atol))
    small = s <= cut
    inverse = xp.where(small, s.dtype.type(0), 1 / xp.where(small, s.dtype.type(1), s))
    return xp.matmul(vh.mT * inverse[..., None, :], u.mT)


def _pinv_vjp(F: Any, g: Any, x: Any, out: Any) -> Any:
    mm = F.matmul
    if x.shape[-2] <= x.shape[-1]:
        k = mm(g.mT, out)
        kp = mm(k, out.mT)
        rest = mm(mm(out.mT, out), g.mT - mm(k, x))
        return -mm(out, k).mT + kp - mm(mm(x, out), kp) + rest
    k = mm(out, g.mT)
    pk = mm(out.mT, k)
    return -mm(k, out).mT + mm(mm(g.mT - mm(x, k), out), out.mT) + pk - mm(mm(pk, out), x)


pinv = Op(
    "pinv", _pinv, tex="{{{x}}}^{{+}}", family="linalg", vjp=dict(x=_pinv_vjp), values=("rtol", "atol"),
    flops=lambda x, **_: 14 * _cube(x), samples=(arrays((4, 3)), arrays((2, 3, 4))),
    doc="Pseudo-inverse, by singular values.",
)  # fmt: skip

ROWS = [eigh, svd, pinv]
