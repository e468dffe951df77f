"""Elements moved around: flips, rolls, diagonals, triangles, grids, windows, in torch's spelling."""

from __future__ import annotations

from itertools import combinations as _combinations
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from graphscope.engine import storage
from graphscope.engine.create import to_device
from graphscope.engine.dispatch import as_tensor, call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.ops import arrange as ag
from graphscope.ops import join as jn
from graphscope.ops.functions.joining import stack
from graphscope.ops.functions.making import one_dim
from graphscope.ops.functions.shape import expand, flatten, reshape, sizes_of, transpose

__all__ = [
    "flip", "fliplr", "flipud", "roll", "rot90", "tril", "triu", "diagonal", "diag", "diagflat",
    "diag_embed", "meshgrid", "cartesian_prod", "combinations", "as_strided",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [
    "flip", "fliplr", "flipud", "roll", "rot90", "tril", "triu", "diagonal", "diag", "diagflat",
    "diag_embed", "as_strided", "unfold",
]  # fmt: skip
# Those whose method has an in-place twin with a trailing underscore.
INPLACE = ["tril", "triu"]


def flip(input: Any, *dims: Any) -> Tensor:
    """Dimensions in reverse: a copy."""
    axis = tuple([one_dim("flip", d, input._a.ndim) for d in sizes_of(dims)])
    if len(set(axis)) != len(axis):
        raise at_line(ShapeError, f"flip: dims {axis} name a dimension twice; name each once")
    return call(ag.flip, input, axis=axis if input._a.ndim else ())


def fliplr(input: Any) -> Tensor:
    """Left and right swapped. Raises: ShapeError for a vector."""
    if input._a.ndim < 2:
        raise at_line(
            ShapeError,
            f"fliplr: the shape {tuple(input._a.shape)} has no columns to swap; use flip(x, 0) for a vector",
        )
    return flip(input, 1)


def flipud(input: Any) -> Tensor:
    """Up and down swapped."""
    if input._a.ndim < 1:
        raise at_line(
            ShapeError,
            "flipud: a 0-d tensor has no rows to swap; leave it as it is, or unsqueeze(0) first",
        )
    return flip(input, 0)


def roll(input: Any, shifts: Any, dims: Any = None) -> Tensor:
    """Elements moved along, those that fall off come in at the other end."""
    by = tuple(shifts) if isinstance(shifts, (list, tuple)) else (shifts,)
    if dims is None or isinstance(dims, (list, tuple)) and not dims:
        if len(by) != 1:
            raise at_line(ShapeError, f"roll: without dims there is one shift, not {len(by)}")
        return call(ag.roll, input, shifts=int(by[0]), axis=None)
    along = tuple(dims) if isinstance(dims, (list, tuple)) else (dims,)
    if len(along) != len(by):
        raise at_line(
            ShapeError, f"roll: {len(by)} shifts and {len(along)} dims; give one shift for each dim"
        )
    axis = tuple([one_dim("roll", d, input._a.ndim) for d in along])
    return call(ag.roll, input, shifts=tuple(int(s) for s in by), axis=axis)


def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """A plane turned k times by 90 degrees, from the first of ``dims`` towards the second."""
    if len(dims) != 2:
        raise at_line(
            ShapeError,
            f"rot90: dims={tuple(dims)} has {len(dims)} entries; a rotation turns a plane, so name two",
        )
    a, b = (one_dim("rot90", d, input._a.ndim) for d in dims)
    if a == b or input._a.ndim < 2:
        raise at_line(
            ShapeError, f"rot90: the rotation dims must be two different ones, got {tuple(dims)}"
        )
    return call(ag.rot90, input, k=int(k), axes=(a, b))


def _triangle(row: Any, input: Any, diagonal: int) -> Tensor:
    if input._a.ndim < 2:
        raise at_line(
            ShapeError,
            f"{row.name}: the shape {tuple(input._a.shape)} has no matrix; a triangle needs rows and columns",
        )
    return call(row, input, k=int(diagonal))


def tril(input: Any, diagonal: int = 0) -> Tensor:
    """The lower triangle of a matrix (or of each of a batch), zeros above it."""
    return _triangle(ag.tril, input, diagonal)


def triu(input: Any, diagonal: int = 0) -> Tensor:
    """The upper triangle of a matrix (or of each of a batch), zeros below it."""
    return _triangle(ag.triu, input, diagonal)


# ---------------------------------------------------------------- diagonals


def _diagonal(row: Any, input: Any, offset: int, dim1: int, dim2: int) -> Tensor:
    n = input._a.ndim
    a, b = one_dim("diagonal", dim1, n), one_dim("diagonal", dim2, n)
    if a == b:
        raise at_line(
            ShapeError,
            f"diagonal: dim1={dim1} and dim2={dim2} are one dimension; a diagonal runs across two",
        )
    return call(row, input, offset=offset, axis1=a, axis2=b, was=input._a.shape)


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A diagonal of two dimensions, as the last dimension: a view."""
    return _diagonal(ag.diagonal, input, offset, dim1, dim2)


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the last dimension on a diagonal and zeros elsewhere."""
    n = input._a.ndim + 1
    a, b = one_dim("diag_embed", dim1, n), one_dim("diag_embed", dim2, n)
    if a == b:
        raise at_line(
            ShapeError,
            f"diag_embed: dim1={dim1} and dim2={dim2} are one dimension; a diagonal runs across two",
        )
    size = input._a.shape[-1] + (offset if offset > 0 else -offset)
    rest = list(input._a.shape[:-1])
    shape = tuple([size if d in (a, b) else rest.pop(0) for d in range(n)])
    return call(ag.diag_embed, input, offset=offset, axis1=a, axis2=b, shape=shape)


def diag(input: Any, diagonal: int = 0) -> Tensor:
    """Of a vector the matrix with it on a diagonal; of a matrix its diagonal, copied."""
    if input._a.ndim == 1:
        return diag_embed(input, diagonal)
    if input._a.ndim != 2:
        raise at_line(
            ShapeError,
            f"diag: takes a vector or a matrix, not the shape {tuple(input._a.shape)}; for batches use diagonal or "
            "diag_embed",
        )
    return _diagonal(ag.diag, input, diagonal, 0, 1)


def diagflat(input: Any, offset: int = 0) -> Tensor:
    """A matrix with all elements on a diagonal."""
    return diag_embed(flatten(input), offset)


# ---------------------------------------------------------------- grids


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """For each vector a grid of its values; indexing "ij" (rows first) or "xy" (columns first)."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    parts = [as_tensor(x) for x in given]
    if indexing not in (None, "ij", "xy"):
        raise at_line(
            ShapeError,
            f"meshgrid: indexing={indexing!r} is unknown; it is 'ij' (rows first) or 'xy' (columns first)",
        )
    if any(x._a.ndim > 1 for x in parts):
        raise at_line(
            ShapeError,
            f"meshgrid: takes vectors and numbers, not the shapes {[tuple(x._a.shape) for x in parts]}; flatten them",
        )
    if len({x._a.dtype for x in parts}) > 1:
        raise at_line(
            ShapeError,
            f"meshgrid: the vectors are {[x.dtype.name for x in parts]}; give them one dtype with .to(dtype)",
        )
    shape = tuple(x._a.size for x in parts)
    grids = [
        expand(reshape(x, (1,) * k + (-1,) + (1,) * (len(parts) - 1 - k)), shape)
        for k, x in enumerate(parts)
    ]
    if indexing == "xy" and len(parts) > 1:
        grids = [transpose(g, 0, 1) for g in grids]
    return tuple(grids)


def cartesian_prod(*tensors: Any) -> Tensor:
    """All tuples with one element of each vector, one a row."""
    if len(tensors) == 1:
        return as_tensor(tensors[0])
    return stack([flatten(g) for g in meshgrid(*tensors, indexing="ij")], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a vector, one a row."""
    if input._a.ndim != 1:
        raise at_line(
            ShapeError,
            f"combinations: takes a vector, not the shape {tuple(input._a.shape)}; flatten() it",
        )
    choose = combinations_with_replacement if with_replacement else _combinations
    at = np.array(list(choose(range(input._a.size), r)), np.int64).reshape(-1, r)
    if r == 0:
        return as_tensor(np.zeros((0,), input._a.dtype))
    places = to_device(Tensor(at.reshape(-1)), input.device)
    picked = call(jn.repeat_interleave, input, places, axis=0, was=input._a.shape)
    return reshape(picked, at.shape)


# ---------------------------------------------------------------- windows and strides


def unfold(input: Any, dimension: int, size: int, step: int) -> Tensor:
    """Windows of ``size`` places, ``step`` apart, as a new last dimension: a view."""
    d = one_dim("unfold", dimension, input._a.ndim)
    if step <= 0 or size < 0:
        raise at_line(
            ShapeError,
            f"unfold: size={size} and step={step}; a size is 0 or more, a step 1 or more",
        )
    if not input._a.ndim:
        return reshape(input, (1,)[:size] or (0,))
    return call(ag.unfold, input, axis=d, size=int(size), step=int(step), was=input._a.shape)


def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """The memory of a tensor with other sizes and strides (in elements): a view.

    Raises: ShapeError if that would leave the memory.
    """
    sizes, strides, a = sizes_of((size,)), sizes_of((stride,)), input._a
    if len(sizes) != len(strides):
        raise at_line(
            ShapeError,
            f"as_strided: {len(sizes)} sizes and {len(strides)} strides; each size needs its stride",
        )
    start = storage.offset(a)
    first = 0 if storage_offset is None else int(storage_offset) - start
    last = first + sum((n - 1) * s for n, s in zip(sizes, strides, strict=True))
    if first < 0 or any(s < 0 for s in strides) or all(sizes) and last >= a.size:
        raise at_line(
            ShapeError,
            f"as_strided: sizes {sizes} and strides {strides} from place {first} on need {last + 1} elements of "
            f"memory, and the tensor of shape {tuple(a.shape)} has {a.size}",
        )
    return call(ag.as_strided, input, size=sizes, stride=strides, offset=first, was=a.shape)
