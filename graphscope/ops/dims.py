"""Dimension numbers: negative ones count from the end, others must exist."""

from __future__ import annotations

import operator
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.errors import IndexRangeError


def dim_of(dim: Any, ndim: int) -> int:
    """``dim`` as a number in 0..ndim-1; a 0-d tensor counts as one dimension, as in torch.

    Raises: IndexRangeError where it does not exist.
    """
    d, n = operator.index(dim), ndim or 1
    if not -n <= d < n:
        raise at_line(
            IndexRangeError,
            f"dim {d} does not exist: a tensor of {ndim} dimensions takes a dim in {-n}..{n - 1}",
        )
    return d + n if d < 0 else d
