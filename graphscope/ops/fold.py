"""Windows as columns and back, and pixels as channels and back."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.conv_columns import offsets, out_size, to_chwn
from graphscope.ops.samples import arrays


def _counts(size: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[int, ...]:
    out = tuple(out_size(size[k], kernel[k], stride[k], padding[k], dilation[k]) for k in (0, 1))
    if min(out) < 1:
        raise ShapeError(
            f"there would be {out} windows: the kernel {tuple(kernel)} is larger than the "
            f"padded image {tuple(size)}"
        )
    return out


def _im2col(
    xp: Any, x: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any
) -> Any:
    if x.ndim != 4:
        raise ShapeError(f"the input must be (N, C, H, W) or (C, H, W), this one is {x.shape}")
    n, c = x.shape[:2]
    oh, ow = _counts(size, kernel, stride, padding, dilation)
    t = to_chwn(xp, x, padding).transpose(3, 0, 1, 2)
    out = xp.empty((n, c, *kernel, oh, ow), dtype=x.dtype)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            rows, cols = offsets(i * dilation[0], stride[0], oh), offsets(j * dilation[1], stride[1], ow)  # fmt: skip
            out[:, :, i, j] = t[:, :, rows, cols]
    return out.reshape(n, c * kernel[0] * kernel[1], oh * ow)


def _col2im(
    xp: Any, x: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any
) -> Any:
    oh, ow = _counts(size, kernel, stride, padding, dilation)
    area = kernel[0] * kernel[1]
    if x.ndim != 3 or x.shape[1] % area or x.shape[2] != oh * ow:
        raise ShapeError(
            f"the input must be (N, C * {area}, {oh * ow}) for images of {tuple(size)}, this one is {x.shape}"
        )
    (ph, pw), (h, w) = padding, size
    n, c = x.shape[0], x.shape[1] // area
    cols = x.reshape(n, c, *kernel, oh, ow)
    out = xp.zeros((n, c, h + 2 * ph, w + 2 * pw), dtype=x.dtype)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            to = offsets(i * dilation[0], stride[0], oh), offsets(j * dilation[1], stride[1], ow)
            out[:, :, to[0], to[1]] += cols[:, :, i, j]
    return out[:, :, ph : ph + h, pw : pw + w]


_SMALL: Any = dict(kernel=(2, 3), stride=(1, 2), padding=(1, 0), dilation=(2, 1), size=(4, 5))
im2col = Op(
    "im2col", _im2col, tex=r"\mathrm{{unfold}}({x})", family="shape", values=("size",),
    vjp=dict(x=lambda F, g, kernel, stride, padding, dilation, size: F.col2im(
        g, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size)),
    samples=(arrays((2, 2, 4, 5), **_SMALL),), flops=lambda *a, **k: 0,
    doc="All windows of the images as columns.",
)  # fmt: skip
col2im = Op(
    "col2im", _col2im, tex=r"\mathrm{{fold}}({x})", family="shape", values=("size",),
    vjp=dict(x=lambda F, g, kernel, stride, padding, dilation, size: F.im2col(
        g, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size)),
    samples=(arrays((2, 12, 8), **_SMALL),), doc="Columns added up into images.",
)  # fmt: skip


def _shuffle(xp: Any, x: Any, *, factor: int) -> Any:
    if x.ndim < 3 or x.shape[-3] % (factor * factor):
        raise ShapeError(
            f"the third dimension from the end must divide by {factor}**2; the input is {x.shape}"
        )
    *lead, c, h, w = x.shape
    c //= factor * factor
    d = len(lead)
    t = x.reshape(*lead, c, factor, factor, h, w)
    t = t.transpose(*range(d), d, d + 3, d + 1, d + 4, d + 2)
    return t.reshape(*lead, c, h * factor, w * factor)


def _unshuffle(xp: Any, x: Any, *, factor: int) -> Any:
    if x.ndim < 3 or x.shape[-1] % factor or x.shape[-2] % factor:
        raise ShapeError(f"the last two dimensions must divide by {factor}; the input is {x.shape}")
    *lead, c, h, w = x.shape
    d = len(lead)
    t = x.reshape(*lead, c, h // factor, factor, w // factor, factor)
    t = t.transpose(*range(d), d, d + 2, d + 4, d + 1, d + 3)
    return t.reshape(*lead, c * factor * factor, h // factor, w // factor)


pixel_shuffle = Op(
    "pixel_shuffle", _shuffle, tex=r"\mathrm{{shuffle}}({x})", family="shape",
    vjp=dict(x=lambda F, g, factor: F.pixel_unshuffle(g, factor=factor)),
    samples=(arrays((2, 8, 2, 3), factor=2), arrays((9, 1, 2), factor=3)), flops=lambda *a, **k: 0,
    doc="Groups of channels as blocks of pixels.",
)  # fmt: skip
pixel_unshuffle = Op(
    "pixel_unshuffle", _unshuffle, tex=r"\mathrm{{unshuffle}}({x})", family="shape",
    vjp=dict(x=lambda F, g, factor: F.pixel_shuffle(g, factor=factor)),
    samples=(arrays((2, 2, 4, 6), factor=2), arrays((1, 3, 6), factor=3)), flops=lambda *a, **k: 0,
    doc="Blocks of pixels as groups of channels.",
)  # fmt: skip

ROWS = [im2col, col2im, pixel_shuffle, pixel_unshuffle]
