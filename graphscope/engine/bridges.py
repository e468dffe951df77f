"""Tensors to and from numpy, DLPack, pickle and copy."""

from __future__ import annotations

from copy import deepcopy
from time import perf_counter_ns as clock
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope.engine import storage as memory
from graphscope.engine.device import CPU, device, place
from graphscope.engine.explain import at_line
from graphscope.errors import AutogradError, DeviceError, DTypeError

if TYPE_CHECKING:
    from graphscope.engine.tensor import Tensor

ndarray = np.ndarray


class Bridges:
    """The part of Tensor that other libraries and the standard library call."""

    __slots__ = ()
    _copies_grad = True  # a Parameter's copy starts without a gradient, as in torch
    _a: Any
    _rid: int
    _rg: bool
    _node: Any
    _grad: Any
    _name: str | None

    def numpy(self, *, force: bool = False) -> Any:
        """The numpy array that shares this tensor's memory.

        force: also of a tensor that wants a gradient or lives on a GPU (then it is a copy).
        Raises: AutogradError if a gradient is wanted (use ``.detach().numpy()``), DeviceError off the cpu.
        """
        if not force:
            if self._rg:
                raise at_line(
                    AutogradError,
                    "numpy(): this tensor requires grad, and its array would leave the graph silently; "
                    "use tensor.detach().numpy()",
                )
            if type(getattr(self._a, "primal", self._a)) is not ndarray:
                raise _off_the_host(self, "numpy()")
        return self._host()

    def _host(self) -> Any:
        if type(self._a) is ndarray:
            if self._rid:
                _tell(self)
            return self._a
        from graphscope.engine import dispatch
        from graphscope.engine.backend import backend_of_type

        rec = dispatch._rec
        if rec is None or not hasattr(rec, "read"):
            return backend_of_type(type(self._a)).to_host(self._a)
        t0 = clock()
        host = backend_of_type(type(self._a)).to_host(self._a)
        rec.read(self, host, t0, clock())
        return host

    # ---------------------------------------------------------------- numpy's and DLPack's protocols

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        a = self.numpy()
        if dtype is not None and a.dtype != dtype:
            return a.astype(dtype)
        return a.copy() if copy else a

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        # numpy's functions of tensors give tensors, as in torch.
        from graphscope.engine.create_filled import from_numpy

        return from_numpy(np.asarray(array))

    def __dlpack__(self, *, stream: Any = None, **options: Any) -> Any:
        if self._rg:
            raise at_line(
                BufferError,
                "a tensor that requires grad cannot leave through DLPack, its gradient would be lost; "
                "use tensor.detach()",
            )
        if not hasattr(self._a, "__dlpack__"):
            raise BufferError(
                f"device {_where(self)} has no memory that other libraries could read; use .cpu()"
            )
        return self._a.__dlpack__(stream=stream, **options)

    @property
    def __cuda_array_interface__(self) -> Any:
        return self._a.__cuda_array_interface__  # an AttributeError where it is no CUDA memory

    def __dlpack_device__(self) -> Any:
        if not hasattr(self._a, "__dlpack_device__"):
            raise BufferError(
                f"device {_where(self)} has no memory that other libraries could read; use .cpu()"
            )
        return self._a.__dlpack_device__()

    # ---------------------------------------------------------------- copy and pickle

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if self._node is not None:
            raise at_line(
                AutogradError,
                "only leaf tensors can be deep-copied, this one was computed by "
                f"{self._node.row.name!r}; use .detach().clone(), or deep-copy under no_grad",
            )
        if id(self) in memo:
            return memo[id(self)]
        out = _rebuild(type(self), _copied(self._a, memo), self._rg, self._name)
        memo[id(self)] = out
        for key, value in _extras(self).items():
            setattr(out, key, deepcopy(value, memo))
        if self._grad is not None and self._copies_grad:
            out._grad = deepcopy(self._grad, memo)
        return out

    def __reduce_ex__(self, protocol: Any) -> Any:
        where = None if type(self._a) is ndarray else _where(self)
        a = self._a if where is None else self._host()
        args = (type(self), a, self._rg, self._name, where)
        extras = _extras(self)
        return (_rebuild, args, (None, extras)) if extras else (_rebuild, args)


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor on the memory of another library's array (torch, numpy, JAX, CuPy), without a copy.

    Raises: DTypeError for element types that GraphScope has not, DeviceError for other devices.
    """
    from graphscope.engine.create_filled import from_numpy, to_device
    from graphscope.engine.tensor import Tensor

    if not hasattr(ext_tensor, "__dlpack__"):
        raise at_line(
            DTypeError,
            f"from_dlpack takes an array with __dlpack__, not {type(ext_tensor).__name__}; "
            "a bare capsule has no device, so pass the array itself",
        )
    kind = int(ext_tensor.__dlpack_device__()[0])
    if kind == 1:
        a = np.from_dlpack(ext_tensor)
        out = from_numpy(a.copy() if copy else a)
    elif kind == 2:
        from graphscope.engine.backend import backend_of

        out = Tensor(backend_of("cuda").xp.from_dlpack(ext_tensor))
    else:
        raise at_line(
            DeviceError,
            f"from_dlpack: device type {kind} of DLPack is neither the cpu nor CUDA; copy the array to the cpu",
        )
    where = place(device)
    return out if device is None else to_device(out, where or CPU)


def _where(t: Any) -> str:
    return str(t.device)


_dispatch: Any = None


def _tell(t: Any) -> None:
    """A recorder may want to know that Python looks at a value of its step."""
    global _dispatch
    if _dispatch is None:  # it imports the tensors
        from graphscope.engine import dispatch as _dispatch
    seen = getattr(_dispatch._rec, "seen", None)
    if seen is not None:
        seen(t)


def _off_the_host(t: Any, what: str) -> DeviceError:
    return DeviceError(
        f"{what}: the tensor is on {t.device}, and numpy arrays live on the cpu; copy it first with "
        "tensor.cpu()"
    )


def _extras(t: Any) -> dict[str, Any]:
    """What a subclass or a user has hung on the tensor: attributes beyond Tensor's own."""
    from graphscope.engine.tensor import Tensor

    found = dict(getattr(t, "__dict__", {}))
    for cls in type(t).__mro__:
        if cls is Tensor:
            break
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(t, name):
                found[name] = getattr(t, name)
    return found


def _copied(a: Any, memo: dict[int, Any]) -> Any:
    """A copy of an array; arrays on one memory stay on one memory within a deep copy."""
    owner = memory.root(a)
    if type(a) is not ndarray or not owner.flags.forc or owner.dtype != a.dtype:
        return a.copy()
    new = memo.get(id(owner))
    if new is None:
        new = memo[id(owner)] = owner.copy(order="K")
    if owner is a:
        return new
    begin = memory.pointer(a) - memory.pointer(owner)
    return ndarray(a.shape, a.dtype, new if new.flags.c_contiguous else new.T, begin, a.strides)


def _rebuild(cls: Any, array: Any, rg: bool, name: str | None, where: str | None = None) -> Any:
    from graphscope.engine.tensor import Tensor

    if where is not None:
        from graphscope.engine.backend import backend_of

        array = backend_of(device(where)).asarray(array)
    out = cls.__new__(cls)
    Tensor.__init__(out, array, rg)
    out._name = name
    return out
