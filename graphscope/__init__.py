"""GraphScope: see what a training does. Torch's names, and ``profile``, ``draw``, ``dashboard``."""

from __future__ import annotations

from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi
from typing import Any

from graphscope.engine.malloc import keep_freed_memory as _keep_freed_memory

_keep_freed_memory()  # before numpy takes its first big array

from graphscope import ops as _ops  # noqa: E402
from graphscope.engine.device import device
from graphscope.engine.dtype import (
    bfloat16,
    complex64,
    complex128,
    dtype,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from graphscope.engine.dtype import bool_ as bool
from graphscope.engine.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from graphscope.engine.settings import (
    are_deterministic_algorithms_enabled,
    get_float32_matmul_precision,
    get_num_interop_threads,
    get_num_threads,
    is_deterministic_algorithms_warn_only_enabled,
    set_float32_matmul_precision,
    set_flush_denormal,
    set_num_interop_threads,
    set_num_threads,
    use_deterministic_algorithms,
)
from graphscope.engine.size import Size
from graphscope.engine.storage import (
    UntypedStorage,
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from graphscope.engine.tensor import Tensor as _Tensor
from graphscope.errors import GraphScopeError
from graphscope.errors import OutOfMemory as OutOfMemoryError
from graphscope.ops.constructors import (
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
    Tensor,
    set_default_tensor_type,
)
from graphscope.ops.functions import *
from graphscope.ops.functions import __all__ as _functions
from graphscope.ops.random import default_generator
from graphscope.record.scope import scope
from graphscope.record.session import profile

# Torch's function; the package of trace files, which has the same name, is loaded by now.
trace = _ops.functions.trace

# The functions of tensors list themselves in graphscope/ops/functions.
__all__ = [
    *_functions,
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "GraphScopeError",
    "HalfTensor", "IntTensor", "LongTensor", "OutOfMemoryError", "ShortTensor", "Size", "Tensor",
    "UntypedStorage", "accelerator", "are_deterministic_algorithms_enabled", "autograd",
    "backends", "bfloat16", "bool", "breakpoint", "channels_last", "channels_last_3d", "compare", "complex128",
    "complex64", "contiguous_format", "cuda", "dashboard", "datasets", "debug", "default_generator",
    "device", "double", "draw", "draw_pair", "dtype", "e", "enable_grad", "figures", "float", "float16", "float32",
    "float64", "get_float32_matmul_precision", "get_num_interop_threads", "get_num_threads",
    "half", "inf", "inference_mode", "int", "int16", "int32", "int64", "int8",
    "is_deterministic_algorithms_warn_only_enabled", "is_grad_enabled",
    "is_inference_mode_enabled", "layout", "load", "long", "memory_format", "nan", "nn",
    "no_grad", "open_run", "optim", "pi", "preserve_format", "profile", "profiler", "random", "save", "scope",
    "serialization", "set_default_tensor_type", "set_float32_matmul_precision",
    "set_flush_denormal", "set_grad_enabled", "set_num_interop_threads", "set_num_threads",
    "short", "strided", "tunable", "uint16", "uint32", "uint64", "uint8", "use_deterministic_algorithms",
    "utils", "version",
]  # fmt: skip

__version__ = "0.1.0"
float = float32
double = float64
half = float16
long = int64
int = int32
short = int16
newaxis = None

_LAZY = {
    "accelerator": "graphscope.accelerator",
    "backends": "graphscope.backends",
    "cuda": "graphscope.cuda",
    "random": "graphscope.random",
    "version": "graphscope.version",
    "figures": "graphscope.figures",
    "linalg": "graphscope.linalg",
    "nn": "graphscope.nn",
    "optim": "graphscope.optim",
    "utils": "graphscope.utils",
    "autograd": "graphscope.autograd",
    "profiler": "graphscope.profiler",
    "datasets": "graphscope.datasets",
    "serialization": "graphscope.serialization",
}
# Torch has these of nn.functional at its top too.
_LAYERS = frozenset(
    """
    adaptive_avg_pool1d adaptive_max_pool1d alpha_dropout avg_pool1d batch_norm bilinear
    binary_cross_entropy_with_logits celu_ channel_shuffle conv1d conv2d conv_transpose1d conv_transpose2d
    cosine_embedding_loss cosine_similarity dropout embedding embedding_bag feature_alpha_dropout group_norm
    hinge_embedding_loss instance_norm kl_div layer_norm margin_ranking_loss max_pool1d
    max_pool1d_with_indices max_pool2d pairwise_distance pixel_shuffle pixel_unshuffle poisson_nll_loss relu_
    rms_norm rrelu_ selu_ threshold_ triplet_margin_loss
    """.split()
)


def __getattr__(name: str) -> Any:
    import importlib

    if name in _LAZY:
        return importlib.import_module(_LAZY[name])
    if name in ("load", "save"):
        from graphscope import serialization

        return getattr(serialization, name)
    if name == "draw":
        from graphscope.record.capture import draw

        return draw
    if name == "draw_pair":
        from graphscope.record.pairs import draw_pair

        return draw_pair
    if name == "compare":
        from graphscope.record.compare import compare

        return compare
    if name in ("breakpoint", "debug"):
        from graphscope.record import debugging

        return getattr(debugging, name)
    if name == "tunable":
        from graphscope.record.tunables import tunable

        return tunable
    if name == "open_run":
        from graphscope.analysis.run import open_run

        return open_run
    if name == "dashboard":
        from graphscope.webapp.launch import dashboard

        return dashboard
    if name in _LAYERS:
        return getattr(importlib.import_module("graphscope.nn.functional"), name)
    if name.endswith("_") and not name.startswith("_") and name[:-1] in _functions:
        method = getattr(_Tensor, name, None)
        if method is not None:  # torch.exp_(x) is x.exp_()
            return method
    import difflib

    near = difflib.get_close_matches(name, [*globals(), *_LAZY, "draw", "dashboard"], 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise AttributeError(f"graphscope has no {name!r} yet{hint}")
