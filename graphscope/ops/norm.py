"""Normalisation: shift and scale so that mean and variance over some dimensions are 0 and 1.

Batch, layer, group and instance norm differ only in what they average over, so they share one kernel and
one gradient. Mean and 1/deviation are kept for the gradient beside x; the gradient's own derivative treats
them as the functions of x that they are, so double backward is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops import norm_kernels as nk
from graphscope.ops.reduce import reduced_count
from graphscope.ops.samples import arrays


def _follow(xp: Any, running: Any, momentum: float, mean: Any, var: Any, n: int) -> None:
    """Move running statistics towards a batch's; the variance is the unbiased one, as in torch."""
    for kept, now in zip(running, (mean, var * (n / max(1, n - 1))), strict=True):
        now = now.reshape(-1, kept.size).mean(axis=0)  # instance norm has one per image
        kept *= kept.dtype.type(1 - momentum)
        kept += now.astype(kept.dtype) * kept.dtype.type(momentum)


def _norm(
    xp: Any, x: Any, w: Any = None, b: Any = None, *, axes: Any, eps: float, view: Any = None,
    wshape: Any = None, running: Any = None, momentum: float = 0.0,
) -> Any:  # fmt: skip
    t = x if view is None else x.reshape(view)
    if xp is np and axes == (x.ndim - 1,) and view is None and running is None and x.size:
        out, mean, rstd = nk.standardized_rows(x, eps)
        return _affine(out, w, b, wshape), (mean, rstd)
    mean, var, rstd = nk.moments(xp, t, axes, eps)
    if running is not None:
        _follow(xp, running, momentum, mean, var, reduced_count(x.shape, axes))
    if wshape is not None and (view is not None or all(wshape[i - x.ndim] == 1 for i in axes)):
        # One weight for all that is averaged, or one per channel of a group: it goes into one factor.
        m, r = (mean, rstd) if view is None else (_per_channel(xp, s, x) for s in (mean, rstd))
        scale = r if w is None else r * w.reshape(wshape)
        out = nk.standardized(xp, x, m, scale, None if b is None else b.reshape(wshape))
        return out, (mean, rstd)
    out = nk.standardized(xp, t, mean, rstd)
    if view is not None:
        out = out.reshape(x.shape)
    return _affine(out, w, b, wshape), (mean, rstd)


def _affine(out: Any, w: Any, b: Any, wshape: Any) -> Any:
    if w is not None:
        out *= w.reshape(wshape)
    if b is not None:
        out += b.reshape(wshape)
    return out


def _per_channel(xp: Any, stat: Any, x: Any) -> Any:
    """Numbers per image and group, (N, G, 1, ...), as numbers per image and channel."""
    n, groups = stat.shape[:2]
    each = xp.repeat(stat.reshape(n, groups), x.shape[1] // groups, axis=1)
    return each.reshape(n, x.shape[1], *(1,) * (x.ndim - 2))


def _weighted(F: Any, g: Any, w: Any, wshape: Any) -> Any:
    return g if w is None else g * F.reshape(w, shape=wshape, was=w.shape)


def _x_grad(F: Any, g: Any, x: Any, w: Any, aux: Any, axes: Any, eps: Any, view: Any, wshape: Any) -> Any:  # fmt: skip
    return F.standardize_grad(_weighted(F, g, w, wshape), x, *aux, axes=axes, eps=eps, view=view)


def _w_grad(F: Any, g: Any, x: Any, aux: Any, axes: Any, eps: Any, view: Any, wshape: Any) -> Any:
    others = _others(g.shape, wshape)
    if view is None and others == tuple(axes):
        got = F.standardize_dot(g, x, *aux, axes=axes, eps=eps)
    else:
        unit = F.standardize(x, *aux, axes=axes, eps=eps, view=view)
        got = F.product_sum(g, unit, axis=others)
    return _to_weight(F, got, wshape)


def _b_grad(F: Any, g: Any, wshape: Any) -> Any:
    return _to_weight(F, F.sum(g, axis=_others(g.shape, wshape), keepdims=True, shape=g.shape), wshape)  # fmt: skip


def _others(shape: Any, wshape: Any) -> tuple[int, ...]:
    """The dimensions along which a weight is repeated."""
    lead = len(shape) - len(wshape)
    return tuple(i for i in range(len(shape)) if i < lead or wshape[i - lead] == 1)


def _to_weight(F: Any, g: Any, wshape: Any) -> Any:
    """A sum in the weight's own shape: one dimension per channel, or the normalised shape."""
    own = tuple(s for s in wshape if s != 1) if 1 in wshape and len(wshape) > 1 else wshape
    if wshape[0] == 1 and len(wshape) > 1 and all(s == 1 for s in wshape[2:]):
        own = (wshape[1],)
    return F.reshape(g, shape=own, was=g.shape)


def _sample(*shape: int, axes: Any, wshape: Any, weights: int = 2, view: Any = None) -> Any:
    c = (wshape[1],) if wshape[0] == 1 and len(wshape) > 1 else wshape
    return arrays(shape, *(c,) * weights, axes=axes, eps=1e-5, view=view, wshape=wshape)


def _row(name: str, samples: Any, tex: str, doc: str) -> Op:
    return Op(
        name, _norm, tex=tex, family="reduce", aux=True, values=("running", "momentum", "view"),
        vjp=dict(x=_x_grad, w=_w_grad, b=_b_grad), samples=samples, flops=lambda x, *r, **_: 8 * x.size,
        doc=doc,
    )  # fmt: skip


_UNIT = r"\frac{{ {x} - \mu }}{{ \sigma }}"
forward = [
    _row("batch_norm", (
        _sample(4, 3, axes=(0,), wshape=(1, 3)), _sample(3, 2, 2, 3, axes=(0, 2, 3), wshape=(1, 2, 1, 1)),
        _sample(3, 2, 4, axes=(0, 2), wshape=(1, 2, 1), weights=0),
    ), _UNIT + r"\gamma + \beta", "Each channel with mean 0 and variance 1 over the batch."),
    _row("layer_norm", (
        _sample(3, 5, axes=(1,), wshape=(5,)), _sample(2, 3, 4, axes=(1, 2), wshape=(3, 4)),
        _sample(3, 5, axes=(1,), wshape=(5,), weights=1), _sample(3, 5, axes=(1,), wshape=(5,), weights=0),
    ), _UNIT + r"\gamma + \beta", "Each sample with mean 0 and variance 1 over its last dimensions."),
    _row("group_norm", (
        _sample(2, 4, 3, axes=(2, 3), wshape=(1, 4, 1), view=(2, 2, 2, 3)),
        _sample(2, 4, axes=(2,), wshape=(1, 4), view=(2, 2, 2), weights=0),
    ), _UNIT + r"\gamma + \beta", "Each group of channels of a sample with mean 0 and variance 1."),
    _row("instance_norm", (_sample(2, 3, 4, axes=(2,), wshape=(1, 3, 1)),),
         _UNIT + r"\gamma + \beta", "Each channel of each sample with mean 0 and variance 1."),
]  # fmt: skip


def _standardize(
    xp: Any, x: Any, mean: Any = None, rstd: Any = None, *, axes: Any, eps: float, view: Any = None
) -> Any:  # fmt: skip
    t = x if view is None else x.reshape(view)
    if mean is None:
        mean, _, rstd = nk.moments(xp, t, axes, eps)
    out = nk.standardized(xp, t, mean, rstd)
    return out if view is None else out.reshape(x.shape)


def _standardize_grad(
    xp: Any, g: Any, x: Any, mean: Any = None, rstd: Any = None, *, axes: Any, eps: float, view: Any = None
) -> Any:  # fmt: skip
    shape = x.shape
    if view is not None:
        g, x = g.reshape(view), x.reshape(view)
    if mean is None:
        mean, _, rstd = nk.moments(xp, x, axes, eps)
    out = nk.standardize_grad(xp, g, x, mean, rstd, axes)
    return out if view is None else out.reshape(shape)


def _curve(F: Any, h: Any, g: Any, x: Any, mean: Any, rstd: Any, axes: Any, eps: float, view: Any) -> Any:  # fmt: skip
    """The derivative of <h, standardize_grad(g, x)> with respect to x, mean and deviation included.

    With E the mean over ``axes``, u = (x - mean) r, a = E[h u], b = E[g u] and
    A = E[h g] - E[h] E[g] - a b, it is -r^2 (A u + b (h - E[h] - a u) + a (g - E[g] - b u)).
    """
    shape = tuple(x.shape)
    if view is not None:
        h, g, x = (F.reshape(t, shape=view, was=shape) for t in (h, g, x))

    def mean_of(t: Any) -> Any:
        return F.mean(t, axis=axes, keepdims=True, shape=t.shape)

    middle = x - mean_of(x)
    r = 1 / F.sqrt(mean_of(middle * middle) + eps)
    u = middle * r
    eh, eg, a, b = mean_of(h), mean_of(g), mean_of(h * u), mean_of(g * u)
    both = mean_of(h * g) - eh * eg - a * b
    out = -(r * r) * (both * u + b * (h - eh - a * u) + a * (g - eg - b * u))
    return out if view is None else F.reshape(out, shape=shape, was=out.shape)


standardize = Op(
    "standardize", _standardize, tex=_UNIT, family="reduce", values=("view",),
    vjp=dict(x=lambda F, g, x, mean, rstd, axes, eps, view: F.standardize_grad(
        g, x, *_given(mean, rstd), axes=axes, eps=eps, view=view)),
    samples=(arrays((3, 4), axes=(0,), eps=1e-5), arrays((2, 4, 3), axes=(2, 3), eps=1e-5, view=(2, 2, 2, 3))),
    doc="Mean 0 and variance 1 over some dimensions.",
)  # fmt: skip
standardize_grad = Op(
    "standardize_grad", _standardize_grad, tex=r"\sigma^{{-1}} P\,{g}", family="reduce", values=("view",),
    vjp=dict(
        # The projection is symmetric: g and h may change places.
        g=lambda F, h, x, mean, rstd, axes, eps, view: F.standardize_grad(
            h, x, *_given(mean, rstd), axes=axes, eps=eps, view=view),
        x=_curve,
    ),
    samples=(
        arrays((3, 4), (3, 4), axes=(0,), eps=1e-3), arrays((3, 2, 2, 3), (3, 2, 2, 3), axes=(0, 2, 3), eps=1e-5),
        arrays((2, 4, 3), (2, 4, 3), axes=(2, 3), eps=1e-5, view=(2, 2, 2, 3)),
    ),
    flops=lambda g, *r, **_: 8 * g.size, doc="The gradient of standardize.",
)  # fmt: skip


def _standardize_dot(
    xp: Any, g: Any, x: Any, mean: Any = None, rstd: Any = None, *, axes: Any, eps: float
) -> Any:
    if mean is None:
        mean, _, rstd = nk.moments(xp, x, axes, eps)
    return nk.product(xp, g, x, mean, axes) * rstd


def _spread(F: Any, h: Any, like: Any) -> Any:
    return F.broadcast_to(h, shape=tuple(like.shape), was=h.shape)


standardize_dot = Op(
    "standardize_dot", _standardize_dot, tex=r"\sum {g} \hat{{x}}", family="reduce",
    vjp=dict(
        g=lambda F, h, x, mean, rstd, axes, eps: _spread(F, h, x)
        * F.standardize(x, *_given(mean, rstd), axes=axes, eps=eps, view=None),
        x=lambda F, h, g, x, mean, rstd, axes, eps: F.standardize_grad(
            _spread(F, h, x) * g, x, *_given(mean, rstd), axes=axes, eps=eps, view=None),
    ),
    samples=(arrays((3, 4), (3, 4), axes=(0,), eps=1e-3),), flops=lambda g, *r, **_: 3 * g.size,
    doc="The sum of g times the standardised x: the gradient of batch norm's weight.",
)  # fmt: skip


def _given(mean: Any, rstd: Any) -> tuple[Any, ...]:
    return () if mean is None else (mean, rstd)


def _product_sum(xp: Any, a: Any, b: Any, *, axis: Any) -> Any:
    return nk.dot(xp, a, b, tuple(axis))


def _product_grad(F: Any, g: Any, other: Any) -> Any:
    return F.broadcast_to(g, shape=tuple(other.shape), was=g.shape) * other


product_sum = Op(
    "product_sum", _product_sum, tex=r"\sum {a} {b}", family="reduce",
    vjp=dict(a=lambda F, g, b: _product_grad(F, g, b), b=lambda F, g, a: _product_grad(F, g, a)),
    jvp="multilinear", flops=lambda a, b, **_: 2 * a.size,
    samples=(arrays((3, 4), (3, 4), axis=(0,)), arrays((2, 3, 4), (2, 3, 4), axis=(0, 2))),
    doc="The sum of a product over dimensions, which stay with size 1.",
)  # fmt: skip


def _eval(
    xp: Any, x: Any, mean: Any, var: Any, w: Any = None, b: Any = None, *, eps: float, wshape: Any
) -> Any:  # fmt: skip
    if mean.shape != (x.shape[1],):
        raise ShapeError(f"running_mean has {mean.size} elements, the input {x.shape[1]} channels")
    scale = 1 / xp.sqrt(var + var.dtype.type(eps))
    if w is not None:
        scale = scale * w
    shift = -mean * scale if b is None else b - mean * scale
    out = x * scale.reshape(wshape).astype(x.dtype)
    out += shift.reshape(wshape).astype(x.dtype)
    return out


def _eval_x(F: Any, g: Any, var: Any, w: Any, eps: float, wshape: Any) -> Any:
    r = 1 / F.sqrt(var + eps)
    r = r if w is None else r * w
    return g * F.reshape(r, shape=wshape, was=r.shape)


def _eval_w(F: Any, g: Any, x: Any, mean: Any, var: Any, eps: float, wshape: Any) -> Any:
    mean, var = (F.reshape(t, shape=wshape, was=t.shape) for t in (mean, var))
    unit = (x - mean) * (1 / F.sqrt(var + eps))
    return _to_weight(F, F.product_sum(g, unit, axis=_others(g.shape, wshape)), wshape)


batch_norm_eval = Op(
    "batch_norm_eval", _eval, tex=_UNIT + r"\gamma + \beta", family="reduce",
    vjp=dict(x=_eval_x, w=_eval_w, b=_b_grad),
    samples=(
        arrays((3, 2, 4), (2,), (2,), (2,), (2,), low=0.2, eps=1e-3, wshape=(1, 2, 1)),
        arrays((3, 2), (2,), (2,), low=0.2, eps=1e-3, wshape=(1, 2)),
    ),
    flops=lambda x, *r, **_: 2 * x.size,
    doc="Batch norm with the running mean and variance, as in evaluation.",
)  # fmt: skip

ROWS = [*forward, standardize, standardize_grad, standardize_dot, product_sum, batch_norm_eval]
