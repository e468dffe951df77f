"""The running step, node by node: what each was, whether it was followed or written down."""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple

import numpy as np

from graphscope.record.columns import Columns, whole
from graphscope.record.on_track import OnTrack


class SoFar(NamedTuple):
    """A step that is not over."""

    columns: Columns
    keeps: bytes
    specs: bytes
    begin: Any
    end: Any


class Running(OnTrack):
    """The part of the recorder that tells what ran so far."""

    __slots__ = ()

    def key(self: Any, i: int) -> Any:
        """The key of a node that ran in this step (``record.columns``)."""
        if self.told is not None:
            return self.predicted.track.keys[i]
        kind, first, second, _ = self.row_of(i)
        return self.names.kinds.key(kind, first, whole(self.more, i, second))

    def line(self: Any, i: int) -> int:
        """The source line of a node that ran in this step; -1: none."""
        return int((self.row_of(i) if self.told is None else self.predicted.columns.row(i))[3])

    def is_op(self: Any, i: int) -> bool:
        """Whether a node ran in this step and is no gradient."""
        return i < self.i and len(self.key(i)) == 8

    def so_far(self: Any) -> SoFar:
        """What ran in this step."""
        n = self.i
        if self.told is None:
            rows, keeps, specs, times = self.noted()
            begin, end = np.frombuffer(times, np.int64).reshape(2, n)
            return SoFar(Columns(rows, dict(self.more)), keeps, specs, begin, end)
        graph = self.predicted
        rows, more = graph.columns
        columns = Columns(rows[: 16 * n], {i: wires for i, wires in more.items() if i < n})
        specs = graph.shapes[self.told.number][0][: 4 * n]
        begin, end = np.array(self.begin[:n], np.int64), np.array(self.end[:n], np.int64)
        return SoFar(columns, graph.keeps[: 4 * n], specs, begin, end)

    def port_specs(self: Any) -> bytes:
        """The shapes that came in, by number."""
        specs = self.specs
        both = zip(self.port_shapes, self.ports, strict=True)
        return array("i", [specs[shape, port[3]] for shape, port in both]).tobytes()
