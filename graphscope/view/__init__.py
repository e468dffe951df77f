"""Pictures of recorded graphs: what is drawn, where, and in which colour. Knows no engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphscope.view.graphview import GraphView, ViewState, build

__all__ = ["GraphView", "ViewState", "build"]


def __getattr__(name: str) -> Any:
    """The graph's view needs numpy; the palette beside it does not, and the dashboard's page wants it at once."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from graphscope.view import graphview

    return getattr(graphview, name)
