"""Functions of one element, in torch's spelling."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.dispatch import binary, call, unary
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.ops import pointwise as pw
from graphscope.ops import softmax as sm
from graphscope.ops.functions.shape import to_dtype

__all__ = [
    "exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu", "softmax", "log_softmax", "abs",
    "sign", "clamp", "clip", "maximum", "minimum", "where",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [
    "exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu", "softmax", "log_softmax", "abs",
    "sign", "clamp", "clip", "maximum", "minimum",
]  # fmt: skip


def exp(input: Any) -> Tensor:
    """e ** input."""
    return unary(pw.exp, input)


def log(input: Any) -> Tensor:
    """Natural logarithm."""
    return unary(pw.log, input)


def sqrt(input: Any) -> Tensor:
    """Square root."""
    return unary(pw.sqrt, input)


def sin(input: Any) -> Tensor:
    """Sine."""
    return unary(pw.sin, input)


def cos(input: Any) -> Tensor:
    """Cosine."""
    return unary(pw.cos, input)


def tanh(input: Any) -> Tensor:
    """Hyperbolic tangent."""
    return unary(pw.tanh, input)


def sigmoid(input: Any) -> Tensor:
    """1 / (1 + exp(-input))."""
    return unary(pw.sigmoid, input)


def relu(input: Any) -> Tensor:
    """max(input, 0)."""
    return unary(pw.relu, input)


def softmax(input: Any, dim: int, dtype: Any = None) -> Tensor:
    """e^input normalised to sum 1 along ``dim``."""
    x = input if dtype is None else to_dtype(input, dtype)
    out: Tensor = call(sm.softmax, x, axis=dim)
    return out


def log_softmax(input: Any, dim: int, dtype: Any = None) -> Tensor:
    """The logarithm of softmax, without underflow."""
    x = input if dtype is None else to_dtype(input, dtype)
    out: Tensor = call(sm.log_softmax, x, axis=dim)
    return out


def abs(input: Any) -> Tensor:  # noqa: A001
    """Absolute value."""
    return unary(pw.abs, input)


def sign(input: Any) -> Tensor:
    """-1, 0 or 1."""
    return unary(pw.sign, input)


def clamp(input: Any, min: Any = None, max: Any = None) -> Tensor:  # noqa: A002
    """Limit to [min, max]; the limits are numbers or tensors."""
    if min is None and max is None:
        raise ShapeError("clamp: give min=, max= or both")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        out = input if min is None else binary(pw.maximum, input, min)
        return out if max is None else binary(pw.minimum, out, max)
    return call(pw.clamp, input, min=min, max=max)


clip = clamp


def maximum(input: Any, other: Any) -> Tensor:
    """The larger, element by element."""
    return binary(pw.maximum, input, other)


def minimum(input: Any, other: Any) -> Tensor:
    """The smaller, element by element."""
    return binary(pw.minimum, input, other)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """input where condition is true, else other; with one argument the indices of true elements."""
    if input is None:
        return tuple(Tensor(i) for i in np.nonzero(condition._host()))
    return call(pw.where, condition, input, other)
