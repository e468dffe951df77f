"""A function with its inputs at one place, for ``graphscope.compare``: calling it runs forward and backward once."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from graphscope.engine.backend import backend_of
from graphscope.engine.tensor import Tensor


class Call:
    """The function with its inputs at one place; calling it runs forward and backward once."""

    def __init__(self, fn: Any, args: list[Any], named: dict[str, Any], backward: bool) -> None:
        self.fn, self.args, self.named, self.backward = fn, args, named, backward
        self.leaves = [x for x in (*args, *named.values()) if isinstance(x, Tensor) and x._rg]
        if hasattr(fn, "parameters"):
            self.leaves += list(fn.parameters())
        self.seeds: list[Any] | None = None

    def __call__(self) -> None:
        for leaf in self.leaves:
            leaf._grad = None
        outs = [t for t in _tensors(self.fn(*self.args, **self.named)) if t._rg]
        if not self.backward or not outs:
            return
        if self.seeds is None or len(self.seeds) != len(outs):
            self.seeds = [_ones(t) for t in outs]
        for k, (out, seed) in enumerate(zip(outs, self.seeds, strict=True)):
            out.backward(seed, retain_graph=k + 1 < len(outs))


def prepared(fn: Any, inputs: Any, device: str, dtype: Any, backward: bool) -> Call:
    """Copies of the inputs, and of a module, at one place, in one dtype (None: as they are)."""
    if hasattr(fn, "named_parameters"):
        fn = copy.deepcopy(fn).to(device)
        if dtype is not None:
            fn = fn.to(dtype)
    named_inputs = dict(inputs) if isinstance(inputs, Mapping) else {}
    listed = [] if named_inputs else list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
    args = [_moved(x, device, dtype) for x in listed]
    return Call(fn, args, {k: _moved(x, device, dtype) for k, x in named_inputs.items()}, backward)


def _moved(x: Any, device: str, dtype: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    new: Any = x.detach().clone()  # type: ignore[attr-defined]
    if dtype is not None and x._a.dtype.kind == "f":
        new = new.to(dtype)
    new = new.to(device).detach()
    new._name = x._name
    return new.requires_grad_(x._rg)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [t for part in value for t in _tensors(part)] if isinstance(value, (tuple, list)) else []


def _ones(out: Tensor) -> Tensor:
    """The gradient that a backward begins with: made once, so that it is in no timing."""
    host = np.ones(out._a.shape, out._a.dtype)
    return Tensor(backend_of(out.device).asarray(host))
