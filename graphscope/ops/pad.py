"""Borders around tensors: a constant, or what lies inside, mirrored, repeated or wrapped around.

``border`` counts as torch's ``pad``: (left, right) of the last dimension first, then of the one before.
"""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.samples import arrays


def _sides(ndim: int, border: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """(dimension, left, right) of each dimension with a border."""
    return [(ndim - 1 - k, border[2 * k], border[2 * k + 1]) for k in range(len(border) // 2)]


def _rule(x: tuple[int, ...], *, border: tuple[int, ...], **_: Any) -> tuple[int, ...]:
    if len(border) % 2 or len(border) // 2 > len(x):
        raise ShapeError(
            f"pad has {len(border)} numbers; it takes two for each dimension, the last dimension first, and "
            f"the input has {len(x)} dimensions"
        )
    shape = list(x)
    for axis, left, right in _sides(len(x), border):
        shape[axis] += left + right
        if shape[axis] < 0:
            raise ShapeError(
                f"dimension {axis} has {x[axis]} elements, too few to take {-left} and {-right} away"
            )
    return tuple(shape)


def _pad(xp: Any, x: Any, *, border: Any, value: Any = 0) -> Any:
    shape = _rule(x.shape, border=border)
    out = xp.full(shape, value, dtype=x.dtype) if value else xp.zeros(shape, dtype=x.dtype)
    source, target = [slice(None)] * len(shape), [slice(None)] * len(shape)
    for axis, left, right in _sides(len(shape), border):
        n = x.shape[axis]
        source[axis] = slice(max(0, -left), n - max(0, -right))
        target[axis] = slice(max(0, left), shape[axis] - max(0, right))
    out[tuple(target)] = x[tuple(source)]
    return out


constant_pad = Op(
    "constant_pad_nd", _pad, tex=r"\mathrm{{pad}}({x})", family="shape", shape=_rule, values=("value",),
    # A negative border cuts; so the gradient of a border is the same border taken away.
    vjp=dict(x=lambda F, g, border: F.constant_pad_nd(g, border=tuple(-b for b in border), value=0)),
    samples=(
        arrays((2, 3), border=(1, 2), value=0.5), arrays((2, 3, 4), border=(0, 1, -1, 2), value=0),
        arrays((3, 4), border=(-1, -2), value=0), arrays((0, 2), border=(1, 1), value=2.0),
    ),
    errors=(((2, 3), dict(border=(1, 1, 1, 1, 1, 1)), "two for each dimension"), ((2, 3), dict(border=(-2, -2)), "too few")),
    flops=lambda *a, **k: 0, doc="A border of one value; negative sizes cut.",
)  # fmt: skip


def _mode_rule(x: tuple[int, ...], *, border: Any, mode: str, **_: Any) -> tuple[int, ...]:
    for axis, left, right in _sides(len(x), border):
        n, most = x[axis], max(left, right)
        if mode == "reflect" and most >= n:
            raise ShapeError(
                f"a mirrored border must be smaller than the dimension it mirrors: border {(left, right)}, "
                f"dimension {axis} has {n} elements"
            )
        if mode == "circular" and most > n:
            raise ShapeError(
                f"a border that wraps around at most once: border {(left, right)}, dimension {axis} has {n}"
            )
    return _rule(x, border=border)


def _cut(ndim: int, axis: int, start: Any, stop: Any, step: Any = None) -> tuple[Any, ...]:
    index: list[Any] = [slice(None)] * ndim
    index[axis] = slice(start, stop, step)
    return tuple(index)


def _edges(mode: str, n: int, left: int, right: int) -> tuple[Any, Any]:
    """Which elements the left and the right border repeat, as slices of the dimension."""
    if mode == "circular":
        return slice(n - left, n), slice(0, right)
    if mode == "replicate":
        return slice(0, 1), slice(n - 1, n)
    last = n - 2 - right
    return slice(left, 0, -1), slice(n - 2, None if last < 0 else last, -1)


def _pad_mode(xp: Any, x: Any, *, border: Any, mode: str, shape: Any = None) -> Any:
    _mode_rule(x.shape, border=border, mode=mode)
    d = x.ndim
    for axis, left, right in _sides(d, border):
        n = x.shape[axis]
        a, z = _edges(mode, n, left, right)
        size = list(x.shape)
        size[axis] = n + left + right
        out = xp.empty(tuple(size), dtype=x.dtype)
        out[_cut(d, axis, left, left + n)] = x
        if left:
            out[_cut(d, axis, 0, left)] = x[_cut(d, axis, a.start, a.stop, a.step)]
        if right:
            out[_cut(d, axis, left + n, None)] = x[_cut(d, axis, z.start, z.stop, z.step)]
        x = out
    return x


def _pad_mode_grad(xp: Any, g: Any, *, border: Any, mode: str, shape: Any) -> Any:
    d = g.ndim
    for axis, left, right in reversed(_sides(d, border)):
        n = g.shape[axis] - left - right
        a, z = _edges(mode, n, left, right)
        out = g[_cut(d, axis, left, left + n)].copy()
        for edge, part in ((a, (0, left)), (z, (left + n, None))):
            back = g[_cut(d, axis, *part)]
            if not back.shape[axis]:
                continue
            if mode == "replicate":
                back = back.sum(axis=axis, keepdims=True)
            out[_cut(d, axis, edge.start, edge.stop, edge.step)] += back
        g = out
    return g


pad_mode = Op(
    "pad", _pad_mode, tex=r"\mathrm{{pad}}({x})", family="shape", shape=_mode_rule, values=("shape",),
    vjp=dict(x=lambda F, g, border, mode, shape: F.pad_grad(g, border=border, mode=mode, shape=shape)),
    samples=(
        arrays((2, 4), border=(2, 3), mode="reflect", shape=(2, 4)),
        arrays((2, 3, 3), border=(1, 2, 2, 0), mode="replicate", shape=(2, 3, 3)),
        arrays((1, 3, 4), border=(1, 4, 3, 0), mode="circular", shape=(1, 3, 4)),
    ),
    errors=(
        ((1, 3), dict(border=(3, 0), mode="reflect"), "smaller than the dimension"),
        ((1, 3), dict(border=(4, 0), mode="circular"), "at most once"),
    ),
    flops=lambda *a, **k: 0, doc="A border of what lies inside: mirrored, repeated or wrapped around.",
)  # fmt: skip
pad_grad = Op(
    "pad_grad", _pad_mode_grad, tex=r"\mathrm{{pad}}^T({g})", family="shape", values=("shape",),
    vjp=dict(g=lambda F, h, border, mode, shape: F.pad(h, border=border, mode=mode, shape=shape)),
    samples=(
        arrays((2, 9), border=(2, 3), mode="reflect", shape=(2, 4)),
        arrays((2, 5, 6), border=(1, 2, 2, 0), mode="replicate", shape=(2, 3, 3)),
    ),
    doc="The gradient of pad: borders are added to where they came from.",
)  # fmt: skip

ROWS = [constant_pad, pad_mode, pad_grad]
