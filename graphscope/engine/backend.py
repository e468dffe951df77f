"""What a device must offer, and which backend an array or a device belongs to.

An op kernel asks a backend for ``xp`` only. The rest is where numpy and GPUs differ: transfers,
accumulation at indices, timing, memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

import numpy as np

from graphscope.engine.device import current_gpu
from graphscope.engine.device import device as Device
from graphscope.errors import DeviceError


class MemoryEvent(NamedTuple):
    """One thing that happened in a device's memory pool.

    kind: "grow" (the pool took memory from the device), "malloc", "free" or "oom" (refused).
    requested: bytes asked for (0 for free: pools forget it). allocated: bytes after rounding.
    memory: joins malloc and free, and equals ``AllocInfo.memory`` of the array.
    """

    kind: str
    requested: int
    allocated: int
    pointer: int
    memory: int


class AllocInfo(NamedTuple):
    """Where an array lies; views of one buffer have the same ``memory``."""

    pointer: int
    requested: int
    allocated: int
    memory: int


class MemoryStats(NamedTuple):
    """Bytes of a device's pool: in use by arrays, held from the device, the most ever used, the limit.

    ``None`` where a device cannot say (the host has no pool); a limit of None is none.
    """

    used: int | None
    reserved: int | None
    peak: int | None
    limit: int | None


class Backend(Protocol):
    """One device. numpy, ``sim`` and CuPy implement all of it."""

    name: str
    """As ``device(name)`` takes it: "cpu", "sim", "cuda:0"."""
    xp: Any
    """The array module that kernels get."""
    array_type: type

    @property
    def sync_count(self) -> int:
        """How often the host has waited for the device."""

    def asarray(self, host: Any) -> Any:
        """A device array with a copy of a host array (the array itself on the host)."""

    def to_host(self, array: Any) -> Any:
        """A numpy array with the values; waits for the device."""

    def scatter_add(self, array: Any, index: Any, values: Any) -> None:
        """``array[index] += values``, where repeated indices add up."""

    def synchronize(self) -> None:
        """Wait until the device has done all work."""

    def record(self) -> int:
        """Mark this point in the device's work; returns a handle. Never waits."""

    def query(self, handle: int) -> bool:
        """Whether the device has passed the mark."""

    def elapsed_ns(self, begin: int, end: int) -> int:
        """Device time between two marks that were both passed."""

    def event(self) -> int:
        """A mark of one's own that can be set again and again; not set yet."""

    def mark(self, event: int) -> int:
        """Set it behind the work that the current stream has now; returns the stream's number. Never waits."""

    def passed(self, event: int) -> bool:
        """Whether the device has passed it; never waits."""

    def await_mark(self, event: int) -> None:
        """Wait until the device has passed it."""

    def between_ns(self, begin: int, end: int) -> int:
        """Device time between two marks that were both passed; negative where they were set the other way."""

    def passed_at(self, event: int) -> int | None:
        """When the device passed the mark on ``host_ns()``'s clock; None where only differences are known."""

    def host_ns(self) -> int:
        """The clock of the host as the device sees it: virtual where the device's is."""

    def issued_ns(self) -> int | None:
        """When the host issued the first work since the last mark, -1 if there was none; None: unknown."""

    def memory_stats(self) -> MemoryStats:
        """The pool's numbers now."""

    def set_limit(self, limit: int | None) -> None:
        """Refuse to hold more than ``limit`` bytes (None: no limit)."""

    def hook(self, sink: Callable[[MemoryEvent], None]) -> AbstractContextManager[None]:
        """Tell ``sink`` every memory event of this thread inside the ``with`` block."""

    def alloc_info(self, array: Any) -> AllocInfo:
        """Where an array lies."""

    def rng(self, seed: int) -> np.random.Generator:
        """Random numbers, always drawn on the host: devices' own streams differ, ours must not."""


BACKENDS: dict[type, Backend] = {}


def register(backend: Backend) -> Backend:
    """Make a backend the one for its array type; returns it."""
    BACKENDS[backend.array_type] = backend
    dispatch = sys.modules.get("graphscope.engine.dispatch")
    rec = dispatch.recorder() if dispatch is not None else None
    if rec is not None and backend.name != "cpu" and hasattr(rec, "device_here"):
        rec.device_here()  # a recorder looks for devices only from here on
    return backend


def backend_of_type(kind: type) -> Backend:
    """The backend whose arrays are of type ``kind``.

    Raises: DeviceError for anything that is no backend's array.
    """
    found = BACKENDS.get(kind)
    if found is not None:
        return found
    if issubclass(kind, (np.ndarray, np.generic)):
        return backend_of(Device("cpu"))
    if hasattr(kind, "dual_of"):
        from graphscope.engine.dual_array import DualBackend

        return DualBackend.of(kind)
    root = kind.__module__.partition(".")[0]
    if root == "cupy":
        return backend_of(Device("cuda", 0))
    raise DeviceError(
        f"{kind.__module__}.{kind.__qualname__} is no array of a device that GraphScope knows (cpu, cuda, sim); "
        "convert it to a numpy array first"
    )


def backend_of(where: Any) -> Backend:
    """The backend of a device, started on first use.

    Raises: DeviceError if the device is not there.
    """
    where = Device(where)
    index = current_gpu.get() if where.type == "cuda" and where.index is None else where.index or 0
    name = f"cuda:{index}" if where.type == "cuda" else where.type
    if where.type != "cuda" and index:
        raise DeviceError(f"device {where}: there is only one; write {where.type!r}")
    for found in BACKENDS.values():
        if found.name == name:
            return found
    if where.type == "cpu":
        from graphscope.engine.backend_numpy import NumpyBackend

        return register(NumpyBackend())
    if where.type == "sim":
        from graphscope.engine.backend_sim import SimBackend

        return register(SimBackend())
    count = pretended_gpus()
    if index >= (count or 1):
        more = (
            f"GRAPHSCOPE_CUDA=sim:{index + 1} pretends more"
            if count
            else "one GPU can be used so far"
        )
        raise DeviceError(f"device {where}: only the first {count or 1} can be used here; {more}")
    if count:
        from graphscope.engine.backend_sim import stand_in_for_cuda

        return register(stand_in_for_cuda(index))
    from graphscope.engine.backend_cupy import CupyBackend

    return register(CupyBackend())


_pretended: ContextVar[int] = ContextVar("graphscope_pretended", default=0)


def pretended_gpus() -> int:
    """How many pretend GPUs answer to ``cuda``: GRAPHSCOPE_CUDA=sim is one, sim:3 are three."""
    kind, _, number = os.environ.get("GRAPHSCOPE_CUDA", "").partition(":")
    return _pretended.get() or (int(number or 1) if kind == "sim" else 0)


@contextmanager
def pretended_cuda(count: int = 1) -> Iterator[Backend]:
    """A ``with`` block in which ``cuda`` is the pretend GPU, as with ``GRAPHSCOPE_CUDA=sim``."""

    def take_off() -> dict[type, Backend]:
        gpus = {kind: found for kind, found in BACKENDS.items() if found.name.startswith("cuda")}
        for kind in gpus:
            del BACKENDS[kind]
        return gpus

    before = take_off()
    token = _pretended.set(count)
    try:
        yield backend_of("cuda")
    finally:
        _pretended.reset(token)
        take_off()
        BACKENDS.update(before)


def available(kind: str) -> bool:
    """Whether a device of this kind ("cpu", "cuda", "sim") can be used here; never raises."""
    try:
        backend_of(Device(kind))
    except DeviceError:
        return False
    return True
