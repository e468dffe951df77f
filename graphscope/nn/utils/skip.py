"""Modules without the cost of initial values."""

from __future__ import annotations

import inspect
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.errors import RangeError
from graphscope.nn.module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A module whose values may be anything (here they are the usual initial values).

    Raises: RuntimeError if the class is no Module or takes no ``device``.
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise at_line(
            RangeError,
            f"skip_init: {getattr(module_cls, '__name__', module_cls)} is no subclass of Module",
        )
    taken = inspect.signature(module_cls).parameters.values()
    if not any(p.name == "device" or p.kind is p.VAR_KEYWORD for p in taken):
        raise at_line(
            RangeError,
            f"skip_init: {module_cls.__name__}.__init__ takes no device; add device=None to its arguments",
        )
    return module_cls(*args, **kwargs)
