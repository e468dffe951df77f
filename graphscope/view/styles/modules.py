"""Modules: the architecture. Shut modules as boxes with parameter counts and output shapes, repeats folded."""

from __future__ import annotations

from graphscope import units
from graphscope.view import text as fonts
from graphscope.view.drawing import Cluster, Drawing, Mark, Rect, label
from graphscope.view.graphview import Form, GraphView, ViewState, build
from graphscope.view.paint import extent, frames, lines, shifted_view
from graphscope.view.palette import Theme, mix, theme
from graphscope.view.pattern import bar
from graphscope.view.structure import INPUT, OP
from graphscope.view.styles.options import Options
from graphscope.view.styles.page import families, page, ring, words
from graphscope.view.styles.scene import Scene
from graphscope.view.visible import SCOPE, Node

SHOW = ("name", "op", "shape")
WIDE, TALL, LOW = 252.0, 62.0, 32.0
DEEPEST = 4
ENOUGH, FEW = 3, 14  # boxes that make an architecture, and that stay easy to read
STACK = 5.0


def view(scene: Scene, opts: Options) -> GraphView:
    """The placed boxes; parameters are counted in them and not drawn."""
    if opts.collapse is not None or opts.opened is not None:
        return _view(scene, opts, opts.collapse)
    found = _view(scene, opts, 0)
    for depth in range(1, DEEPEST):
        deeper = _view(scene, opts, depth)
        boxes = sum(node.kind != INPUT for node in deeper.nodes)
        # One level more where that shows a repeated block as one box of many.
        repeats = boxes <= FEW and any(node.fold > 1 for node in deeper.nodes)
        modules = sum(is_module(node) for node in found.nodes)
        others = sum(node.kind == OP and not is_module(node) for node in found.nodes)
        enough = modules >= ENOUGH or (modules > 1 and modules + others >= ENOUGH)
        if enough and not repeats:
            break
        found = deeper
        if repeats:
            break
    return found


def _view(scene: Scene, opts: Options, collapse: int | tuple[str, ...] | None) -> GraphView:
    k = opts.large

    def size(node: Node) -> tuple[float, float]:
        return WIDE * k, (TALL if is_module(node) else LOW) * k

    form = Form(opts.direction or "down", size, parameters=False, collapse=collapse)
    state = ViewState(opened=opts.opened, theme=opts.theme)
    specs = scene.step.specs if scene.step is not None else None
    return build(scene.graph, scene.reader, state, specs=specs, form=form)


def is_module(node: Node) -> bool:
    """Whether a box is a module: a shut scope, or an op that is all its module does."""
    return node.kind == SCOPE or (node.kind == OP and node.scope != node.group)


def parameters(scene: Scene, ops: list[int]) -> int:
    """How many numbers the parameters of some ops hold, each parameter counted once."""
    total = 0
    for port in {s for op in ops if op >= 0 for s in scene.inputs[op] if s < 0}:
        if scene.graph.port_kind(-1 - port) == "parameter":
            size = 1
            for extent_ in scene.source.shape(port) or ():
                size *= extent_
            total += size
    return total


def draw(scene: Scene, opts: Options) -> Drawing:
    """The architecture of a graph with modules."""
    k, colours = opts.large, theme(opts.theme)
    shown = view(scene, opts)
    x0, y0, x1, y1 = extent(shown)
    at = shifted_view(shown, -x0, -y0)
    marked = scene.marked(opts)
    parts = opts.parts(SHOW)
    body: list[Mark | Cluster] = [*frames(at.groups, colours), *lines(at.edges, colours, k)]
    for group in at.groups:
        path = group.id.removeprefix("s:")
        body += _title(scene, path, group.label, group.x, group.y, group.w, colours, k)
    for node in at.nodes:
        body.append(_box(scene, node, parts, colours, k, bool(marked & {node.main, *node.members})))
    used = [node.family for node in shown.nodes if node.kind in (OP, SCOPE)]
    pieces = families(used, colours, k)
    total = parameters(scene, scene.forward)
    if total:
        pieces.insert(0, words(f"{units.count(total)} parameters", colours.ink, k, True))
    return page(body, x1 - x0, y1 - y0, colours, opts, pieces)


def _kind(scene: Scene, node: Node) -> str:
    found = scene.kinds.get(node.scope, "")
    if found:
        return found
    return node.op if node.kind == OP else ""


def _title(
    scene: Scene, path: str, name: str, x: float, y: float, wide: float, colours: Theme,
    k: float,
) -> list[Mark]:  # fmt: skip
    """An open module's name, with its class and how many parameters are inside."""
    inside = [
        i
        for i in scene.forward
        if scene.graph.scope_path(i) == path or scene.graph.scope_path(i).startswith(f"{path}.")
    ]
    size = 12 * min(k, 1.2)
    count = parameters(scene, inside)
    kind = scene.kinds.get(path, "")
    # The middle of the frame's top is where a line comes in: texts stand left and right of it.
    half = wide / 2 - 20
    text = label(x + 12, y + 20, name, size, colours.ink2, room=half, bold=True)
    marks: list[Mark] = [text]
    if kind and text.width + 8 + fonts.width(kind, 11) <= half:
        marks.append(label(x + 20 + text.width, y + 20, kind, 11, colours.ink3))
    said = f"{units.count(count)} parameters" if count else ""
    if said and fonts.width(said, 11) <= half:
        marks.append(label(x + wide - 12, y + 20, said, 11, colours.ink3, anchor="end"))
    return marks


def _box(
    scene: Scene, node: Node, parts: tuple[str, ...], colours: Theme, k: float, marked: bool
) -> Cluster:
    module = is_module(node)
    x, y, w, h = node.x, node.y, node.w, node.h
    radius = 8.0 if module else h / 2
    back = colours.tinted(colours.families[node.family])
    stroke = 0.75 if colours.patterns else 1.0
    marks: list[Mark] = []
    if marked:
        marks.append(ring(x, y, w, h, radius, colours))
    if node.fold > 1:
        for step in (2, 1):
            d = STACK * step
            marks.append(Rect(x + d, y + d, w, h, radius, colours.surface, colours.line, stroke))
    marks.append(Rect(x, y, w, h, radius, mix(colours.surface, back, 1.0), colours.line, stroke))
    if module:
        marks += bar(x, y, 5.0, h, radius, node.family, colours)
    left, right = x + 16 * k, x + w - 12 * k
    count = parameters(scene, node.members)
    kind, name = _kind(scene, node), node.label if "name" in parts else node.op
    base = y + (h / 2 + 4.5 * k if not module else 25 * k)
    shape = None
    if "shape" in parts and node.shape:
        shape = label(
            right, base if not module else y + 47 * k, node.shape, 11 * k, colours.ink2, room=w * 0.5,
            anchor="end", mono=True,
        )  # fmt: skip
        marks.append(shape)
    room = right - left
    if not module and shape is not None:
        room -= shape.width + 10
    fold = f"\u00d7{node.fold}" if node.fold > 1 else ""
    if fold:
        pill = fonts.width(fold, 13 * k, True) + 14 * k
        room -= pill + 6
        marks.append(Rect(right - pill, y + 11 * k, pill, 19 * k, 9.5 * k, colours.ink))
        marks.append(
            label(
                right - pill / 2,
                y + 25 * k,
                fold,
                13 * k,
                colours.surface,
                anchor="middle",
                bold=True,
            )
        )
    size = 13 * k if module else 12 * k
    title = label(left, base, name, size, colours.ink, room=room, bold=module)
    marks.append(title)
    if module and "op" in parts and kind and kind != name:
        spare = room - title.width - 8
        if fonts.width(kind, 11 * k) <= spare:
            marks.append(label(left + title.width + 8, base, kind, 11 * k, colours.ink2))
    if module:
        said = _count(count, node.fold)
        taken = shape.width + 10 if shape is not None else 0.0
        marks.append(label(left, y + 47 * k, said, 11 * k, colours.ink2, room=right - left - taken))
    facts = [
        name + (f" ({kind})" if kind and kind != name else ""),
        node.scope,
        _count(count, node.fold),
    ]
    return Cluster(node.id, "\n".join(fact for fact in facts if fact), tuple(marks))


def _count(count: int, fold: int) -> str:
    if not count:
        return "no parameters"
    if fold > 1 and count % fold == 0:
        return f"{fold} \u00d7 {units.count(count // fold)} parameters"
    return f"{units.count(count)} parameters"
