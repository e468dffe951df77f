"""A profiler inside a run that is being recorded already: it marks its part of that run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphscope.record.schedule import RECORDING, ProfilerAction, Schedule, Window, Windows
from graphscope.record.session import profile


class Attached:
    """Answers like a ``graphscope.profile`` of its own, and leaves the recording to the one around it."""

    def __init__(
        self,
        around: profile,
        schedule: Schedule | None,
        on_trace_ready: Callable[[Any], Any] | None,
    ) -> None:
        self._around = around
        self._on_trace_ready = on_trace_ready
        self._windows = Windows(schedule)

    @property
    def path(self) -> Path | None:
        """The run of the recording around."""
        return self._around.path

    @property
    def step_num(self) -> int:
        """How often ``step()`` was called."""
        return self._windows.step_num

    @property
    def current_action(self) -> ProfilerAction:
        """What the schedule says of this step."""
        return self._windows.action

    @property
    def windows(self) -> list[Window]:
        """The parts that have ended."""
        return self._windows.done

    def open_window(self) -> dict[str, range] | None:
        """By kind, the numbers of the steps in the window that is not over yet."""
        return self._windows.so_far()

    def start(self) -> None:
        """The first part may begin here."""
        self._windows.action = self._windows.ask()
        if self._windows.action in RECORDING:
            self._open()

    def _open(self) -> None:
        self._around.step()  # what ran before is another step
        self._windows.open(self._around.counts)

    def step(self) -> None:
        """End the running step, and the part if the schedule says so."""
        windows = self._windows
        self._around.step()
        windows.step_num += 1
        before, windows.action = windows.action, windows.ask()
        ends, ready, begins = windows.moves(before, windows.action)
        if ends:
            windows.close(self._around.counts, windows.step_num)
        try:
            if ready and self._on_trace_ready is not None:
                self.flush()
                self._on_trace_ready(self)
        finally:
            if begins:
                self._open()

    def stop(self, error: BaseException | None = None) -> None:
        """The last part ends here; the recording around goes on."""
        windows = self._windows
        is_on = windows.action in RECORDING
        windows.action = ProfilerAction.NONE
        if not is_on:
            return
        self._around.step()
        windows.close(self._around.counts, windows.step_num + 1)
        self.flush()
        if self._on_trace_ready is not None:
            self._on_trace_ready(self)

    def note(self, *args: Any) -> None:
        """A fact for the run."""
        self._around.note(*args)

    def flush(self) -> None:
        """Return when everything recorded so far is in the file."""
        self._around.flush()
