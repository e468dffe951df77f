"""A step that repeats is followed in place: is the op that just ran the one that was predicted?

The recorder predicts each step to be like the one before. ``plan[i]`` is ``(plan, u, v, where)``: what the next op
or gradient looks like if nothing has changed. One that is so, its inputs' numbers being ``rids[u]`` and ``rids[v]``,
has its times stored and gets its number; for all others the answer is no, and the recorder is called.

This runs for every op, mostly when the arrays of the op before have swept the processor's caches, so what counts
is how much memory it touches. Hence it is written in C too (``_follow.c``, compiled when the package is installed,
where there is a compiler). The functions here do the same where it is not, or where GRAPHSCOPE_PURE is set.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope.engine.modes import _enabled
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor

VERSION = 1  # of what the compiled module offers; one that was left behind by an older version is not used


class PureFollower:
    """What a recorder that follows keeps, all of it for the functions below.

    i: the next node of the step. where: scope and phase as one number. thread: whose ops are recorded. plan: the
    entries. rids: numbers of the step's values, nodes first. told: the shapes of the step before. calls: the nodes
    as calls (``record.track.Call``). The others say which module is open and what the next op means.
    """

    i: int
    where: int
    thread: int
    plan: Any
    rids: list[int]
    told: Any
    calls: list[Any]
    kind: str | None
    root: Any
    stack: list[int]
    token: Any
    scope: int
    phase: int
    inside: int
    after: bool
    unsettled: bool
    __slots__ = (
        "i", "where", "thread", "plan", "rids", "told", "calls", "kind", "root", "stack", "token", "scope", "phase",
        "inside", "after", "unsettled", "_begins", "_ends",
    )  # fmt: skip

    def times(self, begin: Any, end: Any) -> None:
        """Store the times of this step in two arrays of 64-bit integers (None twice: follow nothing).

        The arrays are not resized while they are here.
        """
        self._begins, self._ends = begin, end

    def again(
        self, there: list[Any], before: int, base: int, n: int, ports: int, span: int, phase: int
    ) -> None:
        """Begin a step that is predicted to be as the one before.

        there: weak references to what came in through its ports: what still has a number of that step, of which
        the numbers began with ``before``, comes in again. base: where the numbers of the new step begin; nodes
        are ``n``, ports begin at ``base + ports``. There are ``2**span`` numbers in a step. phase: that
        it begins with.
        """
        at = base + ports
        self.rids = rids = [*range(base, base + n), *range(at, at + len(there))]
        for k, reference in enumerate(there, n):
            x = reference()
            if x is not None and not (x._rid - before) >> span:
                x._rid = rids[k]
        self.kind = self.root = None
        self.i = self.scope = self.inside = 0
        self.phase = self.where = phase
        self.after, self.unsettled = False, True
        self.stack = []


def pure_follow(rec: Any, plan: Any, a: Any, b: Any, out: Any, node: Any, t0: int, t1: int) -> bool:
    """Note an op if it is the one that comes next; whether it was.

    plan: the op's, which says what it is and whose gradients are wanted; shape and dtype follow from the inputs'.
    b: None if there is one input; node: None if there is no gradient. t0, t1: nanoseconds.
    """
    i = rec.i
    expected, u, v, where = rec.plan[i]
    if (
        expected is not plan
        or (rec.unsettled and not _settled(rec, node))
        or a._rid is not rec.rids[u]
        or (b is not None and b._rid is not rec.rids[v])
        or rec.where != where
        or get_ident() != rec.thread
    ):
        return False
    rec._begins[i] = t0
    rec._ends[i] = t1
    out._rid = rid = rec.rids[i]
    if node is not None:
        node.rid = rid
    rec.i = i + 1
    return True


def _settled(rec: Any, node: Any) -> bool:
    """Whether an op that does not write belongs to the running step, and nothing has to be decided."""
    if rec.after:
        return not rec.inside and not _enabled.get()
    return bool(rec.kind == "eval" and node is None)


def pure_follow_like(
    rec: Any, plan: Any, key: Any, array: Any, a: Any, b: Any, out: Any, node: Any, t0: int, t1: int
) -> bool:  # fmt: skip
    """The same for an op whose dtype and shape do not follow from its inputs: its params are compared too."""
    i = rec.i
    expected = rec.plan[i][0]
    if (
        type(expected) is not tuple
        or expected[0] is not plan
        or expected[1] != key
        or expected[2] is not array.dtype
        or rec.told.of_nodes[i] != array.shape
    ):
        return False
    return pure_follow(rec, expected, a, b, out, node, t0, t1)


def pure_follow_grad(rec: Any, want: Any, node: Any, t0: int, t1: int) -> bool:
    """Note a gradient if it is the one that comes next; whether it was."""
    i = rec.i
    expected, twin, _, _ = rec.plan[i]
    if expected is not want or node.rid is not rec.rids[twin] or get_ident() != rec.thread:
        return False
    rec._begins[i] = t0
    rec._ends[i] = t1
    rec.i = i + 1
    return True


def pure_is_finite(array: Any) -> bool:
    """Whether all numbers of an array of numpy's are finite."""
    total = float(np.add.reduce(array, axis=None))
    return total - total == 0 or bool(np.isfinite(array).all())


def _no(*told: Any) -> bool:
    """The recorder has to be called."""
    return False


def _compiled() -> Any:
    """The compiled module, or None."""
    if os.environ.get("GRAPHSCOPE_PURE"):
        return None
    # It runs under Python's lock: a Python without one would switch it on again.
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return None
    try:
        found = import_module("graphscope.engine._follow")
    except ImportError:
        return None  # installed where there is no compiler
    if getattr(found, "VERSION", 0) != VERSION:
        return None
    found.bind(Tensor, Node, _enabled)
    return found


_c = _compiled()
COMPILED = _c is not None
if TYPE_CHECKING:
    Follower = PureFollower
else:
    Follower = getattr(_c, "Follower", PureFollower)
follow = getattr(_c, "follow", pure_follow)
follow_like = getattr(_c, "follow_like", pure_follow_like)
follow_grad = getattr(_c, "follow_grad", pure_follow_grad)
is_finite = getattr(_c, "is_finite", pure_is_finite)
# What only spares a call: ``Recorder`` has methods that do the same.
# follow_call(rec, op, params, a, b, rest, out, t0, t1, node): any op, as ``Recorder.op`` is told of it
# follow_leaf(rec, tensor), enter(rec, module, its dict), leave(rec)
follow_call = getattr(_c, "follow_call", _no)
follow_leaf = getattr(_c, "follow_leaf", _no)
enter = getattr(_c, "enter", _no)
leave = getattr(_c, "leave", _no)
