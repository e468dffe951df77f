"""Hooks of a module: functions that are called around its forward, its backward and its state.

A backward hook needs to stand on the tape at the module's door: the tensors that go in and come out
pass through a ``Function`` that hands them on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from graphscope.autograd.function import Function
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError


class RemovableHandle:
    """Takes a hook off again with ``remove()``; as a context manager, at the end of the block."""

    _next = 0

    def __init__(self, *tables: dict[int, Any]) -> None:
        self.tables = tables
        self.id = RemovableHandle._next
        RemovableHandle._next += 1

    def remove(self) -> None:
        """Take the hook off; a second call does nothing."""
        for table in self.tables:
            table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add(
    table: dict[int, Any], hook: Callable[..., Any], entry: Any = None, prepend: bool = False
) -> RemovableHandle:
    """Put a hook (or an entry that holds it) into a table, at the end or in front."""
    if not callable(hook):
        raise at_line(UsageError, f"a hook must be callable, {hook!r} is not")
    handle = RemovableHandle(table)
    table[handle.id] = hook if entry is None else entry
    if prepend:
        rest = [(k, v) for k, v in table.items() if k != handle.id]
        for k, _ in rest:
            del table[k]
        table.update(rest)
    return handle


class Gate(Function):
    """Tensors that pass a module's door; ``turn`` sees their gradients on the way back.

    filled: gradients that did not come are zeros for it, and not None.
    """

    @staticmethod
    def forward(ctx: Any, turn: Any, filled: bool, *tensors: Tensor) -> Any:
        """The same values."""
        ctx.turn = turn
        ctx.set_materialize_grads(filled)
        out = tuple(t.detach() for t in tensors)
        ctx.mark_non_differentiable(*(o for o, t in zip(out, tensors, strict=True) if not t._rg))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """What ``turn`` makes of the gradients."""
        return (None, None, *ctx.turn(grads))


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


class BackwardHooks:
    """The backward hooks of one call of a module."""

    def __init__(self, module: Any, pre: Any, post: Any) -> None:
        self.module = module
        self.pre = list(pre)
        self.post = list(post)
        self.grad_output: tuple[Any, ...] = ()
        self.gated = False
        self.places: tuple[int, ...] = ()
        self.count = 0

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, with those that want a gradient behind the gate."""
        self.count = len(args)
        places = tuple(i for i, a in enumerate(args) if isinstance(a, Tensor))
        from graphscope.engine.modes import is_grad_enabled

        if not is_grad_enabled() or not any(args[i]._rg for i in places):
            return args
        self.gated, self.places = True, places
        passed = Gate.apply(self._leaving, True, *(args[i] for i in places))
        out = list(args)
        for i, t in zip(places, _tuple(passed), strict=True):
            out[i] = t
        return tuple(out)

    def outputs(self, result: Any) -> Any:
        """The result, behind the gate."""
        single = isinstance(result, Tensor)
        parts = (result,) if single else result
        if not isinstance(parts, (tuple, list)):
            return result
        places = [i for i, t in enumerate(parts) if isinstance(t, Tensor)]
        if not any(parts[i]._rg for i in places):
            return result
        self.out_places, self.out_count = places, len(parts)
        passed = _tuple(Gate.apply(self._arriving, False, *(parts[i] for i in places)))
        if single:
            return passed[0]
        out = list(parts)
        for i, t in zip(places, passed, strict=True):
            out[i] = t
        return out if isinstance(result, list) else tuple(out)

    def _arriving(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        given: list[Any] = [None] * self.out_count
        for i, g in zip(self.out_places, grads, strict=True):
            given[i] = g
        all_grads = tuple(given)
        for hook in self.pre:
            changed = hook(self.module, all_grads)
            if changed is not None:
                all_grads = _checked(changed, len(all_grads), "grad_output")
        self.grad_output = all_grads
        if not self.gated:
            # No input wants a gradient, so this is the last that will be heard of this call.
            if self.post:
                warnings.warn(
                    f"{type(self.module).__name__}: a backward hook is called although no input wants a gradient, so "
                    f"its grad_input is {self.count} times None. If you need it, call requires_grad_() on an input.",
                    stacklevel=2,
                )
            for hook in self.post:
                if hook(self.module, (None,) * self.count, all_grads) is not None:
                    raise at_line(
                        RuntimeError,
                        f"{type(self.module).__name__}: a backward hook gave new gradients for the inputs, but none of "
                        "them wants one; return None there",
                    )
        return tuple(all_grads[i] for i in self.out_places)

    def _leaving(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        given: list[Any] = [None] * self.count
        for i, g in zip(self.places, grads, strict=True):
            given[i] = g
        grad_input = tuple(given)
        for hook in self.post:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is not None:
                grad_input = _checked(changed, len(grad_input), "grad_input")
        return tuple(grad_input[i] for i in self.places)


def _checked(changed: Any, n: int, what: str) -> tuple[Any, ...]:
    out = _tuple(changed)
    if len(out) != n:
        raise at_line(
            RuntimeError,
            f"a backward hook gave {len(out)} gradients in place of {n} ({what}); return as many, or None to change "
            "nothing",
        )
    return out
