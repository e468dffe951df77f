"""Graph: cards of ops and tensors, value above, gradient below; scopes as frames, open or shut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from graphscope.view.drawing import Drawing
from graphscope.view.encode import NOT_REACHED, node_values
from graphscope.view.graphview import Form, GraphView, ViewState, build
from graphscope.view.paint import SHOW, paint
from graphscope.view.styles import signs
from graphscope.view.styles.options import Options
from graphscope.view.styles.page import NOT_YET
from graphscope.view.styles.scene import Scene
from graphscope.view.visible import Node

WIDE, TALL, LOW, FACTS = 184.0, 72.0, 52.0, 14.0
NARROW, TINY = 124.0, 60  # cards of plain numbers, and up to how many ops a graph is tiny


def view(scene: Scene, opts: Options) -> GraphView:
    """The placed cards."""
    plain = tiny(scene)
    form = Form(
        opts.direction or "down",
        _size(scene, opts),
        collapse=opts.collapse,
        lean=not plain,
    )
    state = ViewState(opened=opts.opened, color=opts.color, theme=opts.theme)
    specs = scene.step.specs if scene.step is not None else None
    return build(scene.graph, scene.reader, state, specs=specs, form=form)


def tiny(scene: Scene) -> bool:
    """Whether this is a graph of a few plain numbers, as in a textbook."""
    return len(scene.forward) <= TINY and bool(scene.forward) and scene.all_scalar


def parts_of(scene: Scene, opts: Options) -> tuple[str, ...]:
    parts = opts.parts(SHOW)
    if scene.values is None:
        # No statistics were taken: rows of nothing but dashes would say less than the op's name.
        parts = tuple(part for part in parts if part not in ("value", "grad"))
    return parts


def _size(scene: Scene, opts: Options) -> Callable[[Node], tuple[float, float]]:
    parts = parts_of(scene, opts)
    numbers = "value" in parts or "grad" in parts
    facts = numbers and scene.step is not None and ("time" in parts or "memory" in parts)
    tall = (TALL if numbers else LOW) + (FACTS if facts else 0.0)
    wide = NARROW if tiny(scene) and numbers else WIDE
    k = opts.large
    return lambda node: (wide * k, tall * k)


def numbers(scene: Scene, opts: Options, shown: GraphView) -> dict[str, dict[str, Any]] | None:
    """What the cards say, as far as a frame knows it."""
    if scene.step is None and scene.values is None:
        return None
    found = node_values(scene.graph, scene.step, scene.values, shown)
    for node in shown.nodes:
        card = found[node.id]
        if opts.values is not None and node.main not in opts.values:
            # neither what it took nor whether it is finite is known before it ran
            card |= {"v": "", "vh": [], "share": None, "health": "ok", "failed": False}
        if opts.grads is not None and node.main not in opts.grads:
            card["g"], card["gh"] = "", []
        elif node.main < 0 and card["g"] == NOT_REACHED and not scene.wants(node.main):
            card["g"] = ""  # an input that wants no gradient misses none
    return found


def draw(scene: Scene, opts: Options) -> Drawing:
    """The graph as cards."""
    shown = view(scene, opts)
    marked = scene.marked(opts)
    parts = parts_of(scene, opts)
    sign: dict[str, str] = {}
    if tiny(scene):
        sign = {
            f"n{i}": tex for i in scene.forward if (tex := signs.sign(scene, i)) not in signs.WORDS
        }
        parts = tuple(part for part in parts if part != "shape")
    local: dict[tuple[str, str], str] = {}
    if "local_grad" in parts:
        local = _locals(scene, shown)
    pending = "grad" in parts and not scene.has_gradients and scene.values is not None
    return paint(
        shown,
        numbers(scene, opts, shown),
        opts.theme,
        title=opts.title,
        subtitle=opts.subtitle,
        show=parts,
        color=opts.color,
        legend=opts.legend,
        zoom=opts.large,
        signs=sign,
        marked={n.id for n in shown.nodes if _is_marked(n, marked)},
        locals=local,
        notes=(NOT_YET,) if pending else (),
        finished=numbers(scene, replace(opts, values=None, grads=None), shown),
    )


def _is_marked(node: Node, marked: set[int]) -> bool:
    return node.main in marked or bool(marked & set(node.members))


def _locals(scene: Scene, shown: GraphView) -> dict[tuple[str, str], str]:
    cards = {node.main: node.id for node in shown.nodes if node.id[0] != "s"}
    found: dict[tuple[str, str], str] = {}
    for op in scene.forward:
        for slot, value in enumerate(scene.inputs[op]):
            text = scene.local_text(op, slot)
            if text and op in cards and value in cards:
                pair = (cards[value], cards[op])
                found[pair] = f"{found[pair]}, {text}" if pair in found else text
    return found
