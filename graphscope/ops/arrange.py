"""Elements moved around: turned, rolled, diagonals, triangles, windows, free strides."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.samples import arrays


def _free(*args: Any, **params: Any) -> int:
    return 0


flip = Op(
    "flip", lambda xp, x, *, axis: xp.flip(x, axis).copy(), tex=r"\mathrm{{flip}}({x})", family="shape",
    vjp=dict(x=lambda F, g, axis: F.flip(g, axis=axis)), jvp="multilinear",
    samples=(arrays((3, 4), axis=(1,)), arrays((2, 3), axis=(0, 1)), arrays((0, 3), axis=(0,)), arrays((), axis=())),
    flops=_free, doc="Dimensions in reverse: a copy.",
)  # fmt: skip
roll = Op(
    "roll", lambda xp, x, *, shifts, axis: xp.roll(x, shifts, axis=axis), tex=r"\mathrm{{roll}}({x})",
    family="shape", values=("shifts",), jvp="multilinear",
    vjp=dict(x=lambda F, g, shifts, axis: F.roll(g, shifts=tuple(-s for s in shifts) if isinstance(shifts, tuple) else -shifts, axis=axis)),
    samples=(arrays((3, 4), shifts=(1,), axis=(1,)), arrays((3, 4), shifts=2, axis=None), arrays((0, 2), shifts=(1, 1), axis=(0, 1))),
    flops=_free, doc="Elements moved along, those that fall off come in at the other end.",
)  # fmt: skip
rot90 = Op(
    "rot90", lambda xp, x, *, k, axes: xp.rot90(x, k, axes).copy(), tex=r"\mathrm{{rot90}}({x})", family="shape",
    vjp=dict(x=lambda F, g, k, axes: F.rot90(g, k=-k, axes=axes)), jvp="multilinear",
    samples=(arrays((3, 4), k=1, axes=(0, 1)), arrays((2, 3, 4), k=-2, axes=(1, 2))),
    flops=_free, doc="A plane turned by quarter turns.",
)  # fmt: skip


def _triangle(name: str, doc: str) -> Op:
    def kernel(xp: Any, x: Any, *, k: int = 0) -> Any:
        return getattr(xp, name)(x, k)

    return Op(
        name, kernel, tex=rf"\mathrm{{{{{name}}}}}({{x}})", family="shape", jvp="multilinear",
        vjp=dict(x=lambda F, g, k: getattr(F, name)(g, k=k)),
        samples=(arrays((3, 4), k=0), arrays((2, 3, 3), k=-1), arrays((3, 3), k=1), arrays((0, 3), k=0)),
        flops=_free, doc=doc,
    )  # fmt: skip


tril = _triangle("tril", "The lower triangle, zeros above diagonal k.")
triu = _triangle("triu", "The upper triangle, zeros below diagonal k.")

# ---------------------------------------------------------------- diagonals


def _diagonal(
    xp: Any, x: Any, *, offset: int = 0, axis1: int = 0, axis2: int = 1, was: Any = None
) -> Any:
    out = x.diagonal(offset, axis1, axis2)
    if xp is np and x.flags.writeable:
        out.flags.writeable = True  # torch's view can be written
    return out


def _diagonal_grad(
    xp: Any, g: Any, *, offset: int = 0, axis1: int = 0, axis2: int = 1, shape: Any
) -> Any:
    out = xp.zeros(shape, g.dtype)
    n, first = g.shape[-1], max(offset, 0)
    down = max(-offset, 0)
    index: list[Any] = [slice(None)] * len(shape)
    # The two index arrays stand side by side in a view with both dimensions at the end.
    moved = xp.moveaxis(out, (axis1, axis2), (-2, -1))
    place = xp.arange(n)
    index[-2], index[-1] = place + down, place + first
    moved[tuple(index)] = g
    return out


_DIAGONALS = (
    arrays((3, 4), offset=0, axis1=0, axis2=1, was=(3, 4)),
    arrays((2, 3, 4), offset=1, axis1=2, axis2=0, was=(2, 3, 4)),
    arrays((3, 4), offset=-2, axis1=0, axis2=1, was=(3, 4)),
    arrays((0, 4), offset=0, axis1=0, axis2=1, was=(0, 4)),
)
diagonal = Op(
    "diagonal", _diagonal, tex=r"\mathrm{{diag}}({x})", family="shape", view=True, values=("was",), jvp="multilinear",
    vjp=dict(x=lambda F, g, offset, axis1, axis2, was:
        F.diag_embed(g, offset=offset, axis1=axis1, axis2=axis2, shape=was)),
    samples=_DIAGONALS, flops=_free, doc="A diagonal of two dimensions, as the last dimension: a view.",
)  # fmt: skip
diag = Op(
    "diag", lambda xp, x, *, offset=0, axis1=0, axis2=1, was=None:
        _diagonal(xp, x, offset=offset, axis1=axis1, axis2=axis2).copy(),
    tex=r"\mathrm{{diag}}({x})", family="shape", values=("was",), jvp="multilinear",
    vjp=dict(x=lambda F, g, offset, axis1, axis2, was:
        F.diag_embed(g, offset=offset, axis1=axis1, axis2=axis2, shape=was)),
    samples=_DIAGONALS, flops=_free, doc="A diagonal of a matrix: a copy.",
)  # fmt: skip
diag_embed = Op(
    "diag_embed", _diagonal_grad, tex=r"\mathrm{{diag}}({g})", family="shape", values=("shape",), jvp="multilinear",
    vjp=dict(g=lambda F, h, offset, axis1, axis2, shape:
        F.diagonal(h, offset=offset, axis1=axis1, axis2=axis2, was=shape)),
    samples=(arrays((3,), offset=0, axis1=0, axis2=1, shape=(3, 3)), arrays((2, 3), offset=-1, axis1=0, axis2=2, shape=(4, 2, 4))),
    flops=_free, doc="Zeros with the last dimension on a diagonal.",
)  # fmt: skip

# ---------------------------------------------------------------- windows and strides


def _unfold_rule(x: tuple[int, ...], *, axis: int, size: int, step: int, was: Any = None) -> None:
    n = x[axis] if x else 1
    if size > n:
        raise ShapeError(
            f"windows of {size} places do not fit into dimension {axis}, which has size {n}; take size <= {n}"
        )


def _unfold(xp: Any, x: Any, *, axis: int, size: int, step: int, was: Any = None) -> Any:
    _unfold_rule(x.shape, axis=axis, size=size, step=step)
    strided = xp.lib.stride_tricks.as_strided
    count = (x.shape[axis] - size) // step + 1
    shape, strides = list(x.shape), list(x.strides)
    along = strides[axis]
    shape[axis], strides[axis] = count, along * step
    return strided(x, (*shape, size), (*strides, along))


def _unfold_grad(xp: Any, g: Any, *, axis: int, size: int, step: int, shape: Any) -> Any:
    out = xp.zeros(shape, g.dtype)
    moved = xp.moveaxis(out, axis, -1)
    g = xp.moveaxis(g, axis, -2)
    count = g.shape[-2]
    # windows overlap: one strided sum for each place in a window
    for k in range(size):
        moved[..., k : k + step * (count - 1) + 1 : step] += g[..., k]
    return out


unfold = Op(
    "unfold", _unfold, tex=r"\mathrm{{unfold}}({x})", family="shape", view=True, values=("was",), shape=_unfold_rule,
    jvp="multilinear",
    vjp=dict(x=lambda F, g, axis, size, step, was: F.unfold_grad(g, axis=axis, size=size, step=step, shape=was)),
    samples=(arrays((7,), axis=0, size=3, step=2, was=(7,)), arrays((2, 5), axis=1, size=2, step=1, was=(2, 5))),
    errors=(((2, 5), dict(axis=1, size=6, step=1), "do not fit into dimension 1, which has size 5"),),
    flops=_free, doc="Windows of a dimension, as a new last dimension: a view.",
    reference=lambda x, *, axis, size, step, was: np.lib.stride_tricks.sliding_window_view(x, size, axis)[(slice(None),) * axis + (slice(None, None, step),)],
)  # fmt: skip
unfold_grad = Op(
    "unfold_grad", _unfold_grad, tex=r"\mathrm{{unfold}}^T({g})", family="shape", values=("shape",), jvp="multilinear",
    vjp=dict(g=lambda F, h, axis, size, step, shape: F.unfold(h, axis=axis, size=size, step=step, was=shape)),
    samples=(arrays((3, 3), axis=0, size=3, step=2, shape=(7,)),), doc="The gradient of unfold.",
)  # fmt: skip


def _as_strided(xp: Any, x: Any, *, size: Any, stride: Any, offset: int, was: Any = None) -> Any:
    if not x.flags.c_contiguous:
        raise ShapeError(
            "the tensor does not lie in order in memory, so free strides would depend on how it came about; "
            "take them of tensor.contiguous()"
        )
    flat = x.reshape(-1)
    return xp.lib.stride_tricks.as_strided(
        flat[offset:], size, tuple(s * x.dtype.itemsize for s in stride)
    )


def _as_strided_grad(xp: Any, g: Any, *, size: Any, stride: Any, offset: int, shape: Any) -> Any:
    n = 1
    for s in shape:
        n *= s
    at = xp.full((), offset)
    for s, step in zip(size, stride, strict=True):
        at = at[..., None] + xp.arange(s) * step
    out = xp.zeros(n, g.dtype)
    xp.add.at(out, at.reshape(-1), g.reshape(-1))
    return out.reshape(shape)


_STRIDES: dict[str, Any] = dict(size=(2, 3), stride=(2, 1), offset=1)
as_strided = Op(
    "as_strided", _as_strided, tex=r"\mathrm{{strided}}({x})", family="shape", view=True, values=("was",),
    vjp=dict(x=lambda F, g, size, stride, offset, was:
        F.as_strided_grad(g, size=size, stride=stride, offset=offset, shape=was)),
    samples=(arrays((7,), was=(7,), **_STRIDES),), flops=_free, doc="The memory of x with other sizes and strides: a view.",
)  # fmt: skip
as_strided_grad = Op(
    "as_strided_grad", _as_strided_grad, tex=r"\mathrm{{strided}}^T({g})", family="shape", values=("shape",),
    vjp=dict(g=lambda F, h, size, stride, offset, shape:
        F.as_strided(h, size=size, stride=stride, offset=offset, was=shape)),
    samples=(arrays((2, 3), shape=(7,), **_STRIDES),), doc="The gradient of as_strided.",
)  # fmt: skip

ROWS = [
    flip, roll, rot90, tril, triu, diagonal, diag, diag_embed, unfold, unfold_grad, as_strided,
    as_strided_grad,
]  # fmt: skip
