"""Products of vectors and matrices, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import as_tensor, call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, ShapeError
from graphscope.ops import linalg as la
from graphscope.ops.dims import dim_of
from graphscope.ops.functions.arithmetic import mul
from graphscope.ops.functions.contraction import einsum, tensordot
from graphscope.ops.functions.shape import broadcast_to, reshape, squeeze, unsqueeze

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "chain_matmul", "cross", "dot", "einsum", "ger",
    "inner", "kron", "matmul", "mm", "mv", "outer", "tensordot", "trace", "vdot",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "cross", "dot", "ger", "inner", "kron", "matmul", "mm",
    "mv", "outer", "trace", "vdot",
]  # fmt: skip
# Those with an in-place form.
INPLACE = ["addbmm", "addmm", "addmv", "addr", "baddbmm"]


def _same_dtype(name: str, a: Tensor, b: Tensor) -> None:
    if a._a.dtype != b._a.dtype:
        raise at_line(
            DTypeError,
            f"{name}: {tuple(a._a.shape)} {a.dtype.name} times {tuple(b._a.shape)} {b.dtype.name}: a product needs one "
            "dtype; convert one with .to(dtype)",
        )


def _ranks(name: str, *wanted: tuple[Tensor, int]) -> None:
    names = {1: "a vector", 2: "a matrix", 3: "a batch of matrices (3 dimensions)"}
    for x, n in wanted:
        if x._a.ndim != n:
            shapes = " and ".join(str(tuple(t._a.shape)) for t, _ in wanted)
            raise at_line(
                ShapeError,
                f"{name} takes {' and '.join(names[k] for _, k in wanted)}, not shapes {shapes}; use matmul (@) for "
                "other ranks",
            )


def mm(input: Any, mat2: Any) -> Tensor:
    """Product of two matrices. Raises: ShapeError for other ranks or inner sizes that differ."""
    if input._a.ndim != 2 or mat2._a.ndim != 2:
        _ranks("mm", (input, 2), (mat2, 2))
    if input._a.dtype is not mat2._a.dtype:
        _same_dtype("mm", input, mat2)
    out: Tensor = la.mm.run(input, mat2)
    return out


def matmul(input: Any, other: Any) -> Tensor:
    """Matrix product with torch's rules for vectors and batches.

    Shapes: (..., m, k) @ (..., k, n) -> (..., m, n), leading dimensions broadcast; a vector on the left is
    a row, on the right a column, and its dimension is dropped again.
    """
    a, b = as_tensor(input), as_tensor(other)
    na, nb = a._a.ndim, b._a.ndim
    if a._a.dtype is not b._a.dtype:
        _same_dtype("matmul", a, b)
    if na == 2 and nb == 2:
        return la.mm.run(a, b)  # type: ignore[no-any-return]
    if na == 1 and nb == 1:
        return call(la.dot, a, b)
    if na == 2 and nb == 1:
        return call(la.mv, a, b)
    if na == 1 and nb > 1:
        return squeeze(matmul(unsqueeze(a, 0), b), -2)
    if nb == 1 and na > 1:
        return squeeze(matmul(a, unsqueeze(b, 1)), -1)
    return call(la.matmul, a, b)


def bmm(input: Any, mat2: Any) -> Tensor:
    """Products of two batches of matrices: (b, m, k), (b, k, n) -> (b, m, n)."""
    _ranks("bmm", (input, 3), (mat2, 3))
    _same_dtype("bmm", input, mat2)
    if input._a.shape[0] != mat2._a.shape[0]:
        raise at_line(
            ShapeError,
            f"bmm: {tuple(input._a.shape)} @ {tuple(mat2._a.shape)}: the batch sizes {input._a.shape[0]} and "
            f"{mat2._a.shape[0]} differ; use matmul (@) to broadcast",
        )
    return call(la.matmul, input, mat2)


def mv(input: Any, vec: Any) -> Tensor:
    """Product of a matrix and a vector."""
    _ranks("mv", (input, 2), (vec, 1))
    _same_dtype("mv", input, vec)
    return call(la.mv, input, vec)


def dot(input: Any, tensor: Any) -> Tensor:
    """Sum of the products of two vectors."""
    _same_dtype("dot", input, tensor)
    return call(la.dot, input, tensor)


def vdot(input: Any, other: Any) -> Tensor:
    """Sum of the products of two vectors."""
    return dot(input, other)


def inner(input: Any, other: Any) -> Tensor:
    """Sums of products over the last dimension of both; a product if one is a number."""
    if not input._a.ndim or not other._a.ndim:
        return mul(input, other)
    if input._a.ndim == other._a.ndim == 1:
        return dot(input, other)
    return tensordot(input, other, ([-1], [-1]))


def outer(input: Any, vec2: Any) -> Tensor:
    """All products of the elements of two vectors: (n), (m) -> (n, m)."""
    _ranks("outer", (input, 1), (vec2, 1))
    a, b = input, vec2
    return call(la.outer, a, b) if a._a.dtype == b._a.dtype else mul(unsqueeze(a, 1), b)


ger = outer


def _plus(row: Any, input: Any, a: Tensor, b: Tensor, ranks: tuple[int, int], **by: Any) -> Tensor:
    _ranks(row.name, (a, ranks[0]), (b, ranks[1]))
    _same_dtype(row.name, a, b)
    _same_dtype(row.name, input, a)
    return call(row, input, a, b, **by)


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * (mat1 @ mat2)``; with beta 0 ``input`` is not read."""
    return _plus(la.addmm, input, mat1, mat2, (2, 2), alpha=alpha, beta=beta)


def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * (mat @ vec)``."""
    return _plus(la.addmv, input, mat, vec, (2, 1), alpha=alpha, beta=beta)


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * sum(batch1[i] @ batch2[i])``."""
    return _plus(la.addbmm, input, batch1, batch2, (3, 3), alpha=alpha, beta=beta)


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * (batch1 @ batch2)`` for batches of matrices."""
    return _plus(la.baddbmm, input, batch1, batch2, (3, 3), alpha=alpha, beta=beta)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * outer(vec1, vec2)``."""
    return _plus(la.addr, input, vec1, vec2, (1, 1), alpha=alpha, beta=beta)


def trace(input: Any) -> Tensor:
    """Sum of the diagonal of a matrix."""
    _ranks("trace", (input, 2))
    x = input if input._a.dtype.kind == "f" else input.long()
    return call(la.trace, x, was=x._a.shape)


def kron(input: Any, other: Any) -> Tensor:
    """Kronecker product: every element of ``input`` times all of ``other``, laid out in blocks."""
    n = max(input._a.ndim, other._a.ndim)
    a = (1,) * (n - input._a.ndim) + tuple(input._a.shape)
    b = (1,) * (n - other._a.ndim) + tuple(other._a.shape)
    left = reshape(input, [s for m in a for s in (m, 1)])
    right = reshape(other, [s for m in b for s in (1, m)])
    return reshape(mul(left, right), [x * y for x, y in zip(a, b, strict=True)])


def cross(input: Any, other: Any, dim: int | None = None) -> Tensor:
    """Vector product along ``dim`` (None: the first dimension of size 3); the others broadcast."""
    if dim is None:
        found = [d for d, n in enumerate(input._a.shape) if n == 3]
        if not found:
            raise at_line(
                ShapeError,
                f"cross: none of the sizes in {tuple(input._a.shape)} is 3; vectors in space have 3 elements",
            )
        dim = found[0]
    n = max(input._a.ndim, other._a.ndim)
    d = dim_of(dim, n)
    import numpy as np

    full = np.broadcast_shapes(input._a.shape, other._a.shape)
    if full[d] != 3 or 3 not in (*input._a.shape[d - n :][:1],):
        raise at_line(
            ShapeError,
            f"linalg.cross: dimension {dim} of {tuple(input._a.shape)} and {tuple(other._a.shape)} holds the vectors, "
            "so it has size 3; pass the dim that does",
        )
    a, b = (x if x._a.shape == full else broadcast_to(x, full) for x in (input, other))
    return call(la.cross, a, b, axis=d)


def chain_matmul(*matrices: Any) -> Tensor:
    """Product of matrices in the order that takes the fewest multiplications.

    Source: Cormen et al., "Introduction to Algorithms", matrix-chain multiplication.
    """
    parts = (
        list(matrices[0])
        if len(matrices) == 1 and isinstance(matrices[0], (tuple, list))
        else list(matrices)
    )
    if len(parts) < 3:
        return parts[0] if len(parts) == 1 else matmul(*parts)
    sizes = [parts[0]._a.shape[0], *(p._a.shape[1] for p in parts)]
    n = len(parts)
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(n)}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return parts[i]  # type: ignore[no-any-return]
        k = best[i, j][1]
        return mm(product(i, k), product(k + 1, j))

    return product(0, n - 1)
