"""Where a tensor lives: ``device('cpu')``, ``device('cuda:0')``, ``device('sim')``."""

from __future__ import annotations

from typing import Any

from graphscope.errors import DeviceError

_TYPES = ("cpu", "cuda", "sim")


class device:  # noqa: N801 - torch's name
    """A place for tensors, with torch's spelling.

    Example:
        >>> device("cuda", 1)
        device(type='cuda', index=1)
    """

    __slots__ = ("type", "index")

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index if index is None else index
        if isinstance(type, int):
            type, index = "cuda", type
        if isinstance(type, str) and ":" in type:
            type, _, number = type.partition(":")
            if not number.isdigit():
                raise DeviceError(
                    f"device {type}:{number}: after the colon comes a number, as in 'cuda:0'"
                )
            index = int(number)
        if type not in _TYPES:
            raise DeviceError(f"device {type!r} is unknown; there are: {', '.join(_TYPES)}")
        self.type: str = type
        self.index = index

    def __repr__(self) -> str:
        tail = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{tail})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            other = device(other)
        return isinstance(other, device) and (self.type, self.index or 0) == (
            other.type,
            other.index or 0,
        )

    def __hash__(self) -> int:
        return hash((self.type, self.index or 0))


CPU = device("cpu")
