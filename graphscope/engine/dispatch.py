"""The one way by which an op runs: find the kernel, run it, wrap, note on the tape, tell the recorder.

Hot path. What is slow or rare (promotion, wording of errors) lives in functions that the straight
path never enters; shape errors are found by the kernel and worded afterwards by the row's rule.
"""

from __future__ import annotations

import sys
from functools import partial
from time import perf_counter_ns as clock
from typing import Any, Protocol
from weakref import ref

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine import in_c, straight
from graphscope.engine.explain import explain
from graphscope.engine.follow import follow, follow_call, follow_like
from graphscope.engine.modes import _enabled
from graphscope.engine.note import NOTES_IN_C, note_op
from graphscope.engine.numbered import compiled
from graphscope.engine.op import Op
from graphscope.engine.tape import Node, make_node, order
from graphscope.engine.tensor import Tensor
from graphscope.engine.versions import register_view, wrote

ndarray = np.ndarray
grad_enabled = _enabled.get


class Observer(Protocol):
    """What a recorder offers to the engine; this seam is the only way out of the engine.

    One that is a ``follow.Follower`` may predict; what is as predicted is noted there and then, without a call.
    All others are called for every op.
    """

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

    def gradient_failed(self, node: Node, error: BaseException) -> None:
        """A gradient of a node could not be computed."""

    def state_made(self, x: Any) -> None:
        """An optimizer made a tensor of its state, by no op."""

    def rates_changed(self, optimizer: Any, were: Any = ()) -> None:
        """Learning rates of an optimizer's groups were set; ``were``: what they were just before."""

    def enter(self, module: Any) -> None:
        """A module's forward starts."""

    def leave(self) -> None:
        """It ended."""

    def data(self, t0: int, t1: int) -> None:
        """The program waited for a batch from ``t0`` to ``t1``."""


class _Never(list):  # type: ignore[type-arg]
    """Predictions of an observer that makes none: an entry at every place that no op is like."""

    def __getitem__(self, i: Any) -> Any:
        return (None, 0, 0, 0)


NEVER = _Never()
_rec: Any = None
_tell_c: Any = getattr(
    compiled, "set_recorder", None
)  # rows that run in C tell it without asking here


def recorder() -> Any:
    """The recorder that is on, or None."""
    return _rec


def set_recorder(rec: Any) -> Any:
    """Switch a recorder on (None: off); returns the one before."""
    global _rec
    if rec is not None and not hasattr(type(rec), "plan"):
        rec.plan, rec.i = NEVER, 0  # an observer that predicts nothing is told everything by calls
    before, _rec = _rec, rec
    if _tell_c is not None:
        _tell_c(rec)
    return before


def broken(rec: Any, error: Exception) -> None:
    """The recorder failed: recording stops with one warning, and the program runs on."""
    if _rec is rec:
        set_recorder(None)
    rec.stopped(error)


def tell(
    rec: Any, row: Op, key: Any, a: Any, b: Any, rest: Any, out: Any, t0: int, t1: int, node: Any
) -> None:
    """Tell a recorder of an op that it did not predict."""
    try:
        if not note_op(rec, row, key, a, b, rest, out, t0, t1, node):
            rec.op(row, key, a, b, rest, out, t0, t1, node)
    except Exception as error:  # a bug of the recorder's must not stop the program
        broken(rec, error)


def bind(row: Op, kind: type) -> Any:
    """The row's kernel for arrays of type ``kind``, found once and kept on the row."""
    if kind is ndarray:
        xp: Any = np
    elif hasattr(kind, "dual_of"):
        from graphscope.engine.forward_mode import bind as bind_dual

        return bind_dual(row, kind)
    else:
        from graphscope.engine.backend import backend_of_type

        xp = backend_of_type(kind).xp
    kernel = row.kernel
    if isinstance(kernel, str):
        bound = getattr(xp, kernel)
    else:
        # A kernel may name a function of numpy's that does the same in one call.
        same = getattr(kernel, "numpy", None) if kind is ndarray else None
        bound = same or partial(kernel, xp)
    row.kern[kind] = bound
    return bound


# ---------------------------------------------------------------- straight paths


def straighten(row: Op) -> None:
    """Give the row its way to run: a function written for it where one can be, else `call`."""
    if straight.is_straight(row):
        row.run = straight.straighten(row, bind(row, ndarray), _NAMES)
    else:
        row.run = in_c.general(row, bind(row, ndarray), partial(general, row))


def unary(row: Op, x: Any) -> Tensor:
    """Run a row of one input and no params."""
    return row.run(x)  # type: ignore[no-any-return]


def binary(row: Op, a: Any, b: Any) -> Tensor:
    """Run a row of two inputs and no params; where it broadcasts, either may be a Python number."""
    return row.run(a, b)  # type: ignore[no-any-return]


def failed(row: Op, error: Exception, inputs: Any, rec: Any, params: Any = None) -> BaseException:
    """What to raise for a kernel that raised."""
    if rec is not None:
        rec.failed(row, inputs, error)
    return explain(row, error, inputs, params or {})


def raise_failed(row: Op, error: Exception, inputs: Any, params: Any) -> None:
    """A kernel raised where Python did not run it."""
    raise failed(row, error, inputs, _rec, params) from error


def _edge(x: Tensor) -> Any:
    node = x._node
    if node is None:
        return x
    return node if node.nout == 1 else (node, x._k)


# ---------------------------------------------------------------- the general path


def call(row: Op, *inputs: Any, **params: Any) -> Tensor:
    """Run any row. Inputs are tensors or Python numbers, params are keywords of the kernel.

    See ``general``, which is the whole of it; many rows have a straight path that does the same.
    """
    run = row.run
    if run is None:  # a row that is in no table
        return general(row, *inputs, **params)
    return run(*inputs, **params)  # type: ignore[no-any-return]


def general(row: Op, *inputs: Any, **params: Any) -> Tensor:
    """Run any row on any kinds of arrays, numbers and dtypes.

    A row with several outputs gives a tuple of tensors.

    Raises: ShapeError, DTypeError, DeviceError with the op, the shapes, the rule and the user's line.
    """
    arrays = []
    mask, bit = 0, 1
    for x in inputs:
        try:
            arrays.append(x._a)
        except AttributeError:
            return general(row, *_coerce_all(inputs), **params)
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
                return general(row, *_one_kind(row, tensors, params), **params)
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
    mask &= row.wanted
    if mask and _enabled.get():
        node = _node(row, tensors, arrays, mask, ra, aux, params)
    if row.multi:
        out: Any = tuple(_output(a, kind, node, k) for k, a in enumerate(ra))
        if node is not None:
            node.nout = len(out)
    elif row.writes:
        out = tensors[0]
        wrote(ra, row)
    else:
        if node is not None and ra.dtype.kind != "f":
            node = None
        out = Tensor(ra, node is not None, node)
        if row.view:
            out._of = (tensors[0], row, params)
            if node is not None and tensors[0]._node is not None:
                register_view(tensors[0], out)
    if rec is not None:
        key = row.key(params) if params and row.static else ()
        b = tensors[1] if len(tensors) > 1 else None
        try:
            rest = tensors[2:]
            a = tensors[0]
            if not follow_call(rec, row, key, a, b, rest, out, t0, t1, node) and not note_op(
                rec, row, key, a, b, rest, out, t0, t1, node
            ):
                rec.op(row, key, a, b, rest, out, t0, t1, node)
        except Exception as error:
            broken(rec, error)
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
        plan = row.plan(1)
        saved: tuple[Any, ...] = (tuple(arrays) if any(0 in w.take for w in plan.wants) else None,)
        edges = tuple(_edge(x) if x._rg else None for x in tensors)
        others: tuple[Any, ...] = tuple(
            v for i, x in enumerate(tensors) if not x._rg for v in (i, ref(x))
        )
    else:
        plan = row.plans.get(mask) or row.plan(mask)
        kept = plan.kept
        # A last input may be optional (a bias, class weights): then it is not among the arrays.
        n = len(arrays)
        if row.tail:
            kept_arrays = [a if k else None for a, k in zip(row.grouped(arrays), kept, strict=True)]
        elif n == row.n:
            kept_arrays = [a if k else None for a, k in zip(arrays, kept, strict=True)]
        else:
            kept_arrays = [arrays[i] if kept[i] and i < n else None for i in range(row.n)]
        edge_list = []
        for w in plan.wants:
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
    if len(params) < len(row.params):  # those left out are what the kernel took for them
        params = {**row.params, **params}
    saved = (*saved, ra if plan.keep_out else None, aux if plan.keep_aux else None)
    return make_node(plan, saved, edges, params or None, shapes, others or None)


# ---------------------------------------------------------------- rare work


_constants: dict[Any, Tensor] = {}
_float32, _float64 = np.dtype(np.float32), np.dtype(np.float64)
_numbers32: dict[float, Tensor] = {}
_numbers64: dict[float, Tensor] = {}


def number(value: float, beside: Any) -> Any:
    """A Python number beside a tensor, as a tensor that is kept: a 0-d array costs half of a number."""
    try:
        like = beside._a
    except AttributeError:
        return value
    if type(like) is ndarray:
        dtype = like.dtype
        # One dict for each dtype: 2 and 2.0 are one number there, and a key of one float is fast.
        if dtype is _float32:
            known = _numbers32
        elif dtype is _float64:
            known = _numbers64
        else:
            return weak_constant(value, like)
        try:
            return known[value]
        except KeyError:
            made = weak_constant(value, like)
            if value and len(known) < 4096:  # zero is not kept here, since 0.0 == -0.0
                known[value] = made
            return made
    return weak_constant(value, like)


def constant(value: Any, np_dtype: Any, like: Any = None) -> Tensor:
    """A 0-d tensor of a Python number."""
    try:
        a = np.asarray(value, np_dtype)
    except OverflowError:  # 300 beside int8 wraps around, as in torch
        a = np.asarray(value).astype(np_dtype)
    if like is None or type(like) is ndarray:
        return Tensor(a)
    from graphscope.engine.backend import backend_of_type

    return Tensor(backend_of_type(type(like)).asarray(a))


def weak_constant(value: Any, like: Any) -> Tensor:
    """A Python number beside the array ``like``, cached: a 0-d array costs half of a Python scalar."""
    # dtype.num and not the dtype, whose hash is slow. -0.0 == 0.0, so a float zero is never taken from here.
    key = (value, type(value), like.dtype.num, type(like))
    found = _constants.get(key)
    if found is None or (not value and type(value) is float):
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
    # A number that can be changed while the program runs counts as what it is now.
    inputs = [x.value if hasattr(type(x), "is_live_number") else x for x in inputs]
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


def _same_kind(row: Op, tensors: Any) -> Any:
    """Tensors of two kinds of arrays made one: a 0-d host constant goes to the other's device."""
    kinds = [type(x._a) for x in tensors]
    kind = next((k for k in kinds if k is not ndarray), ndarray)
    like = next((x._a for x in tensors if type(x._a) is kind), None)
    out = []
    for x, k in zip(tensors, kinds, strict=True):
        if k is ndarray and k is not kind and not x._a.ndim and not x._rg:
            x = constant(x._a.item(), x._a.dtype, like)
        out.append(x)
    if all(type(x._a) is kind for x in out):
        return tuple(out)
    return _one_kind(row, out, {})


def _one_kind(row: Op, tensors: Any, params: Any) -> tuple[Tensor, ...]:
    """Plain tensors beside dual numbers become duals. Raises: DeviceError for anything else."""
    from graphscope.engine.forward_mode import lift_beside

    lifted: tuple[Tensor, ...] | None = lift_beside(tensors)
    if lifted is None:
        raise explain(row, None, tensors, params)
    made: tuple[Tensor, ...] = lifted
    return made


def _promote_all(row: Op, tensors: Any) -> tuple[Tensor, ...]:
    if row.broadcast:
        kind = type(tensors[0]._a)
        for x in tensors:
            if type(x._a) is not kind:
                tensors = _same_kind(row, tensors)
                break
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


_NAMES = {
    "broken": broken, "follow": follow, "follow_like": follow_like,
    "Node": Node, "Tensor": Tensor, "note_op": note_op, "asarray": np.asarray, "general": general, "np": np, "register_view": register_view,
    "clock": clock, "dispatch": sys.modules[__name__],
    "enabled": _enabled.get, "failed": failed, "ndarray": ndarray, "new": object.__new__, "number": number,
    "order": order, "ref": ref,
}  # fmt: skip
_some = np.zeros((2, 3), np.float32)
in_c.start(
    order=order, asarray=np.asarray, tell=tell, note_op=note_op if NOTES_IN_C else None, broken=broken, failed=raise_failed, wrote=wrote, register_view=register_view,
    float32=_float32, float64=_float64, numbers32=_numbers32, numbers64=_numbers64, array=_some, view=_some.reshape(-1),
)  # fmt: skip
