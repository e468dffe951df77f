"""The losses: rows that stay finite for any finite input.

The negative log likelihood is linear in the log-probabilities, so ``nll_loss`` and ``nll_loss_grad`` are
each other's gradient; cross entropy from logits is log_softmax and nll_loss in one row. Targets are class
numbers, and the class dimension is the second one (the first, for an input without a batch).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import ShapeError, UsageError
from graphscope.ops.samples import arrays, made
from graphscope.ops.softmax import softmax_kernel, sum_along


class TargetError(UsageError, IndexError):
    """A target that is no class of the input; also an IndexError, which is what torch raises."""


def class_axis(shape: tuple[int, ...]) -> int:
    """Which dimension of the logits counts the classes."""
    return 1 if len(shape) > 1 else 0


# ---------------------------------------------------------------- classes


def _rule(x: tuple[int, ...], target: tuple[int, ...], w: Any = None, **_: Any) -> None:
    axis = class_axis(x)
    if not x:
        raise ShapeError("the input needs a dimension of classes, this one is a single number")
    want = x[:axis] + x[axis + 1 :]
    if tuple(target) != want:
        raise ShapeError(
            f"the target must have the input's shape without its classes, {want}; it is {tuple(target)}. "
            "Targets are class numbers, one for each prediction"
        )
    if w is not None and tuple(w) != (x[axis],):
        raise ShapeError(
            f"weight must have one number for each of the {x[axis]} classes; it is {tuple(w)}"
        )


def _classes(
    xp: Any, target: Any, w: Any, reduction: str, ignore_index: int, n: int, like: Any
) -> Any:
    """Targets with ignored ones set to 0, which are valid (None: all), each one's factor (None: 1), and
    what a mean divides by."""
    if target.dtype.kind not in "iu":
        raise UsageError(
            f"the target must hold class numbers (an integer dtype), it is {target.dtype}; "
            "convert it with target.long()"
        )
    valid = None
    if target.size and (xp is np or not hasattr(xp, "cuda")):
        low, high = int(target.min()), int(target.max())
        if low < 0 or high >= n:
            wrong = target[((target < 0) | (target >= n)) & (target != ignore_index)]
            if wrong.size:
                raise TargetError(
                    f"Target {int(wrong.flat[0])} is out of bounds: classes are 0..{n - 1}"
                )
            valid = target != ignore_index
        elif low <= ignore_index <= high:
            valid = target != ignore_index
    else:
        valid = target != ignore_index
    factor = None
    if valid is not None:
        target, valid = xp.where(valid, target, 0), valid.astype(like)
        factor = valid
    if w is not None:
        factor = w[target] if valid is None else w[target] * valid
    total: Any = 1
    if reduction == "mean":
        total = like.type(target.size) if factor is None else xp.add.reduce(factor, axis=None)
    elif reduction not in ("sum", "none"):
        raise UsageError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")
    return target, valid, factor, total


def _reduce(xp: Any, loss: Any, reduction: str, total: Any) -> Any:
    if reduction == "none":
        return loss
    out = xp.add.reduce(loss, axis=None)
    if reduction == "sum":
        return out
    return out / total if total else out * loss.dtype.type("nan")


def _pick(xp: Any, x: Any, target: Any) -> Any:
    if x.ndim == 2:
        return x[xp.arange(x.shape[0]), target]
    axis = class_axis(x.shape)
    return xp.take_along_axis(x, xp.expand_dims(target, axis), axis).squeeze(axis)


def _along(w: Any, ndim: int) -> Any:
    """Class weights in a shape that broadcasts over scores of ``ndim`` dimensions."""
    return w.reshape((-1,) + (1,) * max(ndim - 2, 0))


def _nll(
    xp: Any, x: Any, target: Any, w: Any = None, *, reduction: str = "mean", ignore_index: int = -100,
    smoothing: float = 0.0, shape: Any = None,
) -> Any:  # fmt: skip
    _rule(x.shape, target.shape, None if w is None else w.shape)
    axis = class_axis(x.shape)
    n = x.shape[axis]
    target, valid, factor, total = _classes(xp, target, w, reduction, ignore_index, n, x.dtype)
    loss = -_pick(xp, x, target)
    if factor is not None:
        loss = loss * factor
    if smoothing:
        # A share of the target is spread evenly over all classes (Szegedy et al., 2016).
        spread = xp.add.reduce(x if w is None else x * _along(w, x.ndim), axis=axis)
        if valid is not None:
            spread = spread * valid
        loss = loss * (1 - smoothing) - spread * (smoothing / n)
    return _reduce(xp, loss, reduction, total)


def _nll_grad(
    xp: Any, g: Any, target: Any, w: Any = None, *, reduction: str = "mean", ignore_index: int = -100,
    smoothing: float = 0.0, shape: Any,
) -> Any:  # fmt: skip
    axis = class_axis(shape)
    n = shape[axis]
    target, valid, factor, total = _classes(xp, target, w, reduction, ignore_index, n, g.dtype)
    each = xp.negative(g / total if total else g)  # all are ignored: factors 0 follow
    hard = each if factor is None else each * factor
    if reduction != "none":
        hard = xp.broadcast_to(hard, target.shape)
    if len(shape) == 2 and not smoothing:
        out = xp.zeros(shape, g.dtype)
        out[xp.arange(shape[0]), target] = hard
        return out
    # Comparing with all class numbers is a scatter without duplicates to worry about.
    numbers = xp.arange(n).reshape((-1,) + (1,) * (len(shape) - 1 - axis))
    hit = xp.expand_dims(target, axis) == numbers
    if not smoothing:
        return xp.expand_dims(hard, axis) * hit
    soft = each if valid is None else each * valid
    if reduction != "none":
        soft = xp.broadcast_to(soft, target.shape)
    spread = xp.expand_dims(soft * (smoothing / n), axis)
    if w is not None:
        spread = spread * _along(w, len(shape))
    return xp.expand_dims(hard * (1 - smoothing), axis) * hit + spread


def _cross_entropy(
    xp: Any, x: Any, target: Any, w: Any = None, *, reduction: str = "mean", ignore_index: int = -100,
    smoothing: float = 0.0,
) -> Any:  # fmt: skip
    _rule(x.shape, target.shape, None if w is None else w.shape)
    axis = class_axis(x.shape)
    shifted = x - xp.max(x, axis=axis, keepdims=True) if x.size else x
    if smoothing:
        logp = shifted - xp.log(xp.add.reduce(xp.exp(shifted), axis=axis, keepdims=True))
        return _nll(
            xp, logp, target, w, reduction=reduction, ignore_index=ignore_index, smoothing=smoothing
        )
    target, _, factor, total = _classes(
        xp, target, w, reduction, ignore_index, x.shape[axis], x.dtype
    )
    if x.size:
        loss = xp.log(xp.add.reduce(xp.exp(shifted), axis=axis)) - _pick(xp, shifted, target)
    else:
        loss = xp.zeros(target.shape, x.dtype)
    return _reduce(xp, loss if factor is None else loss * factor, reduction, total)


def _cross_entropy_grad(
    xp: Any, g: Any, x: Any, target: Any, w: Any = None, *, reduction: str = "mean", ignore_index: int = -100,
    smoothing: float = 0.0,
) -> Any:  # fmt: skip
    axis = class_axis(x.shape)
    if x.ndim == 2 and x.size and not smoothing:
        return _rows_grad(xp, g, x, target, w, reduction, ignore_index)
    v = _nll_grad(
        xp, g, target, w, reduction=reduction, ignore_index=ignore_index, smoothing=smoothing, shape=x.shape
    )  # fmt: skip
    out = softmax_kernel(xp, x, axis=axis)
    # The loss is linear in the log-probabilities, with factors v.
    out *= xp.add.reduce(v, axis=axis, keepdims=True)
    return xp.subtract(v, out, out=out)


def _rows_grad(
    xp: Any, g: Any, x: Any, target: Any, w: Any, reduction: str, ignore_index: int
) -> Any:
    """The gradient for a matrix of scores, with as few passes over it as possible."""
    target, _, factor, total = _classes(xp, target, w, reduction, ignore_index, x.shape[1], g.dtype)
    each = g / total if total else g
    each = xp.broadcast_to(each if factor is None else each * factor, target.shape)
    out = x - xp.max(x, axis=1, keepdims=True)
    xp.exp(out, out=out)
    out *= (each / xp.add.reduce(out, axis=1))[:, None]
    out[xp.arange(x.shape[0]), target] -= each
    return out


def _some(w: Any) -> tuple[Any, ...]:
    return () if w is None else (w,)


def _nll_vjp(
    F: Any,
    g: Any,
    target: Any,
    w: Any,
    reduction: str,
    ignore_index: int,
    smoothing: float,
    shape: Any,
) -> Any:
    return F.nll_loss_grad(
        g,
        target,
        *_some(w),
        reduction=reduction,
        ignore_index=ignore_index,
        smoothing=smoothing,
        shape=shape,
    )


def _nll_grad_vjp(
    F: Any,
    h: Any,
    target: Any,
    w: Any,
    reduction: str,
    ignore_index: int,
    smoothing: float,
    shape: Any,
) -> Any:
    return F.nll_loss(
        h,
        target,
        *_some(w),
        reduction=reduction,
        ignore_index=ignore_index,
        smoothing=smoothing,
        shape=shape,
    )


def _ce_vjp(
    F: Any, g: Any, x: Any, target: Any, w: Any, reduction: str, ignore_index: int, smoothing: float
) -> Any:
    return F.cross_entropy_grad(
        g, x, target, *_some(w), reduction=reduction, ignore_index=ignore_index, smoothing=smoothing
    )


def _ce_grad_vjp_g(
    F: Any, h: Any, x: Any, target: Any, w: Any, reduction: str, ignore_index: int, smoothing: float
) -> Any:
    axis = class_axis(x.shape)
    inner = h - sum_along(F, h * F.softmax(x, axis=axis), axis)
    return _nll_grad_vjp(F, inner, target, w, reduction, ignore_index, smoothing, tuple(x.shape))


def _ce_grad_vjp_x(
    F: Any,
    h: Any,
    g: Any,
    x: Any,
    target: Any,
    w: Any,
    reduction: str,
    ignore_index: int,
    smoothing: float,
) -> Any:
    axis = class_axis(x.shape)
    s = F.softmax(x, axis=axis)
    v = _nll_vjp(F, g, target, w, reduction, ignore_index, smoothing, tuple(x.shape))
    return -sum_along(F, v, axis) * s * (h - sum_along(F, h * s, axis))


def _labels(
    *shape: int, weight: bool = False, ignored: bool = False, grad: Any = None, **params: Any
) -> Any:
    """A sample of scores and class numbers; ``grad`` is the shape of a gradient put before them."""

    def make(rng: Any) -> tuple[Any, ...]:
        axis = class_axis(shape)
        target = rng.integers(0, shape[axis], shape[:axis] + shape[axis + 1 :])
        if ignored:
            target.flat[0] = -100
        x = (rng.normal(size=shape), target)
        first = () if grad is None else (rng.normal(size=grad),)
        return first + x + ((rng.uniform(0.5, 2, shape[axis]),) if weight else ())

    return made(make, **params)


_REDUCTIONS = (
    _labels(3, 4, reduction="mean"),
    _labels(3, 4, reduction="none", weight=True, ignored=True),
    _labels(3, 4, reduction="mean", weight=True, ignored=True),
    _labels(2, 3, 4, reduction="sum"),
    _labels(5, reduction="mean"),
    _labels(2, 3, 4, reduction="mean", weight=True, ignored=True, smoothing=0.2),
)
_GRADS = (
    _labels(3, 4, reduction="mean", grad=()),
    _labels(3, 4, reduction="none", weight=True, ignored=True, grad=(3,)),
    _labels(2, 3, 4, reduction="sum", grad=()),
    _labels(2, 3, 4, reduction="mean", weight=True, ignored=True, smoothing=0.2, grad=()),
)
_CLASS_ERRORS = (
    (arrays((3, 4), (2,)), "without its classes"),
    (made(lambda r: (r.normal(size=(2, 3)), np.array([0, 3]))), "Target 3 is out of bounds"),
    (made(lambda r: (r.normal(size=(2, 3)), np.array([0.0, 1.0]))), "target.long()"),
    (
        made(lambda r: (r.normal(size=(2, 3)), np.array([0, 1])), reduction="median"),
        "'mean', 'sum' or 'none'",
    ),
)


def _with_shape(samples: tuple[Any, ...], without: bool = False) -> tuple[Any, ...]:
    def wrap(sample: Any) -> Any:
        def make(rng: Any) -> tuple[Any, dict[str, Any]]:
            inputs, params = sample(rng)
            scores = inputs[1 if without else 0]
            rest = (inputs[0], *inputs[2:]) if without else inputs
            return rest, {**params, "shape": scores.shape}

        return make

    return tuple(wrap(s) for s in samples)


nll_loss = Op(
    "nll_loss", _nll, tex=r"-{x}_{{{target}}}", family="loss", values=("shape",), shape=_rule,
    vjp=dict(x=_nll_vjp), samples=_with_shape(_REDUCTIONS), errors=_CLASS_ERRORS,
    flops=lambda x, target, *_, **__: target.size,
    doc="Minus the log-probability of the right class.",
)  # fmt: skip

nll_loss_grad = Op(
    "nll_loss_grad", _nll_grad, tex=r"-{g}\,e_{{{target}}}", family="loss", values=("shape",),
    vjp=dict(g=_nll_grad_vjp), samples=_with_shape(_GRADS, without=True),
    doc="The gradient of nll_loss: minus one at the right class.",
)  # fmt: skip

cross_entropy = Op(
    "cross_entropy", _cross_entropy, tex=r"-\ln\mathrm{{softmax}}({x})_{{{target}}}", family="loss",
    shape=_rule, vjp=dict(x=_ce_vjp), samples=_REDUCTIONS, errors=_CLASS_ERRORS,
    flops=lambda x, *_, **__: 5 * x.size, doc="Cross entropy of logits with class numbers.",
)  # fmt: skip

cross_entropy_grad = Op(
    "cross_entropy_grad", _cross_entropy_grad, family="loss",
    tex=r"{g}\,(\mathrm{{softmax}}({x}) - e_{{{target}}})",
    vjp=dict(g=_ce_grad_vjp_g, x=_ce_grad_vjp_x), samples=_GRADS,
    flops=lambda g, x, *_, **__: 6 * x.size, doc="The gradient of cross_entropy: softmax minus the target.",
)  # fmt: skip


ROWS = [nll_loss, nll_loss_grad, cross_entropy, cross_entropy_grad]
