"""Forward mode: dual numbers as one more kind of array, so that dispatch asks nothing about them.

A ``DualArray`` is a value and its tangent. A row's kernel for it runs the plain kernel on the values and
pushes the tangents forward by what the row declares: ``jvp="elementwise"`` (the gradients' formulas on the
tangents), ``"multilinear"`` (the kernel with one input replaced by its tangent), else by transposing the
gradient: it is linear in g, so its own gradient with respect to g, applied to the tangent, is the jvp.

Backward through dual numbers: with y = p + e t, a loss that depends on p and t has the cotangents P and T,
and the dual number T + e P obeys the same formulas as ordinary gradients do (product rule). So
``make_dual`` hands T to the tangent and P to the value, and ``unpack_dual`` puts them in.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from graphscope.engine.dual_array import DualArray, dual, filled, parts, zeros
from graphscope.engine.modes import _enabled

DUAL_ROWS = frozenset({"make_dual", "dual_lift", "dual_primal", "dual_tangent"})
BETWEEN_KINDS = DUAL_ROWS | {"to_device"}
"""Rows whose result is another kind of array than their input."""


# ---------------------------------------------------------------- kernels


def kernel_of(name: str, kind: type) -> Any:
    """The kernel of the row ``name`` for dual numbers of this kind."""
    from graphscope.ops import TABLE

    row = TABLE[name]
    return row.kern.get(kind) or bind(row, kind)


def bind(row: Any, kind: Any) -> Any:
    """The row's kernel on dual numbers, made from its plain kernel and its declared derivative."""
    special = {"dual_primal": _value_of, "dual_tangent": _tangent_of}.get(row.name)
    if special is not None:
        made: Any = special
    elif row.name in DUAL_ROWS:
        made = partial(row.kernel, None)  # of plain arrays
    else:
        from graphscope.engine.dispatch import bind as bind_plain

        plain = row.kern.get(kind.dual_of) or bind_plain(row, kind.dual_of)
        made = _kernel(row, plain)
    row.kern[kind] = made
    return made


def _value_of(x: Any) -> Any:
    return parts(x)[0]


def _tangent_of(x: Any) -> Any:
    primal, tangent = parts(x)
    return zeros(primal) if tangent is None else tangent


def _kernel(row: Any, plain: Any) -> Any:
    def kernel(*args: Any, **params: Any) -> Any:
        split = [parts(a) for a in args]
        primals = [p for p, _ in split]
        tangents = [t for _, t in split]
        if not any(isinstance(a, DualArray) for a in args):
            return plain(*primals, **params)
        if row.writes:
            return _written(row, plain, args[0], primals, tangents, params)
        out = plain(*primals, **params)
        if not row.vjp and not row.view:
            return out
        aux = None
        if row.aux:
            out, aux = out
        outs = out if row.multi else (out,)
        outs = tuple(np.asarray(o) if isinstance(o, np.generic) else o for o in outs)
        moved = (None,) * len(outs)
        if any(t is not None for t in tangents):
            moved = push(row, plain, primals, tangents, outs if row.multi else outs[0], aux, params)
        both = tuple(
            dual(o, None if t is None else _shaped(t, o)) if o.dtype.kind == "f" else o
            for o, t in zip(outs, moved, strict=True)
        )
        result = both if row.multi else both[0]
        return (result, aux) if row.aux else result

    return kernel


def _shaped(t: Any, like: Any) -> Any:
    t = np.asarray(t, like.dtype) if isinstance(t, (float, int, np.generic)) else t
    return t if t.shape == like.shape else t + zeros(like)


def _written(row: Any, plain: Any, target: Any, primals: Any, tangents: Any, params: Any) -> Any:
    """A writing row: the tangents are written as the row's copying twin would move them."""
    from graphscope.ops import TABLE

    twin = TABLE.get(_TWINS.get(row.name, row.name.rstrip("_")))
    if twin is None:
        return plain(*primals, **params)  # an optimizer's step: tangents stay
    before = [type(target)(primals[0].copy(), tangents[0])]
    before += [dual(p, t) if t is not None else p for p, t in zip(primals[1:], tangents[1:], strict=True)]  # fmt: skip
    known = {k: v for k, v in params.items() if k in twin.params}
    if "was" in twin.params and len(primals) > 1:
        known["was"] = tuple(primals[1].shape)
    kind = type(target)
    new = (twin.kern.get(kind) or bind(twin, kind))(*before, **known)
    plain(*primals, **params)
    moved = parts(new)[1]
    if target.tangent is not None and moved is not None:
        target.tangent[...] = moved
    else:
        target.tangent = moved
    return target


_TWINS = {"fill_": "filled", "copy_": "copied"}


def push(
    row: Any, plain: Any, primals: Any, tangents: Any, out: Any, aux: Any, params: Any
) -> tuple[Any, ...]:
    """The tangents of the outputs, one for each."""
    if row.jvp == "multilinear" or (row.view and not row.multi):
        totals: list[Any] = []
        for i, t in enumerate(tangents):
            if t is not None:
                got = plain(*[t if k == i else p for k, p in enumerate(primals)], **params)
                outs = got if row.multi else (got,)
                totals = (
                    [x + y for x, y in zip(totals, outs, strict=True)] if totals else list(outs)
                )
        return tuple(totals)
    if row.jvp == "elementwise":
        from graphscope.ops import plain as namespace

        F = namespace(type(primals[0]))
        total: Any = None
        saved = [*primals, *[None] * (row.n - len(primals)), out, aux]
        for w in row.wants:
            t = tangents[w.slot] if w.slot < len(tangents) else None
            if t is not None:
                extra = {p: _param(row, params, p) for p in w.params}
                got = w.fn(F, t, *[saved[i] for i in w.take], **extra)
                total = got if total is None else total + got
        return (total,)
    return _transposed(row, primals, tangents, out, aux, params)


def _param(row: Any, params: Any, name: str) -> Any:
    return params[name] if name in params else row.params[name]


def _transposed(
    row: Any, primals: Any, tangents: Any, out: Any, aux: Any, params: Any
) -> tuple[Any, ...]:
    """The jvp as the gradient, with respect to g, of <vjp(g), tangent>."""
    from graphscope.engine import dispatch
    from graphscope.engine.backward import grad
    from graphscope.engine.tensor import Tensor
    from graphscope.ops import DIFF

    outs = out if row.multi else (out,)
    before, rec = _enabled.set(True), dispatch.set_recorder(None)
    try:
        # The vjp is linear, so its slope is the same at any g; some are written with the sign of g in them.
        gs = [Tensor(filled(o, 1), True) if o.dtype.kind == "f" else None for o in outs]
        given: Any = list(gs) if row.multi else gs[0]
        if row.inputs == ("*",):
            saved: list[Any] = [tuple(_wrapped(a) for a in primals)]
        elif row.tail:
            saved = [
                tuple(map(_wrapped, a)) if isinstance(a, tuple) else _wrapped(a)
                for a in row.grouped(primals)
            ]
        else:
            saved = [_wrapped(a) for a in primals] + [None] * (row.n - len(primals))
        saved += [
            None if row.multi else _wrapped(out),
            tuple(map(_wrapped, aux)) if isinstance(aux, tuple) else _wrapped(aux),
        ]
        if row.multi and any(row.n in w.take for w in row.wants):
            saved[row.n] = tuple(_wrapped(o) for o in outs)
        us, ts = [], []
        for w in row.wants:
            extra = {p: _param(row, params, p) for p in w.params}
            if row.inputs == ("*",):
                got = w.fn(DIFF, given, *[saved[i] for i in w.take], **extra)
                pairs = list(zip(got, tangents, strict=True))
            elif w.slot < len(tangents) and tangents[w.slot] is not None:
                pairs = [
                    (w.fn(DIFF, given, *[saved[i] for i in w.take], **extra), tangents[w.slot])
                ]
            else:
                continue
            for u, t in pairs:
                if t is not None and u is not None and u._rg:
                    us.append(u)
                    ts.append(Tensor(_shaped(t, u._a)))
        wanted = [g for g in gs if g is not None]
        if not us:
            return (None,) * len(outs)
        found = iter(grad(us, wanted, ts, allow_unused=True))
        return tuple(None if g is None else _array(next(found)) for g in gs)
    finally:
        _enabled.reset(before)
        dispatch.set_recorder(rec)


def _wrapped(a: Any) -> Any:
    from graphscope.engine.tensor import Tensor

    return a if a is None else Tensor(a)


def _array(t: Any) -> Any:
    return None if t is None else t._a


# ---------------------------------------------------------------- seams to dispatch and backward


def lift_beside(tensors: Any) -> Any:
    """Plain tensors beside duals as duals without a tangent; None if there is no dual among them."""
    from graphscope.engine.tensor import Tensor

    kind = next((type(x._a) for x in tensors if isinstance(x._a, DualArray)), None)
    if kind is None or any(type(x._a) not in (kind, kind.dual_of) for x in tensors):
        return None
    return tuple(
        x
        if type(x._a) is kind
        else lift(x)
        if x._rg and _enabled.get()
        else Tensor(kind(x._a, None))
        for x in tensors
    )


def _record(row: Any, tensors: Any, array: Any) -> Any:
    from graphscope.engine import dispatch, versions
    from graphscope.engine.tensor import Tensor

    mask = sum(1 << i for i, t in enumerate(tensors) if t._rg)
    if not mask or not _enabled.get():
        return Tensor(array)
    arrays = [t._a for t in tensors]
    node = dispatch._node(row, tensors, arrays, mask, array, None, {})
    versions.event(node.seq)  # a backward through this node is a careful one
    return Tensor(array, True, node)


def lift(x: Any) -> Any:
    """A plain tensor of a graph as a dual number with the tangent zero."""
    from graphscope.ops import TABLE

    return _record(TABLE["dual_lift"], (x,), dual(x._a, None))


def make(primal: Any, tangent: Any) -> Any:
    """The dual tensor of two plain tensors."""
    from graphscope.ops import TABLE

    return _record(TABLE["make_dual"], (primal, tangent), dual(primal._a, tangent._a))


def value_of(x: Any) -> Any:
    """The value of a dual tensor, as a plain one."""
    from graphscope.ops import TABLE

    return _record(TABLE["dual_primal"], (x,), _value_of(x._a))


def tangent_of(x: Any) -> Any:
    """The tangent of a dual tensor, as a plain one."""
    from graphscope.ops import TABLE

    return _record(TABLE["dual_tangent"], (x,), _tangent_of(x._a))


def unpack(x: Any) -> tuple[Any, Any]:
    """Value and tangent of a dual tensor, as tensors; the tangent of a plain one is None."""
    if not isinstance(x._a, DualArray):
        return x, None
    return value_of(x), None if x._a.tangent is None else tangent_of(x)


def on_backend(a: DualArray, backend: Any) -> DualArray:
    """A dual number on another device."""
    from graphscope.engine.backend import backend_of_type

    here = backend_of_type(a.dual_of)
    moved = (None if x is None else backend.asarray(here.to_host(x)) for x in (a.primal, a.tangent))
    return dual(*moved)


def seed_of_value(gradient: Any, kind: Any) -> Any:
    """The seed for a loss that is the value of a dual number: the value's cotangent is the tangent part."""
    from graphscope.engine.tensor import Tensor

    primal, tangent = parts(gradient._a)
    return Tensor(kind(zeros(primal), primal if tangent is None else tangent))


def seeds_for_duals(seeds: Any, targets: Any) -> Any:
    """Where all targets are dual numbers their gradient is one: (dy/dx, its tangent)."""
    from graphscope.engine.tensor import Tensor

    if targets is None or not all(isinstance(t._a, DualArray) for t in targets):
        return seeds
    out = []
    for s in seeds:
        a = s._a if isinstance(s, Tensor) else s
        if isinstance(a, DualArray):
            turned = type(a)(a.tangent, None)
            s = Tensor(turned) if isinstance(s, Tensor) else turned
        out.append(s)
    return out
