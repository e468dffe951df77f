"""Figure -> one HTML file: the picture as SVG, what changes as data, and our own script and style.

The page may load nothing and run nothing but that script: a content security policy names it by its
hash. It works from ``file://``; without JavaScript it shows the finished figure.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.export.files import writing
from graphscope.export.play import Moment, grouped, in_theme, moments, scene_of, start
from graphscope.export.player.facts import facts, numbers
from graphscope.export.player.pack import Element, Pack, changes
from graphscope.view import text as fonts
from graphscope.view.drawing import Drawing, Text
from graphscope.view.palette import DARK, LIGHT, Theme

if TYPE_CHECKING:
    from graphscope.export.figure import Figure

MARK = "made by GraphScope"
MOST = 240  # frames; neighbours are shown together where there are more
EXACT = (
    60  # frames; in longer plays the quiz shows one and the same picture while gradients are hidden
)
LARGEST = 2_000_000  # bytes; a page over training steps takes fewer of them to stay below
_WHAT = "cannot save this figure as HTML"
_HERE = Path(__file__).parent
_INTERFACE = ("page", "surface", "line", "ink", "ink2", "ink3", "value", "gradient", "focus")


def write(figure: Figure, path: str, **options: object) -> None:
    """Write the figure to an ``.html`` file."""
    text = page(figure)
    with writing(path) as file:
        file.write(text)


def page(figure: Figure) -> str:
    """The whole page. Of a run, as many training steps as fit into 2 MB."""
    history = list(figure.history)
    while True:
        text = _page(figure, history)
        if len(text.encode()) <= LARGEST or len(history) < 4:
            return text
        history = [*history[:-1:2], history[-1]]


class _Painter:
    """Pictures of a figure in two themes, with and without gradients, as rows of variants."""

    def __init__(self, figure: Figure) -> None:
        self.pack = Pack()
        self.cards = figure.view.nodes if figure.view is not None else []
        self.place = {node.id: k for k, node in enumerate(self.cards)}
        self.states: list[dict[Any, int]] = []

    def moments(self, figure: Figure, played: Sequence[Moment]) -> None:
        light, dark = in_theme(figure, "light"), in_theme(figure, "dark")
        last = played[-1]
        self.pack.compare(_untitled(last.drawn(light)), _untitled(last.drawn(dark)))
        shared: dict[Any, int] | None = None
        for moment in played:
            full = bare = self._add(partial(moment.drawn, light), partial(moment.drawn, dark))
            if moment.grads and shared is not None:
                bare = shared
            elif moment.grads:
                still = moment if len(played) <= EXACT else replace(last, fresh=())
                bare = self._add(
                    partial(still.drawn, light, False), partial(still.drawn, dark, False)
                )
                shared = bare if len(played) > EXACT else None
            self.states += [full, bare]

    def whole(self, figure: Figure) -> None:
        """The finished picture."""
        light, dark = in_theme(figure, "light"), in_theme(figure, "dark")
        none = frozenset[int]()
        self.states.append(self._add(light.frame, dark.frame))
        self.states.append(
            self._add(partial(light.frame, grads=none), partial(dark.frame, grads=none))
        )

    def _add(self, light: Callable[[], Drawing], dark: Callable[[], Drawing]) -> dict[Any, int]:
        return self.pack.add(_untitled(light()), lambda: _untitled(dark()))


def _untitled(drawing: Drawing) -> Drawing:
    """Without its title, which is the page's heading already."""
    items = [
        item
        for item in drawing.items
        if not (isinstance(item, Text) and item.bold and item.text == fonts.clean(drawing.title))
    ]
    return replace(drawing, items=items)


def _page(figure: Figure, history: Sequence[tuple[int, str, Figure]]) -> str:
    scene = scene_of(figure, _WHAT)
    graph = scene.graph
    played = [start(figure), *grouped(moments(figure, _WHAT), MOST)]
    painter = _Painter(figure)
    painter.moments(figure, played)
    for _, _, each in history:
        painter.whole(each)
    painter.whole(figure)
    pack = painter.pack
    rows = pack.rows(painter.states)
    final = rows[-2]
    cards = painter.cards
    ends = len(played)
    told: list[dict[str, Any]] = [
        {
            "name": "Op by op",
            "frames": _frames(
                rows[: 2 * ends], [(m.phase, m.says, m.card) for m in played], painter
            ),
            "numbers": [[numbers(graph, scene.values, node, True) for node in cards]],
            "value": [_first(played, "values", node.main) for node in cards],
            "gradient": [_first(played, "grads", node.main) for node in cards],
        }
    ]
    if history:
        steps = [(f"step {units.number(num)}", says, "") for num, says, _ in history]
        told.append(
            {
                "name": "Over training",
                "frames": _frames(rows[2 * ends : -2], steps, painter),
                "numbers": [
                    [numbers(graph, scene_of(each, _WHAT).values, node, False) for node in cards]
                    for _, _, each in history
                ],
                "value": [0] * len(cards),
                "gradient": [0] * len(cards),
            }
        )
    about, formulas = _shared(facts(figure))
    data = {
        "w": pack.width,
        "h": pack.height,
        "final": final,
        "marks": pack.elements,
        "slots": [
            {"c": painter.place.get(card, -1), "o": owner, "v": variants}
            for card, owner, variants in zip(
                pack.cards(), _owners(rows[: 2 * ends], played, painter), pack.table(), strict=True
            )
        ],
        "plays": told,
        "cards": about,
    }
    return _filled(figure, pack, final, data, formulas)


def _frames(
    rows: Sequence[list[int]], said: Sequence[tuple[str, str, str]], painter: _Painter
) -> list[dict[str, Any]]:
    out = []
    before = [-1] * len(rows[0])
    for k, (phase, says, card) in enumerate(said):
        full, bare = rows[2 * k], rows[2 * k + 1]
        out.append(
            {
                "p": phase,
                "s": fonts.clean(says),
                "c": painter.place.get(card, -1),
                "d": changes(before, full),
                "q": changes(full, bare),
            }
        )
        before = full
    return out


def _first(played: Sequence[Moment], name: str, value: int) -> int:
    """The frame from which a value, or its gradient, is known; beyond the last one if it never is."""
    return next((k for k, m in enumerate(played) if value in getattr(m, name)), len(played))


def _owners(rows: Sequence[list[int]], played: Sequence[Moment], painter: _Painter) -> list[int]:
    """The card whose gradient a slot shows: its own, or the one that was new when the slot first did."""
    owners = [painter.place.get(card, -1) for card in painter.pack.cards()]
    for k, moment in enumerate(played):
        card = painter.place.get(moment.card, -1)
        full, bare = rows[2 * k], rows[2 * k + 1]
        for slot, (a, b) in enumerate(zip(full, bare, strict=True)):
            if a != b and owners[slot] < 0:
                owners[slot] = card
    return owners


def _shared(about: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Formulas once, however many cards have them; cards name them by number."""
    formulas: dict[str, int] = {}
    for card in about:
        card["formulas"] = [formulas.setdefault(f, len(formulas)) for f in card["formulas"]]
    return about, list(formulas)


# ---------------------------------------------------------------- the file


def _filled(
    figure: Figure, pack: Pack, final: list[int], data: dict[str, Any], formulas: list[str]
) -> str:
    title = fonts.clean(figure.drawing.title or "graph") or "graph"
    style = "\n" + _colours(pack) + _read("player.css")
    script = player_script()
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{hash_of(script)}'",
            f"style-src '{hash_of(style)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    # "</script>" in a name would end the data: no "<" is left in it
    packed = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return Template(_read("page.html")).substitute(
        theme=' data-theme="dark"' if figure.theme == "dark" else "",
        mark=MARK,
        policy=policy,
        title=escape(title),
        style=style,
        svg=_svg(pack, final, title),
        formulas="".join(f"<div>{f}</div>" for f in formulas),
        data=packed,
        script=script,
    )


def _svg(pack: Pack, final: list[int], title: str) -> str:
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{pack.width:g}" height="{pack.height:g}" '
        f'viewBox="0 0 {pack.width:g} {pack.height:g}" role="group" aria-label="{escape(title)}">'
    ]
    # a hundred times too large, since whole numbers are short
    shapes = (f'<path id="g{k}" transform="scale(.01)" d="{d}"/>' for d, k in pack.outlines.items())
    out.append(f"<defs>{''.join(shapes)}</defs>")
    for k, (variants, chosen) in enumerate(zip(pack.table(), final, strict=True)):
        marks = variants[chosen] if chosen >= 0 else []
        out.append(f'<g data-s="{k}">{"".join(_element(pack.elements[m]) for m in marks)}</g>')
    out.append("</svg>")
    return "\n".join(out)


def _element(row: Element) -> str:
    tag, attributes, fill, stroke, text = row
    given = dict(attributes)
    classes = [
        given.pop("class", ""),
        f"f{fill}" if fill >= 0 else "f",
        f"s{stroke}" if stroke >= 0 else "",
    ]
    given["class"] = " ".join(c for c in classes if c)
    told = " ".join(f'{name}="{escape(value)}"' for name, value in given.items())
    return f"<{tag} {told}>{escape(text)}</{tag}>" if text else f"<{tag} {told}/>"


def _colours(pack: Pack) -> str:
    """The two themes as variables, and a class for every colour of the figure."""
    sets = []
    for which, look in enumerate((LIGHT, DARK)):
        own = _interface(look)
        own += [f"--c{k}:{pair[which]}" for pair, k in pack.colours.items()]
        sets.append(";".join(own))
    light, dark = sets
    lines = [
        f":root{{color-scheme:light;{light}}}",
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}",
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}",
        "#stage .f{fill:none}",
    ]
    for k in pack.colours.values():
        lines.append(f"#stage .f{k}{{fill:var(--c{k})}} #stage .s{k}{{stroke:var(--c{k})}}")
    return "\n".join(lines) + "\n"


def _interface(look: Theme) -> list[str]:
    return [f"--{name}:{getattr(look, name)}" for name in _INTERFACE]


def player_script() -> str:
    """What runs in every such page; a page around it must allow it too, by its hash."""
    return "\n" + _read("player.js")


def hash_of(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _read(name: str) -> str:
    return (_HERE / name).read_text("utf-8")
