"""Values with the place they were found at: max, min, median, mode, quantiles along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.samples import arrays, made

# ---------------------------------------------------------------- one element per index, and back


def _pick_along(xp: Any, x: Any, i: Any, *, axis: int, was: Any = None) -> Any:
    return xp.take_along_axis(x, i, axis)


def _put_along(xp: Any, g: Any, i: Any, *, axis: int, shape: Any, add: bool = False) -> Any:
    out = xp.zeros(shape, g.dtype)
    where = [xp.arange(n).reshape((-1,) + (1,) * (i.ndim - 1 - d)) for d, n in enumerate(i.shape)]
    where[axis] = i
    if add:
        xp.add.at(out, tuple(where), g)
    else:
        out[tuple(where)] = g
    return out


_LABELS = ((3, 4), [[1], [0], [3]])
pick_along = Op(
    "pick_along", _pick_along, tex=r"{x}[{i}]", family="shape", values=("was",), jvp="multilinear",
    vjp=dict(x=lambda F, g, i, axis, was: F.put_along(g, i, axis=axis, shape=was, add=True)),
    samples=(made(lambda r: (r.normal(size=(3, 4)), [[1], [0], [3]]), axis=1, was=(3, 4)),),
    flops=lambda *a, **k: 0, doc="The elements at places along a dimension.",
)  # fmt: skip
put_along = Op(
    "put_along", _put_along, tex=r"{g} \to [{i}]", family="shape", values=("shape",),
    vjp=dict(g=lambda F, h, i, axis, shape: F.pick_along(h, i, axis=axis, was=shape)),
    samples=(
        made(lambda r: (r.normal(size=(3, 1)), [[1], [0], [3]]), axis=1, shape=(3, 4)),
        made(lambda r: (r.normal(size=(3, 2)), [[1, 1], [0, 2], [3, 3]]), axis=1, shape=(3, 4), add=True),
    ),
    flops=lambda *a, **k: 0, doc="Zeros with g at places along a dimension: the gradient of picking.",
)  # fmt: skip


def _picked(xp: Any, x: Any, at: Any, axis: int, keepdims: bool) -> Any:
    """((values, places), places with the dimension kept) for a row of values and places."""
    values = xp.take_along_axis(x, at, axis)
    if keepdims:
        return (values, at), at
    return (xp.squeeze(values, axis), xp.squeeze(at, axis)), at


def _one(xp: Any, x: Any) -> Any:
    at = xp.zeros((), "int64")
    return (x.copy(), at), at


def _chosen_vjp(F: Any, g: Any, aux: Any, axis: int, was: Any) -> Any:
    flow = g[0]
    if not was:
        return flow
    flow = F.reshape(flow, shape=tuple(aux.shape), was=tuple(flow.shape))
    return F.put_along(flow, aux, axis=axis, shape=was, add=False)


_CHOICES = (
    arrays((3, 4), axis=1, keepdims=False, was=(3, 4)),
    arrays((2, 3, 2), axis=1, keepdims=True, was=(2, 3, 2)),
    arrays((), axis=0, keepdims=False, was=()),
    arrays((0, 3), axis=1, keepdims=False, was=(0, 3)),
)


def _choice(name: str, find: Any, doc: str) -> Op:
    """A row that gives (values, indices) along a dimension; the gradient goes to the element chosen."""

    def kernel(xp: Any, x: Any, *, axis: int, keepdims: bool = False, was: Any = None) -> Any:
        if not x.ndim:
            return _one(xp, x)
        return _picked(xp, x, find(xp, x, axis), axis, keepdims)

    return Op(
        name, kernel, tex=rf"\mathrm{{{{{name}}}}}\,{{x}}", family="reduce", vjp=dict(x=_chosen_vjp),
        multi=True, aux=True, values=("was",), samples=_CHOICES, flops=lambda x, **_: x.size, doc=doc,
    )  # fmt: skip


max = _choice(  # noqa: A001 - torch's name
    "max", lambda xp, x, axis: xp.argmax(x, axis=axis, keepdims=True), "Largest element and its index."
)  # fmt: skip
min = _choice(  # noqa: A001 - torch's name
    "min", lambda xp, x, axis: xp.argmin(x, axis=axis, keepdims=True), "Smallest element and its index."
)  # fmt: skip

# ---------------------------------------------------------------- by order


def _nan_first(xp: Any, x: Any, order: Any, at: Any, axis: int) -> Any:
    """``at``, but the place of the last in order where that is NaN: a NaN decides the result."""
    if x.dtype.kind != "f":
        return at
    bad = xp.isnan(x)
    return xp.where(bad.any(axis=axis, keepdims=True), xp.argmax(bad, axis=axis, keepdims=True), at)


def _median_at(xp: Any, x: Any, axis: int) -> Any:
    order = xp.argsort(x, axis=axis)
    middle = xp.take(order, xp.asarray([(x.shape[axis] - 1) // 2]), axis=axis)
    return _nan_first(xp, x, order, middle, axis)


def _nanmedian_at(xp: Any, x: Any, axis: int) -> Any:
    order = xp.argsort(x, axis=axis)  # NaN last
    n = (
        xp.add.reduce((~xp.isnan(x)).astype("int64"), axis=axis, keepdims=True)
        if x.dtype.kind == "f"
        else xp.full(_kept(x.shape, axis), x.shape[axis])
    )
    return xp.take_along_axis(order, xp.maximum(n - 1, 0) // 2, axis)


def _kept(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(1 if i == axis % len(shape) else s for i, s in enumerate(shape))


def _mode_at(xp: Any, x: Any, axis: int) -> Any:
    from graphscope.ops.scan import _running

    x = xp.moveaxis(x, axis, -1)
    n = x.shape[-1]
    ordered = xp.sort(x, axis=-1)
    place = xp.arange(n)
    begins = xp.concatenate(
        (xp.ones((*x.shape[:-1], 1), bool), ordered[..., 1:] != ordered[..., :-1]), axis=-1
    )
    length = place - _running(xp, xp.where(begins, place, 0), -1, "maximum")
    # the first of the longest runs is the smallest of the most frequent values
    value = xp.take_along_axis(ordered, xp.argmax(length, axis=-1, keepdims=True), -1)
    last = n - 1 - xp.argmax((x == value)[..., ::-1], axis=-1, keepdims=True)
    return xp.moveaxis(last, -1, axis)


median = _choice("median", _median_at, "The middle element (the lower of two) and its index.")
nanmedian = _choice("nanmedian", _nanmedian_at, "The median of what is not NaN, and its index.")
mode = _choice(
    "mode", _mode_at, "The most frequent element (the smallest of several) and its index."
)

# ---------------------------------------------------------------- quantiles


def _quantile(
    xp: Any, x: Any, *, q: tuple[float, ...], interpolation: str, skip: bool, was: Any = None
) -> Any:
    """Quantiles along the last dimension; they become the first one. aux: places and weights."""
    n, kind = x.shape[-1], x.dtype.type
    order = xp.argsort(x, axis=-1)
    bad = xp.isnan(x)
    count = xp.add.reduce((~bad).astype("int64"), axis=-1, keepdims=True)
    top = count - 1 if skip else xp.full(count.shape, n - 1)
    rank = xp.asarray(q, x.dtype).reshape((-1,) + (1,) * x.ndim) * xp.maximum(top, 0).astype(
        x.dtype
    )
    if interpolation == "nearest":
        rank = xp.rint(rank)
    low, high = xp.floor(rank), xp.ceil(rank)
    if interpolation == "lower":
        high = low
    elif interpolation == "higher":
        low = high
    weight = xp.full(rank.shape, kind(0.5)) if interpolation == "midpoint" else rank - low
    places = xp.stack((low, high)).astype("int64")
    at = xp.take_along_axis(order[None, None], places, -1)
    if not skip:
        # a NaN decides the result, and NaN is last in order
        at = xp.where(bad.any(axis=-1, keepdims=True)[None, None], order[None, None, ..., -1:], at)
    a, b = xp.take_along_axis(x[None, None], at, -1)
    out = a + weight * (b - a)
    return out[..., 0], xp.stack((at[0].astype(x.dtype), at[1].astype(x.dtype), weight))


def _quantile_vjp(F: Any, g: Any, aux: Any, was: Any) -> Any:
    g = F.reshape(g, shape=(*tuple(g.shape), 1), was=tuple(g.shape))
    low, high, weight = (F.select(aux, axis=0, index=k, was=tuple(aux.shape)) for k in range(3))
    wide = (*tuple(g.shape)[:-1], was[-1])
    out = F.put_along(
        g * (1 - weight), F.cast(low, dtype="int64"), axis=g.ndim - 1, shape=wide, add=True
    )
    out = out + F.put_along(
        g * weight, F.cast(high, dtype="int64"), axis=g.ndim - 1, shape=wide, add=True
    )
    return F.sum(out, axis=0, keepdims=False, shape=wide)


quantile = Op(
    "quantile", _quantile, tex=r"Q_q({x})", family="reduce", vjp=dict(x=_quantile_vjp), aux=True,
    values=("was", "q"),
    samples=(
        arrays((3, 5), q=(0.1, 0.5, 0.9), interpolation="linear", skip=False, was=(3, 5)),
        arrays((4,), q=(0.3,), interpolation="midpoint", skip=True, was=(4,)),
        arrays((2, 6), q=(0.35,), interpolation="lower", skip=False, was=(2, 6)),
    ),
    flops=lambda x, **_: 4 * x.size, doc="The values below which a share q of the elements lies.",
    reference=lambda x, *, q, interpolation, skip, was: np.quantile(x, q, axis=-1, method=interpolation),
)  # fmt: skip

ROWS = [pick_along, put_along, max, min, median, nanmedian, mode, quantile]
