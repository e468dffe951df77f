"""Where a tensor lives: ``device('cpu')``, ``device('cuda:0')``, ``device('sim')``."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from graphscope.errors import DeviceError

_TYPES = ("cpu", "cuda", "sim")


class device:  # noqa: N801 - torch's name
    """A place for tensors, with torch's spelling; ``with device(...):`` makes new tensors there.

    Example:
        >>> device("cuda", 1)
        device(type='cuda', index=1)
    """

    __slots__ = ("type", "index", "_before")
    type: str
    index: int | None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index if index is None else index
        if isinstance(type, int):
            type, index = "cuda", type
        if isinstance(type, str) and ":" in type:
            kind, _, number = type.partition(":")
            if not number.isdigit():
                raise DeviceError(
                    f"device {type!r}: after the colon comes a number, as in 'cuda:0'"
                )
            if index is not None:
                raise DeviceError(f"device {type!r} has an index already, and index={index} too")
            type, index = kind, int(number)
        if type not in _TYPES:
            raise DeviceError(
                f"device {type!r} is unknown; there are: {', '.join(_TYPES)}. A program for another "
                "accelerator (mps, xpu) runs with device='cpu'"
            )
        self.type = type
        self.index = index
        self._before: list[Any] = []

    def __repr__(self) -> str:
        tail = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{tail})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        # As in torch: cuda (the current one) and cuda:0 are not equal, and no device equals a text.
        return isinstance(other, device) and self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type, self.index)

    def __enter__(self) -> device:
        self._before.append(_default.get())
        _default.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _default.set(self._before.pop())


CPU = device("cpu")
# Where new tensors go that name no device; None is the cpu. Every thread starts with the cpu.
current_gpu: ContextVar[int] = ContextVar("graphscope_gpu", default=0)
_default: ContextVar[device | None] = ContextVar("graphscope_device", default=None)


def set_default_device(device: Any) -> None:
    """New tensors that name no device go there (None: the cpu again)."""
    _default.set(None if device is None else _device(device))


def get_default_device() -> device:
    """Where new tensors go that name no device."""
    return _default.get() or CPU


def place(where: Any) -> device | None:
    """The device that a ``device=`` argument means; None is the cpu, the usual case."""
    if where is None:
        return _default.get()
    found = named(where)
    return None if found.type == "cpu" else found


_named: dict[Any, device] = {}


def named(where: Any) -> device:
    """The device that a name or a device means; names are looked up once."""
    if type(where) is device:
        return where
    found = _named.get(where)
    if found is None:
        found = _named[where] = device(where)
    return found


def same_place(a: device, b: device) -> bool:
    """Whether two devices are one: ``cuda`` is the current one, ``cuda:0`` if no other was chosen."""
    return a.type == b.type and _number(a) == _number(b)


def _number(where: device) -> int:
    if where.type == "cuda" and where.index is None:
        return current_gpu.get()
    return where.index or 0


_device = device
