"""Functions that are nothing but their row, and what all functions with a ``dim`` share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from graphscope.engine.dispatch import binary, unary
from graphscope.engine.explain import at_line
from graphscope.engine.frames import user_line
from graphscope.engine.straight import is_straight
from graphscope.engine.tensor import Tensor
from graphscope.errors import IndexRangeError, ShapeError


def of_one(row: Any) -> Callable[[Any], Tensor]:
    """The function of one tensor that runs a row."""
    run: Callable[[Any], Tensor] = row.run
    if is_straight(row):
        return run

    def function(input: Any) -> Tensor:
        return unary(row, input)

    _name(function, row)
    return function


def of_two(row: Any) -> Callable[[Any, Any], Tensor]:
    """The function of two tensors (or a tensor and a number) that runs a row."""
    run: Callable[[Any, Any], Tensor] = row.run
    if is_straight(row):
        return run

    def function(input: Any, other: Any) -> Tensor:
        return binary(row, input, other)

    _name(function, row)
    return function


def _name(function: Any, row: Any) -> None:
    function.__name__ = function.__qualname__ = row.name
    function.__doc__ = row.doc


def one_dim(name: str, dim: Any, ndim: int) -> int:
    """A dimension as a number from 0. Raises: IndexRangeError if there is none of this number."""
    n = ndim or 1  # torch lets 0 and -1 mean the only position of a 0-d tensor
    try:
        at = int(dim)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: dim must be an int, not {type(dim).__name__}") from None
    if not -n <= at < n:
        where = user_line(2)
        raise IndexRangeError(
            f"{name}: dim {dim} does not exist: a tensor of {ndim} dimensions takes a dim in {-n}..{n - 1}"
            f"{f' ({where})' if where else ''}"
        )
    return at + n if at < 0 else at


def axes(name: str, dim: Any, ndim: int) -> Any:
    """What a row takes as ``axis`` for torch's ``dim``: None (all), an int or a tuple."""
    if dim is None:
        return None
    if type(dim) is int:
        if ndim == 0:
            one_dim(name, dim, 0)
            return None
        return dim if 0 <= dim < ndim else one_dim(name, dim, ndim)
    if isinstance(dim, (list, tuple)):
        found = tuple([one_dim(name, d, ndim) for d in dim])
        if len(set(found)) != len(found):
            twice = next(d for d in found if found.count(d) > 1)
            raise at_line(
                ShapeError,
                f"{name}: dim={tuple(dim)} names dimension {twice} twice; name each once",
            )
        # torch means all dimensions by none
        return found if found and ndim else None
    return axes(name, int(dim), ndim)


def numpy_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a reduction take numpy's ``axis`` and ``keepdims`` for ``dim`` and ``keepdim``, as torch's do."""

    @wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            if "axis" in kwargs:
                kwargs["dim"] = kwargs.pop("axis")
            if "keepdims" in kwargs:
                kwargs["keepdim"] = kwargs.pop("keepdims")
        return function(*args, **kwargs)

    return renamed
