"""Writing in place inside a recorded graph: the memory changes, and the tensor gets a new history.

``x.mul_(y)`` writes x's memory, which others may share, and puts the node of ``x * y`` under x. If x is
a view, its base gets the history "the base before, with x at its place" (the row ``view_write``), and
every view of that base that is still alive is hung on the new history.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns as clock
from typing import Any

import numpy as np

from graphscope.engine import dispatch, modes
from graphscope.engine import dtype as dtypes
from graphscope.engine.explain import describe, explain
from graphscope.engine.frames import user_line
from graphscope.engine.memory import base_of, path_of
from graphscope.engine.tape import Node, next_seq
from graphscope.engine.tensor import Tensor
from graphscope.engine.versions import owner, register_view, wrote
from graphscope.errors import AutogradError, DTypeError, ShapeError

ndarray = np.ndarray


class Writer:
    """The name under which a generic in-place op is known to version counters."""

    __slots__ = ("name", "kernel")

    def __init__(self, name: str) -> None:
        self.name = name
        self.kernel = None


def wants_graph(target: Tensor, values: Any) -> bool:
    """Whether writing ``values`` into ``target`` is to be recorded for gradients."""
    if not modes.is_grad_enabled():
        return False
    return target._rg or any(isinstance(v, Tensor) and v._rg for v in values)


def check_target(target: Tensor, name: str) -> None:
    """Raise where a graph forbids to write, as torch does. Raises: AutogradError."""
    if target._node is None and target._rg:
        raise AutogradError(
            f"{name}: {describe(target)} is a leaf that requires grad, so it cannot be changed in place while "
            f"gradients are on. Wrap the update in `with no_grad():`, or compute a new tensor. ({user_line(3)})"
        )
    node = target._node
    if node is not None and node.row.multi and node.row.view:
        raise AutogradError(
            f"{name}: output {target._k} of {node.name()} cannot be changed in place: it is one of several views "
            f"that {node.row.name!r} returned. Take it by indexing, or clone() it. ({user_line(3)})"
        )
    base = base_of(target)
    if base is None:
        return
    if base._node is None and base._rg:
        raise AutogradError(
            f"{name}: the tensor is a view of {describe(base)}, a leaf that requires grad, which would change with it. "
            f"Wrap the update in `with no_grad():`, or clone() the leaf first. ({user_line(3)})"
        )
    if base._rg and not target._rg and target._a.dtype.kind == "f":
        raise AutogradError(
            f"{name}: {describe(target)} is a view that was taken under no_grad, so gradients would miss what is "
            f"written now. Take the view with gradients on, or write under no_grad. ({user_line(3)})"
        )


def castable(target: Any, result: Any, name: str) -> None:
    """Raise if a result of that dtype cannot be written into ``target``. Raises: DTypeError."""
    have, want = result.kind, target.kind
    if have == want or want == "f" or (have in "bui" and want in "ui"):
        return
    raise DTypeError(
        f"{name}: the result is {dtypes.FROM_NUMPY[result].name}, and a {dtypes.FROM_NUMPY[target].name} tensor "
        f"cannot keep it; convert the tensor first, or use the op without `_`. ({user_line(3)})"
    )


def stand_in(t: Tensor) -> Tensor:
    """A second tensor with t's memory and history: a node may hold it, t itself would be a cycle."""
    out = Tensor(t._a, t._rg, t._node)
    out._k, out._rid, out._name = t._k, t._rid, t._name
    return out


# ---------------------------------------------------------------- write the result of a pure function


def write_back(target: Tensor, out: Tensor, name: str, writer: Any, began: int) -> Tensor:
    """Put ``out``, computed from ``target`` since the node number ``began``, into target's memory."""
    mine, made = target._a, out._a
    if made is mine:
        return target
    if made.shape != mine.shape:
        raise ShapeError(
            f"{name}: the result is {list(made.shape)}, and the tensor that should keep it {list(mine.shape)}: in "
            f"place, a shape cannot change. Use the op without `_`. ({user_line(3)})"
        )
    if made.dtype != mine.dtype:
        castable(mine.dtype, made.dtype, name)
        out = dispatch.cast(out, mine.dtype)
        made = out._a
    node = out._node
    keepers = [] if node is None else _protect(node, mine, made, began)
    mine[...] = made
    wrote(mine, writer)
    for keeper in keepers:
        saved = keeper.saved
        keeper.saved = tuple(mine if a is made else a for a in saved)
        keeper.seq = next_seq()  # it saved what stands there now
    target._rid = out._rid
    if began:
        rebase(target, node, out._k)
    return target


def _protect(node: Node, mine: Any, made: Any, began: int) -> list[Node]:
    """Copy what the newest nodes saved of memory that is about to be written.

    Returns: the nodes that saved the result itself, which will be that memory.
    """
    held = owner(mine)
    keepers: list[Node] = []
    copies: dict[int, Any] = {}
    seen: set[Node] = set()
    todo = [node]
    while todo:
        at = todo.pop()
        if at in seen or at.seq <= began:
            continue
        seen.add(at)
        saved = at.saved
        if any(hasattr(a, "base") and a is not made and owner(a) is held for a in saved):
            saved = at.saved = tuple(
                copies.setdefault(id(a), a.copy())
                if hasattr(a, "base") and a is not made and owner(a) is held
                else a
                for a in saved
            )
        if any(a is made for a in saved):
            keepers.append(at)
        for edge in at.edges:
            edge = edge[0] if type(edge) is tuple else edge
            if type(edge) is Node:
                todo.append(edge)
    return keepers


# ---------------------------------------------------------------- write by a row of its own


def write_row(writing: Any, pure: Any, target: Tensor, *others: Tensor, **params: Any) -> Tensor:
    """Run the writing row on target's memory and record the node of ``pure``, its copying twin."""
    before = stand_in(target)
    tensors = (before, *others)
    arrays = [t._a for t in tensors]
    mask = sum(1 << i for i, t in enumerate(tensors) if t._rg)
    kept = arrays.copy()
    held = owner(arrays[0])
    for i, keep in enumerate(pure.plan(mask).kept[: len(arrays)]):
        if keep and owner(arrays[i]) is held:
            kept[i] = arrays[i].copy()  # about to be overwritten
    kern = writing.kern.get(type(arrays[0])) or dispatch.bind(writing, type(arrays[0]))
    known = {k: v for k, v in params.items() if k in writing.params}
    rec = dispatch.recorder()
    t0 = clock()
    try:
        kern(*arrays, **known)
    except Exception as error:
        raise explain(writing, error, tensors, params) from error
    t1 = clock()
    wrote(target._a, writing)
    node = dispatch._node(pure, tensors, kept, mask, target._a, None, params)
    if rec is not None:
        key = writing.key(known)
        second = tensors[1] if len(tensors) > 1 else None
        rec.op(writing, key, before, second, tensors[2:], target, t0, t1, node)
    rebase(target, node, 0)
    return target


# ---------------------------------------------------------------- histories


def rebase(target: Tensor, node: Node | None, k: int) -> None:
    """Give ``target`` the history ``node`` (output k), its base and their other views what follows."""
    base = base_of(target)
    before = modes._enabled.set(True)
    rec = dispatch.set_recorder(None)  # the views below are made again, not by the program
    try:
        if base is None:
            _set(target, node, k)
            _renew_views(target)
            return
        from graphscope.ops.inplace import view_write

        value = Tensor(target._a, node is not None, node)
        value._k = k
        old = stand_in(base)
        mask = (1 if old._rg else 0) | (2 if node is not None else 0)
        if not mask:
            return
        new = dispatch._node(
            view_write, (old, value), [old._a, value._a], mask, None, None,
            {"path": tuple(path_of(target)), "was": tuple(target._a.shape)},
        )  # fmt: skip
        _set(base, new, 0)
        chain = [target]
        while (above := chain[-1]._of[0]) is not base:
            chain.append(above)
        for view in reversed(chain):
            parent = view._of[0]
            if parent._node is not None and not any(
                r() is view for r in getattr(parent, "_views", ())
            ):
                register_view(parent, view)
        _renew_views(base)
    finally:
        modes._enabled.reset(before)
        dispatch.set_recorder(rec)


def _set(t: Tensor, node: Node | None, k: int) -> None:
    t._node, t._k, t._rg = node, k, node is not None


def _renew_views(base: Tensor) -> None:
    """Hang every living view of ``base`` on the history that base has now."""
    todo = [base]
    while todo:
        parent = todo.pop()
        for held in list(getattr(parent, "_views", ())):
            view = held()
            link = None if view is None else getattr(view, "_of", None)
            if view is None or link is None or link[0] is not parent:
                continue
            again = dispatch.call(link[1], parent, **link[2])
            _set(view, again._node, again._k)
            todo.append(view)


# ---------------------------------------------------------------- methods


def in_place(name: str, pure: Callable[..., Any]) -> Callable[..., Tensor]:
    """The method ``name`` that writes what the pure function of a tensor gives into that tensor."""
    writer = Writer(name)

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not wants_graph(self, (*args, *kwargs.values())):
            before = modes._enabled.set(False)
            try:
                return write_back(self, pure(self, *args, **kwargs), name, writer, 0)
            finally:
                modes._enabled.reset(before)
        check_target(self, name)
        began = next_seq()
        return write_back(self, pure(stand_in(self), *args, **kwargs), name, writer, began)

    method.__name__ = method.__qualname__ = name
    doc = (pure.__doc__ or "").strip().split("\n")[0]
    method.__doc__ = f"In place: {doc}"
    return method


def arithmetic(
    name: str, pure: Callable[..., Any], writing: Any, row: Any
) -> Callable[..., Tensor]:
    """``add_`` and the like, which have a row that writes without a copy in between."""
    general = in_place(name, pure)
    run = writing.run

    def method(self: Tensor, other: Any, *args: Any, **kwargs: Any) -> Tensor:
        kind = type(other)
        if args or kwargs:
            return general(self, other, *args, **kwargs)
        mine = self._a.dtype
        if kind is float or kind is int:
            if mine.kind != "f":
                return general(self, other)
            other = dispatch.weak_constant(other, self._a)
        elif not isinstance(other, Tensor) or other._a.dtype != mine or row.floats > (mine.kind == "f"):  # fmt: skip
            return general(self, other)
        if modes.is_grad_enabled() and (self._rg or other._rg):
            check_target(self, name)
            if type(self._a) is not type(other._a):
                return general(self, other)
            return write_row(writing, row, self, other)
        return run(self, other)  # type: ignore[no-any-return]

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"In place: {(pure.__doc__ or '').strip()}"
    return method
