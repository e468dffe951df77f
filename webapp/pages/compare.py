"""The Compare page: a run against a run, or a step against a step, side by side."""

from __future__ import annotations

from graphscope.webapp import ids
from graphscope.webapp.components import tags
from graphscope.webapp.components.table import table


def layout() -> tags.Html:
    """A bar, a box for the empty state, and the cards that compare.js fills."""
    cards = [
        _card("Curves", "gs-cmp-curves", id=ids.COMPARE_CURVES),
        _card("What differs", "gs-cmp-facts"),
        tags.Section(
            [
                tags.Header([tags.H2("Time per op"), tags.Div(className="gs-cmp-tools")]),
                tags.P(className="gs-quiet"),
                table(ids.COMPARE_TABLE, "Time per op in A and B"),
            ],
            className="gs-card gs-cmp-ops",
            **{"aria-label": "Time per op"},
        ),
        _card("Numbers", "gs-cmp-numbers"),
        _card("Structure", "gs-cmp-structure"),
    ]
    return tags.Div(
        [
            tags.Div(className="gs-cmp-bar gs-bar-row", role="toolbar", **{"aria-label": "Compare"}),
            tags.Div(
                [tags.Div(className="gs-cmp-empty"), tags.Div(cards, className="gs-cmp-cards", hidden=True)],
                className="gs-cmp-scroll",
                tabIndex="0",
                role="region",
                **{"aria-label": "Comparison"},
            ),
        ],
        className="gs-cmp",
        **{"data-gs": "compare"},
    )  # fmt: skip


def _card(title: str, name: str, id: str | None = None) -> tags.Html:
    more = {} if id is None else {"id": id}
    return tags.Section(
        [
            tags.Header([tags.H2(title), tags.Div(className="gs-cmp-tools")]),
            tags.P(className="gs-quiet"),
            tags.Div(className="gs-card-body", **more),
        ],
        className=f"gs-card {name}",
        **{"aria-label": title},
    )
