"""HTML as text, said as ``dash.html`` says it: what Dash need not draw is in the page before any script runs.

tags.Div([tags.H2("Loss"), "a < b"], className="gs-card", hidden=True, **{"aria-label": "Loss"})
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

_NAMES = {"className": "class", "tabIndex": "tabindex"}


class Html(str):
    """Text that is markup already; every other text is escaped."""

    __slots__ = ()


Children = str | Iterable[str]


def _tag(name: str) -> Callable[..., Html]:
    def make(children: Children = (), **attributes: str | bool) -> Html:
        inside = [children] if isinstance(children, str) else children
        given = "".join(_attribute(key, value) for key, value in attributes.items())
        return Html(f"<{name}{given}>{''.join(map(_text, inside))}</{name}>")

    return make


def _text(child: str) -> str:
    return child if isinstance(child, Html) else escape(child, quote=False)


def _attribute(key: str, value: str | bool) -> str:
    if value is False:
        return ""
    name = _NAMES.get(key, key)
    return f" {name}" if value is True else f' {name}="{escape(value)}"'


A, Aside, Button, Canvas, Div, Footer = map(
    _tag, ("a", "aside", "button", "canvas", "div", "footer")
)
H2, Header, Main, Nav, P, Section = map(_tag, ("h2", "header", "main", "nav", "p", "section"))
Span, Ul = map(_tag, ("span", "ul"))
