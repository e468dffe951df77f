"""Torch's functions in torch's spelling (dim, keepdim) on top of the rows: one file per family.

A family lists its public names in ``__all__`` and those that are methods of Tensor too in ``METHODS``;
both lists are gathered here, so that a new function is one function and its name in its own file.
"""

from graphscope.ops.functions import arithmetic, compare, linalg, pointwise, reduce, shape
from graphscope.ops.functions.arithmetic import *
from graphscope.ops.functions.compare import *
from graphscope.ops.functions.linalg import *
from graphscope.ops.functions.pointwise import *
from graphscope.ops.functions.reduce import *
from graphscope.ops.functions.shape import *
from graphscope.ops.functions.shape import to_dtype as to_dtype

FAMILIES = [arithmetic, pointwise, compare, reduce, shape, linalg]
__all__ = [name for family in FAMILIES for name in family.__all__]  # noqa: PLE0604
