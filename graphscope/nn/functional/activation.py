"""Functions of one element, gates, and softmax."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from graphscope.engine.create import to_device
from graphscope.engine.dispatch import as_tensor, unary
from graphscope.engine.half import in_float32
from graphscope.engine.tensor import Tensor
from graphscope.errors import IndexRangeError, RangeError, ShapeError, UsageError
from graphscope.nn.functional.common import error
from graphscope.ops import activation as act
from graphscope.ops import functions as fn
from graphscope.ops import pointwise as pw
from graphscope.ops.functions import sigmoid as sigmoid
from graphscope.ops.functions import tanh as tanh
from graphscope.ops.functions.activation import (
    apply,
    celu,
    hardshrink,
    prelu,
    rrelu,
    selu,
    threshold,
)
from graphscope.ops.random import rng

__all__ = [
    "celu", "elu", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "leaky_relu", "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid",
    "silu", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
    "celu_", "elu_", "hardtanh_", "leaky_relu_", "relu_", "rrelu_", "selu_", "threshold_",
]  # fmt: skip


def _row(row: Any, input: Any, inplace: bool = False, **params: Any) -> Tensor:
    if params or inplace:
        return apply(row, input, inplace=inplace, **params)
    out: Tensor = unary(row, input)
    return out


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0)."""
    return _row(pw.relu, input, inplace)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """input limited to [0, 6]."""
    return _row(act.hardtanh, input, inplace, min_val=0.0, max_val=6.0)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input where it is positive, else negative_slope * input."""
    return _row(act.leaky_relu, input, inplace, slope=float(negative_slope))


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where it is positive, else alpha * (exp(input) - 1)."""
    return _row(act.elu, input, inplace, alpha=float(alpha), scale=1.0, speed=1.0)


@in_float32
def gelu(input: Any, approximate: str = "none") -> Tensor:
    """input times the normal distribution function of it (Hendrycks and Gimpel, 2016)."""
    if approximate == "none":
        return _row(act.gelu, input)
    if approximate == "tanh":
        return _row(act.gelu_tanh, input)
    raise error(RangeError, f"gelu: approximate is 'none' or 'tanh', not {approximate!r}")


def silu(input: Any, inplace: bool = False) -> Tensor:
    """input * sigmoid(input), also called swish."""
    return _row(act.silu, input, inplace)


def mish(input: Any, inplace: bool = False) -> Tensor:
    """input * tanh(softplus(input)) (Misra, 2019)."""
    return _row(act.mish, input, inplace)


def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Tensor:
    """ln(1 + exp(beta input)) / beta; input itself where beta * input is above the threshold."""
    return _row(act.softplus, input, beta=float(beta), threshold=float(threshold))


def softsign(input: Any) -> Tensor:
    """input / (1 + |input|)."""
    return _row(act.softsign, input)


def hardtanh(
    input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """input limited to [min_val, max_val]."""
    if min_val > max_val:
        raise error(
            UsageError, f"hardtanh: min_val={min_val} lies above max_val={max_val}; swap the two"
        )
    return _row(act.hardtanh, input, inplace, min_val=float(min_val), max_val=float(max_val))


def hardsigmoid(input: Any, inplace: bool = False) -> Tensor:
    """A sigmoid of three straight pieces: relu6(input + 3) / 6."""
    return _row(act.hardsigmoid, input, inplace)


def hardswish(input: Any, inplace: bool = False) -> Tensor:
    """input * hardsigmoid(input) (Howard et al., 2019)."""
    return _row(act.hardswish, input, inplace)


def softshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """input moved towards 0 by lambd."""
    if lambd < 0:
        raise error(
            RangeError,
            f"softshrink: lambd={lambd} is negative, and values move towards 0 by it; give 0 or more",
        )
    return _row(act.softshrink, input, lambd=float(lambd))


def tanhshrink(input: Any) -> Tensor:
    """input - tanh(input)."""
    return _row(act.tanhshrink, input)


def logsigmoid(input: Any) -> Tensor:
    """The logarithm of the sigmoid, without underflow."""
    return _row(act.logsigmoid, input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along ``dim`` times the sigmoid of the second (Dauphin et al., 2017)."""
    shape = input._a.shape
    if not shape:
        raise error(
            ShapeError,
            "glu: the input is a single number; it needs a dimension of even size to be halved",
        )
    if not -len(shape) <= dim < len(shape):
        raise error(
            IndexRangeError,
            f"glu: there is no dimension {dim} in the shape {tuple(shape)}; dim goes from {-len(shape)} to "
            f"{len(shape) - 1}",
        )
    if shape[dim] % 2:
        raise error(
            ShapeError,
            f"glu: dimension {dim} of the input {tuple(shape)} has the odd size {shape[dim]} and cannot be halved; "
            "make it even, or pass another dim",
        )
    return _row(act.glu, input, axis=dim)


# ---------------------------------------------------------------- softmax


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """e^input normalised to sum 1 along ``dim``."""
    return fn.softmax(input, _dim("softmax", input, dim, _stacklevel), dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """softmax of -input."""
    return fn.softmax(fn.neg(input), _dim("softmin", input, dim, _stacklevel), dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """The logarithm of softmax, without underflow."""
    return fn.log_softmax(input, _dim("log_softmax", input, dim, _stacklevel), dtype)


def _dim(name: str, input: Tensor, dim: int | None, level: int) -> int:
    if dim is not None:
        return dim
    guess = 0 if input._a.ndim in (0, 1, 3) else 1
    warnings.warn(
        f"{name}: dim is not given. For the shape {tuple(input._a.shape)} that means dim={guess}, which is "
        "often the wrong one; say which dimension should sum to 1.",
        stacklevel=level,
    )
    return guess


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A random point near a corner of the simplex; with hard the corner, with the soft one's gradient.

    Source: Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax" (2016).
    """
    draw = rng().standard_exponential(logits._a.shape)
    noise = Tensor(np.asarray(-np.log(np.maximum(draw, 1e-38)), logits._a.dtype))
    soft = fn.softmax(fn.div(fn.add(logits, to_device(noise, logits.device)), tau), dim)
    if not hard:
        return soft
    best = fn.argmax(soft, dim, True)
    numbers = np.arange(logits._a.shape[dim]).reshape(
        [-1 if i == dim % logits._a.ndim else 1 for i in range(logits._a.ndim)]
    )
    corner = fn.to_dtype(fn.eq(best, to_device(as_tensor(numbers), logits.device)), logits.dtype)
    return fn.add(fn.sub(corner, soft.detach()), soft)


# ---------------------------------------------------------------- in place


def relu_(input: Tensor) -> Tensor:
    """relu in place."""
    return relu(input, True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """leaky_relu in place."""
    return leaky_relu(input, negative_slope, True)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """elu in place."""
    return elu(input, alpha, True)


def selu_(input: Tensor) -> Tensor:
    """selu in place."""
    return selu(input, True)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """celu in place."""
    return celu(input, alpha, True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """hardtanh in place."""
    return hardtanh(input, min_val, max_val, True)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """threshold in place."""
    return fn.threshold(input, threshold, value, True)


def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """rrelu in place."""
    return rrelu(input, lower, upper, training, True)
