"""Parameters as one long vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import DeviceError
from graphscope.ops import functions as fn

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def _one_device(parameters: list[Any]) -> None:
    places = {str(p.device) for p in parameters}
    if len(places) > 1:
        raise DeviceError(
            f"Found two parameters on different devices ({' and '.join(sorted(places))}), this is currently not "
            "supported."
        )


def parameters_to_vector(parameters: Iterable[Any]) -> Tensor:
    """All parameters behind each other, in a graph of their own."""
    listed = list(parameters)
    _one_device(listed)
    return fn.cat([fn.reshape(p, (-1,)) for p in listed])


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Parameters become views of the stretches of a vector."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    listed = list(parameters)
    _one_device(listed)
    whole: Any = vec
    start = 0
    for p in listed:
        n = p.numel()
        p.data = fn.reshape(whole[start : start + n], tuple(p._a.shape)).data
        start += n
