"""Operators and methods of Tensor that are ops: one explicit list, attached once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphscope.engine.dispatch import as_tensor, call, number
from graphscope.engine.frames import user_line
from graphscope.engine.memory import base_of
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError, ShapeError
from graphscope.ops import arithmetic as ar
from graphscope.ops import compare as cm
from graphscope.ops import conversion, rebase
from graphscope.ops import functions as fn
from graphscope.ops import index as ix
from graphscope.ops import indexing_syntax as syntax
from graphscope.ops import inplace as up


def _reflected(row: Any) -> Callable[[Tensor, Any], Any]:
    run = row.run

    def method(self: Tensor, other: Any) -> Any:
        return run(number(other, self) if type(other) in (float, int) else other, self)

    return method


def _equality(row: Any) -> Callable[[Tensor, Any], Any]:
    run = row.run

    def method(self: Tensor, other: Any) -> Any:
        # `x == None` and `x == "text"` are questions too, and Python's answer to them is no.
        if other is None or type(other) is str:
            return NotImplemented
        return run(self, other)

    return method


def _setitem(self: Tensor, index: Any, value: Any) -> None:
    value = syntax.value_for(self, value)
    if not rebase.wants_graph(self, (value,)):
        syntax.write(self, index, value)
        return
    rebase.check_target(self, "setitem_")
    basic, template, arrays = syntax.split(self._a, index)
    if arrays:
        view = self if basic is None else call(ix.getitem, self, index=basic, was=self._a.shape)
        rebase.write_row(
            ix.index_put_,
            ix.index_put,
            view,
            value,
            *arrays,
            template=template,
            accumulate=False,
            was=value._a.shape,
        )
        return
    value = syntax._fitting(value, self._a[basic].shape)
    rebase.write_row(ix.setitem_, ix.setitem, self, value, template=basic, was=value._a.shape)


def _fill_(self: Tensor, value: Any) -> Tensor:
    """Write one value, a number or a 0-d tensor, everywhere."""
    if isinstance(value, Tensor):
        if value._a.ndim:
            raise ShapeError(
                f"fill_: the value has the shape {tuple(value._a.shape)}, and it takes a number or a 0-d tensor; "
                f"use copy_(value). ({user_line(2)})"
            )
        return _copy_(self, value)
    if rebase.wants_graph(self, ()):
        rebase.check_target(self, "fill_")
        return rebase.write_row(up.fill_, up.filled, self, value=value)
    return call(up.fill_, self, value=value)


def _zero_(self: Tensor) -> Tensor:
    """Write zeros."""
    return _fill_(self, 0)


def _copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write the values of ``src``, converted to this dtype and device and broadcast."""
    src = syntax.value_for(self, as_tensor(src))
    if rebase.wants_graph(self, (src,)):
        rebase.check_target(self, "copy_")
        return rebase.write_row(up.copy_, up.copied, self, src, was=tuple(src._a.shape))
    return call(up.copy_, self, src)


def _set_(self: Tensor, source: Any = None) -> Tensor:
    """Show the memory and shape of another tensor from now on."""
    if self._rg and (self._node is not None or base_of(self) is not None):
        raise AutogradError("set_: this tensor is part of a graph or a view; use detach() first")
    self._a = self._a[:0].reshape(0) if source is None else as_tensor(source)._a
    self._rid = 0  # what a recorder took it for
    return self


def _reshaped_(name: str, pure: Callable[..., Any]) -> Callable[..., Tensor]:
    """``squeeze_`` and the like: the same memory, seen in another shape from now on."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if rebase.wants_graph(self, ()):
            rebase.check_target(self, name)
        before = rebase.stand_in(self)
        if hasattr(self, "_of"):
            before._of = self._of
        out = pure(before, *args, **kwargs)
        if out is not before:
            self._a, self._node, self._k, self._rg = out._a, out._node, out._k, out._rg
            self._rid = out._rid
            if hasattr(out, "_of"):
                self._of = out._of
        return self

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"In place: {(pure.__doc__ or '').strip()}"
    return method


_PLAIN_OPERATORS = {
    "floordiv": "floor_divide", "mod": "remainder", "pow": "pow", "and": "bitwise_and", "or": "bitwise_or",
    "xor": "bitwise_xor", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}  # fmt: skip


def _flipped(function: Callable[..., Any]) -> Callable[[Tensor, Any], Any]:
    def method(self: Tensor, other: Any) -> Any:
        number_like = type(other) in (float, int, bool)
        return function(number(other, self) if number_like else as_tensor(other), self)

    return method


def _in_place_methods() -> dict[str, Any]:
    put: dict[str, Any] = {}
    for family in fn.FAMILIES:
        for name in getattr(family, "INPLACE", ()):
            put[f"{name}_"] = rebase.in_place(f"{name}_", getattr(family, name))
    for name, writing, row in (
        ("add", up.add_, ar.add), ("sub", up.sub_, ar.sub), ("mul", up.mul_, ar.mul), ("div", up.div_, ar.div),
    ):  # fmt: skip
        put[f"{name}_"] = rebase.arithmetic(f"{name}_", getattr(fn, name), writing, row)
        put[f"__i{'truediv' if name == 'div' else name}__"] = put[f"{name}_"]
    put |= {"subtract_": put["sub_"], "multiply_": put["mul_"], "divide_": put["div_"]}
    put["true_divide_"] = put["div_"]
    for operator, name in _PLAIN_OPERATORS.items():
        if hasattr(fn, name):
            put[f"__i{operator}__"] = put.get(f"{name}_") or rebase.in_place(
                f"{name}_", getattr(fn, name)
            )
    for name in ("squeeze", "unsqueeze", "transpose", "t", "swapaxes", "swapdims"):
        if hasattr(fn, name):
            put[f"{name}_"] = _reshaped_(f"{name}_", getattr(fn, name))
    return put | {"zero_": _zero_, "fill_": _fill_, "copy_": _copy_, "set_": _set_}


def attach() -> None:
    """Put the operators and methods on Tensor."""
    put: dict[str, Any] = {
        name: getattr(family, name) for family in fn.FAMILIES for name in family.METHODS
    }
    for name, row in {
        "add": ar.add, "sub": ar.sub, "mul": ar.mul, "truediv": ar.div,
    }.items():  # fmt: skip
        put[f"__{name}__"] = row.run
        put[f"__r{name}__"] = _reflected(row)
    for operator, name in _PLAIN_OPERATORS.items():
        if hasattr(fn, name):
            put[f"__{operator}__"] = getattr(fn, name)
            put[f"__r{operator}__"] = _flipped(getattr(fn, name))
    put["__neg__"] = fn.neg
    put["__abs__"] = fn.abs
    put["__matmul__"] = fn.matmul
    put["__rmatmul__"] = lambda self, other: fn.matmul(other, self)
    for name in ("lt", "le", "gt", "ge"):
        put[f"__{name}__"] = getattr(cm, name).run
    put["__eq__"], put["__ne__"] = _equality(cm.eq), _equality(cm.ne)
    put["__invert__"] = lambda self: call(cm.bitwise_not, self)
    put |= _in_place_methods()
    put |= {
        "__getitem__": syntax.getitem, "__setitem__": _setitem,
        "where": lambda self, condition, other: fn.where(condition, self, other),
    }  # fmt: skip
    put |= conversion.METHODS
    for name, method in put.items():
        setattr(Tensor, name, method)
    Tensor.__hash__ = object.__hash__  # type: ignore[method-assign, assignment]
