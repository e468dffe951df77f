"""Parameters as one long vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DeviceError, UsageTypeError
from graphscope.ops import functions as fn

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def _one_device(parameters: list[Any]) -> None:
    places = {str(p.device) for p in parameters}
    if len(places) > 1:
        raise at_line(
            DeviceError,
            f"one vector lies on one device, and these parameters are on {' and '.join(sorted(places))}; move the "
            "model with .to(device)",
        )


def parameters_to_vector(parameters: Iterable[Any]) -> Tensor:
    """All parameters behind each other, in a graph of their own."""
    listed = list(parameters)
    _one_device(listed)
    return fn.cat([fn.reshape(p, (-1,)) for p in listed])


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Parameters become views of the stretches of a vector."""
    if not isinstance(vec, Tensor):
        raise at_line(
            UsageTypeError,
            f"vector_to_parameters: the vector is {type(vec).__name__}, it must be a tensor",
        )
    listed = list(parameters)
    _one_device(listed)
    whole: Any = vec
    start = 0
    for p in listed:
        n = p.numel()
        p.data = fn.reshape(whole[start : start + n], tuple(p._a.shape)).data
        start += n
