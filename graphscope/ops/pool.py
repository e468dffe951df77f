"""Pooling in one and two dimensions: the largest or the mean of each window.

The loops run over the kernel's few offsets; each step handles all images, channels and windows at once.
Padded copies lie in memory as (H, C, W, N), as convolutions leave their results.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.norm_kernels import total
from graphscope.ops.pool_plan import Params, Plan, rule
from graphscope.ops.samples import arrays, made


def _flat(kernel: Any) -> Any:
    """A kernel of two-dimensional arrays that also takes one-dimensional ones, as images of one row."""

    def lifted(xp: Any, x: Any, *rest: Any, **p: Any) -> Any:
        if len(p["kernel"]) == 2:
            return kernel(xp, x, *rest, **p)
        if p.get("size") is not None:
            p["size"] = (1, *p["size"])
        got = kernel(xp, x[:, :, None], *(r[:, :, None] for r in rest), **p)
        return tuple(a[:, :, 0] for a in got) if isinstance(got, tuple) else got[:, :, 0]

    return lifted


def _max_pool(xp: Any, x: Any, **p: Any) -> Any:
    plan = Plan(x.shape[2:], p)
    x = plan.pad_with(xp, x, -xp.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min)
    rows, cols = plan.cuts[0]
    best = x[:, :, rows, cols].copy(order="K")
    small = xp.uint8 if len(plan.cuts) <= 256 else xp.int32
    which = xp.zeros_like(best, dtype=small)
    for k, (rows, cols) in enumerate(plan.cuts[1:], 1):
        here = x[:, :, rows, cols]
        # Offsets grow, so the later winner is the maximum; ">" leaves ties to the first one.
        xp.maximum(which, (here > best) * small(k), out=which)
        xp.maximum(best, here, out=best)
    return best, which


def _input_grad(xp: Any, g: Any, which: Any, **p: Any) -> Any:
    plan = Plan(p["size"], p)
    # After a flatten g lies image by image; which does not.
    g = xp.ascontiguousarray(g.transpose(2, 1, 3, 0)).transpose(3, 1, 0, 2)
    out = plan.blank(xp, g, xp.empty if plan.tiles else xp.zeros)
    for k, (rows, cols) in enumerate(plan.cuts):
        if plan.tiles:
            xp.multiply(g, which == k, out=out[:, :, rows, cols])
        else:
            out[:, :, rows, cols] += g * (which == k)
    return out[plan.inside] if plan.padded else out


def _pick(xp: Any, x: Any, which: Any, **p: Any) -> Any:
    plan = Plan(x.shape[2:], p)
    x = plan.pad_with(xp, x, 0)
    out = None
    for k, (rows, cols) in enumerate(plan.cuts):
        part = x[:, :, rows, cols] * (which == k)
        out = part if out is None else xp.add(out, part, out=out)
    return out


def _places(xp: Any, which: Any, p: Params, size: Any) -> Any:
    """The winners' positions in their images, counted row by row."""
    plan = Plan(size, p)
    kw = plan.kernel[1]
    steps = [xp.arange(n) * s - q for n, s, q in zip(plan.out, plan.stride, plan.pad, strict=True)]
    k = which.astype(xp.int64)
    row = steps[0][:, None] + k // kw * plan.dilation[0]
    return row * size[1] + steps[1] + k % kw * plan.dilation[1]


def _max_with_indices(xp: Any, x: Any, **p: Any) -> Any:
    best, which = _max_pool(xp, x, **p)
    return best, _places(xp, which, p, x.shape[2:]), which


def _scale(xp: Any, plan: Plan, p: Params, dtype: Any) -> Any:
    """One over the number of pixels that each window counts: a number, or (OH, OW)."""
    if p.get("divisor_override"):
        return dtype.type(1 / p["divisor_override"])
    counts = []
    for n, k, s, q, o in zip(plan.size, plan.kernel, plan.stride, plan.pad, plan.out, strict=True):
        start = np.arange(o) * s - q
        if p.get("count_include_pad", True):
            counts.append(np.minimum(start + k, n + q) - start)
        else:
            counts.append(np.minimum(start + k, n) - np.maximum(start, 0))
    area = np.multiply.outer(*counts)
    if area.size and (area == area.flat[0]).all():
        return dtype.type(1 / area.flat[0])
    return xp.asarray((1 / area).astype(dtype))


def _avg_pool(xp: Any, x: Any, **p: Any) -> Any:
    plan = Plan(x.shape[2:], p)
    scale = _scale(xp, plan, p, x.dtype)
    if plan.out == (1, 1) and not plan.padded and plan.kernel == tuple(plan.size):
        out = total(xp, x, (2, 3))
    else:
        x = plan.pad_with(xp, x, 0)
        rows, cols = plan.cuts[0]
        out = x[:, :, rows, cols].copy(order="K")
        for rows, cols in plan.cuts[1:]:
            out += x[:, :, rows, cols]
    out *= scale
    return out


def _avg_input_grad(xp: Any, g: Any, **p: Any) -> Any:
    plan = Plan(p["size"], p)
    part = g * _scale(xp, plan, p, g.dtype)
    if plan.tiles:
        out = plan.blank(xp, g, xp.empty)
        for rows, cols in plan.cuts:
            out[:, :, rows, cols] = part
        return out
    out = plan.blank(xp, g, xp.zeros)
    for rows, cols in plan.cuts:
        out[:, :, rows, cols] += part
    return out[plan.inside]


# ---------------------------------------------------------------- rows

# Signatures name the params, since a row reads them from there.
_flat_max, _flat_grad, _flat_pick = _flat(_max_pool), _flat(_input_grad), _flat(_pick)
_flat_indices, _flat_avg, _flat_spread = _flat(_max_with_indices), _flat(_avg_pool), _flat(_avg_input_grad)  # fmt: skip


def _max_kernel(
    xp: Any, x: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, size: Any = None
) -> Any:  # fmt: skip
    p = dict(kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)
    rule(x.shape, **p)
    return _flat_max(xp, x, **p)


def _indices_kernel(
    xp: Any, x: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, size: Any = None
) -> Any:  # fmt: skip
    p = dict(kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)
    rule(x.shape, **p)
    best, places, which = _flat_indices(xp, x, **p)
    return (best, places), which


def _avg_kernel(
    xp: Any, x: Any, *, kernel: Any, stride: Any, padding: Any, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: Any = None, size: Any = None,
) -> Any:  # fmt: skip
    p = dict(kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode)
    rule(x.shape, **p)
    return _flat_avg(xp, x, **p, count_include_pad=count_include_pad, divisor_override=divisor_override)  # fmt: skip


def _back(F: Any, which: str, a: Any, b: Any, k: Any, s: Any, p: Any, d: Any, c: Any, n: Any) -> Any:  # fmt: skip
    return getattr(F, which)(a, b, kernel=k, stride=s, padding=p, dilation=d, ceil_mode=c, size=n)


def _spread(F: Any, g: Any, k: Any, s: Any, p: Any, c: Any, i: Any, o: Any, n: Any) -> Any:
    return F.avg_pool_input_grad(
        g, kernel=k, stride=s, padding=p, ceil_mode=c, count_include_pad=i, divisor_override=o, size=n
    )  # fmt: skip


def _distinct(*shape: int) -> Any:
    """A sample without ties, so that finite differences do not step over one."""
    n = int(np.prod(shape))
    return lambda rng: (rng.permutation(n).astype("float64").reshape(shape) / 7,)


def _settings(kernel: Any, stride: Any, size: Any, padding: Any = None, **more: Any) -> Params:
    return dict(kernel=kernel, stride=stride, padding=padding or (0,) * len(size), size=size, **more)  # fmt: skip


def _wide(p: Params, dilation: int = 1, ceil_mode: bool = False) -> Params:
    return {**p, "dilation": (dilation,) * len(p["size"]), "ceil_mode": ceil_mode}


_TILED = _settings((2, 2), (2, 2), (4, 6))
_OVERLAP = _settings((3, 3), (2, 2), (5, 6), (1, 1))
_RAGGED = _settings((2, 3), (2, 3), (5, 7))
_LINE = _settings((3,), (2,), (7,), (1,))
_MAX = tuple(
    made(_distinct(2, 2, *p["size"]), **p)
    for p in (_wide(_TILED), _wide(_OVERLAP), _wide(_RAGGED, 1, True), _wide(_RAGGED, 2))
)
_MAX1 = (made(_distinct(2, 2, 7), **_wide(_LINE)), made(_distinct(1, 2, 7), **_wide(_LINE, 2, True)))  # fmt: skip
_AVG = tuple(
    arrays((2, 2, *p["size"]), **p)
    for p in (
        _TILED, _OVERLAP, {**_RAGGED, "ceil_mode": True}, {**_OVERLAP, "count_include_pad": False},
        {**_OVERLAP, "divisor_override": 5}, _settings((4, 6), (4, 6), (4, 6)),
    )
)  # fmt: skip
_AVG1 = (arrays((2, 2, 7), **_LINE), arrays((2, 2, 7), **_LINE, ceil_mode=True, count_include_pad=False))  # fmt: skip
_ERRORS = (
    ((2, 3, 2, 2), _wide(_settings((3, 3), (3, 3), (2, 2))), "larger than"),
    ((2, 2), _wide(_settings((3, 3), (3, 3), (2, 2))), "(N, C, H, W)"),
    ((1, 1, 8, 8), _wide(_settings((2, 2), (2, 2), (8, 8), (2, 2))), "half of the kernel"),
)


def _winners(shape: Any, out: Any, p: Params) -> Any:
    return made(lambda r: (r.normal(size=shape), r.integers(0, 4, out).astype("uint8")), **_wide(p))


_UNPOOL = (
    _winners((2, 2, 2, 3), (2, 2, 2, 3), _TILED), _winners((1, 2, 3, 3), (1, 2, 3, 3), _OVERLAP),
)  # fmt: skip
_PICK = (
    _winners((2, 2, 4, 6), (2, 2, 2, 3), _TILED), _winners((1, 2, 5, 6), (1, 2, 3, 3), _OVERLAP),
)  # fmt: skip

# ``which``, the winning offset of each window, is one byte where keeping x would cost four per pixel.
_max_vjp = dict(x=lambda F, g, aux, kernel, stride, padding, dilation, ceil_mode, size: _back(
    F, "max_pool_input_grad", g, aux, kernel, stride, padding, dilation, ceil_mode, size))  # fmt: skip
_indices_vjp = dict(x=lambda F, g, aux, kernel, stride, padding, dilation, ceil_mode, size: _back(
    F, "max_pool_input_grad", g[0], aux, kernel, stride, padding, dilation, ceil_mode, size))  # fmt: skip
_avg_vjp = dict(
    x=lambda F, g, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override, size: _spread(
        F, g, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override, size))  # fmt: skip

ROWS = [
    Op(
        f"max_pool{d}d", _max_kernel, tex=r"\mathrm{{maxpool}}({x})", family="reduce", aux=True,
        values=("size",), shape=rule, vjp=_max_vjp, samples=samples, errors=errors,
        flops=lambda x, **_: x.size, doc="The largest element of each window; the gradient goes to the first largest.",
    )
    for d, samples, errors in ((2, _MAX, _ERRORS), (1, _MAX1, ()))
] + [
    Op(
        f"max_pool{d}d_with_indices", _indices_kernel, tex=r"\mathrm{{maxpool}}({x})", family="reduce",
        aux=True, multi=True, values=("size",), vjp=_indices_vjp, flops=lambda x, **_: x.size, samples=samples,
        doc="The largest element of each window, and its place in the image.",
    )
    for d, samples in ((2, _MAX), (1, _MAX1))
] + [
    Op(
        f"avg_pool{d}d", _avg_kernel, tex=r"\mathrm{{avgpool}}({x})", family="reduce", values=("size",),
        shape=rule, vjp=_avg_vjp, samples=samples, flops=lambda x, **_: x.size, doc="The mean of each window.",
    )
    for d, samples in ((2, _AVG), (1, _AVG1))
] + [
    Op(
        "max_pool_input_grad",
        lambda xp, g, which, *, kernel, stride, padding, dilation, ceil_mode, size: _flat_grad(
            xp, g, which, kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode, size=size),
        tex=r"\mathrm{{unpool}}({g})", family="reduce", values=("size",),
        vjp=dict(g=lambda F, h, which, kernel, stride, padding, dilation, ceil_mode, size: _back(
            F, "max_pool_pick", h, which, kernel, stride, padding, dilation, ceil_mode, size)),
        samples=_UNPOOL, doc="The gradient of max pooling: each window pays back to its winner.",
    ),
    Op(
        "max_pool_pick",
        lambda xp, x, which, *, kernel, stride, padding, dilation, ceil_mode, size=None: _flat_pick(
            xp, x, which, kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode),
        tex=r"{x}[\mathrm{{argmax}}]", family="reduce", values=("size",),
        vjp=dict(x=lambda F, g, which, kernel, stride, padding, dilation, ceil_mode, size: _back(
            F, "max_pool_input_grad", g, which, kernel, stride, padding, dilation, ceil_mode, size)),
        samples=_PICK, doc="The elements at the winners of an earlier max pooling.",
    ),
    Op(
        "avg_pool_input_grad",
        lambda xp, g, *, kernel, stride, padding, ceil_mode=False, count_include_pad=True,
            divisor_override=None, size=None: _flat_spread(
                xp, g, kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode,
                count_include_pad=count_include_pad, divisor_override=divisor_override, size=size),
        tex=r"\mathrm{{spread}}({g})", family="reduce", values=("size",),
        vjp=dict(g=lambda F, h, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override, size:
            getattr(F, f"avg_pool{len(size)}d")(
                h, kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode,
                count_include_pad=count_include_pad, divisor_override=divisor_override, size=size)),
        samples=(arrays((2, 2, 2, 3), **_TILED), arrays((1, 2, 3, 3), **_OVERLAP), arrays((2, 2, 4), **_LINE)),
        doc="The gradient of average pooling: each window pays back evenly.",
    ),
]  # fmt: skip
