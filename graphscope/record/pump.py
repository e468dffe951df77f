"""From steps to the file: the program's thread packs many at once, a thread in the background writes every 160 ms.

Packing (columns of times, descriptions of new graphs) needs Python's lock, and two threads that both want it
pay for every turn: a loop of tiny ops that the packing runs beside loses several times what the packing takes,
and the packing falls seconds behind. So it is done where a step ends, when many wait or the writer is about
to write; the background only waits for the disk. Steps that last longer than that are packed there too.
If writing fails (a full disk, a folder that vanished), recording stops with one warning and the program runs on.
"""

from __future__ import annotations

import threading
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from time import thread_time_ns, time
from typing import Any

from graphscope.record.describing import Described
from graphscope.record.job import Job as Job
from graphscope.record.packing import BATCH, Packing
from graphscope.record.steady import Steady
from graphscope.trace.writer import TraceWriter

PERIOD = 0.16  # seconds; a killed program loses at most what ended in so many
GRACE = 0.03  # seconds before it from which on a step that ends packs those that wait
WAITING_LIMIT = 20_000  # steps; what comes while so many wait is dropped and counted


class Pump(Packing):
    """Owns the writer and the thread that feeds it."""

    def __init__(self, path: Path, meta: Mapping[str, Any], max_size: int | None = None) -> None:
        self.writer = TraceWriter(path, meta, max_size)
        self.writer.limit.let_go = self._let_go
        self.path = path
        self.recorder: Any = None
        self.control: Any = None  # who reads commands (record.control)
        self.jobs: deque[Any] = deque()  # Job or Steady, oldest first
        # What else goes into the file: ("scalar", "text", "media" or "meta", the writer's arguments).
        self.notes: deque[tuple[Any, ...]] = deque()
        put = self.writer
        self._notes: dict[str, Callable[..., None]] = {
            "scalar": put.add_scalar, "text": put.add_text, "media": put.add_media, "meta": put.set_meta,
            "finding": put.add_finding, "fact": put.add_fact,
        }  # fmt: skip
        self.thumbs_left = 1 << 16  # elements of samples that may still be kept; grows with the run
        self.dropped = 0
        self._foreign = 0  # ops of other threads, as the file says
        self._lost: Steady | None = (
            None  # what the recorder holds, of which nothing will be written
        )
        self._packing = threading.Lock()  # never waited for by the program's thread
        self._packed = 0  # steps since the last writing
        self.cpu_ns = 0
        self._per_step = (
            0  # this thread's own time for a step, which is part of what recording costs
        )
        self.failed: str | None = None
        self._strings = self._sites = 0
        self._ops: dict[Any, int] = {}
        self._specs = Described()
        self._tables: Any = None  # record.tables.Tables, of the recorder's names
        self._graphs: dict[int, Any] = {}
        self._planned: set[int] = set()  # graphs whose plan of deaths is in the file
        self._sets: dict[tuple[int, int], int] = {}
        self._set_live: dict[int, int] = {}
        self._costs: Any = None  # record.costs.Costs
        self._wake = threading.Event()
        self._stop = False
        self._idle = threading.Condition()
        self._asked = self._done = 0
        self._thread = threading.Thread(target=self._run, name="graphscope-writer", daemon=True)

    def start(self, recorder: Any) -> None:
        """Begin to write what ``recorder`` puts."""
        self.recorder = recorder
        self._thread.start()

    def put(self, job: Job) -> None:
        """Hand over a step; never blocks."""
        self._count_lost()
        self.thumbs_left += 2 * job.graph.n
        if self.failed is not None:
            return
        if self._is_full():
            self.dropped += 1
            return
        self.jobs.append(job)
        if self.recorder.due or len(self.jobs) >= BATCH:
            self.pack_here()

    def _is_full(self) -> bool:
        """Whether so much waits that what comes is dropped."""
        return len(self.jobs) >= WAITING_LIMIT or self.writer.waiting >= WAITING_LIMIT

    def put_steady(self, steady: Steady) -> None:
        """Hand over steps that are as predicted, to which the recorder goes on adding; never blocks."""
        self._count_lost()
        if self.failed is not None:
            return
        if self._is_full():
            self._lost = steady
        else:
            self.jobs.append(steady)

    def _count_lost(self) -> None:
        """The recorder adds nothing more to steps that were not taken."""
        lost, self._lost = self._lost, None
        if lost is not None:
            self.dropped += len(lost)

    def pack_here(self) -> None:
        """Pack in the program's thread, unless the other one does so."""
        due = self.recorder.due
        if self._packing.acquire(blocking=False):
            self.recorder.due = False
            try:
                self._pack(True)
            except Exception as problem:  # a bug of ours
                self._give_up(problem)
            finally:
                self._packing.release()
            if due:
                self._wake.set()  # what is packed is written at once: nothing is gained by waiting

    def flush(self) -> None:
        """Return when everything put so far is in the file (or writing has failed).

        Where steps still run on a device this waits for it.
        """
        self.wait_for_devices()
        with self._idle:
            self._asked += 1
            mine = self._asked
            self._wake.set()
            while self._done < mine and self.failed is None and self._thread.is_alive():
                self._idle.wait(0.05)

    def close(self, state: str, error: str | None) -> None:
        """Write the rest, mark the trace as ended, end the thread."""
        self.wait_for_devices()
        self._count_lost()
        self._stop = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30.0)
        if self.failed is None:
            try:
                self._drain()
                self.writer.close(state, error)
                return
            except (
                Exception
            ) as problem:  # a bug of ours included: the program's own result must survive
                self._give_up(problem)
        if not self._thread.is_alive():
            # There may be room again, and it takes little to say how it ended.
            ended = {"state": state, "error": error, "ended": f"{time():.3f}"}
            self.writer.last_words(self._last_words() | ended)
            self.writer.abandon()

    def _last_words(self) -> dict[str, Any]:
        """What the trace says of what is not in it."""
        return {"writing_stopped": self.failed, "dropped_steps": self.dropped or None}

    def wait_for_devices(self) -> None:
        """Return when the devices are through with every step that was put."""
        try:
            for job in list(self.jobs):
                if job.marks is not None:
                    job.marks.wait()
        except Exception as problem:  # the device failed; the program will hear of it by itself
            self._give_up(problem)

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        try:
            while not self._stop:
                self._rest()
                asked = self._asked
                self._wake.clear()
                t = thread_time_ns()
                wrote = self._drain()
                spent = thread_time_ns() - t
                self.cpu_ns += spent
                if wrote:
                    self._per_step = spent // wrote
                with self._idle:
                    self._done = asked
                    self._idle.notify_all()
        except Exception as problem:  # whatever it is, training goes on and the user is told once
            self._give_up(problem)
            # What did not fit was much; a few words often do.
            self.writer.last_words(self._last_words())

    def _rest(self) -> None:
        """Wait until there is something to write; meanwhile commands are looked for."""
        if self.control is None:
            self._wake.wait(PERIOD - GRACE)
        else:
            self.control.rest(self._wake, PERIOD - GRACE)
        if self.recorder is not None:
            self.recorder.due = True
        self._wake.wait(GRACE)

    def _give_up(self, problem: BaseException) -> None:
        self.failed = str(problem).rstrip(".")
        self.jobs.clear()
        with self._idle:
            self._idle.notify_all()
        warnings.warn(
            f"GraphScope stopped recording into {self.path}: {self.failed}. The program runs on; what was "
            "written so far can be opened.",
            RuntimeWarning,
            stacklevel=2,
        )

    def _drain(self) -> int:
        """Write what has come; returns the number of steps."""
        with self._packing:
            # What is said of a program that stands still comes after the steps before it.
            said = len(self.notes)
            rec = self.recorder
            if (
                (rec is not None and rec.due)
                or self._stop
                or self._asked > self._done
                or (said and self.control)
            ):
                # No step has ended in a while. Never more than wait now: others may come all the time.
                if rec is not None:
                    rec.due = False
                self._pack(False)
            for _ in range(len(self.notes) if self._stop else said):
                kind, *row = self.notes.popleft()
                self._notes[kind](*row)
            if self.dropped:
                self.writer.set_meta("dropped_steps", self.dropped)
            if self.recorder is not None and self.recorder.foreign != self._foreign:
                self._foreign = self.recorder.foreign
                self.writer.set_meta("foreign_ops", self._foreign)
            rows = self.writer.take()
            wrote, self._packed = self._packed, 0
        self.writer.write(rows)  # with nothing to write it beats the heart
        self.writer.keep_within()
        return wrote

    def _let_go(self, graphs: list[int]) -> list[int]:
        """Of graphs without a step in the file those that may go; if they come up again they are described again."""
        with self._packing:
            gone = self.writer.forget(graphs)
            for graph in gone:
                self._graphs.pop(graph, None)
                self._planned.discard(graph)
            self._sets = {key: id for key, id in self._sets.items() if key[0] not in gone}
        return sorted(gone)
