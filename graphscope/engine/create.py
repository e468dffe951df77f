"""Everything that makes a new tensor: from data or filled, in a range, like another tensor."""

from __future__ import annotations

from graphscope.engine.create_filled import as_tensor as as_tensor
from graphscope.engine.create_filled import asarray as asarray
from graphscope.engine.create_filled import empty as empty
from graphscope.engine.create_filled import empty_strided as empty_strided
from graphscope.engine.create_filled import eye as eye
from graphscope.engine.create_filled import from_numpy as from_numpy
from graphscope.engine.create_filled import frombuffer as frombuffer
from graphscope.engine.create_filled import full as full
from graphscope.engine.create_filled import made as made
from graphscope.engine.create_filled import numpy_dtype as numpy_dtype
from graphscope.engine.create_filled import ones as ones
from graphscope.engine.create_filled import scalar_tensor as scalar_tensor
from graphscope.engine.create_filled import size_among as size_among
from graphscope.engine.create_filled import sizes as sizes
from graphscope.engine.create_filled import tensor as tensor
from graphscope.engine.create_filled import to_device as to_device
from graphscope.engine.create_filled import written as written
from graphscope.engine.create_filled import zeros as zeros
from graphscope.engine.create_like import empty_like as empty_like
from graphscope.engine.create_like import full_like as full_like
from graphscope.engine.create_like import new_empty as new_empty
from graphscope.engine.create_like import new_full as new_full
from graphscope.engine.create_like import new_ones as new_ones
from graphscope.engine.create_like import new_tensor as new_tensor
from graphscope.engine.create_like import new_zeros as new_zeros
from graphscope.engine.create_like import ones_like as ones_like
from graphscope.engine.create_like import zeros_like as zeros_like
from graphscope.engine.create_ranges import arange as arange
from graphscope.engine.create_ranges import linspace as linspace
from graphscope.engine.create_ranges import logspace as logspace
from graphscope.engine.create_ranges import tril_indices as tril_indices
from graphscope.engine.create_ranges import triu_indices as triu_indices
