"""What a profile gives back, while it records and afterwards: the results of its trace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphscope.errors import TraceError

if TYPE_CHECKING:
    from graphscope.analysis.averages import KeyAverages
    from graphscope.analysis.comparison import Comparison
    from graphscope.analysis.doctor import Finding
    from graphscope.analysis.holders import StepMemory
    from graphscope.analysis.numeric import NodeDifference
    from graphscope.analysis.roofline import Roofline
    from graphscope.analysis.run import Run
    from graphscope.analysis.steps import Steps
    from graphscope.analysis.timeline import MemoryTimeline


class Results:
    """Questions to the trace that is being written, or was. ``graphscope.open_run`` asks them of any run."""

    path: Path | None

    def flush(self) -> None:
        """Return when everything recorded so far is in the file."""
        raise NotImplementedError

    def results(self) -> Run:
        """Everything recorded so far, opened for reading; close it (or use ``with``).

        Raises: TraceError when there is no trace, because it could not be written.
        """
        from graphscope.analysis.run import Run

        self.flush()
        if self.path is None:
            raise TraceError(
                "there is no trace: nothing was recorded, or the folder could not be written"
            )
        return Run(self.path)

    def key_averages(self, group_by: str = "op", **options: Any) -> KeyAverages:
        """Time, calls, operations and memory per op, scope, line, shape or phase.

        Print it, or take ``.to_dict()``, ``.to_csv()``, ``.to_pandas()``.
        """
        with self.results() as run:
            return run.key_averages(group_by, **options)

    def steps(self, kind: str = "train") -> Steps:
        """One row a step: where its time went, its loss, its memory."""
        with self.results() as run:
            return run.steps(kind)

    def memory_timeline(self, step: int = -1, kind: str = "train") -> MemoryTimeline:
        """What is alive while each op of a step runs (-1: the last step)."""
        with self.results() as run:
            return run.memory_timeline(step, kind)

    def peak(self, step: int = -1, kind: str = "train") -> StepMemory:
        """The moment of most memory of a step: what is alive, which line made it, and why it is kept."""
        with self.results() as run:
            return run.peak(step, kind)

    def roofline(self, group_by: str = "op", step: int = -1, **options: Any) -> Roofline:
        """Operations, bytes, achieved rates, and what limits each op, against this machine's ceilings."""
        with self.results() as run:
            return run.roofline(group_by, step, **options)

    def findings(self, mute: Sequence[str] = ()) -> list[Finding]:
        """What is wrong with this training so far, worst first; print one, or take its ``fix``.

        mute: rules to leave out (beside those of the settings file), or ``rule:pattern`` of a finding's key.
        """
        with self.results() as run:
            return run.findings(mute)

    def compare(self, other: Any, group_by: str = "op", kind: str = "train") -> Comparison:
        """This run (B) against another one (A: a path, a Run or a profile)."""
        with self.results() as run:
            return run.compare(other, group_by, kind)

    def first_divergent(self, other: Any, **options: Any) -> NodeDifference | None:
        """The first value in which this run and another one part, as far as both took statistics."""
        with self.results() as run:
            return run.first_divergent(other, **options)

    def compare_steps(
        self, a: int, b: int, group_by: str = "op", kind: str = "train"
    ) -> Comparison:
        """Step ``b`` against step ``a``."""
        with self.results() as run:
            return run.compare_steps(a, b, group_by, kind)

    def assert_no_regression(self, baseline: Any, tolerance: float = 0.2, **options: Any) -> None:
        """For tests: the same ops, bytes and operations as the baseline run, in no more time than allowed.

        Raises: AssertionError that lists what got worse.
        """
        with self.results() as run:
            run.assert_no_regression(baseline, tolerance, **options)
