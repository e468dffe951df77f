"""Products with weights, and rows of a table."""

from __future__ import annotations

from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.nn.functional.common import _run
from graphscope.ops import functions as fn
from graphscope.ops import linalg

__all__ = ["linear", "embedding"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias over the last dimension."""
    n = input._a.ndim
    if n == 2:
        if bias is not None:
            return _run(linalg.linear, input, weight, bias)
        return fn.mm(input, fn.t(weight))
    if n == 0:
        raise ShapeError("linear: the input is a single number; it needs at least one dimension")
    lead = input._a.shape[:-1]
    flat = linear(fn.reshape(input, -1, input._a.shape[-1]), weight, bias)
    return fn.reshape(flat, *lead, weight._a.shape[0])


def embedding(input: Tensor, weight: Any) -> Tensor:
    """The rows of ``weight`` with the numbers in ``input``."""
    out: Tensor = weight[input]
    return out
