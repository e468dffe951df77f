"""The dashboard: a local web page that shows recorded and running trainings.

    from graphscope.webapp import serve
    serve("runs")                      # prints the address, Ctrl-C ends it

It reads traces only; it never imports the engine, and it never writes into a trace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphscope.webapp.serve import serve

if TYPE_CHECKING:
    from graphscope.webapp.app import create_app

__all__ = ["create_app", "serve"]


def __getattr__(name: str) -> Any:
    """A program that starts the dashboard beside itself (``launch``) needs nothing of the server."""
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from graphscope.webapp.app import create_app

    return create_app
