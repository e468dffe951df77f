"""The dashboard beside a training: in a process of its own, so that neither holds the other's interpreter.

What they do share is the processors: where the training fills all of them, an open page takes part of one and
a step takes longer (``python -m tests.bench.dashboard slowdown`` measures by how much).
"""

from __future__ import annotations

import atexit
import os
import queue
import shlex
import subprocess
import sys
import threading
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from graphscope.errors import UsageError

HEIGHT = 760  # pixels in a notebook: the strip and the inspector are on screen
# The page inside takes the colours of the notebook around it: a frame's color-scheme is what the page in it hears
# as the reader's preference. JupyterLab and Notebook 7, VS Code, Colab each say in their own way what theirs is.
COLOURS = """
.gs-notebook small { margin-left: 12px; opacity: 0.8; }
.gs-notebook iframe { border: 1px solid #8a94a4; border-radius: 6px; }
[data-jp-theme-light=true] .gs-notebook iframe, .vscode-light .gs-notebook iframe { color-scheme: light; }
[data-jp-theme-light=false] .gs-notebook iframe, .vscode-dark .gs-notebook iframe, html[theme=dark] .gs-notebook iframe { color-scheme: dark; }
"""
# The package itself imports the engine, which the dashboard never uses: a quarter of its start. So the child gets
# the package as an empty shell; its modules come from the same place all the same.
START = """
import sys
from importlib.util import find_spec, module_from_spec
sys.modules["graphscope"] = module_from_spec(find_spec("graphscope"))
from graphscope.webapp.__main__ import main
sys.exit(main())
"""
PATIENCE = 30.0  # seconds: a cold disk may take ten


class Dashboard:
    """A dashboard in another process. ``url`` ends with a slash; it ends with this program."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process = process
        self.url = url
        atexit.register(self.stop)

    def wait(self) -> None:
        """Return when the dashboard has ended (Ctrl-C here raises KeyboardInterrupt)."""
        self._process.wait()

    def stop(self) -> None:
        """End the dashboard; a second call does nothing."""
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    close = stop

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process.poll() is None

    def _repr_html_(self) -> str:
        """In a notebook: the dashboard itself, below the cell."""
        where = escape(self.url, quote=True)
        if not self.running:
            return f"<p>The dashboard at {where} has ended; gs.dashboard() starts another one.</p>"
        port = urlsplit(self.url).port
        return (
            f'<div class="gs-notebook"><style>{COLOURS}</style>'
            f'<iframe src="{where}" title="GraphScope dashboard" width="100%" height="{HEIGHT}"></iframe>'
            f'<p><a href="{where}" target="_blank" rel="noopener">{where}</a> <small>If the frame stays empty, open the'
            " address in a tab. For a notebook on another machine, first"
            f" <code>ssh -N -L {port}:127.0.0.1:{port} user@machine</code></small></p></div>"
        )

    def __repr__(self) -> str:
        return f"<dashboard at {self.url}>"


_started: dict[tuple[str, int], Dashboard] = {}


def dashboard(runs: Path | str = "runs", port: int = 0) -> Dashboard:
    """Start the dashboard over ``runs`` and return when it has its address; port 0 takes any free one.

    Browsers may ask from then on. Their first answer waits until the dashboard has been imported, beside the
    program that goes on. While it runs, a second call with the same folder returns the same one: a cell of a
    notebook is run many times.

    Raises: UsageError when it does not start.
    """
    folder = os.path.abspath(runs)
    for (of, asked), board in _started.items():
        if of == folder and port in (0, asked) and board.running:
            return board
    given = [str(runs), "--port", str(port)]
    command = [sys.executable, "-c", START, *given, "--child"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C in the terminal is for the training; it then ends us
    )
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    try:
        url = _address(lines)
    except (queue.Empty, StopIteration) as error:
        Dashboard(process, "").stop()
        raise UsageError(
            "The dashboard did not start; what it said is above. "
            f"Try it alone: python -m graphscope.webapp {shlex.join(given)}"
        ) from error
    _started[folder, port] = board = Dashboard(process, url)
    return board


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    """Empties the pipe for as long as the process lives, so that it can never block on it."""
    try:
        for line in process.stdout or ():
            lines.put(line)
    except ValueError:  # stop() has closed the pipe
        pass
    lines.put(None)


def _address(lines: queue.Queue[str | None]) -> str:
    while True:
        line = lines.get(timeout=PATIENCE)
        if line is None:
            raise StopIteration
        if line.startswith("Dashboard: "):
            return line.removeprefix("Dashboard: ").strip()
        print(line, end="")  # "Port 8050 is taken, trying 8051."
