"""Two-dimensional convolution: gather windows into columns, then multiply matrices.

Arrays keep torch's logical shape (N, C, H, W), but results lie in memory as (C, H, W, N): every move of
a window is then a run of whole batches, which is 1.5 to 3 times faster on numpy than moving pixels one
by one. Element-wise ops keep that layout, so only the first layer's input is transposed.

A convolution is linear in the image and in the weights. Its two gradients are rows of their own, and
each of the three rows is differentiated with the other two; that is all double backward needs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.samples import arrays

Pair = tuple[int, int]
ONE: Pair = (1, 1)
ZERO: Pair = (0, 0)


def out_size(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """How many windows fit along one dimension."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def to_chwn(xp: Any, x: Any, padding: Pair = ZERO, fill: float = 0.0) -> Any:
    """``x`` (N, C, H, W) as a contiguous (C, H, W, N) array, with a border of ``fill``."""
    t = x.transpose(1, 2, 3, 0)
    ph, pw = padding
    if not (ph or pw):
        return xp.ascontiguousarray(t)
    c, h, w, n = t.shape
    out = xp.full((c, h + 2 * ph, w + 2 * pw, n), fill, dtype=t.dtype)
    out[:, ph : ph + h, pw : pw + w] = t
    return out


def windows(start: int, stride: int, count: int) -> slice:
    """The elements that one kernel offset meets, one per window."""
    return slice(start, start + stride * (count - 1) + 1 if count else start, stride)


def _windows(xp: Any, x: Any, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """All windows of ``x`` as an array (C, kh, kw, OH, OW, N); on numpy a view that holds no memory."""
    t = to_chwn(xp, x, padding)
    c, h, w, n = t.shape
    (kh, kw), (sh, sw), (dh, dw) = kernel, stride, dilation
    oh, ow = out_size(h, kh, sh, 0, dh), out_size(w, kw, sw, 0, dw)
    if oh < 1 or ow < 1:
        raise ShapeError(_too_small((h, w), kernel, dilation))
    shape = (c, kh, kw, oh, ow, n)
    if kernel == ONE and stride == ONE:
        return t.reshape(shape)
    if type(t) is np.ndarray and t.size:
        # Copied in one go later, which is faster than kh * kw copies of slices.
        s0, s1, s2, s3 = t.strides
        return np.ndarray(shape, t.dtype, t, 0, (s0, dh * s1, dw * s2, sh * s1, sw * s2, s3))
    cols = xp.empty(shape, dtype=t.dtype)
    for i in range(kh):
        for j in range(kw):
            cols[:, i, j] = t[:, windows(i * dh, sh, oh), windows(j * dw, sw, ow)]
    return cols


def _blocks(wins: Any, block: int) -> list[slice]:
    """Rows of windows to gather at a time, so that the columns stay in the CPU's cache.

    One block, that is one matrix product, for small images and for other backends. For 32 channels of
    32 x 32 pixels blocks of a megabyte take half the time of columns of 37 MB, and need no such memory.
    """
    oh = wins.shape[3]
    if type(wins) is not np.ndarray or wins.nbytes <= 2 * block or wins.flags.c_contiguous:
        return [slice(0, oh)]
    step = max(1, block * oh // wins.nbytes)
    return [slice(a, min(a + step, oh)) for a in range(0, oh, step)]


def _conv2d(
    xp: Any, x: Any, w: Any, b: Any = None, *, stride: Pair = ONE, padding: Pair = ZERO,
    dilation: Pair = ONE, groups: int = 1, size: Any = None, kernel: Any = None,
) -> Any:  # fmt: skip
    o, cg, kh, kw = w.shape
    _check(x.shape, w.shape, groups)
    wins = _windows(xp, x, (kh, kw), stride, padding, dilation)
    oh, ow, n = wins.shape[3:]
    k = cg * kh * kw
    if groups > 1:
        cols = xp.ascontiguousarray(wins).reshape(groups, k, -1)
        out = xp.matmul(w.reshape(groups, o // groups, k), cols).reshape(o, -1)
    else:
        blocks = _blocks(wins, 1 << 19)
        w2 = w.reshape(o, k)
        if len(blocks) == 1:
            out = w2.dot(xp.ascontiguousarray(wins).reshape(k, -1))
        else:
            out = xp.empty((o, oh * ow * n), dtype=w.dtype)
            for rows in blocks:
                cols = np.ascontiguousarray(wins[:, :, :, rows]).reshape(k, -1)
                out[:, rows.start * ow * n : rows.stop * ow * n] = w2.dot(cols)
    if b is not None:
        out += b[:, None]
    return out.reshape(o, oh, ow, n).transpose(3, 0, 1, 2)


def _input_grad(
    xp: Any, g: Any, w: Any, *, stride: Pair = ONE, padding: Pair = ZERO, dilation: Pair = ONE,
    groups: int = 1, size: Any = None, kernel: Any = None,
) -> Any:  # fmt: skip
    o, cg, kh, kw = w.shape
    n, _, oh, ow = g.shape
    ph, pw = padding
    c, h, wd = cg * groups, size[0] + 2 * ph, size[1] + 2 * pw
    gt = to_chwn(xp, g)
    out = xp.zeros((c, h, wd, n), dtype=g.dtype)
    steps = (stride, dilation)
    if groups > 1:
        wt = w.reshape(groups, o // groups, -1).transpose(0, 2, 1)
        cols = xp.matmul(wt, gt.reshape(groups, o // groups, -1))
        _pay_back(xp, out, cols.reshape(c, kh, kw, oh, ow, n), 0, *steps)
    else:
        wt = w.reshape(o, -1).T
        # As in _blocks: columns of many megabytes are made and used up a few rows at a time.
        big = c * kh * kw * oh * ow * n * g.itemsize
        step = oh if big < 1 << 23 or type(g) is not np.ndarray else max(1, (oh << 21) // big)
        for a in range(0, oh, step):
            rows = min(step, oh - a)
            cols = wt.dot(gt[:, a : a + rows].reshape(o, -1) if step < oh else gt.reshape(o, -1))
            _pay_back(xp, out, cols.reshape(c, kh, kw, rows, ow, n), a, *steps)
    return out[:, ph : h - ph, pw : wd - pw].transpose(3, 0, 1, 2)


def _pay_back(xp: Any, out: Any, cols: Any, first: int, stride: Pair, dilation: Pair) -> None:
    """Add columns, whose windows start at row ``first``, to the pixels where they came from."""
    c, kh, kw, oh, ow, n = cols.shape
    (sh, sw), (dh, dw) = stride, dilation
    top = first * sh
    if kh * kw > 9 and first == 0:
        # First add up over rows, then over columns: kh + kw passes instead of kh * kw.
        rows = xp.zeros((c, kw, out.shape[1], ow, n), dtype=out.dtype)
        for i in range(kh):
            rows[:, :, windows(i * dh, sh, oh)] += cols[:, i]
        for j in range(kw):
            out[:, :, windows(j * dw, sw, ow)] += rows[:, j]
        return
    for i in range(kh):
        for j in range(kw):
            out[:, windows(top + i * dh, sh, oh), windows(j * dw, sw, ow)] += cols[:, i, j]


def _weight_grad(
    xp: Any, x: Any, g: Any, *, stride: Pair = ONE, padding: Pair = ZERO, dilation: Pair = ONE,
    groups: int = 1, size: Any = None, kernel: Any = None,
) -> Any:  # fmt: skip
    o, c, (kh, kw) = g.shape[1], x.shape[1], kernel
    cg = c // groups
    wins = _windows(xp, x, (kh, kw), stride, padding, dilation)
    gt = to_chwn(xp, g)
    if groups > 1:
        cols = xp.ascontiguousarray(wins).reshape(groups, cg * kh * kw, -1)
        out = xp.matmul(gt.reshape(groups, o // groups, -1), cols.transpose(0, 2, 1))
        return out.reshape(o, cg, kh, kw)
    out = None
    for rows in _blocks(wins, 1 << 22):
        cols = xp.ascontiguousarray(wins[:, :, :, rows]).reshape(c * kh * kw, -1)
        # (columns, O) and not (O, columns): OpenBLAS takes half the time for the tall result.
        part = cols.dot(gt[:, rows].reshape(o, -1).T)
        out = part if out is None else xp.add(out, part, out=out)
    return xp.ascontiguousarray(out.T).reshape(o, cg, kh, kw)


def _check(x: tuple[int, ...], w: tuple[int, ...], groups: int) -> None:
    if len(x) != 4:
        raise ShapeError(
            f"the input must be (N, C, H, W), this one is {tuple(x)}; add a batch with x[None]"
        )
    if x[1] != w[1] * groups:
        raise ShapeError(
            f"the weights {tuple(w)} take {w[1] * groups} channels, the input {tuple(x)} has {x[1]} "
            "(its second dimension)"
        )


def _too_small(size: Any, kernel: Pair, dilation: Pair) -> str:
    spread = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    return (
        f"the kernel covers {spread[0]}x{spread[1]} pixels, the padded input has only {size[0]}x{size[1]}; "
        "use a smaller kernel or more padding"
    )


def _rule(
    x: tuple[int, ...], w: tuple[int, ...], b: Any = None, *, stride: Pair = ONE, padding: Pair = ZERO,
    dilation: Pair = ONE, groups: int = 1, **_: Any,
) -> tuple[int, ...]:  # fmt: skip
    _check(x, w, groups)
    if b is not None and tuple(b) != (w[0],):
        raise ShapeError(
            f"the bias must have {w[0]} elements, one per output channel; it is {tuple(b)}"
        )
    padded = (x[2] + 2 * padding[0], x[3] + 2 * padding[1])
    out = [out_size(padded[k], w[2 + k], stride[k], 0, dilation[k]) for k in (0, 1)]
    if min(out) < 1:
        raise ShapeError(_too_small(padded, (w[2], w[3]), dilation))
    return (x[0], w[0], *out)


_SAME = ("stride", "padding", "dilation", "groups", "size", "kernel")


def _flops(x: Any, w: Any, *rest: Any, **params: Any) -> int:
    n, o, oh, ow = _rule(tuple(x.shape), tuple(w.shape), **params)
    return int(2 * n * oh * ow * w.size)


def _channel_sum(F: Any, g: Any) -> Any:
    return F.sum(g, axis=(0, 2, 3), keepdims=False, shape=tuple(g.shape))


# ``size`` (H, W) of the image and ``kernel`` (kh, kw) are what the gradients need to know of shapes;
# as params they keep no array alive. In vjps the parameter names are the row's, hence the long lambdas.
conv2d = Op(
    "conv2d", _conv2d, tex=r"{x} \star {w}", family="linalg", values=("size", "kernel"), shape=_rule,
    vjp=dict(
        x=lambda F, g, w, stride, padding, dilation, groups, size, kernel: F.conv2d_input_grad(
            g, w, stride=stride, padding=padding, dilation=dilation, groups=groups, size=size, kernel=kernel),
        w=lambda F, g, x, stride, padding, dilation, groups, size, kernel: F.conv2d_weight_grad(
            x, g, stride=stride, padding=padding, dilation=dilation, groups=groups, size=size, kernel=kernel),
        b=_channel_sum,
    ),
    flops=_flops, jvp="multilinear",
    samples=(
        arrays((2, 3, 5, 6), (4, 3, 3, 2), (4,), size=(5, 6), kernel=(3, 2)),
        arrays((2, 2, 6, 5), (3, 2, 3, 3), size=(6, 5), kernel=(3, 3), stride=(2, 2), padding=(1, 0)),
        arrays((1, 2, 7, 7), (2, 2, 4, 4), (2,), size=(7, 7), kernel=(4, 4), padding=(2, 2)),
        arrays((2, 4, 5, 5), (6, 2, 2, 2), (6,), size=(5, 5), kernel=(2, 2), groups=2, dilation=(2, 1)),
        arrays((3, 2, 4, 4), (3, 2, 1, 1), size=(4, 4), kernel=(1, 1)),
        arrays((0, 2, 4, 4), (3, 2, 2, 2), (3,), size=(4, 4), kernel=(2, 2)),
    ),
    errors=(
        ((2, 3, 5, 5), (4, 2, 3, 3), "take 2 channels"),
        ((2, 3, 2, 2), (4, 3, 3, 3), "kernel covers"),
        ((3, 5, 5), (4, 3, 3, 3), "(N, C, H, W)"),
        ((2, 3, 5, 5), (4, 3, 3, 3), (5,), "bias"),
    ),
    doc="Slide the kernels w over the images x: cross-correlation, as in torch.",
)  # fmt: skip

conv2d_input_grad = Op(
    "conv2d_input_grad", _input_grad, tex=r"{g} \ast {w}", family="linalg", values=("size", "kernel"),
    vjp=dict(
        g=lambda F, h, w, stride, padding, dilation, groups, size, kernel: F.conv2d(
            h, w, stride=stride, padding=padding, dilation=dilation, groups=groups, size=size, kernel=kernel),
        w=lambda F, h, g, stride, padding, dilation, groups, size, kernel: F.conv2d_weight_grad(
            h, g, stride=stride, padding=padding, dilation=dilation, groups=groups, size=size, kernel=kernel),
    ),
    jvp="multilinear", flops=lambda g, w, **_: 2 * g.size * w[0].size,
    samples=(
        arrays((2, 4, 3, 5), (4, 3, 3, 2), size=(5, 6), kernel=(3, 2)),
        arrays((2, 3, 3, 2), (3, 2, 3, 3), size=(6, 5), kernel=(3, 3), stride=(2, 2), padding=(1, 0)),
    ),
    doc="The gradient of conv2d for its image: each output pixel pays back to its window.",
)  # fmt: skip

conv2d_weight_grad = Op(
    "conv2d_weight_grad", _weight_grad, tex=r"{x} \star {g}", family="linalg", values=("size", "kernel"),
    vjp=dict(
        x=lambda F, h, g, stride, padding, dilation, groups, size, kernel: F.conv2d_input_grad(
            g, h, stride=stride, padding=padding, dilation=dilation, groups=groups, size=size, kernel=kernel),
        g=lambda F, h, x, stride, padding, dilation, groups, size, kernel: F.conv2d(
            x, h, stride=stride, padding=padding, dilation=dilation, groups=groups, size=size, kernel=kernel),
    ),
    jvp="multilinear", flops=lambda x, g, kernel, **_: 2 * g.size * x.shape[1] * kernel[0] * kernel[1],
    samples=(
        arrays((2, 3, 5, 6), (2, 4, 3, 5), size=(5, 6), kernel=(3, 2)),
        arrays((2, 2, 6, 5), (2, 3, 3, 2), size=(6, 5), kernel=(3, 3), stride=(2, 2), padding=(1, 0)),
    ),
    doc="The gradient of conv2d for its kernels.",
)  # fmt: skip

ROWS = [conv2d, conv2d_input_grad, conv2d_weight_grad]
