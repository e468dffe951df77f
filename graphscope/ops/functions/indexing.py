"""Selection, filling and search for places by index tensors and masks, in torch's spelling."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.dispatch import as_tensor, call, constant
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, IndexRangeError, ShapeError
from graphscope.ops import index as ix
from graphscope.ops import indexing_syntax as syntax
from graphscope.ops import rowwise as rw
from graphscope.ops.dims import dim_of
from graphscope.ops.functions.shape import broadcast_to, reshape

__all__ = [
    "argwhere", "index_add", "index_copy", "index_fill", "index_put", "index_select", "masked_fill",
    "masked_scatter", "masked_select", "nonzero", "put", "take",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [*__all__, "fill_diagonal_"]
# Those with an in-place form.
INPLACE = [
    "index_add", "index_copy", "index_fill", "index_put", "masked_fill", "masked_scatter", "put",
]  # fmt: skip


def _vector(name: str, index: Any) -> Tensor:
    i = as_tensor(index)
    if i._a.dtype.name not in ("int64", "int32"):
        raise at_line(
            DTypeError,
            f"{name}: the index is {i.dtype.name}, and indices are int64 or int32; use .long()",
        )
    if i._a.ndim > 1:
        raise at_line(
            IndexRangeError,
            f"{name}: the index has the shape {tuple(i._a.shape)}, it takes a vector; use x[index] for others",
        )
    return i if i._a.ndim else reshape(i, 1)


def _same_dtype(name: str, x: Tensor, src: Any) -> Tensor:
    if not isinstance(src, Tensor):
        return constant(src, x._a.dtype, x._a)
    if src._a.dtype != x._a.dtype:
        raise at_line(
            DTypeError,
            f"{name}: the tensor is {x.dtype.name} and what goes into it {src.dtype.name}; convert one with .to(dtype)",
        )
    return src


def _lifted(x: Tensor) -> Tensor:
    return x if x._a.ndim else reshape(x, 1)


def index_select(input: Any, dim: int, index: Any) -> Tensor:
    """The slices of ``input`` at the indices of dimension ``dim``, as a copy."""
    d, i = dim_of(dim, input._a.ndim), _vector("index_select", index)
    out = call(rw.index_select, _lifted(input), i, axis=d, was=input._a.shape or (1,))
    return out if input._a.ndim else reshape(out, ())


def _slices(name: str, input: Any, dim: int, index: Any, source: Any) -> Any:
    d, i = dim_of(dim, input._a.ndim), _vector(name, index)
    src = _same_dtype(name, input, source)
    want = list(input._a.shape or (1,))
    want[d] = i._a.size
    if src._a.ndim and list(src._a.shape) != want or not src._a.ndim and i._a.size != 1:
        raise at_line(
            IndexRangeError,
            f"{name}(): source has shape {tuple(src._a.shape)}, but {i._a.size} indices of dimension {d} of a tensor "
            f"{tuple(input._a.shape)} need {tuple(want)}",
        )
    return d, i, reshape(src, want)


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Tensor:
    """A copy with ``alpha * source`` added at the indices of ``dim``; repeated indices add up."""
    d, i, src = _slices("index_add", input, dim, index, source)
    out = call(rw.index_add, _lifted(input), i, src, axis=d, alpha=alpha)
    return out if input._a.ndim else reshape(out, ())


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Tensor:
    """A copy with the slices of ``source`` written at the indices of ``dim``."""
    d, i, src = _slices("index_copy", input, dim, index, source)
    out = call(rw.index_copy, _lifted(input), i, src, axis=d, was=src._a.shape)
    return out if input._a.ndim else reshape(out, ())


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Tensor:
    """A copy with one number at the indices of ``dim``."""
    d, i = dim_of(dim, input._a.ndim), _vector("index_fill", index)
    if isinstance(value, Tensor) and value._a.ndim:
        raise at_line(
            ShapeError,
            f"index_fill: value must be a number or a 0-dim tensor, not of shape {tuple(value._a.shape)}",
        )
    # Unlike its relatives, torch's index_fill lets negative indices count from the end.
    n = (input._a.shape or (1,))[d]
    i = Tensor(i._a + n * (i._a < 0))
    out = call(rw.index_fill, _lifted(input), i, syntax.value_for(input, value), axis=d)
    return out if input._a.ndim else reshape(out, ())


def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """A copy with ``values`` written (or added) at a tuple of index tensors, as in ``input[indices]``.

    Raises: DTypeError if the dtypes differ.
    """
    if not isinstance(indices, (tuple, list)):
        raise at_line(
            DTypeError,
            f"index_put: indices is a {type(indices).__name__}; it takes a tuple of tensors, write (index,)",
        )
    v = _same_dtype("index_put", input, values)
    at = tuple(slice(None) if p is None else p for p in indices)
    _, template, arrays = syntax.split(input._a, at)
    return call(
        ix.index_put,
        input,
        v,
        *arrays,
        template=template,
        accumulate=bool(accumulate),
        was=v._a.shape,
    )


def _mask(name: str, mask: Any) -> Tensor:
    if not isinstance(mask, Tensor) or mask._a.dtype.kind != "b":
        kind = mask.dtype.name if isinstance(mask, Tensor) else type(mask).__name__
        raise at_line(
            DTypeError,
            f"{name}: the mask must be a bool tensor, not {kind}; compare it, or use .bool()",
        )
    return mask


def _joined(name: str, a: Tensor, b: Tensor) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(a._a.shape, b._a.shape)
    except ValueError:
        raise at_line(
            ShapeError,
            f"{name}: the mask {tuple(b._a.shape)} does not broadcast with the tensor {tuple(a._a.shape)}; sizes "
            "must be equal or 1, counted from the last dimension",
        ) from None


def masked_fill(input: Any, mask: Any, value: Any) -> Tensor:
    """``value`` where the mask is true, else ``input``; the mask broadcasts."""
    m = _mask("masked_fill", mask)
    if isinstance(value, Tensor) and value._a.ndim:
        raise at_line(
            ShapeError,
            f"masked_fill: the value has the shape {tuple(value._a.shape)}, it takes one number; "
            "use where(mask, value, input)",
        )
    full = _joined("masked_fill", input, m)
    x = input if input._a.shape == full else broadcast_to(input, full)
    return call(rw.masked_fill, x, m, syntax.value_for(input, value))


def masked_select(input: Any, mask: Any) -> Tensor:
    """The elements where the mask is true, as a vector; both broadcast."""
    m = _mask("masked_select", mask)
    full = _joined("masked_select", input, m)
    x = _lifted(input if input._a.shape == full else broadcast_to(input, full))
    m = _lifted(m if m._a.shape == full else broadcast_to(m, full))
    return call(ix.index, x, m, template=("@0",), was=x._a.shape)


def masked_scatter(input: Any, mask: Any, source: Any) -> Tensor:
    """A copy with the elements of ``source``, in order, where the mask is true; the mask broadcasts."""
    m, src = _mask("masked_scatter", mask), _same_dtype("masked_scatter", input, source)
    full = _joined("masked_scatter", input, m)
    x = input if input._a.shape == full else broadcast_to(input, full)
    m = m if m._a.shape == full else broadcast_to(m, full)
    n = int(m._a.sum())
    if n > src._a.size:
        raise at_line(
            ShapeError,
            f"masked_scatter: {n} places are masked, and the source has only {src._a.size} elements for them",
        )
    if not full:
        return reshape(masked_scatter(reshape(x, 1), reshape(m, 1), src), ())
    values = syntax.getitem(reshape(src, -1), slice(n))
    return call(ix.index_put, x, values, m, template=("@0",), accumulate=False, was=values._a.shape)


def take(input: Any, index: Any) -> Tensor:
    """The elements of the flattened input at the indices, in the shape of ``index``."""
    flat, i = reshape(input, -1), as_tensor(index)
    if i._a.dtype.name != "int64":
        raise at_line(
            DTypeError,
            f"take: the index is {i.dtype.name}, and it takes int64; use .long()",
        )
    out = call(ix.index, flat, reshape(i, -1), template=("@0",), was=flat._a.shape)
    return reshape(out, i._a.shape)


def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Tensor:
    """A copy with ``source`` written (or added) at indices into the flattened input."""
    src = _same_dtype("put", input, source)
    if src._a.size != index._a.size:
        raise at_line(
            ShapeError,
            f"put: source has {src._a.size} elements and index {index._a.size}; they must be equal",
        )
    out = index_put(reshape(input, -1), (reshape(index, -1),), reshape(src, -1), accumulate)
    return reshape(out, input._a.shape)


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The indices of elements that are not zero: (n, dim), or with as_tuple a vector per dimension."""
    if not as_tuple:
        return call(rw.nonzero, input)
    found = call(rw.nonzero, _lifted(input))
    return tuple(syntax.getitem(found, (slice(None), d)) for d in range(found._a.shape[1]))


def argwhere(input: Any) -> Tensor:
    """The indices of elements that are not zero, (n, dim)."""
    return call(rw.nonzero, input)


def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write a number on the main diagonal, in place; ``wrap`` goes on below a tall matrix.

    Raises: ShapeError for less than two dimensions, or more than two that are unequal.
    """
    shape = self._a.shape
    if len(shape) < 2:
        raise at_line(
            ShapeError,
            f"fill_diagonal_: the shape {tuple(shape)} has no diagonal; it needs two dimensions or more",
        )
    if len(shape) > 2 and len(set(shape)) > 1:
        raise at_line(
            ShapeError,
            f"fill_diagonal_: the sizes in {tuple(shape)} differ; beyond two dimensions they have to be equal",
        )
    rows = np.arange(min(shape))
    at: Any = (rows,) * len(shape)
    if wrap and len(shape) == 2 and shape[0] > shape[1]:
        # As if the matrix had one more, empty row between its repetitions.
        places = np.arange(0, shape[0] * shape[1], shape[1] + 1)
        at = (places // shape[1], places % shape[1])
    self[at] = fill_value  # type: ignore[index]
    return self
