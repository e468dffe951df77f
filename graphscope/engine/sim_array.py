"""Arrays of the pretend GPU: numpy inside, an address space of their own outside.

Whatever mixes them with host arrays, or reads them without a transfer, raises, as CuPy would.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from graphscope.engine.sim_device import Memory, SimDevice
from graphscope.errors import DeviceError

_AT = {"add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"}
_REDUCE = {"add", "multiply"}
_METHODS = """
    all any argmax argmin argsort astype clip copy cumprod cumsum dot max mean min prod ravel repeat
    reshape round squeeze std sum swapaxes take trace transpose var flatten diagonal view
""".split()
_FACTS = "shape dtype ndim size nbytes itemsize strides flags".split()
# What an op costs beside one operation per output element.
_PRODUCTS = {"matmul", "dot", "tensordot", "einsum", "vdot", "inner"}


def host_array_error(what: str) -> DeviceError:
    """The error for a host array where a device array is needed."""
    return DeviceError(
        f"sim: {what} mixes a host array with an array of the device; both must be on one device. "
        "Upload the host array with backend.asarray(...) (for tensors: .to('sim'))"
    )


class SimArray(NDArrayOperatorsMixin):
    """An array in the memory of a ``SimDevice``."""

    __slots__ = ("_h", "_device", "base", "mem", "__weakref__")
    __array_priority__ = 100

    if TYPE_CHECKING:  # the facts and methods that are attached below

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, host: Any, device: SimDevice, mem: Memory, base: Any = None) -> None:
        self._h = host
        self._device = device
        self.mem = mem
        self.base = base

    # ---------------------------------------------------------------- leaving the device

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise DeviceError(
            "sim: an array of the device cannot become a numpy array by itself; copying it must be asked for. "
            "Use backend.to_host(array) (for tensors: .cpu())"
        )

    def get(self) -> Any:
        """A numpy array with the values; waits for the device."""
        self._device.download(self._h.nbytes)
        return self._h.copy()

    def item(self) -> Any:
        """The value of one element; waits for the device."""
        self._device.download(self._h.itemsize)
        return self._h.item()

    def tolist(self) -> Any:
        """The values as nested lists; waits for the device."""
        return self.get().tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __index__(self) -> int:
        return int(self.item())

    # ---------------------------------------------------------------- facts and views

    def __len__(self) -> int:
        return len(self._h)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"SimArray(shape={self._h.shape}, dtype={self._h.dtype})"

    @property
    def T(self) -> SimArray:
        """The dimensions in reverse order."""
        return run(self._device, "transpose", self._h.transpose, (), {}, (self,))  # type: ignore[no-any-return]

    @property
    def mT(self) -> SimArray:
        """The last two dimensions swapped."""
        return run(self._device, "transpose", self._h.swapaxes, (-1, -2), {}, (self,))  # type: ignore[no-any-return]

    def alias(self) -> SimArray:
        """The same memory without a base: writes through it are counted apart."""
        return type(self)(self._h, self._device, self.mem)

    def fill(self, value: Any) -> None:
        """Write one value everywhere."""
        self._h.fill(value)
        self._device.issue("fill", self._h.nbytes, 0)

    # ---------------------------------------------------------------- indexing

    def __getitem__(self, index: Any) -> Any:
        at = _index(self, index)
        return run(self._device, "getitem", self._h.__getitem__, (at,), {}, (self,))

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray):
            raise host_array_error("a[...] = b")
        self._h[_index(self, index)] = value._h if isinstance(value, SimArray) else value
        self._device.issue("setitem", 2 * getattr(value, "nbytes", self._h.itemsize), 0)

    # ---------------------------------------------------------------- numpy's protocols

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = ufunc.__name__
        if (
            method == "at"
            and name not in _AT
            or method in ("reduce", "accumulate")
            and name not in _REDUCE
        ):
            raise TypeError(f"sim: {name}.{method} is not on the device (it is not in CuPy either)")
        if method not in ("__call__", "at", "reduce", "accumulate"):
            raise TypeError(f"sim: ufunc method {method!r} is not on the device")
        if method == "at":
            target, index, *rest = inputs
            _refuse(name, (target, *rest))
            ufunc.at(target._h, _index(target, index), *(_bare(r) for r in rest))
            moved = sum(r.nbytes for r in rest if isinstance(r, SimArray))
            self._device.issue(f"{name}.at", 3 * moved, moved // target.itemsize)
            return None
        out = kwargs.get("out")
        _refuse(name, (*inputs, *(out or ()), kwargs.get("where")))
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return run(self._device, name, function, inputs, kwargs, ())

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = function.__name__
        _refuse(name, (*args, *kwargs.values()))
        if name == "take_along_axis" and self._device.index_wrap:
            array, index, axis = (*args, kwargs.get("axis", -1))[:3]
            args = (array, index % array.shape[axis], axis)
            kwargs = {}
        return run(self._device, name, function, args, kwargs, ())


def _method(name: str) -> Any:
    def method(self: SimArray, *args: Any, **kwargs: Any) -> Any:
        _refuse(name, (*args, *kwargs.values()))
        return run(self._device, name, getattr(self._h, name), args, kwargs, (self,))

    method.__name__ = name
    method.__doc__ = f"As numpy's ``ndarray.{name}``, on the device."
    return method


def _take(self: SimArray, indices: Any, axis: Any = None) -> Any:
    """As numpy's ``ndarray.take``, on the device, where indices wrap silently as CuPy's do."""
    _refuse("take", (indices,))
    if self._device.index_wrap:
        indices = indices % max(self.size if axis is None else self.shape[axis], 1)
    return run(self._device, "take", self._h.take, (indices, axis), {}, (self,))


def _fact(name: str) -> Any:
    return property(lambda self: getattr(self._h, name), doc=f"As numpy's ``ndarray.{name}``.")


for _name in _METHODS:
    setattr(SimArray, _name, _method(_name))
SimArray.take = _take  # type: ignore[attr-defined]
for _name in _FACTS:
    setattr(SimArray, _name, _fact(_name))


# ---------------------------------------------------------------- in and out of the wrapping


def wrap(host: Any, device: SimDevice) -> SimArray:
    """A new device array around ``host``, which must belong to nobody else."""
    kind: Any = device.array_type or SimArray
    return kind(host, device, device.pool.malloc(host.nbytes))  # type: ignore[no-any-return]


def run(device: SimDevice, name: str, function: Any, args: Any, kwargs: Any, owners: Any) -> Any:
    """Call a numpy function on the arrays inside, charge the device, wrap what comes out.

    A result that shares memory with an argument (or with ``owners``) is a view: no work, no memory.
    """
    inputs = [*owners, *_arrays(args)]
    out = kwargs.get("out")
    given = out[0] if isinstance(out, tuple) else out
    got = function(*_bare(args), **{k: _bare(v) for k, v in kwargs.items()})
    if given is not None:
        device.issue(name, sum(a.nbytes for a in inputs) + given.nbytes, given.size)
        return given
    if isinstance(got, (tuple, list)):  # of numpy's named tuples only the values
        kind = list if isinstance(got, list) else tuple
        return kind(_wrapped(device, name, g, inputs) for g in got)
    return _wrapped(device, name, got, inputs)


def _wrapped(device: SimDevice, name: str, got: Any, inputs: list[Any]) -> Any:
    if not isinstance(got, (np.ndarray, np.generic)):
        return got  # None, a dtype, a Python bool: nothing that lives on a device
    got = np.asarray(got)
    root = _root(got)
    for owner in inputs:
        if root is _root(owner._h):
            device.view()
            return type(owner)(got, device, owner.mem, owner if owner.base is None else owner.base)
    result = wrap(np.ascontiguousarray(got) if got.base is not None and got.ndim else got, device)
    flops = result.size
    if name in _PRODUCTS and inputs and inputs[0].ndim:
        flops = 2 * result.size * inputs[0].shape[-1]
    elif inputs:
        flops = max(flops, *(a.size for a in inputs))
    device.issue(name, sum(a.nbytes for a in inputs) + result.nbytes, flops)
    return result


def _root(array: Any) -> Any:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _bare(value: Any) -> Any:
    if isinstance(value, SimArray):
        return value._h
    if isinstance(value, tuple):
        return tuple(_bare(v) for v in value)
    return [_bare(v) for v in value] if isinstance(value, list) else value


def _arrays(value: Any) -> list[Any]:
    if isinstance(value, SimArray):
        return [value]
    if isinstance(value, (tuple, list)):
        return [a for v in value for a in _arrays(v)]
    return []


def _refuse(name: str, values: Any) -> None:
    for v in values:
        if isinstance(v, np.ndarray):
            raise host_array_error(name)
        if isinstance(v, (tuple, list)):
            _refuse(name, v)


def _index(array: SimArray, index: Any) -> Any:
    """The index for the array inside. Host arrays in it are uploaded; integers in arrays may wrap."""
    parts = index if isinstance(index, tuple) else (index,)
    taken = sum(_axes(p) for p in parts)
    out: list[Any] = []
    axis = 0
    for p in parts:
        if isinstance(p, (list, np.ndarray)):
            p = np.asarray(p)
            array._device.upload(p.nbytes)
        elif isinstance(p, SimArray):
            p = p._h
        if isinstance(p, np.ndarray):
            if p.dtype.kind == "b":
                # The size of the result depends on the values, so the host must wait for them.
                array._device.synchronize("indexing by a mask")
            elif array._device.index_wrap:
                p = p % max(array.shape[axis], 1)
        axis += array.ndim - taken if p is Ellipsis else _axes(p)
        out.append(p)
    return tuple(out) if isinstance(index, tuple) else out[0]


def _axes(part: Any) -> int:
    """How many dimensions a part of an index takes."""
    if part is None or part is Ellipsis or isinstance(part, (bool, np.bool_)):
        return 0
    if isinstance(part, (SimArray, np.ndarray)) and part.dtype.kind == "b":
        return int(part.ndim)
    return 1
