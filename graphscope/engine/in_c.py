"""The plain cases of running a row, in C (``_straight.c``, ``_general.c``): what they are told of it at import.

Two thirds of what an op costs beside its kernel are so spared, and less memory is touched after a kernel that has
swept the caches. Where there is no compiler, or GRAPHSCOPE_PURE is set, everything is done in Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphscope.engine.numbered import compiled
from graphscope.engine.op import Op, Plan

_MOST = 16  # params of a row that runs straight
_able = False


def start(**names: Any) -> None:
    """Give C what it needs of the engine, by names; rows made from now on may run there."""
    global _able
    _able = compiled is not None and compiled.runs_with({**names, "Plan": Plan})


def is_able(row: Op) -> bool:
    """Whether the row's straight path can ask C first."""
    return _able and len(row.params) <= _MOST


def takes_arrays_only(row: Op) -> bool:
    """Whether the kernel for numpy's arrays does without the module as its first argument."""
    return isinstance(row.kernel, str) or hasattr(row.kernel, "numpy")


def straight(row: Op, kernel: Callable[..., Any], like: bool) -> Any:
    """``run(input, [other], params...)``: the output, or None before anything was done.

    kernel: for numpy's arrays. like: whether a repeated op is known by its params and shape too.
    """
    masks = range(1 << row.n)
    plans = [row.plan(mask) if mask & ~row.wanted == 0 else None for mask in masks]
    kept = [0 if plan is None else _bits(row, plan) for plan in plans]
    facts = (
        "b" * (row.broadcast and row.n == 2) + "f" * row.floats + "a" * row.aux + "v" * row.view
        # The result of such a row may be integer, and then has no gradient.
        + "r" * bool(row.params or not row.broadcast) + "l" * like
    )  # fmt: skip
    params = tuple(row.params)
    key = tuple(params.index(p) for p in row.static)
    first = None if takes_arrays_only(row) else np
    assert compiled is not None
    return compiled.Straight(
        row, kernel, first, params, key, tuple(plans), tuple(kept), row.n, row.wanted, facts
    )


def _bits(row: Op, plan: Plan) -> int:
    kept = sum(1 << i for i, k in enumerate(plan.kept) if k)
    return kept | 4 * plan.keep_out | 8 * (plan.keep_aux and row.aux)


def general(row: Op, kernel: Callable[..., Any], slow: Callable[..., Any]) -> Callable[..., Any]:
    """``run(*inputs, **params)``: any row where its inputs are plain; else ``slow``, which does the same."""
    if not _able:
        return slow
    equal = row.inputs == ("*",)
    keeps = equal and any(0 in w.take for w in row.wants)
    facts = (
        "b" * row.broadcast + "f" * row.floats + "a" * row.aux + "m" * row.multi + "v" * row.view
        + "w" * row.writes + "1" * row.mask_first + "t" * row.tail + "*" * equal + "k" * keeps
    )  # fmt: skip
    first: Any = None
    into = getattr(row.kernel, "into", None)
    if into is not None:  # a function of numpy's that takes where to write as one more array
        kernel, facts = getattr(np, into), facts + "u"
    elif not takes_arrays_only(row):
        first, kernel = np, row.kernel  # type: ignore[assignment]
    made: Callable[..., Any] = compiled.General(
        row,
        kernel,
        first,
        slow,
        row.plans,
        row.plan,
        row.static,
        row.params,
        row.n,
        row.wanted,
        facts,
    )
    return made
