"""What stands around every page: top bar, rail, messages, and the step strip at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from graphscope.webapp import ids
from graphscope.webapp.components.inspector import inspector
from graphscope.webapp.pages import Page


def frame(shown: Sequence[Page]) -> Any:
    """All pages are in the document; shell.js shows the one of the address and fills the bar."""
    return html.Div(
        [
            html.A("Skip to the page", href="#main", className="gs-skip"),
            _top(),
            html.Div(id="banner", role="alert", hidden=True),
            html.Div([_rail(shown), _main(shown), inspector()], className="gs-body"),
            html.Footer(html.Div(**{"data-gs": "strip"}), id=ids.STRIP),
            dcc.Store(id=ids.LIVE),
        ],
        id=ids.APP,
        className="gs-app",
    )


def _top() -> Any:
    return html.Header(
        [
            html.Span("graphscope", className="gs-brand"),
            html.Div(className="gs-run"),
            html.Span(
                [html.Span(className="gs-icon"), html.Span(className="gs-word")],
                id="state",
                role="status",
                className="gs-pill",
            ),
            html.Span(id="step", className="gs-step"),
            html.Span(id="pace", className="gs-fact"),
            html.Span(id="summary", className="gs-fact gs-summary"),
            html.Span(className="gs-spring"),
            html.Div(className="gs-control", **{"data-gs": "control"}),
            html.Span(id="cost", className="gs-fact gs-cost"),
            _button("commands", "find", "Commands"),
            _button("keys", "keys", "Keys"),
            _button("drawer", "inspector", "Show or hide the inspector"),
            _button("theme", "auto", "Colours"),
        ],
        className="gs-top",
    )


def _button(id: str, icon: str, label: str) -> Any:
    return html.Button(
        html.Span(className=f"gs-icon gs-icon-{icon}"),
        id=id,
        type="button",
        title=label,
        className="gs-icon-button",
        **{"aria-label": label},
    )


def _rail(shown: Sequence[Page]) -> Any:
    links = [
        html.A(
            [html.Span(className=f"gs-icon gs-icon-{p.icon}"), html.Span(p.title)],
            href=f"/{p.path}",
            title=p.title,
            **{"data-page": p.path},
        )
        for p in shown
    ]
    return html.Nav(links, className="gs-rail", **{"aria-label": "Pages"})


def _main(shown: Sequence[Page]) -> Any:
    sections = [
        html.Section(
            p.layout(),
            className="gs-page",
            hidden=True,
            **{"data-page": p.path, "aria-label": p.title},
        )
        for p in shown
    ]
    notice = html.Div(id="notice", className="gs-notice", hidden=True)
    return html.Main([*sections, notice], id="main", tabIndex="-1")
