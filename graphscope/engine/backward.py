"""Reverse mode: walk the tape from the newest node to the oldest, no recursion.

An ordinary backward runs the rows' formulas on plain arrays. Under ``create_graph`` the same formulas
run on tensors through dispatch, so the result has a graph of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from time import perf_counter_ns as clock
from typing import Any

import numpy as np

from graphscope.engine import dispatch
from graphscope.engine.frames import user_line
from graphscope.engine.modes import _enabled
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError, ShapeError

_by_age = attrgetter("seq")
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


def _collect(roots: Sequence[Any], stop: Any = None) -> list[Node]:
    """Every node that the roots depend on, newest first."""
    token = object()
    found: list[Node] = []
    todo = [r for r in roots if r is not None]
    for r in todo:
        r.mark = token
    while todo:
        node = todo.pop()
        found.append(node)
        for edge in node.edges:
            kind = type(edge)
            if kind is tuple:
                edge = edge[0]
            elif kind is not Node:
                continue
            if edge.mark is not token:
                edge.mark = token
                todo.append(edge)
    found.sort(key=_by_age, reverse=True)
    return found


def _seed(t: Tensor, gradient: Any, create_graph: bool) -> Any:
    if not t._rg:
        raise AutogradError(
            f"backward: the tensor {t.name or ''} of shape {tuple(t._a.shape)} does not require grad and has no "
            "graph. Some input of the computation must have requires_grad=True (or be a Parameter), and it must "
            f"not run under no_grad or after .detach(). ({user_line(3)})"
        )
    if gradient is None:
        if t._a.size != 1:
            raise AutogradError(
                f"backward: a gradient can be left out only for one element, this tensor has shape "
                f"{tuple(t._a.shape)}. Reduce it with .sum() or .mean(), or pass gradient= of this shape. "
                f"({user_line(3)})"
            )
        ones = dispatch_ones(t._a)
        return Tensor(ones) if create_graph else ones
    if not isinstance(gradient, Tensor):
        gradient = dispatch.as_tensor(gradient)
    if gradient._a.shape != t._a.shape:
        raise ShapeError(
            f"backward: gradient= has shape {tuple(gradient._a.shape)}, the tensor "
            f"{tuple(t._a.shape)}; they must be equal. ({user_line(3)})"
        )
    return gradient if create_graph else gradient._a


def dispatch_ones(like: Any) -> Any:
    """Ones of the same kind, shape and dtype as the array ``like``."""
    if type(like) is ndarray:
        return np.ones(like.shape, like.dtype)
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
) -> tuple[Any, ...]:
    """d(outputs)/d(inputs) as a tuple of tensors; nothing is accumulated into ``.grad``.

    Raises: AutogradError if an input is not part of the graph and ``allow_unused`` is not set.
    """
    outs = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    ins = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if grad_outputs is None:
        seeds: Sequence[Any] = (None,) * len(outs)
    else:
        seeds = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
    for i, t in enumerate(ins):
        if not t._rg:
            raise AutogradError(
                f"grad: input {i} of shape {tuple(t._a.shape)} does not require grad"
            )
    got = _run(outs, seeds, retain_graph, create_graph, ins)
    if not allow_unused:
        for i, g in enumerate(got):
            if g is None:
                raise AutogradError(
                    f"grad: input {i} of shape {tuple(ins[i]._a.shape)} is not used in the graph of the "
                    "outputs; pass allow_unused=True to get None for it"
                )
    return tuple(got)


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
        ha = have._a
        ha += g
        g = ha
    rec = dispatch._rec
    if rec is not None:
        rec.leaf(leaf, g)


def _run(
    tensors: Sequence[Tensor],
    gradients: Sequence[Any],
    retain_graph: bool | None,
    create_graph: bool,
    targets: Sequence[Tensor] | None,
) -> list[Any]:
    retain = create_graph if retain_graph is None else retain_graph
    seeds = [_seed(t, g, create_graph) for t, g in zip(tensors, gradients, strict=True)]
    order = _collect([t._node for t in tensors])
    rec = dispatch._rec
    if rec is not None:
        rec.backward_begin(tensors)
    caught: list[Any] = [None] * (len(targets) if targets is not None else 0)
    leaf_at: dict[int, int] = {}
    node_at: dict[Node, list[tuple[int, int]]] = {}
    if targets is not None:
        for i, t in enumerate(targets):
            if t._node is None:
                leaf_at[id(t)] = i
            else:
                node_at.setdefault(t._node, []).append((t._k, i))
    try:
        for t, g in zip(tensors, seeds, strict=True):
            if t._node is None:
                if targets is None:
                    _accumulate(t, g, create_graph, True)
                elif id(t) in leaf_at:
                    caught[leaf_at[id(t)]] = g
            else:
                _push(t._node if t._node.nout == 1 else (t._node, t._k), g)
        before = _enabled.set(create_graph)
        F = _namespace(seeds[0], create_graph)
        try:
            for node in order:
                _visit(node, F, rec, retain, create_graph, targets, leaf_at, node_at, caught)
        finally:
            _enabled.reset(before)
    finally:
        for node in order:
            node.g = None
        if rec is not None:
            rec.backward_end()
    return [_as_tensor(g) for g in caught]


def _as_tensor(g: Any) -> Any:
    if g is None or isinstance(g, Tensor):
        return g
    return Tensor(np.asarray(g) if isinstance(g, np.generic) else g)


def _push(edge: Any, g: Any) -> None:
    if type(edge) is Node:
        have = edge.g
        edge.g = g if have is None else have + g
        return
    node, k = edge
    if node.g is None:
        node.g = [None] * node.nout
    have = node.g[k]
    node.g[k] = g if have is None else have + g


def _visit(
    node: Node,
    F: Any,
    rec: Any,
    retain: bool,
    create_graph: bool,
    targets: Any,
    leaf_at: dict[int, int],
    node_at: dict[Node, list[tuple[int, int]]],
    caught: list[Any],
) -> None:
    g = node.g
    if g is None:
        return
    node.g = None
    if node.hooks is not None:
        g = _run_hooks(node, g, create_graph)
    if node_at and node in node_at:
        for k, i in node_at[node]:
            gk = g if node.nout == 1 else g[k]
            caught[i] = gk if caught[i] is None else caught[i] + gk
    saved = node.saved
    if saved is None:
        raise AutogradError(
            f"backward: the graph of {node.row.name!r} was already freed by an earlier backward. Call the first "
            f"one with retain_graph=True, or compute the loss again. ({user_line(4)})"
        )
    row = node.row
    if rec is not None and rec.values:
        rec.adjoint(node, g)
    if create_graph:
        saved = _rewrap(node, saved)
    params = node.params
    shapes = node.shapes
    edges = node.edges
    if row.inputs == ("*",):
        _visit_variadic(node, F, g, saved, rec, create_graph, targets, leaf_at, caught)
    else:
        for w, edge in zip(node.wants, edges, strict=True):
            take = w.take
            t0 = clock() if rec is not None else 0
            if w.params:
                got = w.fn(F, g, *[saved[i] for i in take], **{p: params[p] for p in w.params})
            elif not take:
                got = w.fn(F, g)
            elif len(take) == 1:
                got = w.fn(F, g, saved[take[0]])
            else:
                got = w.fn(F, g, *[saved[i] for i in take])
            if shapes is not None and got.shape != shapes[w.slot]:
                got = sum_to(got, shapes[w.slot])
            if rec is not None:
                rec.grad(node, w.slot, got._a if create_graph else got, t0, clock(), got is g)
            if type(edge) is Node:
                have = edge.g
                edge.g = got if have is None else have + got
            elif type(edge) is tuple:
                _push(edge, got)
            elif targets is None:
                _leaf(edge, got, create_graph, got is g)
            elif id(edge) in leaf_at:
                i = leaf_at[id(edge)]
                caught[i] = got if caught[i] is None else caught[i] + got
    if not retain:
        node.saved = None


def _leaf(leaf: Tensor, got: Any, create_graph: bool, shared: bool) -> None:
    if leaf._ext is not None:
        for hook in list(leaf._ext.values()):
            replaced = hook(got if create_graph else Tensor(got))
            if replaced is not None:
                got = replaced if create_graph else replaced._a
    _accumulate(leaf, got, create_graph, shared)


def _visit_variadic(
    node: Node,
    F: Any,
    g: Any,
    saved: Any,
    rec: Any,
    create_graph: bool,
    targets: Any,
    leaf_at: dict[int, int],
    caught: list[Any],
) -> None:
    w = node.wants[0]
    t0 = clock() if rec is not None else 0
    args = [saved[i] for i in w.take]
    got_all = w.fn(F, g, *args, **{p: node.params[p] for p in w.params})
    for slot, (edge, got) in enumerate(zip(node.edges, got_all, strict=True)):
        if edge is None:
            continue
        if rec is not None:
            t1 = clock()
            rec.grad(node, slot, got._a if create_graph else got, t0, t1)
            t0 = t1
        if isinstance(edge, Tensor):
            if targets is None:
                _leaf(edge, got, create_graph, True)
            elif id(edge) in leaf_at:
                i = leaf_at[id(edge)]
                caught[i] = got if caught[i] is None else caught[i] + got
        else:
            _push(edge, got)


def _namespace(seed: Any, create_graph: bool) -> Any:
    """What ``F`` is in this pass: tensors' ops, or the kernels for the seed's kind of array."""
    from graphscope import ops

    if create_graph:
        return ops.DIFF
    kind = type(seed)
    return ops.NUMPY if kind is ndarray or issubclass(kind, np.generic) else ops.plain(kind)


def _rewrap(node: Node, saved: Any) -> list[Any]:
    """Saved arrays as tensors that hang on the graph where they came from."""
    out: list[Any] = []
    by_slot = {w.slot: e for w, e in zip(node.wants, node.edges, strict=False)}
    n = len(saved) - 2
    for i, a in enumerate(saved):
        if a is None:
            out.append(None)
        elif isinstance(a, tuple):
            if i == n:  # several outputs
                edges: Any = [(node, k) for k in range(len(a))]
            elif node.row.inputs == ("*",):
                edges = node.edges
            else:  # index arrays
                edges = [None] * len(a)
            out.append(tuple(_hung(x, e) for x, e in zip(a, edges, strict=True)))
        elif i < n and i in by_slot:
            out.append(_hung(a, by_slot[i]))
        elif i == n:
            out.append(Tensor(a, True, node))
        else:
            out.append(Tensor(a))
    return out


def _hung(a: Any, edge: Any) -> Any:
    """An array as a tensor at the place in the graph where it came from (None: nowhere)."""
    if edge is None or isinstance(edge, Tensor):
        return Tensor(a) if edge is None else edge
    source, k = edge if isinstance(edge, tuple) else (edge, 0)
    t = Tensor(a, a.dtype.kind == "f", source if a.dtype.kind == "f" else None)
    t._k = k
    return t


# ---------------------------------------------------------------- hooks


class RemovableHandle:
    """Takes a hook off again with ``remove()``."""

    def __init__(self, table: dict[int, Any], key: int) -> None:
        self._table, self._key = table, key

    def remove(self) -> None:
        """Take the hook off; a second call does nothing."""
        self._table.pop(self._key, None)


def register_hook(t: Tensor, hook: Callable[[Tensor], Any]) -> RemovableHandle:
    """See ``Tensor.register_hook``."""
    if not t._rg:
        raise AutogradError(
            "register_hook: this tensor does not require grad, so no gradient will come"
        )
    if t._node is None:
        if t._ext is None:
            t._ext = {}
        table: dict[int, Any] = t._ext
        key = len(table)
        table[key] = hook
        return RemovableHandle(table, key)
    if t._node.hooks is None:
        t._node.hooks = {}
    table = t._node.hooks
    key = len(table)
    table[key] = (t._k, hook)
    return RemovableHandle(table, key)


def _run_hooks(node: Node, g: Any, create_graph: bool) -> Any:
    for k, hook in list(node.hooks.values()):
        gk = g if node.nout == 1 else g[k]
        if gk is None:
            continue
        replaced = hook(gk if create_graph else Tensor(gk))
        if replaced is not None:
            new = replaced if create_graph else replaced._a
            if node.nout == 1:
                g = new
            else:
                g[k] = new
    return g
