"""What is known of one step, and of many, as a reader hands it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphscope.trace.arrays import Floats, Ints, Longs


@dataclass(eq=False)
class Step:
    """One step: when each node ran, for how long, and when each buffer died.

    Timing columns are thinned in long runs. ``timed_at`` is the step whose columns are shown: its
    own number, or the nearest earlier step of the same graph that kept them.
    """

    id: int
    kind: str
    num: int
    graph: int
    shape_set: int
    status: str
    t0_ns: int
    wall_ns: int
    rec_ns: int
    loss: float | None
    nonfinite: bool
    live0: int
    note: str | None
    timed_at: int
    begin_ns: Longs
    dur_ns: Longs
    freed: Ints
    dev_ns: Longs | None
    specs: Ints
    """Spec ids of the ``n`` nodes, then of the ports."""
    looked: bool = True
    """Whether deaths of memory were noted in this very step; else they are those of the graph."""
    idle_ns: Longs | None = None
    """How long the device was idle before each node: it waited for the host."""
    dev_begin_ns: Longs | None = None
    """When each node began on its device, from the step's begin on; None where no device worked."""
    fresh: Mapping[int, int] = field(default_factory=dict)
    """Ports whose memory the step itself made, and the first node that uses each: the state of an optimizer."""

    def spec_id(self, v: int) -> int:
        """The spec id of value ``v``, which may be a port (negative)."""
        n = len(self.begin_ns)
        return int(self.specs[v if v >= 0 else n - 1 - v])


class DeviceStep(NamedTuple):
    """One device in one step. Times are ns from the step's begin on, sizes bytes of its memory pool."""

    device: str
    start_ns: int
    busy_ns: int
    idle_ns: int
    used: int
    """In use when the step began."""
    reserved: int
    """Held from the device, used or not."""
    peak: int
    """Most in use at once."""
    workspace: int
    """Most that one op took and gave back."""


class Survivor(NamedTuple):
    """Memory that a node of a step made and that was still there in a later step."""

    step: int
    node: int
    nbytes: int
    seen: int
    graph: int


@dataclass(eq=False)
class StepTable:
    """The facts of many steps as columns; ``loss`` is NaN where a step has none."""

    id: Longs
    num: Longs
    graph: Longs
    shape_set: Longs
    t0_ns: Longs
    wall_ns: Longs
    rec_ns: Longs
    loss: Floats
    nonfinite: NDArray[np.bool_]
    status: list[str]
    parts: Floats
    """``[steps, 4]``: nanoseconds in data, forward, backward and update; NaN without timings."""
    live0: Longs
    timed: NDArray[np.bool_]
    """Whether the step's own timing columns are in the file."""
    own_deaths: NDArray[np.bool_]
    """Whether memory died in another order than its graph says."""
    copies: Floats
    """Nanoseconds in copies between devices, which are in none of ``parts``; 0 without timings."""

    def __len__(self) -> int:
        return len(self.status)

    def ended(self, *how: str) -> NDArray[np.bool_]:
        """Which of the steps have one of these in ``status``."""
        many = len(self.status)
        if "ok" in how and self.status.count("ok") == many:  # as nearly always; counted in C
            return np.ones(many, np.bool_)
        return np.fromiter((status in how for status in self.status), np.bool_, many)
