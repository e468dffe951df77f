"""``with graphscope.scope("encoder"):`` - a named part of a program that has no module for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from graphscope.engine import dispatch

_F = TypeVar("_F", bound=Callable[..., Any])


class scope:  # noqa: N801 - reads as a verb at the place of use
    """Group the ops that run inside under a name, as a module's ops are; also a decorator.

    Costs nothing when no recorder is on. Scopes nest: ``encoder`` in ``net`` is ``net.encoder``.

    Example:
        >>> import graphscope as gs
        >>> with gs.scope("double"):
        ...     y = gs.ones(2) * 2
    """

    __slots__ = ("name", "_recorders")

    def __init__(self, name: str) -> None:
        self.name = str(name)
        self._recorders: list[Any] = []

    def __enter__(self) -> scope:
        rec = dispatch.recorder()
        self._recorders.append(rec)
        if rec is not None:
            rec.enter_name(self.name)
        return self

    def __exit__(self, *error: object) -> None:
        rec = self._recorders.pop()
        if rec is not None:
            rec.leave()

    def __call__(self, function: _F) -> _F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with scope(self.name):
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]
