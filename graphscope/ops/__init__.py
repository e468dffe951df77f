"""The op table: every row, in one explicit list, and the two ways to run a formula.

``NUMPY.<op>`` runs a row's kernel on plain arrays; ``DIFF.<op>`` runs it through dispatch on tensors.
A row's gradient is written once against either.
"""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from graphscope.engine import dispatch, straight
from graphscope.engine import quiet as quiet
from graphscope.engine.op import Op
from graphscope.ops import (
    activation,
    arithmetic,
    arrange,
    attention,
    choice,
    compare,
    conv,
    conversion,
    decompose,
    dropout,
    dual,
    einsum,
    embedding,
    fold,
    gamma,
    index,
    inplace,
    join,
    linalg,
    loss,
    loss_pairs,
    loss_soft,
    moments,
    norm,
    norm_local,
    pad,
    pointwise,
    pool,
    positions,
    random,
    recurrent,
    reduce,
    resample,
    rowwise,
    scan,
    scatter,
    shape,
    softmax,
    sort,
    special,
    spectral,
    statistics,
    update,
    update_adaptive,
    update_other,
)

FAMILIES = [
    arithmetic, pointwise, special, gamma, choice, compare, reduce, positions, scan, moments, statistics, shape, arrange, join, index, scatter, rowwise, sort, linalg, einsum, decompose, spectral, conv, pool, fold, pad, resample, norm, norm_local, dropout, embedding, softmax, loss, loss_pairs, loss_soft, recurrent, attention, update, update_adaptive, update_other,
    inplace,
    dual,
    activation,
    random,
    conversion,
]  # fmt: skip

TABLE: dict[str, Op] = {}
for _family in FAMILIES:
    for _row in _family.ROWS:
        if _row.name in TABLE:
            raise TypeError(f"two rows are called {_row.name!r}")
        _row.id = len(TABLE)
        TABLE[_row.name] = _row
        dispatch.straighten(_row)
straight.codes.save()


def _formulas(ways: dict[str, Any]) -> Any:
    """What formulas know as ``F``. A module, since Python finds a name in no other object as fast."""
    made = ModuleType("F")
    made.__dict__.update(ways, __getattr__=_no_such_row)
    return made


def _no_such_row(name: str) -> Any:
    raise AttributeError(f"a gradient uses F.{name}, but the op table has no such row")


def Plain(kind: type) -> Any:  # noqa: N802 - one for each kind of array
    """Every row's kernel on the arrays of one backend; an op with aux gives its output only."""
    kernels = {row.name: (row, dispatch.bind(row, kind)) for row in TABLE.values()}
    return _formulas(
        {
            name: partial(_first, kernel) if row.aux else kernel
            for name, (row, kernel) in kernels.items()
        }
    )


def _first(kernel: Any, /, *args: Any, **params: Any) -> Any:
    return kernel(*args, **params)[0]


NUMPY = Plain(np.ndarray)
# Every row as a differentiable function on tensors.
DIFF = F = _formulas({row.name: partial(dispatch.call, row) for row in TABLE.values()})
DIFF.__dict__.update(dual.WAYS)
PLAIN: dict[type, Any] = {np.ndarray: NUMPY}


def plain(kind: type) -> Any:
    """The kernels for arrays of type ``kind``."""
    found = PLAIN.get(kind)
    if found is None:
        found = PLAIN[kind] = Plain(kind)
    return found


from graphscope.ops import methods as _methods  # noqa: E402 - needs the table

_methods.attach()
