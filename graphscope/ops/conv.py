"""Convolutions in one and two dimensions and their transposes, as rows.

A convolution is linear in the image and in the weights. Its two gradients are rows of their own, and
each of the three rows is differentiated with the other two; that is all double backward needs. How the
numbers are computed is in conv_rows, conv_depthwise and conv_columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops import conv_columns, conv_depthwise, conv_rows
from graphscope.ops.conv_columns import Pair, out_size
from graphscope.ops.samples import arrays

# One-dimensional convolutions are images of one row: (N, C, L) is (N, C, 1, L).


def _lift(*tensors: Any) -> list[Any]:
    return [t[:, :, None] for t in tensors]


def _pairs(first: int, *values: tuple[int, ...]) -> list[Pair]:
    return [(first, v[0]) for v in values]


def _conv(
    xp: Any, x: Any, w: Any, b: Any = None, *, stride: Any, padding: Any, dilation: Any,
    groups: int = 1, size: Any = None, kernel: Any = None,
) -> Any:  # fmt: skip
    _rule(x.shape, w.shape, None if b is None else b.shape, stride=stride, padding=padding,
          dilation=dilation, groups=groups)  # fmt: skip
    if len(x.shape) == 3:
        x, w = _lift(x, w)
        stride, dilation = _pairs(1, stride, dilation)
        return _conv2d(xp, x, w, b, stride, (0, padding[0]), dilation, groups)[:, :, 0]
    return _conv2d(xp, x, w, b, stride, padding, dilation, groups)


def _conv2d(
    xp: Any, x: Any, w: Any, b: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    hw = tuple(
        out_size(x.shape[2 + k], w.shape[2 + k], stride[k], padding[k], dilation[k]) for k in (0, 1)
    )
    if type(x) is np.ndarray and x.size:
        if conv_depthwise.fits(x.shape[1], w.shape, groups):
            t = conv_rows.row_major(x)
            return conv_rows.logical(
                conv_depthwise.forward(t, w, b, stride, padding, dilation, hw)  # type: ignore[arg-type]
            )
        if conv_rows.fits(x.shape[0], hw[1], dilation):
            t = conv_rows.row_major(x)
            return conv_rows.logical(
                conv_rows.forward(t, w, b, stride, padding, dilation[1], hw, groups)  # type: ignore[arg-type]
            )
    out = conv_columns.forward(xp, x, w, stride, padding, dilation, groups)
    if b is not None:
        out += b[:, None, None]
    return out


def _input_grad(
    xp: Any, g: Any, w: Any, b: Any = None, *, stride: Any, padding: Any, dilation: Any,
    groups: int = 1, size: Any = None, kernel: Any = None,
) -> Any:  # fmt: skip
    if len(g.shape) == 3:
        g, w = _lift(g, w)
        stride, dilation = _pairs(1, stride, dilation)
        args = (stride, (0, padding[0]), dilation, groups, (1, size[0]))
        out = _input_grad2d(xp, g, w, *args)[:, :, 0]
    else:
        out = _input_grad2d(xp, g, w, stride, padding, dilation, groups, size)
    if b is not None:
        out += b.reshape(-1, *(1,) * (len(out.shape) - 2))
    return out


def _input_grad2d(
    xp: Any, g: Any, w: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int, size: Pair
) -> Any:
    if type(g) is np.ndarray and g.size:
        if conv_depthwise.fits(groups, w.shape, groups):
            t = conv_rows.row_major(g)
            return conv_rows.logical(
                conv_depthwise.input_grad(t, w, stride, padding, dilation, size)
            )
        if conv_rows.fits(g.shape[0], g.shape[3], dilation):
            t = conv_rows.row_major(g)
            return conv_rows.logical(
                conv_rows.input_grad(t, w, stride, padding, dilation[1], size, groups)
            )
    return conv_columns.input_grad(xp, g, w, stride, padding, dilation, groups, size)


def _weight_grad(
    xp: Any, x: Any, g: Any, *, stride: Any, padding: Any, dilation: Any, groups: int = 1,
    size: Any = None, kernel: Any = None,
) -> Any:  # fmt: skip
    if len(x.shape) == 3:
        x, g = _lift(x, g)
        stride, dilation, kernel = _pairs(1, stride, dilation, kernel)
        return _weight_grad2d(xp, x, g, stride, (0, padding[0]), dilation, groups, kernel)[:, :, 0]
    return _weight_grad2d(xp, x, g, stride, padding, dilation, groups, kernel)


def _weight_grad2d(
    xp: Any, x: Any, g: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int, kernel: Pair
) -> Any:
    if type(x) is np.ndarray and x.size and g.size:
        if conv_depthwise.fits(x.shape[1], (g.shape[1], x.shape[1] // groups), groups):
            args = conv_rows.row_major(x), conv_rows.row_major(g)
            return conv_depthwise.weight_grad(*args, kernel, stride, padding, dilation)
        if conv_rows.fits(g.shape[0], g.shape[3], dilation):
            args = conv_rows.row_major(x), conv_rows.row_major(g)
            return conv_rows.weight_grad(*args, kernel, stride, padding, dilation[1], groups)
    return conv_columns.weight_grad(xp, x, g, stride, padding, dilation, groups, kernel)


# ---------------------------------------------------------------- rules


_LAYOUT = {1: "(N, C, L)", 2: "(N, C, H, W)"}


def _rule(
    x: tuple[int, ...], w: tuple[int, ...], b: Any = None, *, stride: Any, padding: Any,
    dilation: Any, groups: int = 1, **_: Any,
) -> tuple[int, ...]:  # fmt: skip
    d = len(w) - 2
    if len(x) != d + 2:
        raise ShapeError(
            f"the input must be {_LAYOUT.get(d, f'of {d + 2} dimensions')}, this one is {tuple(x)}; "
            "add a batch with x[None]"
        )
    if x[1] != w[1] * groups:
        raise ShapeError(
            f"the weights {tuple(w)} take {w[1] * groups} channels, the input {tuple(x)} has {x[1]} "
            "(its second dimension)"
        )
    if w[0] % groups:
        raise ShapeError(f"groups={groups} must divide the {w[0]} output channels")
    if b is not None and tuple(b) != (w[0],):
        raise ShapeError(
            f"the bias must have {w[0]} elements, one per output channel; it is {tuple(b)}"
        )
    padded = tuple(x[2 + k] + 2 * padding[k] for k in range(d))
    out = [out_size(padded[k], w[2 + k], stride[k], 0, dilation[k]) for k in range(d)]
    if min(out) < 1:
        spread = tuple(dilation[k] * (w[2 + k] - 1) + 1 for k in range(d))
        raise ShapeError(
            f"the kernel covers {_times(spread)} pixels, the padded input has only {_times(padded)}; "
            "use a smaller kernel or more padding"
        )
    return (x[0], w[0], *out)


def _times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def _transpose_rule(
    x: tuple[int, ...], w: tuple[int, ...], b: Any = None, *, groups: int = 1, size: Any = None,
    **_: Any,
) -> tuple[int, ...]:  # fmt: skip
    d = len(w) - 2
    if len(x) != d + 2:
        raise ShapeError(f"the input must be {_LAYOUT.get(d)}, this one is {tuple(x)}")
    if x[1] != w[0]:
        raise ShapeError(f"the weights {tuple(w)} take {w[0]} channels, the input has {x[1]}")
    channels = w[1] * groups
    if b is not None and tuple(b) != (channels,):
        raise ShapeError(f"the bias must have {channels} elements; it is {tuple(b)}")
    return (x[0], channels, *size)


def _flops(x: Any, w: Any, *rest: Any, **params: Any) -> int:
    n, o, *spatial = _rule(tuple(x.shape), tuple(w.shape), **params)
    return int(2 * n * np.prod(spatial) * w.size)


def _channel_sum(F: Any, g: Any) -> Any:
    axes = (0, *range(2, g.ndim))
    return F.sum(g, axis=axes, keepdims=False, shape=tuple(g.shape))


# ---------------------------------------------------------------- rows


def _rows(d: int, samples: Any, grad_samples: Any, up_samples: Any, errors: Any) -> list[Op]:
    """The rows of convolutions in ``d`` dimensions.

    ``size`` of the image and ``kernel`` are what the gradients need to know of shapes; as params they
    keep no array alive.
    """
    name = f"conv{d}d"
    again = f"{name}_input_grad", f"{name}_weight_grad"
    values = ("size", "kernel")

    def run(F: Any, which: str, a: Any, b: Any, *params: Any) -> Any:
        keys = ("stride", "padding", "dilation", "groups", "size", "kernel")
        return getattr(F, which)(a, b, **dict(zip(keys, params, strict=True)))

    forward = Op(
        name, _conv, tex=r"{x} \star {w}", family="linalg", values=values, shape=_rule,
        vjp=dict(
            x=lambda F, g, w, stride, padding, dilation, groups, size, kernel: run(
                F, again[0], g, w, stride, padding, dilation, groups, size, kernel),
            w=lambda F, g, x, stride, padding, dilation, groups, size, kernel: run(
                F, again[1], x, g, stride, padding, dilation, groups, size, kernel),
            b=_channel_sum,
        ),
        flops=_flops, samples=samples, errors=errors,
        doc="Slide the kernels w over the images x: cross-correlation, as in torch.",
    )  # fmt: skip
    backward = dict(
        g=lambda F, h, w, stride, padding, dilation, groups, size, kernel: run(
            F, name, h, w, stride, padding, dilation, groups, size, kernel),
        w=lambda F, h, g, stride, padding, dilation, groups, size, kernel: run(
            F, again[1], h, g, stride, padding, dilation, groups, size, kernel),
    )  # fmt: skip
    input_grad = Op(
        again[0], lambda xp, g, w, *, stride, padding, dilation, groups=1, size=None, kernel=None:
            _input_grad(xp, g, w, stride=stride, padding=padding, dilation=dilation, groups=groups, size=size),
        tex=r"{g} \ast {w}", family="linalg", values=values, vjp=backward,
        jvp="multilinear", flops=lambda g, w, **_: 2 * g.size * w[0].size, samples=grad_samples[0],
        doc=f"The gradient of {name} for its image: each output pixel pays back to its window.",
    )  # fmt: skip
    weight_grad = Op(
        again[1], _weight_grad, tex=r"{x} \star {g}", family="linalg", values=values,
        vjp=dict(
            x=lambda F, h, g, stride, padding, dilation, groups, size, kernel: run(
                F, again[0], g, h, stride, padding, dilation, groups, size, kernel),
            g=lambda F, h, x, stride, padding, dilation, groups, size, kernel: run(
                F, name, x, h, stride, padding, dilation, groups, size, kernel),
        ),
        jvp="multilinear", samples=grad_samples[1],
        flops=lambda x, g, kernel, **_: int(2 * g.size * x.shape[1] * np.prod(kernel)),
        doc=f"The gradient of {name} for its kernels.",
    )  # fmt: skip
    transposed = Op(
        f"conv_transpose{d}d", lambda xp, x, w, b=None, *, stride, padding, dilation, groups=1, size=None, kernel=None:
            _input_grad(xp, x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups, size=size),
        tex=r"{x} \ast {w}", family="linalg", values=values, shape=_transpose_rule,
        vjp=dict(
            x=backward["g"],
            w=lambda F, h, x, stride, padding, dilation, groups, size, kernel: run(
                F, again[1], h, x, stride, padding, dilation, groups, size, kernel),
            b=_channel_sum,
        ),
        flops=lambda x, w, *rest, **_: 2 * x.size * w[0].size, samples=up_samples,
        doc=f"The transpose of {name}: each pixel of x paints its kernel into a larger image.",
    )  # fmt: skip
    return [forward, input_grad, weight_grad, transposed]


def _how(stride: Any = 1, padding: Any = 0, dilation: Any = 1, d: int = 2, **rest: Any) -> Any:
    """Params with numbers made pairs."""
    given = dict(stride=stride, padding=padding, dilation=dilation)
    return {k: v if isinstance(v, tuple) else (v,) * d for k, v in given.items()} | rest


_TWO = _rows(
    2,
    samples=(
        arrays((2, 3, 5, 6), (4, 3, 3, 2), (4,), **_how(size=(5, 6), kernel=(3, 2))),
        arrays((2, 2, 6, 5), (3, 2, 3, 3), **_how(2, (1, 0), size=(6, 5), kernel=(3, 3))),
        arrays((1, 2, 7, 7), (2, 2, 4, 4), (2,), **_how(1, 2, size=(7, 7), kernel=(4, 4))),
        arrays((2, 4, 5, 5), (6, 2, 2, 2), (6,), **_how(1, 0, (2, 1), size=(5, 5), kernel=(2, 2), groups=2)),
        arrays((3, 2, 4, 4), (3, 2, 1, 1), **_how(size=(4, 4), kernel=(1, 1))),
        arrays((0, 2, 4, 4), (3, 2, 2, 2), (3,), **_how(size=(4, 4), kernel=(2, 2))),
        arrays((2, 3, 5, 4), (3, 1, 3, 2), (3,), **_how((2, 1), 1, size=(5, 4), kernel=(3, 2), groups=3)),
    ),
    grad_samples=(
        (
            arrays((2, 4, 3, 5), (4, 3, 3, 2), **_how(size=(5, 6), kernel=(3, 2))),
            arrays((2, 3, 3, 2), (3, 2, 3, 3), **_how(2, (1, 0), size=(6, 5), kernel=(3, 3))),
        ),
        (
            arrays((2, 3, 5, 6), (2, 4, 3, 5), **_how(size=(5, 6), kernel=(3, 2))),
            arrays((2, 2, 6, 5), (2, 3, 3, 2), **_how(2, (1, 0), size=(6, 5), kernel=(3, 3))),
        ),
    ),
    up_samples=(
        arrays((2, 3, 3, 2), (3, 2, 3, 2), (2,), **_how(2, (1, 0), size=(6, 4), kernel=(3, 2))),
        arrays((1, 4, 3, 3), (4, 1, 2, 2), **_how(1, 0, 2, size=(5, 5), kernel=(2, 2), groups=2)),
    ),
    errors=(
        ((2, 3, 5, 5), (4, 2, 3, 3), _how(), "take 2 channels"),
        ((2, 3, 2, 2), (4, 3, 3, 3), _how(), "kernel covers"),
        ((3, 5, 5), (4, 3, 3, 3), _how(), "(N, C, H, W)"),
        ((2, 3, 5, 5), (4, 3, 3, 3), (5,), _how(), "bias"),
    ),
)  # fmt: skip
_ONE = _rows(
    1,
    samples=(
        arrays((2, 3, 7), (4, 3, 3), (4,), **_how(2, 1, d=1, size=(7,), kernel=(3,))),
        arrays((1, 4, 6), (4, 2, 2), **_how(1, 0, 2, d=1, size=(6,), kernel=(2,), groups=2)),
    ),
    grad_samples=(
        (arrays((2, 4, 4), (4, 3, 3), **_how(2, 1, d=1, size=(7,), kernel=(3,))),),
        (arrays((2, 3, 7), (2, 4, 4), **_how(2, 1, d=1, size=(7,), kernel=(3,))),),
    ),
    up_samples=(arrays((2, 3, 4), (3, 2, 3), (2,), **_how(2, 1, d=1, size=(8,), kernel=(3,))),),
    errors=(((2, 3, 5, 5), (4, 3, 3), _how(d=1), "(N, C, L)"),),
)
ROWS = [*_TWO, *_ONE]
