"""Your own differentiable functions: ``Function`` with forward and backward.

A call is one recorded op, named after the class; what runs inside is its detail. On the tape it is one
node whose gradient is your ``backward``.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns as clock
from typing import Any
from weakref import ref

import numpy as np

from graphscope.autograd.context import FunctionCtx, OwnOutput, kept
from graphscope.engine import dispatch
from graphscope.engine.dual_array import DualArray, dual
from graphscope.engine.frames import user_line
from graphscope.engine.modes import is_grad_enabled, no_grad
from graphscope.engine.op import Op, Want
from graphscope.engine.tape import Node, make_node
from graphscope.engine.tensor import Tensor
from graphscope.engine.versions import wrote
from graphscope.errors import AutogradError, DTypeError, ShapeError

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class Function:
    """Subclass it with static ``forward(ctx, *args)`` and ``backward(ctx, *grads)``; call ``apply``.

    ``backward`` gets one gradient per output and returns one per argument of forward (None for those
    that are no tensors or need none). It is written in differentiable ops, so double backward works.
    The newer style, ``forward(*args)`` with ``setup_context(ctx, inputs, output)``, is understood too.

    Example:
        >>> import graphscope as gs
        >>> class Double(gs.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return x * 2
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         return g * 2
        >>> x = gs.ones(2, requires_grad=True)
        >>> Double.apply(x).sum().backward()
        >>> x.grad
        tensor([2., 2.])
    """

    _row: Any = None

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs from the arguments."""
        raise NotImplementedError("a Function needs a static forward(ctx, ...)")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Save what backward needs, where forward does not take ctx."""
        raise NotImplementedError

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Compute the gradients of the arguments from those of the outputs."""
        raise NotImplementedError(
            "a Function needs a static backward(ctx, *grads) to be differentiated"
        )

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Compute the tangents of the outputs from those of the arguments, for forward mode."""
        raise NotImplementedError(
            "a Function needs a static jvp(ctx, *grad_inputs) in forward mode"
        )

    vjp = backward

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward, and note on the tape how to come back."""
        tensors = [a for a in args if isinstance(a, Tensor)]
        if any(isinstance(t._a, DualArray) for t in tensors):
            return _forward_mode(cls, args, kwargs)
        ctx, raw, t0 = _run(cls, args, kwargs)
        t1 = clock()
        several = isinstance(raw, (tuple, list))
        results = tuple(raw) if several else (raw,)
        for r in results:
            if not isinstance(r, Tensor) and not (several and r is None):
                raise DTypeError(
                    f"{cls.__name__}.forward must return tensors, it returned {type(r).__name__} ({user_line(2)})"
                )
        row = _row(cls)
        for t in tensors:
            if id(t) in ctx._dirty:
                wrote(t._a, row)
        wanted = is_grad_enabled() and any(t._rg for t in tensors)
        node = _node(row, cls, ctx, args, tensors, results) if wanted else None
        outs = tuple(_wrap(r, k, ctx, tensors, node, cls) for k, r in enumerate(results))
        rec = dispatch.recorder()
        if rec is not None and tensors:
            shown = tuple(o for o in outs if o is not None)
            second = tensors[1] if len(tensors) > 1 else None
            made = shown if len(shown) != 1 else shown[0]
            try:
                rec.op(row, (), tensors[0], second, tuple(tensors[2:]), made, t0, t1, node)
            except Exception as error:
                dispatch.broken(rec, error)
        return (list(outs) if isinstance(raw, list) else outs) if several else outs[0]


def _run(cls: Any, args: Any, kwargs: Any) -> tuple[FunctionCtx, Any, int]:
    """The user's forward: its context, its result, and when it began."""
    ctx = FunctionCtx()
    ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a._rg for a in args)
    rec = dispatch.set_recorder(None)
    t0 = clock()
    try:
        with no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args, **kwargs)
            else:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, result)
    finally:
        dispatch.set_recorder(rec)
    return ctx, result, t0


def _forward_mode(cls: Any, args: Any, kwargs: Any) -> Any:
    """Forward on the values, the user's jvp on the tangents."""
    plain = tuple(
        Tensor(a._a.primal) if isinstance(a, Tensor) and isinstance(a._a, DualArray) else a
        for a in args
    )
    moved = tuple(
        Tensor(a._a.tangent)
        if isinstance(a, Tensor) and isinstance(a._a, DualArray) and a._a.tangent is not None
        else None
        for a in args
    )
    ctx, raw, _ = _run(cls, plain, kwargs)
    several = isinstance(raw, (tuple, list))
    results = tuple(raw) if several else (raw,)
    with no_grad():
        tangents = cls.jvp(ctx, *moved)
    given = tuple(tangents) if isinstance(tangents, (tuple, list)) else (tangents,)
    if len(given) != len(results):
        raise AutogradError(
            f"{cls.__name__}.jvp returned {len(given)} tangents, forward has {len(results)} outputs; return one each"
        )
    outs = tuple(
        r if t is None else Tensor(dual(r._a, t._a)) for r, t in zip(results, given, strict=True)
    )
    return outs if several else outs[0]


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a ``backward`` whose result has no gradient of its own: a second derivative raises."""

    def backward(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            got = fn(ctx, *grads)
        if not is_grad_enabled() or not any(isinstance(g, Tensor) and g._rg for g in grads):
            return got
        several = isinstance(got, tuple)
        ties = tuple(g for g in grads if isinstance(g, Tensor) and g._rg)
        tied = tuple(
            _Once.apply(x, *ties) if isinstance(x, Tensor) and x._a.dtype.kind == "f" else x
            for x in (got if several else (got,))
        )
        return tied if several else tied[0]

    backward.__doc__ = fn.__doc__
    return backward


def _row(cls: Any) -> Op:
    """The op of a Function class, made once; a subclass has its own."""
    row: Op | None = cls.__dict__.get("_row")
    if row is None:
        doc = (cls.__doc__ or "").strip().split("\n")[0]
        row = Op(
            cls.__name__, _never, tex=rf"\mathrm{{{{{cls.__name__}}}}}", family="other", doc=doc
        )
        want = Want(0, "*", lambda F, g, call: _backward(call, g), (), ("call",))
        row.wants = (want,)
        row.plans.clear()
        cls._row = row
    return row


def _never(xp: Any, *args: Any) -> Any:
    raise AutogradError("a Function runs through its apply()")


class _Call:
    """One application: its class, context, and the shapes that gradients must have."""

    def __init__(self, cls: Any, ctx: FunctionCtx, args: Any, raw: Any) -> None:
        self.cls = cls
        self.ctx = ctx
        self.places = tuple(i for i, a in enumerate(args) if isinstance(a, Tensor))
        self.n = len(args)
        self.inputs = tuple(
            (args[i]._a.shape, args[i]._a.dtype, type(args[i]._a), args[i]._rg) for i in self.places
        )
        self.outputs = tuple(
            None if r is None else (r._a.shape, r._a.dtype, type(r._a)) for r in raw
        )


def _node(row: Op, cls: Any, ctx: FunctionCtx, args: Any, tensors: list[Tensor], raw: Any) -> Node:
    own = {id(r): k for k, r in enumerate(raw) if r is not None}
    given = {id(t) for t in tensors} - set(ctx._dirty)
    saved = tuple(
        OwnOutput(t._a, own[id(t)]) if id(t) in own and id(t) not in given else kept(t)
        for t in ctx._saved
    )
    node = make_node(
        row.plan(1), (saved, None, None), tuple(dispatch._edge(t) if t._rg else None for t in tensors),
        {"call": _Call(cls, ctx, args, raw)}, None,
        tuple(v for i, t in enumerate(tensors) if not t._rg for v in (i, ref(t))) or None,
    )  # fmt: skip
    node.nout = len(raw)
    ctx._node, ctx._saved = ref(node), ()
    return node


def _wrap(r: Any, k: int, ctx: FunctionCtx, tensors: list[Tensor], node: Any, cls: Any) -> Any:
    if r is None:
        return None
    if id(r) in ctx._dirty and any(r is t for t in tensors):
        if node is not None:
            from graphscope.ops.rebase import check_target, rebase

            check_target(r, cls.__name__)
            rebase(r, node, k)
        return r
    plain = node is None or id(r) in ctx._plain or r._a.dtype.kind != "f"
    # A tensor of its own also where forward handed an input back: the input keeps its history.
    out = Tensor(r._a) if plain else Tensor(r._a, True, node)
    out._k = k
    return out


def _zeros(shape: Any, dtype: Any, kind: type) -> Any:
    made = np.zeros(shape, dtype)
    if kind is np.ndarray:
        return made
    from graphscope.engine.backend import backend_of_type

    return backend_of_type(kind).asarray(made)


def _backward(call: _Call, g: Any) -> list[Any]:
    """Run the user's backward; arrays in, arrays out, unless a graph is wanted."""
    ctx = call.ctx
    given = g if isinstance(g, list) else [g]
    graph = any(isinstance(x, Tensor) for x in given)
    grads = []
    for x, out in zip(given, call.outputs, strict=True):
        if x is None and ctx._materialize and out is not None:
            x = Tensor(_zeros(*out)) if graph else _zeros(*out)
        grads.append(
            x
            if x is None or isinstance(x, Tensor)
            else Tensor(x if hasattr(x, "dtype") else np.asarray(x))
        )
    rec = dispatch.set_recorder(None)
    try:
        got = call.cls.backward(ctx, *grads)
    finally:
        dispatch.set_recorder(rec)
    got = tuple(got) if isinstance(got, (tuple, list)) else (got,)
    name = call.cls.__name__
    extra = got[call.n :]
    if len(got) < call.n or any(x is not None for x in extra):
        raise AutogradError(
            f"{name}.backward returned {len(got)} gradients, forward takes {call.n} arguments; return one for "
            "each argument, None where there is none"
        )
    back: list[Any] = []
    for i, (shape, dtype, kind, wants) in zip(call.places, call.inputs, strict=True):
        x = got[i]
        if not wants:
            back.append(None)
            continue
        if x is None:
            x = Tensor(_zeros(shape, dtype, kind))
        if tuple(x._a.shape) != tuple(shape):
            from graphscope.engine.backward import sum_to

            try:
                x = sum_to(x, tuple(shape))
            except Exception as error:
                raise ShapeError(
                    f"{name}.backward: the gradient of argument {i} has shape {tuple(x._a.shape)}, the argument "
                    f"{tuple(shape)}; they must be equal"
                ) from error
            if tuple(x._a.shape) != tuple(shape):
                raise ShapeError(
                    f"{name}.backward: the gradient of argument {i} has shape {tuple(got[i]._a.shape)}, the "
                    f"argument {tuple(shape)}; they must be equal"
                )
        back.append(x if graph else x._a)
    return back


class _Once(Function):
    """Stands behind the results of a backward that is marked as once differentiable."""

    @staticmethod
    def forward(ctx: Any, x: Any, *ties: Any) -> Any:
        return x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise AutogradError(
            "trying to differentiate twice a function that was marked with @once_differentiable; take the mark "
            "off and write backward in differentiable ops"
        )
