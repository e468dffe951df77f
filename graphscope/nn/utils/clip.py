"""Gradients that are too long are made shorter."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from graphscope.engine.explain import at_line
from graphscope.engine.modes import no_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError, UsageTypeError
from graphscope.ops import functions as fn

__all__ = [
    "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"
]  # fmt: skip


def _list(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _grads(parameters: Any) -> list[Any]:
    if not isinstance(parameters, (Tensor, Iterable)):
        raise at_line(
            UsageTypeError,
            f"clipping takes parameters, one or a list of them, not {type(parameters).__name__}",
        )
    return [p.grad for p in _list(parameters) if p.grad is not None]


def _norm(a: Any, p: float) -> Any:
    if p == 2:
        # A float32 sum of squares overflows from 1e19 on, as torch's does.
        return np.sqrt(np.add.reduce(np.square(a), axis=None))
    size = np.absolute(a)
    if p == math.inf:
        return size.max()
    if p == -math.inf:
        return size.min()
    if p == 0:
        return (size != 0).sum().astype(a.dtype)
    return np.add.reduce(size**p, axis=None) ** (1 / p)


def _tensor(number: Any) -> Any:
    return Tensor(np.asarray(number) if isinstance(number, np.generic) else number)


@no_grad()
def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:  # fmt: skip
    """The norm of all tensors as if they were one vector.

    Raises: RuntimeError if it is infinite or NaN and ``error_if_nonfinite`` is set.
    """
    arrays = [t._a for t in _list(tensors)]
    p = float(norm_type)
    if not arrays:
        return Tensor(np.zeros((), np.float32))
    device = _list(tensors)[0].device
    norms = [_tensor(_norm(a, p)).to(device) for a in arrays]
    total: Tensor = _tensor(_norm(fn.stack(norms)._a, p))
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise at_line(
            RangeError,
            f"the gradients of {len(arrays)} parameters have the norm {total.item()} (order {p:g}), and scaling by it makes "
            "them 0 or nan. detect_anomaly() finds the op that it comes from; error_if_nonfinite=False scales all the same",
        )
    return total


@no_grad()
def clip_grads_with_norm_(
    parameters: Any, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale the gradients so that a total norm above ``max_norm`` becomes it."""
    share: Any = fn.clamp(fn.div(float(max_norm), fn.add(total_norm, 1e-6)), max=1.0)
    for g in _grads(parameters):
        g.mul_(share.to(g.device))


@no_grad()
def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """Limit the norm of all gradients together, in place; gives the norm that they had."""
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    elif not isinstance(parameters, list):
        parameters = list(parameters)
        if not parameters:
            warnings.warn(
                "clip_grad_norm_ got no parameters and clips nothing. A generator such as model.parameters() "
                "is empty once it was gone through; call it again.",
                stacklevel=3,
            )
    total = get_total_norm(_grads(parameters), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """The old name of ``clip_grad_norm_``."""
    warnings.warn(
        "clip_grad_norm is an old name; write clip_grad_norm_.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


@no_grad()
def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Limit each element of the gradients to [-clip_value, clip_value], in place."""
    limit = float(clip_value)
    for g in _grads(parameters):
        g.copy_(fn.clamp(g, -limit, limit))
