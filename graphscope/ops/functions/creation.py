"""New tensors, and questions about dtypes: the functions of the engine that belong on the public face."""

from __future__ import annotations

from graphscope.engine.bridges import from_dlpack
from graphscope.engine.create import (
    as_tensor,
    asarray,
    empty,
    empty_strided,
    eye,
    from_numpy,
    frombuffer,
    full,
    ones,
    scalar_tensor,
    tensor,
    zeros,
)
from graphscope.engine.create_like import (
    empty_like,
    full_like,
    ones_like,
    zeros_like,
)
from graphscope.engine.create_like import new_empty as new_empty
from graphscope.engine.create_like import new_full as new_full
from graphscope.engine.create_like import new_ones as new_ones
from graphscope.engine.create_like import new_tensor as new_tensor
from graphscope.engine.create_like import new_zeros as new_zeros
from graphscope.engine.create_ranges import arange, linspace, logspace, tril_indices, triu_indices
from graphscope.engine.device import get_default_device, set_default_device
from graphscope.engine.dtype import get_default_dtype, set_default_dtype
from graphscope.engine.dtype_facts import (
    can_cast,
    finfo,
    iinfo,
    is_complex,
    is_floating_point,
    is_storage,
    is_tensor,
    promote_types,
    result_type,
)
from graphscope.engine.print_options import set_printoptions

__all__ = [
    "arange", "as_tensor", "asarray", "can_cast", "empty", "empty_like", "empty_strided", "eye",
    "finfo", "from_dlpack", "from_numpy", "frombuffer", "full", "full_like", "get_default_device",
    "get_default_dtype", "iinfo", "is_complex", "is_floating_point", "is_storage", "is_tensor",
    "linspace", "logspace", "ones", "ones_like", "promote_types", "result_type", "scalar_tensor",
    "set_default_device", "set_default_dtype", "set_printoptions", "tensor", "tril_indices",
    "triu_indices", "zeros", "zeros_like",
]  # fmt: skip
# Those that are methods of Tensor only.
METHODS = ["new_empty", "new_full", "new_ones", "new_tensor", "new_zeros"]
