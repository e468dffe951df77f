"""What RUN means on the command line: a trace file, or a folder whose newest run is meant."""

from __future__ import annotations

from pathlib import Path

from graphscope.errors import TraceError
from graphscope.trace.format import SUFFIX, newest
from graphscope.trace.reader import TraceReader

RUN_HELP = f"a {SUFFIX} file, or a folder of them: then its newest run"


def find_run(text: str) -> Path:
    """The trace file that RUN means; ``runs/digits`` also finds ``runs/digits.gscope``.

    Raises: TraceError when there is none.
    """
    path = Path(text)
    if path.is_dir():
        return newest(path)
    if not path.exists() and path.suffix != SUFFIX:
        named = Path(f"{path}{SUFFIX}")
        if named.is_file():
            return named
    if not path.exists():
        raise TraceError(f"{path} does not exist.")
    return path


def open_run(text: str) -> TraceReader:
    """A reader of the trace that RUN means.

    Raises: TraceError when there is none, or it cannot be read.
    """
    return TraceReader(find_run(text))
