"""Borders around tensors."""

from __future__ import annotations

from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.nn.functional.common import _run, error
from graphscope.ops import TABLE

__all__ = ["pad"]

_MODES = ("reflect", "replicate", "circular")


class PadModeError(UsageError, NotImplementedError):
    """A mode of padding that does not exist, or not for so many dimensions."""


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """A border around the last dimensions; ``pad`` counts (left, right) from the last one on.

    mode: 'constant' (with ``value``), 'reflect', 'replicate' or 'circular'. Negative numbers cut.
    """
    border = tuple(int(p) for p in pad)
    if mode == "constant":
        return _run(TABLE["constant_pad_nd"], input, border=border, value=value or 0)
    if mode not in _MODES:
        raise error(PadModeError, f"pad: mode={mode!r} is none of constant, {', '.join(_MODES)}")
    if value:
        raise error(UsageError, f"pad: mode={mode!r} takes no value")
    ndim = input._a.ndim
    if len(border) % 2:
        raise error(ShapeError, f"pad: it takes two numbers for each dimension, not {len(border)}")
    if ndim - len(border) // 2 not in (1, 2):
        raise error(
            PadModeError,
            f"pad: mode={mode!r} with {len(border)} numbers needs an input of {len(border) // 2 + 1} or "
            f"{len(border) // 2 + 2} dimensions; this one has {ndim}",
        )
    if min(border, default=0) < 0:
        input = _run(
            TABLE["constant_pad_nd"], input, border=tuple(min(b, 0) for b in border), value=0
        )
        border = tuple(max(b, 0) for b in border)
    return _run(TABLE["pad"], input, border=border, mode=mode, shape=input._a.shape)
