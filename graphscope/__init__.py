"""GraphScope: see what a training does. Torch's names, and ``profile``, ``draw``, ``dashboard``."""

from __future__ import annotations

from typing import Any

from graphscope.engine.malloc import keep_freed_memory as _keep_freed_memory

_keep_freed_memory()  # before numpy takes its first big array

from graphscope import ops as _ops  # noqa: E402
from graphscope.engine.create import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    tensor,
    zeros,
    zeros_like,
)  # fmt: skip
from graphscope.engine.device import device
from graphscope.engine.dtype import (
    bool_ as bool,
)  # fmt: skip
from graphscope.engine.dtype import (
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
)
from graphscope.engine.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from graphscope.engine.tensor import Size, Tensor
from graphscope.errors import GraphScopeError
from graphscope.ops.functions import *
from graphscope.ops.functions import __all__ as _functions
from graphscope.ops.random import Generator, manual_seed
from graphscope.record.scope import scope
from graphscope.record.session import profile

# The functions of tensors list themselves in graphscope/ops/functions.
__all__ = [
    *_functions,
    "Generator", "GraphScopeError", "Size", "Tensor", "arange", "as_tensor", "autograd", "bool",
    "dashboard", "datasets", "device", "double", "draw", "dtype", "empty", "empty_like",
    "enable_grad", "eye", "float", "float16", "float32", "float64", "from_numpy", "full",
    "full_like", "get_default_dtype", "half", "inference_mode", "int", "int16", "int32", "int64",
    "int8", "is_grad_enabled", "linspace", "long", "manual_seed", "nn", "no_grad", "ones",
    "ones_like", "optim", "profile", "rand", "rand_like", "randint", "randn", "randn_like",
    "randperm", "scope", "set_default_dtype", "set_grad_enabled", "tensor", "uint8", "utils",
    "zeros", "zeros_like",
]  # fmt: skip

__version__ = "0.1.0"
float = float32
double = float64
half = float16
long = int64
int = int32

_LAZY = {
    "nn": "graphscope.nn",
    "optim": "graphscope.optim",
    "utils": "graphscope.utils",
    "autograd": "graphscope.autograd",
    "datasets": "graphscope.datasets",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name in _LAZY:
        return importlib.import_module(_LAZY[name])
    if name == "draw":
        from graphscope.record.capture import draw

        return draw
    if name == "dashboard":
        from graphscope.webapp.launch import dashboard

        return dashboard
    import difflib

    near = difflib.get_close_matches(name, [*globals(), *_LAZY, "draw", "dashboard"], 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise AttributeError(f"graphscope has no {name!r} yet{hint}")
