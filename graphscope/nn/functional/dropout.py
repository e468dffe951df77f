"""Dropout."""

from __future__ import annotations

import numpy as np

from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.ops import functions as fn

__all__ = ["dropout"]


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability p and scale the others by 1 / (1 - p), while training."""
    if not 0 <= p <= 1:
        raise UsageError(f"dropout: p is a probability, between 0 and 1, not {p}")
    if not training or p == 0:
        return input
    from graphscope.engine.create import to_device
    from graphscope.ops.random import rng

    keep = rng().random(input._a.shape, np.float32) >= p
    mask = Tensor(
        (keep / max(1 - p, 1e-38)).astype(input._a.dtype)
        if p < 1
        else np.zeros_like(keep, input._a.dtype)
    )
    return fn.mul(input, to_device(mask, input.device))
