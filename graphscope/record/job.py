"""A finished step on its way from the recorder to the writer's thread."""

from __future__ import annotations

from typing import Any, NamedTuple

from graphscope.record.names import GraphRecord


class Job(NamedTuple):
    """One finished step on its way to the file."""

    seq: int
    kind: str
    num: int
    graph: GraphRecord
    shape_set: int
    status: str
    t0_ns: int
    wall_ns: int
    rec_ns: int
    loss: float | None
    nonfinite: int
    times: Any
    """When each node began, then when each ended: native 64-bit integers, nanoseconds of the clock of ``t0``."""
    t0: int
    freed: Any
    looked: bool
    note: str | None
    entries: Any
    names: Any
    marks: Any = None
    """Of the devices that worked in it (``record.clocks``)."""
    live0: int = -1
    """Bytes alive when it began; -1: not known."""
    left: Any = None
    """What earlier steps left behind, where this one was looked at (``record.outlive``)."""
    alive: Any = ()
    """Bytes alive when it ended, by category, where it was looked at."""

    @property
    def is_over(self) -> bool:
        """Whether the devices are through with the step, so that its marks can be read."""
        return self.marks is None or bool(self.marks.passed)
