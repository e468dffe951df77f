"""Torch's functions in torch's spelling (dim, keepdim) on top of the rows: one file per family.

A family lists its public names in ``__all__`` and those that are methods of Tensor too in ``METHODS``;
both lists are gathered here, so that a new function is one function and its name in its own file.
"""

from graphscope.ops.functions import (  # noqa: E402
    activation,
    arithmetic,
    arranging,
    asking,
    choice,
    compare,
    creation,
    filling,
    indexing,
    joining,
    linalg,
    moments,
    numeric,
    pointwise,
    reduce,
    sampling,
    scattering,
    shape,
    solving,
    sorting,
    special,
    spectra,
    statistics,
)
from graphscope.ops.functions.activation import *
from graphscope.ops.functions.arithmetic import *
from graphscope.ops.functions.arranging import *
from graphscope.ops.functions.asking import *
from graphscope.ops.functions.choice import *
from graphscope.ops.functions.compare import *
from graphscope.ops.functions.creation import *  # noqa: E402
from graphscope.ops.functions.indexing import *
from graphscope.ops.functions.joining import *
from graphscope.ops.functions.linalg import *
from graphscope.ops.functions.moments import *
from graphscope.ops.functions.numeric import *
from graphscope.ops.functions.pointwise import *
from graphscope.ops.functions.reduce import *
from graphscope.ops.functions.sampling import *  # noqa: E402
from graphscope.ops.functions.scattering import *
from graphscope.ops.functions.shape import *
from graphscope.ops.functions.shape import to_dtype as to_dtype
from graphscope.ops.functions.solving import *
from graphscope.ops.functions.sorting import *
from graphscope.ops.functions.special import *
from graphscope.ops.functions.spectra import *
from graphscope.ops.functions.statistics import *

FAMILIES = [
    creation,
    asking,
    filling,
    sampling,
    activation,
    arithmetic,
    pointwise,
    special,
    choice,
    compare,
    reduce,
    statistics,
    numeric,
    moments,
    shape,
    arranging,
    joining,
    linalg,
    indexing,
    scattering,
    sorting,
    solving,
    spectra,
]
__all__ = [name for family in FAMILIES for name in family.__all__]  # noqa: PLE0604
