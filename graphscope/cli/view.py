"""``graphscope view``: open recorded runs in the dashboard."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphscope.cli.runs import find_run
from graphscope.errors import TraceError
from graphscope.trace.format import open_trace

HELP = "open recorded runs in the dashboard"
DESCRIPTION = """\
Serves the dashboard for a folder of runs, or for one run, on this machine only.
A run that is still being recorded is followed live. Stop it with Ctrl-C."""
EPILOG = """\
example:
  graphscope view runs/                 all runs of a folder
  graphscope view runs/digits.gscope    one run"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", nargs="?", default="runs", metavar="RUNS", help="folder or file (default: runs)"
    )
    parser.add_argument("--port", type=port, default=8050, help="0 to 65535 (default: 8050)")
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, open no browser window"
    )


def port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port; ports are 0 to 65535")
    return number


def run(args: argparse.Namespace) -> int:
    path = Path(args.runs)
    if not path.is_dir():
        try:
            path = find_run(args.runs)
        except TraceError as error:
            hint = "Record a run first, or try: graphscope demo"
            raise TraceError(f"{error} {hint}") from error
        open_trace(path).close()
    from graphscope.webapp import serve

    serve(path, port=args.port, open_browser=not args.no_browser)
    return 0
