"""Layers that are a function and its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from graphscope.nn.module import Module


class Applied(Module):
    """A layer whose forward is one function; its options are attributes with the function's names.

    _options: the attributes that the function gets. _shown: those that stand in the repr.
    """

    _function: ClassVar[Callable[..., Any]]
    _options: ClassVar[tuple[str, ...]] = ()
    _shown: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **options: Any) -> None:
        super().__init__()
        for name, value in options.items():
            setattr(self, name, value)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Apply the function with the layer's options."""
        return self._function(
            *inputs, **named, **{name: getattr(self, name) for name in self._options}
        )

    def extra_repr(self) -> str:
        """The options, as torch shows them."""
        values = {name: getattr(self, name) for name in self._shown}
        parts = [f"{k}={v!r}" if isinstance(v, str) else f"{k}={v}" for k, v in values.items()]
        return ", ".join(parts)
