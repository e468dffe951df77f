"""Operators and methods of Tensor that are ops: one explicit list, attached once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.device import device
from graphscope.engine.dispatch import as_tensor, binary, call, weak_constant
from graphscope.engine.modes import is_grad_enabled
from graphscope.engine.tensor import Tensor
from graphscope.ops import arithmetic as ar
from graphscope.ops import compare as cm
from graphscope.ops import functions as fn
from graphscope.ops import index as ix
from graphscope.ops import inplace as up


def _operator(row: Any) -> Callable[[Tensor, Any], Any]:
    def method(self: Tensor, other: Any) -> Any:
        # Asked before binary() finds out by an exception, which costs three times as much.
        if type(other) is float or type(other) is int:
            other = weak_constant(other, self._a)
        return binary(row, self, other)

    return method


def _reflected(row: Any) -> Callable[[Tensor, Any], Any]:
    def method(self: Tensor, other: Any) -> Any:
        if type(other) is float or type(other) is int:
            other = weak_constant(other, self._a)
        return binary(row, other, self)

    return method


def _in_place(writing: Any, pure: Callable[..., Any]) -> Callable[..., Tensor]:
    """``x += y``: writes the memory where no gradient is recorded, else rebinds x in the graph."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        graph = is_grad_enabled() and (
            self._rg or any(isinstance(a, Tensor) and a._rg for a in args)
        )
        if graph and self._node is None and self._rg:
            from graphscope.engine.explain import inplace_error

            raise inplace_error(writing, self)
        if graph:
            out = pure(self, *args, **kwargs)
            self._a, self._node, self._k, self._rg = out._a, out._node, out._k, out._rg
            self._rid = out._rid
            return self
        return call(writing, self, *args, **kwargs)

    return method


def _template(index: Any, shape: tuple[int, ...]) -> tuple[tuple[Any, ...], list[Tensor]]:
    """Split an index into a hashable-looking template and the array indices in it."""
    parts = index if isinstance(index, tuple) else (index,)
    template: list[Any] = []
    arrays: list[Tensor] = []
    for p in parts:
        if isinstance(p, Tensor):
            p = p if p._a.ndim or p._a.dtype.kind == "b" else int(p.item())
        elif isinstance(p, (list, np.ndarray)):
            p = as_tensor(np.asarray(p))
        if isinstance(p, Tensor):
            template.append(f"@{len(arrays)}")
            arrays.append(p)
        elif isinstance(p, np.integer):
            template.append(int(p))
        else:
            template.append(p)
    return tuple(template), arrays


def _getitem(self: Tensor, index: Any) -> Tensor:
    template, arrays = _template(index, self._a.shape)
    was = self._a.shape
    if not arrays:
        return call(ix.getitem, self, index=template, was=was)
    if len(arrays) == 1:
        return call(ix.take, self, arrays[0], template=template, was=was)
    if len(arrays) == 2:
        return call(ix.take2, self, *arrays, template=template, was=was)
    raise IndexError(f"indexing with {len(arrays)} index tensors at once is not there yet; two are")


def _setitem(self: Tensor, index: Any, value: Any) -> None:
    template, arrays = _template(index, self._a.shape)
    if not isinstance(value, Tensor):
        value = as_tensor(np.asarray(value, self._a.dtype))
    elif value._a.dtype != self._a.dtype:
        value = fn.to_dtype(value, self.dtype)
    graph = is_grad_enabled() and (self._rg or value._rg)
    if graph and self._node is None and self._rg:
        from graphscope.engine.explain import inplace_error

        raise inplace_error(ix.setitem_, self)
    if graph:
        if arrays:
            raise IndexError(
                "assigning through an index tensor inside a recorded graph is not there yet; use where()"
            )
        out = call(ix.setitem, self, value, template=template)
        self._a, self._node, self._k, self._rg, self._rid = out._a, out._node, 0, out._rg, out._rid
    elif not arrays:
        call(ix.setitem_, self, value, template=template)
    elif len(arrays) == 1:
        call(ix.setitem_at_, self, value, arrays[0], template=template)
    else:
        raise IndexError("assigning through two index tensors is not there yet")


def _to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Another dtype, another device, or like another tensor."""
    out = self
    for a in (*args, *kwargs.values()):
        if isinstance(a, Tensor):
            out = _to(_to(out, a.dtype), a.device)
        elif isinstance(a, (dtypes.dtype, type)) or isinstance(a, str) and a in dtypes._BY_NAME:
            out = fn.to_dtype(out, a)
        elif isinstance(a, (str, device)):
            from graphscope.engine.create import to_device

            out = to_device(out, device(a))
    return out


def _type(self: Tensor, dtype: Any = None) -> Any:
    if dtype is None:
        return f"torch.{self.dtype.name.title()}Tensor"
    return fn.to_dtype(self, dtype)


def _zero_(self: Tensor) -> Tensor:
    return call(up.fill_, self, value=0)


def _fill_(self: Tensor, value: Any) -> Tensor:
    return call(up.fill_, self, value=value)


def _copy_(self: Tensor, src: Any) -> Tensor:
    src = as_tensor(src)
    return call(up.copy_, self, fn.to_dtype(src, self.dtype))


def _contiguous(self: Tensor) -> Tensor:
    return self if self._a.flags.c_contiguous else fn.clone(self)


def _casts(name: str) -> Callable[[Tensor], Tensor]:
    return lambda self: fn.to_dtype(self, name)


def attach() -> None:
    """Put the operators and methods on Tensor."""
    put: dict[str, Any] = {
        name: getattr(family, name) for family in fn.FAMILIES for name in family.METHODS
    }
    for name, row in {
        "add": ar.add, "sub": ar.sub, "mul": ar.mul, "truediv": ar.div,
    }.items():  # fmt: skip
        put[f"__{name}__"] = _operator(row)
        put[f"__r{name}__"] = _reflected(row)
    put["__pow__"] = fn.pow
    put["__rpow__"] = _reflected(ar.pow)
    put["__neg__"] = fn.neg
    put["__abs__"] = fn.abs
    put["__matmul__"] = fn.matmul
    put["__rmatmul__"] = lambda self, other: fn.matmul(other, self)
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        put[f"__{name}__"] = _operator(getattr(cm, name))
    put["__and__"] = _operator(cm.bitwise_and)
    put["__or__"] = _operator(cm.bitwise_or)
    put["__invert__"] = lambda self: call(cm.bitwise_not, self)
    for name, writing, pure in (
        ("add", up.add_, fn.add), ("sub", up.sub_, fn.sub), ("mul", up.mul_, fn.mul), ("div", up.div_, fn.div),
    ):  # fmt: skip
        put[f"{name}_"] = _in_place(writing, pure)
        put[f"__i{'truediv' if name == 'div' else name}__"] = put[f"{name}_"]
    put |= {
        "__getitem__": _getitem, "__setitem__": _setitem, "to": _to, "type": _type, "zero_": _zero_,
        "fill_": _fill_, "copy_": _copy_, "contiguous": _contiguous, "view_as": lambda s, o: fn.reshape(s, *o.shape),
        "T": property(lambda self: fn.permute(self, *reversed(range(self._a.ndim)))),
        "mT": property(lambda self: fn.transpose(self, -1, -2)),
        "cpu": lambda self: _to(self, "cpu"),
        "cuda": lambda self, dev="cuda": _to(self, device(dev)),
    }  # fmt: skip
    for name, kind in {
        "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "bool": "bool",
    }.items():  # fmt: skip
        put[name] = _casts(kind)
    for name, method in put.items():
        setattr(Tensor, name, method)
    Tensor.__hash__ = object.__hash__  # type: ignore[method-assign, assignment]
