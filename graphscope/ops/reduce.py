"""Sums, means and extremes over dimensions. In rows ``axis`` is None, an int or a tuple."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.ops.samples import arrays

_AXES = (
    arrays((3, 4), axis=None, keepdims=False),
    arrays((3, 4), axis=1, keepdims=False),
    arrays((2, 3, 4), axis=(0, 2), keepdims=True),
    arrays((2, 3, 4), axis=-1, keepdims=False),
    arrays((), axis=None, keepdims=False),
)


def kept_shape(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The shape after a reduction with keepdims."""
    if axis is None:
        return (1,) * len(shape)
    axes = {a % len(shape) for a in ((axis,) if isinstance(axis, int) else axis)}
    return tuple(1 if i in axes else s for i, s in enumerate(shape))


def reduced_count(shape: tuple[int, ...], axis: Any) -> int:
    """How many elements go into one result."""
    n = 1
    for s, k in zip(shape, kept_shape(shape, axis), strict=True):
        n *= s if k == 1 else 1
    return n


def _sum(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False, shape: Any = None) -> Any:
    return xp.add.reduce(x, axis=axis, keepdims=keepdims)


def _spread(F: Any, g: Any, axis: Any, keepdims: Any, shape: Any) -> Any:
    if not keepdims and axis is not None:
        g = F.reshape(g, shape=kept_shape(shape, axis), was=g.shape)
    return F.broadcast_to(g, shape=shape, was=g.shape)


# ``shape`` is the input's shape: the gradient needs it, and a param keeps no array alive.
sum = Op(  # noqa: A001 - torch's name
    "sum", _sum, tex=r"\sum {x}", family="reduce", values=("shape",),
    vjp=dict(x=_spread), samples=_AXES, flops=lambda x, **_: x.size, doc="Sum over dimensions.",
)  # fmt: skip


def _mean(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False, shape: Any = None) -> Any:
    n = reduced_count(x.shape, axis)
    return xp.add.reduce(x, axis=axis, keepdims=keepdims) / x.dtype.type(n or float("nan"))


mean = Op(
    "mean", _mean, tex=r"\frac{{1}}{{n}}\sum {x}", family="reduce", floats=True, values=("shape",),
    vjp=dict(x=lambda F, g, axis, keepdims, shape:
        _spread(F, g / reduced_count(shape, axis), axis, keepdims, shape)),
    samples=_AXES, doc="Mean over dimensions.",
)  # fmt: skip


def _extreme(name: str) -> Any:
    def kernel(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        return getattr(xp, name)(x, axis=axis, keepdims=keepdims)

    return kernel


def _extreme_vjp(F: Any, g: Any, x: Any, out: Any, axis: Any, keepdims: Any) -> Any:
    kept = kept_shape(x.shape, axis)
    hit = F.cast(x == F.reshape(out, shape=kept, was=out.shape), dtype=x.dtype.name)
    share = F.sum(hit, axis=axis, keepdims=True, shape=x.shape)
    # Ties share the gradient evenly, as torch's amax does.
    return (
        F.reshape(g, shape=kept, was=g.shape) * hit / F.reshape(share, shape=kept, was=share.shape)
    )


amax = Op(
    "amax", _extreme("max"), tex=r"\max {x}", family="reduce", vjp=dict(x=_extreme_vjp),
    samples=_AXES[:4], doc="Largest element over dimensions; ties share the gradient.",
)  # fmt: skip
amin = Op(
    "amin", _extreme("min"), tex=r"\min {x}", family="reduce", vjp=dict(x=_extreme_vjp),
    samples=_AXES[:4], doc="Smallest element over dimensions; ties share the gradient.",
)  # fmt: skip


def _argmax(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    return xp.argmax(x, axis=axis, keepdims=keepdims)


def _argmin(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    return xp.argmin(x, axis=axis, keepdims=keepdims)


_ARG = (arrays((3, 4), axis=1, keepdims=False), arrays((3, 4), axis=None, keepdims=False))
argmax = Op(
    "argmax",
    _argmax,
    tex=r"\mathrm{{argmax}}\,{x}",
    family="reduce",
    samples=_ARG,
    doc="Index of the largest.",
)
argmin = Op(
    "argmin",
    _argmin,
    tex=r"\mathrm{{argmin}}\,{x}",
    family="reduce",
    samples=_ARG,
    doc="Index of the smallest.",
)


def _flags(name: str) -> Any:
    def kernel(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        return getattr(xp, name)(x, axis=axis, keepdims=keepdims)

    return kernel


all = Op("all", _flags("all"), family="reduce", samples=_ARG, doc="Whether all are true.")  # noqa: A001
any = Op("any", _flags("any"), family="reduce", samples=_ARG, doc="Whether any is true.")  # noqa: A001

ROWS = [sum, mean, amax, amin, argmax, argmin, all, any]
