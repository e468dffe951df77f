"""Forward mode: a tensor and its tangent travel together, and every op moves both.

Example:
    >>> import graphscope as gs
    >>> from graphscope.autograd import forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(gs.tensor([1.0, 2.0]), gs.tensor([1.0, 0.0]))
    ...     print(fwAD.unpack_dual(x * x).tangent)
    tensor([2., 0.])
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple

from graphscope.engine import forward_mode
from graphscope.engine.dual_array import DualArray
from graphscope.engine.explain import at_line
from graphscope.engine.modes import _Decorates
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError, DTypeError, ShapeError

__all__ = [
    "UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual",
]  # fmt: skip

_level: ContextVar[int] = ContextVar("graphscope_dual_level", default=-1)


class UnpackedDualTensor(NamedTuple):
    """What ``unpack_dual`` gives: the value and the tangent, which is None for a plain tensor."""

    primal: Any
    tangent: Any


def enter_dual_level() -> int:
    """Begin a level in which dual tensors can be made; returns its number, 0."""
    if _level.get() != -1:
        raise at_line(
            AutogradError,
            f"enter_dual_level: level {_level.get()} is open, and there is one at a time; leave it first, or nest with "
            "autograd.functional.jacobian",
        )
    _level.set(0)
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level; dual tensors have no tangents outside."""
    if _level.get() == -1:
        raise at_line(
            AutogradError, "exit_dual_level: no dual level is open; call enter_dual_level() first"
        )
    if level not in (None, _level.get()):
        raise at_line(
            AutogradError,
            f"exit_dual_level: level={level} is not the open one, which is {_level.get()}; leave it out",
        )
    _level.set(-1)


class dual_level(_Decorates):  # noqa: N801 - torch's name
    """A level of forward mode as a context manager."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A tensor that carries a tangent of its own shape. Raises: AutogradError outside of a level."""
    if _level.get() < 0:
        raise at_line(
            AutogradError,
            f"make_dual: a tangent for {tuple(tensor._a.shape)} lives inside of a level, and none is open; work in `with "
            "dual_level():`",
        )
    if tensor._a.dtype.kind != "f" or tangent._a.dtype.kind != "f":
        raise at_line(
            DTypeError,
            f"make_dual: the tensor is {tensor.dtype}, its tangent {tangent.dtype}; derivatives need floating numbers",
        )
    if tensor._a.shape != tangent._a.shape:
        raise at_line(
            ShapeError,
            f"make_dual: the tangent has shape {tuple(tangent._a.shape)}, the tensor {tuple(tensor._a.shape)}; "
            "they must be equal",
        )
    if tensor._a.dtype != tangent._a.dtype:
        raise at_line(
            DTypeError,
            f"make_dual: the tangent is {tangent.dtype}, the tensor {tensor.dtype}; convert one with .to(dtype)",
        )
    if isinstance(tensor._a, DualArray):
        tensor = forward_mode.unpack(tensor)[0]
    if isinstance(tangent._a, DualArray):
        tangent = forward_mode.unpack(tangent)[0]
    return forward_mode.make(tensor, tangent)  # type: ignore[no-any-return]


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """Value and tangent of a tensor; the tangent is None for a plain one and outside of a level."""
    primal, tangent = forward_mode.unpack(tensor)
    return UnpackedDualTensor(primal, tangent if _level.get() >= 0 else None)
