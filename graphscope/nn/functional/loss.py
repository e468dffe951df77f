"""Losses of two tensors of one shape."""

from __future__ import annotations

import warnings
from typing import Any

from graphscope.engine.dispatch import call, constant
from graphscope.engine.explain import at_line
from graphscope.engine.frames import user_line
from graphscope.engine.half import in_float32
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError, ShapeError, UsageError
from graphscope.ops import functions as fn
from graphscope.ops import loss_pairs as pairs

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "hinge_embedding_loss",
    "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss", "poisson_nll_loss",
    "smooth_l1_loss", "soft_margin_loss",
]  # fmt: skip


def run(row: Any, *inputs: Any, **params: Any) -> Tensor:
    """Run a row."""
    out: Tensor = call(row, *inputs, **params)
    return out


def reduction_name(reduction: str, size_average: Any = None, reduce: Any = None) -> str:
    """'mean', 'sum' or 'none'; also torch's older spellings ('elementwise_mean', size_average, reduce)."""
    if size_average is not None or reduce is not None:
        name = "none" if reduce is False else "sum" if size_average is False else "mean"
        warnings.warn(
            f"size_average and reduce are old options of losses; the same is reduction={name!r} now.",
            stacklevel=3,
        )
        return name
    if reduction == "elementwise_mean":
        warnings.warn(
            "reduction='elementwise_mean' is an old name; write reduction='mean'.",
            stacklevel=3,
        )
        return "mean"
    if reduction not in ("mean", "sum", "none"):
        raise at_line(
            UsageError, f"there is no reduction={reduction!r}; choose 'mean', 'sum' or 'none'"
        )
    return reduction


def reduced(each: Tensor, reduction: str) -> Tensor:
    """The loss of each element, or their mean or sum."""
    return each if reduction == "none" else fn.mean(each) if reduction == "mean" else fn.sum(each)


def _difference(name: str, input: Tensor, target: Tensor) -> tuple[str, str]:
    """In words how the shapes differ and what makes them equal; two empty texts if they do not."""
    a, b = tuple(input._a.shape), tuple(target._a.shape)
    if a == b:
        return "", ""
    fix = "give both one shape"
    if a[:-1] == b and a[-1:] == (1,):
        fix = "target.unsqueeze(-1), or input.squeeze(-1)"
    elif b[:-1] == a and b[-1:] == (1,):
        fix = "input.unsqueeze(-1), or target.squeeze(-1)"
    return f"{name}: the input has the shape {a}, the target {b}", fix


def _warn_of_sizes(name: str, input: Tensor, target: Tensor) -> None:
    what, fix = _difference(name, input, target)
    if what:
        warnings.warn(
            f"{what}. Every pair that broadcasting makes is compared, which is another loss than that of equal "
            f"shapes; {fix}. ({user_line(3)})",
            stacklevel=3,
        )


def _refuse_sizes(name: str, input: Tensor, target: Tensor) -> None:
    what, fix = _difference(name, input, target)
    if what:
        raise at_line(ShapeError, f"{what}; each number of the input needs a target. Try: {fix}")


def _weighted(
    row: Any, input: Tensor, target: Tensor, weight: Tensor, how: str, **more: Any
) -> Any:
    if weight._a.shape != input._a.shape:
        raise at_line(
            ShapeError,
            f"{row.name}: the weight is {tuple(weight._a.shape)}, the input {tuple(input._a.shape)}; each element needs "
            "a weight, so give both one shape",
        )
    each: Any = run(row, input, target, reduction="none", **more)
    return each * weight, how


def _by_weight(each: Tensor, weight: Tensor, how: str) -> Tensor:
    return fn.div(fn.sum(each), fn.sum(weight)) if how == "mean" else reduced(each, how)


@in_float32
def mse_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Squared differences: their mean, their sum, or each."""
    how = reduction_name(reduction, size_average, reduce)
    _warn_of_sizes("mse_loss", input, target)
    if weight is not None:
        each, how = _weighted(pairs.mse_loss, input, target, weight, how)
        return _by_weight(each, weight, how)
    return run(pairs.mse_loss, input, target, reduction=how)


@in_float32
def l1_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Absolute differences."""
    how = reduction_name(reduction, size_average, reduce)
    _warn_of_sizes("l1_loss", input, target)
    if weight is not None:
        each, how = _weighted(pairs.l1_loss, input, target, weight, how)
        return _by_weight(each, weight, how)
    return run(pairs.l1_loss, input, target, reduction=how)


@in_float32
def smooth_l1_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:  # fmt: skip
    """Squares where the difference is below beta, straight lines beyond (Girshick, 2015)."""
    how = reduction_name(reduction, size_average, reduce)
    _warn_of_sizes("smooth_l1_loss", input, target)
    if beta < 0:
        raise at_line(
            RangeError,
            f"smooth_l1_loss: beta={beta} is negative; it is where squares turn into lines, so give 0 or more",
        )
    if beta == 0:
        return run(pairs.l1_loss, input, target, reduction=how)
    return run(pairs.smooth_l1_loss, input, target, reduction=how, beta=float(beta), delta=1.0)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Half squares where the difference is below delta, lines of slope delta beyond (Huber, 1964)."""
    how = reduction_name(reduction)
    _warn_of_sizes("huber_loss", input, target)
    if delta <= 0:
        raise at_line(
            RangeError,
            f"huber_loss: delta={delta} must be above 0, it is where squares turn into lines",
        )
    more = dict(beta=float(delta), delta=float(delta))
    if weight is not None:
        each, how = _weighted(pairs.smooth_l1_loss, input, target, weight, how, **more)
        return reduced(each, how)
    return run(pairs.smooth_l1_loss, input, target, reduction=how, **more)


# ---------------------------------------------------------------- probabilities


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Cross entropy of probabilities with 0 or 1; logarithms are cut at -100, as in torch."""
    how = reduction_name(reduction, size_average, reduce)
    _refuse_sizes("binary_cross_entropy", input, target)
    more = () if weight is None else (weight,)
    return run(pairs.binary_cross_entropy, input, target, *more, reduction=how)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Cross entropy of logits with probabilities of one class, without overflow."""
    how = reduction_name(reduction, size_average, reduce)
    _refuse_sizes("binary_cross_entropy_with_logits", input, target)
    more: tuple[Any, ...] = () if weight is None else (weight,)
    if pos_weight is not None:
        more = (*(more or (constant(1.0, input._a.dtype, input._a),)), pos_weight)
    return run(pairs.binary_cross_entropy_with_logits, input, target, *more, reduction=how)


def kl_div(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:  # fmt: skip
    """Divergence of the log-probabilities ``input`` from the probabilities ``target``.

    reduction 'batchmean' divides the sum by the batch, which is the mathematical definition.
    """
    if size_average is None and reduce is None:
        if reduction == "mean":
            warnings.warn(
                f"kl_div: reduction='mean' divides by all elements of {tuple(input._a.shape)}, classes included. "
                "The divergence of each sample, averaged over the batch, is reduction='batchmean'.",
                stacklevel=2,
            )
        how = reduction if reduction == "batchmean" else reduction_name(reduction)
    else:
        how = reduction_name(reduction, size_average, reduce)
    return run(pairs.kl_div, input, target, reduction=how, log_target=log_target)


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, size_average: Any = None,
    eps: float = 1e-8, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Minus the log-likelihood of counts; ``full`` adds Stirling's approximation of ln(target!)."""
    how = reduction_name(reduction, size_average, reduce)
    return run(
        pairs.poisson_nll_loss, input, target, reduction=how, log_input=log_input, full=full, eps=eps
    )  # fmt: skip


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:  # fmt: skip
    """Minus the log-likelihood of a normal distribution of mean ``input`` and variance ``var``."""
    if isinstance(var, float):
        var = fn.add(fn.mul(input.detach(), 0), var)
    if bool(fn.any(fn.lt(var, 0))):
        raise at_line(
            UsageError,
            f"gaussian_nll_loss: var goes down to {float(fn.amin(var)):g}, and a variance is not negative. Let "
            "the network give its logarithm, and pass var=log_var.exp()",
        )
    a, b = tuple(input._a.shape), tuple(var._a.shape)
    if a != b:
        if a[:-1] == b:
            var = fn.unsqueeze(var, -1)
        elif len(a) != len(b) or sum(y for x, y in zip(a, b, strict=True) if x != y) != 1:
            raise at_line(
                ShapeError,
                f"gaussian_nll_loss: var {b} does not fit the input {a}; give it the same shape, or size 1 in the "
                "last dimension, or leave that dimension out",
            )
    if reduction not in ("none", "mean", "sum"):
        raise at_line(
            UsageError,
            f"gaussian_nll_loss: there is no reduction={reduction!r}; choose 'mean', 'sum' or 'none'",
        )
    return run(pairs.gaussian_nll_loss, input, target, var, reduction=reduction, full=full, eps=eps)


# ---------------------------------------------------------------- margins


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:  # fmt: skip
    """Logistic loss with targets -1 and 1."""
    how = reduction_name(reduction, size_average, reduce)
    return run(pairs.soft_margin_loss, input, target, reduction=how)


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """input where the target is 1, max(0, margin - input) where it is -1."""
    how = reduction_name(reduction, size_average, reduce)
    return run(pairs.hinge_embedding_loss, input, target, reduction=how, margin=float(margin))


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: Any = None,
    reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, -target (input1 - input2) + margin): target 1 wants input1 to be the larger."""
    how = reduction_name(reduction, size_average, reduce)
    if not input1._a.ndim == input2._a.ndim == target._a.ndim:
        raise at_line(
            ShapeError,
            f"margin_ranking_loss: input1 {tuple(input1._a.shape)}, input2 {tuple(input2._a.shape)} and target "
            f"{tuple(target._a.shape)} need one number of dimensions; reshape the odd one with view or unsqueeze",
        )
    return run(
        pairs.margin_ranking_loss, input1, input2, target, reduction=how, margin=float(margin)
    )
