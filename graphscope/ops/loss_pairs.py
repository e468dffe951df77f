"""Losses of two tensors, element by element: one row each, reduced inside the row.

reduction: 'mean', 'sum', 'none', and 'batchmean' (the sum by the size of the first dimension).
"""

from __future__ import annotations

import math
from typing import Any

from graphscope.engine.op import Op
from graphscope.errors import RangeError, UsageError
from graphscope.ops.samples import arrays, made


def reduced(xp: Any, each: Any, reduction: str) -> Any:
    """The loss of each element, or their mean or sum."""
    if reduction == "none":
        return each
    # Pairwise sums, which add.reduce makes, keep float32 sums of millions exact to 1e-7.
    out = xp.add.reduce(each, axis=None)
    if reduction == "sum":
        return out
    if reduction == "mean":
        return out / each.dtype.type(each.size or "nan")
    if reduction == "batchmean":
        return out / each.dtype.type((each.shape[0] if each.ndim else 1) or "nan")
    raise UsageError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")


def _each(F: Any, g: Any, d: Any, reduction: str) -> Any:
    """``g`` shared out: d is the derivative of each element's loss."""
    n = 1
    if reduction == "mean":
        for s in d.shape:
            n *= s
    elif reduction == "batchmean" and d.shape:
        n = d.shape[0]
    return d * (g if n in (0, 1) else g * (1 / n))


_SHAPES = (
    arrays((3, 4), (3, 4), reduction="mean"), arrays((3, 4), (3, 4), reduction="sum"),
    arrays((3, 4), (4,), reduction="none"), arrays((), (), reduction="mean"),
)  # fmt: skip
_CLASH = (((3, 4), (3, 5), {"reduction": "mean"}, "do not broadcast"),)


def _with(samples: Any, **params: Any) -> tuple[Any, ...]:
    def wrap(sample: Any) -> Any:
        def make(rng: Any) -> Any:
            inputs, own = sample(rng)
            return inputs, {**own, **params}

        return make

    return tuple(wrap(s) for s in samples)


def _row(
    name: str, kernel: Any, vjp: Any, tex: str, doc: str, samples: Any = _SHAPES, **more: Any
) -> Op:
    return Op(
        name, kernel, tex=tex, family="loss", broadcast=True, floats=True, vjp=vjp, samples=samples,
        flops=lambda x, *_, **__: 3 * x.size, doc=doc, **more,
    )  # fmt: skip


# ---------------------------------------------------------------- differences


def _mse_d(F: Any, g: Any, x: Any, y: Any, reduction: str) -> Any:
    return _each(F, 2 * g, x - y, reduction)


mse_loss = _row(
    "mse_loss", lambda xp, x, y, *, reduction="mean": reduced(xp, xp.square(x - y), reduction),
    dict(x=_mse_d, y=lambda F, g, x, y, reduction: -_mse_d(F, g, x, y, reduction)),
    r"\lVert {x} - {y} \rVert^2", "Squared differences: their mean, their sum, or each.", errors=_CLASH,
)  # fmt: skip

l1_loss = _row(
    "l1_loss", lambda xp, x, y, *, reduction="mean": reduced(xp, xp.absolute(x - y), reduction),
    dict(x=lambda F, g, x, y, reduction: _each(F, g, F.sign(x - y), reduction),
         y=lambda F, g, x, y, reduction: _each(F, g, F.sign(y - x), reduction)),
    r"|{x} - {y}|", "Absolute differences.", errors=_CLASH,
)  # fmt: skip


def _smooth(xp: Any, x: Any, y: Any, *, reduction: str = "mean", beta: float, delta: float) -> Any:
    d = xp.absolute(x - y)
    near = xp.minimum(d, beta)
    # Where d is far, near is beta: beta / 2 + (d - beta) is the straight piece.
    return reduced(xp, (near * near * (0.5 / beta) + (d - near)) * delta, reduction)


def _smooth_d(F: Any, g: Any, x: Any, y: Any, reduction: str, beta: float, delta: float) -> Any:
    d = F.maximum(F.minimum((x - y) / beta, 1), -1)
    return _each(F, g * delta if delta != 1 else g, d, reduction)


smooth_l1_loss = _row(
    "smooth_l1_loss", _smooth,
    dict(x=_smooth_d,
         y=lambda F, g, x, y, reduction, beta, delta: -_smooth_d(F, g, x, y, reduction, beta, delta)),
    r"\mathrm{{smooth\,l_1}}({x} - {y})",
    "Squares where the difference is below beta, straight beyond; times delta (then it is huber_loss).",
    (*_with(_SHAPES, beta=1.0, delta=1.0), *_with(_SHAPES, beta=0.5, delta=0.5)),
)  # fmt: skip

# ---------------------------------------------------------------- probabilities


def _bce(xp: Any, x: Any, y: Any, w: Any = None, *, reduction: str = "mean") -> Any:
    inside = (x >= 0) & (x <= 1)
    if not hasattr(xp, "cuda") and not bool(inside.all()):
        raise RangeError(
            f"the input holds {float(x[~inside].reshape(-1)[0])}, and a probability lies between 0 and 1. Put a "
            "sigmoid before it, or give the logits to binary_cross_entropy_with_logits"
        )
    # Logarithms stop at -100, so that a certain and wrong answer costs 100 and not infinity.
    tiny = x.dtype.type(math.exp(-80))
    yes = xp.where(x > 0, xp.maximum(xp.log(xp.maximum(x, tiny)), -100), -100)
    no = xp.where(
        x < 1, xp.maximum(xp.log1p(-xp.minimum(x, 1 - xp.finfo(x.dtype).eps / 4)), -100), -100
    )
    each = -(y * yes + (1 - y) * no)
    return reduced(xp, each if w is None else each * w, reduction)


def _weighted(d: Any, w: Any) -> Any:
    return d if w is None else d * w


def _bce_x(F: Any, g: Any, x: Any, y: Any, w: Any, reduction: str) -> Any:
    d = (x - y) / F.maximum(x * (1 - x), 1e-12)
    return _each(F, g, _weighted(d, w), reduction)


def _bce_y(F: Any, g: Any, x: Any, w: Any, reduction: str) -> Any:
    d = F.log(F.maximum(1 - x, 1e-12)) - F.log(F.maximum(x, 1e-12))
    return _each(F, g, _weighted(d, w), reduction)


_PROBABILITIES = tuple(
    made(make, reduction=reduction)
    for reduction, make in (
        ("mean", lambda r: (r.uniform(0.1, 0.9, (3, 4)), r.uniform(size=(3, 4)))),
        (
            "sum",
            lambda r: (r.uniform(0.1, 0.9, (3, 4)), r.uniform(size=(3, 4)), r.uniform(size=(4,))),
        ),
        ("none", lambda r: (r.uniform(0.1, 0.9, ()), r.uniform(size=()))),
    )
)
binary_cross_entropy = _row(
    "binary_cross_entropy", _bce, dict(x=_bce_x, y=_bce_y),
    r"-{y}\ln {x} - (1 - {y})\ln(1 - {x})", "Cross entropy of probabilities with 0 or 1.", _PROBABILITIES,
    errors=((made(lambda r: (r.normal(size=3) + 5, r.normal(size=3)), reduction="mean"), "between 0 and 1"),),
)  # fmt: skip


def _soft(xp: Any, x: Any) -> Any:
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.absolute(x)))


def _logits(
    xp: Any, x: Any, y: Any, w: Any = None, p: Any = None, *, reduction: str = "mean"
) -> Any:
    if p is None:
        each = xp.maximum(x, 0) - x * y + xp.log1p(xp.exp(-xp.absolute(x)))
    else:
        each = (1 - y) * x + (1 + (p - 1) * y) * _soft(xp, -x)
    return reduced(xp, each if w is None else each * w, reduction)


def _logits_x(F: Any, g: Any, x: Any, y: Any, w: Any, p: Any, reduction: str) -> Any:
    d = F.sigmoid(x) - y if p is None else (1 - y) - (1 + (p - 1) * y) * F.sigmoid(-x)
    return _each(F, g, _weighted(d, w), reduction)


def _logits_y(F: Any, g: Any, x: Any, y: Any, w: Any, p: Any, reduction: str) -> Any:
    d = -x if p is None else (p - 1) * F.softplus(-x, beta=1.0, threshold=math.inf) - x
    if p is None:
        d = d + 0 * y
    return _each(F, g, _weighted(d, w), reduction)


binary_cross_entropy_with_logits = _row(
    "binary_cross_entropy_with_logits", _logits, dict(x=_logits_x, y=_logits_y),
    r"-{y}\ln\sigma({x}) - (1 - {y})\ln\sigma(-{x})",
    "Cross entropy of logits with probabilities of one class, without overflow.",
    (*_SHAPES, arrays((3, 4), (3, 4), (4,), reduction="mean"),
     arrays((3, 4), (3, 4), (), (4,), reduction="mean")),
)  # fmt: skip


def _log(xp: Any, y: Any) -> Any:
    return xp.log(xp.where(y == 0, 1, y))


def _kl(xp: Any, x: Any, y: Any, *, reduction: str = "mean", log_target: bool = False) -> Any:
    each = xp.exp(y) * (y - x) if log_target else y * (_log(xp, y) - x)
    return reduced(xp, each, reduction)


def _kl_x(F: Any, g: Any, x: Any, y: Any, reduction: str, log_target: bool) -> Any:
    return _each(F, g, 0 * x - (F.exp(y) if log_target else y), reduction)


def _kl_y(F: Any, g: Any, x: Any, y: Any, reduction: str, log_target: bool) -> Any:
    if log_target:
        d = F.exp(y) * (y - x + 1)
    else:
        d = (F.log(F.where(y == 0, 1, y)) + 1 - x) * (y > 0)
    return _each(F, g, d, reduction)


kl_div = _row(
    "kl_div", _kl, dict(x=_kl_x, y=_kl_y), r"{y}(\ln {y} - {x})",
    "Divergence of log-probabilities x from probabilities y (or their logarithms).",
    (arrays((3, 4), (3, 4), reduction="mean", low=0.1, log_target=False),
     arrays((3, 4), (3, 4), reduction="batchmean", low=0.1, log_target=False),
     arrays((3, 4), (4,), reduction="none", log_target=True)),
)  # fmt: skip


def _poisson(
    xp: Any, x: Any, y: Any, *, reduction: str = "mean", log_input: bool = True, full: bool = False, eps: float = 1e-8
) -> Any:  # fmt: skip
    each = xp.exp(x) - y * x if log_input else x - y * xp.log(x + eps)
    if full:
        big = xp.maximum(y, 1)
        each = each + (y > 1) * (y * xp.log(big) - y + 0.5 * xp.log(2 * math.pi * big))
    return reduced(xp, each, reduction)


def _poisson_x(F: Any, g: Any, x: Any, y: Any, reduction: str, log_input: bool, eps: float) -> Any:
    return _each(F, g, F.exp(x) - y if log_input else 1 - y / (x + eps), reduction)


def _poisson_y(
    F: Any, g: Any, x: Any, y: Any, reduction: str, log_input: bool, full: bool, eps: float
) -> Any:
    d = (-x if log_input else -F.log(x + eps)) + 0 * y
    if full:
        big = F.maximum(y, 1)
        d = d + (F.log(big) + 0.5 / big) * (y > 1)
    return _each(F, g, d, reduction)


poisson_nll_loss = _row(
    "poisson_nll_loss", _poisson, dict(x=_poisson_x, y=_poisson_y), r"e^{{{x}}} - {y}\,{x}",
    "Minus the log-likelihood of counts y of a Poisson distribution.",
    (arrays((3, 4), (3, 4), low=0.2, high=4, reduction="mean", log_input=True, full=True, eps=1e-8),
     arrays((3, 4), (3, 4), low=0.2, reduction="sum", log_input=False, full=False, eps=1e-8)),
)  # fmt: skip


def _gauss(
    xp: Any, x: Any, y: Any, v: Any, *, reduction: str = "mean", full: bool = False, eps: float = 1e-6
) -> Any:  # fmt: skip
    v = xp.maximum(v, eps)
    each = 0.5 * (xp.log(v) + xp.square(x - y) / v)
    return reduced(xp, each + 0.5 * math.log(2 * math.pi) if full else each, reduction)


def _gauss_x(F: Any, g: Any, x: Any, y: Any, v: Any, reduction: str, eps: float) -> Any:
    return _each(F, g, (x - y) / F.maximum(v, eps), reduction)


def _gauss_v(F: Any, g: Any, x: Any, y: Any, v: Any, reduction: str, eps: float) -> Any:
    v = F.maximum(v, eps)
    d = x - y
    return _each(F, g, 0.5 * (1 - d * d / v) / v, reduction)


gaussian_nll_loss = _row(
    "gaussian_nll_loss", _gauss,
    dict(x=_gauss_x, y=lambda F, g, x, y, v, reduction, eps: -_gauss_x(F, g, x, y, v, reduction, eps), v=_gauss_v),
    r"\frac{{1}}{{2}}\left(\ln {v} + \frac{{({x} - {y})^2}}{{{v}}}\right)",
    "Minus the log-likelihood of a normal distribution of mean x and variance v.",
    (arrays((3, 4), (3, 4), (3, 1), low=0.2, reduction="mean", full=True, eps=1e-6),
     arrays((3, 4), (3, 4), (3, 4), low=0.2, reduction="none", full=False, eps=1e-6)),
)  # fmt: skip

# ---------------------------------------------------------------- margins


def _signs(*shape: int, inputs: int = 1, **params: Any) -> Any:
    """Samples with a target of -1 and 1 as the last input."""
    return made(
        lambda r: (*(r.normal(size=shape) for _ in range(inputs)), r.choice([-1.0, 1.0], shape)),
        **params,
    )


def _margin_x(F: Any, g: Any, x: Any, y: Any, reduction: str) -> Any:
    return _each(F, g, -y * F.sigmoid(-(x * y)), reduction)


soft_margin_loss = _row(
    "soft_margin_loss", lambda xp, x, y, *, reduction="mean": reduced(xp, _soft(xp, -(x * y)), reduction),
    dict(x=_margin_x, y=lambda F, g, x, y, reduction: _margin_x(F, g, y, x, reduction)),
    r"\ln(1 + e^{{-{x}{y}}})", "Logistic loss of scores x with targets -1 and 1.",
)  # fmt: skip


def _hinge(xp: Any, x: Any, y: Any, *, reduction: str = "mean", margin: float = 1.0) -> Any:
    return reduced(xp, xp.maximum(margin - x, 0) * (y != 1) + x * (y != -1), reduction)


def _hinge_x(F: Any, g: Any, x: Any, y: Any, reduction: str, margin: float) -> Any:
    one = 1 + 0 * x
    return _each(F, g, one * (y != -1) - one * ((x <= margin) & (y != 1)), reduction)


hinge_embedding_loss = _row(
    "hinge_embedding_loss", _hinge, dict(x=_hinge_x), r"\mathrm{{hinge}}({x}, {y})",
    "x where the target is 1, max(0, margin - x) where it is -1.",
    (_signs(3, 4, reduction="mean", margin=1.0), _signs(4, reduction="none", margin=0.5)),
)  # fmt: skip


def _ranking(
    xp: Any, a: Any, b: Any, y: Any, *, reduction: str = "mean", margin: float = 0.0
) -> Any:
    return reduced(xp, xp.maximum(margin - y * (a - b), 0), reduction)


def _ranking_a(F: Any, g: Any, a: Any, b: Any, y: Any, reduction: str, margin: float) -> Any:
    return _each(F, g, -y * (y * (a - b) <= margin), reduction)


def _ranking_y(F: Any, g: Any, a: Any, b: Any, y: Any, reduction: str, margin: float) -> Any:
    return _each(F, g, (b - a) * (y * (a - b) <= margin), reduction)


margin_ranking_loss = _row(
    "margin_ranking_loss", _ranking,
    dict(a=_ranking_a, b=lambda F, g, a, b, y, reduction, margin: -_ranking_a(F, g, a, b, y, reduction, margin),
         y=_ranking_y),
    r"\max(0, -{y}({a} - {b}) + m)", "How far a and b are from the order that y (1 or -1) asks for.",
    (_signs(3, 4, inputs=2, reduction="mean", margin=0.5), _signs(4, inputs=2, reduction="none", margin=0.0)),
)  # fmt: skip

ROWS = [
    mse_loss, l1_loss, smooth_l1_loss, binary_cross_entropy, binary_cross_entropy_with_logits, kl_div,
    poisson_nll_loss, gaussian_nll_loss, soft_margin_loss, hinge_embedding_loss, margin_ranking_loss,
]  # fmt: skip
