"""Fully connected layers."""

from __future__ import annotations

import math
from typing import Any

from graphscope.engine.create import empty
from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor
from graphscope.nn import functional as F
from graphscope.nn import init
from graphscope.nn.module import Module
from graphscope.nn.parameter import Parameter
from graphscope.ops import linalg

__all__ = ["Linear", "Bilinear", "Identity"]


def _told(layer: Any, *sizes: str) -> str:
    parts = [f"{name}={getattr(layer, name)}" for name in sizes]
    return ", ".join([*parts, f"bias={layer.bias is not None}"])


class Linear(Module):
    """y = x W^T + b over the last dimension.

    Weights start uniform in +-1/sqrt(in_features), and so does the bias.
    Source: torch's Linear: kaiming_uniform_ with a = sqrt(5), which is that bound.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty((out_features, in_features), dtype=dtype, device=device))
        self.bias: Any
        if bias:
            self.bias = Parameter(empty(out_features, dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        own = self._parameters
        bias = own["bias"]
        if bias is not None and input._a.ndim:
            out: Tensor = call(linalg.linear, input, own["weight"], bias)
            return out
        return F.linear(input, own["weight"], bias)

    def extra_repr(self) -> str:
        """Sizes, as torch shows them."""
        return _told(self, "in_features", "out_features")


class Bilinear(Module):
    """y = x1^T A x2 + b, with a matrix A for each output.

    Weights and bias start uniform in +-1/sqrt(in1_features), as in torch.
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        shape = (out_features, in1_features, in2_features)
        self.weight = Parameter(empty(shape, dtype=dtype, device=device))
        self.bias: Any
        if bias:
            self.bias = Parameter(empty(out_features, dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Apply the layer."""
        own = self._parameters
        return F.bilinear(input1, input2, own["weight"], own["bias"])

    def extra_repr(self) -> str:
        """Sizes, as torch shows them."""
        return _told(self, "in1_features", "in2_features", "out_features")


class Identity(Module):
    """Gives back what comes in; its arguments are ignored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """The input."""
        return input
