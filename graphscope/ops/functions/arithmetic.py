"""Sums, products and powers, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import binary, unary
from graphscope.engine.tensor import Tensor
from graphscope.ops import arithmetic as ar

__all__ = [
    "add", "sub", "mul", "div", "pow", "neg", "square",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [
    "add", "sub", "mul", "div", "pow", "neg", "square",
]  # fmt: skip


def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input + alpha * other."""
    return binary(ar.add, input, other if alpha == 1 else binary(ar.mul, other, alpha))


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input - alpha * other."""
    return binary(ar.sub, input, other if alpha == 1 else binary(ar.mul, other, alpha))


def mul(input: Any, other: Any) -> Tensor:
    """input * other."""
    return binary(ar.mul, input, other)


def div(input: Any, other: Any) -> Tensor:
    """input / other."""
    return binary(ar.div, input, other)


def pow(input: Any, exponent: Any) -> Tensor:  # noqa: A001
    """input ** exponent."""
    if type(exponent) in (int, float) and exponent == 2:
        return unary(ar.square, input)
    return binary(ar.pow, input, exponent)


def neg(input: Any) -> Tensor:
    """-input."""
    return unary(ar.neg, input)


def square(input: Any) -> Tensor:
    """input * input."""
    return unary(ar.square, input)
