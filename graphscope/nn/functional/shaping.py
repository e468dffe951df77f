"""Rows of zeros with a one."""

from __future__ import annotations

from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, UsageError
from graphscope.nn.functional.common import _run, error
from graphscope.ops import TABLE

__all__ = ["one_hot"]


class ClassError(UsageError, RuntimeError):
    """A class number that has no column."""


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Class numbers as rows of 0 and 1."""
    if tensor._a.dtype.kind not in "iu":
        raise error(
            DTypeError,
            f"one_hot: class numbers are integers, the tensor is {tensor.dtype}; convert it with .long()",
        )
    a = tensor._host()
    if not a.size and num_classes <= 0:
        raise error(
            ClassError,
            f"one_hot: a tensor {tuple(a.shape)} without elements does not tell how many classes there are; pass "
            "num_classes",
        )
    n = int(a.max()) + 1 if num_classes < 0 else num_classes
    if a.size and a.min() < 0:
        raise error(ClassError, f"one_hot: {a.min()} is no class number, they count from 0")
    if a.size and a.max() >= n:
        raise error(
            ClassError,
            f"one_hot: class {a.max()} has no column among num_classes={n}; numbers go from 0 to {n - 1}",
        )
    return _run(TABLE["one_hot"], tensor, n=n)
