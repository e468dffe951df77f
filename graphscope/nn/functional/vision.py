"""Images in another size, and pixels as channels."""

from __future__ import annotations

import math
from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.nn.functional.common import _run, error
from graphscope.nn.functional.pool import adaptive_avg_pool1d, adaptive_avg_pool2d
from graphscope.ops import TABLE

__all__ = [
    "interpolate", "upsample", "upsample_nearest", "upsample_bilinear", "pixel_shuffle", "pixel_unshuffle",
    "channel_shuffle",
]  # fmt: skip

# torch's name of a mode: how one dimension is treated, and for how many dimensions (None: any).
_MODES: dict[str, tuple[str, int | None]] = {
    "nearest": ("nearest", None), "nearest-exact": ("nearest-exact", None), "linear": ("linear", 1),
    "bilinear": ("linear", 2), "bicubic": ("cubic", 2), "trilinear": ("linear", 3), "area": ("area", None),
}  # fmt: skip


class ModeError(UsageError, NotImplementedError):
    """A mode that does not exist, or not for so many dimensions."""


def _sizes(
    input: Tensor, size: Any, scale_factor: Any, recompute: Any
) -> tuple[tuple[int, ...], Any]:
    """The output size, and for each dimension the input pixels per output pixel (None: from the sizes)."""
    d = input._a.ndim - 2
    if size is not None and scale_factor is not None:
        raise error(
            UsageError,
            f"interpolate: size={size} and scale_factor={scale_factor} are both given; leave one out",
        )
    if size is not None:
        out = tuple(int(s) for s in size) if isinstance(size, (tuple, list)) else (int(size),) * d
        if len(out) != d:
            raise error(
                UsageError,
                f"interpolate: size={out} has {len(out)} numbers for an input {tuple(input._a.shape)}; it takes {d}, one "
                "for each dimension behind the channels",
            )
        return out, None
    if scale_factor is None:
        raise error(UsageError, "interpolate: how large? Pass size or scale_factor")
    factors = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * d  # fmt: skip
    if len(factors) != d:
        raise error(
            UsageError,
            f"interpolate: scale_factor={factors} has {len(factors)} numbers; it takes {d}, one for each dimension "
            "behind the channels",
        )
    factors = tuple(float(f) for f in factors)
    out = tuple(math.floor(n * f) for n, f in zip(input._a.shape[2:], factors, strict=True))
    return out, None if recompute else tuple(1 / f for f in factors)


def interpolate(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None, recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """The images (N, C, H, W), or signals (N, C, L), in another size.

    mode: 'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic' or 'area'.
    """
    if mode not in _MODES:
        raise error(ModeError, f"interpolate: mode={mode!r} is none of {', '.join(_MODES)}")
    way, dims = _MODES[mode]
    d = input._a.ndim - 2
    if d < 1 or dims is not None and d != dims:
        raise error(
            ModeError,
            f"interpolate: mode={mode!r} needs an input of {(dims or 1) + 2} dimensions, got {d + 2}",
        )
    if align_corners is not None and way not in ("linear", "cubic"):
        raise error(
            UsageError,
            f"interpolate: align_corners={align_corners} says nothing to mode={mode!r}, which mixes no pixels; leave it "
            "out, or use 'linear', 'bilinear' or 'bicubic'",
        )
    if antialias:
        raise error(ModeError, "interpolate: antialias is not there")
    out, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    if way == "area":
        if d > 2:
            raise error(ModeError, "interpolate: mode='area' is there for one and two dimensions")
        return adaptive_avg_pool1d(input, out) if d == 1 else adaptive_avg_pool2d(input, out)
    return _run(
        TABLE["interpolate"], input, size=out, mode=way, align=bool(align_corners), scales=scales,
        was=input._a.shape,
    )  # fmt: skip


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:  # fmt: skip
    """The old name of ``interpolate``."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """``interpolate`` with the nearest pixel."""
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Bilinear ``interpolate`` with corners on corners."""
    return interpolate(input, size, scale_factor, "bilinear", True)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Groups of r * r channels as blocks of r x r pixels."""
    if upscale_factor <= 0:
        raise error(
            ShapeError, f"pixel_shuffle: upscale_factor={upscale_factor} must be at least 1"
        )
    return _run(TABLE["pixel_shuffle"], input, factor=int(upscale_factor))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Blocks of r x r pixels as groups of r * r channels."""
    if downscale_factor <= 0:
        raise error(
            ShapeError,
            f"pixel_unshuffle: downscale_factor={downscale_factor} must be at least 1",
        )
    return _run(TABLE["pixel_unshuffle"], input, factor=int(downscale_factor))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels of ``groups`` groups dealt out in turn (ShuffleNet)."""
    from graphscope.ops import functions as fn

    n, c, *rest = input._a.shape
    if c % groups:
        raise error(ShapeError, f"channel_shuffle: {c} channels do not divide by groups={groups}")
    apart = fn.reshape(input, n, groups, c // groups, *rest)
    return fn.reshape(fn.transpose(apart, 1, 2), n, c, *rest)
