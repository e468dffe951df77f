"""Is a gradient wanted? One context variable, so that every thread starts with "yes"."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])

_enabled: ContextVar[bool] = ContextVar("graphscope_grad", default=True)
is_grad_enabled = _enabled.get


class set_grad_enabled:  # noqa: N801 - torch's name
    """Switch the recording of gradients on or off: a call, a context manager or a decorator."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self._before = is_grad_enabled()
        _enabled.set(mode)

    def __enter__(self) -> set_grad_enabled:
        _enabled.set(self.mode)
        return self

    def __exit__(self, *exc: object) -> None:
        _enabled.set(self._before)


class _GradMode:
    mode = False

    def __init__(self, function: Any = None) -> None:
        self._before: list[bool] = []
        self._function = function

    def __new__(cls, function: Any = None) -> Any:
        self = super().__new__(cls)
        if callable(function):  # @no_grad without brackets
            self.__init__()  # type: ignore[misc]
            return self(function)
        return self

    def __enter__(self) -> _GradMode:
        self._before.append(is_grad_enabled())
        _enabled.set(self.mode)
        return self

    def __exit__(self, *exc: object) -> None:
        _enabled.set(self._before.pop())

    def __call__(self, function: _F) -> _F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with type(self)():
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


class no_grad(_GradMode):  # noqa: N801 - torch's name
    """Do not build a graph: a context manager or a decorator."""


class enable_grad(_GradMode):  # noqa: N801 - torch's name
    """Build a graph again inside ``no_grad``: a context manager or a decorator."""

    mode = True


class inference_mode(_GradMode):  # noqa: N801 - torch's name
    """Like ``no_grad``; results are ordinary tensors without a graph."""
