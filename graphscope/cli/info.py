"""``graphscope info``: versions and devices, the lines to paste into a bug report."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sqlite3
import sys

from graphscope.trace import schema

HELP = "print versions and devices"
DESCRIPTION = "Prints the versions of GraphScope and of what it stands on, and the devices found."
EPILOG = """\
example:
  graphscope info
  graphscope info --json"""
DISTRIBUTION = "graphscope-debugger"
PACKAGES = ("numpy", "dash", "waitress", "rich", "pygraphviz", "reportlab")
CUPY = ("cupy-cuda13x", "cupy-cuda12x", "cupy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def version(distribution: str = DISTRIBUTION) -> str:
    """The installed version, or ``not installed``."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def devices() -> list[str]:
    """The CPU, and each GPU that CuPy can use."""
    found = [f"cpu ({platform.machine() or 'unknown'})"]
    try:
        from graphscope import cuda

        count = int(cuda.device_count()) if cuda.is_available() else 0
        found += [f"cuda:{k} ({cuda.get_device_name(k)})" for k in range(count)]
    except Exception:  # a broken driver must not hide the rest of this report
        return found
    return found


def facts() -> dict[str, str | list[str]]:
    table: dict[str, str | list[str]] = {
        "graphscope": version(),
        "trace format": str(schema.FORMAT),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()}",
        "sqlite": sqlite3.sqlite_version,
    }
    table |= {name: version(name) for name in PACKAGES}
    cupy = [f"{version(name)} ({name})" for name in CUPY if version(name) != "not installed"]
    table["cupy"] = cupy[0] if cupy else "not installed (only needed for a GPU)"
    table["devices"] = devices()
    return table


def run(args: argparse.Namespace) -> int:
    table = facts()
    if args.json:
        json.dump(table, sys.stdout, indent=1)
        print()
        return 0
    width = max(map(len, table)) + 2
    for name, value in table.items():
        lines = value if isinstance(value, list) else [value]
        print(f"{name:<{width}}{lines[0]}")
        for line in lines[1:]:
            print(f"{'':<{width}}{line}")
    return 0
