"""Tensors that a module owns."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import as_tensor
from graphscope.engine.tensor import Tensor


class Parameter(Tensor):
    """A tensor to be trained: assigned to a module, it is one of its parameters.

    Example:
        >>> import graphscope as gs
        >>> gs.nn.Parameter(gs.zeros(2))
        Parameter containing:
        tensor([0., 0.], requires_grad=True)
    """

    __slots__ = ()
    _copies_grad = False

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        Tensor.__init__(self, as_tensor(() if data is None else data)._a)
        if requires_grad:
            self.requires_grad_(True)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + Tensor.__repr__(self)


class Buffer(Tensor):
    """A tensor that a module keeps but does not train, such as running statistics."""

    __slots__ = ("persistent",)

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        Tensor.__init__(self, as_tensor(() if data is None else data)._a)
        self.persistent = persistent
