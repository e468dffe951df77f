"""Comparisons and tests of elements, in torch's spelling."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.dispatch import as_tensor, binary, unary
from graphscope.engine.tensor import Tensor
from graphscope.ops import compare as cm

__all__ = [
    "isnan", "isfinite", "eq", "ne", "lt", "le", "gt", "ge", "allclose", "equal",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [
    "isnan", "isfinite", "eq", "ne", "lt", "le", "gt", "ge", "allclose", "equal",
]  # fmt: skip


def isnan(input: Any) -> Tensor:
    """Which elements are NaN."""
    return unary(cm.isnan, input)


def isfinite(input: Any) -> Tensor:
    """Which elements are finite."""
    return unary(cm.isfinite, input)


def eq(input: Any, other: Any) -> Tensor:
    """input == other."""
    return binary(cm.eq, input, other)


def ne(input: Any, other: Any) -> Tensor:
    """input != other."""
    return binary(cm.ne, input, other)


def lt(input: Any, other: Any) -> Tensor:
    """input < other."""
    return binary(cm.lt, input, other)


def le(input: Any, other: Any) -> Tensor:
    """input <= other."""
    return binary(cm.le, input, other)


def gt(input: Any, other: Any) -> Tensor:
    """input > other."""
    return binary(cm.gt, input, other)


def ge(input: Any, other: Any) -> Tensor:
    """input >= other."""
    return binary(cm.ge, input, other)


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Whether all elements are close: |input - other| <= atol + rtol |other|."""
    return bool(np.allclose(as_tensor(input)._host(), as_tensor(other)._host(), rtol, atol))


def equal(input: Any, other: Any) -> bool:
    """Same shape and same elements."""
    return bool(np.array_equal(input._host(), other._host()))
