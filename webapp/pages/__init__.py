"""The pages of the dashboard, in the order of the rail. A new page is one line in ``pages``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Page:
    """One page: all pages are in the document, and one is shown."""

    path: str
    """Address and name, without the slash: ``graph``."""
    title: str
    icon: str
    """Name of a drawing in icons.css: ``.gs-icon-<icon>``."""
    layout: Callable[[], Any]
    register: Callable[[Any, Any], None] | None = None
    """Called once with the Flask server and the run directory: adds the page's own routes."""


def pages() -> list[Page]:
    """All pages."""
    from graphscope.webapp.pages import compare, graph, health, home, memory, ops, scalars, time

    return [
        Page("home", "Home", "home", home.layout),
        Page("graph", "Graph", "graph", graph.layout),
        Page("time", "Time", "time", time.layout, time.register),
        Page("ops", "Ops", "ops", ops.layout, ops.register),
        Page("memory", "Memory", "memory", memory.layout, memory.register),
        Page("scalars", "Curves", "curves", scalars.layout, scalars.register),
        Page("health", "Health", "health", health.layout),
        Page("compare", "Compare", "compare", compare.layout, compare.register),
    ]
