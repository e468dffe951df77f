"""Rows of a table by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.create import to_device
from graphscope.engine.modes import no_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.nn.functional.common import _run, error
from graphscope.ops import TABLE
from graphscope.ops import functions as fn

__all__ = ["embedding", "embedding_bag"]


def _row_of(padding_idx: int | None, rows: int) -> int:
    """The padding row, counted from the start; -1 for none."""
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise error(UsageError, "Padding_idx must be within num_embeddings")
    return padding_idx % rows


def _renorm(weight: Any, input: Tensor, max_norm: float, norm_type: float) -> None:
    """Shorten the rows that are looked up to ``max_norm``, in place, as torch does."""
    with no_grad():
        used = np.unique(input._host())
        index = to_device(Tensor(used), weight.device)
        rows = weight.detach()[index]
        length: Any = fn.norm(rows, norm_type, 1, True)
        factor = fn.where(length > max_norm, max_norm / (length + 1e-7), length * 0 + 1)
        weight.detach()[index] = rows * factor


def embedding(
    input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """The rows of ``weight`` with the numbers in ``input``.

    padding_idx: this row gets no gradient. max_norm: longer rows are shortened in place first.
    sparse: gradients are dense all the same; their values are those of torch's sparse ones.
    """
    rows = weight._a.shape[0]
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    return _run(
        TABLE["embedding"], weight, input, padding=_row_of(padding_idx, rows),
        by_freq=bool(scale_grad_by_freq), rows=rows,
    )  # fmt: skip


def embedding_bag(
    input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
    norm_type: float = 2, scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
    per_sample_weights: Tensor | None = None, include_last_offset: bool = False, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """Sums or means of rows: a bag is a row of a 2-D ``input``, or starts at each of ``offsets``."""
    if mode not in ("sum", "mean", "max"):
        raise error(UsageError, "mode has to be one of sum, mean or max")
    if mode == "max":
        raise error(UsageError, "embedding_bag: mode='max' is not there, only 'sum' and 'mean'")
    if per_sample_weights is not None and mode != "sum":
        raise error(
            UsageError,
            "embedding_bag: per_sample_weights was not None; it is only supported for mode='sum'",
        )
    if scale_grad_by_freq:
        raise error(UsageError, "embedding_bag: scale_grad_by_freq is not there")
    bag, bags = _bags(input, offsets, include_last_offset)
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    numbers, rows = input._host().reshape(-1), weight._a.shape[0]
    keep = numbers != _row_of(padding_idx, rows) if padding_idx is not None else np.ones(bag.shape, bool)  # fmt: skip
    scale = keep.astype(weight._a.dtype)
    if mode == "mean":
        scale /= np.maximum(np.bincount(bag, keep, minlength=bags), 1)[bag].astype(scale.dtype)
    factor = to_device(Tensor(scale), weight.device)
    if per_sample_weights is not None:
        if per_sample_weights._a.shape != input._a.shape:
            raise error(
                ShapeError,
                f"embedding_bag: per_sample_weights {tuple(per_sample_weights._a.shape)} must have the "
                f"shape of the input, {tuple(input._a.shape)}",
            )
        factor = fn.mul(fn.reshape(per_sample_weights, -1), factor)
    flat = input if input._a.ndim == 1 else fn.reshape(input, -1)
    return _run(
        TABLE["embedding_bag"], weight, flat, to_device(Tensor(bag), weight.device), factor, bags=bags,
        padding=_row_of(padding_idx, rows), rows=rows,
    )  # fmt: skip


def _bags(input: Tensor, offsets: Any, last: bool) -> tuple[Any, int]:
    """For each item the number of its bag, and how many bags there are."""
    shape = input._a.shape
    if len(shape) == 2:
        if offsets is not None:
            raise error(
                UsageError,
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of "
                f"fixed length sequences. However, found offsets of type {type(offsets)}",
            )
        return np.repeat(np.arange(shape[0]), shape[1]), shape[0]
    if len(shape) != 1:
        raise error(
            ShapeError, f"input has to be 1D or 2D Tensor, but got Tensor of dimension {len(shape)}"
        )
    if offsets is None:
        raise error(UsageError, "offsets has to be a 1D Tensor but got None")
    starts = offsets._host()
    bags = len(starts) - 1 if last else len(starts)
    if len(starts) and starts[0] != 0:
        raise error(
            UsageError,
            f"offsets[0] has to be 0, i.e., the first sequence starts at 0, not {starts[0]}",
        )
    return np.searchsorted(starts[:bags], np.arange(shape[0]), side="right") - 1, bags
