"""The Ops page: the table of key averages with its bars and roofline, and the user's code beside its cost."""

from __future__ import annotations

from graphscope.webapp import ids
from graphscope.webapp.components import tags
from graphscope.webapp.components.table import table


def layout() -> tags.Html:
    """A bar, the table's tab and the source's tab; ops.js and source.js fill them."""
    return tags.Div(
        [
            tags.Div(className="gs-ops-bar gs-bar-row", role="toolbar", **{"aria-label": "Ops"}),
            tags.Div(
                [
                    tags.P(className="gs-ops-line", role="status"),
                    tags.Div(
                        [
                            _card("Where the time goes", "gs-ops-bars"),
                            _card("What limits it", "gs-ops-roof", id=ids.OPS_ROOF),
                        ],
                        className="gs-ops-charts",
                    ),
                    table(ids.OPS_TABLE, "Table of ops"),
                ],
                className="gs-ops-table gs-ops-tab",
            ),
            tags.Div(className="gs-source gs-ops-tab", hidden=True, **{"data-gs": "source"}),
        ],
        className="gs-ops",
        **{"data-gs": "ops"},
    )


def _card(title: str, name: str, id: str | None = None) -> tags.Html:
    more = {} if id is None else {"id": id}
    return tags.Section(
        [tags.H2(title), tags.Div(className="gs-card-body", **more), tags.P(className="gs-quiet")],
        className=f"gs-card {name}",
        **{"aria-label": title},
    )
