"""Functions that a program hangs around an optimizer's step and around its state."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable
from itertools import chain
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.engine.hooks import RemovableHandle
from graphscope.errors import RangeError

Hooks = OrderedDict[int, Callable[..., Any]]
_before_all: Hooks = OrderedDict()
_after_all: Hooks = OrderedDict()


def hang(table: Hooks, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
    """Put a hook into a table, at its end or (``prepend``) at its beginning."""
    key = max(table, default=-1) + 1
    table[key] = hook
    if prepend:
        table.move_to_end(key, last=False)
    return RemovableHandle(table, key)


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before every step of every optimizer."""
    return hang(_before_all, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after every step of every optimizer."""
    return hang(_after_all, hook)


def hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """A ``step`` method that calls the hooks and notes for schedulers that a step was made.

    A step that calls ``super().step()`` counts once.
    """

    @functools.wraps(step)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._stepping:
            return step(self, *args, **kwargs)
        self._stepping = self._opt_called = self._moved = True
        try:
            if _before_all or self._optimizer_step_pre_hooks:
                args, kwargs = _before(self, args, kwargs)
            out = step(self, *args, **kwargs)
        finally:
            self._stepping = False
        if _after_all or self._optimizer_step_post_hooks:
            # As in torch, what a hook gets as args begins with the optimizer itself.
            for hook in chain(self._optimizer_step_post_hooks.values(), _after_all.values()):
                hook(self, (self, *args), kwargs)
        return out

    wrapper.hooked = True  # type: ignore[attr-defined]
    return wrapper


def _before(optimizer: Any, args: Any, kwargs: Any) -> Any:
    for hook in chain(_before_all.values(), optimizer._optimizer_step_pre_hooks.values()):
        result = hook(optimizer, (optimizer, *args), kwargs)
        if result is None:
            continue
        if not (isinstance(result, tuple) and len(result) == 2):
            raise at_line(
                RangeError,
                f"{type(optimizer).__name__}.step: a hook before the step gave {result!r}; it returns (args, kwargs), or "
                "None to change nothing",
            )
        (_, *args), kwargs = result
    return args, kwargs


class HookMethods:
    """The ``register_..._hook`` methods of an optimizer."""

    _stepping = False
    _opt_called = False
    _moved = False  # since the recorder of a run set it so

    def _make_hook_tables(self) -> None:
        self._optimizer_step_pre_hooks: Hooks = OrderedDict()
        self._optimizer_step_post_hooks: Hooks = OrderedDict()
        self._optimizer_state_dict_pre_hooks: Hooks = OrderedDict()
        self._optimizer_state_dict_post_hooks: Hooks = OrderedDict()
        self._optimizer_load_state_dict_pre_hooks: Hooks = OrderedDict()
        self._optimizer_load_state_dict_post_hooks: Hooks = OrderedDict()

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return new (args, kwargs)."""
        return hang(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return hang(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` before each ``state_dict()``."""
        return hang(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` on each state dict; it may return another one."""
        return hang(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before it is loaded; it may return another one."""
        return hang(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` after a state dict was loaded."""
        return hang(self._optimizer_load_state_dict_post_hooks, hook, prepend)
