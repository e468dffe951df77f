"""Tensors as text, in torch's style."""

from __future__ import annotations

from typing import Any

import numpy as np


def tensor_repr(t: Any) -> str:
    """``tensor([1., 2.], requires_grad=True)``."""
    a = np.asarray(t._host())
    if a.dtype.kind == "f":
        body = _floats(a)
    else:
        body = np.array2string(a, separator=", ", prefix="tensor(", threshold=1000, edgeitems=3)
    extra = []
    if a.dtype not in (np.float32, np.int64, np.bool_):
        extra.append(f"dtype=torch.{t.dtype.name}")
    if t.device.type != "cpu":
        extra.append(f"device='{t.device}'")
    if t._node is not None:
        extra.append(f"grad_fn=<{t._node.name}0>")
    elif t._rg:
        extra.append("requires_grad=True")
    if a.size == 0:
        body = "[]"
        if a.ndim != 1:
            extra.insert(0, f"size={tuple(a.shape)}")
    return f"tensor({', '.join([body, *extra])})"


def _floats(a: Any) -> str:
    finite = np.abs(a[np.isfinite(a) & (a != 0)]).astype(float)
    whole = bool(finite.size == 0 or np.all(finite == np.floor(finite)))
    scientific = bool(finite.size) and bool(
        finite.max() >= 1e8
        or (not whole and (finite.min() < 1e-4 or finite.max() / finite.min() > 1000))
    )

    def one(x: Any) -> str:
        if scientific:
            return f"{x:.4e}"
        if whole:
            return f"{x:.0f}." if np.isfinite(x) else f"{x}"
        return f"{x:.4f}"

    # numpy pads to a common width only in its own formatter; pad here
    width = max((len(one(v)) for v in _shown(a)), default=0) if a.ndim else 0
    text = np.array2string(
        a,
        separator=", ",
        prefix="tensor(",
        threshold=1000,
        edgeitems=3,
        formatter={"float": lambda x: one(x).rjust(width)},
    )
    return str(text)


def _shown(a: Any) -> Any:
    if a.size <= 1000:
        return a.ravel()
    for axis in range(a.ndim):
        if a.shape[axis] > 6:
            a = np.concatenate([a.take(range(3), axis), a.take(range(-3, 0), axis)], axis)
    return a.ravel()
