"""Products with weights."""

from __future__ import annotations

from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.nn.functional.common import _run, error
from graphscope.ops import TABLE, linalg
from graphscope.ops import functions as fn

__all__ = ["linear", "bilinear"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias over the last dimension."""
    if input._a.ndim == 0:
        raise error(
            ShapeError, "linear: the input is a single number; it needs at least one dimension"
        )
    if weight._a.ndim == 1:
        out = fn.matmul(input, weight)
        return out if bias is None else fn.add(out, bias)
    if bias is None:
        return _run(linalg.linear, input, weight)
    return _run(linalg.linear, input, weight, bias)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1^T W input2 + bias for each output feature."""
    lead = input1._a.shape[:-1]
    if lead != input2._a.shape[:-1]:
        raise error(
            ShapeError,
            f"bilinear: input1 {tuple(input1._a.shape)} and input2 {tuple(input2._a.shape)} must agree in all sizes "
            "but the last",
        )
    a, b = input1, input2
    if len(lead) != 1:
        a, b = (fn.reshape(t, -1, t._a.shape[-1]) for t in (a, b))
    extra = () if bias is None else (bias,)
    out = _run(TABLE["bilinear"], a, b, weight, *extra)
    return out if len(lead) == 1 else fn.reshape(out, *lead, weight._a.shape[0])
