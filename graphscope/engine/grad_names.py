"""What torch would call a node of the graph in ``grad_fn=<MulBackward0>``.

Ours are named after the op that the user called; torch's after the op that its dispatcher ended in, with a
number for the overload. Where both agree, the name of the row does; the rest stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FIXED = {
    "square": "Pow0", "clamp": "Clamp1", "norm": "LinalgVectorNorm0", "cast": "ToCopy0", "to_device": "ToCopy0",
    "reshape": "View0", "flatten": "View0", "unflatten": "View0", "add_scaled": "Add0", "sub_scaled": "Sub0",
    "diag": "Diagonal0_copy", "narrow": "Slice0", "einsum": "View0", "linear": "Addmm0", "outer": "Mul0",
    "cross_entropy": "NllLoss0", "layer_norm": "NativeLayerNorm0", "batch_norm": "NativeBatchNorm0",
    "group_norm": "NativeGroupNorm0", "dropout": "Mul0", "conv1d": "Convolution0", "conv2d": "Convolution0",
    "conv_transpose1d": "Convolution0", "conv_transpose2d": "Convolution0", "matmul": "Bmm0",
    "max_pool1d": "Squeeze1", "max_pool2d": "MaxPool2DWithIndices0", "interpolate": "UpsampleNearest2D0",
    "normal": "Normal1", "setitem": "CopySlices", "filled": "Fill0", "copied": "Copy0", "max": "Max0", "min": "Min0",
}  # fmt: skip


def _overload(param: str) -> Callable[[Any], str]:
    """0 for the whole tensor, 1 for some dimensions."""

    def number(node: Any) -> str:
        whole = (node.params or {}).get(param) is None
        return f"{node.row.name.title()}{0 if whole else 1}"

    return number


def _extreme(node: Any) -> str:
    whole = (node.params or {}).get("axis") is None
    return {"amax": "Max1", "amin": "Min1"}[node.row.name] if whole else f"{node.row.name.title()}0"


def _number_first(instead: str) -> Callable[[Any], str]:
    """Another name where the left operand is a number, as in ``1 - x``."""

    def name(node: Any) -> str:
        number = node.shapes is not None and node.shapes[0] == () and node.wants[0].slot == 1
        return instead if number else f"{node.row.name.title()}0"

    return name


def _pow(node: Any) -> str:
    slots = {w.slot for w in node.wants}
    if slots == {0} and node.shapes is not None and node.shapes[1] == ():
        return "Pow0"
    return "Pow2" if slots == {1} and node.shapes is not None and node.shapes[0] == () else "Pow1"


def _getitem(node: Any) -> str:
    """torch takes one step for each part of an index; the last one names the node."""
    last = "Alias0"
    for part in node.params["index"]:
        if part is None:
            last = "Unsqueeze0"
        elif isinstance(part, int):
            last = "Select0"
        elif isinstance(part, slice) and part != slice(None):
            last = "Slice0"
    return last


def _mean_of(node: Any) -> str:
    """Losses that torch puts together from other ops and a reduction."""
    reduction: str = (node.params or {}).get("reduction", "mean")
    alone: str = node.row.name.title().replace("_", "") + "0"
    return {"mean": "Mean0", "sum": "Sum0"}.get(reduction, alone)


BY_NODE: dict[str, Callable[[Any], str]] = {
    "sum": _overload("axis"), "mean": _overload("axis"), "squeeze": _overload("dim"), "amax": _extreme,
    "amin": _extreme, "sub": _number_first("Rsub1"), "div": _number_first("Mul0"), "pow": _pow, "getitem": _getitem,
    "l1_loss": _mean_of, "kl_div": _mean_of,
}  # fmt: skip


def grad_name(node: Any) -> str:
    """Such as ``MulBackward0``."""
    row = node.row.name
    chosen = BY_NODE.get(row)
    name = FIXED.get(row) if chosen is None else chosen(node)
    if name is None:
        return f"{row.title().replace('_', '')}Backward0"
    if name == "CopySlices":
        return name
    head, digit, tail = name.rpartition(next(c for c in reversed(name) if c.isdigit()))
    return f"{head}Backward{digit}{tail}"
