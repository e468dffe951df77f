"""Median, mode, quantiles, histograms, distinct values and distances, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import as_tensor, call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, IndexRangeError, ShapeError, UsageError
from graphscope.ops import positions as ps
from graphscope.ops import statistics as st
from graphscope.ops.functions.making import numpy_names, one_dim
from graphscope.ops.functions.shape import flatten, movedim, unsqueeze
from graphscope.ops.results import result

__all__ = [
    "median", "nanmedian", "mode", "quantile", "nanquantile", "histc", "bincount", "unique",
    "unique_consecutive", "cdist",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [name for name in __all__ if name != "cdist"]
INPLACE: list[str] = []

median_result = result("median", "values indices")
nanmedian_result = result("nanmedian", "values indices")
mode_result = result("mode", "values indices")


def _chosen(row: Any, kind: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    d = one_dim(row.name, dim, input._a.ndim)
    if input._a.ndim and not input._a.shape[d]:
        raise at_line(
            IndexRangeError,
            f"{row.name}: dimension {d} of {tuple(input._a.shape)} is empty, and of no elements there is none to choose",
        )
    return kind(*call(row, input, axis=d, keepdims=keepdim, was=input._a.shape))


def _middle(row: Any, kind: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    if dim is not None:
        return _chosen(row, kind, input, dim, keepdim)
    if not input._a.size:
        return as_tensor(float("nan")).to(input.dtype)  # type: ignore[attr-defined]
    return _chosen(row, kind, flatten(input), 0, False)[0]


@numpy_names
def median(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The middle element (the lower of two); with dim along it, with its indices."""
    return _middle(ps.median, median_result, input, dim, keepdim)


@numpy_names
def nanmedian(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The median of what is not NaN; with dim along it, with its indices."""
    return _middle(ps.nanmedian, nanmedian_result, input, dim, keepdim)


@numpy_names
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent element (the smallest of several) along a dimension, and an index of it."""
    return _chosen(ps.mode, mode_result, input, dim, keepdim)


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(
    name: str, input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, skip: bool
) -> Tensor:
    x = as_tensor(input)
    if x._a.dtype.kind != "f":
        raise at_line(
            DTypeError,
            f"{name}: the input is {x.dtype.name}; quantiles lie between numbers, so use .float() first",
        )
    if interpolation not in _INTERPOLATIONS:
        raise at_line(
            UsageError,
            f"{name}: interpolation={interpolation!r} is unknown; choose {', '.join(_INTERPOLATIONS)}",
        )
    shares = q._host() if isinstance(q, Tensor) else q
    wide = getattr(shares, "ndim", 0)
    if wide > 1:
        raise at_line(
            ShapeError, f"{name}: q has the shape {tuple(shares.shape)}; it is a number or a vector"
        )
    each = tuple(float(v) for v in (shares if wide else [shares]))
    if any(not 0 <= v <= 1 for v in each):
        raise at_line(
            ShapeError,
            f"{name}: q is {each}; a share lies between 0 and 1 (for percent, divide by 100)",
        )
    if not x._a.size:
        raise at_line(
            ShapeError,
            f"{name}: the shape {tuple(x._a.shape)} has no elements to take quantiles of",
        )
    n = x._a.ndim
    d = None if dim is None else one_dim(name, dim, n)
    flat = flatten(x) if d is None or not n else movedim(x, d, -1)
    out = call(ps.quantile, flat, q=each, interpolation=interpolation, skip=skip, was=flat._a.shape)
    if keepdim:
        for at in range(n) if d is None else (d,):
            if n:
                out = unsqueeze(out, at + 1)
    return out if wide else out.squeeze(0)  # type: ignore[attr-defined]


@numpy_names
def quantile(
    input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The value below which a share ``q`` of the elements lies; NaN if one is NaN."""
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@numpy_names
def nanquantile(
    input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The quantile of what is not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


# ---------------------------------------------------------------- counting


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:  # noqa: A002
    """How many elements lie in each of ``bins`` equal bins from min to max (of the data if equal)."""
    if input._a.dtype.kind != "f":
        raise at_line(
            DTypeError, f"histc: not implemented for {input.dtype.name}; use .float() first"
        )
    if bins <= 0:
        raise at_line(ShapeError, f"histc: bins={bins}; take 1 or more")
    if max < min:
        raise at_line(
            ShapeError, f"histc: the range from min={min} to max={max} is empty; swap them"
        )
    return call(st.histc, input, bins=int(bins), least=float(min), most=float(max))


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each whole number from 0 on is there, or the sum of its weights."""
    if input._a.ndim != 1 or input._a.dtype.kind not in "iu":
        raise at_line(
            ShapeError,
            f"bincount: counts whole numbers from 0 on in a vector, this is {input.dtype.name} of shape "
            f"{tuple(input._a.shape)}; use .flatten() and .long()",
        )
    if input._a.size and int(input._a.min()) < 0:
        raise at_line(
            ShapeError,
            f"bincount: {int(input._a.min())} is below 0; it counts whole numbers from 0 on, shift them first",
        )
    given = (input,) if weights is None else (input, weights)
    return call(st.bincount, *given, minlength=minlength)


def _distinct(row: Any, input: Any, inverse: bool, counts: bool, dim: Any) -> Any:
    d = None if dim is None else one_dim(row.name, dim, input._a.ndim)
    out = call(row, input, axis=d)
    chosen = tuple(x for x, wanted in zip(out, (True, inverse, counts), strict=True) if wanted)
    return chosen if len(chosen) > 1 else chosen[0]


def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
    dim: Any = None,
) -> Any:  # fmt: skip
    """Distinct values in ascending order; also where each element went, and how often each is there."""
    return _distinct(st.unique, input, return_inverse, return_counts, dim)


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: Any = None
) -> Any:
    """Values without immediate repetition; also where each element went, and the lengths."""
    return _distinct(st.unique_consecutive, input, return_inverse, return_counts, dim)


def cdist(
    x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    """The p-norm distance of each row of x1 to each row of x2."""
    if p < 0:
        raise at_line(ShapeError, f"cdist: p={p}; the order of a norm is 0 or more")
    return call(st.cdist, x1, x2, p=float(p))
