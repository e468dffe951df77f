"""Whether one example can see another: the batch's axis is followed from the data to the loss.

An axis is followed only through ops of which it is known what they do to it; at any other the rule has
nothing to say. A finding needs an op that mixes examples *and* a layer with parameters behind it, so that the
means of the loss itself, and what is made of them, are no findings.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from graphscope.analysis.rules.case import Case
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.wires import Wires

_SAME = frozenset(
    {
        "relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu", "elu", "leaky_relu", "softplus", "mish", "exp", "log",
        "sqrt", "square", "abs", "neg", "dropout", "feature_dropout", "alpha_dropout", "clamp", "clamp_min",
        "clamp_max", "clamp_between", "cast", "clone", "pow", "reciprocal", "rsqrt", "sin", "cos", "hardtanh",
        "hardswish", "hardsigmoid", "to_device", "copied", "masked_fill", "logsigmoid", "log1p", "expm1",
    }
)  # fmt: skip
_TOGETHER = frozenset(
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
_LOSSES = frozenset(
    {
        "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss",
        "smooth_l1_loss",
    }
)  # fmt: skip


def leak(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """An op that computes one example's values from another's, in front of a layer with parameters."""
    for id in case.graphs():
        wires = case.wires(id)
        size = _batch_size(wires)
        if size is None or size < settings["batch"]:
            continue
        for i, why in _mixers(wires, size):
            layer = _layer_behind(wires, i)
            if layer is None:
                continue
            yield Hit(
                case.last_step(id),
                f"{wires.ops[i]} {why}, and {wires.graph.scope_path(layer) or wires.ops[layer]} goes on with the result: "
                f"each of the {size} examples sees the others.",
                {"batch": size, "op": wires.ops[i], "layer": wires.ops[layer]}, id, (i, layer), wires.site(i),
                key=wires.graph.key(i),
            )  # fmt: skip
            break


def _batch_size(wires: Wires) -> int | None:
    """How many examples the loss is over: the extent of the first axis of what it compares."""
    for root in wires.roots:
        for i in sorted(wires.before(root), reverse=True):
            if i >= 0 and wires.ops[i] in _LOSSES:
                shape = wires.shape(wires.inputs(i)[0])
                if shape and len(shape) >= 1:
                    return shape[0]
    return None


def _mixers(wires: Wires, size: int) -> Iterator[tuple[int, str]]:
    """Ops that mix the axis of the batch, with what they do."""
    axis: dict[int, int] = {}
    reduced: dict[
        int, int
    ] = {}  # values that are sums over all examples -> the op that made them so
    for k in range(wires.graph.n_ports):
        shape = wires.shape(-1 - k)
        if wires.graph.port_kind(k) != "input" or not shape or shape[0] != size:
            continue
        if shape.count(size) > 1 and len(shape) > 2:
            continue  # which of them the batch is cannot be known
        axis[-1 - k] = 0
    for i in range(len(wires)):
        if not wires.is_forward(i):
            continue
        given = wires.inputs(i)
        before = next((reduced[v] for v in given if v in reduced), None)
        followed = [(k, v) for k, v in enumerate(given) if v in axis]
        if before is not None:
            if followed:
                yield (
                    before,
                    "works over the whole batch, and its result meets the single examples again",
                )
            elif wires.ops[i] in _SAME | _TOGETHER:
                reduced[i] = before
            continue
        if not followed:
            continue
        to, mixes = _through(wires, i, followed, axis)
        if mixes:
            yield i, mixes
        elif to == -1:
            reduced[i] = i
        elif to is not None:
            axis[i] = to


def _through(
    wires: Wires, i: int, followed: list[tuple[int, int]], axis: dict[int, int]
) -> tuple[int | None, str]:
    """Where the axis is in the result (-1: summed away, None: not known), and whether it was mixed."""
    op, params = wires.ops[i], wires.params(i)
    place, v = followed[0]
    at, shape, out = axis[v], wires.shape(v) or (), wires.shape(i) or ()
    if op in _SAME:
        return at, ""
    if op in _ANY or op in _FIRST:
        return (at, "") if at == 0 else (None, "")
    if op in _TOGETHER:
        ends = {len(wires.shape(x) or ()) - axis[x] for _, x in followed}
        extent = shape[at]
        if len(ends) > 1 or len(out) < min(ends) or out[-min(ends)] != extent:
            return None, ""
        return len(out) - ends.pop(), ""
    if op == "linear" or (op in ("matmul", "mm") and place == 0 and len(followed) == 1):
        if place == 0 and at < len(shape) - 1:
            return at, ""
        return None, f"multiplies along the axis of the batch {_shape(shape)}" if place == 0 else ""
    if op == "addmm" and place == 1:
        return (
            (at, "")
            if at == 0
            else (None, f"multiplies along the axis of the batch {_shape(shape)}")
        )
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
            return None, f"runs along the axis of the batch (axis {at} of {_shape(shape)})"
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
        return -1
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
                f"reads {_shape(shape)} as {_shape(out)}: the extents change places and the numbers do not"
            )
    return None, ""


def _layer_behind(wires: Wires, i: int) -> int | None:
    """The first op behind that has parameters of its own and gets a gradient."""
    parameters = {p.value for p in wires.parameters}
    for u in sorted(wires.after(i) & wires.differentiated):
        if any(wires.origin(v) in parameters for v in wires.inputs(u)):
            return u
    return None


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


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


RULES = (
    Rule(
        "cross-sample-leak", "One example sees the others of its batch", "warning", "structure",
        "What the model says of an example depends on what else is in the batch. Training looks good, and single "
        "examples, or another batch size, give something else.",
        "Work along the features (dim=-1), swap axes with transpose instead of reshape, and tell modules where the "
        "batch is (batch_first=True).",
        leak, {"batch": 2}, source="TheDeepChecker; Karpathy, a recipe for training neural networks",
        link="https://karpathy.github.io/2019/04/25/recipe/", about={"batch": "least number of examples"},
    ),
)  # fmt: skip
