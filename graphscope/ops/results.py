"""Named results of functions with several outputs, printed as torch prints them."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def result(name: str, fields: str) -> Any:
    """A named tuple type for the outputs of the function ``name`` of torch."""
    make: Any = namedtuple  # whose name and fields are literals for mypy
    base = make(name, fields)

    def text(self: Any) -> str:
        lines = ",\n".join(f"{k}={v!r}" for k, v in zip(self._fields, self, strict=True))
        return f"torch.return_types.{name}(\n{lines})"

    return type(name, (base,), {"__slots__": (), "__repr__": text, "__module__": __name__})
