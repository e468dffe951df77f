"""Numbered frames of a figure for slides, with a file each for Beamer and reveal.js that shows them in turn.

``name.steps.json`` lists what was written. It is also the only thing by which files of an earlier call
are taken away, so that a shorter run never ends with frames of a longer one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphscope.errors import UsageError
from graphscope.export import pdf, png, svg, tikz
from graphscope.export.animation import captioned
from graphscope.export.files import writing
from graphscope.export.play import BACKWARD, Moment, moments
from graphscope.view import text as fonts

if TYPE_CHECKING:
    from graphscope.export.figure import Figure

FORMATS = {"svg": svg.write, "pdf": pdf.write, "png": png.write, "tikz": tikz.write}
MARK = "made by GraphScope"
MOST = 2000  # frames
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# what LaTeX and browsers can show, best first
_LATEX, _WEB = ("pdf", "png", "tikz"), ("svg", "png")
_SIZE = r"width=\linewidth,height=0.82\textheight,keepaspectratio"


def write_steps(
    figure: Figure,
    folder: str | os.PathLike[str],
    name: str = "step",
    formats: str | Sequence[str] = ("svg", "pdf"),
    captions: bool = False,
    **options: Any,
) -> list[str]:
    """Write the frames; see ``Figure.steps``."""
    what = "cannot write the steps of this figure"
    chosen = _formats(formats)
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{what} as {name!r}: the name stands in LaTeX and HTML, so it is made of letters, digits, dots "
            "and dashes. Try 'backprop'."
        )
    if "dpi" in options and "png" not in chosen or set(options) - {"dpi"}:
        raise UsageError(
            f"{what} with {', '.join(sorted(options))}: the only further option is dpi, of the format png."
        )
    target = Path(folder)
    if not target.is_dir():
        if not target.absolute().parent.is_dir():
            raise UsageError(
                f"{what} to {str(folder)!r}: the folder {str(target.absolute().parent)!r} does not exist. "
                "Create it first, e.g. with os.makedirs."
            )
        if target.exists():
            raise UsageError(f"{what} to {str(folder)!r}: that is a file and no folder.")
    played = moments(figure, what)
    if len(played) > MOST:
        raise UsageError(
            f"{what}: it would have {len(played):,} frames, and the limit is {MOST:,}. Shut some scopes with "
            "collapse=, or save it as .html, which groups them."
        )
    digits = max(3, len(str(len(played))))
    stems = [f"{name}-{k:0{digits}d}" for k in range(1, len(played) + 1)]
    pages = _pages(name, stems, played, chosen)
    target.mkdir(exist_ok=True)
    for file in pages:
        _ours_or_free(target / file, what)
    manifest = target / f"{name}.steps.json"
    before = _listed(manifest, name)
    files: list[str] = []
    for k, (stem, moment) in enumerate(zip(stems, played, strict=True), 1):
        drawing = moment.drawn(figure)
        if captions:
            drawing = captioned(drawing, figure.theme, moment, k, len(played))
        for kind in chosen:
            file = f"{stem}.{kind}"
            FORMATS[kind](drawing, str(target / file), **(options if kind == "png" else {}))
            files.append(file)
    for file, text in pages.items():
        with writing(target / file) as out:
            out.write(text)
    for old in before - set(files) - set(pages):
        (target / old).unlink(missing_ok=True)
    frames = [
        {"stem": stem, "phase": m.phase, "says": m.says, "card": m.card}
        for stem, m in zip(stems, played, strict=True)
    ]
    _list(manifest, name, chosen, frames, [*files, *pages])
    return [str(target / file) for file in files]


def _formats(formats: str | Sequence[str]) -> list[str]:
    asked = [formats] if isinstance(formats, str) else list(formats)
    chosen = list(dict.fromkeys(str(f).lower().lstrip(".") for f in asked))
    strange = [f for f in chosen if f not in FORMATS]
    if strange or not chosen:
        got = ", ".join(map(repr, strange)) or "nothing"
        raise UsageError(
            f"frames cannot be written as {got}: formats are {', '.join(FORMATS)}. Pass formats=('svg', 'pdf')."
        )
    return chosen


def _ours_or_free(path: Path, what: str) -> None:
    """Frames replace frames without a question, but slides that somebody wrote are not ours."""
    if not path.exists():
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        first = file.readline(400)
    if MARK not in first:
        raise UsageError(
            f"{what}: {str(path)!r} exists and is something else than steps of a figure. Choose another name, or move it."
        )


def _listed(manifest: Path, name: str) -> set[str]:
    """Files of an earlier call, as far as they are surely ours: plain names of our own form."""
    try:
        told: Any = json.loads(manifest.read_text("utf-8"))
    except (OSError, ValueError):
        return set()  # none, or damaged: then nothing is taken away
    files = told.get("files") if isinstance(told, Mapping) else None
    form = re.compile(rf"{re.escape(name)}(-\d{{3,}}\.({'|'.join(FORMATS)})|\.(tex|html))")
    if not isinstance(files, list):
        return set()
    return {f for f in files if isinstance(f, str) and form.fullmatch(f)}


def _list(
    manifest: Path, name: str, formats: list[str], frames: list[dict[str, str]], files: list[str]
) -> None:
    told = {
        "made by": "GraphScope",
        "name": name,
        "formats": formats,
        "frames": frames,
        "files": files,
    }
    with writing(manifest) as out:
        json.dump(told, out, ensure_ascii=True, indent=1)
        out.write("\n")


def _pages(
    name: str, stems: list[str], played: Sequence[Moment], formats: Collection[str]
) -> dict[str, str]:
    """The files that show the frames in turn, for each of the two that can read one of the formats."""
    pages = {}
    latex = next((f for f in _LATEX if f in formats), None)
    web = next((f for f in _WEB if f in formats), None)
    if latex is not None:
        pages[f"{name}.tex"] = beamer(name, stems, played, latex)
    if web is not None:
        pages[f"{name}.html"] = reveal(name, stems, played, web)
    return pages


def beamer(name: str, stems: Sequence[str], played: Sequence[Moment], suffix: str) -> str:
    """Overlays for a frame of a Beamer document: one slide per moment."""
    lines = [
        f"% {name}: {len(stems)} steps, {MARK}.",
        rf"% In a Beamer frame: \input{{{name}}}. Where the pictures lie in another folder, say so before it:",
        rf"% \newcommand\gsfolder{{figures/}} \input{{figures/{name}}}",
        r"\providecommand\gsfolder{}",
    ]
    if suffix == "tikz":
        lines[1] += r" It needs \usepackage{tikz}."
    lines.append(r"\begin{center}%")
    for k, (stem, moment) in enumerate(zip(stems, played, strict=True), 1):
        says = "".join(c if c.isascii() and c.isprintable() else "?" for c in _plain(moment.says))
        if suffix == "tikz":
            # a tikzpicture is as large as it is: fitted by a box, and only read where it is shown
            shown = rf"\only<{k}>{{\resizebox{{!}}{{0.8\textheight}}{{\input{{\gsfolder {stem}.tikz}}}}}}%"
        else:
            shown = rf"\includegraphics<{k}>[{_SIZE}]{{\gsfolder {stem}.{suffix}}}%"
        lines.append(f"{shown} {moment.phase}: {says[:100]}")
    lines += [r"\end{center}", ""]
    return "\n".join(lines)


def reveal(name: str, stems: Sequence[str], played: Sequence[Moment], suffix: str) -> str:
    """A slide of a reveal.js deck: the frames lie on each other, each is a fragment."""
    last = len(stems) - 1
    lines = [
        f"<!-- {name}: {len(stems)} steps, {MARK}; paste it among the sections of a reveal.js deck -->",
        f'<section id="{name}">',
        '  <div class="r-stack">',
    ]
    for k, (stem, moment) in enumerate(zip(stems, played, strict=True)):
        if k == 0:
            shown = ' class="fragment fade-out" data-fragment-index="0"' if last else ""
        else:
            stays = "" if k == last else " current-visible"
            shown = f' class="fragment{stays}" data-fragment-index="{k - 1}"'
        phase = "backward" if moment.phase == BACKWARD else "forward"
        alt = escape(f"Step {k + 1} of {last + 1}, {phase}: {_plain(moment.says)}", quote=True)
        lines.append(f'    <img{shown} src="{stem}.{suffix}" alt="{alt}" />')
    lines += ["  </div>", "</section>", ""]
    return "\n".join(lines)


def _plain(text: str) -> str:
    return fonts.clean(text).replace("--", "\u2013")
