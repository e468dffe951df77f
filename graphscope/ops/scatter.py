"""Rows that move elements along one dimension: gather, scatter and their relatives.

The index may be smaller than the other arrays off the dimension: then it means the first elements.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine import bounds
from graphscope.engine.op import Op
from graphscope.ops.accumulate import add_rows, runs
from graphscope.ops.index import _free, _sum_to
from graphscope.ops.samples import made


def _gather(xp: Any, x: Any, i: Any, *, axis: Any, was: Any = None) -> Any:
    axis %= x.ndim
    bounds.check(i, x.shape[axis], axis)
    if x.flags.c_contiguous and i.ndim:
        # take_along_axis would make an index array for each dimension, which takes 2 times as long.
        return x.reshape(-1).take(_places(xp, x.shape, i, axis)).reshape(i.shape)
    if x.shape[:axis] != i.shape[:axis] or x.shape[axis + 1 :] != i.shape[axis + 1 :]:
        # Off the dimension the index may be smaller: then it means the first elements.
        x = x[tuple(slice(None if d == axis else n) for d, n in enumerate(i.shape))]
    return xp.take_along_axis(x, i, axis)


def _places(xp: Any, shape: tuple[int, ...], i: Any, axis: int) -> Any:
    """The place of each element of ``i`` in an array of this shape that lies flat in memory."""
    axis %= len(shape)
    flat: Any = 0
    for d, n in enumerate(shape):
        if d == axis:
            at = i
        else:
            at = xp.arange(i.shape[d]).reshape([-1 if k == d else 1 for k in range(len(shape))])
        flat = flat * n + at
    return flat.reshape(-1)


def _add_along(xp: Any, out: Any, i: Any, src: Any, axis: int) -> Any:
    """``out`` (contiguous, its owner's) with src added at i along the axis; repeated indices add up."""
    if i.ndim == 0:
        out[...] += src.sum()
        return out
    flat = out.reshape(-1, 1)
    add_rows(xp, flat, _places(xp, out.shape, i, axis), src.reshape(-1, 1))
    return out


def _gather_grad(xp: Any, g: Any, i: Any, *, axis: Any, shape: Any) -> Any:
    return _add_along(xp, xp.zeros(shape, g.dtype), i, g, axis)


_AT = made(lambda r: (r.normal(size=(3, 4)), np.array([[1], [0], [3]])), axis=1, was=(3, 4))
_AT0 = made(lambda r: (r.normal(size=(3, 2)), np.array([[1, 0], [1, 2]])), axis=0, was=(3, 2))
gather = Op(
    "gather", _gather, tex=r"{x}[{i}]", family="shape", values=("was",), jvp="multilinear",
    vjp=dict(x=lambda F, g, i, axis, was: F.gather_grad(g, i, axis=axis, shape=was)),
    samples=(_AT, _AT0), flops=_free, doc="One element per index along a dimension.",
)  # fmt: skip
gather_grad = Op(
    "gather_grad", _gather_grad, tex=r"{g} \to [{i}]", family="shape", values=("shape",), jvp="multilinear",
    vjp=dict(g=lambda F, h, i, axis, shape: F.gather(h, i, axis=axis, was=shape)),
    samples=(made(lambda r: (r.normal(size=(3, 1)), np.array([[1], [0], [3]])), axis=1, shape=(3, 4)),),
    flops=_free, doc="The gradient of gather.",
)  # fmt: skip


def _scatter(xp: Any, x: Any, i: Any, src: Any, *, axis: Any, was: Any = None) -> Any:
    bounds.check(i, x.shape[axis], axis)
    out = x.copy()
    out.reshape(-1)[_places(xp, x.shape, i, axis)] = src.reshape(-1) if src.ndim else src
    return out


_PUT = made(
    lambda r: (r.normal(size=(3, 4)), np.array([[1, 0], [0, 3], [3, 2]]), r.normal(size=(3, 2))),
    axis=1, was=(3, 2),
)  # fmt: skip
scatter = Op(
    "scatter", _scatter, tex=r"{x}[{i}] \gets {src}", family="shape", values=("was",),
    vjp=dict(
        x=lambda F, g, i, axis: F.scatter(g, i, F.zero(g), axis=axis, was=()),
        src=lambda F, g, i, axis, was: _sum_to(F.gather(g, i, axis=axis, was=tuple(g.shape)), was),
    ),
    samples=(
        _PUT,
        made(lambda r: (r.normal(size=(3, 2)), np.array([[1, 0]]), r.normal(size=())), axis=0, was=()),
    ),
    flops=_free, doc="A copy of x with src written at indices along a dimension.",
)  # fmt: skip


def _scatter_add(xp: Any, x: Any, i: Any, src: Any, *, axis: Any) -> Any:
    bounds.check(i, x.shape[axis], axis)
    return _add_along(xp, x.copy(), i, src, axis)


_ADD = made(
    lambda r: (r.normal(size=(3, 4)), np.array([[1, 0], [0, 0], [3, 2]]), r.normal(size=(3, 2))),
    axis=1,
)
scatter_add = Op(
    "scatter_add", _scatter_add, tex=r"{x}[{i}] \mathrel{{+}}= {src}", family="shape",
    vjp=dict(
        x=lambda F, g: g,
        src=lambda F, g, i, axis: F.gather(g, i, axis=axis, was=tuple(g.shape)),
    ),
    samples=(_ADD,), flops=lambda x, i, src, **_: src.size,
    doc="A copy of x with src added at indices along a dimension; repeated indices add up.",
)  # fmt: skip


def _scatter_reduce(xp: Any, x: Any, i: Any, src: Any, *, axis: Any, reduce: Any) -> Any:
    bounds.check(i, x.shape[axis], axis)
    out = x.copy()
    places, flat = _places(xp, x.shape, i, axis), src.reshape(-1)
    if reduce == "prod":
        out *= runs(xp, xp.multiply, places, flat, x.size, 1).reshape(x.shape)
    else:
        (xp.maximum if reduce == "amax" else xp.minimum).at(out.reshape(-1), places, flat)
    return out


def _shares(F: Any, g: Any, x: Any, i: Any, src: Any, out: Any, axis: Any) -> tuple[Any, Any, Any]:
    """Of each extreme: the gradient shared evenly among those that reach it, and who does."""
    name = x.dtype.name
    here = F.cast(x == out, dtype=name)
    there = F.cast(src == F.gather(out, i, axis=axis, was=tuple(x.shape)), dtype=name)
    return g / F.scatter_add(here, i, there, axis=axis), here, there


def _reduce_vjp_x(
    F: Any, g: Any, x: Any, i: Any, src: Any, out: Any, axis: Any, reduce: Any
) -> Any:
    if reduce != "prod":
        share, here, _ = _shares(F, g, x, i, src, out, axis)
        return share * here
    filled = F.where(x == 0, F.zero(x) + 1, x)
    return g * F.scatter_reduce(filled, i, src, axis=axis, reduce=reduce) / filled


def _reduce_vjp_src(
    F: Any, g: Any, x: Any, i: Any, src: Any, out: Any, axis: Any, reduce: Any
) -> Any:
    def at(a: Any) -> Any:
        return F.gather(a, i, axis=axis, was=tuple(x.shape))

    if reduce != "prod":
        share, _, there = _shares(F, g, x, i, src, out, axis)
        return at(share) * there
    # A product with one zero in it has a gradient at that zero only: the product of the others.
    one = F.zero(src) + 1
    zeros = F.cast(src == 0, dtype=src.dtype.name)
    count = at(F.scatter_add(x * 0, i, zeros, axis=axis))
    alone = (src == 0) & (count == 1)
    others = F.scatter_reduce(x, i, F.where(alone, one, src), axis=axis, reduce=reduce)
    return F.where(alone, at(g * others), at(g * out) / F.where(src == 0, one, src))


def _reduced(reduce: str, zeros: int = 0) -> Any:
    def make(r: Any) -> Any:
        src = r.uniform(0.5, 2, size=(3, 2))
        src.flat[:zeros] = 0
        return r.uniform(0.5, 2, size=(3, 4)), np.array([[1, 0], [0, 0], [3, 3]]), src

    return made(make, axis=1, reduce=reduce)


scatter_reduce = Op(
    "scatter_reduce", _scatter_reduce, tex=r"{x}[{i}] \gets \mathrm{{reduce}}({x}[{i}], {src})", family="reduce",
    vjp=dict(x=_reduce_vjp_x, src=_reduce_vjp_src),
    samples=(_reduced("amax"), _reduced("amin"), _reduced("prod"), _reduced("prod", 1)),
    flops=lambda x, i, src, **_: src.size,
    doc="x with the largest, smallest or product of src at each index; sum and mean use scatter_add.",
)  # fmt: skip

ROWS = [gather, gather_grad, scatter, scatter_add, scatter_reduce]
