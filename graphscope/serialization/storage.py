"""Memory of tensors in a file: which array owns it, where a view lies in it, and where it shall live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.create import to_device
from graphscope.engine.device import device as Device
from graphscope.engine.tensor import Tensor
from graphscope.errors import CheckpointError, DeviceError

# torch's name of a storage of each dtype, as files spell it.
STORAGES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "LongStorage": "int64",
    "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8",
    "BoolStorage": "bool",
}  # fmt: skip
OF_DTYPE = {name: storage for storage, name in STORAGES.items()}


def owner_of(a: Any) -> Any:
    """The array that owns the memory of a view, as far as it is known."""
    while type(a.base) is np.ndarray:
        a = a.base
    return a


def place_in(a: Any) -> tuple[Any, int, tuple[int, ...]]:
    """An array as (flat storage, offset, strides), both counted in elements.

    The storage is the owner's whole memory, so that tensors which share it share it in the file, as in
    torch. What cannot be said so (a negative stride, memory that is not one block, a view as another
    dtype) is copied into a storage of its own.
    """
    if not a.size:
        strides, step = [], 1
        for n in reversed(a.shape):
            strides.append(step)
            step *= max(n, 1)
        return a.reshape(-1), 0, tuple(reversed(strides))
    owner = owner_of(a)
    whole = owner.flags.c_contiguous or owner.flags.f_contiguous
    size = a.dtype.itemsize
    offset = a.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    fits = (
        whole
        and owner.dtype == a.dtype
        and a.dtype.isnative
        and offset % size == 0
        and all(s >= 0 and s % size == 0 for s in a.strides)
    )
    if not fits:
        copy = np.ascontiguousarray(a, dtype=a.dtype.newbyteorder("="))
        return copy.reshape(-1), 0, tuple(s // size for s in copy.strides) if a.ndim else ()
    flat = owner.reshape(-1, order="C" if owner.flags.c_contiguous else "F")
    return flat, offset // size, tuple(s // size for s in a.strides)


class Storage:
    """A flat piece of memory from a file, with the place that it shall go to.

    ``map_location=lambda storage, location: ...`` gets one: return it as it is to stay on the CPU, or
    ``storage.cuda()``.
    """

    def __init__(self, array: Any, location: str) -> None:
        self.array = array
        self.location = location
        self.target = Device("cpu")
        self._moved: Any = None

    @property
    def device(self) -> Device:
        """Where it shall go."""
        return self.target

    def size(self) -> int:
        """Number of elements."""
        return int(self.array.size)

    def __len__(self) -> int:
        return self.size()

    def cpu(self) -> Storage:
        """Keep it on the CPU."""
        return self.to("cpu")

    def cuda(self, device: Any = None) -> Storage:
        """Put it on a GPU."""
        return self.to("cuda" if device is None else Device(device))

    def to(self, device: Any) -> Storage:
        """Put it on a device."""
        self.target = Device(device)
        return self

    def view(self, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
        """The tensor that lies in the storage so. Raises: CheckpointError if it reaches beyond."""
        flat = self.array
        counts = (offset, *size, *stride)
        if len(size) != len(stride) or any(type(n) is not int or n < 0 for n in counts):
            raise CheckpointError(
                f"a tensor with size {size}, stride {stride} and offset {offset} makes no sense"
            )
        last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
        if 0 not in size and last >= flat.size or offset > flat.size:
            raise CheckpointError(
                f"a tensor with size {size}, stride {stride} and offset {offset} reaches beyond its storage "
                f"of {flat.size} elements"
            )
        step = flat.itemsize
        if 0 in size:
            host = np.empty(size, flat.dtype)
        else:
            host = np.ndarray(
                size, flat.dtype, flat, offset * step, tuple(s * step for s in stride)
            )
        if self.target.type == "cpu":
            return Tensor(host)
        return self._on_device(host, offset)

    def _on_device(self, host: Any, offset: int) -> Tensor:
        """On a device the storage is moved once, so that contiguous views of it stay shared."""
        if not host.flags.c_contiguous or not host.size:
            return to_device(Tensor(host), self.target)
        if self._moved is None:
            self._moved = to_device(Tensor(self.array), self.target)._a
        return Tensor(self._moved[offset : offset + host.size].reshape(host.shape))


def empty(kind: str, count: int) -> Any:
    """Memory for ``count`` elements of a storage type. bfloat16 is read as float32, which holds it exactly."""
    return np.empty(count, dtypes.of(STORAGES[kind]).np)


def widen(raw: Any) -> Any:
    """bfloat16 bit patterns as the float32 numbers that they are."""
    return (raw.astype(np.uint32) << 16).view(np.float32)


def placed(storage: Storage, map_location: Any) -> Storage:
    """Decide where a storage goes. Raises: DeviceError if there is no such device."""
    if isinstance(map_location, dict):
        map_location = map_location.get(storage.location, storage.location)
    elif map_location is None:
        map_location = storage.location
    elif callable(map_location) and not isinstance(map_location, Device):
        choose: Callable[[Any, str], Any] = map_location
        result = choose(storage, storage.location)
        if isinstance(result, Storage):
            return result
        map_location = storage.location if result is None else result
    where = Device(map_location)
    if where.type == "cuda" and not _there(where):
        raise DeviceError(
            f"the file holds tensors of {storage.location}, and there is no such GPU here; load it with "
            "map_location='cpu'"
        )
    return storage.to(where)


def _there(where: Device) -> bool:
    from graphscope.engine.backend import backend_of

    try:
        backend_of(where)
    except DeviceError:
        return False
    return True
