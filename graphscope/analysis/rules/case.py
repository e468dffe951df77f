"""What a rule may ask: one run's facts, each computed once however many rules want it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader


class Case:
    """The facts of one run for the rules; grows while the run does (see the contract of ``Doctor``)."""

    def __init__(self, reader: TraceReader) -> None:
        self.reader = reader
