"""A deck of figures as one HTML page: thumbnails, what each shows, its source, and files to download.

The page is static: no script, nothing from the network. Pictures are shown by ``<img>``, where nothing
inside an SVG can run; every name and title is escaped, and file names are made of plain letters.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import quote

from graphscope import units
from graphscope.view import text as fonts
from graphscope.view.palette import DARK, LIGHT, Theme

FILES, SOURCES = "files", "source"
FORMAT_NAMES = {"tikz": "TikZ", "mermaid": "Mermaid", "mmd": "Mermaid"}
_POLICY = "default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Entry:
    """One figure: its title and its files, by theme for the picture and by format for downloads."""

    name: str
    title: str
    pictures: Mapping[str, str]
    downloads: Mapping[str, str]
    width: float = 0.0
    height: float = 0.0


@dataclass
class Script:
    """A script of the deck, and what came of it. ``error`` is empty for one that worked."""

    name: str
    text: str
    entries: list[Entry] = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0

    @property
    def shows(self) -> str:
        """The first line of its docstring."""
        return self._doc.partition("\n")[0]

    @property
    def origin(self) -> str:
        """The rest of its docstring: which slides it is made for."""
        return " ".join(self._doc.partition("\n")[2].split())

    @property
    def _doc(self) -> str:
        try:
            return (ast.get_docstring(ast.parse(self.text)) or "").strip()
        except (SyntaxError, ValueError):
            return ""


def plain_name(text: str) -> str:
    """A text as a file name: letters, digits, ``-`` and ``_``.

    >>> plain_name("two layers/../x"), plain_name("<b>")
    ('two-layers-x', 'b')
    """
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:80] or "figure"


def page(scripts: Sequence[Script], seconds: float, title: str = "Lecture figures") -> str:
    """The page as HTML text."""
    figures = sum(len(s.entries) for s in scripts)
    broken = [s for s in scripts if s.error]
    said = [
        f"{figures} figure{'' if figures == 1 else 's'} from {len(scripts)} script"
        f"{'' if len(scripts) == 1 else 's'}, built in {units.number(seconds)} s"
    ]
    if broken:
        said.append(f"{len(broken)} script{'' if len(broken) == 1 else 's'} failed")
    body = [f"<header><h1>{_text(title)}</h1><p>{'; '.join(said)}.</p></header>"]
    if broken:
        body.append('<section class="broken"><h2>Failed</h2>')
        for script in broken:
            body.append(
                f'<h3>{_text(script.name)} <a href="{_link(SOURCES, script.name)}">source</a></h3>'
                f"<pre>{_text(script.error)}</pre>"
            )
        body.append("</section>")
    for script in scripts:
        if script.entries:
            body += _section(script)
    return _PAGE.format(
        title=_text(title), policy=_POLICY, light=_variables(LIGHT), dark=_variables(DARK), style=_STYLE,
        body="\n".join(body),
    )  # fmt: skip


def _section(script: Script) -> Iterable[str]:
    yield f'<section id="{escape(plain_name(script.name))}">'
    yield f"<h2>{_text(script.shows or script.name)}</h2>"
    source = f'<a href="{_link(SOURCES, script.name)}">{_text(script.name)}</a>'
    yield f'<p class="origin">{source}, {units.number(script.seconds)} s. {_text(script.origin)}</p>'
    yield '<div class="figures">'
    for entry in script.entries:
        yield _card(entry)
    yield "</div></section>"


def _card(entry: Entry) -> str:
    light = entry.pictures.get("light") or next(iter(entry.pictures.values()), "")
    dark = entry.pictures.get("dark", light)
    size = f' width="{entry.width:.0f}" height="{entry.height:.0f}"' if entry.width else ""
    picture = (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{_link(FILES, dark)}">'
        f'<img src="{_link(FILES, light)}" alt="{_text(entry.title)}"{size}></picture>'
    )
    links = [
        f'<a href="{_link(FILES, file)}" download>{_text(theme)} SVG</a>'
        for theme, file in entry.pictures.items()
    ]
    links += [
        f'<a href="{_link(FILES, file)}" download>{_text(FORMAT_NAMES.get(kind, kind.upper()))}</a>'
        for kind, file in entry.downloads.items()
    ]
    return (
        f'<figure id="{escape(entry.name)}"{_form(entry)}><a class="picture" href="{_link(FILES, light)}">{picture}</a>'
        f"<figcaption><h3>{_text(entry.title)}</h3><p>{' '.join(links)}</p></figcaption></figure>"
    )


def _form(entry: Entry) -> str:
    """Wide figures get a row of their own; tall ones show their upper part, large enough to read."""
    if not entry.width or not entry.height:
        return ""
    if entry.width > 2.6 * entry.height:
        return ' class="wide"'
    return ' class="tall"' if entry.height > 1.5 * entry.width else ""


def _text(text: str) -> str:
    kept = "\n".join(fonts.clean(line) for line in text.splitlines())
    return escape(kept)


def _link(folder: str, name: str) -> str:
    return escape(quote(f"{folder}/{name}"))


def _variables(look: Theme) -> str:
    return (
        ";".join(
            f"--{name}:{getattr(look, name)}"
            for name in ("page", "surface", "line", "ink", "ink2", "ink3", "focus")
        )
        + f";--failed:{look.states['failed']}"
    )


def write(folder: Path, scripts: Sequence[Script], seconds: float) -> Path:
    """Write the page (and the sources it links to) into ``folder``; returns its path."""
    sources = folder / SOURCES
    sources.mkdir(parents=True, exist_ok=True)
    for script in scripts:
        (sources / script.name).write_text(script.text, encoding="utf-8")
    target = folder / "index.html"
    target.write_text(page(scripts, seconds), encoding="utf-8")
    return target


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>:root{{{light}}}
@media (prefers-color-scheme: dark){{:root{{{dark}}}}}
{style}</style></head>
<body>
{body}
</body></html>
"""
_STYLE = """*{box-sizing:border-box}
body{margin:0 auto;max-width:1440px;padding:24px 32px 48px;background:var(--page);color:var(--ink);
font:13px/20px Inter,'Segoe UI','Helvetica Neue','DejaVu Sans',Arial,sans-serif}
h1{font-size:24px;line-height:32px;margin:0}h2{font-size:15px;line-height:24px;margin:0}
h3{font-size:13px;line-height:20px;margin:0}
p{margin:0;color:var(--ink2)}
header{padding-bottom:16px;border-bottom:1px solid var(--line)}
section{margin-top:32px}
.origin{max-width:90ch;margin-bottom:12px}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:16px;align-items:start}
figure{margin:0;background:var(--surface);border:1px solid var(--line);border-radius:6px;overflow:hidden}
.picture{display:block;background:var(--page);border-bottom:1px solid var(--line);padding:12px}
.picture img{display:block;width:100%;height:300px;object-fit:scale-down}
.tall img{object-fit:cover;object-position:top;width:min(100%,300px);margin:0 auto}
.wide{grid-column:1/-1}.wide img{width:auto;max-width:100%;height:auto;max-height:360px;margin:0 auto}
figcaption{padding:12px 16px}
figcaption p{display:flex;flex-wrap:wrap;gap:4px 12px;margin-top:4px;font-size:12px;line-height:24px}
a{color:var(--focus)}a:focus-visible{outline:2px solid var(--focus);outline-offset:2px}
.broken{border:1px solid var(--failed);border-radius:6px;padding:16px;background:var(--surface)}
.broken h2{color:var(--failed)}
pre{margin:4px 0 12px;overflow:auto;font:12px/16px 'JetBrains Mono','DejaVu Sans Mono',Menlo,monospace;color:var(--ink2)}
@media print{.picture img{height:auto}figure{break-inside:avoid}}"""
