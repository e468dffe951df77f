"""Losses whose target says which class, or which classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.create import to_device
from graphscope.engine.dispatch import as_tensor
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError, ShapeError, UsageError
from graphscope.nn.functional.activation import logsigmoid
from graphscope.nn.functional.loss import reduced, reduction_name, run
from graphscope.ops import functions as fn
from graphscope.ops import loss, loss_soft

__all__ = [
    "cross_entropy", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss"
]  # fmt: skip


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None,
    ignore_index: int = -100, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Minus the log-probability of the right class."""
    inputs = (input, target) if weight is None else (input, target, weight)
    return run(
        loss.nll_loss, *inputs, reduction=reduction_name(reduction, size_average, reduce),
        ignore_index=ignore_index, smoothing=0.0, shape=input._a.shape,
    )  # fmt: skip


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None,
    ignore_index: int = -100, reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Cross entropy of logits with class numbers, or with class probabilities of the input's shape."""
    how = reduction_name(reduction, size_average, reduce)
    if not 0 <= label_smoothing <= 1:
        raise at_line(
            RangeError,
            f"cross_entropy: label_smoothing={label_smoothing} is the share of a target that all classes get; give a "
            "number from 0 to 1",
        )
    target = as_tensor(target)
    inputs = (input, target) if weight is None else (input, target, weight)
    if target._a.dtype.kind == "f" and target._a.shape == input._a.shape:
        if ignore_index >= 0:
            raise at_line(
                RangeError,
                f"cross_entropy: a target of probabilities {tuple(target._a.shape)} names no class that "
                f"ignore_index={ignore_index} could mean; leave it out, or pass class numbers",
            )
        return run(
            loss_soft.cross_entropy_soft, *inputs, reduction=how, smoothing=float(label_smoothing)
        )
    return run(
        loss.cross_entropy, *inputs, reduction=how, ignore_index=ignore_index, smoothing=float(label_smoothing)
    )  # fmt: skip


def _like(value: Any, input: Tensor) -> Tensor:
    out: Tensor = to_device(as_tensor(np.asarray(value)), input.device)
    return out


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, size_average: Any = None,
    reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Mean over the wrong classes of max(0, margin - score of the right class + score) to the p."""
    how = reduction_name(reduction, size_average, reduce)
    if p not in (1, 2):
        raise at_line(UsageError, f"multi_margin_loss: the power p={p} is neither 1 nor 2")
    if input._a.ndim not in (1, 2):
        raise at_line(
            ShapeError,
            f"multi_margin_loss: the input is (N, C) or (C,), not {tuple(input._a.shape)}",
        )
    if input._a.ndim == 1:
        out = multi_margin_loss(
            fn.unsqueeze(input, 0), fn.reshape(target, -1), p, margin, weight, reduction="none"
        )
        return fn.reshape(out, ()) if how == "none" else reduced(out, how)
    n = input._a.shape[1]
    column = fn.unsqueeze(target, 1)
    each: Any = fn.clamp(fn.add(fn.sub(input, fn.gather(input, 1, column)), margin), min=0)
    if p == 2:
        each = fn.square(each)
    if weight is not None:
        each = each * fn.unsqueeze(weight[target], 1)
    wrong = fn.ne(column, _like(np.arange(n), input))
    return reduced(fn.div(fn.sum(each * wrong, 1), n), how)


def multilabel_margin_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """Margin loss where each target row lists the right classes, ended by -1."""
    how = reduction_name(reduction, size_average, reduce)
    if target._a.shape != input._a.shape or input._a.ndim not in (1, 2):
        raise at_line(
            ShapeError,
            f"multilabel_margin_loss: input {tuple(input._a.shape)} and target {tuple(target._a.shape)} must both be "
            "(N, C), or both (C,)",
        )
    if input._a.ndim == 1:
        out = multilabel_margin_loss(
            fn.unsqueeze(input, 0), fn.unsqueeze(target, 0), reduction="none"
        )
        return fn.reshape(out, ()) if how == "none" else reduced(out, how)
    labels = target._host()
    n = labels.shape[1]
    listed = np.cumprod(labels >= 0, axis=1).astype(bool)  # everything before the first -1
    right = (np.where(listed, labels, -1)[:, :, None] == np.arange(n)).any(1)
    scores = fn.gather(input, 1, _like(np.where(listed, labels, 0), input))
    gaps: Any = fn.clamp(fn.add(fn.sub(fn.unsqueeze(input, 1), fn.unsqueeze(scores, 2)), 1), min=0)
    counted = _like((listed[:, :, None] & ~right[:, None, :]).astype(input._a.dtype), input)
    return reduced(fn.div(fn.sum(gaps * counted, (1, 2)), n), how)


def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Mean over classes of the cross entropy of each class's logit with 0 or 1."""
    how = reduction_name(reduction, size_average, reduce)
    each: Any = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        each = each * weight
    return reduced(fn.div(fn.sum(each, -1), input._a.shape[-1]), how)
