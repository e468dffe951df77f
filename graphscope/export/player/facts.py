"""What the player tells about a card that is clicked: name, formula, shape, numbers, line."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.export.play import naming
from graphscope.view import text as fonts
from graphscope.view.encode import gradient_text, reach, value_text
from graphscope.view.palette import FAMILY_NAMES
from graphscope.view.structure import OP
from graphscope.view.visible import SCOPE, Node

if TYPE_CHECKING:
    from graphscope.export.figure import Figure
    from graphscope.trace.records import Entry, Graph, ValueStep

MATRIX = 64  # elements of a tensor that is shown whole
_MATH = "{http://www.w3.org/1998/Math/MathML}"
# What a formula may consist of; everything else (links, actions, styles) is dropped.
_TAGS = frozenset(
    "math mrow mi mn mo mtext mspace msup msub msubsup mfrac msqrt mroot mover munder munderover mtable mtr mtd "
    "mpadded mphantom mstyle".split()
)
_ATTRIBUTES = frozenset(("mathvariant", "stretchy", "accent", "display"))


def facts(figure: Figure) -> list[dict[str, Any]]:
    """A dictionary per card, in the order of the view."""
    scene, view = figure.scene, figure.view
    assert scene is not None and view is not None
    told = [_card(scene.graph, scene.source, n, scene.local, naming(figure)) for n in view.nodes]
    in_full = naming(figure, 120)
    for node, card in zip(view.nodes, told, strict=True):
        card["name"] = fonts.clean(in_full(node.main) if node.kind != SCOPE else node.label[:120])
    return told


def _card(
    graph: Graph, source: Any, node: Node, local: Any, name: Callable[[int], str]
) -> dict[str, Any]:
    value = node.main
    spec = source.spec(value)
    rows: list[list[str]] = []

    def row(what: str, text: str) -> None:
        if text:
            rows.append([what, fonts.clean(text)])

    row("scope", node.scope)
    row("shape", units.shape(spec.shape) if spec is not None else node.shape)
    row("dtype", spec.dtype if spec is not None else "")
    row("size", units.bytes_(spec.nbytes) if spec is not None else "")
    if node.kind == OP and value >= 0:
        row("inputs", ", ".join(map(name, graph.inputs(value)[:6])))
    if node.kind == SCOPE:
        row("ops", units.count(sum(part.kind == OP for part in node.parts)))
        row("repeated", f"\u00d7{node.fold}" if node.fold > 1 else "")
    row("kind", node.op if node.kind != OP else FAMILY_NAMES.get(node.family, node.family))
    site = graph.site_of(value) if node.kind == OP and value >= 0 else None
    row("line", f"{site.file.replace(chr(92), '/').rpartition('/')[2]}:{site.line}" if site else "")
    told: dict[str, Any] = {
        "id": node.id,
        "name": "",
        "op": fonts.clean(units.clip(node.op, 80)),
        "family": node.family,
        "rows": rows,
        "formulas": [],
        "local": [],
        "doc": "",
    }
    if node.kind == OP and value >= 0:
        info = graph.op_info(value)
        told["doc"] = fonts.clean(units.clip(info.doc, 300))
        told["formulas"] = _formulas(info.tex, info.vjp_tex)
        for position, argument in enumerate(graph.inputs(value)):
            entry = local.get((value, position))
            if entry is not None:
                what = f"\u2202{name(value)}/\u2202{name(argument)}"
                told["local"].append([fonts.clean(what), number(entry)])
    return told


def numbers(graph: Graph, values: ValueStep | None, node: Node, whole: bool) -> dict[str, Any]:
    """The value and the gradient of a card, ``{"v": ..., "g": ...}``; ``whole`` adds small matrices."""
    value = values.get(node.main, "v") if values is not None else None
    gradient = values.get(node.main, "g") if values is not None else None
    there = reach(graph)
    told: dict[str, Any] = {}
    if value is not None:
        told["v"] = number(value, whole)
    if gradient is not None:
        told["g"] = number(gradient, whole, gradient_text(gradient, node.main, there, True))
    elif there.ran and node.main not in there.values:
        told["none"] = "backward does not come by here"
    elif not there.ran:
        told["none"] = "no gradient yet: backward has not run"
    else:
        told["none"] = "not taken in this step"
    return told


def number(entry: Entry, whole: bool = True, text: str = "") -> dict[str, Any]:
    """A tensor in numbers: the text of its card, then details, then all of it where it is small."""
    told: dict[str, Any] = {"t": text or value_text(entry)}
    if entry.item is not None:
        told["x"] = units.exact(np.float32(entry.item).item()) if np.isfinite(entry.item) else ""
        return told
    told["s"] = [units.number(getattr(entry, name)) for name in ("mean", "min", "max", "rms")]
    thumb = entry.thumb
    if whole and thumb is not None and 1 < entry.count <= MATRIX and set(thumb.stride) <= {1}:
        array = thumb.array()
        if array.size == entry.count:
            flat = array.reshape(-1, array.shape[-1])
            told["m"] = [[units.number(float(x)) for x in line] for line in flat]
    return told


# ---------------------------------------------------------------- formulas


def _formulas(tex: str, gradients: dict[str, str]) -> list[str]:
    """The op's formula and those of its gradients, as MathML."""
    written = [f"y = {_plain(tex)}"] if tex else []
    for name, text in gradients.items():
        written.append(_plain(text) if "=" in text else rf"\bar{{{name}}} = {_plain(text)}")
    return [mathml(text) for text in written[:6]]


def _plain(text: str) -> str:
    """A template in which ``{x}`` is an input and doubled braces are TeX's own."""
    return text.replace("{{", "{").replace("}}", "}") if "{{" in text else text


def mathml(tex: str) -> str:
    """A formula as MathML, reduced to harmless elements: formulas come out of trace files."""
    from latex2mathml.converter import convert

    tex = tex[:1000]
    try:
        root = ET.fromstring(convert(tex))
    except Exception:  # noqa: BLE001  a converter of formulas may fail in any way; the source says it too
        root = ET.Element(f"{_MATH}math")
        ET.SubElement(root, f"{_MATH}mtext").text = tex
    clean = _harmless(root)
    clean.set("xmlns", _MATH[1:-1])
    clean.set("aria-label", fonts.clean(tex))
    return ET.tostring(clean, encoding="unicode")


def _harmless(node: ET.Element) -> ET.Element:
    name = str(node.tag).rpartition("}")[2]
    out = ET.Element(name if name in _TAGS else "mrow")
    out.text = fonts.clean(node.text) if node.text else None
    for key, value in node.attrib.items():
        if key in _ATTRIBUTES:
            out.set(key, value)
    out.extend([_harmless(child) for child in node])
    return out
