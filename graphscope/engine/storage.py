"""The memory under tensors, and how their elements lie in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.device import device


class layout:  # noqa: N801 - torch's name
    """How a tensor keeps its elements; GraphScope has ``strided`` only."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class memory_format(layout):  # noqa: N801 - torch's name
    """A wish for the order of dimensions in memory.

    It is accepted and has no effect: kernels choose the layout that is fastest for them.
    """

    __slots__ = ()


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")


def root(array: Any) -> Any:
    """The array that owns the memory of a view."""
    while True:
        base = getattr(array, "base", None)
        base = getattr(base, "held", base)  # what ``.data`` puts between an array and its owner
        if not isinstance(base, type(array)):
            return array
        array = base


def pointer(array: Any) -> int:
    """Address of the first element."""
    if type(array) is np.ndarray:
        return int(array.__array_interface__["data"][0])
    from graphscope.engine.backend import backend_of_type

    return backend_of_type(type(array)).alloc_info(array).pointer


def offset(array: Any) -> int:
    """Elements between the beginning of the memory and the first element."""
    owner = root(array)
    return 0 if owner is array else (pointer(array) - pointer(owner)) // int(array.itemsize)


class UntypedStorage:
    """The bytes under a tensor; views of one memory have equal storages."""

    __slots__ = ("_owner", "device")

    def __init__(self, array: Any, where: device) -> None:
        self._owner = root(array)
        self.device = where

    def nbytes(self) -> int:
        """Bytes of the whole memory."""
        return int(self._owner.nbytes)

    size = __len__ = nbytes

    def data_ptr(self) -> int:
        """Address of the first byte."""
        return pointer(self._owner)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and self._owner is other._owner

    def __hash__(self) -> int:
        return id(self._owner)

    def __repr__(self) -> str:
        return f"[torch.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]"
