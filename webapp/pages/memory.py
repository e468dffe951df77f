"""The Memory page: what is alive over a step and over the run, who holds it and why; drawn by ``memory*.js``."""

from __future__ import annotations

from graphscope.webapp.components import tags


def layout() -> tags.Html:
    """A scrolling grid of cards that memory.js fills."""
    return tags.Div(
        className="gs-memory",
        tabIndex="0",
        role="region",
        **{"data-gs": "memory", "aria-label": "Memory"},
    )
