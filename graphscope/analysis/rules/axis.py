"""What each op does to one axis of its input: where it goes, and whether what lies along it is mixed."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from graphscope.analysis.rules.wires import Wires

GONE = -1  # summed away

SAME = frozenset(
    {
        "relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu", "elu", "leaky_relu", "softplus", "mish", "exp", "log",
        "sqrt", "square", "abs", "neg", "dropout", "feature_dropout", "alpha_dropout", "clamp", "clamp_min",
        "clamp_max", "clamp_between", "cast", "clone", "pow", "reciprocal", "rsqrt", "sin", "cos", "hardtanh",
        "hardswish", "hardsigmoid", "to_device", "copied", "masked_fill", "logsigmoid", "log1p", "expm1",
    }
)  # fmt: skip
TOGETHER = frozenset(
    {"add", "sub", "mul", "div", "add_", "sub_", "mul_", "div_", "maximum", "minimum", "where"}
)
_OVER = frozenset(
    {
        "softmax", "log_softmax", "cumsum", "cumprod", "flip", "roll", "sort", "logcumsumexp", "standardize",
        "cummax", "cummin",
    }
)  # fmt: skip
# Means and variances over the batch are left out: they are a batch norm of somebody's own.
_REDUCE = frozenset({"sum", "amax", "amin", "max", "min", "norm", "logsumexp", "prod", "median"})
_FIRST = frozenset(
    {
        "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "max_pool1d", "max_pool2d", "avg_pool1d",
        "avg_pool2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "group_norm",
        "instance_norm", "interpolate",
    }
)  # fmt: skip
_RESHAPES = frozenset({"reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze"})
_ANY = frozenset({"batch_norm", "batch_norm_eval"})


def through(
    wires: Wires, i: int, followed: list[tuple[int, int]], axis: dict[int, int]
) -> tuple[int | None, str]:
    """Where the axis is in the result (``GONE``: summed away, None: not known), and how it was mixed."""
    op, params = wires.ops[i], wires.params(i)
    place, v = followed[0]
    at, shape, out = axis[v], wires.shape(v) or (), wires.shape(i) or ()
    if op in SAME:
        return at, ""
    if op in _ANY or op in _FIRST:
        return (at, "") if at == 0 else (None, "")
    if op in TOGETHER:
        ends = {len(wires.shape(x) or ()) - axis[x] for _, x in followed}
        extent = shape[at]
        if len(ends) > 1 or len(out) < min(ends) or out[-min(ends)] != extent:
            return None, ""
        return len(out) - ends.pop(), ""
    along = f"multiplies along the axis of the batch {shape_text(shape)}"
    if op in ("matmul", "mm") and len(followed) == 2:
        both = {axis[x] for _, x in followed}
        return (
            (0, "")
            if both == {0} and len(shape) > 2
            else (None, "multiplies examples with each other")
        )
    if op == "linear" or op in ("matmul", "mm"):
        if place or len(shape) < 2:
            return None, ""
        return (at, "") if at < len(shape) - 1 else (None, along)
    if op == "split_heads":  # (batch, length, width) -> (batch, heads, length, width)
        return {0: 0, 1: 2}.get(at), ""
    if op == "merge_heads":
        return {0: 0, 2: 1}.get(at), ""
    if op in ("attention_scores", "attention_values", "attention_weights"):
        if at < len(shape) - 2:
            return at, ""
        # Without another axis that is taken for the batch it is one sequence, and its steps are meant.
        batched = len(shape) == 4 and shape[0] > 1
        where = f"attends along the axis of the batch (axis {at} of {shape_text(shape)})"
        return None, where if batched else ""
    if op == "addmm" and place == 1:
        return (at, "") if at == 0 else (None, along)
    if op == "embedding" and place == 1:
        return at, ""
    if op == "layer_norm" or op == "rms_norm":
        axes = _axes(params.get("axes"), len(shape))
        return (at, "") if axes is not None and at not in axes else (None, "")
    if op in _OVER:
        axes = _axes(params.get("axis"), len(shape))
        if axes is None:
            return None, ""
        if at in axes:
            return None, f"runs along the axis of the batch (axis {at} of {shape_text(shape)})"
        return at, ""
    if op in _REDUCE:
        return _reduced(params, at, len(shape)), ""
    if op == "transpose" or op == "permute":
        return _turned(params, at, len(shape)), ""
    if op in _RESHAPES:
        return _reshaped(shape, out, at)
    return None, ""


def _reduced(params: Mapping[str, object], at: int, ndim: int) -> int | None:
    axes = range(ndim) if params.get("axis") is None else _axes(params.get("axis"), ndim)
    if axes is None:
        return None
    if at in axes:
        return GONE
    keeps = bool(params.get("keepdims"))
    return at if keeps else at - sum(1 for a in axes if a < at)


def _turned(params: Mapping[str, object], at: int, ndim: int) -> int | None:
    order = _numbers(params.get("axes") or params.get("order") or params.get("dims"))
    if order is not None and len(order) == ndim:
        return [a % ndim for a in order].index(at)
    a, b = params.get("a", params.get("dim0")), params.get("b", params.get("dim1"))
    if isinstance(a, int) and isinstance(b, int):
        a, b = a % ndim, b % ndim
        return b if at == a else a if at == b else at
    return None


def _reshaped(shape: tuple[int, ...], out: tuple[int, ...], at: int) -> tuple[int | None, str]:
    """An axis stays itself where as many numbers stand in front of it and it has the same extent."""
    before = _product(shape[:at])
    for k, extent in enumerate(out):
        if extent == shape[at] and _product(out[:k]) == before:
            return k, ""
    if at == 0 and len(out) >= 2 and out[0] != shape[0]:
        size = shape[0]
        # (N, T, C) as (T, N, C): the extents are there, in another order, and the numbers are not moved.
        if size in out[1:] and out[0] in shape[1:] and sorted(out) == sorted(shape):
            return None, (
                f"reads {shape_text(shape)} as {shape_text(out)}: the extents change places and the numbers do not"
            )
    return None, ""


def _axes(value: object, ndim: int) -> set[int] | None:
    if isinstance(value, int):
        return {value % ndim} if ndim else set()
    found = _numbers(value)
    return None if found is None else {a % ndim for a in found}


def _numbers(value: object) -> list[int] | None:
    """Tuples stand as texts in a trace."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return None
    if isinstance(value, (list, tuple)) and all(isinstance(a, int) for a in value):
        return list(value)
    return None


def _product(shape: tuple[int, ...]) -> int:
    n = 1
    for extent in shape:
        n *= extent
    return n


def shape_text(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"
