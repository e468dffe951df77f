"""What all routes of one app share, so that ten tabs that ask for the same thing cost what one costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphscope.webapp.queries.clock import Clocks
from graphscope.webapp.queries.findings import Doctors
from graphscope.webapp.queries.graph import Views
from graphscope.webapp.queries.kept import Kept
from graphscope.webapp.queries.so_far import SoFar

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader


class Shared:
    """Layouts, step tables, scalars, doctors and clocks of the runs that are looked at."""

    def __init__(self) -> None:
        self.views = Views()
        self.so_far = SoFar()
        self.scalars = Kept(self.so_far)
        self.doctors = Doctors()
        self.clocks = Clocks()


def revision_key(revision: dict[str, Any]) -> tuple[Any, ...]:
    """What of a revision says that rules and tables have something new to read."""
    names = ("steps", "scalars", "graphs", "tensors", "findings", "state")
    return tuple(revision.get(name) for name in names)


def revision_of(reader: TraceReader) -> tuple[Any, ...]:
    return revision_key(reader.revision())
