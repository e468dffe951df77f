"""One-hot rows, normalised vectors, padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.nn.functional.common import _run
from graphscope.ops import functions as fn

__all__ = ["one_hot", "normalize", "pad"]


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Class numbers as rows of 0 and 1."""
    a = tensor._host()
    n = int(a.max()) + 1 if num_classes < 0 else num_classes
    if a.size and (a.min() < 0 or a.max() >= n):
        raise UsageError(f"one_hot: the class numbers must be in 0..{n - 1}")
    return Tensor((a[..., None] == np.arange(n)).astype(np.int64))


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """input divided by its 2-norm along ``dim``."""
    return fn.div(input, fn.clamp(fn.norm(input, p, dim, True), min=eps))


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float = 0.0) -> Tensor:
    """Zeros around the last dimensions; ``pad`` counts (left, right) from the last one on."""
    if mode != "constant" or value != 0:
        raise UsageError(
            f"pad: only mode='constant' with value 0 is there, not {mode!r} with {value}"
        )
    shape = list(input._a.shape)
    where = [slice(None)] * len(shape)
    for k in range(len(pad) // 2):
        left, right = pad[2 * k], pad[2 * k + 1]
        where[-1 - k] = slice(left, left + shape[-1 - k])
        shape[-1 - k] += left + right
    from graphscope.ops.index import put_zeros

    return _run(put_zeros, input, index=tuple(where), shape=tuple(shape))
