"""Elements moved along one dimension by an index tensor, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import as_tensor, call, constant
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, ShapeError
from graphscope.ops import index as ix
from graphscope.ops import scatter as sc
from graphscope.ops.dims import dim_of
from graphscope.ops.functions.arithmetic import div
from graphscope.ops.functions.choice import maximum
from graphscope.ops.functions.shape import broadcast_to, reshape, to_dtype

__all__ = ["gather", "scatter", "scatter_add", "scatter_reduce", "take_along_dim"]
# Those that are methods of Tensor too.
METHODS = ["gather", "scatter", "scatter_add", "scatter_reduce", "take_along_dim"]
# Those with an in-place form.
INPLACE = ["scatter", "scatter_add", "scatter_reduce"]


def _index(name: str, x: Tensor, dim: int, index: Any) -> Tensor:
    i = as_tensor(index)
    if i._a.dtype.name not in ("int64", "int32"):
        raise at_line(
            DTypeError,
            f"{name}: the index is {i.dtype.name}, and indices are int64 or int32; use .long()",
        )
    if (x._a.ndim or 1) != (i._a.ndim or 1):
        raise at_line(
            ShapeError,
            f"{name}: the index {tuple(i._a.shape)} and the input {tuple(x._a.shape)} need equally many dimensions; add "
            "some with unsqueeze",
        )
    return i


def _cut(x: Tensor, like: Any) -> Tensor:
    """The first elements of each dimension, as many as ``like`` has; a view."""
    if x._a.shape == like.shape:
        return x
    return call(ix.getitem, x, index=tuple(map(slice, like.shape)), was=x._a.shape)


def _check_sizes(name: str, index: Any, other: Any, what: str, dim: int | None) -> None:
    for d, (n, most) in enumerate(zip(index.shape, other.shape, strict=True)):
        if n > most and d != dim:
            raise at_line(
                ShapeError,
                f"{name}: the index {tuple(index.shape)} reaches beyond {what} {tuple(other.shape)} in dimension {d}: {n} "
                f"places, {most} are there"
                + ("" if dim is None else f"; only in dimension {dim} it may be larger"),
            )


def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Tensor:
    """The element at each index along ``dim``: ``out[i, j] = input[index[i, j], j]`` for dim 0.

    Shapes: index has as many dimensions as input and is no larger off ``dim``; the result is index's.
    """
    d, i = dim_of(dim, input._a.ndim), _index("gather", input, dim, index)
    if not input._a.ndim:
        return reshape(gather(reshape(input, 1), 0, reshape(i, -1)), i._a.shape)
    if not i._a.ndim:
        i = reshape(i, 1)
        return reshape(gather(input, 0, i), ())
    if i._a.size:
        _check_sizes("gather", i._a, input._a, "self", d)
    return call(sc.gather, input, i, axis=d, was=input._a.shape)


def _prepare(name: str, input: Tensor, dim: int, index: Any, src: Any) -> Any:
    d, i = dim_of(dim, input._a.ndim), _index(name, input, dim, index)
    if not isinstance(src, Tensor):
        return d, i, constant(src, input._a.dtype, input._a)
    if src._a.dtype != input._a.dtype:
        raise at_line(
            DTypeError,
            f"{name}: the input is {input.dtype.name} and src {src.dtype.name}; convert one with .to(dtype)",
        )
    if (src._a.ndim or 1) != (i._a.ndim or 1):
        raise at_line(
            ShapeError,
            f"{name}: the index {tuple(i._a.shape)} and src {tuple(src._a.shape)} need equally many dimensions; add some "
            "with unsqueeze",
        )
    if src._a.ndim and i._a.ndim:
        _check_sizes(name, i._a, src._a, "src", None)
        src = _cut(src, i._a)
    return d, i, src


def _run(row: Any, input: Any, d: int, i: Tensor, src: Tensor, **params: Any) -> Tensor:
    if not i._a.size:
        return input.clone()  # type: ignore[no-any-return]
    if input._a.ndim:
        if i._a.ndim == 0:
            i = reshape(i, 1)
        _check_sizes(row.name, i._a, input._a, "self", d)
        if row is not sc.scatter:
            src = broadcast_to(src, i._a.shape)
            return call(row, input, i, src, axis=d, **params)
        return call(row, input, i, src, axis=d, was=src._a.shape)
    src = reshape(src, 1) if src._a.ndim == 0 and row is not sc.scatter else src
    return reshape(_run(row, reshape(input, 1), 0, reshape(i, 1), src, **params), ())


def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:  # fmt: skip
    """A copy of ``input`` with ``src`` (a tensor or a number) written at indices along ``dim``.

    reduce: "add" or "multiply" combine with what is there. Of repeated indices the last wins.
    """
    src = value if src is None else src
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise at_line(
                ShapeError, f"scatter: reduce must be 'add' or 'multiply', not {reduce!r}"
            )
        if not isinstance(src, Tensor):
            src = broadcast_to(constant(src, input._a.dtype, input._a), index._a.shape)
        how = "sum" if reduce == "add" else "prod"
        return scatter_reduce(input, dim, index, src, how)
    return _run(sc.scatter, input, *_prepare("scatter", input, dim, index, src))


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Tensor:
    """A copy of ``input`` with ``src`` added at indices along ``dim``; repeated indices add up."""
    return _run(sc.scatter_add, input, *_prepare("scatter_add", input, dim, index, src))


def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy of ``input`` where each indexed element is the sum, prod, mean, amax or amin of its ``src``.

    include_self: the element of ``input`` takes part; else it only stays where no index points.
    """
    if reduce not in _IDENTITY:
        raise at_line(
            ShapeError,
            f"scatter_reduce: reduce={reduce!r} is unknown; choose {', '.join(_IDENTITY)}",
        )
    d, i, src = _prepare("scatter_reduce", input, dim, index, src)
    x = input
    if not include_self:
        x = scatter(x, d, i, _identity(x, reduce))
    if reduce not in ("sum", "mean"):
        return _run(sc.scatter_reduce, x, d, i, src, reduce=reduce)
    out = _run(sc.scatter_add, x, d, i, src)
    if reduce == "sum":
        return out
    ones = constant(1, x._a.dtype, x._a)
    n = broadcast_to(ones, x._a.shape)
    if not include_self:
        n = scatter(n, d, i, 0)
    n = _run(sc.scatter_add, n, d, i, broadcast_to(ones, i._a.shape))
    if not include_self:
        n = maximum(n, ones)  # where no index points
    return (
        div(out, n)
        if x._a.dtype.kind == "f"
        else to_dtype(div(out, n, rounding_mode="floor"), x.dtype)
    )


_IDENTITY = {"sum": 0, "prod": 1, "mean": 0, "amax": "-inf", "amin": "inf"}


def _identity(x: Tensor, reduce: str) -> Any:
    value = _IDENTITY[reduce]
    if not isinstance(value, str):
        return value
    if x._a.dtype.kind == "f":
        return float(value)
    import numpy as np

    limits = np.iinfo(x._a.dtype)
    return int(limits.min if reduce == "amax" else limits.max)


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Tensor:
    """The element at each index along ``dim`` (None: of the flattened input), with broadcasting."""
    if dim is None:
        return gather(reshape(input, -1), 0, reshape(indices, -1))
    d = dim_of(dim, input._a.ndim)
    if input._a.ndim != indices._a.ndim:
        raise at_line(
            ShapeError,
            f"take_along_dim: the input {tuple(input._a.shape)} and the indices {tuple(indices._a.shape)} need equally "
            "many dimensions; add some with unsqueeze",
        )
    a, b = input._a.shape, indices._a.shape
    full = tuple(m if n == 1 else n for n, m in zip(a, b, strict=True))
    x = broadcast_to(input, (*full[:d], a[d], *full[d + 1 :]))
    return gather(x, d, broadcast_to(indices, (*full[:d], b[d], *full[d + 1 :])))
