"""What a trace is made of, as a reader hands it out: graphs, steps, values, and the dictionary.

Nothing here touches a file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from graphscope.trace.arrays import Floats, Ints, Longs
from graphscope.trace.entries import HEALTH, HIST_BINS, STATS, Entry, Thumb, ValueStep
from graphscope.trace.graphs import Graph, Lookup, OpInfo, Site, Spec
from graphscope.trace.steps import DeviceStep, Step, StepTable, Survivor

__all__ = [
    "HEALTH", "HIST_BINS", "STATS", "DeviceStep", "Entry", "Finding", "Floats", "Graph", "Ints", "Longs", "Lookup",
    "Media", "OpInfo", "Site", "Spec", "Step", "StepTable", "Survivor", "Thumb", "ValueStep",
]  # fmt: skip


class Finding(NamedTuple):
    id: int
    step: int
    rule: str
    severity: str
    node: int
    title: str
    data: dict[str, Any]


class Media(NamedTuple):
    """Something that the program logged: an image, a histogram or hyperparameters."""

    id: int
    tag: str
    step: int
    kind: str
    data: bytes
    """image: a PNG file; histogram: the blob of one entry; hparams: JSON."""
    wall_ns: int
