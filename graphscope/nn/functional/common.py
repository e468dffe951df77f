"""What the layers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphscope.engine.dispatch import call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.ops import functions as fn

Pair = tuple[int, int]


def _run(row: Any, *inputs: Any, **params: Any) -> Tensor:
    out: Tensor = call(row, *inputs, **params)
    return out


error = at_line  # an exception that also says the user's line


def pair(value: Any) -> Pair:
    """One int for both directions, or two."""
    if isinstance(value, (tuple, list)):
        if len(value) == 1:
            return (int(value[0]), int(value[0]))
        return (int(value[0]), int(value[1]))
    return (int(value), int(value))


def several(value: Any, d: int) -> tuple[int, ...]:
    """One int for all ``d`` directions, or ``d`` of them."""
    if isinstance(value, (tuple, list)):
        return tuple(int(v) for v in value) if len(value) == d else (int(value[0]),) * d
    return (int(value),) * d


def batched(input: Tensor, d: int, function: Callable[[Tensor], Any]) -> Any:
    """Apply a function of batches (N, C, ...) to an input that may lack the batch dimension."""
    if input._a.ndim != d + 1:
        return function(input)
    got = function(fn.unsqueeze(input, 0))
    if isinstance(got, tuple):
        return tuple(fn.squeeze(t, 0) for t in got)
    return fn.squeeze(got, 0)
