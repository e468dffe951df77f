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
    """(targets with ignored ones set to 0, factor of each sample or None, what a mean divides by)."""
    if target.dtype.kind not in "iu":
        raise UsageError(
            f"the target must hold class numbers (an integer dtype), it is {target.dtype}; "
            "convert it with target.long()"
        )
    factor = None
    if target.size and (xp is np or not hasattr(xp, "cuda")):
        low, high = int(target.min()), int(target.max())
        if low < 0 or high >= n:
            wrong = target[((target < 0) | (target >= n)) & (target != ignore_index)]
            if wrong.size:
                raise TargetError(
                    f"Target {int(wrong.flat[0])} is out of bounds: classes are 0..{n - 1}"
                )
            valid = target != ignore_index
            target, factor = xp.where(valid, target, 0), valid.astype(like)
        elif low <= ignore_index <= high:
            factor = (target != ignore_index).astype(like)
    else:
        valid = target != ignore_index
        target, factor = xp.where(valid, target, 0), valid.astype(like)
    if w is not None:
        factor = w[target] if factor is None else w[target] * factor
    total: Any = 1
    if reduction == "mean":
        total = like.type(target.size) if factor is None else xp.add.reduce(factor, axis=None)
    elif reduction not in ("sum", "none"):
        raise UsageError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")
    return target, factor, total


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


def _nll(
    xp: Any, x: Any, target: Any, w: Any = None, *, reduction: str = "mean", ignore_index: int = -100,
    shape: Any = None,
) -> Any:  # fmt: skip
    _rule(x.shape, target.shape, None if w is None else w.shape)
    n = x.shape[class_axis(x.shape)]
    target, factor, total = _classes(xp, target, w, reduction, ignore_index, n, x.dtype)
    loss = -_pick(xp, x, target)
    return _reduce(xp, loss if factor is None else loss * factor, reduction, total)


def _nll_grad(
    xp: Any, g: Any, target: Any, w: Any = None, *, reduction: str = "mean", ignore_index: int = -100,
    shape: Any,
) -> Any:  # fmt: skip
    axis = class_axis(shape)
    n = shape[axis]
    target, factor, total = _classes(xp, target, w, reduction, ignore_index, n, g.dtype)
    each = xp.negative(g / total if total else g * g.dtype.type("nan"))
    if factor is not None:
        each = each * factor
    if reduction != "none" and factor is None:
        each = xp.broadcast_to(each, target.shape)
    # Comparing with all class numbers is a scatter without duplicates to worry about.
    numbers = xp.arange(n).reshape((-1,) + (1,) * (len(shape) - 1 - axis))
    return xp.expand_dims(each, axis) * (xp.expand_dims(target, axis) == numbers)


def _cross_entropy(
    xp: Any, x: Any, target: Any, w: Any = None, *, reduction: str = "mean", ignore_index: int = -100,
) -> Any:  # fmt: skip
    _rule(x.shape, target.shape, None if w is None else w.shape)
    axis = class_axis(x.shape)
    target, factor, total = _classes(xp, target, w, reduction, ignore_index, x.shape[axis], x.dtype)
    if x.size:
        shifted = x - xp.max(x, axis=axis, keepdims=True)
        loss = xp.log(xp.add.reduce(xp.exp(shifted), axis=axis)) - _pick(xp, shifted, target)
    else:
        loss = xp.zeros(target.shape, x.dtype)
    return _reduce(xp, loss if factor is None else loss * factor, reduction, total)


def _cross_entropy_grad(
    xp: Any, g: Any, x: Any, target: Any, w: Any = None, *, reduction: str = "mean", ignore_index: int = -100,
) -> Any:  # fmt: skip
    axis = class_axis(x.shape)
    v = _nll_grad(xp, g, target, w, reduction=reduction, ignore_index=ignore_index, shape=x.shape)
    out = softmax_kernel(xp, x, axis=axis)
    # The columns of v hold one number each, so their sum is minus that sample's share of the loss.
    out *= xp.add.reduce(v, axis=axis, keepdims=True)
    return xp.subtract(v, out, out=out)


def _some(w: Any) -> tuple[Any, ...]:
    return () if w is None else (w,)


def _nll_vjp(
    F: Any, g: Any, target: Any, w: Any, reduction: str, ignore_index: int, shape: Any
) -> Any:
    return F.nll_loss_grad(
        g, target, *_some(w), reduction=reduction, ignore_index=ignore_index, shape=shape
    )


def _nll_grad_vjp(
    F: Any, h: Any, target: Any, w: Any, reduction: str, ignore_index: int, shape: Any
) -> Any:
    return F.nll_loss(
        h, target, *_some(w), reduction=reduction, ignore_index=ignore_index, shape=shape
    )


def _ce_vjp(F: Any, g: Any, x: Any, target: Any, w: Any, reduction: str, ignore_index: int) -> Any:
    return F.cross_entropy_grad(
        g, x, target, *_some(w), reduction=reduction, ignore_index=ignore_index
    )


def _ce_grad_vjp_g(
    F: Any, h: Any, x: Any, target: Any, w: Any, reduction: str, ignore_index: int
) -> Any:
    axis = class_axis(x.shape)
    inner = h - sum_along(F, h * F.softmax(x, axis=axis), axis)
    return _nll_grad_vjp(F, inner, target, w, reduction, ignore_index, tuple(x.shape))


def _ce_grad_vjp_x(
    F: Any, h: Any, g: Any, x: Any, target: Any, w: Any, reduction: str, ignore_index: int
) -> Any:
    axis = class_axis(x.shape)
    s = F.softmax(x, axis=axis)
    v = _nll_vjp(F, g, target, w, reduction, ignore_index, tuple(x.shape))
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
)
_GRADS = (
    _labels(3, 4, reduction="mean", grad=()),
    _labels(3, 4, reduction="none", weight=True, ignored=True, grad=(3,)),
    _labels(2, 3, 4, reduction="sum", grad=()),
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


# ---------------------------------------------------------------- regression


def _mse(xp: Any, x: Any, y: Any, *, reduction: str = "mean") -> Any:
    d = x - y
    if reduction == "none":
        return xp.square(d)
    if reduction not in ("mean", "sum"):
        raise UsageError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")
    # Element-wise squares and not a dot product: pairwise sums keep float32 sums of millions exact to 1e-7.
    out = xp.add.reduce(xp.square(d), axis=None)
    return out if reduction == "sum" else out / d.dtype.type(d.size or "nan")


def _mse_vjp(F: Any, g: Any, x: Any, y: Any, reduction: str) -> Any:
    d = x - y
    n = 1
    if reduction == "mean":
        for s in d.shape:
            n *= s
    return d * (g * (2 / (n or 1)))


mse_loss = Op(
    "mse_loss", _mse, tex=r"\lVert {x} - {y} \rVert^2", family="loss", broadcast=True, floats=True,
    vjp=dict(x=_mse_vjp, y=lambda F, g, x, y, reduction: -_mse_vjp(F, g, x, y, reduction)),
    samples=(arrays((3, 4), (3, 4), reduction="mean"), arrays((3, 4), (3, 4), reduction="sum"),
        arrays((3, 4), (4,), reduction="none"), arrays((), (), reduction="mean")),
    errors=(((3, 4), (3, 5), "do not broadcast"),), flops=lambda x, y, **_: 3 * x.size,
    doc="Squared differences: their mean, their sum, or each.",
)  # fmt: skip

ROWS = [nll_loss, nll_loss_grad, cross_entropy, cross_entropy_grad, mse_loss]
