"""``torch.profiler.profile``: torch's class over a recording of our own, or over the one that is running."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any

from graphscope import cuda
from graphscope.errors import UsageError
from graphscope.profiler.attached import Attached
from graphscope.profiler.results import Results
from graphscope.record import session
from graphscope.record.schedule import ProfilerAction, Schedule, Window


class ProfilerActivity(Enum):
    """What to watch. The host always is; a device is when ops run there."""

    CPU = 0
    CUDA = 1
    XPU = 2
    MTIA = 3
    HPU = 4
    PrivateUse1 = 5


def supported_activities() -> set[ProfilerActivity]:
    """What can be watched on this machine."""
    return {ProfilerActivity.CPU} | ({ProfilerActivity.CUDA} if cuda.is_available() else set())


class profile(Results):  # noqa: N801 - torch's name
    """Record what runs inside the ``with`` block, and sum it up afterwards.

    activities, record_shapes, profile_memory, with_stack, with_flops, with_modules: accepted as torch has
    them; the recorder notes shapes, memory, source lines, flops and modules in any case.
    schedule, on_trace_ready: as in torch; results are those of the last window, with ``acc_events`` of all.

    The trace is a temporary file that is deleted with this object, or at exit. Inside a running
    ``graphscope.profile`` or ``graphscope run`` there is no second one: this object then reads its part
    of that run.

    Example:
        >>> import graphscope as gs
        >>> with gs.profiler.profile() as prof:
        ...     y = gs.ones(3, 3).exp().exp()
        >>> [(row.key, row.count) for row in prof.key_averages()]
        [('exp', 2)]
    """

    def __init__(
        self,
        *,
        activities: Iterable[Any] | None = None,
        schedule: Schedule | None = None,
        on_trace_ready: Callable[..., Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Callable[[], str] | None = None,
        post_processing_timeout_s: float | None = None,
    ) -> None:
        self.activities = set(supported_activities() if activities is None else activities)
        if not self.activities:
            raise UsageError(
                "profile: activities is empty; give ProfilerActivity.CPU, or leave it out"
            )
        self.schedule = schedule
        self.on_trace_ready = on_trace_ready
        self.record_shapes = record_shapes
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.with_flops = with_flops
        self.with_modules = with_modules
        self.acc_events = acc_events
        self._source: Any = None

    # ---------------------------------------------------------------- begin and end

    def start(self) -> None:
        """Begin to record, or to wait for the schedule."""
        if self._source is not None and self._source.current_action is not ProfilerAction.NONE:
            raise UsageError("this profiler is running already; call stop() first")
        handler = None if self.on_trace_ready is None else self._ready
        around = session.running()
        if around is not None and around.is_whole:
            self._source = Attached(around, self.schedule, handler)
        else:
            folder = tempfile.mkdtemp(prefix="graphscope-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._source = session.profile(
                Path(folder) / "profile",
                schedule=self.schedule,
                values="off",
                on_trace_ready=handler,
            )
        self._source.start()

    def stop(self) -> None:
        """End the recording; the last window is handed out."""
        self._stop(None)

    def _stop(self, error: BaseException | None) -> None:
        if self._source is not None:
            self._source.stop(error)

    def _ready(self, source: Any) -> None:
        assert self.on_trace_ready is not None
        self.on_trace_ready(self)

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._stop(error)

    def step(self) -> None:
        """A step of the program has ended."""
        if self._source is not None:
            self._source.step()

    # ---------------------------------------------------------------- facts

    @property
    def step_num(self) -> int:
        """How often ``step()`` was called."""
        return 0 if self._source is None else int(self._source.step_num)

    @property
    def current_action(self) -> ProfilerAction:
        """What the schedule does in this step."""
        return ProfilerAction.NONE if self._source is None else self._source.current_action

    @property
    def path(self) -> Path | None:
        """The trace; a temporary file unless a recording was running already."""
        return None if self._source is None else self._source.path

    @property
    def profiler(self) -> profile:
        """Torch keeps its results one object deeper."""
        return self

    def add_metadata(self, key: str, value: str) -> None:
        """A text to keep with the run, under ``metadata.<key>``."""
        if self._source is None:
            raise UsageError(
                "add_metadata: the profiler has not begun; call it inside the with block"
            )
        self._source.note("meta", f"metadata.{key}", value)

    def add_metadata_json(self, key: str, value: str) -> None:
        """The same for a text that is JSON. Raises: UsageError when it is not."""
        try:
            json.loads(value)
        except ValueError as error:
            raise UsageError(f"add_metadata_json: {key} is no JSON: {error}") from None
        self.add_metadata(key, value)

    preset_metadata_json = add_metadata_json

    def _program_step(self, kind: str, num: int) -> int:
        windows: list[Window] = self._source.windows
        for window in windows:
            recorded = window.train if kind == "train" else window.eval
            # Where the program's steps and the recorded ones are as many, they are the same.
            if num in recorded and len(recorded) == len(window.program):
                return window.program.start + recorded.index(num)
        return num

    def _place(self) -> tuple[Path, dict[str, range] | None]:
        source = self._source
        if source is None:
            raise UsageError("the profiler has not run: nothing is recorded yet")
        if source.path is None:
            raise UsageError(
                "there is no trace: its file could not be written when recording began"
            )
        source.flush()
        return source.path, ranges_of(source, self.acc_events)


def ranges_of(source: Any, every: bool = False) -> dict[str, range] | None:
    """The steps of the last window that has any, or of all windows; of one that is still open, its own."""
    windows: list[Window] = source.windows
    if not windows:
        return source.open_window()  # type: ignore[no-any-return]
    full = [w for w in windows if w.train or w.eval] or windows
    first, last = (full[0] if every else full[-1]), full[-1]
    return {
        "train": range(first.train.start, last.train.stop),
        "eval": range(first.eval.start, last.eval.stop),
    }


class of_session(Results):  # noqa: N801 - reads as a function at the place of use
    """The results of a ``graphscope.profile``: of its last window."""

    def __init__(self, source: session.profile) -> None:
        self._source = source

    @property
    def path(self) -> Path | None:
        """The run."""
        return self._source.path

    def _place(self) -> tuple[Path, dict[str, range] | None]:
        if self._source.path is None:
            raise UsageError(
                "there is no trace: its file could not be written when recording began"
            )
        self._source.flush()
        return self._source.path, ranges_of(self._source)
