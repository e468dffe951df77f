"""What stands around every page: top bar, rail, messages, and the step strip at the bottom."""

from __future__ import annotations

from collections.abc import Sequence

from graphscope.webapp import ids
from graphscope.webapp.components import tags
from graphscope.webapp.components.inspector import inspector
from graphscope.webapp.pages import Page


def frame(shown: Sequence[Page], page: str) -> tags.Html:
    """All pages are in the document, ``page`` (its path) is shown; shell.js turns them and fills the bar."""
    return tags.Div(
        [
            tags.A("Skip to the page", href="#main", className="gs-skip"),
            _top(),
            tags.Div(id="banner", role="alert", hidden=True),
            tags.Div([_rail(shown, page), _main(shown, page), inspector()], className="gs-body"),
            tags.Footer(tags.Div(**{"data-gs": "strip"}), id=ids.STRIP),
        ],
        id=ids.APP,
        className="gs-app",
        **{"data-page": page},
    )


def _top() -> tags.Html:
    return tags.Header(
        [
            tags.Span("graphscope", className="gs-brand"),
            tags.Div(className="gs-run"),
            tags.Span(
                [tags.Span(className="gs-icon"), tags.Span(className="gs-word")],
                id="state",
                role="status",
                className="gs-pill",
            ),
            tags.Span(id="step", className="gs-step"),
            tags.Span(id="pace", className="gs-fact"),
            tags.Span(id="summary", className="gs-fact gs-summary"),
            tags.Span(className="gs-spring"),
            tags.Div(className="gs-control", **{"data-gs": "control"}),
            tags.Span(id="cost", className="gs-fact gs-cost"),
            _button("commands", "find", "Commands"),
            _button("keys", "keys", "Keys"),
            _button("drawer", "inspector", "Show or hide the inspector"),
            _button("theme", "auto", "Colours"),
        ],
        className="gs-top",
    )


def _button(id: str, icon: str, label: str) -> tags.Html:
    return tags.Button(
        tags.Span(className=f"gs-icon gs-icon-{icon}"),
        id=id,
        type="button",
        title=label,
        className="gs-icon-button",
        **{"aria-label": label},
    )


def _rail(shown: Sequence[Page], page: str) -> tags.Html:
    links = [
        tags.A(
            [tags.Span(className=f"gs-icon gs-icon-{p.icon}"), tags.Span(p.title)],
            href=f"/{p.path}",
            title=p.title,
            **{"data-page": p.path} | ({"aria-current": "page"} if p.path == page else {}),
        )
        for p in shown
    ]
    return tags.Nav(links, className="gs-rail", **{"aria-label": "Pages"})


def _main(shown: Sequence[Page], page: str) -> tags.Html:
    sections = [
        tags.Section(
            p.layout(),
            className="gs-page",
            hidden=p.path != page,
            **{"data-page": p.path, "aria-label": p.title},
        )
        for p in shown
    ]
    drawn = tags.Div(
        id="react-entry-point"
    )  # Dash draws here; what is wanted goes to its place on a page
    notice = tags.Div(id="notice", className="gs-notice", hidden=True)
    return tags.Main([*sections, drawn, notice], id="main", tabIndex="-1")
