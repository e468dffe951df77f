"""Pictures of recorded graphs: what is drawn, where, and in which colour. Knows no engine."""

from graphscope.view.graphview import GraphView, ViewState, build

__all__ = ["GraphView", "ViewState", "build"]
