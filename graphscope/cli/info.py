"""``graphscope info``: versions and devices, the lines to paste into a bug report."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import sqlite3
import sys

from graphscope.trace import schema

HELP = "print versions, devices and their ceilings"
DESCRIPTION = """\
Prints the versions of GraphScope and of what it stands on, the devices found, and how fast this machine
copies and multiplies (measured once, kept for 30 days; --measure takes it again)."""
EPILOG = """\
example:
  graphscope info
  graphscope info --json"""
DISTRIBUTION = "graphscope-debugger"
PACKAGES = ("numpy", "dash", "waitress", "rich", "pygraphviz", "reportlab")
CUPY = ("cupy-cuda13x", "cupy-cuda12x", "cupy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--measure", action="store_true", help="measure the ceilings again")


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


def rates(again: bool) -> list[str]:
    """How fast the CPU copies and multiplies, in words."""
    from graphscope.analysis.ceilings import ceilings
    from graphscope.units import bytes_, flops, number

    found = ceilings(again)
    with_threads = f"{found.threads} thread{'' if found.threads == 1 else 's'}"
    return [
        f"copy {bytes_(found.copy)}/s",
        f"matrix product {flops(found.gemm32)}/s in float32, {flops(found.gemm64)}/s in float64 ({with_threads})",
        f"an op is limited by memory below {number(found.ridge)} operations per byte",
    ]


def recorder() -> str:
    """Whether the part that runs for every op is compiled."""
    from graphscope.engine.follow import COMPILED

    if COMPILED:
        return "compiled"
    if os.environ.get("GRAPHSCOPE_PURE"):
        return "in Python, since GRAPHSCOPE_PURE is set; recording costs more"
    return "in Python: no C compiler was found at installation; recording costs more"


def facts(again: bool = False) -> dict[str, str | list[str]]:
    table: dict[str, str | list[str]] = {
        "graphscope": version(),
        "trace format": str(schema.FORMAT),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()}",
        "sqlite": sqlite3.sqlite_version,
    }
    table |= {name: version(name) for name in PACKAGES}
    table["recorder"] = recorder()
    cupy = [f"{version(name)} ({name})" for name in CUPY if version(name) != "not installed"]
    table["cupy"] = cupy[0] if cupy else "not installed (only needed for a GPU)"
    table["devices"] = devices()
    table["cpu ceilings"] = rates(again)
    return table


def run(args: argparse.Namespace) -> int:
    table = facts(args.measure)
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
