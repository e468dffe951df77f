"""What normalisation computes: sums over dimensions, moments, standardised values and their gradient.

On numpy the work goes piece by piece along the outermost dimension in memory, so that what is computed in
between stays in the cache: three reads and one write of x for a whole forward. Elsewhere the same formulas
run on whole arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from graphscope.ops.reduce import kept_shape, reduced_count

_PIECE = 1 << 22  # bytes: a part of the last-level cache; smaller pieces cost more in loops


def order_of(x: Any) -> list[int]:
    """The dimensions from the outermost in memory to the innermost."""
    return sorted(range(x.ndim), key=lambda a: -abs(x.strides[a]) if x.shape[a] > 1 else 0)


def total(xp: Any, x: Any, axes: Any) -> Any:
    """The sum over ``axes``, which stay with size 1."""
    if xp is not np or len(axes) < 2:
        if xp is np and axes == (x.ndim - 1,) and x.flags.c_contiguous and x.size:
            # BLAS: a quarter of add.reduce's time
            flat = x.reshape(-1, x.shape[-1]).dot(np.ones(x.shape[-1], x.dtype))
            return flat.reshape(*x.shape[:-1], 1)
        return xp.add.reduce(x, axis=axes, keepdims=True)
    # One dimension after the other, outermost first: each step adds long rows to each other. All at once
    # numpy takes ten times as long where the innermost dimension stays.
    for axis in (a for a in order_of(x) if a in axes):
        x = np.add.reduce(x, axis=axis, keepdims=True)
    return x


def dot(xp: Any, a: Any, b: Any, axes: Any) -> Any:
    """The sum of a * b over ``axes``, which stay with size 1."""
    if xp is np and a.size and a.ndim:
        if axes == (a.ndim - 1,):
            return np.vecdot(a, b)[..., None]
        last = order_of(a)[-1]
        # einsum is one pass without an array in between, if its innermost loop is long enough.
        if a.ndim < 9 and (last in axes or a.shape[last] >= 64):
            letters = "abcdefgh"[: a.ndim]
            left = "".join(s for i, s in enumerate(letters) if i not in axes)
            out = np.einsum(f"{letters},{letters}->{left}", a, b)
            return out.reshape(kept_shape(a.shape, axes))
    return total(xp, a * b, axes)


def _pieces(x: Any, *more: Any) -> Iterator[tuple[Any, ...]]:
    """``x`` and arrays that broadcast with it, cut along the outermost dimension in memory."""
    n = x.shape[0] if x.ndim else 1
    if x.nbytes <= 2 * _PIECE:
        yield (x, *more)
        return
    axis = order_of(x)[0]
    n = x.shape[axis]
    step = max(1, n * _PIECE // x.nbytes)
    for start in range(0, n, step):
        cut = (*(slice(None),) * axis, slice(start, start + step))
        yield (x[cut], *(m[cut] if m.shape[axis] == n else m for m in more))


def _inner(stat: Any, x: Any) -> Any:
    """A statistic repeated along one more inner dimension of ``x``, where its own inner run is short.

    With images innermost in memory, numbers per image are repeated for each pixel: rows of 16 numbers
    would cost more in loops than in arithmetic.
    """
    if x.ndim < 3 or stat.size == 1 or x.nbytes < 1 << 15:
        return stat
    order = order_of(x)
    last, next_ = order[-1], order[-2]
    if stat.shape[last] == 1 or stat.shape[next_] != 1 or x.shape[last] > 128:
        return stat
    shape = [x.shape[a] if a == next_ else stat.shape[a] for a in order]
    wide = np.ascontiguousarray(np.broadcast_to(stat.transpose(order), shape))
    back = [0] * len(order)
    for k, a in enumerate(order):
        back[a] = k
    return wide.transpose(back)


def moments(xp: Any, x: Any, axes: Any, eps: float) -> tuple[Any, Any, Any]:
    """Mean, variance and 1 / sqrt(variance + eps), each with the reduced dimensions of size 1."""
    n = x.dtype.type(max(1, reduced_count(x.shape, axes)))
    mean = total(xp, x, axes) / n
    if xp is np and x.size:
        near = _inner(mean, x)
        var = np.zeros(mean.shape, x.dtype)
        for piece, m, to in _pieces(x, near, var):
            centred = piece - m
            to += dot(np, centred, centred, axes)
        var /= n
    else:
        centred = x - mean
        var = dot(xp, centred, centred, axes) / n
    return mean, var, 1 / xp.sqrt(var + x.dtype.type(eps))


def standardized(xp: Any, x: Any, mean: Any, scale: Any, shift: Any = None) -> Any:
    """(x - mean) * scale + shift, as x * scale + (shift - mean * scale)."""
    rest = -mean * scale if shift is None else shift - mean * scale
    if xp is not np or not x.size:
        return x * scale + rest
    out = np.empty_like(x)
    for piece, to, s, b in _pieces(x, out, _inner(scale, x), _inner(rest, x)):
        np.multiply(piece, s, out=to)
        to += b
    return out


def standardized_rows(x: Any, eps: float) -> tuple[Any, Any, Any]:
    """Rows of a numpy array standardised, with their means and 1 / deviations: what is centred is kept."""
    n = x.dtype.type(x.shape[-1])
    mean = total(np, x, (x.ndim - 1,)) / n
    out = x - mean
    rstd = 1 / np.sqrt(np.vecdot(out, out)[..., None] / n + x.dtype.type(eps))
    out *= rstd
    return out, mean, rstd


def standardize_grad(xp: Any, g: Any, x: Any, mean: Any, rstd: Any, axes: Any) -> Any:
    """r (g - E[g] - u E[g u]) with u = (x - mean) r the standardised x."""
    n = x.dtype.type(max(1, reduced_count(x.shape, axes)))
    slope = product(xp, g, x, mean, axes) * (rstd * rstd * rstd / n)
    rest = slope * mean - rstd * (total(xp, g, axes) / n)
    if xp is not np or not x.size:
        return g * rstd - x * slope + rest
    out = np.empty_like(x)
    stats = (_inner(t, x) for t in (rstd, slope, rest))
    for piece, to, gp, r, a, b in _pieces(x, out, g, *stats):
        np.multiply(gp, r, out=to)
        to -= piece * a
        to += b
    return out


def product(xp: Any, g: Any, x: Any, mean: Any, axes: Any) -> Any:
    """The sum of g (x - mean) over ``axes``."""
    if xp is not np or not x.size:
        return dot(xp, g, x - mean, axes)
    sums = np.zeros(kept_shape(x.shape, axes), x.dtype)
    for piece, to, gp, m in _pieces(x, sums, g, _inner(mean, x)):
        to += dot(np, piece - m, gp, axes)
    return sums
