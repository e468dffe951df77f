"""Rows of a table by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.create import to_device
from graphscope.engine.modes import no_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError, ShapeError, UsageAssertion, UsageError
from graphscope.nn.functional.common import _run, error
from graphscope.ops import TABLE
from graphscope.ops import functions as fn

__all__ = ["embedding", "embedding_bag"]


class BagError(UsageError, NotImplementedError):
    """A combination of options that bags do not have."""


def row_of(padding_idx: int | None, rows: int) -> int:
    """The padding row, counted from the start; -1 for none."""
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise error(
            UsageAssertion,
            f"embedding: padding_idx={padding_idx} names no row of a table of {rows}; it goes from {-rows} to "
            f"{rows - 1}",
        )
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
        TABLE["embedding"], weight, input, padding=row_of(padding_idx, rows),
        by_freq=bool(scale_grad_by_freq), rows=rows,
    )  # fmt: skip


def embedding_bag(
    input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
    norm_type: float = 2, scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
    per_sample_weights: Tensor | None = None, include_last_offset: bool = False, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """Sums or means of rows: a bag is a row of a 2-D ``input``, or starts at each of ``offsets``."""
    if mode not in ("sum", "mean"):
        raise error(UsageError, f"embedding_bag: there is no mode={mode!r}, only 'sum' and 'mean'")
    if per_sample_weights is not None and mode != "sum":
        raise error(
            BagError,
            f"embedding_bag: mode={mode!r} does not weigh its rows; with per_sample_weights use mode='sum'",
        )
    if scale_grad_by_freq:
        raise error(UsageError, "embedding_bag: scale_grad_by_freq is not there")
    bag, bags = _bags(input, offsets, include_last_offset)
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    numbers, rows = input._host().reshape(-1), weight._a.shape[0]
    keep = numbers != row_of(padding_idx, rows) if padding_idx is not None else np.ones(bag.shape, bool)  # fmt: skip
    scale = keep.astype(weight._a.dtype)
    if mode == "mean":
        scale /= np.maximum(np.bincount(bag, keep, minlength=bags), 1)[bag].astype(scale.dtype)
    factor = to_device(Tensor(scale), weight.device)
    if per_sample_weights is not None:
        if per_sample_weights._a.shape != input._a.shape:
            raise error(
                ShapeError,
                f"embedding_bag: per_sample_weights are {tuple(per_sample_weights._a.shape)}, the input is "
                f"{tuple(input._a.shape)}; each number of the input needs its weight",
            )
        factor = fn.mul(fn.reshape(per_sample_weights, -1), factor)
    flat = input if input._a.ndim == 1 else fn.reshape(input, -1)
    return _run(
        TABLE["embedding_bag"], weight, flat, to_device(Tensor(bag), weight.device), factor, bags=bags,
        padding=row_of(padding_idx, rows), rows=rows,
    )  # fmt: skip


def _bags(input: Tensor, offsets: Any, last: bool) -> tuple[Any, int]:
    """For each item the number of its bag, and how many bags there are."""
    shape = input._a.shape
    if len(shape) == 2:
        if offsets is not None:
            raise error(
                UsageError,
                f"embedding_bag: each row of a 2-D input, here {tuple(shape)}, is a bag already. Leave offsets "
                "out, or flatten the input",
            )
        return np.repeat(np.arange(shape[0]), shape[1]), shape[0]
    if len(shape) != 1:
        raise error(
            ShapeError,
            f"embedding_bag: the input has the shape {tuple(shape)}; give row numbers in one dimension (with "
            "offsets) or in two (a bag per row)",
        )
    if offsets is None:
        raise error(
            UsageError,
            f"embedding_bag: the input {tuple(shape)} is one long row, and offsets must say at which element each "
            "bag begins; a single bag has offsets=tensor([0])",
        )
    starts = offsets._host()
    bags = len(starts) - 1 if last else len(starts)
    if len(starts) and starts[0] != 0:
        raise error(
            RangeError,
            f"embedding_bag: offsets begin with {starts[0]}, so the elements before it are in no bag; begin with 0",
        )
    return np.searchsorted(starts[:bags], np.arange(shape[0]), side="right") - 1, bags
