"""Views, copies, joins and casts: no arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.samples import arrays


def _reshape_rule(x: tuple[int, ...], *, shape: tuple[int, ...], was: Any = None) -> None:
    n = m = 1
    for s in x:
        n *= s
    for s in shape:
        m *= s
    if (m if -1 not in shape else n) != n:
        raise ShapeError(f"{n} elements do not fill the shape {tuple(shape)}, which has {m}")
    raise ShapeError(f"{n} elements cannot be divided into the shape {tuple(shape)}")


reshape = Op(
    "reshape", lambda xp, x, *, shape, was=None: x.reshape(shape), tex=r"\mathrm{{reshape}}({x})",
    family="shape", view=True, shape=_reshape_rule, values=("shape", "was"),
    vjp=dict(x=lambda F, g, was: F.reshape(g, shape=was, was=g.shape)),
    samples=(arrays((3, 4), shape=(2, 6), was=(3, 4)), arrays((2, 3), shape=(-1,), was=(2, 3))),
    flops=lambda *a, **k: 0, doc="The same elements in another shape.",
)  # fmt: skip


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    out = [0] * len(axes)
    for i, a in enumerate(axes):
        out[a % len(axes)] = i
    return tuple(out)


transpose = Op(
    "transpose", lambda xp, x, *, axes: x.transpose(axes), tex=r"{x}^T", family="shape", view=True,
    vjp=dict(x=lambda F, g, axes: F.transpose(g, axes=_inverse(axes))),
    samples=(arrays((3, 4), axes=(1, 0)), arrays((2, 3, 4), axes=(2, 0, 1))),
    flops=lambda *a, **k: 0, doc="Dimensions in another order.",
)  # fmt: skip


def _broadcast_vjp(F: Any, g: Any, was: Any) -> Any:
    from graphscope.engine.backward import sum_to

    return sum_to(g, was)


def _expand(xp: Any, x: Any, *, shape: Any, was: Any = None) -> Any:
    if xp is np and np.ndim(x) == 0:
        # The gradient of every loss begins here, and np.broadcast_to takes 10 us for it: the same view
        # with all strides zero, made directly.
        x = np.asarray(x)
        view: Any = np.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
        view.flags.writeable = False
        return view
    return xp.broadcast_to(x, shape)


broadcast_to = Op(
    "broadcast_to", _expand,
    tex=r"\mathrm{{expand}}({x})", family="shape", view=True, values=("shape", "was"),
    vjp=dict(x=_broadcast_vjp),
    samples=(arrays((3, 1), shape=(3, 4), was=(3, 1)), arrays((4,), shape=(2, 4), was=(4,))),
    flops=lambda *a, **k: 0, doc="Repeat along dimensions of size 1, without a copy.",
)  # fmt: skip


def _split_grad(F: Any, g: Any, axis: Any, sizes: Any) -> list[Any]:
    out, start = [], 0
    for n in sizes:
        cut = [slice(None)] * g.ndim
        cut[axis] = slice(start, start + n)
        out.append(F.getitem(g, index=tuple(cut), was=tuple(g.shape)))
        start += n
    return out


concatenate = Op(
    "cat", lambda xp, *args, axis=0, sizes=(): xp.concatenate(args, axis=axis),
    tex=r"\mathrm{{cat}}", family="shape", values=("sizes",), vjp={"*": _split_grad},
    samples=(arrays((2, 3), (1, 3), axis=0, sizes=(2, 1)), arrays((2, 1), (2, 2), axis=1, sizes=(1, 2))),
    flops=lambda *a, **k: 0, doc="Join along an existing dimension.",
)  # fmt: skip

clone = Op(
    "clone", lambda xp, x: x.copy(), tex=r"{x}", family="other", vjp=dict(x=lambda F, g: g),
    samples=(arrays((3, 4)),), flops=lambda *a, **k: 0, doc="A copy that gradients flow through.",
)  # fmt: skip

cast = Op(
    "cast", lambda xp, x, *, dtype: x.astype(dtype), tex=r"{x}", family="other",
    # The engine hands back a gradient in the dtype of the output; the input may be narrower or wider.
    vjp=dict(x=lambda F, g, x: F.cast(g, dtype=str(x.dtype.name))),
    samples=(arrays((3, 4), dtype="float64"),), flops=lambda *a, **k: 0, doc="Another dtype.",
)  # fmt: skip

ROWS = [reshape, transpose, broadcast_to, concatenate, clone, cast]
