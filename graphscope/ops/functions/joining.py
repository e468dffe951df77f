"""Tensors joined, cut into parts, and repeated, in torch's spelling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.dispatch import as_tensor, call, cast
from graphscope.engine.tensor import Tensor
from graphscope.errors import IndexRangeError, ShapeError
from graphscope.ops import join as jn
from graphscope.ops.functions.making import one_dim
from graphscope.ops.functions.shape import flatten, reshape, sizes_of, unsqueeze

__all__ = [
    "cat", "concat", "concatenate", "stack", "hstack", "vstack", "row_stack", "dstack", "column_stack",
    "block_diag", "split", "split_with_sizes", "chunk", "tensor_split", "hsplit", "vsplit", "dsplit",
    "unbind", "narrow", "select", "tile", "repeat_interleave", "atleast_1d", "atleast_2d", "atleast_3d",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [
    "split", "split_with_sizes", "chunk", "tensor_split", "hsplit", "vsplit", "dsplit", "unbind",
    "narrow", "select", "tile", "repeat", "repeat_interleave",
]  # fmt: skip
INPLACE: list[str] = []


def _alike(tensors: Sequence[Any]) -> list[Tensor]:
    """Tensors of one dtype, by torch's promotion."""
    parts = [as_tensor(x) for x in tensors]
    want = parts[0]._a.dtype
    for x in parts[1:]:
        if x._a.dtype is not want:
            want = dtypes.promote(want, 1, x._a.dtype, 1)
    return [x if x._a.dtype == want else cast(x, want) for x in parts]


def cat(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Join along an existing dimension."""
    if not len(tensors):
        raise ShapeError("cat(): expected a non-empty list of Tensors")
    parts = _alike(tensors)
    full = [x for x in parts if x._a.shape != (0,)] or parts  # torch leaves out empty vectors
    d = one_dim("cat", dim if axis is None else axis, full[0]._a.ndim)
    if any(not x._a.ndim for x in full):
        raise ShapeError("cat: zero-dimensional tensor cannot be concatenated; use stack()")
    # where dimensions are missing, the row's rule words it
    sizes = tuple([x._a.shape[d] if d < x._a.ndim else 0 for x in full])
    return call(jn.cat, *full, axis=d, sizes=sizes)


concat = concatenate = cat


def stack(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Join along a new dimension."""
    if not len(tensors):
        raise ShapeError("stack expects a non-empty TensorList")
    parts = _alike(tensors)
    d = one_dim("stack", dim if axis is None else axis, parts[0]._a.ndim + 1)
    return call(jn.stack, *parts, axis=d, count=len(parts))


def _at_least(name: str, n: int, tensors: Any) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return tuple(_at_least(name, n, (x,)) for x in tensors[0])
    if len(tensors) > 1:
        return tuple(_at_least(name, n, (x,)) for x in tensors)
    x = as_tensor(tensors[0])
    if x._a.ndim >= n:
        return x
    if n == 3 and x._a.ndim == 2:
        return unsqueeze(x, -1)
    if n == 3 and x._a.ndim == 1:
        return reshape(x, 1, -1, 1)
    return reshape(x, (1,) * (n - x._a.ndim) + tuple(x._a.shape))


def atleast_1d(*tensors: Any) -> Any:
    """With at least one dimension."""
    return _at_least("atleast_1d", 1, tensors)


def atleast_2d(*tensors: Any) -> Any:
    """With at least two dimensions; new ones come first."""
    return _at_least("atleast_2d", 2, tensors)


def atleast_3d(*tensors: Any) -> Any:
    """With at least three dimensions."""
    return _at_least("atleast_3d", 3, tensors)


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Side by side: along dimension 1, vectors along 0."""
    parts = [atleast_1d(x) for x in tensors]
    return cat(parts, 0 if parts[0]._a.ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Tensor:
    """One below the other; vectors are rows."""
    return cat([atleast_2d(x) for x in tensors], 0)


row_stack = vstack


def dstack(tensors: Sequence[Any]) -> Tensor:
    """Along the third dimension."""
    return cat([atleast_3d(x) for x in tensors], 2)


def column_stack(tensors: Sequence[Any]) -> Tensor:
    """Side by side; vectors are columns."""
    parts = [as_tensor(x) for x in tensors]
    return hstack([reshape(x, (x._a.size, 1)) if x._a.ndim < 2 else x for x in parts])


def block_diag(*tensors: Any) -> Tensor:
    """A matrix with the given ones along its diagonal, zeros elsewhere."""
    parts = _alike([atleast_2d(x) for x in tensors])
    for k, x in enumerate(parts):
        if x._a.ndim > 2:
            raise ShapeError(
                f"block_diag: input {k} has {x._a.ndim} dimensions; it takes matrices, vectors and numbers"
            )
    return call(jn.block_diag, *parts, shapes=tuple(tuple(x._a.shape) for x in parts))


# ---------------------------------------------------------------- cutting


def _split(name: str, x: Tensor, dim: int, sizes: Sequence[int]) -> tuple[Tensor, ...]:
    if not x._a.ndim:
        raise ShapeError(f"{name}: expects at least a 1-dimensional tensor")
    out: tuple[Tensor, ...] = call(jn.split, x, axis=dim, sizes=tuple(sizes))  # type: ignore[assignment]
    return out


def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of a given size (the last may be smaller), or of several given sizes: views."""
    if not isinstance(split_size_or_sections, int):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    d, size = one_dim("split", dim, tensor._a.ndim), split_size_or_sections
    n = tensor._a.shape[d] if tensor._a.ndim else 0
    if size < 0 or size == 0 and n:
        raise ShapeError(
            f"split expects split_size be non-negative and not 0 for a dimension of size {n}, but got split_size={size}"
        )
    count = max(-(-n // size), 1) if size else 1
    sizes = [size] * (count - 1) + [n - size * (count - 1)]
    return _split("split", tensor, d, sizes)


def split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of the given sizes: views."""
    d, sizes = one_dim("split", dim, input._a.ndim), sizes_of((split_sizes,))
    n = input._a.shape[d] if input._a.ndim else 0
    if sum(sizes) != n or any(s < 0 for s in sizes):
        raise ShapeError(
            f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension {d}), but "
            f"got split_sizes={list(sizes)}, which sum to {sum(sizes)}"
        )
    return _split("split", input, d, sizes)


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` parts of equal size (the last may be smaller): views."""
    if chunks <= 0:
        raise ShapeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    d = one_dim("chunk", dim, input._a.ndim)
    n = input._a.shape[d] if input._a.ndim else 0
    if not n:
        return _split("chunk", input, d, [0] * chunks)
    return split(input, -(-n // chunks), d)


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """So many parts, sizes differing by 1 at most, or cut before the given places: views."""
    d = one_dim("tensor_split", dim, input._a.ndim)
    n = input._a.shape[d] if input._a.ndim else 0
    cuts = indices_or_sections
    if isinstance(cuts, Tensor):
        cuts = cuts.tolist()
    if isinstance(cuts, int):
        if cuts <= 0:
            raise ShapeError(f"tensor_split: number of sections must be larger than 0, got {cuts}")
        each, more = divmod(n, cuts)
        return _split("tensor_split", input, d, [each + (k < more) for k in range(cuts)])
    places = [min(max(c + n if c < 0 else c, 0), n) for c in cuts]
    if places == sorted(places):
        ends = [0, *places, n]
        return _split(
            "tensor_split", input, d, [b - a for a, b in zip(ends[:-1], ends[1:], strict=True)]
        )
    starts = [0, *places]
    return tuple(
        narrow(input, d, min(a, n), max(b - a, 0))
        for a, b in zip(starts, [*places, n], strict=True)
    )


def hsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """tensor_split along dimension 1, of a vector along 0."""
    return tensor_split(input, indices_or_sections, 0 if input._a.ndim == 1 else 1)


def vsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """tensor_split along dimension 0."""
    return tensor_split(input, indices_or_sections, 0)


def dsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """tensor_split along dimension 2."""
    return tensor_split(input, indices_or_sections, 2)


def unbind(input: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Each place of a dimension, which goes away: views."""
    d = one_dim("unbind", dim, input._a.ndim)
    if not input._a.ndim:
        raise ShapeError("unbind: a 0-d tensor has no dimension to take apart")
    if not input._a.shape[d]:
        return ()
    out: tuple[Tensor, ...] = call(jn.unbind, input, axis=d)  # type: ignore[assignment]
    return out


def narrow(input: Any, dim: int, start: Any, length: int) -> Tensor:
    """``length`` places of a dimension from ``start`` on: a view."""
    d, n = one_dim("narrow", dim, input._a.ndim), 0
    if not input._a.ndim:
        raise ShapeError("narrow() cannot be applied to a 0-dim tensor")
    n, first = input._a.shape[d], int(start)
    if not -n <= first <= n:
        raise IndexRangeError(
            f"narrow: start out of range (expected to be in range of [{-n}, {n}], but got {first})"
        )
    first = first + n if first < 0 else first
    if length < 0 or first + length > n:
        raise ShapeError(
            f"narrow: start ({first}) + length ({length}) exceeds dimension size ({n})"
        )
    return call(jn.narrow, input, axis=d, start=first, length=int(length), was=input._a.shape)


def select(input: Any, dim: int, index: Any) -> Tensor:
    """One place of a dimension, which goes away: a view."""
    if not input._a.ndim:
        raise IndexRangeError("select() cannot be applied to a 0-dim tensor")
    d, at = one_dim("select", dim, input._a.ndim), int(index)
    n = input._a.shape[d]
    if not -n <= at < n:
        raise IndexRangeError(
            f"select(): index {at} out of range for tensor of size {list(input._a.shape)} at dimension {d}"
        )
    return call(jn.select, input, axis=d, index=at, was=input._a.shape)


# ---------------------------------------------------------------- repeating


def repeat(input: Any, *repeats: Any) -> Tensor:
    """The whole repeated so many times along each dimension: a copy."""
    sizes, was = sizes_of(repeats), input._a.shape
    if len(sizes) < len(was):
        raise ShapeError(
            f"repeat: Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: "
            f"{sizes} for a tensor of shape {tuple(was)}; use tile() to repeat the last ones"
        )
    if any(s < 0 for s in sizes):
        raise ShapeError(f"repeat: Trying to create tensor with negative dimension: {sizes}")
    return call(jn.repeat, input, sizes=sizes, was=was)


def tile(input: Any, *dims: Any) -> Tensor:
    """The whole repeated along the last dimensions: a copy."""
    sizes = sizes_of(dims)
    return repeat(input, (1,) * (input._a.ndim - len(sizes)) + sizes)


def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each place of a dimension repeated (so often, or as the tensor ``repeats`` says for each)."""
    if repeats is None:  # only the indices are asked for
        counts = input._host()
        return Tensor(np.repeat(np.arange(counts.size), counts))
    x = flatten(input) if dim is None else input
    d = one_dim("repeat_interleave", dim or 0, x._a.ndim)
    n = x._a.shape[d] if x._a.ndim else 1
    counts = repeats._host() if isinstance(repeats, Tensor) else np.asarray(repeats)
    if counts.ndim and counts.size not in (1, n):
        raise ShapeError(
            f"repeat_interleave: repeats must have the same size as input along dim {d}: {counts.size} for {n}"
        )
    if (counts < 0).any():
        raise ShapeError("repeat_interleave: repeats can not be negative")
    from graphscope.engine.create import to_device

    at = to_device(Tensor(np.repeat(np.arange(n), counts.reshape(-1))), x.device)
    return call(jn.repeat_interleave, x, at, axis=d, was=x._a.shape)
