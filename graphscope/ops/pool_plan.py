"""Sizes and slices of a pooling: how many windows, how much border, which pixels each offset meets."""

from __future__ import annotations

from typing import Any

from graphscope.errors import ShapeError
from graphscope.ops.conv_columns import offsets

Params = dict[str, Any]


def pooled_size(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> int:
    """How many windows there are; with ceil_mode also those that hang over the end."""
    rest = size + 2 * padding - dilation * (kernel - 1) - 1
    out = (rest + (stride - 1 if ceil_mode else 0)) // stride + 1
    # The last window must begin inside of the image or its left padding.
    return out - 1 if ceil_mode and (out - 1) * stride >= size + padding else out


def _lifted(values: Any, first: int = 0) -> tuple[int, int]:
    return (first, *values) if len(values) == 1 else values


class Plan:
    """Sizes of one pooling: windows per dimension, padding on each side, and the offsets' slices."""

    def __init__(self, size: Any, p: Params) -> None:
        k, s = _lifted(p["kernel"], 1), _lifted(p["stride"], 1)
        pad, d = _lifted(p.get("padding", (0, 0))), _lifted(p.get("dilation", (1, 1)), 1)
        ceil = p.get("ceil_mode", False)
        self.size, self.kernel, self.stride, self.pad, self.dilation = size, k, s, pad, d
        args = list(zip(size, k, s, pad, d, strict=True))
        self.out = tuple(pooled_size(*a, ceil) for a in args)
        reach = [(o - 1) * s_ + d_ * (k_ - 1) + 1 for o, (_, k_, s_, _, d_) in zip(self.out, args, strict=True)]  # fmt: skip
        self.full = tuple(max(r, n + p_) for r, (n, _, _, p_, _) in zip(reach, args, strict=True))
        self.padded = self.full != tuple(size) or pad != (0, 0)
        self.tiles = not self.padded and k == s and d == (1, 1) and all(
            n == o * k_ for n, o, k_ in zip(size, self.out, k, strict=True)
        )  # fmt: skip
        self.cuts = [
            (offsets(i * d[0], s[0], self.out[0]), offsets(j * d[1], s[1], self.out[1]))
            for i in range(k[0])
            for j in range(k[1])
        ]

    def pad_with(self, xp: Any, x: Any, fill: float) -> Any:
        """``x`` with its border, or itself where none is needed."""
        if not self.padded:
            return x
        out = self.blank(xp, x, xp.full, fill)
        out[self.inside] = x
        return out

    def blank(self, xp: Any, like: Any, make: Any, *fill: Any) -> Any:
        """A padded image, logical (N, C, H, W), made by ``make``."""
        n, c = like.shape[:2]
        shape = (self.full[0], c, self.full[1], n)
        return make(shape, *fill, dtype=like.dtype).transpose(3, 1, 0, 2)

    @property
    def inside(self) -> Any:
        """Where the image lies in its padded copy."""
        (ph, pw), (h, w) = self.pad, self.size
        return (slice(None), slice(None), slice(ph, ph + h), slice(pw, pw + w))


_DIMS = {3: "(N, C, L)", 4: "(N, C, H, W)"}


def rule(x: tuple[int, ...], *, kernel: Any, stride: Any, padding: Any, **p: Any) -> Any:
    d = len(kernel)
    if len(x) != d + 2:
        raise ShapeError(
            f"the input must be {_DIMS[d + 2]}, this one is {tuple(x)}; add a batch with x[None]"
        )
    if any(2 * q > k for q, k in zip(padding, kernel, strict=True)):
        raise ShapeError(
            f"padding {padding} is more than half of the kernel {kernel}; use less, or a larger kernel"
        )
    wide, ceil = p.get("dilation", (1,) * d), p.get("ceil_mode", False)
    args = zip(x[2:], kernel, stride, padding, wide, strict=True)
    out = [pooled_size(*a, ceil) for a in args]
    if min(out) < 1:
        raise ShapeError(f"the window {kernel} is larger than the padded image {tuple(x[2:])}")
    return (*x[:2], *out)
