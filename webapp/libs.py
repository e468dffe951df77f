"""The chart library: plotly's script, as the package that Dash needs brings it; found without importing either."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from graphscope.errors import UsageError

CHARTS = "/lib/charts.js"


def charts() -> bytes:
    """The script, as it lies in its package."""
    return _file().read_bytes()


@cache
def charts_address() -> str:
    """Where it is served; the address changes with the file, so that a browser asks for it once."""
    facts = _file().stat()
    return f"{CHARTS}?v={facts.st_size:x}{facts.st_mtime_ns:x}"


@cache
def _file() -> Path:
    found = find_spec("plotly")
    for folder in (found.submodule_search_locations or ()) if found else ():
        file = Path(folder) / "package_data" / "plotly.min.js"
        if file.is_file():
            return file
    raise UsageError("Plotly is not installed as it should be: its script is missing.")
