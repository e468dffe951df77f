"""Gradients: ``grad``, ``backward``, and ``Function`` for your own."""

from typing import Any

from graphscope.autograd.function import Function
from graphscope.engine.backward import backward as _backward
from graphscope.engine.backward import grad
from graphscope.engine.modes import enable_grad, no_grad, set_grad_enabled
from graphscope.engine.tensor import Tensor


def backward(
    tensors: Tensor | list[Tensor] | tuple[Tensor, ...],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: object = None,
) -> None:
    """Add the sum of all gradients of ``tensors`` to ``.grad`` of the leaves."""
    outs = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
    if grad_tensors is None:
        seeds: tuple[Any, ...] = (None,) * len(outs)
    elif isinstance(grad_tensors, Tensor):
        seeds = (grad_tensors,)
    else:
        seeds = tuple(grad_tensors)
    _backward(outs, seeds, retain_graph, create_graph, inputs)


__all__ = ["Function", "backward", "enable_grad", "grad", "no_grad", "set_grad_enabled"]
