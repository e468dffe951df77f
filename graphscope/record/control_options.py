"""What ``profile(control=...)`` may be, and how it begins."""

from __future__ import annotations

import contextlib
import re
from typing import Any, NamedTuple

from graphscope.errors import TraceError, UsageError

_SECONDS = {"": 1.0, "s": 1.0, "ms": 1e-3, "m": 60.0, "min": 60.0, "h": 3600.0}


class Options(NamedTuple):
    """Seconds after which a paused program goes on: in any case, and when nobody looks. None: it waits."""

    resume_after: float | None = None
    resume_alone: float | None = None


def options(control: Any, after: Any = None, alone: Any = None) -> Options | None:
    """What the arguments of ``profile`` mean; None: no control.

    >>> options("60s"), options(True, alone="5min"), options(False)
    (Options(resume_after=60.0, resume_alone=None), Options(resume_after=None, resume_alone=300.0), None)

    Raises: UsageError for anything else.
    """
    if control is False or control is None:
        if after is not None or alone is not None:
            raise UsageError("profile: resume_after and resume_alone belong to control=True")
        return None
    if control is not True:
        if after is not None:
            raise UsageError(
                "profile: say control=True with resume_after, or the time in control alone"
            )
        after = control
    return Options(seconds("resume_after", after), seconds("resume_alone", alone))


def seconds(name: str, given: Any) -> float | None:
    """``60``, ``"60s"``, ``"5min"`` in seconds. Raises: UsageError for what is no time."""
    if given is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|)\s*", str(given), re.ASCII)
    if found is None or isinstance(given, bool) or not float(found[1]) > 0:
        raise UsageError(f'profile: {name}={given!r} is no time; try 60 or "60s"')
    return float(found[1]) * _SECONDS[found[2]]


def attach(recorder: Any, pump: Any, wanted: Options) -> Any:
    """Begin to take commands, and take the breakpoints that the program has set so far."""
    from graphscope.record.control import Controller
    from graphscope.record.debugging import waiting

    made = Controller(recorder, pump, *wanted)
    made.breakpoints.take(waiting())
    made.watch()
    made.tell()
    with contextlib.suppress(TraceError):  # a full disk: the writer's thread says so when it begins
        pump._drain()  # a reader that comes at once sees that commands are taken
    return made
