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
        raise error(DTypeError, "one_hot is only applicable to index tensor of type LongTensor.")
    a = tensor._host()
    if not a.size and num_classes <= 0:
        raise error(ClassError, "one_hot: Can not infer total number of classes from empty tensor.")
    n = int(a.max()) + 1 if num_classes < 0 else num_classes
    if a.size and a.min() < 0:
        raise error(ClassError, "one_hot: Class values must be non-negative.")
    if a.size and a.max() >= n:
        raise error(
            ClassError,
            f"one_hot: Class values must be smaller than num_classes ({n}); the largest is {a.max()}.",
        )
    return _run(TABLE["one_hot"], tensor, n=n)
