"""``python -m graphscope.webapp RUNS``: the dashboard as a process of its own (see launch.py)."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from graphscope.errors import GraphScopeError
from graphscope.webapp.serve import serve

LOADING = 8.0  # seconds in which the first page is loaded
NICE = 5  # as nice(1) counts: about a third of the weight of others


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("graphscope.webapp", description="Serve recorded runs.")
    parser.add_argument("runs", nargs="?", default="runs")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8050)
    parser.add_argument("--child", action="store_true", help="end when standard input ends")
    given = parser.parse_args(argv)
    if given.child:
        # It only looks on: threads of a linear algebra library would spin on the training's processors.
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        threading.Thread(target=_follow_parent, daemon=True).start()
        threading.Thread(target=_step_back, daemon=True).start()
    signal.signal(signal.SIGTERM, _leave)
    try:
        serve(given.runs, given.host, given.port)
    except GraphScopeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _leave(*_: Any) -> None:
    raise SystemExit(0)


def _step_back() -> None:
    """Where a processor is short the training goes first: this process only looks on.

    Not at once: the first page is waited for.
    """
    time.sleep(LOADING)
    try:
        for thread in os.listdir("/proc/self/task"):  # Linux: each thread has its own
            os.setpriority(os.PRIO_PROCESS, int(thread), NICE)
    except (OSError, AttributeError):
        if hasattr(os, "nice"):
            with suppress(OSError):
                os.nice(NICE)


def _follow_parent() -> None:
    """The parent holds the other end of our standard input; it closes when the parent dies."""
    # Not through sys.stdin: its lock, held by a waiting thread, breaks the interpreter's shutdown.
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
