"""Functions of one element, and softmax."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import unary
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.nn.losses import softplus as softplus
from graphscope.ops import functions as fn
from graphscope.ops import pointwise as pw
from graphscope.ops.functions import sigmoid as sigmoid
from graphscope.ops.functions import tanh as tanh

__all__ = ["relu", "leaky_relu", "softmax", "log_softmax", "sigmoid", "tanh", "softplus"]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0)."""
    out: Tensor = unary(pw.relu, input)
    return out


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input where it is positive, else negative_slope * input."""
    out: Tensor = fn.where(input > 0, input, input * negative_slope)
    return out


def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """e^input normalised to sum 1 along ``dim``."""
    return fn.softmax(input, _dim(dim), dtype)


def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """The logarithm of softmax, without underflow."""
    return fn.log_softmax(input, _dim(dim), dtype)


def _dim(dim: int | None) -> int:
    if dim is None:
        raise UsageError("softmax: say along which dimension: dim=1 for a batch of class scores")
    return dim
