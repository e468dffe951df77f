"""New tensors with another tensor's shape, dtype and device: ``zeros_like(x)`` and ``x.new_zeros(...)``."""

from __future__ import annotations

from typing import Any

from graphscope.engine import create_filled as create
from graphscope.engine.storage import preserve_format
from graphscope.engine.tensor import Tensor


def like(input: Tensor, dtype: Any, device: Any, requires_grad: bool) -> dict[str, Any]:
    """The keywords for a tensor like ``input``, but for what the user said otherwise."""
    return dict(
        dtype=dtype or input.dtype,
        device=input.device if device is None else device,
        requires_grad=requires_grad,
    )


def _like(make: Any, doc: str) -> Any:
    def same(
        input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, memory_format: Any = preserve_format, pin_memory: bool = False,
    ) -> Tensor:  # fmt: skip
        return make(input._a.shape, **like(input, dtype, device, requires_grad))  # type: ignore[no-any-return]

    same.__name__ = same.__qualname__ = f"{make.__name__}_like"
    same.__doc__ = doc
    return same


zeros_like = _like(create.zeros, "Zeros with another tensor's shape, dtype and device.")
ones_like = _like(create.ones, "Ones with another tensor's shape, dtype and device.")
empty_like = _like(
    create.empty, "Uninitialized memory with another tensor's shape, dtype and device."
)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, memory_format: Any = preserve_format,
) -> Tensor:  # fmt: skip
    """One value with another tensor's shape, dtype and device."""
    return create.full(input._a.shape, fill_value, **like(input, dtype, device, requires_grad))


# ---------------------------------------------------------------- methods


def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A copy of ``data`` with this tensor's dtype and device."""
    return create.tensor(data, **like(self, dtype, device, requires_grad))


def _new(make: Any, doc: str) -> Any:
    def new(
        self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
        layout: Any = None, pin_memory: bool = False, **named: Any,
    ) -> Tensor:  # fmt: skip
        return make(*size, **named, **like(self, dtype, device, requires_grad))  # type: ignore[no-any-return]

    new.__name__ = new.__qualname__ = f"new_{make.__name__}"
    new.__doc__ = doc
    return new


new_zeros = _new(create.zeros, "Zeros of a shape with this tensor's dtype and device.")
new_ones = _new(create.ones, "Ones of a shape with this tensor's dtype and device.")
new_empty = _new(
    create.empty, "Uninitialized memory of a shape with this tensor's dtype and device."
)
new_full = _new(create.full, "A shape filled with one value, with this tensor's dtype and device.")

METHODS = {f.__name__: f for f in (new_tensor, new_zeros, new_ones, new_empty, new_full)}
