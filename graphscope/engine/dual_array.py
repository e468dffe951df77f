"""Dual numbers: an array and its tangent, in one object that formulas of gradients can work with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

ndarray = np.ndarray


def zeros(a: Any) -> Any:
    """Zeros of the kind and shape of an array."""
    return filled(a, 0)


def filled(a: Any, value: float) -> Any:
    """An array of the same kind and shape with one value."""
    out = a.copy()
    out.fill(value)
    return out


class DualArray:
    """A value and its tangent; a tangent of None is zero."""

    __slots__ = ("primal", "tangent", "__weakref__")
    __array_ufunc__ = None  # so that ndarray + dual comes here
    dual_of: type = ndarray

    def __init__(self, primal: Any, tangent: Any) -> None:
        self.primal = primal
        self.tangent = tangent

    def __getattr__(self, name: str) -> Any:
        # facts of an array: shape, dtype, strides, flags ...
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.primal, name)

    def __len__(self) -> int:
        return len(self.primal)

    def __repr__(self) -> str:
        return f"DualArray({self.primal!r}, {self.tangent!r})"

    def __setitem__(self, index: Any, value: Any) -> None:
        new, moved = parts(value)
        if self.tangent is None and moved is not None:
            self.tangent = zeros(self.primal)
        self.primal[index] = new
        if self.tangent is not None:
            self.tangent[index] = 0 if moved is None else moved

    def fill(self, value: Any) -> None:
        """Write one value everywhere; the tangent is zero then."""
        self.primal.fill(value)
        self.tangent = None

    @property
    def T(self) -> DualArray:
        """The dimensions in reverse order."""
        return self.transpose()

    @property
    def mT(self) -> DualArray:
        """The last two dimensions swapped."""
        return self.swapaxes(-1, -2)

    def transpose(self, *axes: Any) -> DualArray:
        """As the array's method."""
        return _both(self, lambda a: a.transpose(*axes))

    def swapaxes(self, i: int, j: int) -> DualArray:
        """As the array's method."""
        return _both(self, lambda a: a.swapaxes(i, j))

    def reshape(self, *shape: Any) -> DualArray:
        """As the array's method."""
        return _both(self, lambda a: a.reshape(*shape))

    def ravel(self) -> DualArray:
        """As the array's method."""
        return _both(self, lambda a: a.ravel())

    def astype(self, dtype: Any, copy: bool = True) -> DualArray:
        """As the array's method."""
        return _both(self, lambda a: a.astype(dtype, copy=copy))

    def copy(self, order: str = "C") -> DualArray:
        """As the array's method."""
        return _both(self, lambda a: a.copy(order=order))

    def sum(self, axis: Any = None, keepdims: bool = False) -> DualArray:
        """As the array's method."""
        return _both(self, lambda a: a.sum(axis=axis, keepdims=keepdims))

    def mean(self, axis: Any = None, keepdims: bool = False) -> DualArray:
        """As the array's method."""
        return _both(self, lambda a: a.mean(axis=axis, keepdims=keepdims))

    def __getitem__(self, index: Any) -> DualArray:
        return _both(self, lambda a: a[index])


def _both(x: DualArray, linear: Callable[[Any], Any]) -> DualArray:
    return type(x)(linear(x.primal), None if x.tangent is None else linear(x.tangent))


def _kernel_of(name: str, kind: type) -> Any:
    from graphscope.engine.forward_mode import kernel_of

    return kernel_of(name, kind)


def _operator(name: str, flipped: bool) -> Callable[[Any, Any], Any]:
    def method(self: DualArray, other: Any) -> Any:
        kernel = _kernel_of(name, type(self))
        return kernel(other, self) if flipped else kernel(self, other)

    return method


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    return lambda self, other: getattr(self.primal, name)(parts(other)[0])


for _name, _row in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow", "matmul": "matmul",
}.items():  # fmt: skip
    setattr(DualArray, f"__{_name}__", _operator(_row, False))
    setattr(DualArray, f"__r{_name}__", _operator(_row, True))
for _name in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"):
    setattr(DualArray, _name, _comparison(_name))
setattr(DualArray, "__neg__", lambda self: _kernel_of("neg", type(self))(self))  # noqa: B010
setattr(DualArray, "__abs__", lambda self: _kernel_of("abs", type(self))(self))  # noqa: B010

_KINDS: dict[type, type[DualArray]] = {ndarray: DualArray}


def dual_kind(kind: type) -> type[DualArray]:
    """The class of dual numbers over arrays of type ``kind``."""
    found = _KINDS.get(kind)
    if found is None:
        found = _KINDS[kind] = type(f"Dual{kind.__name__}", (DualArray,), {"dual_of": kind})
    return found


def dual(primal: Any, tangent: Any) -> DualArray:
    """The dual number of a value and a tangent (None: zero)."""
    return dual_kind(type(primal))(primal, tangent)


def parts(x: Any) -> tuple[Any, Any]:
    """Value and tangent of anything; what is no dual number has the tangent None."""
    return (x.primal, x.tangent) if isinstance(x, DualArray) else (x, None)


class DualBackend:
    """What the engine asks of a backend, for arrays that are dual numbers."""

    def __init__(self, kind: type[DualArray], inner: Any) -> None:
        self.array_type = kind
        self._inner = inner

    known: dict[Any, DualBackend] = {}

    @classmethod
    def of(cls, kind: Any) -> DualBackend:
        """The backend of a class of dual numbers."""
        found = cls.known.get(kind)
        if found is None:
            from graphscope.engine.backend import backend_of_type

            found = cls.known[kind] = cls(kind, backend_of_type(kind.dual_of))
        return found

    def asarray(self, host: Any) -> Any:
        """A dual number without a tangent."""
        return self.array_type(self._inner.asarray(host), None)

    def to_host(self, array: Any) -> Any:
        """The value, as a numpy array."""
        return self._inner.to_host(array.primal)

    def alias(self, array: Any) -> Any:
        """The same memory with an owner of its own."""
        from graphscope.engine.memory import alias

        return type(array)(alias(array.primal), array.tangent)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
