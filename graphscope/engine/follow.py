"""A step that repeats is followed in place: is the op that just ran the one that was predicted?

The recorder predicts each step to be like the one before. ``plan[i]`` is ``(plan, u, v, where)``: what the next op
or gradient looks like if nothing has changed. One that is so, its inputs being at the places ``u`` and ``v``, has its
times stored and gets its number; for all others the answer is no, and the recorder is called.

This runs for every op, mostly when the arrays of the op before have swept the processor's caches, so what counts
is how much memory it touches. Hence it is written in C too (``_follow.c``, compiled when the package is installed,
where there is a compiler). The functions here do the same where it is not, or where GRAPHSCOPE_PURE is set.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from threading import get_ident
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphscope.engine.modes import _enabled
from graphscope.engine.numbered import compiled
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor

SPAN = 24  # there are 2**24 numbers in a step: values, and from here on
PORT = 1 << 23  # those of what comes in from before the step
HEAD = 7  # columns of a row of a block before its times: seq, num, t0, wall, recording, nonfinite, loss


class PureFollower:
    """What a recorder that follows keeps, all of it for the functions below.

    i: the next node of the step. where: scope and phase as one number. thread: whose ops are recorded. plan: the
    entries. nodes: how many there are. told: the shapes of the step before. packed: the
    entries and the nodes as calls (``record.track.Call``), as C reads them. The next ones say which module is open and what the next op means.

    t0: when the step began. base: where its numbers begin. seq, num: its number in the run, and of the next step of
    each kind. wall_ns, rec_ns: time in all steps, and what recording took of it. close_ns: what the last end of a
    step took. track_ns: what an event on track takes. block: where steps on track are written down.

    armed: the entries, where the step may end in C, which then begins the next one. There may be ``left`` of these,
    none from the moment ``until`` on, and none when steps that wait are ``due`` to be packed; ``run`` counts them.
    there: weak references to what came in through its ports. ports, port_items: what may come in, and what did
    (``record.names``, ``record.recorder``). first: the node that uses each of them first.
    trap, trap_leaf, trap_root, trap_armed: see ``record.nonfinite``.
    """

    i: int
    where: int
    thread: int
    plan: Any
    nodes: int
    told: Any
    packed: Any
    kind: str | None
    root: Any
    stack: list[int]
    token: Any
    scope: int
    phase: int
    inside: int
    after: bool
    unsettled: bool
    t0: int
    base: int
    seq: int
    num: dict[str, int]
    loss: float | None
    nonfinite: int
    wall_ns: int
    rec_ns: int
    close_ns: int
    track_ns: float
    block: NDArray[np.int64] | None
    armed: Any
    there: list[Any]
    ports: list[Any]
    port_items: list[Any]
    first: list[int]
    left: int
    run: int
    until: int
    due: bool
    trap: Any
    trap_leaf: Any
    trap_root: Any
    trap_armed: bool
    __slots__ = (
        "i", "where", "thread", "plan", "nodes", "told", "packed", "kind", "root", "stack", "token", "scope", "phase",
        "inside", "after", "unsettled", "_begins", "_ends", "t0", "base", "seq", "num", "loss", "nonfinite", "wall_ns",
        "rec_ns", "close_ns", "track_ns", "block", "armed", "there", "ports", "port_items", "first", "left", "run", "until", "due", "trap", "trap_leaf",
        "trap_root", "trap_armed",
    )  # fmt: skip

    def times(self, begin: Any, end: Any) -> None:
        """Store the times of this step in two arrays of 64-bit integers (None twice: follow nothing).

        The arrays are not resized while they are here.
        """
        self._begins, self._ends = begin, end

    def again(self, there: list[Any], n: int) -> None:
        """Begin a step that is predicted to be as the one before, which had ``n`` nodes.

        there: weak references to what came in through its ports. What still has a number of that step is as it was
        there, since whatever gives a tensor another array takes its number away: it comes in again.
        """
        before, self.base = self.base, new_base()
        for rid, reference in enumerate(there, self.base + PORT):
            x = reference()
            if x is not None and not (x._rid - before) >> SPAN:
                x._rid = rid
        self.nodes = n
        self.kind = self.root = self.loss = None
        self.i = self.scope = self.inside = self.nonfinite = 0
        self.phase = self.where = 1  # forward, and the scope is 0
        self.after, self.unsettled = False, True
        self.stack = []

    def number_at(self, place: int) -> int:
        """What is numbered so in this step: a node, or behind them what comes in through a port."""
        return self.base + (place if place < self.nodes else PORT + place - self.nodes)

    def hold(self, block: Any) -> None:
        """Write steps on track down in this array (``record.steady``); None: nowhere."""
        self.block = block

    def store(self, num: int, wall: int, recording: int) -> bool:
        """Write the step down as the next row of the block; whether there was room."""
        block = self.block
        if block is None:
            return False
        at = int(block[0, 0]) + 1
        if at >= len(block):
            return False
        n = (block.shape[1] - HEAD) // 2
        row = block[at]
        row[:6] = self.seq, num, self.t0, wall, recording, self.nonfinite
        row[6:HEAD].view(np.float64)[0] = np.nan if self.loss is None else self.loss
        row[HEAD : HEAD + n] = self._begins[:n]
        row[HEAD + n :] = self._ends[:n]
        block[0, 0] = at  # now it can be read
        return True

    def end_step(self, at: int) -> bool:
        """End the step at a moment (0: now) if that is all there is to do; whether it was: only C does so."""
        return False


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
        or a._rid != rec.number_at(u)
        or (b is not None and b._rid != rec.number_at(v))
        or rec.where != where
        or get_ident() != rec.thread
    ):
        return False
    rec._begins[i] = t0
    rec._ends[i] = t1
    out._rid = rid = rec.base + i
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
    if expected is not want or node.rid != rec.base + twin or get_ident() != rec.thread:
        return False
    rec._begins[i] = t0
    rec._ends[i] = t1
    rec.i = i + 1
    return True


def pure_is_finite(array: Any) -> bool:
    """Whether all numbers of an array of numpy's are finite."""
    total = float(np.add.reduce(array, axis=None))
    return total - total == 0 or bool(np.isfinite(array).all())


_epochs = count(1)


def pure_new_base() -> int:
    """Where the numbers of another step begin: no two steps of this process share one."""
    return next(_epochs) << SPAN


def no_pack(entries: list[Any], calls: list[Any]) -> Any:
    """In Python there is nothing to pack."""
    return None


def _no(*told: Any) -> bool:
    """The recorder has to be called."""
    return False


_c = compiled
if _c is not None:
    _c.bind(Tensor, Node, _enabled, perf_counter_ns)
COMPILED = _c is not None
if TYPE_CHECKING:
    Follower = PureFollower
else:
    Follower = getattr(_c, "Follower", PureFollower)
follow = getattr(_c, "follow", pure_follow)
pack: Callable[[list[Any], list[Any]], Any] = getattr(_c, "pack", no_pack)
follow_like = getattr(_c, "follow_like", pure_follow_like)
follow_grad = getattr(_c, "follow_grad", pure_follow_grad)
is_finite = getattr(_c, "is_finite", pure_is_finite)
new_base: Callable[[], int] = getattr(_c, "new_base", pure_new_base)
# What only spares a call: ``Recorder`` has methods that do the same.
# follow_call(rec, op, params, a, b, rest, out, t0, t1, node): any op, as ``Recorder.op`` is told of it
# follow_data(rec, t0, t1): the program waited for a batch
# follow_leaf(rec, tensor), enter(rec, module, its dict), leave(rec)
# follow_backward(rec, loss): a backward begins at one number on the host; follow_backward_end(rec): it ended
follow_call = getattr(_c, "follow_call", _no)
follow_data = getattr(_c, "follow_data", _no)
follow_leaf = getattr(_c, "follow_leaf", _no)
follow_backward = getattr(_c, "follow_backward", _no)
follow_backward_end = getattr(_c, "follow_backward_end", _no)
enter = getattr(_c, "enter", _no)
leave = getattr(_c, "leave", _no)
