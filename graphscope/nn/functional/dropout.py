"""Dropout and its relatives. The mask is drawn inside the op: one box in the graph."""

from __future__ import annotations

from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.nn.functional.common import _run, error
from graphscope.ops import TABLE

__all__ = [
    "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout",
]  # fmt: skip


def _drop(row: str, input: Any, p: float, training: bool, inplace: bool, lead: Any) -> Any:
    if not 0 <= p <= 1:
        raise error(UsageError, f"{row}: p={p} is no probability; give a number from 0 to 1")
    if not training or p == 0:
        return input
    from graphscope.ops.random import rng

    out = _run(TABLE[row], input, p=float(p), rng=rng(), lead=lead)
    if inplace:
        input.copy_(out)
        return input
    return out


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability p and scale the others by 1 / (1 - p), while training."""
    out: Tensor = _drop("dropout", input, p, training, inplace, None)
    return out


def _planes(
    d: int, input: Tensor, p: float, training: bool, inplace: bool, row: str = "feature_dropout"
) -> Tensor:
    n = input._a.ndim
    if n < 2:
        raise error(
            ShapeError,
            f"dropout{d}d: the input needs channels and at least one more dimension, it has {n}",
        )
    # Without a batch the first dimension counts the channels. In two dimensions torch always takes
    # the first two, and warns; a 3-d input is a batch there.
    lead = 1 if d != 2 and n == d + 1 else 2
    out: Tensor = _drop(row, input, p, training, inplace, lead)
    return out


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of signals (N, C, L) or (C, L) with probability p."""
    if input._a.ndim not in (2, 3):
        raise error(
            ShapeError,
            f"dropout1d: the input {tuple(input._a.shape)} is no signal; it needs the shape (N, C, L) or (C, L)",
        )
    return _planes(1, input, p, training, inplace)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of images (N, C, H, W) with probability p."""
    return _planes(2, input, p, training, inplace)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of volumes (N, C, D, H, W) with probability p."""
    return _planes(3, input, p, training, inplace)


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps mean and variance of SELU's output: dropped elements go to its floor."""
    out: Tensor = _drop("alpha_dropout", input, p, training, inplace, None)
    return out


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Alpha dropout of whole channels."""
    return _planes(2, input, p, training, inplace, "feature_alpha_dropout")
