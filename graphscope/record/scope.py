"""``with graphscope.scope("encoder"):`` - a named part of a program that has no module for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from threading import get_ident
from typing import Any, TypeVar

from graphscope.engine import dispatch

_F = TypeVar("_F", bound=Callable[..., Any])


class scope:  # noqa: N801 - reads as a verb at the place of use
    """Group the ops that run inside under a name, as a module's ops are; also a decorator.

    Costs next to nothing when no recorder is on. Scopes nest: ``encoder`` in ``net`` is ``net.encoder``.
    Each thread has its own, also of one object that several threads enter. ``args`` is torch's, and unused.

    Example:
        >>> import graphscope as gs
        >>> with gs.scope("double"):
        ...     y = gs.ones(2) * 2
    """

    __slots__ = ("name", "args", "_entered")

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = str(name)
        self.args = args
        self._entered: dict[int, list[Any]] = {}  # by thread: the recorders it was entered under

    def __enter__(self) -> scope:
        rec = dispatch.recorder()
        self._entered.setdefault(get_ident(), []).append(rec)
        if rec is not None:
            rec.enter_name(self.name)
        return self

    def __exit__(self, *error: object) -> None:
        mine = self._entered[get_ident()]
        rec = mine.pop()
        if not mine:
            del self._entered[get_ident()]
        if rec is not None:  # its recorder may be off by now, and on again later
            rec.leave(True)

    def __call__(self, function: _F) -> _F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with scope(self.name, self.args):
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]
