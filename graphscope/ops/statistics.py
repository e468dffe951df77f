"""Counting and comparing: histograms, distinct values, distances between rows."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.moments import norm_slope
from graphscope.ops.samples import arrays, made

# ---------------------------------------------------------------- histograms


def _histc(xp: Any, x: Any, *, bins: int, least: float, most: float) -> Any:
    x, low, high = x.reshape(-1), least, most
    if low == high and x.size:
        low, high = float(xp.min(x)), float(xp.max(x))
    if low == high:
        low, high = low - 1, high + 1
    inside = (x >= low) & (x <= high)
    # what lies outside goes into a bin of its own, which is cut off
    place = xp.where(inside, (x - low) * (bins / (high - low)), bins)
    place = xp.where(inside, xp.minimum(place.astype("int64"), bins - 1), bins)
    return xp.bincount(place, minlength=bins + 1)[:bins].astype(x.dtype)


histc = Op(
    "histc", _histc, tex=r"\mathrm{{hist}}({x})", family="reduce", values=("least", "most"),
    samples=(arrays((20,), bins=5, least=-1.0, most=1.0), arrays((4, 5), bins=3, least=0.0, most=0.0)),
    flops=lambda x, **_: x.size, doc="How many elements lie in each of equal bins.",
)  # fmt: skip


def _bincount(xp: Any, x: Any, *weights: Any, minlength: int = 0) -> Any:
    out = xp.bincount(x, *weights, minlength=minlength)
    return out.astype("float32") if weights and weights[0].dtype == "float32" else out


bincount = Op(
    "bincount", _bincount,
    tex=r"\mathrm{{count}}({x})", family="reduce",
    samples=(made(lambda r: (r.integers(0, 6, 20),), minlength=8), made(lambda r: (r.integers(0, 6, 9), r.random(9)), minlength=0)),
    flops=lambda x, *_, **__: x.size, doc="How often each whole number from 0 on is there.",
)  # fmt: skip

# ---------------------------------------------------------------- distinct values


def _unique(xp: Any, x: Any, *, axis: int | None) -> Any:
    values, inverse, counts = xp.unique(
        x, return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    return values, inverse.reshape(x.shape if axis is None else -1), counts


_FEW = (
    made(lambda r: (r.integers(0, 4, (3, 4)),), axis=None),
    made(lambda r: (r.integers(0, 2, (6, 2)) * 1.0,), axis=0),
    made(lambda r: (r.integers(0, 2, 0),), axis=None),
)
unique = Op(
    "unique", _unique, tex=r"\mathrm{{unique}}({x})", family="reduce", multi=True, samples=_FEW,
    doc="Distinct values in order, where each element went, and how often each value is there.",
)  # fmt: skip


def _unique_consecutive(xp: Any, x: Any, *, axis: int | None) -> Any:
    rows = x.reshape(-1) if axis is None else xp.moveaxis(x, axis, 0)
    n = rows.shape[0]
    differs = rows[1:] != rows[:-1]
    new = differs.any(axis=tuple(range(1, rows.ndim))) if rows.ndim > 1 else differs
    first = xp.concatenate((xp.ones((min(n, 1),), bool), new))
    begins = xp.flatnonzero(first)
    ends = xp.concatenate((begins[1:], xp.asarray([n]))) if n else begins
    inverse = xp.cumsum(first) - 1
    values = rows[begins]
    if axis is not None:
        return xp.moveaxis(values, 0, axis), inverse, ends - begins
    return values, inverse.reshape(x.shape), ends - begins


unique_consecutive = Op(
    "unique_consecutive", _unique_consecutive, tex=r"\mathrm{{unique}}({x})", family="reduce", multi=True,
    samples=_FEW, doc="Values without immediate repetition, where each element went, and the lengths.",
)  # fmt: skip

# ---------------------------------------------------------------- distances


def _cdist_rule(a: tuple[int, ...], b: tuple[int, ...], *, p: float = 2.0) -> None:
    if len(a) < 2 or len(b) < 2:
        raise ShapeError(
            "the rows of two matrices are compared, and one of these has no rows; make it one row with unsqueeze(0)"
        )
    if a[-1] != b[-1]:
        raise ShapeError(
            f"rows of {a[-1]} and of {b[-1]} elements have no distance; both need equally many columns"
        )


def _apart(a: Any, b: Any) -> Any:
    return a[..., :, None, :] - b[..., None, :, :]


def _cdist(xp: Any, a: Any, b: Any, *, p: float = 2.0) -> Any:
    _cdist_rule(a.shape, b.shape)
    size = xp.absolute(_apart(a, b))
    if p == 2:
        return xp.sqrt(xp.add.reduce(size * size, axis=-1))
    if p == 1:
        return xp.add.reduce(size, axis=-1)
    if p == 0:
        return xp.add.reduce((size != 0).astype(a.dtype), axis=-1)
    if p == float("inf"):
        return xp.max(size, axis=-1) if size.shape[-1] else xp.zeros(size.shape[:-1], a.dtype)
    return xp.add.reduce(size**p, axis=-1) ** (1 / p)


def _between(F: Any, g: Any, a: Any, b: Any, out: Any, p: float, axis: int) -> Any:
    """The gradient of the differences, summed over the rows of the other side."""
    shape = (*tuple(out.shape), 1)
    rows = F.reshape(a, shape=(*tuple(a.shape)[:-1], 1, a.shape[-1]), was=tuple(a.shape))
    columns = F.reshape(
        b, shape=(*tuple(b.shape)[:-2], 1, *tuple(b.shape)[-2:]), was=tuple(b.shape)
    )
    g, out = (F.reshape(v, shape=shape, was=shape[:-1]) for v in (g, out))
    flow = norm_slope(F, g, rows - columns, out, p, out.ndim - 1)
    return F.sum(flow, axis=flow.ndim + axis, keepdims=False, shape=tuple(flow.shape))


def _fit(g: Any, like: Any) -> Any:
    from graphscope.engine.backward import sum_to

    return g if g.shape == like.shape else sum_to(g, tuple(like.shape))


cdist = Op(
    "cdist", _cdist, tex=r"\|{a}_i - {b}_j\|", family="linalg", shape=_cdist_rule,
    vjp=dict(
        a=lambda F, g, a, b, out, p: _fit(_between(F, g, a, b, out, p, -2), a),
        b=lambda F, g, a, b, out, p: _fit(-_between(F, g, a, b, out, p, -3), b),
    ),
    samples=(arrays((3, 4), (2, 4), p=2.0), arrays((2, 3, 2), (3, 2), p=1.0), arrays((3, 2), (2, 2), p=3.0),
             arrays((3, 2), (2, 2), p=float("inf")), arrays((0, 2), (2, 2), p=2.0)),
    errors=(((3, 4), (3, 5), dict(p=2.0), "rows of 4 and of 5 elements"), ((4,), (3, 4), dict(p=2.0), "one of these has no rows")),
    flops=lambda a, b, **_: 3 * a.size * b.shape[-2], doc="The distance of each row of a to each row of b.",
)  # fmt: skip

ROWS = [histc, bincount, unique, unique_consecutive, cdist]
