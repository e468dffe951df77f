"""What RUN means on the command line: a trace file, or a folder whose newest run is meant."""

from __future__ import annotations

import argparse

from graphscope.trace.format import SUFFIX
from graphscope.trace.format import find_run as find_run
from graphscope.trace.reader import TraceReader

RUN_HELP = f"a {SUFFIX} file, or a folder of them: then its newest run"


def step_number(text: str) -> int:
    """A step on the command line: its number, or -1 for the last one."""
    if text == "-1" or (text.isascii() and text.isdigit()):
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{text} is no step; steps are numbered from 0, -1 is the last"
    )


def open_run(text: str) -> TraceReader:
    """A reader of the trace that RUN means.

    Raises: TraceError when there is none, or it cannot be read.
    """
    return TraceReader(find_run(text))
