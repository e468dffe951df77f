"""Which steps of a program are recorded: a schedule says it of each step, as in ``torch.profiler``.

In the steps between the active ones the recorder is off: dispatch then tests one variable, as it does in a
program that is not recorded at all.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from graphscope.engine.frames import is_ours
from graphscope.errors import UsageError


class ProfilerAction(Enum):
    """What happens in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


class BadSchedule(UsageError, AssertionError):
    """Numbers of steps that make no schedule (torch asserts them)."""


_NONE, _WARMUP, _RECORD, _SAVE = ProfilerAction
_END = 1 << 40  # above any number of a step
RECORDING = (_RECORD, _SAVE)
Schedule = Callable[[int], ProfilerAction]


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Schedule:
    """Steps in cycles: ``wait`` of them nothing, ``warmup``, then ``active`` steps that are recorded.

    repeat: number of cycles; 0 goes on until the end. skip_first: steps before the first cycle.
    skip_first_wait: not 0 leaves out the wait of the first cycle.

    GraphScope needs no warm-up, and takes a ``warmup`` step as one more in which it is off.

    Raises: UsageError when a number is negative or no step would be active.

    Example:
        >>> import graphscope as gs
        >>> when = gs.profiler.schedule(wait=1, warmup=1, active=2)
        >>> [when(step).name for step in range(5)]
        ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    given = dict(wait=wait, warmup=warmup, active=active, repeat=repeat, skip_first=skip_first)
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise BadSchedule(
            "schedule: active must be above 0 and the others not below 0; got "
            + ", ".join(f"{k}={v}" for k, v in given.items())
        )
    cycle = wait + warmup + active

    def when(step: int) -> ProfilerAction:
        if step < 0:
            raise BadSchedule(f"a schedule has no step {step}: steps count from 0")
        step -= skip_first
        if step < 0:
            return _NONE
        if skip_first_wait:
            step += wait
        if repeat and step >= repeat * cycle:
            return _NONE
        at = step % cycle
        if at < wait:
            return _NONE
        if at < wait + warmup:
            return _WARMUP
        return _RECORD if at < cycle - 1 else _SAVE

    when.given = given  # type: ignore[attr-defined]
    return when


def always(step: int) -> ProfilerAction:
    """The schedule of a profiler that has none."""
    return _RECORD


def _outside() -> int:
    """How many frames up the program's own line is: several classes of ours may lie in between."""
    level, frame = 1, sys._getframe(1)
    while is_ours(frame.f_code) and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    return level


class Window(NamedTuple):
    """One stretch of active steps."""

    number: int
    program: range
    """The program's own steps, counted from its first ``step()``."""
    train: range
    """The numbers that the recorded steps have in the trace."""
    eval: range


class Windows:
    """Follows a schedule from step to step and remembers what each window holds."""

    def __init__(self, when: Schedule | None) -> None:
        self.when = when or always
        self.step_num = 0
        self.done: list[Window] = []
        self.skipped = {_NONE: 0, _WARMUP: 0}
        self.action = _NONE
        self._first = 0
        self._opened: dict[str, int] | None = None

    def ask(self) -> ProfilerAction:
        """What the schedule says of the present step.

        Raises: UsageError when it gives no ProfilerAction.
        """
        said: Any = self.when(self.step_num)
        try:
            # By value, so that another library's action of the same meaning will do.
            return ProfilerAction(getattr(said, "value", said))
        except ValueError:
            raise UsageError(
                f"the schedule gave {said!r} for step {self.step_num}; it must give a "
                "graphscope.profiler.ProfilerAction, as graphscope.profiler.schedule(...) does"
            ) from None

    def open(self, counts: dict[str, int]) -> None:
        """A window begins: so many steps of each kind are in the trace."""
        self._first, self._opened = self.step_num, dict(counts)

    def close(self, counts: dict[str, int], upto: int) -> Window:
        """It ended before the program's step ``upto``."""
        opened = self._opened or dict.fromkeys(counts, 0)
        self._opened = None
        recorded = {kind: range(opened[kind], n) for kind, n in counts.items()}
        window = Window(
            len(self.done), range(self._first, upto), recorded["train"], recorded["eval"]
        )
        self.done.append(window)
        return window

    def so_far(self) -> dict[str, range] | None:
        """The steps of the window that is open: from its first one on."""
        if self._opened is None:
            return None
        return {kind: range(n, _END) for kind, n in self._opened.items()}

    def moves(self, before: ProfilerAction, now: ProfilerAction) -> tuple[bool, bool, bool]:
        """(a window ends, and is handed out; another begins) between two steps."""
        ends = before is _SAVE or (before is _RECORD and now not in RECORDING)
        if before is _WARMUP and now is _NONE:
            warnings.warn(
                "Incorrect schedule: WARMUP followed by NONE", UserWarning, stacklevel=_outside()
            )
        if before is _RECORD and ends:
            warnings.warn(
                f"Incorrect schedule: RECORD followed by {now.name}; the window before it is not "
                "handed out, since its last step should be RECORD_AND_SAVE",
                UserWarning,
                stacklevel=_outside(),
            )
        return ends, before is _SAVE, now in RECORDING and (ends or before not in RECORDING)

    def meta(self) -> dict[str, str]:
        """What the trace says of it: the schedule, the windows, and how many steps lie between them."""
        if self.when is always:
            return {}
        given = getattr(self.when, "given", None)
        windows = [
            {
                "program_steps": [w.program.start, w.program.stop - 1],
                **{
                    kind: [steps.start, steps.stop - 1]
                    for kind, steps in (("train", w.train), ("eval", w.eval))
                    if steps
                },
            }
            for w in self.done
        ]
        left_out = {"wait": self.skipped[_NONE], "warmup": self.skipped[_WARMUP]}
        return {
            "schedule": json.dumps(given) if given else "the program's own function",
            "windows": json.dumps(windows),
            "unrecorded_steps": json.dumps(left_out),
        }
