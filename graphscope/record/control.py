"""Live control: commands out of the trace file, and what they make the program do.

Two threads meet here. The writer's thread reads new rows of the table ``commands`` ten times a second and
answers them (`Controller.poll`). Where something has to be watched it makes the recorder a controlled one
(``record.controlled``), and from then on the program's own thread asks at each op (`record.stops`). While
nothing is watched the recorder is the ordinary one, and all that control costs is a look at a counter of the
file.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import warnings
from collections import deque
from collections.abc import Callable
from time import monotonic, perf_counter_ns
from typing import Any

from graphscope.engine.dispatch import NEVER
from graphscope.errors import GraphScopeError
from graphscope.record.breakpoints import Breakpoints
from graphscope.record.control_changes import Changes
from graphscope.record.control_open import Opened
from graphscope.record.control_orders import Orders, Want
from graphscope.record.control_partial import Partial
from graphscope.record.stops import Stops
from graphscope.trace import commands

TICK = 0.1  # seconds between two looks at the file
BUSY = 0.02  # while the program waits, so that a step answers at once
REFRESH = 1.0  # learning rates change by themselves, under a scheduler
LOCK = threading.Lock()


class Stopped(KeyboardInterrupt):
    """The program was told to stop; leaves the ``with`` block of the profile, and the program goes on behind it."""

    def __init__(self, control: Any) -> None:
        super().__init__("the training was stopped")
        self.control = control


class Controller(Orders):
    """Stops and resumes the program of one recording."""

    def __init__(
        self, recorder: Any, pump: Any, resume_after: float | None = None, resume_alone: float | None = None
    ) -> None:  # fmt: skip
        self.recorder, self.pump = recorder, pump
        self.resume_after, self.resume_alone = resume_after, resume_alone
        self.breakpoints = Breakpoints()
        self.changes = Changes(self)
        self.opened = Opened(self)
        self.partial = Partial(self)
        self.stops = Stops(self)
        self.state = "running"  # or "pausing", "paused", "slow"
        self.at: dict[str, Any] | None = None
        self.want: Want | None = None
        self.slow_ms = 0.0
        self.stopping = self.ended = self.pdb = False
        # What the program's own thread has to do: (command or 0, what to call), its text is the answer.
        self.todo: deque[tuple[int, Callable[[], str]]] = deque()
        self.wake = threading.Event()
        self.someone = 0.0  # when a reader was last heard of
        self._since = self._version = 0
        self._told = ""
        self._rev = 0
        self._refresh = 0.0
        self._file: Any = None
        pump._notes["answer"] = pump.writer.set_command_status
        pump._notes["partial"] = self.partial.write
        pump.control = recorder.control = self
        self._kinds: dict[str, Callable[[int, dict[str, Any]], str | None]] = {
            "pause": self._pause, "resume": self._resume, "stop": self._stop, "here": self._here,
            "step": self._step, "run_to": self._run_to, "slow": self._slow, "break_add": self._break_add,
            "break_set": self._break_set, "break_del": self._break_del, "watch": self._watch,
            "open": self.opened.command, "set_lr": self.changes.set_lr, "set": self.changes.set,
            "freeze": self.changes.freeze, "unfreeze": self.changes.unfreeze, "level": self._level,
        }  # fmt: skip
        try:
            self._file = os.stat(pump.path)
            self._since = commands.newest(pump.writer._db)
        except (OSError, sqlite3.Error):
            pass
        self.tell()

    # ---------------------------------------------------------------- the writer's thread

    def rest(self, wake: threading.Event, period: float) -> None:
        """Wait as long as the writer would, and look for commands meanwhile."""
        end = monotonic() + period
        while True:
            left = end - monotonic()
            tick = BUSY if self.state in ("paused", "pausing") else TICK
            woke = wake.wait(max(min(tick, left), 0.001))
            self.poll()
            if woke or left <= tick or self.pump.notes:
                return

    def poll(self) -> None:
        """Read and obey new commands. Free when there are none."""
        if self.ended:
            return
        try:
            db = self.pump.writer._db
            version = db.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._since = min(self._since, commands.newest(db))  # rows may have been deleted
                found = commands.since(db, self._since)
                for command in found:
                    self._since = command.id
                    if command.kind:
                        self._obey(command)
                if len(found) < commands.AT_ONCE:
                    self._version = version
        except sqlite3.Error:
            return  # locked, or damaged: the writer finds that out for itself
        except Exception as problem:  # a bug of ours must not leave the program waiting
            self.give_up(f"an error in live control itself ({type(problem).__name__}: {problem})")
            return
        if self.want is not None and self.state != "paused" and self.recorder.plan is not NEVER:
            self.watch()  # the recorder was just beginning a step when it was told to ask
        now = monotonic()
        if now - self._refresh > REFRESH:
            self._refresh = now
            self.tell()

    def _obey(self, command: commands.Command) -> None:
        try:
            data = commands.check(command.kind, command.data)
            with LOCK:
                said = self._kinds[command.kind](command.id, data)
        except GraphScopeError as problem:
            self.answer(command.id, f"refused: {problem}")
            return
        self.someone = monotonic()
        if said is not None:
            self.answer(command.id, f"done: {said}" if said else "done")
        if command.kind != "here":
            self.tell()

    def answer(self, id: int, status: str) -> None:
        """Say what became of a command."""
        if id:
            self.pump.notes.append(("answer", id, status[:2_000]))

    def tell(self) -> None:
        """Put the state into the file, where it is another than before."""
        facts = {
            "on": not self.ended, "state": self.state, "at": self.at, "slow_ms": self.slow_ms,
            "breakpoints": self.breakpoints.to_list(), **self.changes.facts(),
        }  # fmt: skip
        try:
            text = json.dumps(facts, allow_nan=False)
        except ValueError:
            text = json.dumps(json.loads(json.dumps(facts), parse_constant=lambda _: None))
        if text == self._told:
            return
        self._told = text
        self._rev += 1
        self.pump.notes.append(("meta", "control", f'{{"rev": {self._rev}, {text[1:]}'))

    def event(self, text: str, rec: Any) -> None:
        """A change from outside, at the running step: curves mark it, and it is told among the findings."""
        self.mark(text, rec)
        step = rec.num["train"]
        self.pump.notes.append(("finding", step, "control", "info", -1, text, {"text": text}))

    def mark(self, text: str, rec: Any) -> None:
        """Something that happened at the running step: curves and the strip mark it."""
        wall = perf_counter_ns() - rec.t_start
        self.pump.notes.append(("text", "event", rec.num["train"], text, wall))

    def announce(self) -> None:
        """``tell``, and have it written now."""
        self.tell()
        self.pump._wake.set()

    def give_up(self, why: str) -> None:
        """Control ends here; the program goes on."""
        self.ended = True
        self.free()
        warnings.warn(
            f"GraphScope: live control ended: {why}. The program runs on.",
            RuntimeWarning,
            stacklevel=2,
        )

    def free_want(self) -> None:
        """Nothing is asked any more; breakpoints stay."""
        self.want, self.at = None, None
        self.state = "slow" if self.slow_ms else "running"

    def free(self) -> None:
        """Let the program run as it does by itself."""
        self.want, self.slow_ms, self.at, self.state = None, 0.0, None, "running"
        for each in list(self.breakpoints.all.values()):
            each.enabled = each.enabled and not self.ended
        self.wake.set()

    def ending(self, error: BaseException | None) -> None:
        """The last step is about to be closed; where the program fails nobody waits there."""
        self.stopping = False
        if error is not None:
            self.free()

    def close(self) -> None:
        """The recording ends."""
        self.ended = True
        self.free()
        while self.todo:
            self.answer(self.todo.popleft()[0], "refused: the recording has ended")
        self.tell()

    @property
    def lost(self) -> str:
        """Why no command can come any more; empty while all is well."""
        if self.ended:
            return "it was ended"
        if self.pump.failed is not None:
            return f"the trace cannot be written ({self.pump.failed})"
        if not self.pump._thread.is_alive():
            return "the writer's thread has ended"
        try:
            now = os.stat(self.pump.path)
        except OSError:
            return f"{self.pump.path} is gone"
        if self._file is not None and (now.st_ino, now.st_dev) != (
            self._file.st_ino,
            self._file.st_dev,
        ):
            return f"{self.pump.path} is another file now"
        return ""

    # ---------------------------------------------------------------- watching

    @property
    def wanted(self) -> bool:
        """Whether ops have to be looked at."""
        return bool(
            not self.ended
            and (
                self.want is not None or self.slow_ms or self.todo or self.stopping
                or self.opened.wanted or self.breakpoints.on
            )
        )  # fmt: skip

    def watch(self) -> None:
        """Have the recorder ask at each op from now on. It stops to by itself when nothing is wanted."""
        from graphscope.record.controlled import take

        if self.wanted:
            take(self.recorder)
        self.wake.set()
