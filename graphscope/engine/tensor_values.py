"""A tensor where Python wants a number, a sequence or a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.errors import ShapeError


class Values:
    """The part of Tensor that hands out its values as Python objects."""

    __slots__ = ()
    _a: Any
    _host: Callable[[], Any]

    def item(self) -> Any:
        """The value of a tensor with one element as a Python number.

        Raises: ShapeError when there is not exactly one element.
        """
        a = self._a
        if a.size != 1:
            raise at_line(
                ShapeError,
                f"item() needs a tensor with one element, this one has shape {tuple(a.shape)}; "
                "use .tolist(), or reduce it first (.mean(), .sum())",
            )
        return self._host().item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._host().tolist()

    def __len__(self) -> int:
        if not self._a.shape:
            raise at_line(
                TypeError,
                "len(): a 0-d tensor is one number and has no length; use numel() to count",
            )
        return int(self._a.shape[0])

    def __iter__(self) -> Iterator[Any]:
        if not self._a.shape:
            raise at_line(
                TypeError, "a 0-d tensor is one number, with nothing to iterate over; use item()"
            )
        return (self[i] for i in range(self._a.shape[0]))  # type: ignore[index]

    def __reversed__(self) -> Any:
        return self.flip(0) if self._a.ndim else self  # type: ignore[attr-defined]

    def __contains__(self, element: Any) -> bool:
        if not isinstance(element, (Values, int, float, bool)):
            raise at_line(
                RuntimeError,
                f"`x in tensor` looks for a number or a tensor, not for a {type(element).__name__}; "
                "for lists of other things use a Python list",
            )
        return bool((self == element).any())  # type: ignore[attr-defined]

    def __bool__(self) -> bool:
        a = self._a
        if a.size != 1:
            raise at_line(
                ShapeError,
                f"the truth value of a tensor of shape {tuple(a.shape)} is ambiguous: `if` and `and` need one "
                "value. Use .any() or .all(), or & and | between tensors",
            )
        return bool(self._host().item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self._a.dtype.kind not in "iub" or self._a.size != 1:
            raise at_line(
                TypeError,
                "only an integer tensor with one element can be an index, this one is "
                f"{self._a.dtype} of shape {tuple(self._a.shape)}",
            )
        return int(self.item())

    def __format__(self, spec: str) -> str:
        from graphscope.engine.tensor import Tensor

        if self._a.ndim == 0 and type(self) is Tensor:
            return format(self.item(), spec)
        if spec:
            raise at_line(
                TypeError,
                f"unsupported format string {spec!r} for a tensor of shape {tuple(self._a.shape)}; "
                "take one value with .item(), or the list with .tolist()",
            )
        return repr(self)

    def __repr__(self) -> str:
        from graphscope.engine.printing import tensor_repr

        return tensor_repr(self)

    __str__ = __repr__
