"""Convolution by columns: gather every window into a column, then one matrix product.

The way for other backends, for dilated rows and for few images at a time; on numpy the
other cases go row by row (conv_rows), which gathers a third as much. Results lie in memory as
(C, H, W, N), batch innermost, behind torch's logical shape (N, C, H, W): every move of a window is then
a run of whole batches.
"""

from __future__ import annotations

from typing import Any

import numpy as np

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


def offsets(start: int, stride: int, count: int) -> slice:
    """The elements that one kernel offset meets, one per window."""
    return slice(start, start + stride * (count - 1) + 1 if count else start, stride)


def windows(xp: Any, x: Any, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """All windows of ``x`` as an array (C, kh, kw, OH, OW, N); on numpy a view that holds no memory."""
    t = to_chwn(xp, x, padding)
    c, h, w, n = t.shape
    (kh, kw), (sh, sw), (dh, dw) = kernel, stride, dilation
    oh, ow = out_size(h, kh, sh, 0, dh), out_size(w, kw, sw, 0, dw)
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
            cols[:, i, j] = t[:, offsets(i * dh, sh, oh), offsets(j * dw, sw, ow)]
    return cols


def blocks(wins: Any, limit: int) -> list[slice]:
    """Rows of windows to gather at a time, so that the columns stay in the CPU's cache.

    One block, that is one matrix product, for small images and for other backends.
    """
    oh = wins.shape[3]
    if type(wins) is not np.ndarray or wins.nbytes <= 2 * limit or wins.flags.c_contiguous:
        return [slice(0, oh)]
    step = max(1, limit * oh // wins.nbytes)
    return [slice(a, min(a + step, oh)) for a in range(0, oh, step)]


def forward(
    xp: Any, x: Any, w: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    """The convolution, (N, O, OH, OW)."""
    o, cg, kh, kw = w.shape
    wins = windows(xp, x, (kh, kw), stride, padding, dilation)
    oh, ow, n = wins.shape[3:]
    k = cg * kh * kw
    w3 = w.reshape(groups, o // groups, k)
    parts = blocks(wins, 1 << 20)
    if len(parts) == 1:
        out = _product(xp, w3, xp.ascontiguousarray(wins).reshape(groups, k, -1)).reshape(o, -1)
    else:
        out = np.empty((o, oh * ow * n), dtype=w.dtype)
        for rows in parts:
            cols = np.ascontiguousarray(wins[:, :, :, rows]).reshape(groups, k, -1)
            to = slice(rows.start * ow * n, rows.stop * ow * n)
            out[:, to] = _product(xp, w3, cols).reshape(o, -1)
    return out.reshape(o, oh, ow, n).transpose(3, 0, 1, 2)


def _product(xp: Any, a: Any, b: Any) -> Any:
    return a[0].dot(b[0]) if a.shape[0] == 1 else xp.matmul(a, b)


def input_grad(
    xp: Any, g: Any, w: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int, size: Pair
) -> Any:
    """What each output pixel pays back to its window, (N, C, H, W)."""
    o, cg, kh, kw = w.shape
    n, _, oh, ow = g.shape
    ph, pw = padding
    c, h, wd = cg * groups, size[0] + 2 * ph, size[1] + 2 * pw
    gt = to_chwn(xp, g)
    out = xp.zeros((c, h, wd, n), dtype=g.dtype)
    wt = w.reshape(groups, o // groups, -1).transpose(0, 2, 1)
    # As in blocks(): columns of many megabytes are made and used up a few rows at a time.
    big = c * kh * kw * oh * ow * n * g.itemsize
    step = oh if big < 1 << 23 or type(g) is not np.ndarray else max(1, (oh << 21) // big)
    for a in range(0, oh, step):
        rows = min(step, oh - a)
        part = gt if step >= oh else gt[:, a : a + rows]
        cols = _product(xp, wt, part.reshape(groups, o // groups, -1))
        _pay_back(xp, out, cols.reshape(c, kh, kw, rows, ow, n), a, stride, dilation)
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
            rows[:, :, offsets(i * dh, sh, oh)] += cols[:, i]
        for j in range(kw):
            out[:, :, offsets(j * dw, sw, ow)] += rows[:, j]
        return
    for i in range(kh):
        for j in range(kw):
            out[:, offsets(top + i * dh, sh, oh), offsets(j * dw, sw, ow)] += cols[:, i, j]


def weight_grad(
    xp: Any, x: Any, g: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int, kernel: Pair
) -> Any:
    """The products of windows with output gradients, (O, C / groups, kh, kw)."""
    o, c, (kh, kw) = g.shape[1], x.shape[1], kernel
    cg = c // groups
    wins = windows(xp, x, kernel, stride, padding, dilation)
    gt = to_chwn(xp, g)
    out: Any = None
    for rows in blocks(wins, 1 << 22):
        cols = xp.ascontiguousarray(wins[:, :, :, rows]).reshape(groups, cg * kh * kw, -1)
        part = gt if rows == slice(0, gt.shape[1]) else gt[:, rows]
        # (columns, O) and not (O, columns): OpenBLAS takes half the time for the tall result.
        got = _product(xp, cols, part.reshape(groups, o // groups, -1).transpose(0, 2, 1))
        out = got if out is None else xp.add(out, got, out=out)
    out = out.reshape(groups, cg * kh * kw, o // groups)
    return xp.ascontiguousarray(out.transpose(0, 2, 1)).reshape(o, cg, kh, kw)
