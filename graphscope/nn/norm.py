"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from graphscope.engine.create import empty
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.nn import functional as F
from graphscope.nn import init
from graphscope.nn.applied import Applied
from graphscope.nn.functional.common import error
from graphscope.nn.module import Module
from graphscope.nn.parameter import Parameter

__all__ = [
    "LayerNorm", "GroupNorm", "RMSNorm", "LocalResponseNorm", "CrossMapLRN2d",
]  # fmt: skip


def affine(
    module: Module, shape: Any, weight: bool, bias: bool, device: Any = None, dtype: Any = None
) -> None:
    """Give a layer its weight and bias, or the names alone."""
    for name, there in (("weight", weight), ("bias", bias)):
        value = Parameter(empty(shape, dtype=dtype, device=device)) if there else None
        module.register_parameter(name, value)


def reset_affine(module: Module) -> None:
    """Weights one, biases zero."""
    own = module._parameters
    if own["weight"] is not None:
        init.ones_(own["weight"])
    if own.get("bias") is not None:
        init.zeros_(own["bias"])


def _sizes(normalized_shape: Any) -> tuple[int, ...]:
    if isinstance(normalized_shape, int):
        return (normalized_shape,)
    return tuple(normalized_shape)


class LayerNorm(Module):
    """Each sample with mean 0 and variance 1 over its last dimensions, then scaled and shifted.

    Source: Ba, Kiros and Hinton, "Layer Normalization", 2016.
    """

    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = _sizes(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        affine(self, self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)  # fmt: skip
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights one, biases zero."""
        reset_affine(self)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        own = self._parameters
        return F.layer_norm(input, self.normalized_shape, own["weight"], own["bias"], self.eps)

    def extra_repr(self) -> str:
        """Sizes, as torch shows them."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Divides by the root of the mean square over the last dimensions.

    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
    """

    def __init__(
        self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = _sizes(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        value = None
        if elementwise_affine:
            value = Parameter(empty(self.normalized_shape, dtype=dtype, device=device))
        self.register_parameter("weight", value)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights one."""
        reset_affine(self)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        return F.rms_norm(input, self.normalized_shape, self._parameters["weight"], self.eps)

    def extra_repr(self) -> str:
        """Sizes, as torch shows them."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(Module):
    """Each group of channels of a sample with mean 0 and variance 1, then scaled and shifted.

    Source: Wu and He, "Group Normalization", 2018.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if num_channels % num_groups:
            raise error(
                UsageError,
                f"GroupNorm: num_channels={num_channels} cannot be cut into num_groups={num_groups} equal groups; choose a "
                "multiple",
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        _affine(self, num_channels, affine, affine and bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights one, biases zero."""
        reset_affine(self)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        own = self._parameters
        return F.group_norm(input, self.num_groups, own["weight"], own["bias"], self.eps)

    def extra_repr(self) -> str:
        """Sizes, as torch shows them."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


_affine = affine


class _Response(Applied):
    _function = staticmethod(F.local_response_norm)
    _options = ("size", "alpha", "beta", "k")
    _shown = ("alpha", "beta", "k")

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__(size=size, alpha=alpha, beta=beta, k=k)

    def extra_repr(self) -> str:
        """Its constants, as torch shows them."""
        return f"{self.size}, {super().extra_repr()}"


class LocalResponseNorm(_Response):
    """Divides each channel by the activity of its neighbours.

    Source: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep CNNs" (AlexNet), 3.3.
    """


class CrossMapLRN2d(_Response):
    """The older name of ``LocalResponseNorm`` for images."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__(size, alpha, beta, k)

    def forward(self, input: Tensor) -> Any:
        """Apply the layer."""
        if input._a.ndim != 4:
            raise error(
                ShapeError,
                f"CrossMapLRN2d: the input {tuple(input._a.shape)} is no batch of images (N, C, H, W)",
            )
        return super().forward(input)
