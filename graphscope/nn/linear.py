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
        if bias is not None and input._a.ndim == 2:
            out: Tensor = call(linalg.linear, input, own["weight"], bias)
            return out
        return F.linear(input, own["weight"], bias)

    def extra_repr(self) -> str:
        """Sizes, as torch shows them."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """Gives back what comes in; its arguments are ignored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """The input."""
        return input


class Flatten(Module):
    """Joins dimensions start_dim..end_dim into one; by default all but the batch."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Any) -> Any:
        """Apply the layer."""
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The two dimensions, as torch shows them."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Dropout(Module):
    """Zeroes elements with probability p while training; see ``functional.dropout``."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        """Its probability, as torch shows it."""
        return f"p={self.p}, inplace={self.inplace}"


class Embedding(Module):
    """A table of vectors, looked up by number."""

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.weight = Parameter(empty((num_embeddings, embedding_dim)))
        init.normal_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        """The vectors of these numbers."""
        return F.embedding(input, self.weight)

    def extra_repr(self) -> str:
        """Sizes, as torch shows them."""
        return f"{self.num_embeddings}, {self.embedding_dim}"
