"""Pooling of two-dimensional images: the largest or the mean of each window.

The loops run over the kernel's few offsets; each step handles all images, channels and windows at once.
"""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.conv import ZERO, Pair, out_size, to_chwn, windows
from graphscope.ops.samples import arrays, made


def _cuts(size: Any, kernel: Pair, stride: Pair, padding: Pair) -> list[tuple[slice, slice]]:
    """For each offset in the kernel, row by row: which pixels it meets."""
    oh, ow = (out_size(size[k], kernel[k], stride[k], padding[k]) for k in (0, 1))
    return [
        (windows(i, stride[0], oh), windows(j, stride[1], ow))
        for i in range(kernel[0])
        for j in range(kernel[1])
    ]


def _tiles(size: Any, kernel: Pair, stride: Pair, padding: Pair) -> bool:
    """Whether the windows cover every pixel exactly once."""
    exact = size[0] % kernel[0] == 0 and size[1] % kernel[1] == 0
    return exact and kernel == stride and padding == ZERO


def _rule(
    x: tuple[int, ...], *, kernel: Pair, stride: Pair, padding: Pair = ZERO, **_: Any
) -> tuple[int, ...]:
    if len(x) != 4:
        raise ShapeError(
            f"the input must be (N, C, H, W), this one is {tuple(x)}; add a batch with x[None]"
        )
    if padding[0] * 2 > kernel[0] or padding[1] * 2 > kernel[1]:
        raise ShapeError(f"padding {padding} must be at most half of the kernel {kernel}")
    out = [out_size(x[2 + k], kernel[k], stride[k], padding[k]) for k in (0, 1)]
    if min(out) < 1:
        raise ShapeError(f"the window {kernel} is larger than the padded image {tuple(x[2:])}")
    return (*x[:2], *out)


def _max_pool(
    xp: Any, x: Any, *, kernel: Pair, stride: Pair, padding: Pair = ZERO, size: Any = None
) -> Any:
    _rule(x.shape, kernel=kernel, stride=stride, padding=padding)
    cuts = _cuts(x.shape[2:], kernel, stride, padding)
    if padding != ZERO:
        x = to_chwn(xp, x, padding, -xp.inf).transpose(3, 0, 1, 2)
    best = x[:, :, cuts[0][0], cuts[0][1]].copy(order="K")
    small = xp.uint8 if len(cuts) <= 256 else xp.int32
    which = xp.zeros_like(best, dtype=small)
    for k, (rows, cols) in enumerate(cuts[1:], 1):
        here = x[:, :, rows, cols]
        # Offsets grow, so the later winner is the maximum; ">" leaves ties to the first one.
        xp.maximum(which, (here > best) * small(k), out=which)
        xp.maximum(best, here, out=best)
    return best, which


def _max_pool_input_grad(
    xp: Any, g: Any, which: Any, *, kernel: Pair, stride: Pair, padding: Pair = ZERO, size: Any
) -> Any:
    n, c = g.shape[:2]
    (ph, pw), (h, w) = padding, size
    tiles = _tiles(size, kernel, stride, padding)
    make = xp.empty if tiles else xp.zeros
    g = to_chwn(xp, g).transpose(
        3, 0, 1, 2
    )  # after a flatten g lies image by image; which does not
    out = make((c, h + 2 * ph, w + 2 * pw, n), dtype=g.dtype).transpose(3, 0, 1, 2)
    for k, (rows, cols) in enumerate(_cuts(size, kernel, stride, padding)):
        if tiles:
            xp.multiply(g, which == k, out=out[:, :, rows, cols])
        else:
            out[:, :, rows, cols] += g * (which == k)
    return out[:, :, ph : ph + h, pw : pw + w]


def _max_pool_pick(
    xp: Any, x: Any, which: Any, *, kernel: Pair, stride: Pair, padding: Pair = ZERO, size: Any
) -> Any:
    if padding != ZERO:
        x = to_chwn(xp, x, padding).transpose(3, 0, 1, 2)
    out = None
    for k, (rows, cols) in enumerate(_cuts(size, kernel, stride, padding)):
        part = x[:, :, rows, cols] * (which == k)
        out = part if out is None else xp.add(out, part, out=out)
    return out


def _avg_pool(
    xp: Any, x: Any, *, kernel: Pair, stride: Pair, padding: Pair = ZERO, size: Any = None
) -> Any:
    _rule(x.shape, kernel=kernel, stride=stride, padding=padding)
    cuts = _cuts(x.shape[2:], kernel, stride, padding)
    if padding != ZERO:
        x = to_chwn(xp, x, padding).transpose(3, 0, 1, 2)
    out = x[:, :, cuts[0][0], cuts[0][1]].copy(order="K")
    for rows, cols in cuts[1:]:
        out += x[:, :, rows, cols]
    out *= x.dtype.type(1 / len(cuts))
    return out


def _avg_pool_input_grad(
    xp: Any, g: Any, *, kernel: Pair, stride: Pair, padding: Pair = ZERO, size: Any
) -> Any:
    n, c = g.shape[:2]
    (ph, pw), (h, w) = padding, size
    out = xp.zeros((c, h + 2 * ph, w + 2 * pw, n), dtype=g.dtype).transpose(3, 0, 1, 2)
    part = g * g.dtype.type(1 / (kernel[0] * kernel[1]))
    for rows, cols in _cuts(size, kernel, stride, padding):
        out[:, :, rows, cols] += part
    return out[:, :, ph : ph + h, pw : pw + w]


def _images(*shape: int) -> Any:
    """A sample without ties, so that finite differences do not step over one."""

    def make(rng: Any) -> tuple[Any, ...]:
        n = 1
        for s in shape:
            n *= s
        return (rng.permutation(n).astype("float64").reshape(shape) / 7,)

    return make


_TILED: dict[str, Any] = dict(kernel=(2, 2), stride=(2, 2), padding=(0, 0), size=(4, 6))
_OVERLAP: dict[str, Any] = dict(kernel=(3, 3), stride=(2, 2), padding=(1, 1), size=(5, 6))
_RAGGED: dict[str, Any] = dict(kernel=(2, 3), stride=(2, 3), padding=(0, 0), size=(5, 7))
_POOLS = tuple(made(_images(2, 2, *p["size"]), **p) for p in (_TILED, _OVERLAP, _RAGGED))
_POOL_ERRORS = (
    ((2, 3, 2, 2), dict(kernel=(3, 3), stride=(3, 3)), "larger than"),
    ((2, 2), dict(kernel=(3, 3), stride=(3, 3)), "(N, C, H, W)"),
)


def _winners(shape: tuple[int, ...], out: tuple[int, ...], **params: Any) -> Any:
    def make(rng: Any) -> tuple[Any, ...]:
        return rng.normal(size=shape), rng.integers(0, 4, out).astype("uint8")

    return made(make, **params)


# ``which``, the winning offset of each window, is one byte where keeping x would cost four per pixel.
max_pool2d = Op(
    "max_pool2d", _max_pool, tex=r"\mathrm{{maxpool}}({x})", family="reduce", aux=True, values=("size",),
    shape=_rule,
    vjp=dict(x=lambda F, g, aux, kernel, stride, padding, size: F.max_pool2d_input_grad(
        g, aux, kernel=kernel, stride=stride, padding=padding, size=size)),
    samples=_POOLS, errors=_POOL_ERRORS, flops=lambda x, **_: x.size,
    doc="The largest element of each window; the gradient goes to the first largest.",
)  # fmt: skip

max_pool2d_input_grad = Op(
    "max_pool2d_input_grad", _max_pool_input_grad, tex=r"\mathrm{{unpool}}({g})", family="reduce",
    values=("size",),
    vjp=dict(g=lambda F, h, which, kernel, stride, padding, size: F.max_pool2d_pick(
        h, which, kernel=kernel, stride=stride, padding=padding, size=size)),
    samples=(_winners((2, 2, 2, 3), (2, 2, 2, 3), **_TILED), _winners((1, 2, 3, 3), (1, 2, 3, 3), **_OVERLAP)),
    doc="The gradient of max_pool2d: each window pays back to its winner.",
)  # fmt: skip

max_pool2d_pick = Op(
    "max_pool2d_pick", _max_pool_pick, tex=r"{x}[\mathrm{{argmax}}]", family="reduce", values=("size",),
    vjp=dict(x=lambda F, g, which, kernel, stride, padding, size: F.max_pool2d_input_grad(
        g, which, kernel=kernel, stride=stride, padding=padding, size=size)),
    samples=(_winners((2, 2, 4, 6), (2, 2, 2, 3), **_TILED), _winners((1, 2, 5, 6), (1, 2, 3, 3), **_OVERLAP)),
    doc="The elements at the winners of an earlier max_pool2d.",
)  # fmt: skip

avg_pool2d = Op(
    "avg_pool2d", _avg_pool, tex=r"\mathrm{{avgpool}}({x})", family="reduce", values=("size",), shape=_rule,
    vjp=dict(x=lambda F, g, kernel, stride, padding, size: F.avg_pool2d_input_grad(
        g, kernel=kernel, stride=stride, padding=padding, size=size)),
    samples=_POOLS, errors=_POOL_ERRORS, flops=lambda x, **_: x.size, doc="The mean of each window.",
)  # fmt: skip

avg_pool2d_input_grad = Op(
    "avg_pool2d_input_grad", _avg_pool_input_grad, tex=r"\mathrm{{spread}}({g})", family="reduce",
    values=("size",),
    vjp=dict(g=lambda F, h, kernel, stride, padding, size: F.avg_pool2d(
        h, kernel=kernel, stride=stride, padding=padding, size=size)),
    samples=(arrays((2, 2, 2, 3), **_TILED), arrays((1, 2, 3, 3), **_OVERLAP)),
    doc="The gradient of avg_pool2d: each window pays back evenly.",
)  # fmt: skip

ROWS = [max_pool2d, max_pool2d_input_grad, max_pool2d_pick, avg_pool2d, avg_pool2d_input_grad]
