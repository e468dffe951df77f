"""Methods that give a tensor another dtype, device or layout: ``to``, ``cpu``, ``float``, ``contiguous``, ``T``."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns as clock
from typing import Any

import numpy as np

from graphscope.engine import dispatch, versions
from graphscope.engine import dtype as dtypes
from graphscope.engine.backend import backend_of, backend_of_type
from graphscope.engine.device import CPU, device, named, same_place
from graphscope.engine.forward_mode import on_backend
from graphscope.engine.op import Op
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, ShapeError, UsageError


def _move(xp: Any, x: Any, *, device: str, was: str = "cpu") -> Any:
    if hasattr(x, "primal"):  # a dual number: both parts move
        return on_backend(x, backend_of(device))
    return backend_of(device).asarray(backend_of_type(type(x)).to_host(x))


def _moved_back(F: Any, g: Any, device: str, was: str) -> Any:
    return moved(g, was) if isinstance(g, Tensor) else F.to_device(g, device=was, was=device)


to_device = Op(
    "to_device", _move, tex=r"{x}", family="other", vjp=dict(x=_moved_back),
    flops=lambda *a, **k: 0, doc="A copy on another device.",
)  # fmt: skip
ROWS = [to_device]


def moved(x: Tensor, where: Any) -> Tensor:
    """The tensor on another device, as a recorded op whose gradient comes back.

    It does not go through ``dispatch.call``, whose ops stay on one device.
    """
    here, there = x.device, named(where)
    if same_place(here, there):
        return x
    params = dict(device=str(there), was=str(here))
    rec = dispatch.recorder()
    t0 = clock()
    array = _move(None, x._a, **params)
    t1 = clock()
    node: Node | None = None
    if x._rg and dispatch.grad_enabled():
        node = dispatch._node(to_device, (x,), (x._a,), 1, array, None, params)
        # The formulas on both sides need arrays of their own device: the careful pass chooses per node.
        versions.event(node.seq)
    out = Tensor(array, node is not None, node)
    if rec is not None:
        rec.op(to_device, tuple(params.values()), x, None, (), out, t0, t1, node)
    return out


# ---------------------------------------------------------------- to and its short forms


def parse_to(args: Any, kwargs: Any) -> tuple[device | None, dtypes.dtype | None, bool]:
    """What ``to(...)`` is asked for: device, dtype (None: as it is), and whether always a copy.

    Forms: (dtype), (device, dtype), (other); then non_blocking and copy, also by position.
    """
    where: Any = None
    kind: Any = None
    flags = []
    for a in args:
        if isinstance(a, Tensor):
            where, kind = a.device, a.dtype
        elif isinstance(a, bool):
            flags.append(a)
        elif isinstance(a, dtypes.dtype) or a in (float, int, bool):
            kind = a
        elif isinstance(a, str) and a.removeprefix("torch.") in dtypes._BY_NAME:
            kind = a
        elif isinstance(a, (str, int, device)):
            where = named(a)
        elif a is not None:
            raise UsageError(f"to() takes a dtype, a device or a tensor, not {a!r}")
    if "other" in kwargs:
        where, kind = kwargs["other"].device, kwargs["other"].dtype
    if kwargs.get("device") is not None:
        where = named(kwargs["device"])
    if kwargs.get("dtype") is not None:
        kind = kwargs["dtype"]
    unknown = set(kwargs) - {"other", "device", "dtype", "non_blocking", "copy", "memory_format"}
    if unknown:
        raise UsageError(f"to() has no argument {', '.join(sorted(unknown))}")
    copy = kwargs.get("copy", flags[1] if len(flags) > 1 else False)
    return where, None if kind is None else dtypes.of(kind), bool(copy)


def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Another dtype, another device, or like another tensor; itself if nothing changes."""
    if len(args) == 1 and not kwargs:  # the usual forms, without the questions
        (a,) = args
        if type(a) is dtypes.dtype:
            return dispatch.cast(self, a.np)
        if type(a) is device:
            return moved(self, a)
    where, kind, copy = parse_to(args, kwargs)
    out = self
    if kind is not None and out._a.dtype != kind.np:
        out = dispatch.cast(out, kind.np)
    if where is not None:
        out = moved(out, where)
    return clone(out) if copy and out is self else out


def clone(self: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy that gradients flow through."""
    from graphscope.ops.shape import clone as row

    return dispatch.unary(row, self)


def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor on the host."""
    return moved(self, CPU)


def cuda(
    self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None
) -> Tensor:
    """The tensor on an NVIDIA GPU. Raises: DeviceError where there is none."""
    return moved(self, "cuda" if device is None else device)


def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor with its elements in memory in the order of their indices; itself if they are."""
    return self if self._a.flags.c_contiguous else clone(self)


_LEGACY = {
    "float16": "Half", "float32": "Float", "float64": "Double", "uint8": "Byte", "int8": "Char",
    "int16": "Short", "int32": "Int", "int64": "Long", "bool": "Bool",
}  # fmt: skip


def type_name(kind: dtypes.dtype, where: device) -> str:
    """Torch's old name of a tensor type, such as ``torch.cuda.FloatTensor``."""
    place = "" if where.type == "cpu" else f"{where.type}."
    return f"torch.{place}{_LEGACY[kind.name]}Tensor"


def type_(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type, or the tensor in another dtype (a dtype or such a name)."""
    if dtype is None:
        return type_name(self.dtype, self.device)
    if isinstance(dtype, str):
        for name, old in _LEGACY.items():
            if dtype.endswith(f".{old}Tensor"):
                where = "cuda" if ".cuda." in dtype else "cpu"
                return to(self, device(where), dtypes.of(name))
    kind = getattr(dtype, "tensor_dtype", dtype)  # torch.FloatTensor and the like carry theirs
    return to(self, dtypes.of(kind))


def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor in another one's dtype and on its device."""
    return to(self, other)


def _cast(name: str) -> Callable[..., Tensor]:
    kind = dtypes.of(name)

    def method(self: Tensor, memory_format: Any = None) -> Tensor:
        return dispatch.cast(self, kind.np)

    method.__doc__ = f"The tensor in {kind}."
    return method


def bfloat16(self: Tensor, memory_format: Any = None) -> Tensor:
    """Raises: DTypeError, since numpy has no bfloat16."""
    return dispatch.cast(self, dtypes.bfloat16.np)


# ---------------------------------------------------------------- transposes


def _transposed(name: str) -> property:
    def last_two(self: Tensor) -> Any:
        if name == "mT" and self._a.ndim < 2 or name == "H" and self._a.ndim not in (0, 2):
            raise ShapeError(
                f".{name} is for matrices{' and stacks of them' if name == 'mT' else ''}, this tensor has shape "
                f"{tuple(self._a.shape)}"
            )
        return self.transpose(-2, -1) if self._a.ndim else self  # type: ignore[attr-defined]

    last_two.__doc__ = "The last two dimensions swapped."
    return property(last_two)


def _reversed(self: Tensor) -> Any:
    """The dimensions in reverse order."""
    return self.permute(*reversed(range(self._a.ndim))) if self._a.ndim else self  # type: ignore[attr-defined]


def adjoint(self: Tensor) -> Any:
    """The last two dimensions swapped (tensors are real)."""
    return self.mT  # type: ignore[attr-defined]


# ---------------------------------------------------------------- element by element in Python


def _on_host(self: Tensor, what: str) -> None:
    if type(self._a) is not np.ndarray:
        raise DTypeError(
            f"{what} calls Python for each element, so it works on the cpu only; use .cpu()"
        )


def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element by ``callable(element)``: Python's speed, for small tensors."""
    _on_host(self, "apply_")
    new = [callable(v) for v in self._a.ravel().tolist()]
    return self.copy_(Tensor(np.array(new, self._a.dtype).reshape(self._a.shape)))  # type: ignore[attr-defined,no-any-return]


def map_(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by ``callable(element, element of tensor)``."""
    _on_host(self, "map_")
    other = np.broadcast_to(tensor._host(), self._a.shape)
    pairs = zip(self._a.ravel().tolist(), other.ravel().tolist(), strict=True)
    new = [callable(a, b) for a, b in pairs]
    return self.copy_(Tensor(np.array(new, self._a.dtype).reshape(self._a.shape)))  # type: ignore[attr-defined,no-any-return]


def pin_memory(self: Tensor) -> Tensor:
    """The tensor itself: GraphScope does not pin host memory."""
    return self


METHODS: dict[str, Any] = {
    "__pos__": lambda self: self,
    "to": to, "cpu": cpu, "cuda": cuda, "contiguous": contiguous, "clone": clone, "type": type_,
    "type_as": type_as, "apply_": apply_, "map_": map_, "pin_memory": pin_memory,
    "share_memory_": pin_memory, "bfloat16": bfloat16, "adjoint": adjoint,
    "T": property(_reversed), "mT": _transposed("mT"), "H": _transposed("H"), "mH": _transposed("mT"),
} | {
    name: _cast(kind)
    for name, kind in {
        "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32",
        "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool",
    }.items()
}  # fmt: skip
