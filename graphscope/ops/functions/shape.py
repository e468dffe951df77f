"""Views, copies, joins and casts, in torch's spelling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphscope.engine import dtype as dtypes
from graphscope.engine.dispatch import as_tensor, call, unary
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.ops import shape as sh

__all__ = [
    "reshape", "flatten", "squeeze", "unsqueeze", "transpose", "t", "permute", "expand",
    "broadcast_to", "cat", "stack", "clone",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [
    "reshape", "view", "flatten", "squeeze", "unsqueeze", "transpose", "t", "permute", "expand",
    "broadcast_to", "clone",
]  # fmt: skip


def _sizes(shape: Sequence[Any]) -> tuple[int, ...]:
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = shape[0]
    return tuple(int(s) for s in shape)


def reshape(input: Any, *shape: Any) -> Tensor:
    """The same elements in another shape; one size may be -1."""
    return call(sh.reshape, input, shape=_sizes(shape), was=input._a.shape)


view = reshape


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the dimensions start_dim..end_dim into one."""
    old = input._a.shape
    n = len(old) or 1
    a, b = start_dim % n, end_dim % n
    joined = 1
    for s in old[a : b + 1]:
        joined *= s
    return call(sh.reshape, input, shape=(*old[:a], joined, *old[b + 1 :]), was=old)


def squeeze(input: Any, dim: Any = None) -> Tensor:
    """Without the dimensions of size 1 (or only the one named)."""
    old = input._a.shape
    if dim is None:
        new = tuple(s for s in old if s != 1)
    else:
        d = dim % len(old)
        new = old if old[d] != 1 else old[:d] + old[d + 1 :]
    return call(sh.reshape, input, shape=new, was=old)


def unsqueeze(input: Any, dim: int) -> Tensor:
    """With a new dimension of size 1 at ``dim``."""
    old = input._a.shape
    d = dim % (len(old) + 1)
    return call(sh.reshape, input, shape=(*old[:d], 1, *old[d:]), was=old)


def transpose(input: Any, dim0: int, dim1: int) -> Tensor:
    """Two dimensions swapped."""
    axes = list(range(input._a.ndim))
    axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    return call(sh.transpose, input, axes=tuple(a % len(axes) for a in axes))


def t(input: Any) -> Tensor:
    """The transpose of a matrix."""
    if input._a.ndim > 2:
        raise ShapeError(f"t() takes at most 2 dimensions, the tensor has {input._a.ndim}; use .mT")
    return transpose(input, 0, 1) if input._a.ndim == 2 else input


def permute(input: Any, *dims: Any) -> Tensor:
    """Dimensions in another order."""
    n = input._a.ndim
    return call(sh.transpose, input, axes=tuple(d % n for d in _sizes(dims)))


def expand(input: Any, *sizes: Any) -> Tensor:
    """Repeat dimensions of size 1 without a copy; -1 keeps a size."""
    want = _sizes(sizes)
    old = input._a.shape
    lead = len(want) - len(old)
    full = tuple(old[i - lead] if s == -1 else s for i, s in enumerate(want))
    return call(sh.broadcast_to, input, shape=full, was=old)


broadcast_to = expand


def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Join along an existing dimension."""
    parts = [as_tensor(x) for x in tensors]
    axis = dim % max_ndim(parts)
    return call(sh.concatenate, *parts, axis=axis, sizes=tuple(x._a.shape[axis] for x in parts))


def max_ndim(parts: Sequence[Any]) -> int:
    """The largest number of dimensions among tensors, at least 1."""
    n = 1
    for x in parts:
        n = x._a.ndim if x._a.ndim > n else n
    return n


def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Join along a new dimension."""
    return cat([unsqueeze(as_tensor(x), dim) for x in tensors], dim)


def clone(input: Any) -> Tensor:
    """A copy that gradients flow through."""
    return unary(sh.clone, input)


def to_dtype(input: Any, dtype: Any) -> Tensor:
    """The tensor in another dtype (itself if it has it already)."""
    d = dtypes.of(dtype)
    return input if input._a.dtype == d.np else call(sh.cast, input, dtype=d.name)
