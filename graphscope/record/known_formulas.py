"""Gradient formulas as textbooks write them, for ops whose program asks for shapes on the way.

``gradient_formulas`` finds the others by running an op's gradient on symbols. ``\\bar{y}`` is the incoming
gradient, ``y`` the output; a transpose is the one of matrices.
"""

from __future__ import annotations

_PRODUCT = {"a": r"\bar{y}\,b^T", "b": r"a^T\,\bar{y}"}
_SUMMED = {"x": r"\sum \bar{y}"}
_LARGEST = {"x": r"\bar{y} \odot (x = y)"}
_NORMALIZED = {
    "x": r"\frac{\partial y}{\partial x}^T \bar{y}", "w": r"\sum \bar{y} \odot \hat{x}", "b": r"\sum \bar{y}",
}  # fmt: skip

KNOWN: dict[str, dict[str, str]] = {
    "linear": {"x": r"\bar{y}\,w", "w": r"\bar{y}^T\,x", "b": r"\sum \bar{y}"},
    "matmul": _PRODUCT,
    "bmm": _PRODUCT,
    "mv": {"a": r"\bar{y}\,b^T"},
    "addmm": {"c": r"\bar{y}", **_PRODUCT},
    "addmv": {"c": r"\bar{y}", **_PRODUCT},
    "mean": {"x": r"\frac{1}{n} \bar{y}"},
    "amax": _LARGEST,
    "amin": _LARGEST,
    "max": _LARGEST,
    "min": _LARGEST,
    "var": {"x": r"\frac{2}{n - 1} \bar{y} \odot (x - \mu)"},
    "std": {"x": r"\frac{1}{n - 1} \bar{y} \odot (x - \mu) / y"},
    "transpose": {"x": r"\bar{y}^T"},
    "permute": {"x": r"\bar{y}^T"},
    "expand": _SUMMED,
    "broadcast_to": _SUMMED,
    "repeat": _SUMMED,
    "det": {"x": r"\bar{y}\,y\,x^{-T}"},
    "trace": {"x": r"\bar{y}\,I"},
    "conv1d": {"b": r"\sum \bar{y}"},
    "conv2d": {"b": r"\sum \bar{y}"},
    "conv_transpose2d": {"b": r"\sum \bar{y}"},
    "layer_norm": _NORMALIZED,
    "batch_norm": _NORMALIZED,
    "group_norm": _NORMALIZED,
    "instance_norm": _NORMALIZED,
}
