"""What the layers share."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor

Pair = tuple[int, int]


def _run(row: Any, *inputs: Any, **params: Any) -> Tensor:
    out: Tensor = call(row, *inputs, **params)
    return out


def pair(value: Any) -> Pair:
    """One int for both directions, or two."""
    if isinstance(value, (tuple, list)):
        if len(value) == 1:
            return (int(value[0]), int(value[0]))
        return (int(value[0]), int(value[1]))
    return (int(value), int(value))
