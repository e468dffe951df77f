"""Questions about dtypes: what two of them become, what fits into one, how fine and how wide it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.dtype import dtype
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that both fit into, by torch's rules.

    Example:
        >>> promote_types(dtypes.int64, dtypes.float16)
        torch.float16
    """
    return dtypes.FROM_NUMPY[dtypes.promote(type1.np, 1, type2.np, 1)]


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype of an arithmetic operation on two tensors or numbers."""
    tiers: list[Any] = [None, None, None]  # tensors with dimensions, 0-d tensors, Python numbers
    for x in (tensor1, tensor2):
        if isinstance(x, Tensor):
            tier, d = (0 if x._a.ndim else 1), x._a.dtype
        else:
            tier, d = 2, dtypes.of(type(x)).np
        tiers[tier] = d if tiers[tier] is None else dtypes.promote(tiers[tier], 1, d, 1)
    found = None
    for d in tiers:
        if d is not None:
            found = d if found is None else dtypes.promote(found, 1, d, 0)
    return dtypes.FROM_NUMPY[found]


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether torch's promotion allows values of ``from_`` to be written into ``to``."""
    if from_.is_floating_point and not to.is_floating_point:
        return False
    return to is not dtypes.bool_ or from_ is dtypes.bool_


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are floating numbers."""
    return bool(input._a.dtype.kind == "f")


def is_complex(input: Tensor) -> bool:
    """False: GraphScope has no complex tensors."""
    return False


def is_storage(obj: Any) -> bool:
    """Whether ``obj`` is the storage of a tensor."""
    from graphscope.engine.storage import UntypedStorage

    return isinstance(obj, UntypedStorage)


class finfo:  # noqa: N801 - torch's name
    """Limits of a floating dtype: bits, eps, max, min, tiny, smallest_normal, resolution."""

    def __init__(self, type: dtype | None = None) -> None:
        d = type or dtypes.get_default_dtype()
        if not d.is_floating_point:
            raise DTypeError(f"finfo is about floating dtypes, {d} is not one; use iinfo")
        facts = np.finfo(d.np)
        self.bits = int(facts.bits)
        self.eps = float(facts.eps)
        self.max = float(facts.max)
        self.min = float(facts.min)
        self.tiny = self.smallest_normal = float(facts.smallest_normal)
        self.resolution = 10.0**-facts.precision
        self.dtype = d.name

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


class iinfo:  # noqa: N801 - torch's name
    """Limits of an integer dtype: bits, max, min."""

    def __init__(self, type: dtype) -> None:
        if type.is_floating_point or type is dtypes.bool_ or type.is_complex:
            raise DTypeError(f"iinfo is about integer dtypes, {type} is not one; use finfo")
        facts = np.iinfo(type.np)
        self.bits, self.max, self.min = int(facts.bits), int(facts.max), int(facts.min)
        self.dtype = type.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)
