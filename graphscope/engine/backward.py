"""Reverse mode: walk the tape from the newest node to the oldest, no recursion.

An ordinary backward runs the rows' formulas on plain arrays. Under ``create_graph`` the same formulas
run on tensors through dispatch, so the result has a graph of its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from heapq import heappop, heappush
from operator import attrgetter
from sys import getrefcount
from threading import RLock
from time import perf_counter_ns as clock
from typing import Any

import numpy as np

from graphscope.engine import dispatch, versions
from graphscope.engine.careful import Pass
from graphscope.engine.follow import follow_backward, follow_backward_end, follow_grad, follow_leaf
from graphscope.engine.frames import user_line
from graphscope.engine.modes import _enabled
from graphscope.engine.note import NOTES_IN_C, note_grad, note_leaf
from graphscope.engine.numbered import compiled
from graphscope.engine.op import Plan
from graphscope.engine.out_of_memory import failed, ran_out, worded
from graphscope.engine.saved import freed, rewrap
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError, ShapeError, UsageError

_by_age = attrgetter("seq")
_gate = RLock()


def _free_gate() -> None:
    """A forked child has none of the threads that may have held the gate."""
    global _gate
    _gate = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_gate)
ndarray = np.ndarray


def sum_to(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``g`` down to ``shape``: the gradient of broadcasting. ``g`` is an array or a tensor."""
    lead = g.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(
        lead + i for i, s in enumerate(shape) if s == 1 and g.shape[lead + i] != 1
    )
    if isinstance(g, Tensor):
        from graphscope.ops import DIFF

        out = DIFF.sum(g, axis=axes, keepdims=True, shape=g.shape) if axes else g
        return DIFF.reshape(out, shape=shape, was=out.shape) if lead else out
    out = g.sum(axis=axes, keepdims=True) if axes else g
    return out.reshape(shape) if lead else out


def _collect(roots: Sequence[Any]) -> list[Node]:
    """Every node that the roots depend on, newest first."""
    found: set[Node] = {r for r in roots if r is not None}
    todo = list(found)
    while todo:
        for edge in todo.pop().edges:
            if type(edge) is tuple:
                edge = edge[0]
            if type(edge) is Node and edge not in found:
                found.add(edge)
                todo.append(edge)
    return sorted(found, key=_by_age, reverse=True)


def _seed(t: Tensor, gradient: Any, create_graph: bool) -> Any:
    if not t._rg:
        raise AutogradError(
            f"backward: the tensor {t.name or ''} of shape {tuple(t._a.shape)} does not require grad: it "
            "has no graph. Some input of the computation must have requires_grad=True (or be a Parameter), and it must "
            f"not run under no_grad or after .detach(). ({user_line(3)})"
        )
    if gradient is None:
        if t._a.size != 1:
            raise AutogradError(
                f"backward: a gradient can be left out only for one element, this tensor has shape "
                f"{tuple(t._a.shape)}. Reduce it with .sum() or .mean(), or pass gradient= of this shape. "
                f"({user_line(3)})"
            )
        try:
            gradient = Tensor(dispatch_ones(t._a))
        except Exception as error:
            if not ran_out(error):
                raise
            what = f"backward: the gradient that it begins with, of shape {tuple(t._a.shape)}"
            raise worded(what, error, user_line(3)) from error
    elif not isinstance(gradient, Tensor):
        gradient = dispatch.as_tensor(gradient)
    if gradient._a.shape != t._a.shape:
        raise ShapeError(
            f"backward: gradient= has shape {tuple(gradient._a.shape)}, the tensor "
            f"{tuple(t._a.shape)}; they must be equal. ({user_line(3)})"
        )
    if type(t._a) is not ndarray and hasattr(t._a, "dual_of"):
        from graphscope.engine.forward_mode import seed_of_value

        gradient = seed_of_value(gradient, type(t._a))
    return gradient if create_graph else gradient._a


def dispatch_ones(like: Any) -> Any:
    """Ones of the same kind, shape and dtype as the array ``like``."""
    if type(like) is ndarray:
        # np.ones takes a microsecond, and most losses are one number
        return np.array(1, like.dtype) if like.ndim == 0 else np.ones(like.shape, like.dtype)
    from graphscope.engine.backend import backend_of_type

    backend = backend_of_type(type(like))
    return backend.asarray(np.ones(like.shape, like.dtype))


def backward(
    tensors: Sequence[Tensor],
    gradients: Sequence[Any],
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Accumulate gradients into ``.grad`` of the leaves (of ``inputs`` only, if given)."""
    targets = None
    if inputs is not None:
        targets = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        got = _run(tensors, gradients, retain_graph, create_graph, targets)
        for t, g in zip(targets, got, strict=True):
            if g is not None:
                _accumulate(t, g if create_graph else g._a, create_graph, False)
        return
    _run(tensors, gradients, retain_graph, create_graph, None)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """d(outputs)/d(inputs) as a tuple of tensors; nothing is accumulated into ``.grad``.

    materialize_grads: zeros for inputs that the outputs do not depend on. is_grads_batched: the first
    dimension of each ``grad_outputs`` is a batch of them, and so is that of the results.
    Raises: AutogradError if an input is not part of the graph and ``allow_unused`` is not set.
    """
    if not only_inputs:
        raise UsageError(
            "grad: only_inputs=False is gone; call backward() to reach other leaves too"
        )
    if materialize_grads and allow_unused is False:
        raise UsageError(
            f"grad: materialize_grads=True fills unused inputs; drop allow_unused=False. ({user_line(2)})"
        )
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)  # fmt: skip
    outs = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    ins = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if grad_outputs is None:
        seeds: Sequence[Any] = (None,) * len(outs)
    else:
        seeds = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
    for i, t in enumerate(ins):
        if not t._rg:
            raise AutogradError(
                f"grad: input {i} of shape {tuple(t._a.shape)} is no tensor that requires grad. Make it with "
                f"requires_grad=True before the computation. ({user_line(2)})"
            )
    got = _run(outs, seeds, retain_graph, create_graph, ins)
    if materialize_grads:
        return tuple(
            Tensor(np.zeros_like(t._a)) if g is None else g for g, t in zip(got, ins, strict=True)
        )
    if not allow_unused:
        for i, g in enumerate(got):
            if g is None:
                raise AutogradError(
                    f"grad: the outputs do not depend on input {i}, of shape {tuple(ins[i]._a.shape)}. Leave it "
                    f"out, or pass allow_unused=True to get None for it. "
                    f"({user_line(2)})"
                )
    return tuple(got)


def _batched(
    outputs: Any, inputs: Any, grad_outputs: Any, retain: Any, create_graph: bool, unused: Any, zeros: bool
) -> tuple[Any, ...]:  # fmt: skip
    """One pass for each element of the batch of seeds, stacked."""
    from graphscope.ops.functions import stack

    seeds = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
    n = next(len(s) for s in seeds if s is not None)
    rows = [
        grad(outputs, inputs, tuple(None if s is None else s[i] for s in seeds),
             True if i < n - 1 else retain, create_graph, True, unused, False, zeros)
        for i in range(n)
    ]  # fmt: skip
    return tuple(None if c[0] is None else stack(list(c)) for c in zip(*rows, strict=True))


class _Adding:
    """The name of this write for version counters."""

    name, kernel = "accumulate", None


_ADDING = _Adding()


def held(t: Any) -> int:
    """How many references there are to a tensor's array."""
    return getrefcount(t._a)


_ALONE = held(Tensor(np.zeros(1)))


def _accumulate(leaf: Tensor, g: Any, create_graph: bool, shared: bool) -> None:
    have = leaf._grad
    if create_graph:
        leaf._grad = g if have is None else have + g
        rec = dispatch._rec
        if rec is not None:
            rec.leaf(leaf, leaf._grad._a)
        return
    if type(g) is not ndarray and type(leaf._a) is ndarray:
        g = np.asarray(g, leaf._a.dtype)
    if have is None:
        # An array that the tape or another leaf may also hold must not become somebody's .grad.
        leaf._grad = Tensor(g.copy() if shared or g.base is not None else g)
        leaf._grad._name = None
    else:
        watched = held(have) > _ALONE  # a graph or a view may look at this gradient
        ha = have._a
        ha += g
        if watched:
            versions.wrote(ha, _ADDING)
        g = ha
    rec = dispatch._rec
    if rec is not None:
        _tell_leaf(rec, leaf, g)


def _tell_leaf(rec: Any, leaf: Tensor, g: Any) -> None:
    """Tell a recorder that the gradient of a leaf is known so far."""
    if not follow_leaf(rec, leaf) and not note_leaf(rec, leaf):
        rec.leaf(leaf, g)


def _tell_grad(
    rec: Any, want: Any, node: Node, slot: int, g: Any, t0: int, t1: int, alias: bool
) -> bool:
    """Tell a recorder of a gradient; whether it is still on."""
    try:
        if not follow_grad(rec, want, node, t0, t1) and not note_grad(
            rec, node, slot, g, t0, t1, alias
        ):
            rec.grad(node, slot, g, t0, t1, alias)
    except Exception as error:  # a bug of the recorder's must not stop the program
        dispatch.broken(rec, error)
        return False
    return True


def _run(
    tensors: Sequence[Tensor],
    gradients: Sequence[Any],
    retain_graph: bool | None,
    create_graph: bool,
    targets: Sequence[Tensor] | None,
) -> list[Any]:
    retain = create_graph if retain_graph is None else retain_graph
    seeds = [_seed(t, g, create_graph) for t, g in zip(tensors, gradients, strict=True)]
    with _gate:  # nodes and leaves hold the pass's state, so one thread at a time
        roots = [t._node for t in tensors]
        last = versions.last
        rec = dispatch._rec
        if rec is not None:
            rec.backward_begin(tensors)
        before = _enabled.set(create_graph)
        caught: list[Any] = [None] * (len(targets) if targets is not None else 0)
        pending: list[tuple[int, Node]] = []
        order: list[Node] = []
        try:
            if (
                targets is not None
                or create_graph
                or any(node is None or node.seq <= last for node in roots)
            ):
                order = _collect(roots)
                todo = Pass(rec, retain, create_graph, targets, caught)
                todo.begin(tensors, seeds, order)
            else:
                for t, g in zip(tensors, seeds, strict=True):
                    _push(pending, t._node if t._node.nout == 1 else (t._node, t._k), g)
                F = _namespace(seeds[0], create_graph)
                _through(pending, F, rec, retain, last, order)
        finally:
            _leave(pending, order, rec, before)
    return [_as_tensor(g) for g in caught]


# 0-d ones by dtype. They are only read: a gradient that is handed on unchanged is copied for ``.grad``.
_ONES: dict[Any, Any] = {}


def from_loss(loss: Tensor, retain: bool) -> None:
    """``loss.backward()`` as nearly every program calls it: one number, all leaves.

    What is not like that, or has to be looked at closely, goes the general way.
    """
    a = loss._a
    node = loss._node
    if node is None or node.nout != 1 or type(a) is not ndarray or a.ndim or not loss._rg:
        _run((loss,), (None,), retain, False, None)
        return
    last = versions.last
    if node.seq <= last:
        _run((loss,), (None,), retain, False, None)
        return
    one = _ONES.get(a.dtype)
    if one is None:
        one = _ONES[a.dtype] = np.array(1, a.dtype)
        one.flags.writeable = False
    with _gate:
        rec = dispatch._rec
        if rec is not None and not follow_backward(rec, loss):
            rec.backward_begin((loss,))
        before = _enabled.set(False)
        node.g = one
        pending = [(-node.seq, node)]
        order: list[Node] = []
        try:
            _through(pending, _namespace(one, False), rec, retain, last, order)
        finally:
            _leave(pending, order, rec, before)


def _through(
    pending: list[tuple[int, Node]], F: Any, rec: Any, retain: bool, last: float, order: list[Node]
) -> None:
    """The fast loop, then the careful one over the nodes (noted in ``order``) where it had to stop."""
    if _walk(pending, F, rec, retain, last):
        # Something was written, or a hook was put, since this part of the graph was made.
        order += _collect([node for _, node in pending])
        todo = Pass(rec, retain, False, None, [])
        todo.F = F
        todo.run(order)


def _leave(pending: list[tuple[int, Node]], order: list[Node], rec: Any, before: Any) -> None:
    """A pass that ended, or failed, leaves no gradient on the nodes."""
    _enabled.reset(before)
    for node in order:
        node.g = None
    for _, node in pending:
        node.g = None
    if rec is not None and not follow_backward_end(rec):
        rec.backward_end()


def _as_tensor(g: Any) -> Any:
    if g is None or isinstance(g, Tensor):
        return g
    return Tensor(np.asarray(g) if isinstance(g, np.generic) else g)


def _push(pending: list[tuple[int, Node]], edge: Any, g: Any) -> None:
    """Add ``g`` to the gradient of a node, or of one output of it, which then waits for its turn."""
    if type(edge) is Node:
        if edge.g is None:
            edge.g = g
            heappush(pending, (-edge.seq, edge))
        else:
            edge.g = edge.g + g
        return
    node, k = edge
    if node.g is None:
        node.g = [None] * node.nout
        heappush(pending, (-node.seq, node))
    have = node.g[k]
    node.g[k] = g if have is None else have + g


def _walk(pending: list[tuple[int, Node]], F: Any, rec: Any, retain: bool, last: float) -> bool:
    """The fast loop, all gradients into ``.grad``; true if it stopped at a node not newer than ``last``.

    pending: a heap of (-seq, node), those that have a gradient and wait. A node is newer than all that it
    depends on, so the newest that waits has got all of its gradient, and the graph need not be looked
    through beforehand. A node with one gradient takes no call but that of its formula, and in a chain the
    next node is at hand and never enters the heap. Where there is a C compiler, ``_walk.c`` does the same.
    """
    told = rec is not None
    values = told and rec.values
    t0 = 0
    node: Any = None
    try:
        while True:
            if node is None:
                if not pending:
                    return False
                node = heappop(pending)[1]
            if node.seq <= last:
                heappush(pending, (-node.seq, node))
                return True
            plan = node.plan
            argc = plan.argc
            saved = node.saved
            if argc < 0 or saved is None or values:
                _visit(node, pending, F, rec, retain)
                node = None
                continue
            g = node.g
            node.g = None
            if told:
                t0 = clock()
            if argc == 1:
                got = plan.fn(F, g, saved[plan.i])
            elif argc == 0:
                got = plan.fn(F, g)
            elif argc == 2:
                got = plan.fn(F, g, saved[plan.i], saved[plan.j])
            else:
                got = plan.fn(F, g, saved, node.params)
            shapes = node.shapes
            if shapes is not None:
                shape = shapes[plan.slot]
                if got.shape != shape:
                    got = sum_to(got, shape)
            if told:
                told = _tell_grad(rec, plan.want, node, plan.slot, got, t0, clock(), got is g)
            if not retain:
                node.saved = None
            edge = node.edges[0]
            after = None
            if type(edge) is Node:
                if edge.g is not None:
                    edge.g = edge.g + got
                else:
                    edge.g = got
                    if pending and -pending[0][0] > edge.seq:
                        heappush(pending, (-edge.seq, edge))
                    else:
                        after = edge
            elif type(edge) is tuple:
                _push(pending, edge, got)
            else:
                _accumulate(edge, got, False, got is g)
            # What nobody needs any more dies now, not while the next formula runs.
            node, g, got, saved, edge = after, None, None, None, None
    except Exception as error:
        if node is None:
            raise
        raise failed(node, error)  # noqa: B904 - it says itself what it comes from


def _visit(node: Node, pending: list[tuple[int, Node]], F: Any, rec: Any, retain: bool) -> None:
    """One node with several gradients or params; what is out of the ordinary is in ``careful.Pass``."""
    g = node.g
    node.g = None
    saved = node.saved
    if saved is None:
        raise freed(node)
    if rec is not None and rec.values:
        rec.adjoint(node, g)
    params = node.params
    shapes = node.shapes
    if node.plan.row.inputs == ("*",):
        _visit_variadic(node, pending, F, g, saved, rec)
    else:
        for w, edge in zip(node.plan.wants, node.edges, strict=True):
            take = w.take
            t0 = clock() if rec is not None else 0
            if w.params:
                got = w.fn(F, g, *[saved[i] for i in take], **{p: params[p] for p in w.params})
            elif len(take) == 1:
                got = w.fn(F, g, saved[take[0]])
            else:
                got = w.fn(F, g, *[saved[i] for i in take])
            if shapes is not None and got.shape != shapes[w.slot]:
                got = sum_to(got, shapes[w.slot])
            if rec is not None and not _tell_grad(rec, w, node, w.slot, got, t0, clock(), got is g):
                rec = None
            if isinstance(edge, Tensor):
                _accumulate(edge, got, False, got is g)
            else:
                _push(pending, edge, got)
            got = None
    if not retain:
        node.saved = None


def _visit_variadic(
    node: Node, pending: list[tuple[int, Node]], F: Any, g: Any, saved: Any, rec: Any
) -> None:
    w, row = node.wants[0], node.plan.row
    t0 = clock() if rec is not None else 0
    args = [saved[i] for i in w.take]
    got_all = w.fn(F, g, *args, **{p: node.params[p] for p in w.params})
    for slot, (edge, got) in enumerate(zip(node.edges, got_all, strict=True)):
        if edge is None:
            continue
        if callable(got):  # einsum computes a gradient when it is asked for
            got = got()
        if rec is not None:
            t1 = clock()
            if not _tell_grad(rec, row.part(slot), node, slot, got, t0, t1, False):
                rec = None
            t0 = t1
        if isinstance(edge, Tensor):
            _accumulate(edge, got, False, True)
        else:
            _push(pending, edge, got)


_plain_namespace: Any = None


def _namespace(seed: Any, create_graph: bool) -> Any:
    """What ``F`` is in this pass: tensors' ops, or the kernels for the seed's kind of array."""
    global _plain_namespace
    kind = type(seed)
    if kind is ndarray and _plain_namespace is not None and not create_graph:
        return _plain_namespace
    from graphscope import ops

    _plain_namespace = ops.NUMPY
    if create_graph:
        return ops.DIFF
    return ops.NUMPY if kind is ndarray or issubclass(kind, np.generic) else ops.plain(kind)


_rewrap = rewrap
if compiled is not None and compiled.walk_with(
    {
        "heappush": heappush, "heappop": heappop, "push": _push, "visit": _visit, "accumulate": _accumulate,
        "sum_to": sum_to, "tell_grad": _tell_grad, "tell_leaf": _tell_leaf,
        "note_grad": note_grad if NOTES_IN_C else None, "note_leaf": note_leaf if NOTES_IN_C else None, "failed": failed, "broken": dispatch.broken,
        "Plan": Plan,
    }
):  # fmt: skip
    _walk = compiled.walk
