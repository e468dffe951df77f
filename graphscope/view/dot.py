"""Graphviz in a child process, with a time limit: the client side of ``_dot``.

No text of the user ever gets into the DOT: nodes are ``n0, n1, ...`` of fixed size without labels,
so a hostile name cannot inject anything and the layout does not depend on fonts.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

from graphscope.view._dot import read_frame, write_frame

LIMIT_S = 2.0
START_LIMIT_S = 15.0


class DotServer:
    """One Graphviz process, started at the first call and again after it had to be killed."""

    def __init__(self, script: Path | None = None) -> None:
        self._script = script or Path(__file__).with_name("_dot.py")
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        self._owner = 0
        self._broken = script is None and importlib.util.find_spec("pygraphviz") is None

    def layout(self, dot: str, limit_s: float = LIMIT_S) -> str | None:
        """``plain`` text of the laid-out graph; None when Graphviz is missing, failed or too slow."""
        with self._lock:
            if self._broken or not self._running():
                return None
            assert self._process is not None and self._process.stdin is not None
            try:
                write_frame(self._process.stdin, dot.encode("ascii"))
                answer = self._answers.get(timeout=limit_s)
            except (OSError, queue.Empty):
                answer = None
            if answer is None:
                self._stop()
            return answer.decode("ascii", "replace") if answer else None

    def close(self) -> None:
        """End the child; a later call starts a new one."""
        with self._lock:
            self._stop()

    def _running(self) -> bool:
        # After a fork the pipes belong to the parent: two users would mix up their answers.
        ours = self._process is not None and self._owner == os.getpid()
        if ours and self._process is not None and self._process.poll() is None:
            return True
        self._process, self._owner = None, os.getpid()
        self._answers = queue.Queue()
        try:
            self._process = subprocess.Popen(
                [sys.executable, str(self._script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, ValueError, TypeError):  # no interpreter to start: an embedded Python
            self._broken = True
            return False
        thread = threading.Thread(
            target=_pump, args=(self._process, self._answers), name="gs-dot", daemon=True
        )
        thread.start()
        try:
            ready = self._answers.get(timeout=START_LIMIT_S) == b"ready"
        except queue.Empty:
            ready = False
        if not ready:
            self._stop()
            self._broken = True  # a Graphviz that cannot start will not start later either
        return ready

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        if process.stdin is not None:
            try:
                process.stdin.close()
            except OSError:
                pass
        process.wait()


def _pump(process: subprocess.Popen[bytes], answers: queue.Queue[bytes | None]) -> None:
    """Move answers into a queue: unlike a pipe, a queue can be waited on with a limit everywhere."""
    assert process.stdout is not None
    with process.stdout as stream:
        while (frame := read_frame(stream)) is not None:
            answers.put(frame)
    answers.put(None)


SERVER = DotServer()
atexit.register(SERVER.close)
