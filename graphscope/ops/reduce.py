"""Sums, products, extremes and flags over dimensions. In rows ``axis`` is None (all), an int or a tuple."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.samples import arrays, made

_AXES = (
    arrays((3, 4), axis=None, keepdims=False),
    arrays((3, 4), axis=1, keepdims=False),
    arrays((2, 3, 4), axis=(0, 2), keepdims=True),
    arrays((2, 3, 4), axis=-1, keepdims=False),
    arrays((), axis=None, keepdims=False),
)
_EMPTY = (arrays((0, 3), axis=0, keepdims=False), arrays((0, 3), axis=1, keepdims=True))


def kept_shape(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The shape after a reduction with keepdims."""
    if axis is None:
        return (1,) * len(shape)
    axes = {a % len(shape) for a in ((axis,) if isinstance(axis, int) else axis)}
    return tuple(1 if i in axes else s for i, s in enumerate(shape))


def dropped(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The shape after a reduction without keepdims."""
    if axis is None:
        return ()
    axes = {a % len(shape) for a in ((axis,) if isinstance(axis, int) else axis)}
    return tuple(s for i, s in enumerate(shape) if i not in axes)


def reduced_count(shape: tuple[int, ...], axis: Any) -> int:
    """How many elements go into one result."""
    if axis is None:
        axis = range(len(shape))
    n = 1
    for a in (axis,) if isinstance(axis, int) else axis:
        n *= shape[a]
    return n


def kept(F: Any, g: Any, shape: Any, axis: Any, keepdims: Any) -> Any:
    """The result of a reduction of ``shape`` (or its gradient) with the reduced dimensions as 1."""
    if keepdims:
        return g
    return F.reshape(g, shape=kept_shape(tuple(shape), axis), was=tuple(g.shape))


def _sum(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False, shape: Any = None) -> Any:
    return total(xp, x, axis, keepdims)


def total(xp: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    """The sum; that of float16 is built up in float32, as torch does it."""
    if x.dtype.char == "e":
        return xp.add.reduce(x, axis=axis, keepdims=keepdims, dtype="float32").astype(x.dtype)
    return xp.add.reduce(x, axis=axis, keepdims=keepdims)


def spread(F: Any, g: Any, axis: Any, keepdims: Any, shape: Any) -> Any:
    """The gradient of a sum: each element of the input gets that of its result."""
    if not keepdims and axis is not None:
        g = F.reshape(g, shape=kept_shape(shape, axis), was=g.shape)
    return F.broadcast_to(g, shape=shape, was=g.shape)


# ``shape`` is the input's shape: the gradient needs it, and a param keeps no array alive.
sum = Op(  # noqa: A001 - torch's name
    "sum", _sum, tex=r"\sum {x}", family="reduce", values=("shape",),
    vjp=dict(x=spread), jvp="multilinear", samples=(*_AXES, *_EMPTY), flops=lambda x, **_: x.size,
    doc="Sum over dimensions.",
    reference=lambda x, *, axis, keepdims, shape: np.sum(x, axis=axis, keepdims=keepdims),
)  # fmt: skip


def _mean(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False, shape: Any = None) -> Any:
    n = reduced_count(x.shape, axis)
    if x.dtype.char == "e":  # the sum itself may be beyond float16
        wide = xp.add.reduce(x, axis=axis, keepdims=keepdims, dtype="float32")
        return (wide / wide.dtype.type(n or float("nan"))).astype(x.dtype)
    return xp.add.reduce(x, axis=axis, keepdims=keepdims) / x.dtype.type(n or float("nan"))


mean = Op(
    "mean", _mean, tex=r"\frac{{1}}{{n}}\sum {x}", family="reduce", floats=True, values=("shape",),
    vjp=dict(x=lambda F, g, axis, keepdims, shape:
        spread(F, g / reduced_count(shape, axis), axis, keepdims, shape)),
    jvp="multilinear", samples=_AXES, flops=lambda x, **_: x.size, doc="Mean over dimensions.",
    reference=lambda x, *, axis, keepdims, shape: np.mean(x, axis=axis, keepdims=keepdims),
)  # fmt: skip

# ---------------------------------------------------------------- sums that skip NaN


def _nansum(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    return xp.add.reduce(xp.where(xp.isnan(x), x.dtype.type(0), x), axis=axis, keepdims=keepdims)


def _there(F: Any, x: Any, g: Any) -> Any:
    return F.where(F.isnan(x), F.zero(g), g)


nansum = Op(
    "nansum", _nansum, tex=r"\sum {x}", family="reduce",
    vjp=dict(x=lambda F, g, x, axis, keepdims: _there(F, x, spread(F, g, axis, keepdims, tuple(x.shape)))),
    samples=(*_AXES, *_EMPTY), flops=lambda x, **_: x.size, doc="Sum over dimensions of what is not NaN.",
    reference=lambda x, *, axis, keepdims: np.nansum(x, axis=axis, keepdims=keepdims),
)  # fmt: skip


def _numbers(xp: Any, x: Any, axis: Any) -> Any:
    return xp.add.reduce((~xp.isnan(x)).astype(x.dtype), axis=axis, keepdims=True)


def _nanmean(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    out = _nansum(xp, x, axis=axis, keepdims=True) / _numbers(xp, x, axis)
    return out if keepdims else out.reshape(dropped(x.shape, axis))


def _nanmean_vjp(F: Any, g: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    shape = tuple(x.shape)
    n = F.cast(F.count_nonzero(~F.isnan(x), axis=axis, keepdims=True), dtype=x.dtype.name)
    return _there(
        F, x, F.broadcast_to(kept(F, g, shape, axis, keepdims), shape=shape, was=tuple(n.shape)) / n
    )


nanmean = Op(
    "nanmean", _nanmean, tex=r"\frac{{1}}{{n}}\sum {x}", family="reduce", vjp=dict(x=_nanmean_vjp),
    samples=_AXES, flops=lambda x, **_: x.size, doc="Mean over dimensions of what is not NaN.",
    reference=lambda x, *, axis, keepdims: np.nanmean(x, axis=axis, keepdims=keepdims),
)  # fmt: skip

count_nonzero = Op(
    "count_nonzero",
    lambda xp, x, *, axis=None, keepdims=False: xp.add.reduce(
        (x != 0).astype("int64"), axis=axis, keepdims=keepdims
    ),
    tex=r"\#({x} \neq 0)", family="reduce", samples=_AXES, flops=lambda x, **_: x.size,
    doc="How many elements are not 0.",
    reference=lambda x, *, axis, keepdims: np.count_nonzero(x, axis=axis, keepdims=keepdims),
)  # fmt: skip

# ---------------------------------------------------------------- extremes; ties share the gradient


def _extreme(name: str) -> Any:
    def kernel(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        return getattr(xp, name)(x, axis=axis, keepdims=keepdims)

    return kernel


def shared(F: Any, g: Any, x: Any, out: Any, axis: Any, keepdims: Any) -> Any:
    """The gradient of an extreme: elements equal to it share it evenly, as in torch."""
    top = kept(F, out, x.shape, axis, keepdims)
    hit = F.cast(x == top, dtype=x.dtype.name)
    share = F.sum(hit, axis=axis, keepdims=True, shape=tuple(x.shape))
    return kept(F, g, x.shape, axis, keepdims) * hit / share


amax = Op(
    "amax", _extreme("max"), tex=r"\max {x}", family="reduce", vjp=dict(x=shared),
    samples=_AXES, flops=lambda x, **_: x.size, doc="Largest element over dimensions; ties share the gradient.",
)  # fmt: skip
amin = Op(
    "amin", _extreme("min"), tex=r"\min {x}", family="reduce", vjp=dict(x=shared),
    samples=_AXES, flops=lambda x, **_: x.size, doc="Smallest element over dimensions; ties share the gradient.",
)  # fmt: skip


def _aminmax(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    return xp.min(x, axis=axis, keepdims=keepdims), xp.max(x, axis=axis, keepdims=keepdims)


def _aminmax_vjp(F: Any, g: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    total = None
    for row, part in zip((F.amin, F.amax), g, strict=True):
        if part is not None:
            out = row(x, axis=axis, keepdims=keepdims)
            share = shared(F, part, x, out, axis, keepdims)
            total = share if total is None else total + share
    return total


aminmax = Op(
    "aminmax", _aminmax, tex=r"\min {x}, \max {x}", family="reduce", vjp=dict(x=_aminmax_vjp), multi=True,
    samples=(arrays((3, 4), axis=None), arrays((3, 4), axis=1, keepdims=True), arrays((), axis=None)),
    flops=lambda x, **_: 2 * x.size, doc="Smallest and largest element.",
)  # fmt: skip

_ARG = (
    arrays((3, 4), axis=1, keepdims=False),
    arrays((3, 4), axis=None, keepdims=False),
    arrays((3, 4), axis=0, keepdims=True),
    arrays((), axis=None, keepdims=False),
)


def _position(name: str, doc: str) -> Op:
    def kernel(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        return getattr(xp, name)(x, axis=axis, keepdims=keepdims)

    return Op(
        name, kernel, tex=rf"\mathrm{{{{{name}}}}}\,{{x}}", family="reduce", samples=_ARG,
        flops=lambda x, **_: x.size, doc=doc,
    )  # fmt: skip


argmax = _position("argmax", "Index of the largest.")
argmin = _position("argmin", "Index of the smallest.")

# ---------------------------------------------------------------- flags

_FLAGS = (
    *_ARG,
    *_EMPTY,
    made(lambda r: (r.random((2, 3, 4)) > 0.5,), axis=(0, 2), keepdims=False),
)


def _flags(name: str, doc: str) -> Op:
    def kernel(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        return getattr(xp, name)(x, axis=axis, keepdims=keepdims)

    return Op(
        name, kernel, tex=rf"\mathrm{{{{{name}}}}}\,{{x}}", family="reduce", samples=_FLAGS,
        flops=lambda x, **_: x.size, doc=doc,
    )  # fmt: skip


all = _flags("all", "Whether all are true.")  # noqa: A001
any = _flags("any", "Whether any is true.")  # noqa: A001

# ---------------------------------------------------------------- products


def _prod(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    return xp.prod(x, axis=axis, keepdims=keepdims)


def _prod_vjp(F: Any, g: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    # The product of the others, and not the result divided by x: x may be 0.
    if axis is None:
        others = F.prod_others(F.reshape(x, shape=(-1,), was=tuple(x.shape)), axis=0)
        return g * F.reshape(others, shape=tuple(x.shape), was=tuple(others.shape))
    return kept(F, g, x.shape, axis, keepdims) * F.prod_others(x, axis=axis)


prod = Op(
    "prod", _prod, tex=r"\prod {x}", family="reduce", vjp=dict(x=_prod_vjp),
    samples=(*_AXES[:2], _AXES[3], _AXES[4], *_EMPTY, made(lambda r: ([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0]],), axis=1)),
    flops=lambda x, **_: x.size, doc="Product over a dimension.",
    reference=lambda x, *, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims),
)  # fmt: skip


def _prod_others(xp: Any, x: Any, *, axis: int) -> Any:
    if not x.size:
        return x.copy()
    x = xp.moveaxis(x, axis, -1)
    one = xp.ones((*x.shape[:-1], 1), x.dtype)
    before = xp.cumprod(xp.concatenate((one, x[..., :-1]), axis=-1), axis=-1)
    after = xp.cumprod(xp.concatenate((one, x[..., :0:-1]), axis=-1), axis=-1)[..., ::-1]
    return xp.moveaxis(before * after, -1, axis)


def _prod_others_vjp(F: Any, g: Any, x: Any, axis: int) -> Any:
    # d/dx_k of the product without x_i is the product without both: row i of a matrix whose diagonal is 1.
    n, shape, last = x.shape[axis], tuple(x.shape), x.ndim - 1
    axes = tuple(i for i in range(x.ndim) if i != axis % x.ndim) + (axis % x.ndim,)
    back = [0] * x.ndim
    for i, a in enumerate(axes):
        back[a] = i
    x, g = F.transpose(x, axes=axes), F.transpose(g, axes=axes)
    lead = tuple(x.shape)[:-1]
    eye = F.eye_like(x, n=n)
    rows = F.reshape(x, shape=(*lead, 1, n), was=tuple(x.shape))
    both = F.prod_others(F.where(eye, F.zero(x) + 1, rows), axis=last + 1)
    both = F.where(eye, F.zero(x), both)
    weighted = F.reshape(g, shape=(*lead, n, 1), was=tuple(g.shape)) * both
    out = F.sum(weighted, axis=last, keepdims=False, shape=tuple(weighted.shape))
    return F.reshape(F.transpose(out, axes=tuple(back)), shape=shape, was=shape)


prod_others = Op(
    "prod_others", _prod_others, tex=r"\prod_{{j \neq i}} {x}_j", family="reduce", vjp=dict(x=_prod_others_vjp),
    samples=(arrays((3, 4), axis=1), arrays((2, 3), axis=0), arrays((2, 3, 2), axis=1)),
    flops=lambda x, **_: 3 * x.size, doc="For each element the product of the others along a dimension.",
)  # fmt: skip
eye_like = Op(
    "eye_like", lambda xp, x, *, n: xp.eye(n, dtype=bool), tex="I", family="other",
    samples=(arrays((2,), n=3),), flops=lambda *a, **k: 0, doc="A mask of the diagonal, where x lives.",
)  # fmt: skip

ROWS = [
    sum, mean, nansum, nanmean, count_nonzero, amax, amin, aminmax, argmax, argmin, all, any, prod,
    prod_others, eye_like,
]  # fmt: skip
