"""``gs.breakpoint(...)``, and ``with gs.debug():`` - Python's debugger at the op that is asked for."""

from __future__ import annotations

import pdb
import sys
from types import TracebackType
from typing import Any

from graphscope.engine.frames import is_ours, user_frame
from graphscope.errors import UsageError
from graphscope.record.breakpoints import Breakpoint

SKIP = ["graphscope", "graphscope.*"]
# Set before anything is recorded; the next recording with control takes them.
_waiting: list[dict[str, Any]] = []


def breakpoint(  # noqa: A001 - torch has no such name, and it is what it is
    op: str | None = None,
    *,
    module: str | None = None,
    line: str | int | None = None,
    step: int | None = None,
    when: str | None = None,
    phase: str | None = None,
    graph_change: bool = False,
    once: bool = False,
    hits: int = 1,
) -> None:
    """Stop a program that is recorded with ``control=True`` where all of this fits.

    op: ``"relu"``. module: a path or the last part of it, ``"net.1"``. line: ``31`` or ``"train.py:31"``.
    step: its number. when: a condition over statistics, as ``"norm(grad) > 10"``, ``"any nan"``,
    ``"min(value) < 0"``, ``"update/weight < 1e-4"``, ``"loss > 5 and step > 100"`` (``analysis.conditions``).
    phase: "forward", "backward" or "update". graph_change: where a step first differs from the one before.
    once: only at the first hit. hits: at which hit it stops first.

    Raises: UsageError with a caret under the place of a condition that cannot be read.
    """
    fields = dict(
        op=op, module=module, site=None if line is None else str(line), step=step, condition=when, phase=phase,
        graph_change=graph_change, once=once, hits=hits, where="program",
    )  # fmt: skip
    Breakpoint(0, **fields)  # type: ignore[arg-type]  # says what is wrong with it, here and now
    from graphscope.record.session import running

    profile = running()
    control = None if profile is None or profile._recorder is None else profile._recorder.control
    if control is not None:
        control.breakpoints.add(**fields)
        control.watch()
    elif profile is not None:
        raise UsageError(
            "breakpoint: this recording takes no commands; start it with profile(..., control=True)"
        )
    else:
        _waiting.append(fields)


def waiting() -> list[dict[str, Any]]:
    """The breakpoints that nobody has taken yet; they are taken now."""
    taken = list(_waiting)
    _waiting.clear()
    return taken


class debug:  # noqa: N801 - reads as a verb at the place of use
    """Inside, a breakpoint opens Python's debugger at the running line, and so does an exception.

    The arguments are those of ``gs.breakpoint``; without any it stops at exceptions only (and at breakpoints
    that were set before). Ops are watched in the recording that runs with control, or in one of its own under
    ``runs/debug``.

    Example:
        >>> import graphscope as gs
        >>> with gs.debug(when="any nan"):  # doctest: +SKIP
        ...     train()
    """

    def __init__(
        self, *where: Any, path: Any = "runs/debug", on_error: bool = True, **options: Any
    ) -> None:
        self._place, self._options, self._path, self._on_error = where, options, path, on_error
        self._own: Any = None
        self._control: Any = None

    def __enter__(self) -> debug:
        from graphscope.record.session import profile, running

        outer = running()
        control = None if outer is None or outer._recorder is None else outer._recorder.control
        if control is None:
            if outer is not None:
                raise UsageError(
                    "debug: the recording around it takes no commands; start it with control=True"
                )
            if self._place or self._options:
                breakpoint(*self._place, **self._options)
            self._own = profile(self._path, control=True).start()
            control = None if self._own._recorder is None else self._own._recorder.control
        elif self._place or self._options:
            breakpoint(*self._place, **self._options)
        self._control = control
        if control is not None:
            control.pdb = True
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self._control is not None:
            self._control.pdb = False
        try:
            if error is not None and self._on_error and isinstance(error, Exception):
                print(f"graphscope: {type(error).__name__}: {error}", file=sys.stderr)
                pdb.post_mortem(_users(trace))
        finally:
            if self._own is not None:
                self._own.stop(error)


def _users(trace: TracebackType | None) -> TracebackType | None:
    """The traceback down to the innermost line of the user's, where looking begins."""
    steps: list[TracebackType] = []
    while trace is not None:
        steps.append(trace)
        trace = trace.tb_next
    while len(steps) > 1 and is_ours(steps[-1].tb_frame.f_code):
        del steps[-1]
    kept: TracebackType | None = None
    for step in reversed(steps):
        kept = TracebackType(kept, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return kept


def interact() -> None:
    """Python's debugger at the user's line that runs; it steps through the user's code and not through ours."""
    frame = user_frame(1)
    if frame is None:
        return
    debugger = pdb.Pdb(skip=SKIP)
    debugger.reset()
    # As Bdb.set_trace does it; tracing begins only behind the conversation, else it would trace itself.
    outer: Any = frame
    while outer is not None:
        outer.f_trace = debugger.trace_dispatch
        debugger.botframe = outer
        outer = outer.f_back
    debugger.interaction(frame, None)
    if debugger.quitting:
        raise SystemExit("graphscope: the program was ended in the debugger")
    if debugger.stoplineno != -1 or debugger.breaks:
        sys.settrace(debugger.trace_dispatch)
