"""Tensors joined, cut into parts, and repeated, in torch's spelling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.dispatch import as_tensor, call, cast
from graphscope.engine.explain import at_line
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
        raise at_line(ShapeError, "cat: the list is empty; give it at least one tensor")
    parts = _alike(tensors)
    full = [x for x in parts if x._a.shape != (0,)] or parts  # torch leaves out empty vectors
    d = one_dim("cat", dim if axis is None else axis, full[0]._a.ndim)
    if any(not x._a.ndim for x in full):
        raise at_line(ShapeError, "cat: a 0-d tensor has no dimension to join along; use stack()")
    # where dimensions are missing, the row's rule words it
    sizes = tuple([x._a.shape[d] if d < x._a.ndim else 0 for x in full])
    return call(jn.cat, *full, axis=d, sizes=sizes)


concat = concatenate = cat


def stack(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Join along a new dimension."""
    if not len(tensors):
        raise at_line(ShapeError, "stack: the list is empty; give it at least one tensor")
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
            raise at_line(
                ShapeError,
                f"block_diag: input {k} has {x._a.ndim} dimensions; it takes matrices, vectors and numbers",
            )
    return call(jn.block_diag, *parts, shapes=tuple(tuple(x._a.shape) for x in parts))


# ---------------------------------------------------------------- cutting


def _split(name: str, x: Tensor, dim: int, sizes: Sequence[int]) -> tuple[Tensor, ...]:
    if not x._a.ndim:
        raise at_line(ShapeError, f"{name}: a 0-d tensor has no dimension to cut; unsqueeze(0) it")
    out: tuple[Tensor, ...] = call(jn.split, x, axis=dim, sizes=tuple(sizes))  # type: ignore[assignment]
    return out


def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of a given size (the last may be smaller), or of several given sizes: views."""
    if not isinstance(split_size_or_sections, int):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    d, size = one_dim("split", dim, tensor._a.ndim), split_size_or_sections
    n = tensor._a.shape[d] if tensor._a.ndim else 0
    if size < 0 or size == 0 and n:
        raise at_line(
            ShapeError,
            f"split: split_size={size} does not cut a dimension of size {n}; take 1 or more",
        )
    count = max(-(-n // size), 1) if size else 1
    sizes = [size] * (count - 1) + [n - size * (count - 1)]
    return _split("split", tensor, d, sizes)


def split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of the given sizes: views."""
    d, sizes = one_dim("split", dim, input._a.ndim), sizes_of((split_sizes,))
    n = input._a.shape[d] if input._a.ndim else 0
    if sum(sizes) != n or any(s < 0 for s in sizes):
        raise at_line(
            ShapeError,
            f"split_with_sizes: split_sizes={list(sizes)} add up to {sum(sizes)}, and dimension {d} of "
            f"{tuple(input._a.shape)} has {n}; make them add up to it, none below 0",
        )
    return _split("split", input, d, sizes)


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` parts of equal size (the last may be smaller): views."""
    if chunks <= 0:
        raise at_line(ShapeError, f"chunk: chunks={chunks}; take 1 or more")
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
            raise at_line(ShapeError, f"tensor_split: {cuts} sections; take 1 or more")
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
        raise at_line(ShapeError, "unbind: a 0-d tensor has no dimension to take apart")
    if not input._a.shape[d]:
        return ()
    out: tuple[Tensor, ...] = call(jn.unbind, input, axis=d)  # type: ignore[assignment]
    return out


def narrow(input: Any, dim: int, start: Any, length: int) -> Tensor:
    """``length`` places of a dimension from ``start`` on: a view."""
    d, n = one_dim("narrow", dim, input._a.ndim), 0
    if not input._a.ndim:
        raise at_line(ShapeError, "narrow: a 0-d tensor has no dimension to cut; unsqueeze(0) it")
    n, first = input._a.shape[d], int(start)
    if not -n <= first <= n:
        raise at_line(
            IndexRangeError,
            f"narrow: start={first} lies outside of dimension {d}, which has size {n}; take {-n}..{n}",
        )
    first = first + n if first < 0 else first
    if length < 0 or first + length > n:
        raise at_line(
            ShapeError,
            f"narrow: length={length} from place {first} on does not fit into dimension {d}, which has size {n}",
        )
    return call(jn.narrow, input, axis=d, start=first, length=int(length), was=input._a.shape)


def select(input: Any, dim: int, index: Any) -> Tensor:
    """One place of a dimension, which goes away: a view."""
    if not input._a.ndim:
        raise at_line(
            IndexRangeError, "select: a 0-d tensor has no dimension to select from; use item()"
        )
    d, at = one_dim("select", dim, input._a.ndim), int(index)
    n = input._a.shape[d]
    if not -n <= at < n:
        raise at_line(
            IndexRangeError,
            f"select: index {at} is not in dimension {d} of {tuple(input._a.shape)}, which has {-n}..{n - 1}",
        )
    return call(jn.select, input, axis=d, index=at, was=input._a.shape)


# ---------------------------------------------------------------- repeating


def repeat(input: Any, *repeats: Any) -> Tensor:
    """The whole repeated so many times along each dimension: a copy."""
    sizes, was = sizes_of(repeats), input._a.shape
    if len(sizes) < len(was):
        raise at_line(
            ShapeError,
            f"repeat: {sizes} leaves out dimensions of {tuple(was)}; give a number for each, or use tile() to repeat "
            "the last ones",
        )
    if any(s < 0 for s in sizes):
        raise at_line(
            ShapeError,
            f"repeat: {sizes} has a number below 0; a tensor is repeated 0 times or more",
        )
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
        raise at_line(
            ShapeError,
            f"repeat_interleave: {counts.size} repeats for dimension {d} of size {n}; give one number, or {n}",
        )
    if (counts < 0).any():
        raise at_line(
            ShapeError,
            f"repeat_interleave: repeats has {int(counts.min())}; an element is there 0 times or more",
        )
    from graphscope.engine.create import to_device

    at = to_device(Tensor(np.repeat(np.arange(n), counts.reshape(-1))), x.device)
    return call(jn.repeat_interleave, x, at, axis=d, was=x._a.shape)
