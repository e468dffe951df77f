"""The page itself: the frame with the place of every page, as HTML that is drawn before any script runs."""

from __future__ import annotations

import threading
from html import escape

from graphscope.webapp import libs
from graphscope.webapp.assets_path import assets_path
from graphscope.webapp.bundle import SCRIPT, STYLE, Bundle
from graphscope.webapp.components.frame import frame
from graphscope.webapp.pages import Page, pages

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M3 8h4l6-4M7 8l6 4' stroke='%231B5FC1' stroke-width='1.6' fill='none'/%3E"
    "%3Ccircle cx='3' cy='8' r='2.4' fill='%231B5FC1'/%3E%3Ccircle cx='13' cy='4' r='2.4'"
    " fill='%23B34700'/%3E%3Ccircle cx='13' cy='12' r='2.4' fill='%231B5FC1'/%3E%3C/svg%3E"
)
# The script holds the first picture back (it knows the reader's theme and how wide the window is), but not the
# reading of the page.
_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="graphscope-token" content="{token}">
<meta name="graphscope-charts" content="{charts}">
<title>GraphScope</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="{style}">
<script src="{script}" defer blocking="render"></script>{early}
</head>
<body>
{frame}{dash}
</body>
</html>
"""

_EARLY = '\n<link rel="preload" as="script" href="{}">'


class Index:
    """The page for every address that is no file and no question; and its one style sheet and one script."""

    def __init__(self, token: str) -> None:
        self.bundle = Bundle(assets_path())
        self._token = token
        self._shown = pages()
        self._frames: dict[str, str] = {}
        self._lock = threading.Lock()

    def page(self, path: str) -> Page:
        """The page of an address (``/graph``), Home without one."""
        name = path.strip("/")
        return next((p for p in self._shown if p.path == name), self._shown[0])

    def html(self, shown: Page, dash: tuple[str, list[str]] | None = None) -> bytes:
        """The document with a page on top. ``dash`` is what it will want of Dash, where that is known already."""
        page, charts = shown.path, libs.charts_address()
        scripts, early = dash or ("", [])
        if shown.wants == "charts":
            early = [charts]
        with self._lock:
            if page not in self._frames:
                self._frames[page] = frame(self._shown, page)
        now = self.bundle.now()
        return _INDEX.format(
            token=escape(self._token),
            icon=_ICON,
            style=now.address(STYLE),
            script=now.address(SCRIPT),
            frame=self._frames[page],
            charts=charts,
            early="".join(map(_EARLY.format, early if shown.wants else ())),
            dash=f'<template id="gs-dash">{scripts}</template>' if dash else "",
        ).encode()
