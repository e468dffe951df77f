"""The one way by which an op runs: find the kernel, run it, wrap, note on the tape, tell the recorder.

Hot path. What is slow or rare (promotion, wording of errors) lives in functions that the straight
path never enters; shape errors are found by the kernel and worded afterwards by the row's rule.
"""

from __future__ import annotations

from functools import partial
from time import perf_counter_ns as clock
from typing import Any, Protocol
from weakref import ref

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.explain import explain
from graphscope.engine.modes import _enabled
from graphscope.engine.op import Op
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor

ndarray = np.ndarray
grad_enabled = _enabled.get


class Observer(Protocol):
    """What a recorder offers to the engine; this seam is the only way out of the engine."""

    def op(
        self, row: Op, params: Any, a: Any, b: Any, rest: Any, out: Any, t0: int, t1: int, node: Any
    ) -> None:
        """An op ran on the tensors ``a``, ``b`` (None if there is one) and ``rest``.

        ``out`` is its tensor, or the tuple of them; params are those that are structure.
        """

    values: bool  # whether statistics are wanted in this step

    def grad(self, node: Node, slot: int, g: Any, t0: int, t1: int, alias: bool = False) -> None:
        """The gradient of input ``slot`` of ``node`` was computed; alias: it is the incoming array."""

    def adjoint(self, node: Node, g: Any) -> None:
        """The whole gradient of a node's output is known (called in value steps only)."""

    def leaf(self, tensor: Tensor, g: Any) -> None:
        """A leaf tensor's gradient was accumulated; ``g`` is the whole gradient's array."""

    def backward_begin(self, roots: Any) -> None:
        """A backward pass starts from these tensors."""

    def backward_end(self) -> None:
        """It ended."""

    def failed(self, row: Op, inputs: Any, error: BaseException) -> None:
        """An op raised."""

    def enter(self, module: Any) -> None:
        """A module's forward starts."""

    def leave(self) -> None:
        """It ended."""

    def data(self, t0: int, t1: int) -> None:
        """The program waited for a batch from ``t0`` to ``t1``."""


_rec: Any = None


def recorder() -> Any:
    """The recorder that is on, or None."""
    return _rec


def set_recorder(rec: Any) -> Any:
    """Switch a recorder on (None: off); returns the one before."""
    global _rec
    before, _rec = _rec, rec
    return before


def bind(row: Op, kind: type) -> Any:
    """The row's kernel for arrays of type ``kind``, found once and kept on the row."""
    if kind is ndarray:
        xp: Any = np
    else:
        from graphscope.engine.backend import backend_of_type

        xp = backend_of_type(kind).xp
    kernel = row.kernel
    bound = getattr(xp, kernel) if isinstance(kernel, str) else partial(kernel, xp)
    row.kern[kind] = bound
    return bound


# ---------------------------------------------------------------- straight paths


def unary(row: Op, x: Any) -> Tensor:
    """Run a row of one input and no params."""
    try:
        xa = x._a
    except AttributeError:
        x = as_tensor(x)
        xa = x._a
    if row.floats and xa.dtype.kind != "f":
        x = cast(x, dtypes.get_default_dtype().np)
        xa = x._a
    kern = row.kern.get(type(xa)) or bind(row, type(xa))
    rec = _rec
    if rec is None:
        try:
            ra = kern(xa)
        except Exception as error:
            raise explain(row, error, (x,), {}) from error
        if type(ra) is not ndarray and type(xa) is ndarray:
            ra = np.asarray(ra)
        if x._rg and row.wants and _enabled.get():
            return Tensor(ra, True, _node1(row, x, xa, ra))
        return Tensor(ra)
    t0 = clock()
    try:
        ra = kern(xa)
    except Exception as error:
        rec.failed(row, (x,), error)
        raise explain(row, error, (x,), {}) from error
    t1 = clock()
    if type(ra) is not ndarray and type(xa) is ndarray:
        ra = np.asarray(ra)
    node = _node1(row, x, xa, ra) if x._rg and row.wants and _enabled.get() else None
    out = Tensor(ra, node is not None, node)
    rec.op(row, (), x, None, (), out, t0, t1, node)
    return out


def _node1(row: Op, x: Tensor, xa: Any, ra: Any) -> Node:
    wants, kept, keep_out, _ = row.plans.get(1) or row.plan(1)
    source = x._node
    if source is None:
        source = x
    elif source.nout != 1:
        source = (source, x._k)
    return Node(
        row,
        wants,
        (xa if kept[0] else None, ra if keep_out else None, None),
        (source,),
        None,
        None,
        None,
    )


def _edge(x: Tensor) -> Any:
    node = x._node
    if node is None:
        return x
    return node if node.nout == 1 else (node, x._k)


def binary(row: Op, a: Any, b: Any) -> Tensor:
    """Run a broadcasting row of two inputs and no params; either may be a Python number."""
    try:
        aa = a._a
        ba = b._a
    except AttributeError:
        a, b = _coerce(a, b)
        aa = a._a
        ba = b._a
    if aa.dtype is not ba.dtype or row.floats or type(aa) is not type(ba):
        a, b = _promote(row, a, b)
        aa = a._a
        ba = b._a
    kern = row.kern.get(type(aa)) or bind(row, type(aa))
    rec = _rec
    if rec is not None:
        t0 = clock()
    try:
        ra = kern(aa, ba)
    except Exception as error:
        if rec is not None:
            rec.failed(row, (a, b), error)
        raise explain(row, error, (a, b), {}) from error
    if rec is not None:
        t1 = clock()
    if type(ra) is not ndarray and type(aa) is ndarray:
        ra = np.asarray(ra)
    if (a._rg or b._rg) and row.wants and _enabled.get():
        shapes = others = None
        if row.broadcast:
            sa = aa.shape
            sb = ba.shape
            if sa != sb:
                shapes = (sa, sb)
        if a._rg:
            ea = a._node
            if ea is None:
                ea = a
            elif ea.nout != 1:
                ea = (ea, a._k)
            if b._rg:
                mask = 3
                eb = b._node
                if eb is None:
                    eb = b
                elif eb.nout != 1:
                    eb = (eb, b._k)
                edges: Any = (ea, eb)
            else:
                mask = 1
                edges = (ea,)
                others = (1, b if ba.ndim == 0 else ref(b))
        else:
            mask = 2
            eb = b._node
            if eb is None:
                eb = b
            elif eb.nout != 1:
                eb = (eb, b._k)
            edges = (eb,)
            others = (0, a if aa.ndim == 0 else ref(a))
        wants, kept, keep_out, _ = row.plans.get(mask) or row.plan(mask)
        saved = (aa if kept[0] else None, ba if kept[1] else None, ra if keep_out else None, None)
        node = Node(row, wants, saved, edges, None, shapes, others)
        out = Tensor(ra, True, node)
    else:
        node = None
        out = Tensor(ra)
    if rec is not None:
        rec.op(row, (), a, b, (), out, t0, t1, node)
    return out


# ---------------------------------------------------------------- the general path


def call(row: Op, *inputs: Any, **params: Any) -> Tensor:
    """Run any row. Inputs are tensors or Python numbers, params are keywords of the kernel.

    A row with several outputs gives a tuple of tensors.

    Raises: ShapeError, DTypeError, DeviceError with the op, the shapes, the rule and the user's line.
    """
    arrays = []
    mask, bit = 0, 1
    for x in inputs:
        try:
            arrays.append(x._a)
        except AttributeError:
            return call(row, *_coerce_all(inputs), **params)
        if x._rg:
            mask |= bit
        bit += bit
    tensors = inputs
    if row.broadcast or row.floats:
        tensors = _promote_all(row, inputs)
        arrays = [x._a for x in tensors]
    kind = type(arrays[0]) if arrays else ndarray
    if bit > 2:
        for a in arrays:
            if type(a) is not kind:
                raise explain(row, None, tensors, params)
    kern = row.kern.get(kind) or bind(row, kind)
    if row.writes:
        _check_writable(row, tensors[0])
    rec = _rec
    t0 = clock() if rec is not None else 0
    try:
        ra = kern(*arrays, **params)
    except Exception as error:
        if rec is not None:
            rec.failed(row, tensors, error)
        raise explain(row, error, tensors, params) from error
    t1 = clock() if rec is not None else 0
    aux = None
    if row.aux:
        ra, aux = ra
    if type(ra) is not ndarray and kind is ndarray and not row.multi:
        ra = np.asarray(ra)  # before the tape may keep it
    node = None
    if mask and row.wants and _enabled.get():
        node = _node(row, tensors, arrays, mask, ra, aux, params)
    if row.multi:
        out: Any = tuple(_output(a, kind, node, k) for k, a in enumerate(ra))
        if node is not None:
            node.nout = len(out)
    elif row.writes:
        out = tensors[0]
    else:
        if node is not None and ra.dtype.kind != "f":
            node = None
        out = Tensor(ra, node is not None, node)
    if rec is not None:
        key = tuple([params[k] for k in row.static if k in params]) if params else ()
        b = tensors[1] if len(tensors) > 1 else None
        rec.op(row, key, tensors[0], b, tensors[2:], out, t0, t1, node)
    return out  # type: ignore[no-any-return]


def _output(array: Any, kind: type, node: Node | None, k: int) -> Tensor:
    if type(array) is not ndarray and kind is ndarray:
        array = np.asarray(array)
    if node is None or array.dtype.kind != "f":
        return Tensor(array)
    out = Tensor(array, True, node)
    out._k = k
    return out


def _node(row: Op, tensors: Any, arrays: Any, mask: int, ra: Any, aux: Any, params: Any) -> Node:
    if row.n == 1 and row.inputs[0] == "*":
        wants, _, keep_out, keep_aux = row.plan(1)
        saved: tuple[Any, ...] = (tuple(arrays) if any(0 in w.take for w in wants) else None,)
        edges = tuple(_edge(x) if x._rg else None for x in tensors)
        others: tuple[Any, ...] = tuple(
            v for i, x in enumerate(tensors) if not x._rg for v in (i, ref(x))
        )
    else:
        wants, kept, keep_out, keep_aux = row.plans.get(mask) or row.plan(mask)
        # A last input may be optional (a bias, class weights): then it is not among the arrays.
        n = len(arrays)
        if row.tail:
            kept_arrays = [
                a if k else None for a, k in zip(row.grouped(arrays), kept, strict=True)
            ]
        elif n == row.n:
            kept_arrays = [a if k else None for a, k in zip(arrays, kept, strict=True)]
        else:
            kept_arrays = [arrays[i] if kept[i] and i < n else None for i in range(row.n)]
        edge_list = []
        for w in wants:
            x = tensors[w.slot]
            source = x._node
            edge_list.append(
                x if source is None else source if source.nout == 1 else (source, x._k)
            )
        edges = tuple(edge_list)
        others = ()
        if len(edges) != n:
            for i, x in enumerate(tensors):
                if not mask >> i & 1:
                    others = (*others, i, x if x._a.ndim == 0 else ref(x))
        saved = tuple(kept_arrays)
    shapes = tuple(a.shape for a in arrays) if row.broadcast else None
    saved = (*saved, ra if keep_out else None, aux if keep_aux else None)
    return Node(row, wants, saved, edges, params or None, shapes, others or None)


# ---------------------------------------------------------------- rare work


_constants: dict[Any, Tensor] = {}


def constant(value: Any, np_dtype: Any, like: Any = None) -> Tensor:
    """A 0-d tensor of a Python number."""
    if like is None or type(like) is ndarray:
        return Tensor(np.asarray(value, np_dtype))
    from graphscope.engine.backend import backend_of_type

    return Tensor(backend_of_type(type(like)).asarray(np.asarray(value, np_dtype)))


def weak_constant(value: Any, like: Any) -> Tensor:
    """A Python number beside the array ``like``, cached: a 0-d array costs half of a Python scalar."""
    # dtype.num and not the dtype, whose hash is slow. -0.0 == 0.0, so zero is never taken from here.
    key = (value, type(value), like.dtype.num, type(like))
    found = _constants.get(key)
    if found is None or not value:
        found = constant(value, _weak(value, like), like)
        if len(_constants) < 4096:
            _constants[key] = found
    return found


def as_tensor(value: Any) -> Tensor:
    """A tensor of anything: itself, a Python number, a list or a numpy array."""
    if isinstance(value, Tensor):
        return value
    from graphscope.engine.create import tensor

    return tensor(value)


def _weak(value: Any, like: Any) -> Any:
    """The dtype that a Python number takes beside a tensor: it never widens within its category."""
    kind = like.dtype.kind
    if isinstance(value, bool):
        return like.dtype
    if isinstance(value, int):
        return np.dtype(np.int64) if kind == "b" else like.dtype
    return like.dtype if kind == "f" else dtypes.get_default_dtype().np


def _coerce(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    if isinstance(a, Tensor):
        return a, weak_constant(b, a._a) if isinstance(b, (int, float)) else as_tensor(b)
    if isinstance(b, Tensor):
        return (weak_constant(a, b._a) if isinstance(a, (int, float)) else as_tensor(a)), b
    return as_tensor(a), as_tensor(b)


def _coerce_all(inputs: Any) -> tuple[Tensor, ...]:
    like = next((x._a for x in inputs if isinstance(x, Tensor)), None)
    return tuple(
        x
        if isinstance(x, Tensor)
        else weak_constant(x, like)
        if like is not None and isinstance(x, (int, float))
        else as_tensor(x)
        for x in inputs
    )


def cast(x: Tensor, np_dtype: Any) -> Tensor:
    """``x`` in another dtype, as a recorded op whose gradient casts back."""
    if x._a.dtype == np_dtype:
        return x
    from graphscope.ops.shape import cast as row

    return call(row, x, dtype=dtypes.FROM_NUMPY[np.dtype(np_dtype)].name)


def _promote(row: Op, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    aa, ba = a._a, b._a
    if type(aa) is not type(ba):
        if ba.ndim == 0 and type(ba) is ndarray and not b._rg:
            b = constant(ba.item(), ba.dtype, aa)
        elif aa.ndim == 0 and type(aa) is ndarray and not a._rg:
            a = constant(aa.item(), aa.dtype, ba)
        else:
            raise explain(row, None, (a, b), {})
    want = dtypes.promote(aa.dtype, aa.ndim, ba.dtype, ba.ndim)
    if row.floats and want.kind != "f":
        want = dtypes.get_default_dtype().np
    return cast(a, want), cast(b, want)


def _promote_all(row: Op, tensors: Any) -> tuple[Tensor, ...]:
    skip = 1 if row.mask_first else 0
    arrays = [x._a for x in tensors[skip:]]
    want = arrays[0].dtype
    if row.broadcast:
        dim = arrays[0].ndim
        for a in arrays[1:]:
            if a.dtype is not want:
                want = dtypes.promote(want, dim, a.dtype, a.ndim)
            dim = max(dim, a.ndim)
    if row.floats and want.kind != "f":
        want = dtypes.get_default_dtype().np
    elif not row.broadcast:
        return tuple(tensors)
    cast_to = [x if x._a.dtype == want else cast(x, want) for x in tensors[skip:]]
    return (*tensors[:skip], *cast_to)


def _check_writable(row: Op, target: Tensor) -> None:
    if target._rg and _enabled.get():
        from graphscope.engine.explain import inplace_error

        raise inplace_error(row, target)
