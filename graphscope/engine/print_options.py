"""How tensors are printed: digits, when to leave elements out, the width of a line."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from graphscope.errors import UsageError


@dataclass(frozen=True)
class Options:
    """What ``set_printoptions`` sets. sci_mode None: decided by the values."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES = {
    "default": Options(),
    "short": Options(precision=2, edgeitems=2),
    "full": Options(threshold=math.inf),
}
_options = Options()


def options() -> Options:
    """The options that are set."""
    return _options


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors are printed; a profile ("default", "short", "full") first, then what is named beside it."""
    global _options
    base = _options
    if profile is not None:
        if profile not in PROFILES:
            raise UsageError(f"profile {profile!r} is unknown; there are: {', '.join(PROFILES)}")
        base = replace(PROFILES[profile], sci_mode=base.sci_mode)
    given: dict[str, Any] = dict(
        precision=precision, threshold=threshold, edgeitems=edgeitems, linewidth=linewidth
    )
    _options = replace(base, **{k: v for k, v in given.items() if v is not None}, sci_mode=sci_mode)


@contextmanager
def printoptions(**kwargs: Any) -> Any:
    """``set_printoptions`` for a ``with`` block."""
    global _options
    before = _options
    set_printoptions(**{"sci_mode": before.sci_mode, **kwargs})
    try:
        yield
    finally:
        _options = before
