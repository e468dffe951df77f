"""The pages of the dashboard, in the order of the rail. A new page is one line in ``pages``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Page:
    """One page: all pages are in the document, and one is shown.

    Its module is ``pages/<path>.py`` with ``layout()``, its HTML (``components/tags.py``).
    """

    path: str
    """Address and name, without the slash: ``graph``."""
    title: str
    icon: str
    """Name of a drawing in icons.css: ``.gs-icon-<icon>``."""
    wants: str = ""
    """What its useful part waits for, so that the browser asks for it early: "tables" (of Dash) or "charts"."""
    routes: str = ""
    """Module of ``webapp`` with ``register(server, runs)``, for the routes that are the page's own."""

    def layout(self) -> Any:
        return import_module(f"graphscope.webapp.pages.{self.path}").layout()

    def register(self, server: Any, runs: Any) -> None:
        """Add the page's own routes to the Flask server."""
        if self.routes:
            import_module(f"graphscope.webapp.{self.routes}").register(server, runs)


def pages() -> list[Page]:
    """All pages."""
    return [
        Page("home", "Home", "home"),
        Page("graph", "Graph", "graph"),
        Page("time", "Time", "time", routes="api_time"),
        Page("ops", "Ops", "ops", wants="tables", routes="api_ops"),
        Page("memory", "Memory", "memory", routes="api_memory"),
        Page("scalars", "Curves", "curves", wants="charts", routes="api_curves"),
        Page("health", "Health", "health"),
        Page("compare", "Compare", "compare", wants="tables", routes="api_compare"),
    ]
