"""The Overview: tiles, small charts, where time goes, findings, answers, cost. ``home.js`` fills it.

Everything comes by ``/api/home`` and ``/api/findings``; there is no chart library on this page, so that it
is there at once.
"""

from __future__ import annotations

from graphscope.webapp.components import tags

CARDS = (
    ("traceback", 12),
    ("thinned", 12),
    ("loss-tile", 3),
    ("pace-tile", 3),
    ("memory-tile", 3),
    ("device-tile", 3),
    ("loss", 7),
    ("findings", 5),
    ("parts", 7),
    ("answers", 5),
    ("pace", 7),
    ("overhead", 5),
    ("file", 7),
    ("hparams", 5),
)


def layout() -> tags.Html:
    """The boxes, in their final places: what comes later moves nothing."""
    cards = [
        tags.Section(
            className=f"gs-card gs-span-{span}" + (" gs-tile" if name.endswith("-tile") else ""),
            hidden=name in ("traceback", "thinned"),
            **{"data-card": name},
        )
        for name, span in CARDS
    ]
    return tags.Div(
        tags.Div(
            tags.Div(cards, className="gs-grid12"),
            className="gs-scroll",
            tabIndex="0",
            role="region",
            **{"aria-label": "Overview"},
        ),
        className="gs-home",
        **{"data-gs": "home"},
    )
