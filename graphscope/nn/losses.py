"""Losses as functions; ``nn.functional`` has them all."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import as_tensor, call
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.ops import functions as fn
from graphscope.ops import loss

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "l1_loss", "mse_loss", "nll_loss",
    "smooth_l1_loss", "softplus",
]  # fmt: skip


def _run(row: Any, *inputs: Any, **params: Any) -> Tensor:
    out: Tensor = call(row, *inputs, **params)
    return out


def softplus(input: Any) -> Tensor:
    """ln(1 + e^input), without overflow."""
    return fn.add(fn.relu(input), fn.log(fn.add(fn.exp(fn.neg(fn.abs(input))), 1)))


def reduction_name(reduction: str, size_average: Any = None, reduce: Any = None) -> str:
    """'mean', 'sum' or 'none'; also torch's older spellings ('elementwise_mean', size_average, reduce)."""
    if size_average is not None or reduce is not None:
        if reduce is False:
            return "none"
        return "sum" if size_average is False else "mean"
    if reduction == "elementwise_mean":
        return "mean"
    if reduction not in ("mean", "sum", "none"):
        raise UsageError(
            f"{reduction!r} is not a valid value for reduction; there are 'mean', 'sum' and 'none'"
        )
    return reduction


def _reduced(each: Tensor, reduction: str) -> Tensor:
    reduction = reduction_name(reduction)
    return each if reduction == "none" else fn.mean(each) if reduction == "mean" else fn.sum(each)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Squared differences: their mean, their sum, or each."""
    name = reduction_name(reduction, size_average, reduce)
    return _run(loss.mse_loss, input, target, reduction=name)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Absolute differences."""
    return _reduced(fn.abs(fn.sub(input, target)), reduction_name(reduction, size_average, reduce))


def smooth_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Squares near zero, absolute differences elsewhere."""
    d: Any = fn.abs(fn.sub(input, target))
    return _reduced(fn.where(d < beta, d * d * (0.5 / beta), d - 0.5 * beta), reduction)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, reduction: str = "mean"
) -> Tensor:
    """Cross entropy of logits with probabilities of one class, without overflow."""
    # softplus takes the exponential of a negative number only.
    each = fn.sub(softplus(input), fn.mul(input, target))
    return _reduced(each, reduction)


def binary_cross_entropy(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Cross entropy of probabilities with 0 or 1; logarithms are cut at -100, as in torch."""
    yes, no = fn.clamp(fn.log(input), min=-100), fn.clamp(fn.log(1 - input), min=-100)
    return _reduced(-(target * yes + (1 - target) * no), reduction)


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None,
    ignore_index: int = -100, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Minus the log-probability of the right class."""
    inputs = (input, target) if weight is None else (input, target, weight)
    return _run(
        loss.nll_loss, *inputs, reduction=reduction_name(reduction, size_average, reduce),
        ignore_index=ignore_index, shape=input._a.shape,
    )  # fmt: skip


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None,
    ignore_index: int = -100, reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Cross entropy of logits with class numbers, or with class probabilities of the input's shape."""
    name = reduction_name(reduction, size_average, reduce)
    target = as_tensor(target)
    axis = loss.class_axis(input._a.shape)
    if target._a.dtype.kind == "f" and target._a.shape == input._a.shape:
        return _soft_cross_entropy(input, target, weight, name, label_smoothing, axis)
    inputs = (input, target) if weight is None else (input, target, weight)
    hard = _run(loss.cross_entropy, *inputs, reduction=name, ignore_index=ignore_index)
    if not label_smoothing:
        return hard
    # Torch: the smooth part is the loss of a target that is spread over all classes.
    logp: Any = fn.log_softmax(input, axis)
    if weight is not None:
        logp = logp * fn.reshape(weight, (-1,) + (1,) * (input._a.ndim - 1 - axis))
    valid: Any = fn.ne(target, ignore_index)
    smooth: Any = fn.neg(fn.sum(logp, axis)) * valid
    if name != "none":
        smooth = fn.sum(smooth)
    if name == "mean":
        w: Any = weight
        smooth = smooth / fn.sum(valid if w is None else w[fn.mul(target, valid)] * valid)
    share = label_smoothing / input._a.shape[axis]
    return fn.add(fn.mul(hard, 1 - label_smoothing), fn.mul(smooth, share))


def _soft_cross_entropy(
    input: Tensor, target: Any, weight: Any, reduction: str, smoothing: float, axis: int
) -> Tensor:
    if smoothing:
        target = target * (1 - smoothing) + smoothing / input._a.shape[axis]
    logp: Any = fn.log_softmax(input, axis)
    if weight is not None:
        logp = logp * fn.reshape(weight, (-1,) + (1,) * (input._a.ndim - 1 - axis))
    each: Any = fn.sum(logp * target, axis)
    if reduction == "mean":
        # Torch divides by the number of samples here, also with class weights.
        return fn.mean(-each)
    return _reduced(-each, reduction)
