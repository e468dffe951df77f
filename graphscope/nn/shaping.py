"""Layers that rearrange or compare: flatten, windows as columns, other sizes, distances."""

from __future__ import annotations

from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageTypeError
from graphscope.nn import functional as F
from graphscope.nn.applied import Applied
from graphscope.nn.functional.common import error
from graphscope.nn.module import Module
from graphscope.ops import functions as fn

__all__ = [
    "Flatten", "Unflatten", "Unfold", "Fold", "Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d",
    "PixelShuffle", "PixelUnshuffle", "ChannelShuffle", "CosineSimilarity", "PairwiseDistance",
]  # fmt: skip


class Flatten(Applied):
    """Joins dimensions start_dim..end_dim into one; by default all but the batch."""

    _function = staticmethod(fn.flatten)
    _options = _shown = ("start_dim", "end_dim")

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__(start_dim=start_dim, end_dim=end_dim)


class Unflatten(Applied):
    """Splits one dimension into several."""

    _shown = ("dim", "unflattened_size")

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__(dim=dim, unflattened_size=unflattened_size)
        if not isinstance(dim, int):
            raise error(
                UsageTypeError, f"Unflatten: dim is a whole number, not {type(dim).__name__}"
            )
        if not isinstance(unflattened_size, (tuple, list)) or not all(
            isinstance(s, int) for s in unflattened_size
        ):
            raise error(
                UsageTypeError,
                f"Unflatten: unflattened_size={unflattened_size!r} must list the new sizes, such as (2, -1)",
            )

    def forward(self, input: Any) -> Any:
        """Apply the layer."""
        sizes = self.unflattened_size
        return input.unflatten(self.dim, sizes)


class Unfold(Applied):
    """All windows of the images as columns."""

    _function = staticmethod(F.unfold)
    _options = _shown = ("kernel_size", "dilation", "padding", "stride")

    def __init__(
        self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        own = dict(kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)
        super().__init__(**own)


class Fold(Applied):
    """Columns added up into images."""

    _function = staticmethod(F.fold)
    _options = _shown = ("output_size", "kernel_size", "dilation", "padding", "stride")

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:  # fmt: skip
        super().__init__(
            output_size=output_size, kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride
        )  # fmt: skip


class Upsample(Applied):
    """The images in another size; see ``functional.interpolate``."""

    _function = staticmethod(F.interpolate)
    _options = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor")

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
        align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    ) -> None:  # fmt: skip
        if isinstance(scale_factor, tuple):
            factor: Any = tuple(map(float, scale_factor))
        else:
            factor = float(scale_factor) if scale_factor else None
        super().__init__(
            name=type(self).__name__, size=size, scale_factor=factor, mode=mode, align_corners=align_corners,
            recompute_scale_factor=recompute_scale_factor,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Size or factor, as torch shows them."""
        which = "size" if self.scale_factor is None else "scale_factor"
        return f"{which}={getattr(self, which)!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """The images in another size, with the nearest pixel."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """The images in another size, bilinear, with corners on corners."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)


class PixelShuffle(Applied):
    """Groups of channels as blocks of pixels.

    Source: Shi et al., "Real-Time Single Image and Video Super-Resolution", 2016.
    """

    _function = staticmethod(F.pixel_shuffle)
    _options = _shown = ("upscale_factor",)

    def __init__(self, upscale_factor: int) -> None:
        super().__init__(upscale_factor=upscale_factor)


class PixelUnshuffle(Applied):
    """Blocks of pixels as groups of channels."""

    _function = staticmethod(F.pixel_unshuffle)
    _options = _shown = ("downscale_factor",)

    def __init__(self, downscale_factor: int) -> None:
        super().__init__(downscale_factor=downscale_factor)


class ChannelShuffle(Applied):
    """Channels of several groups dealt out in turn."""

    _function = staticmethod(F.channel_shuffle)
    _options = _shown = ("groups",)

    def __init__(self, groups: int) -> None:
        super().__init__(groups=groups)


class CosineSimilarity(Applied):
    """The cosine of the angle between vectors."""

    _function = staticmethod(F.cosine_similarity)
    _options = ("dim", "eps")

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__(dim=dim, eps=eps)


class PairwiseDistance(Module):
    """The p-norm of the difference of vectors."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Any:
        """Apply the layer."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
