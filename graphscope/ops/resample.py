"""Images in another size: interpolation and adaptive pooling.

Both are separable: along each dimension an output pixel is a weighted sum of a few input pixels (taps).
The weights depend on sizes only and are computed once. Forward follows the taps; the gradient is the
transposed matrix, which is small, so each dimension is one matrix product.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor
from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.norm_kernels import total
from graphscope.ops.samples import arrays, made


@lru_cache(maxsize=256)
def taps(n: int, out: int, mode: str, align: bool, scale: float | None) -> tuple[Any, Any]:
    """Indices and weights (taps, out) for a dimension of ``n`` pixels that becomes ``out``.

    scale: input pixels per output pixel if the caller gave a factor, else n / out.
    Source: the half-pixel centres and the cubic kernel (a = -0.75) of torch.nn.functional.interpolate;
    the windows of adaptive pooling run from floor(i n / out) to ceil((i + 1) n / out).
    """
    i = np.arange(out)
    step = n / out if scale is None else scale
    if mode in ("nearest", "nearest-exact"):
        at = np.floor(i * step) if mode == "nearest" else np.floor((i + 0.5) * step)
        return np.minimum(at, n - 1).astype(int)[None], np.ones((1, out))
    if mode == "area":
        starts = [floor(k * n / out) for k in range(out)]
        stops = [ceil((k + 1) * n / out) for k in range(out)]
        most = max((b - a for a, b in zip(starts, stops, strict=True)), default=1)
        at = np.array(starts) + np.arange(most)[:, None]
        inside = at < np.array(stops)
        return np.where(inside, at, np.array(stops) - 1), inside / (np.array(stops) - starts)
    if align:
        x = i * ((n - 1) / (out - 1) if out > 1 else 0.0)
    else:
        x = (i + 0.5) * step - 0.5
        if mode != "cubic":
            x = np.maximum(x, 0)
    low = np.floor(x).astype(int)
    t = x - low
    if mode == "linear":
        low = np.minimum(low, n - 1)
        return np.stack([low, np.minimum(low + 1, n - 1)]), np.stack([1 - t, t])
    a = -0.75
    near = [((a + 2) * s - (a + 3)) * s * s + 1 for s in (t, 1 - t)]
    far = [((a * s - 5 * a) * s + 8 * a) * s - 4 * a for s in (t + 1, 2 - t)]
    at = np.clip(low + np.arange(-1, 3)[:, None], 0, n - 1)
    return at, np.stack([far[0], near[0], near[1], far[1]])


@lru_cache(maxsize=256)
def matrix(n: int, out: int, mode: str, align: bool, scale: float | None) -> Any:
    """The taps as a matrix (out, n)."""
    at, weights = taps(n, out, mode, align, scale)
    m = np.zeros((out, n))
    np.add.at(m, (np.arange(out)[None].repeat(len(at), 0), at), weights)
    return m


def _along(shape: Any, axis: int) -> tuple[int, ...]:
    return (-1, *(1,) * (len(shape) - 1 - axis))


def _resample(
    xp: Any, x: Any, *, size: Any, mode: str, align: bool = False, scales: Any = None, was: Any = None
) -> Any:  # fmt: skip
    lead = x.ndim - len(size)
    for k, out in enumerate(size):
        n, axis = x.shape[lead + k], lead + k
        if n == out and (scales is None or scales[k] is None):
            continue
        at, weights = taps(n, out, mode, align, scales[k] if scales else None)
        total = None
        for index, weight in zip(at, weights, strict=True):
            part = xp.take(x, xp.asarray(index), axis=axis)
            if mode not in ("nearest", "nearest-exact"):
                part *= xp.asarray(weight.astype(x.dtype)).reshape(_along(x.shape, axis))
            total = part if total is None else xp.add(total, part, out=total)
        x = total
    return x


def _resample_grad(
    xp: Any, g: Any, *, size: Any, mode: str, align: bool = False, scales: Any = None, was: Any
) -> Any:  # fmt: skip
    lead = g.ndim - len(size)
    for k, out in enumerate(size):
        n, axis = was[lead + k], lead + k
        if n == out and (scales is None or scales[k] is None):
            continue
        m = matrix(n, out, mode, align, scales[k] if scales else None)
        m = xp.asarray(np.ascontiguousarray(m.T).astype(g.dtype))
        if axis == g.ndim - 1:
            g = xp.matmul(g, m.T)
        else:
            rest = g.shape[axis + 1 :]
            g = xp.matmul(m, g.reshape(*g.shape[: axis + 1], -1)).reshape(*g.shape[:axis], n, *rest)
    return g


def _size_rule(x: tuple[int, ...], *, size: Any, **_: Any) -> tuple[int, ...]:
    if min((*size, *x[len(x) - len(size) :])) < 1:
        raise ShapeError(f"input and output sizes must be positive: {tuple(x)} to {tuple(size)}")
    return (*x[: len(x) - len(size)], *size)


_KEYS = ("size", "mode", "align", "scales", "was")
interpolate = Op(
    "interpolate", _resample, tex=r"\mathrm{{resize}}({x})", family="shape", values=("was",), shape=_size_rule,
    vjp=dict(x=lambda F, g, size, mode, align, scales, was: F.interpolate_grad(
        g, size=size, mode=mode, align=align, scales=scales, was=was)),
    samples=(
        arrays((1, 2, 3, 4), size=(6, 5), mode="nearest", was=(1, 2, 3, 4)),
        arrays((1, 2, 3, 4), size=(6, 5), mode="linear", was=(1, 2, 3, 4)),
        arrays((1, 2, 3, 4), size=(5, 7), mode="linear", align=True, was=(1, 2, 3, 4)),
        arrays((1, 1, 4, 4), size=(7, 3), mode="cubic", was=(1, 1, 4, 4)),
    ),
    doc="The images in another size.",
)  # fmt: skip
interpolate_grad = Op(
    "interpolate_grad", _resample_grad, tex=r"\mathrm{{resize}}^T({g})", family="shape", values=("was",),
    vjp=dict(g=lambda F, h, size, mode, align, scales, was: F.interpolate(
        h, size=size, mode=mode, align=align, scales=scales, was=was)),
    samples=(arrays((1, 2, 6, 5), size=(6, 5), mode="linear", was=(1, 2, 3, 4)),),
    doc="The gradient of interpolate: each pixel pays back to its taps.",
)  # fmt: skip


# ---------------------------------------------------------------- adaptive pooling


def _adaptive_avg(xp: Any, x: Any, *, out_size: Any, size: Any = None) -> Any:
    d = len(out_size)
    if x.ndim != d + 2:
        raise ShapeError(
            f"the input must have {d + 1} or {d + 2} dimensions, this one is {x.shape}"
        )
    if all(s == 1 for s in out_size):
        return total(xp, x, tuple(range(2, 2 + d))) * x.dtype.type(1 / max(1, np.prod(x.shape[2:])))  # fmt: skip
    return _resample(xp, x, size=out_size, mode="area")


def _adaptive_max(xp: Any, x: Any, *, out_size: Any, size: Any = None) -> Any:
    if x.ndim == 3:
        best, flat = _adaptive_max2d(xp, x[:, :, None], (1, *out_size))
        return (best[:, :, 0], flat[:, :, 0]), flat[:, :, 0]
    best, flat = _adaptive_max2d(xp, x, out_size)
    return (best, flat), flat


def _adaptive_max2d(xp: Any, x: Any, out_size: Any) -> Any:
    if x.ndim != 4:
        raise ShapeError(f"the input must be an image or a batch of them, this one is {x.shape}")
    h, w = x.shape[2:]
    rows, cols = (taps(n, o, "area", False, None)[0] for n, o in zip((h, w), out_size, strict=True))
    best = places = None
    for row in rows:
        line = xp.take(x, xp.asarray(row), axis=2)
        for col in cols:
            here = xp.take(line, xp.asarray(col), axis=3)
            place = xp.asarray(row[:, None] * w + col)
            if best is None:
                best, places = here, xp.zeros(here.shape, dtype=xp.int64) + place
            else:
                places = xp.where(here > best, place, places)
                best = xp.maximum(best, here)
    return best, places


def _unpool(xp: Any, x: Any, places: Any, *, size: Any) -> Any:
    """Zeros with ``x`` added at flat places of each image."""
    n, c = x.shape[:2]
    area = int(np.prod(size))
    base = (xp.arange(n * c) * area)[:, None]
    out = xp.zeros(n * c * area, dtype=x.dtype)
    xp.add.at(out, (places.reshape(n * c, -1) + base).reshape(-1), x.reshape(-1))
    return out.reshape(n, c, *size)


def _look(xp: Any, x: Any, places: Any) -> Any:
    flat = xp.take_along_axis(x.reshape(*x.shape[:2], -1), places.reshape(*x.shape[:2], -1), 2)
    return flat.reshape(places.shape)


_PLACED = made(lambda r: (r.normal(size=(2, 2, 2, 2)), r.permutation(12)[:4].reshape(2, 2) + np.zeros((2, 2, 2, 2), int)), size=(3, 4))  # fmt: skip
_FOUND = made(lambda r: (r.normal(size=(2, 2, 3, 4)), r.integers(0, 12, (2, 2, 2, 2))))
unpool = Op(
    "pool_places_grad", _unpool, tex=r"\mathrm{{unpool}}({x})", family="shape", values=("size",),
    vjp=dict(x=lambda F, g, places: F.pool_places(g, places)), samples=(_PLACED,),
    doc="Zeros with values added at places of each image.",
)  # fmt: skip
look = Op(
    "pool_places", _look, tex=r"{x}[{places}]", family="shape",
    vjp=dict(x=lambda F, g, x, places: F.pool_places_grad(g, places, size=tuple(x.shape[2:]))),
    samples=(_FOUND,), flops=lambda *a, **k: 0, doc="Elements at places of each image.",
)  # fmt: skip


def _max_unpool(xp: Any, x: Any, places: Any, *, size: Any) -> Any:
    if x.shape != places.shape:
        raise ShapeError(
            f"values {x.shape} and indices {places.shape} differ in shape; give the indices that the pooling returned"
        )
    lead = x.shape[:-2]
    rows = int(np.prod(lead))
    area = size[0] * size[1]
    if xp is np and places.size and not (places.min() >= 0 and places.max() < area):
        raise ShapeError(f"an index lies outside of the output image {tuple(size)}")
    base = (xp.arange(rows) * area)[:, None]
    out = xp.zeros(rows * area, dtype=x.dtype)
    out[(places.reshape(rows, -1) + base).reshape(-1)] = x.reshape(-1)
    return out.reshape(*lead, *size)


max_unpool2d = Op(
    "max_unpool2d", _max_unpool, inputs="x places", tex=r"\mathrm{{unpool}}({x})", family="shape",
    vjp=dict(x=lambda F, g, places: F.pool_places(g, places)), samples=(_PLACED,),
    doc="Pooled values put back at their places, zeros elsewhere.",
)  # fmt: skip
_ADAPT = (
    arrays((2, 2, 5, 7), out_size=(3, 2), size=(5, 7)), arrays((1, 2, 4, 4), out_size=(1, 1), size=(4, 4)),
    arrays((1, 1, 2, 3), out_size=(4, 3), size=(2, 3)),
)  # fmt: skip
adaptive_avg = [
    Op(
        f"adaptive_avg_pool{d}d", _adaptive_avg, tex=r"\mathrm{{avgpool}}({x})", family="reduce", values=("size",),
        vjp=dict(x=lambda F, g, out_size, size: F.interpolate_grad(
            g, size=out_size, mode="area", align=False, scales=None, was=(*g.shape[:2], *size))),
        samples=samples, flops=lambda x, **_: x.size, doc="Means over as many windows as asked for.",
    )
    for d, samples in ((2, _ADAPT), (1, (arrays((2, 2, 7), out_size=(3,), size=(7,)),)))
]  # fmt: skip


def _adaptive_max_vjp(F: Any, g: Any, aux: Any, out_size: Any, size: Any) -> Any:
    return F.pool_places_grad(g[0], aux, size=tuple(size))


def _shuffled(shape: tuple[int, ...]) -> Any:
    return lambda r: (r.permutation(70).astype(float).reshape(shape),)


adaptive_max = [
    Op(
        f"adaptive_max_pool{d}d", _adaptive_max, tex=r"\mathrm{{maxpool}}({x})", family="reduce", aux=True,
        multi=True, values=("size",), vjp=dict(x=_adaptive_max_vjp), flops=lambda x, **_: x.size,
        samples=(made(_shuffled(n), out_size=out, size=n[2:]),),
        doc="The largest elements of as many windows as asked for, and their places.",
    )
    for d, n, out in ((1, (2, 5, 7), (3,)), (2, (1, 2, 5, 7), (3, 2)))
]  # fmt: skip

ROWS = [interpolate, interpolate_grad, unpool, look, max_unpool2d, *adaptive_avg, *adaptive_max]
