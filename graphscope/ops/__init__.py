"""The op table: every row, in one explicit list, and the two ways to run a formula.

``NUMPY.<op>`` runs a row's kernel on plain arrays; ``DIFF.<op>`` runs it through dispatch on tensors.
A row's gradient is written once against either.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from graphscope.engine import dispatch
from graphscope.engine.op import Op
from graphscope.ops import (
    arithmetic,
    compare,
    conv,
    index,
    inplace,
    linalg,
    loss,
    pointwise,
    pool,
    reduce,
    shape,
    softmax,
    update,
)

FAMILIES = [
    arithmetic, pointwise, compare, reduce, shape, index, linalg, conv, pool, softmax, loss, update, inplace,
]  # fmt: skip

TABLE: dict[str, Op] = {}
for _family in FAMILIES:
    for _row in _family.ROWS:
        if _row.name in TABLE:
            raise TypeError(f"two rows are called {_row.name!r}")
        _row.id = len(TABLE)
        TABLE[_row.name] = _row


class Plain:
    """Every row's kernel on the arrays of one backend; an op with aux gives its output only."""

    def __init__(self, kind: type) -> None:
        for row in TABLE.values():
            kernel = dispatch.bind(row, kind)
            setattr(self, row.name, partial(_first, kernel) if row.aux else kernel)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a gradient uses F.{name}, but the op table has no such row")


def _first(kernel: Any, /, *args: Any, **params: Any) -> Any:
    return kernel(*args, **params)[0]


class Diff:
    """Every row as a differentiable function on tensors."""

    def __init__(self) -> None:
        for row in TABLE.values():
            setattr(self, row.name, partial(dispatch.call, row))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a gradient uses F.{name}, but the op table has no such row")


NUMPY = Plain(np.ndarray)
DIFF = F = Diff()
PLAIN: dict[type, Plain] = {np.ndarray: NUMPY}


def plain(kind: type) -> Plain:
    """The kernels for arrays of type ``kind``."""
    found = PLAIN.get(kind)
    if found is None:
        found = PLAIN[kind] = Plain(kind)
    return found


from graphscope.ops import methods as _methods  # noqa: E402 - needs the table

_methods.attach()
