"""Products of vectors and matrices, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import as_tensor, call
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.ops import linalg as la
from graphscope.ops.functions.arithmetic import mul
from graphscope.ops.functions.reduce import sum
from graphscope.ops.functions.shape import squeeze, unsqueeze

__all__ = [
    "mm", "matmul", "bmm", "dot", "mv",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [
    "mm", "matmul", "bmm", "dot", "mv",
]  # fmt: skip


def mm(input: Any, mat2: Any) -> Tensor:
    """Product of two matrices."""
    if input._a.ndim != 2 or mat2._a.ndim != 2:
        raise ShapeError(
            f"mm takes two matrices, not shapes {tuple(input._a.shape)} and {tuple(mat2._a.shape)}; "
            "use matmul (@) for batches and vectors"
        )
    return call(la.mm, input, mat2)


def matmul(input: Any, other: Any) -> Tensor:
    """Matrix product with torch's rules for vectors and batches."""
    a, b = as_tensor(input), as_tensor(other)
    na, nb = a._a.ndim, b._a.ndim
    if na == 2 and nb == 2:
        return call(la.mm, a, b)
    if na == 1 and nb == 1:
        if a._a.shape != b._a.shape:
            la._rule(a._a.shape, b._a.shape)
        return sum(mul(a, b))
    if na == 1:
        return squeeze(matmul(unsqueeze(a, 0), b), -2)
    if nb == 1:
        return squeeze(matmul(a, unsqueeze(b, 1)), -1)
    return call(la.matmul, a, b)


bmm = matmul
dot = matmul
mv = matmul
