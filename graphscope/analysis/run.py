"""A finished (or still running) run and everything that can be asked of it: ``gs.open_run("runs/digits")``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphscope.analysis import compare as _compare
from graphscope.analysis.aggregate import key_averages
from graphscope.analysis.averages import KeyAverages
from graphscope.analysis.comparison import Comparison, regressions
from graphscope.analysis.holders import StepMemory, step_memory
from graphscope.analysis.numeric import NodeDifference, first_divergent
from graphscope.analysis.roofline import Roofline, roofline
from graphscope.analysis.steps import Steps, steps
from graphscope.analysis.timeline import MemoryTimeline, memory_timeline
from graphscope.errors import UsageError
from graphscope.trace.format import find_run
from graphscope.trace.reader import TraceReader

if TYPE_CHECKING:
    from graphscope.analysis.doctor import Finding


class Run:
    """The results of one run. ``graphscope.profile`` has the same methods while it records.

    path: a trace file, its name without ``.gscope``, or a folder (then its newest run).
    Raises: TraceError when there is none, or it cannot be read.

        with graphscope.open_run("runs/digits") as run:
            print(run.key_averages("scope"))
    """

    def __init__(self, path: Path | str | TraceReader) -> None:
        self.reader = path if isinstance(path, TraceReader) else TraceReader(find_run(path))
        self.path = self.reader.path

    def close(self) -> None:
        """Close the file."""
        self.reader.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def key_averages(self, group_by: str = "op", kind: str = "train") -> KeyAverages:
        """Time, calls, operations and memory per op, scope, line, shape or phase."""
        return key_averages(self.reader, group_by, kind)

    def steps(self, kind: str = "train") -> Steps:
        """One row a step: where its time went, its loss, its memory."""
        return steps(self.reader, kind)

    def memory_timeline(self, step: int = -1, kind: str = "train") -> MemoryTimeline:
        """What is alive while each op of a step runs (-1: the last step)."""
        return memory_timeline(self.reader, step, kind)

    def peak(self, step: int = -1, kind: str = "train") -> StepMemory:
        """The moment of most memory of a step: what is alive, which line made it, and why it is kept."""
        return step_memory(self.reader, step, kind)

    def roofline(self, group_by: str = "op", step: int = -1, **options: Any) -> Roofline:
        """Operations, bytes, achieved rates, and what limits each op, against this machine's ceilings."""
        return roofline(self.reader, group_by, step, **options)

    def compare(self, other: Any, group_by: str = "op", kind: str = "train") -> Comparison:
        """This run (B) against another one (A: a path, a Run or a profile)."""
        with _opened(other) as base:
            return _compare.compare(base.reader, self.reader, group_by, kind)

    def compare_steps(
        self, a: int, b: int, group_by: str = "op", kind: str = "train"
    ) -> Comparison:
        """Step ``b`` against step ``a``."""
        return _compare.compare_steps(self.reader, a, b, group_by, kind)

    def findings(self, mute: Sequence[str] = ()) -> list[Finding]:
        """What is wrong with this run, worst first: see ``docs/rules.md``.

        mute: rules to leave out (beside those of the settings file), or ``rule:pattern`` of a finding's key.
        """
        from graphscope.analysis.doctor import findings

        return findings(self.reader, None, mute)

    def first_divergent(
        self, other: Any, rtol: float = 1e-4, atol: float = 1e-7, kind: str = "train"
    ) -> NodeDifference | None:
        """The first value in which this run and another one part, as far as both took statistics."""
        with _opened(other) as base:
            return first_divergent(base.reader, self.reader, rtol, atol, kind)

    def assert_no_regression(
        self, baseline: Any, tolerance: float = 0.2, group_by: str = "op", kind: str = "train"
    ) -> None:
        """For tests: this run must do the work of the baseline, in no more time than the tolerance allows.

        Structure, number of ops, bytes and operations must be equal; time may grow by ``tolerance`` (0.2: a
        fifth), and more only counts where the spreads do not overlap.
        Raises: AssertionError that lists what got worse; UsageError for a tolerance below 0.
        """
        if not 0 <= tolerance < float("inf"):
            raise UsageError(
                f"tolerance={tolerance} must be 0 or more; 0.2 allows a fifth more time"
            )
        found = self.compare(baseline, group_by, kind)
        worse = regressions(found, tolerance)
        if worse:
            count = f"{len(worse)} thing{'' if len(worse) == 1 else 's'} got worse"
            raise AssertionError(
                f"{count} from A, {found.name_a}, to B, {found.name_b}:\n" + "\n".join(worse)
            )


class _opened:  # noqa: N801 - reads as a verb
    """A run for the length of a ``with``; one that was open before stays open."""

    def __init__(self, run: Any) -> None:
        self.mine = not isinstance(run, Run)
        if isinstance(run, (str, Path, TraceReader, Run)):
            self.run = run if isinstance(run, Run) else Run(run)
            self.mine &= not isinstance(run, TraceReader)
            return
        if getattr(run, "path", None) is None:
            raise UsageError(f"{run!r} is no run: give a path, a Run, or a profile that recorded")
        if hasattr(run, "flush"):
            run.flush()
        self.run = Run(run.path)

    def __enter__(self) -> Run:
        return self.run

    def __exit__(self, *error: Any) -> None:
        if self.mine:
            self.run.close()


def open_run(path: Path | str) -> Run:
    """The results of a recorded run: its path, or a folder of runs (then the newest).

    Raises: TraceError when there is none, or it cannot be read.
    """
    return Run(path)
