"""Gradients: ``grad``, ``backward``, ``Function`` for your own, forward mode, checks."""

from importlib import import_module
from typing import Any

from graphscope.autograd import forward_ad, function, functional, grad_mode, graph
from graphscope.autograd.anomaly_mode import detect_anomaly, set_detect_anomaly
from graphscope.autograd.function import Function
from graphscope.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from graphscope.engine.backward import backward as _backward
from graphscope.engine.backward import grad
from graphscope.engine.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from graphscope.engine.tensor import Tensor
from graphscope.ops.constructors import Variable


def backward(
    tensors: Tensor | list[Tensor] | tuple[Tensor, ...],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: object = None,
) -> None:
    """Add the sum of all gradients of ``tensors`` to ``.grad`` of the leaves."""
    outs = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
    if grad_tensors is None:
        grad_tensors = grad_variables
    if grad_tensors is None:
        seeds: tuple[Any, ...] = (None,) * len(outs)
    elif isinstance(grad_tensors, Tensor):
        seeds = (grad_tensors,)
    else:
        seeds = tuple(grad_tensors)
    _backward(outs, seeds, retain_graph, create_graph, inputs)


def __getattr__(name: str) -> Any:
    if (
        name == "profiler"
    ):  # it stands on the recorder, which programs that only compute do not need
        return import_module("graphscope.autograd.profiler")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Function", "GradcheckError", "Variable", "backward", "detect_anomaly", "enable_grad", "forward_ad", "function",
    "functional", "grad", "grad_mode", "gradcheck", "gradgradcheck", "graph", "inference_mode", "is_grad_enabled",
    "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip
