"""Steps that wait become rows for the writer: many of one graph at once, their times packed together."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from graphscope.record.describing import Describing
from graphscope.record.job import Job
from graphscope.record.steady import Steady, SteadyRows
from graphscope.trace.writer import Facts, Plain, TraceWriter

BATCH = 128  # steps packed at once


class Packing(Describing):
    """The part of the pump that packs."""

    jobs: deque[Any]
    recorder: Any
    writer: TraceWriter
    _graphs: dict[int, Any]
    _planned: set[int]
    _sets: dict[tuple[int, int], int]
    _set_live: dict[int, int]
    _packed: int
    _per_step: int

    def _pack(self, here: bool) -> None:
        """Turn the steps that wait into rows.

        here: in the program's thread, which does not read the marks of devices.
        """
        jobs = self.jobs
        left = len(jobs)
        while left > 0:
            batches: list[Any] = []
            some: list[Any] = []
            while len(some) < BATCH and left > 0:
                first = jobs[0]
                if type(first) is Steady:
                    # The program's thread adds to it as long as the recorder holds it.
                    complete = self.recorder.steady is not first
                    found = first.take()
                    if len(found):
                        batches.append(found)
                        some.append(found)
                    if complete:
                        jobs.popleft()
                    left = left - 1 if complete else 0
                    continue
                if not jobs[0].is_over or (here and jobs[0].marks is not None):
                    left = 0
                    break
                batches.append(self._batch())
                some += batches[-1]
                left -= len(batches[-1])
            self._prepare(some)  # together: what is new in them takes less that way
            for batch in batches:
                self._packed += len(batch)
                if type(batch) is SteadyRows:
                    self._steady_steps(batch)
                else:
                    self._steps(batch)

    def _batch(self) -> list[Job]:
        """The next steps, as long as they are of one graph and ended the same way."""
        batch = [self.jobs.popleft()]
        graph, status = batch[0].graph, batch[0].status
        while self.jobs and len(batch) < BATCH:
            job = self.jobs[0]
            if (
                type(job) is Steady
                or job.graph is not graph
                or job.status != status
                or not job.is_over
            ):
                break
            batch.append(self.jobs.popleft())
        return batch

    def _steady_steps(self, rows: SteadyRows) -> None:
        """Write steps that were as predicted."""
        graph, set_id = rows.graph, self._sets[rows.graph.id, rows.shape_set]
        live: Any = rows.live0
        if live is None:
            live = np.full(len(rows), self._set_live[set_id])
        steps = Plain(
            rows.seqs, rows.nums, rows.t0 - self.recorder.t_start, rows.wall, rows.rec + self._per_step, rows.loss,
            rows.nonfinite, live,
        )  # fmt: skip
        self.writer.add_plain(graph.kind, graph.id, set_id, steps, rows.begin, rows.dur)

    def _steps(self, jobs: list[Job]) -> None:
        """Write steps of one graph: their times are packed together."""
        graph = jobs[0].graph
        many, n = len(jobs), graph.n
        times = np.frombuffer(b"".join([job.times for job in jobs]), np.int64).reshape(many, 2, n)
        begin, end = times[:, 0], times[:, 1]
        t0 = np.array([[job.t0] for job in jobs], np.int64)
        facts = []
        for job in jobs:
            if job.freed is not None and graph.id not in self._planned:
                # The graph came up in a step that was not looked at; this one is.
                self._planned.add(graph.id)
                self.writer.set_plan(graph.id, job.freed)
            set_id = self._sets[graph.id, job.shape_set]
            column: Any = None
            rows: list[Any] = []
            if job.marks is not None:
                column, rows = job.marks.read(n, job.t0)
            for left in job.left or ():
                self.writer.add_left(*left)
            for category, size in job.alive:
                self.writer.add_alive(job.seq, category, size)
            for row in rows:
                self.writer.add_device(job.seq, *row)
            facts.append(
                Facts(
                    job.seq,
                    job.num,
                    set_id,
                    job.t0_ns,
                    job.wall_ns,
                    job.rec_ns + self._per_step,
                    job.loss,
                    job.nonfinite,
                    job.freed,
                    self._set_live[set_id] if job.live0 < 0 else job.live0,
                    job.note,
                    job.looked,
                    column,
                )  # fmt: skip
            )
            if job.entries:
                self.writer.add_values(job.seq, job.entries)
        self.writer.add_steps(graph.kind, graph.id, jobs[0].status, facts, begin - t0, end - begin)
