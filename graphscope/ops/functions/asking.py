"""Questions to tensors that torch has as functions too."""

from __future__ import annotations

from typing import Any

from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError

__all__ = [
    "detach", "get_device", "is_nonzero", "is_same_size", "is_signed", "numel", "typename",
]  # fmt: skip
METHODS = ["is_nonzero"]


def numel(input: Tensor) -> int:
    """Number of elements."""
    return input.numel()


def detach(input: Tensor) -> Tensor:
    """The same memory, cut off from the graph."""
    return input.detach()


def get_device(input: Tensor) -> int:
    """The number of the tensor's GPU, -1 for the cpu."""
    return input.get_device()


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both tensors have one shape."""
    return input.is_same_size(other)


def is_signed(input: Tensor) -> bool:
    """Whether the elements can be negative."""
    return input.is_signed()


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element of a tensor is not zero. Raises: ShapeError unless there is one."""
    if input._a.size != 1:
        raise at_line(
            ShapeError,
            f"is_nonzero needs a tensor with one element, this one has shape {tuple(input._a.shape)}; "
            "use count_nonzero",
        )
    return bool(input.item())


def typename(obj: Any, /) -> str:
    """The name of an object's type; of a tensor the old one, such as ``torch.FloatTensor``."""
    if isinstance(obj, Tensor):
        return str(obj.type())  # type: ignore[attr-defined]
    kind = type(obj)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
