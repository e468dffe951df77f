"""Tensors that share memory: ``.data``, and which tensor a view looks into."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.versions import owner
from graphscope.errors import DTypeError

ndarray = np.ndarray


class _Window:
    """Lends an array's memory to another array that does not call it its base."""

    __slots__ = ("__array_interface__", "held")

    def __init__(self, array: Any, held: Any) -> None:
        self.__array_interface__ = array.__array_interface__
        self.held = held  # keeps the memory; the owner itself, so that windows do not pile up


def alias(a: Any) -> Any:
    """The same memory as ``a`` with an owner of its own: writes through it are counted apart."""
    if type(a) is ndarray:
        held = a
        while held.base is not None:
            held = held.base.held if isinstance(held.base, _Window) else held.base
            if not isinstance(held, ndarray):
                break
        return np.asarray(_Window(a, held))
    if hasattr(a, "primal"):
        return type(a)(alias(a.primal), a.tangent)
    if hasattr(a, "alias"):
        return a.alias()
    return type(a)(a.shape, a.dtype, a.data, strides=a.strides)  # CuPy's constructor


def set_data(t: Any, value: Any) -> None:
    """``t.data = value``: other memory, the same tensor."""
    from graphscope.engine.tensor import Tensor

    if not isinstance(value, Tensor):
        raise DTypeError(f"data is a tensor, not a {type(value).__name__}")
    a, b = t._a, value._a
    same = (
        type(a) is ndarray
        and type(b) is ndarray
        and a.shape == b.shape
        and a.strides == b.strides
        and a.dtype == b.dtype
        and a.__array_interface__["data"] == b.__array_interface__["data"]
    )
    if not same:  # ``p.data -= x`` sets what is there already: then it keeps its owner
        t._a = b
        if a.shape != b.shape or a.dtype != b.dtype:
            t._rid = 0  # what a recorder took it for


def base_of(t: Any) -> Any:
    """The tensor at the bottom of a chain of views, or None if ``t`` has memory of its own."""
    held = owner(t._a)
    base = t
    while True:
        link = getattr(base, "_of", None)
        if link is None or owner(link[0]._a) is not held:
            return None if base is t else base
        base = link[0]


def path_of(t: Any) -> list[tuple[Any, Any]]:
    """The view ops (row, params) that lead from ``base_of(t)`` to ``t``."""
    held = owner(t._a)
    path: list[tuple[Any, Any]] = []
    at = t
    while True:
        link = getattr(at, "_of", None)
        if link is None or owner(link[0]._a) is not held:
            return path[::-1]
        path.append((link[1], link[2]))
        at = link[0]
