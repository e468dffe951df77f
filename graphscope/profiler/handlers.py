"""What to do with a finished window."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphscope.errors import UsageError


def tensorboard_trace_handler(
    dir_name: str,
    worker_name: str | None = None,
    use_gzip: bool = False,
    use_python_export: bool = False,
) -> Callable[[Any], None]:
    """For ``on_trace_ready``: write each window into a folder, as a trace-event file under torch's name.

    TensorBoard's event files of curves, texts and histograms go there too, so that
    ``tensorboard --logdir`` shows them. Takes ``graphscope.profile`` as well as torch's class.
    """
    worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"

    def handler(prof: Any) -> None:
        from graphscope.export import tensorboard
        from graphscope.profiler.profiler import of_session
        from graphscope.trace.reader import TraceReader

        folder = Path(dir_name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"the folder {folder} cannot be made: {error.strerror}") from error
        results = prof if hasattr(prof, "export_chrome_trace") else of_session(prof)
        # Nanoseconds, so that two windows never share a name.
        name = f"{worker}.{time.time_ns()}.pt.trace.json" + (".gz" if use_gzip else "")
        results.export_chrome_trace(str(folder / name), use_python_export=use_python_export)
        if results.path is not None:
            with TraceReader(results.path) as reader:
                tensorboard.write(reader, folder)

    return handler
