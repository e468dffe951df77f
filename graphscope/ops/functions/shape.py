"""Other shapes, other orders, expansions and casts, in torch's spelling."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as whole
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.dispatch import call, unary
from graphscope.engine.explain import at_line
from graphscope.engine.frames import user_line
from graphscope.engine.size import Size
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError, ShapeError
from graphscope.ops import shape as sh
from graphscope.ops.functions.making import one_dim

__all__ = [
    "reshape", "flatten", "unflatten", "ravel", "squeeze", "unsqueeze", "transpose", "swapaxes",
    "swapdims", "t", "adjoint", "permute", "movedim", "moveaxis", "expand", "broadcast_to",
    "broadcast_tensors", "broadcast_shapes", "clone",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [
    "reshape", "reshape_as", "view", "view_as", "flatten", "unflatten", "ravel", "squeeze",
    "unsqueeze", "transpose", "swapaxes", "swapdims", "t", "adjoint", "permute", "movedim", "moveaxis",
    "expand", "expand_as", "broadcast_to", "clone",
]  # fmt: skip
# Those whose method has an in-place twin with a trailing underscore.
INPLACE = ["squeeze", "unsqueeze", "transpose", "swapaxes", "swapdims", "t"]


def sizes_of(shape: Sequence[Any]) -> tuple[int, ...]:
    """Sizes given one by one or as one tuple."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = shape[0]
    return tuple([whole(s) for s in shape])


def reshape(input: Any, *shape: Any) -> Tensor:
    """The same elements in another shape; one size may be -1. A view where that is possible."""
    return call(sh.reshape, input, shape=sizes_of(shape), was=input._a.shape)


def reshape_as(input: Any, other: Any) -> Tensor:
    """In the shape of another tensor."""
    return call(sh.reshape, input, shape=other._a.shape, was=input._a.shape)


def view(input: Any, *shape: Any) -> Tensor:
    """The same memory in another shape (one size may be -1), or read as another dtype.

    Raises: ShapeError where only a copy could have that shape; reshape makes one.
    """
    if len(shape) == 1 and isinstance(shape[0], dtypes.dtype):
        return _view_dtype(input, shape[0])
    want, a = sizes_of(shape), input._a
    if a.size and not a.flags.c_contiguous:
        new = list(want)
        if new.count(-1) == 1:
            n = 1
            for s in new:
                n *= s
            new[new.index(-1)] = a.size // max(-n, 1)
        if not _viewable(a.shape, a.strides, new):
            logical = logical_layout(input)
            if _viewable(logical.shape, logical.strides, new):
                return call(sh.reshape, input, shape=want, was=a.shape)
            raise ShapeError(
                f"view: {tuple(a.shape)} to {want}: the elements lie in another order in memory (as after a transpose), "
                "so they cannot be seen in this shape without a copy. Use .reshape(...), which copies, or .contiguous() "
                f"first. ({user_line(2)})"
            )
    return call(sh.view, input, shape=want, was=a.shape)


def logical_layout(input: Any) -> Any:
    """An array (of nothing) with the strides that the tensor would have if results were laid out row by row.

    A convolution keeps the batch innermost in memory, which is our choice and not the user's: what is a
    view of such a result in torch must not be refused here. It is then a copy.
    """
    chain = []
    source = input
    while (of := getattr(source, "_of", None)) is not None:
        source, row, params = of
        chain.append((row, params))
    shape, step, strides = source._a.shape, 1, []
    for size in reversed(shape):
        strides.append(step)
        step *= size
    array = np.lib.stride_tricks.as_strided(np.zeros(1, np.int8), shape, strides[::-1])
    for row, params in reversed(chain):
        if row.name == "view_dtype":
            return input._a
        array = row.kernel(np, array, **params)
    return array


def _viewable(shape: Any, strides: Any, new: Sequence[int]) -> bool:
    """Whether ``new`` can be had by strides alone: stretches that lie in one piece are cut or joined."""
    at, joined, made, step = len(new) - 1, 1, 1, strides[-1] if shape else 0
    for d in reversed(range(len(shape))):
        joined *= shape[d]
        if d and (shape[d - 1] == 1 or strides[d - 1] == joined * step):
            continue  # the dimension before continues this piece
        while at >= 0 and (made < joined or new[at] == 1):
            made *= new[at]
            at -= 1
        if made != joined:
            return False
        joined = made = 1
        step = strides[d - 1] if d else 0
    return at == -1


def _view_dtype(input: Any, dtype: Any) -> Tensor:
    if input._rg:
        raise AutogradError(
            f"view: reading {input.dtype.name} memory as {dtype.name} has no gradient; use .to(dtype) to convert "
            f"the values, or .detach() first. ({user_line(3)})"
        )
    return call(sh.view_dtype, input, dtype=dtype.name)


def view_as(input: Any, other: Any) -> Tensor:
    """The same memory in the shape of another tensor."""
    return view(input, other._a.shape)


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the dimensions start_dim..end_dim into one."""
    old = input._a.shape
    a, b = (one_dim("flatten", d, len(old)) for d in (start_dim, end_dim))
    if a > b:
        raise at_line(
            ShapeError,
            f"flatten: start_dim={start_dim} lies behind end_dim={end_dim} in a tensor of {len(old)} dimensions; swap them",
        )
    joined = 1
    for s in old[a : b + 1]:
        joined *= s
    return call(sh.flatten, input, shape=(*old[:a], joined, *old[b + 1 :]), was=old)


def ravel(input: Any) -> Tensor:
    """All elements in one dimension: a view of memory in order, else a copy."""
    if not input._a.flags.c_contiguous:
        input = clone(input)
    return call(sh.flatten, input, shape=(input._a.size,), was=input._a.shape)


def unflatten(input: Any, dim: int, sizes: Any) -> Tensor:
    """Split one dimension into several; one size may be -1."""
    old, new = input._a.shape, list(sizes_of((sizes,)))
    d = one_dim("unflatten", dim, len(old))
    n = 1
    for s in new:
        n *= s
    if -1 in new and n and old[d] % -n == 0:
        new[new.index(-1)] = n = old[d] // -n
        n = old[d]
    if n != old[d]:
        raise at_line(
            ShapeError,
            f"unflatten: the product of the sizes {list(sizes)} is not {old[d]}, the size of dim {d} of {tuple(old)}; "
            "write -1 for one of them",
        )
    return call(sh.unflatten, input, shape=(*old[:d], *new, *old[d + 1 :]), was=old)


def squeeze(input: Any, dim: Any = None) -> Tensor:
    """Without the dimensions of size 1 (or only those named)."""
    old = input._a.shape
    if dim is None:
        new = tuple([s for s in old if s != 1])
    else:
        named = {
            one_dim("squeeze", d, len(old))
            for d in (dim if isinstance(dim, (tuple, list)) else (dim,))
        }
        new = tuple([s for i, s in enumerate(old) if s != 1 or i not in named])
    return call(sh.squeeze, input, shape=new, was=old)


def unsqueeze(input: Any, dim: int) -> Tensor:
    """With a new dimension of size 1 at ``dim``."""
    old = input._a.shape
    d = one_dim("unsqueeze", dim, len(old) + 1)
    return call(sh.unsqueeze, input, shape=(*old[:d], 1, *old[d:]), was=old)


def transpose(input: Any, dim0: int, dim1: int) -> Tensor:
    """Two dimensions swapped."""
    n = input._a.ndim
    a, b = one_dim("transpose", dim0, n), one_dim("transpose", dim1, n)
    axes = list(range(n))
    if n:
        axes[a], axes[b] = axes[b], axes[a]
    return call(sh.transpose, input, axes=tuple(axes))


swapaxes = swapdims = transpose


def t(input: Any) -> Tensor:
    """The transpose of a matrix; vectors stay as they are."""
    n = input._a.ndim
    if n > 2:
        raise at_line(
            ShapeError,
            f"t: turns a matrix around, not the shape {tuple(input._a.shape)}; use .mT to transpose a batch",
        )
    return call(sh.transpose, input, axes=tuple(range(n))[::-1])


def adjoint(input: Any) -> Tensor:
    """The last two dimensions swapped."""
    return transpose(input, -2, -1)


def permute(input: Any, *dims: Any) -> Tensor:
    """Dimensions in another order."""
    n, want = input._a.ndim, sizes_of(dims)
    if len(want) != n:
        raise at_line(
            ShapeError,
            f"permute: the order {want} names {len(want)} dimensions of {tuple(input._a.shape)}, which has {n}; name "
            "each of them once",
        )
    axes = tuple([one_dim("permute", d, n) for d in want])
    if len(set(axes)) != n:
        raise at_line(
            ShapeError, f"permute: the order {want} names a dimension twice; name each of them once"
        )
    return call(sh.permute, input, axes=axes)


def movedim(input: Any, source: Any, destination: Any) -> Tensor:
    """Dimensions moved to other places, the rest in their order."""
    n = input._a.ndim
    one = not isinstance(source, (tuple, list))
    src = [one_dim("movedim", d, n) for d in ((source,) if one else source)]
    dst = [one_dim("movedim", d, n) for d in ((destination,) if one else destination)]
    if len(src) != len(dst) or len(set(src)) != len(src) or len(set(dst)) != len(dst):
        raise at_line(
            ShapeError,
            f"movedim: source {source} and destination {destination} must name equally many dimensions, each once",
        )
    rest = [d for d in range(n) if d not in src]
    axes = [-1] * n
    for s, d in zip(src, dst, strict=True):
        axes[d] = s
    return call(
        sh.permute, input, axes=tuple([rest.pop(0) if a < 0 else a for a in axes]) if n else ()
    )


moveaxis = movedim


def expand(input: Any, *sizes: Any) -> Tensor:
    """Repeat dimensions of size 1 without a copy; -1 keeps a size."""
    want, old = sizes_of(sizes), input._a.shape
    lead = len(want) - len(old)
    if -1 in want[: max(lead, 0)]:
        raise at_line(
            ShapeError,
            f"expand: {tuple(old)} to {want}: the -1 in place {want.index(-1)} keeps the size of a dimension that is not "
            "there yet; write its size",
        )
    if lead >= 0:
        want = tuple([old[i - lead] if s == -1 else s for i, s in enumerate(want)])
    return call(sh.expand, input, shape=want, was=old)


def expand_as(input: Any, other: Any) -> Tensor:
    """Repeat dimensions of size 1 up to the shape of another tensor, without a copy."""
    return expand(input, other._a.shape)


def broadcast_to(input: Any, size: Any) -> Tensor:
    """Repeat dimensions of size 1 without a copy."""
    return expand(input, size)


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes have after broadcasting. Raises: ShapeError."""
    rows = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    out: list[int] = [1] * max((len(s) for s in rows), default=0)
    for k, s in enumerate(rows):
        for i in range(1, len(s) + 1):
            if s[-i] != 1 and out[-i] not in (1, s[-i]):
                raise at_line(
                    ShapeError,
                    f"broadcast_shapes: shape {s} (argument {k}) does not broadcast with {tuple(out)}: dimension "
                    f"-{i} has sizes {s[-i]} and {out[-i]}, and sizes must be equal or 1",
                )
            out[-i] = s[-i] if s[-i] != 1 else out[-i]
    return Size(out)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors expanded to one shape, without copies."""
    parts = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    shape = tuple(broadcast_shapes(*(x._a.shape for x in parts)))
    return tuple(expand(x, shape) for x in parts)


def clone(input: Any, *, memory_format: Any = None) -> Tensor:
    """A copy that gradients flow through."""
    return unary(sh.clone, input)


def to_dtype(input: Any, dtype: Any) -> Tensor:
    """The tensor in another dtype (itself if it has it already)."""
    d = dtypes.of(dtype)
    return input if input._a.dtype == d.np else call(sh.cast, input, dtype=d.name)
