"""``with graphscope.profile("runs/digits") as p:`` - record everything that runs inside."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graphscope.analysis import custom
from graphscope.engine import dispatch
from graphscope.engine.tensor import Tensor
from graphscope.errors import TraceError, UsageError
from graphscope.record import forked
from graphscope.record.control_options import attach, options
from graphscope.record.nonfinite import Trap
from graphscope.record.pump import Pump
from graphscope.record.recorder import Recorder
from graphscope.record.results import Results
from graphscope.record.schedule import RECORDING, ProfilerAction, Schedule, Window, Windows, always
from graphscope.record.wreck import facts_of
from graphscope.trace.format import new_run_path
from graphscope.trace.host import host
from graphscope.trace.limit import DEFAULT, size

VALUES = ("auto", "off", "stats", "full")
DEVICE_TIMES = ("interval", "isolated", "off")
# What a trace says of its own memory figures.
LOOKED = (
    "deaths of memory and what outlives a step are noted in the first 3 steps of a graph, every 16th and from the "
    "64th on every 64th, of quick steps fewer; steps in between are taken to be like those"
)
_running: list[profile] = []
forked.watch(_running)


def running() -> profile | None:
    """The profile that was started last and is not over (its recorder may be off in this step)."""
    return _running[-1] if _running else None


class profile(Results):  # noqa: N801 - reads as a verb at the place of use
    """Record every op, forward and backward, that runs inside the ``with`` block.

    It records the thread that begins it, and one thread at a time; ops of others are counted, and the run says so.

    path: the run; ``runs/digits`` writes ``runs/digits.gscope`` (or ``digits-2`` if that exists).
    schedule: which steps are recorded (``graphscope.profiler.schedule``); then ``step()`` must be called
    after each. All windows go into one run, as consecutive steps; ``windows`` says which they were.
    on_trace_ready: called with this object at the end of each window, and of the last one when recording
    ends; ``path`` is the file, ``windows[-1]`` the part that is new.
    values: "auto" takes statistics of values and gradients as often as ``budget`` allows, "stats" is
    the same without samples of the tensors, "full" takes them in every step, "off" never.
    memory: birth and death of every tensor. stacks: the source line of every op.
    device_time: of ops on a device; "interval" takes the time between two marks in its queue, "isolated"
    waits for every op before the next, "off" takes none.
    budget: share of wall time that statistics may cost.
    raise_on_nan: stop with NonFiniteError where a loss or a gradient is NaN or infinite; it says which op made it so.
    Without, the run goes on and the finding is in the trace.
    max_size: of the file, in bytes or as "1 GiB" (the default); near it every second of the oldest steps,
    statistics and scalars go, and the trace says so. None sets no limit.
    control: let a dashboard pause, step and change the program (and ``gs.breakpoint``); "60s" also resumes
    a paused program after that time, as ``resume_after=60`` does; ``resume_alone`` when nobody looks so long.

    Steps end by themselves (the first forward op after a backward opens the next); ``step()`` ends one
    by hand. Raises: UsageError for options that make no sense. A folder that cannot be written gives
    one warning, and the program runs unrecorded.
    """

    def __init__(
        self,
        path: Any = "runs/run",
        *,
        schedule: Schedule | None = None,
        values: str = "auto",
        memory: bool = True,
        stacks: bool = True,
        device_time: str = "interval",
        budget: float = 0.05,
        on_trace_ready: Callable[[Any], Any] | None = None,
        name: str | None = None,
        raise_on_nan: bool = False,
        max_size: int | float | str | None = DEFAULT,
        control: bool | str | float = False,
        resume_after: float | str | None = None,
        resume_alone: float | str | None = None,
    ) -> None:
        if values not in VALUES:
            raise UsageError(
                f"profile: values={values!r} is unknown; there are: {', '.join(VALUES)}"
            )
        if device_time not in DEVICE_TIMES:
            raise UsageError(
                f"profile: device_time={device_time!r} is unknown; there are: {', '.join(DEVICE_TIMES)}"
            )
        for what, given in (("schedule", schedule), ("on_trace_ready", on_trace_ready)):
            if given is not None and not callable(given):
                raise UsageError(
                    f"profile: {what}={given!r} cannot be called; it must be a function"
                )
        if not 0 < budget < 1:
            raise UsageError(
                f"profile: budget={budget} must be a share of wall time between 0 and 1"
            )
        self._max_size = size(max_size)
        self._control = options(control, resume_after, resume_alone)
        self._wanted = Path(path)
        self._name = name
        self._options = dict(values=values, budget=budget, memory=memory, stacks=stacks)
        self._pump: Pump | None = None
        self._recorder: Recorder | None = None
        self._models: list[tuple[Any, str]] = []
        self._before: Any = None
        self._device_time = device_time
        self._raise_on_nan = bool(raise_on_nan)
        self._on_trace_ready = on_trace_ready
        self._windows = Windows(schedule)
        self._ended = 0
        self.path: Path | None = None

    # ---------------------------------------------------------------- begin and end

    def start(self) -> profile:
        """Begin to record (what ``with`` does)."""
        if self._recorder is not None:
            raise UsageError(f"this profile records into {self.path} already; call stop() first")
        self._windows = Windows(self._windows.when)
        self._windows.action = action = self._windows.ask()
        self._t0_unix = time.time_ns()
        folder, name = self._wanted.parent, self._wanted.name.removesuffix(".gscope")
        meta = {
            "run": self._name or name, "engine": "graphscope", "python": sys.version.split()[0],
            "numpy": np.__version__, "backend": "numpy", "argv": " ".join(sys.argv), "host": host(),
            "t0_unix_ns": self._t0_unix, "device_time": self._device_time,
            "memory": LOOKED if self._options["memory"] else "off",
            "values": self._options["values"], "budget": self._options["budget"],
            "max_size": self._max_size or "none",
        }  # fmt: skip
        try:
            self.path = new_run_path(folder, name)
            self._pump = Pump(self.path, meta, self._max_size)
        except (OSError, TraceError) as problem:
            warnings.warn(
                f"GraphScope cannot record into {self._wanted}: {problem} The program runs on unrecorded.",
                RuntimeWarning,
                stacklevel=3,
            )
            return self
        self._recorder = Recorder(self._pump, **self._options)  # type: ignore[arg-type]
        self._recorder.device_time = self._device_time
        self._recorder.trap = Trap(self._options["values"] != "off", self._raise_on_nan)
        for model, root in self._models:
            self._recorder.names.name_tree(model, root)
        if self._control is not None:
            attach(self._recorder, self._pump, self._control)
        self._pump.start(self._recorder)
        _running.append(self)
        if action in RECORDING:
            self._open()
        return self

    def _open(self) -> None:
        """A window of the schedule begins."""
        recorder = self._recorder
        if recorder is None or recorder.broken is not None:
            return
        self._close_step(recorder)  # nothing ran in it: the step begins now
        self._windows.open(recorder.num)
        recorder.resume()
        self._before = before = dispatch.set_recorder(recorder)
        if isinstance(before, Recorder) and before.thread != recorder.thread:
            warnings.warn(
                f"GraphScope records one thread at a time: while this run ({self.path}) is open, {before.pump.path} of "
                "another thread stands still.",
                RuntimeWarning,
                stacklevel=4,
            )

    def _give_back(self) -> None:
        """Whoever recorded before goes on, unless it ended meanwhile or a third has begun."""
        recorder = self._recorder
        assert recorder is not None
        for other in _running:
            if other._before is recorder:
                other._before = self._before
        now = dispatch.recorder()
        if now is recorder or (now is None and recorder.broken is not None):
            dispatch.set_recorder(self._before)
        self._before = None

    def _shut(self, upto: int) -> None:
        """A window of the schedule ended before the program's step ``upto``."""
        assert self._recorder is not None and self._pump is not None
        self._windows.close(self._recorder.num, upto)
        self._tell_windows()

    def _tell_windows(self) -> None:
        assert self._pump is not None
        for key, value in self._windows.meta().items():
            self._pump.notes.append(("meta", key, value))

    def _close_step(self, recorder: Recorder) -> None:
        if recorder.broken is not None:
            return
        scope, stack = recorder.scope, recorder.stack
        try:
            recorder.close()
        except Exception as problem:  # a bug of ours, not of the program's
            dispatch.broken(recorder, problem)
            return
        if stack:  # a scope around the whole loop goes on
            recorder.scope, recorder.stack = scope, stack
            recorder.where = scope << 2 | recorder.phase

    def stop(self, error: BaseException | None = None) -> None:
        """End the recording and the trace."""
        if self._recorder is None or self._pump is None:
            return
        windows = self._windows
        is_on = windows.action in RECORDING
        if is_on:
            self._give_back()
        control = self._recorder.control
        if control is not None:
            control.ending(error)
        if self in _running:
            _running.remove(self)
        text = None
        if error is not None and not isinstance(error, (KeyboardInterrupt, SystemExit)):
            text = f"{type(error).__name__}: {error}"
        partial = (
            "failed"
            if text
            else ("partial" if self._recorder.phase != 3 and not self._recorder.after else None)
        )
        recorder, pump = self._recorder, self._pump
        if recorder.broken is None:
            try:
                if error is None and partial and recorder.is_no_training():
                    recorder.kind, partial = "eval", None
                recorder.close(status=partial, note=text)
            except Exception as problem:
                dispatch.broken(recorder, problem)
        if is_on:
            self._shut(windows.step_num + 1)
        self._tell_windows()
        for clock in recorder.clocks.values():
            clock.close()
        # By way of the writer's thread, which may be writing at this moment.
        if recorder.broken is not None:
            pump.notes.append(("meta", "recording_stopped", recorder.broken))
        if text and error is not None:
            pump.notes += [("meta", key, value) for key, value in facts_of(error).items()]
        if control is not None:
            control.close()
        pump.close("failed" if text else "finished", text)
        self._stopped = recorder
        self._ended = time.perf_counter_ns()
        self._recorder = None
        windows.action = ProfilerAction.NONE
        if is_on and self._on_trace_ready is not None:
            self._on_trace_ready(self)

    def __enter__(self) -> profile:
        return self.start()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        control = None if self._recorder is None else self._recorder.control
        mine = control is not None and getattr(error, "control", None) is control
        self.stop(error)
        return mine  # stopped from outside: the program goes on behind the block

    # ---------------------------------------------------------------- in between

    def step(self) -> None:
        """End the running step here; with a schedule, it says whether the next one is recorded."""
        recorder, windows = self._recorder, self._windows
        if recorder is None:
            return
        if windows.when is always:  # nothing to ask, and a step may be short
            windows.step_num += 1
            self._close_step(recorder)
            return
        if windows.action in RECORDING:
            self._close_step(recorder)
        else:
            windows.skipped[windows.action] += 1
        windows.step_num += 1
        before, windows.action = windows.action, windows.ask()
        ends, ready, begins = windows.moves(before, windows.action)
        if ends:
            self._give_back()
            self._shut(windows.step_num)
        try:
            if ready and self._on_trace_ready is not None:
                self.flush()
                self._on_trace_ready(self)
        finally:
            if begins:
                self._open()

    @property
    def step_num(self) -> int:
        """How often ``step()`` was called."""
        return self._windows.step_num

    @property
    def current_action(self) -> ProfilerAction:
        """What the schedule does in this step."""
        return self._windows.action

    @property
    def is_whole(self) -> bool:
        """Whether every op goes into this run at the moment, and will until it ends."""
        recorder = self._recorder
        return (
            recorder is not None
            and self._windows.when is always
            and dispatch.recorder() is recorder
        )

    @property
    def counts(self) -> dict[str, int]:
        """How many steps of each kind were recorded."""
        recorder = self._recorder or getattr(self, "_stopped", None)
        return {"train": 0, "eval": 0} if recorder is None else dict(recorder.num)

    def open_window(self) -> dict[str, range] | None:
        """By kind, the numbers of the steps in the window that is not over yet."""
        return self._windows.so_far()

    @property
    def windows(self) -> list[Window]:
        """The windows of the schedule that have ended: the program's steps and their numbers in the trace."""
        return self._windows.done

    def scalar(self, tag: str, value: Any, step: int | None = None) -> None:
        """Record a number under a tag, at the running step unless ``step`` says otherwise."""
        self.note("scalar", tag, float(value.item() if isinstance(value, Tensor) else value), step)

    def text(self, tag: str, text: str, step: int | None = None) -> None:
        """Record a text under a tag."""
        self.note("text", tag, str(text), step)

    def overlay(
        self, name: str, numbers: Mapping[str, float], unit: str = "", step: int | None = None
    ) -> None:
        """Record a number for each of some nodes: the graph page can then be coloured by it.

        numbers: by module (``"net.fc1"``), parameter (``"net.fc1.weight"``), name of a value, or the stable
        key of a node. Raises: UsageError when it is no dictionary of numbers.
        """
        self.note("text", f"{custom.PREFIX}{name}", custom.text(numbers, unit), step)

    def note(
        self, kind: str, tag: str, data: Any, step: int | None = None, walltime: float | None = None
    ) -> None:
        """Record a "scalar", a "text", a "meta" or one of the media of a trace (``trace.schema``)."""
        recorder, pump = self._recorder, self._pump
        if recorder is None or pump is None or pump.failed is not None:
            return
        if kind == "meta":
            pump.notes.append((kind, str(tag), data))
            return
        if step is None:
            step = max(recorder.num["train"] - (recorder.i == 0), 0)
            if self._windows.when is not always:
                step = self._windows.step_num  # the trace counts recorded steps only
        wall = self._now() if walltime is None else int(walltime * 1e9) - self._t0_unix
        if kind in ("scalar", "text"):
            pump.notes.append((kind, str(tag), int(step), data, wall))
        else:
            pump.notes.append(("media", str(tag), int(step), kind, data, wall))

    def watch(self, model: Any, name: str | None = None) -> Any:
        """Name a module's scopes and parameters before its first call; returns the module."""
        from graphscope.record.names import _variable_of

        root = name or _variable_of(model) or type(model).__name__.lower()
        self._models.append((model, root))
        if self._recorder is not None:
            self._recorder.names.name_tree(model, root)
        return model

    def _now(self) -> int:
        assert self._recorder is not None
        return time.perf_counter_ns() - self._recorder.t_start

    @property
    def overhead(self) -> float:
        """What recording has cost so far, as a share of wall time (events, statistics, writer)."""
        recorder = self._recorder or getattr(self, "_stopped", None)
        if recorder is None or self._pump is None or not recorder.wall_ns:
            return 0.0
        wall = recorder.wall_ns
        if self._windows.when is not always:  # what ran between the windows is wall time too
            wall = max(wall, (self._ended or time.perf_counter_ns()) - recorder.t_start)
        return float((recorder.rec_ns + self._pump.cpu_ns) / wall)

    def flush(self) -> None:
        """Return when everything recorded so far is in the file."""
        if self._pump is not None and self._recorder is not None:
            self._pump.flush()
