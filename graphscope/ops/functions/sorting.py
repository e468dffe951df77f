"""Order, in torch's spelling."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.dispatch import as_tensor, call, constant
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import IndexRangeError, ShapeError
from graphscope.ops import sort as so
from graphscope.ops.dims import dim_of
from graphscope.ops.functions.shape import reshape, to_dtype
from graphscope.ops.results import result

__all__ = [
    "argsort", "bucketize", "isin", "kthvalue", "msort", "searchsorted", "sort", "topk",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = ["argsort", "kthvalue", "msort", "sort", "topk"]


SortResult = result("sort", "values indices")
TopkResult = result("topk", "values indices")
KthvalueResult = result("kthvalue", "values indices")


def sort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
    """(values, indices), sorted along ``dim``. Ties keep their order, asked for (``stable``) or not."""
    d = dim_of(dim, input._a.ndim)
    if not input._a.ndim:
        values, indices = sort(reshape(input, 1), 0, descending)
        return SortResult(reshape(values, ()), reshape(indices, ()))
    return SortResult(
        *call(so.sort, input, axis=d, descending=bool(descending), was=input._a.shape)
    )


def argsort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
    """The indices that sort ``input`` along ``dim``."""
    d = dim_of(dim, input._a.ndim)
    if not input._a.ndim:
        return reshape(argsort(reshape(input, 1), 0, descending), ())
    return call(so.argsort, input, axis=d, descending=bool(descending))


def msort(input: Any) -> Tensor:
    """The values sorted along the first dimension."""
    values: Tensor = sort(input, 0).values
    return values


def topk(
    input: Any, k: int, dim: int | None = -1, largest: bool = True, sorted: bool = True
) -> Any:  # noqa: A002
    """(values, indices) of the k largest (or smallest) elements along ``dim``, in order.

    Raises: IndexRangeError if ``dim`` has less than k elements.
    """
    d, k = dim_of(-1 if dim is None else dim, input._a.ndim), int(k)
    n = input._a.shape[d] if input._a.ndim else 1
    if not 0 <= k <= n:
        raise at_line(
            IndexRangeError,
            f"topk: k={k}, and dimension {d} has {n} elements to choose from; take 0..{n}",
        )
    if not input._a.ndim:
        values, indices = topk(reshape(input, 1), k, 0, largest)
        return (
            TopkResult(reshape(values, ()), reshape(indices, ()))
            if k
            else TopkResult(values, indices)
        )
    return TopkResult(*call(so.topk, input, k=k, axis=d, largest=bool(largest), was=input._a.shape))


def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """(values, indices) of the k-th smallest element along ``dim``; k counts from 1.

    Raises: IndexRangeError if ``dim`` has less than k elements.
    """
    d = dim_of(dim, input._a.ndim)
    n = input._a.shape[d] if input._a.ndim else 1
    if not 1 <= k <= n:
        raise at_line(
            IndexRangeError,
            f"kthvalue: k={k}, and dimension {d} has {n} elements; k counts from 1, so take 1..{n}",
        )
    if not input._a.ndim:
        values, indices = kthvalue(reshape(input, 1), k, 0)
        return KthvalueResult(values, indices)
    return KthvalueResult(
        *call(so.kthvalue, input, k=k, axis=d, keepdims=keepdim, was=input._a.shape)
    )


def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Tensor:
    """Where each value would have to stand in the sorted innermost dimension.

    right (or side="right"): behind equal elements. sorter: the indices that sort an unsorted sequence.
    Raises: ShapeError if the outer dimensions differ.
    """
    if side not in (None, "left", "right"):
        raise at_line(
            ShapeError, f"searchsorted: side={side!r} is unknown; choose 'left' or 'right'"
        )
    if side == "left" and right:
        raise at_line(
            ShapeError,
            "searchsorted: side='left' contradicts right=True; pass one of them",
        )
    seq = as_tensor(sorted_sequence)
    values = (
        input if isinstance(input, Tensor) else constant(input, np.asarray(input).dtype, seq._a)
    )
    if sorter is not None:
        from graphscope.ops.functions.scattering import gather

        seq = gather(seq, -1, sorter)
    if seq._a.ndim > 1 and seq._a.shape[:-1] != values._a.shape[:-1]:
        raise at_line(
            ShapeError,
            f"searchsorted: each row of {tuple(seq._a.shape)} is searched for a row of the values "
            f"{tuple(values._a.shape)}, so all sizes but the last have to be equal; or search one vector for all",
        )
    found = call(
        so.searchsorted, seq.detach(), values.detach(), right=bool(right) or side == "right"
    )
    return to_dtype(found, dtypes.int32) if out_int32 else found


def bucketize(
    input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """The number of the bucket between sorted ``boundaries`` in which each value falls."""
    if boundaries._a.ndim != 1:
        raise at_line(
            ShapeError,
            f"bucketize: boundaries is a vector, not of the shape {tuple(boundaries._a.shape)}; see searchsorted",
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Whether each element is among ``test_elements``; ``invert``: whether it is not."""
    like = elements._a if isinstance(elements, Tensor) else test_elements._a
    a, b = (
        x if isinstance(x, Tensor) else constant(x, np.asarray(x).dtype, like)
        for x in (elements, test_elements)
    )
    return call(so.isin, a, b, invert=bool(invert))
