"""Batch and instance normalisation: layers that may remember mean and variance of what passed."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.create import empty, tensor
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.nn import functional as F
from graphscope.nn.functional.common import batched, error
from graphscope.nn.module import Module
from graphscope.nn.norm import affine as give_affine
from graphscope.nn.norm import reset_affine

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d"]


class _NormBase(Module):
    def __init__(
        self, num_features: int, eps: float, momentum: float | None, affine: bool, track: bool, device: Any,
        dtype: Any, bias: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track
        give_affine(self, num_features, affine, affine and bias, device, dtype)
        if track:
            for name in ("running_mean", "running_var"):
                self.register_buffer(name, empty(num_features, dtype=dtype, device=device))
            self.register_buffer("num_batches_tracked", tensor(0, device=device))
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget what passed: mean 0, variance 1, no batches."""
        if self.track_running_stats:
            own: Any = self._buffers
            own["running_mean"]._a[...] = 0
            own["running_var"]._a[...] = 1
            own["num_batches_tracked"]._a[...] = 0

    def reset_parameters(self) -> None:
        """Weights one, biases zero, running statistics forgotten."""
        self.reset_running_stats()
        reset_affine(self)

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, missing_keys: Any,
        unexpected_keys: Any, error_msgs: Any,
    ) -> None:  # fmt: skip
        # Files from before torch 0.4.1 lack the counter; it starts from zero.
        key = prefix + "num_batches_tracked"
        version = (local_metadata or {}).get("version", None)
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            state_dict[key] = tensor(0)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    _version = 2

    def extra_repr(self) -> str:
        """Sizes, as torch shows them."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_NormBase):
    """Each channel with mean 0 and variance 1 over the batch, then scaled and shifted.

    In evaluation, the running mean and variance take the batch's place. Source: Ioffe and Szegedy,
    "Batch Normalization", 2015.
    """

    _ranks: tuple[int, ...] = (4,)
    _form = "(N, C, H, W)"

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        )

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        ndim = input._a.ndim
        if ndim not in self._ranks:
            raise error(
                ShapeError,
                f"{self._get_name()}: the input {tuple(input._a.shape)} has {ndim} dimensions; it needs the form "
                f"{self._form}",
            )
        own, kept = self._parameters, self._buffers
        mean, var = kept["running_mean"], kept["running_var"]
        factor = 0.0 if self.momentum is None else self.momentum
        learns = self.training and self.track_running_stats
        if learns and kept["num_batches_tracked"] is not None:
            count: Any = kept["num_batches_tracked"]
            np.add(count._a, 1, out=count._a)
            if self.momentum is None:  # the plain average over all batches
                factor = 1.0 / float(count.item())
        by_batch = self.training or mean is None and var is None
        if self.training and not self.track_running_stats:
            mean = var = None
        return F.batch_norm(
            input, mean, var, own["weight"], own["bias"], by_batch, factor, self.eps
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L)."""

    _ranks = (2, 3)
    _form = "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images (N, C, H, W)."""


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of volumes (N, C, D, H, W)."""

    _ranks = (5,)
    _form = "(N, C, D, H, W)"


class _InstanceNorm(_NormBase):
    """Each channel of each sample with mean 0 and variance 1.

    Source: Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016.
    """

    _dims = 2
    _form = "(N, C, H, W) or (C, H, W)"

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        )

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        d, ndim = self._dims, input._a.ndim
        if ndim not in (d + 1, d + 2):
            raise error(
                ShapeError,
                f"{self._get_name()}: the input {tuple(input._a.shape)} has {ndim} dimensions; it needs the form "
                f"{self._form}",
            )
        own, kept = self._parameters, self._buffers
        live = self.training or not self.track_running_stats
        out: Tensor = batched(input, d, lambda x: F.instance_norm(
            x, kept["running_mean"], kept["running_var"], own["weight"], own["bias"], live,
            0.0 if self.momentum is None else self.momentum, self.eps))  # fmt: skip
        return out


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of signals (N, C, L) or (C, L)."""

    _dims = 1
    _form = "(N, C, L) or (C, L)"


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of images (N, C, H, W) or (C, H, W)."""
