"""Your own differentiable functions: ``Function`` with forward and backward.

A call is one recorded op, named after the class; what runs inside is its detail. On the tape it is one
node whose gradient is your ``backward``.
"""

from __future__ import annotations

from time import perf_counter_ns as clock
from typing import Any
from weakref import ref

import numpy as np

from graphscope.engine import dispatch
from graphscope.engine.frames import user_line
from graphscope.engine.modes import is_grad_enabled, no_grad
from graphscope.engine.op import Op, Want
from graphscope.engine.tape import Node, make_node
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError, DTypeError, ShapeError


class Context:
    """What forward hands on to backward: ``save_for_backward`` for tensors, attributes for the rest."""

    def __init__(self, needs: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs
        self._saved: tuple[Any, ...] = ()
        self._plain: tuple[int, ...] = ()
        self._materialize = True
        self._node: Any = None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs or outputs for ``backward``, which finds them in ``saved_tensors``."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise DTypeError(
                    f"save_for_backward keeps tensors, not {type(t).__name__}; set other values as attributes: "
                    "ctx.name = value"
                )
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept. Raises: AutogradError after backward has freed it."""
        node = None if self._node is None else self._node()
        if node is not None and node.saved is None:
            raise AutogradError(
                f"{node.row.name}: the saved tensors were freed by an earlier backward; call that one with "
                f"retain_graph=True. ({user_line(2)})"
            )
        return tuple(
            x.tensor(node) if isinstance(x, _OwnOutput) else x
            for x in (self._saved if node is None else node.saved[0])
        )

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """These outputs get no gradient (indices, masks)."""
        self._plain = tuple(id(t) for t in tensors)

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Taken for torch's sake: an input that forward changed and returns is noticed anyway."""

    def set_materialize_grads(self, value: bool) -> None:
        """False: outputs without a gradient give None to ``backward`` and not zeros."""
        self._materialize = value


class _OwnOutput:
    """A saved output, kept as an array: keeping the tensor would be a cycle through its node."""

    def __init__(self, array: Any, k: int) -> None:
        self.array = array
        self.k = k

    def tensor(self, node: Any) -> Tensor:
        out = Tensor(self.array, True, node)
        out._k = self.k
        return out


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

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward, and note on the tape how to come back."""
        tensors = [a for a in args if isinstance(a, Tensor)]
        wanted = is_grad_enabled() and any(t._rg for t in tensors)
        ctx = Context(tuple(isinstance(a, Tensor) and a._rg for a in args))
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
        t1 = clock()
        several = isinstance(result, (tuple, list))
        raw = tuple(result) if several else (result,)
        for r in raw:
            if not isinstance(r, Tensor) and not (several and r is None):
                raise DTypeError(
                    f"{cls.__name__}.forward must return tensors, it returned {type(r).__name__} ({user_line(2)})"
                )
        row = _row(cls)
        node = _node(row, cls, ctx, args, tensors, raw) if wanted else None
        outs = tuple(_wrap(r, k, ctx, tensors, node) for k, r in enumerate(raw))
        if rec is not None and tensors:
            shown = tuple(o for o in outs if o is not None)
            second = tensors[1] if len(tensors) > 1 else None
            made = shown if len(shown) != 1 else shown[0]
            rec.op(row, (), tensors[0], second, tuple(tensors[2:]), made, t0, t1, node)
        return (list(outs) if isinstance(result, list) else outs) if several else outs[0]


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
        cls._row = row
    return row


def _never(xp: Any, *args: Any) -> Any:
    raise AutogradError("a Function runs through its apply()")


class _Call:
    """One application: its class, context, and the shapes that gradients must have."""

    def __init__(self, cls: Any, ctx: Context, args: Any, raw: Any) -> None:
        self.cls = cls
        self.ctx = ctx
        self.places = tuple(i for i, a in enumerate(args) if isinstance(a, Tensor))
        self.n = len(args)
        self.inputs = tuple((args[i]._a.shape, args[i]._a.dtype, args[i]._rg) for i in self.places)
        self.outputs = tuple(None if r is None else (r._a.shape, r._a.dtype) for r in raw)


def _node(row: Op, cls: Any, ctx: Context, args: Any, tensors: list[Tensor], raw: Any) -> Node:
    own = {id(r): k for k, r in enumerate(raw) if r is not None}
    given = {id(t) for t in tensors}
    saved = tuple(
        _OwnOutput(t._a, own[id(t)]) if id(t) in own and id(t) not in given else t
        for t in ctx._saved
    )
    node = make_node(
        row.plan(1), (saved, None, None), tuple(dispatch._edge(t) if t._rg else None for t in tensors),
        {"call": _Call(cls, ctx, args, raw)}, None,
        tuple((i, ref(t)) for i, t in enumerate(tensors) if not t._rg) or None,
    )  # fmt: skip
    node.nout = len(raw)
    ctx._node, ctx._saved = ref(node), ()
    return node


def _wrap(r: Any, k: int, ctx: Context, tensors: list[Tensor], node: Any) -> Any:
    if r is None:
        return None
    plain = node is None or id(r) in ctx._plain or r._a.dtype.kind != "f"
    # A tensor of its own also where forward handed an input back: the input keeps its history.
    out = Tensor(r._a) if plain else Tensor(r._a, True, node)
    out._k = k
    return out


def _backward(call: _Call, g: Any) -> list[Any]:
    """Run the user's backward; arrays in, arrays out, unless a graph is wanted."""
    ctx = call.ctx
    given = g if isinstance(g, list) else [g]
    graph = any(isinstance(x, Tensor) for x in given)
    grads = []
    for x, out in zip(given, call.outputs, strict=True):
        if x is None and ctx._materialize and out is not None:
            x = np.zeros(*out)
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
    for i, (shape, dtype, wants) in zip(call.places, call.inputs, strict=True):
        x = got[i]
        if not wants:
            back.append(None)
            continue
        if x is None:
            x = Tensor(np.zeros(shape, dtype))
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
