"""GraphView: the one picture of a graph that the screen and every figure draw.

``build`` folds a recorded graph into cards, decides which scopes are open, and places everything.
It depends on structure only: two steps of one graph give equal positions, and values are painted in
afterwards (``view.encode``).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from graphscope.errors import UsageError
from graphscope.view import focus, layout
from graphscope.view.edges import Edge, Edges
from graphscope.view.source import Source
from graphscope.view.structure import PARAM, Structure, short_name, structure
from graphscope.view.visible import AllBut, Node, auto_depths, open_to, visible

if TYPE_CHECKING:
    from graphscope.trace.records import Graph, Ints
    from graphscope.trace.records import Lookup as Reader

CANVAS_WIDTH, CANVAS_HEIGHT, MIN_ZOOM = 1024.0, 764.0, 0.5


@dataclass(frozen=True)
class ViewState:
    """What a reader chose to look at; it lives in the URL. ``opened=None`` lets the view decide."""

    run: str = ""
    step: int = -1
    node: str = ""
    scope: str = ""
    opened: frozenset[str] | AllBut | None = None
    color: str = "family"
    search: str = ""
    unrolled: bool = False
    focus: str = ""
    theme: str = "light"


@dataclass(frozen=True)
class Group:
    """The frame of an open scope."""

    id: str
    label: str
    x: float
    y: float
    w: float
    h: float
    depth: int


@dataclass
class GraphView:
    """Placed cards, frames and lines. Coordinates are px at zoom 1, y downwards."""

    digest: str
    bounds: tuple[float, float, float, float]
    nodes: list[Node]
    groups: list[Group]
    edges: Sequence[Edge]
    opened: frozenset[str]
    source: Source
    start: dict[str, float] = field(default_factory=dict)
    saved: list[tuple[str, str]] = field(default_factory=list)
    """Of a mirrored view: which cards are kept alive for which gradients."""
    focus: str = ""
    """The part that is shown, if it is not the whole graph (see ``view.focus``)."""
    packed: str | None = field(default=None, init=False, repr=False, compare=False)
    """Kept by ``view.packing``."""

    def node(self, id: str) -> Node | None:
        return next((node for node in self.nodes if node.id == id), None)

    def to_json(self) -> dict[str, Any]:
        """Plain data for the page; positions are rounded to a tenth of a pixel."""
        return {
            "digest": self.digest,
            "bounds": [round(v, 1) for v in self.bounds],
            "opened": sorted(self.opened),
            "nodes": [
                {
                    "id": node.id,
                    "kind": node.kind,
                    "label": node.label,
                    "op": node.op,
                    "family": node.family,
                    "shape": node.shape,
                    "scope": node.scope,
                    "x": round(node.x, 1),
                    "y": round(node.y, 1),
                    "w": node.w,
                    "h": node.h,
                    "fold": node.fold,
                    "main": node.main,
                    "members": node.members,
                    "site": node.site,
                    **({"twin": node.twin, "form": node.form} if node.twin else {}),
                }
                for node in self.nodes
            ],
            "groups": [
                {
                    "id": group.id,
                    "label": group.label,
                    "x": round(group.x, 1),
                    "y": round(group.y, 1),
                    "w": round(group.w, 1),
                    "h": round(group.h, 1),
                    "depth": group.depth,
                }
                for group in self.groups
            ],
            "edges": [
                {
                    "src": edge.src,
                    "dst": edge.dst,
                    "points": [[round(x, 1), round(y, 1)] for x, y in edge.points],
                    "weight": edge.weight,
                    "shape": edge.shape,
                    **({"tex": edge.tex} if edge.tex else {}),
                }
                for edge in self.edges
            ],
            "start": self.start,
            "saved": self.saved,
            "focus": self.focus,
        }


# Keyed by the graph object: digests and ids of different traces may be equal, their names not.
_structures: WeakKeyDictionary[Graph, dict[tuple[bytes, bool], Structure]] = WeakKeyDictionary()
_structures_lock = threading.Lock()


@dataclass(frozen=True)
class Form:
    """How a figure wants the picture: the way it runs, sizes of its cards, what is left out or shut.

    ``collapse`` is the depth to which scopes are open, or the scopes that are shut. Parameters ``lean`` on
    the op that uses them, or stand where any tensor would.
    """

    direction: str = "down"
    size: Callable[[Node], tuple[float, float]] | None = None
    parameters: bool = True
    lean: bool = True
    collapse: int | tuple[str, ...] | None = None


_PLAIN = Form()


def build(
    graph: Graph,
    reader: Reader,
    state: ViewState | None = None,
    *,
    specs: Ints | None = None,
    form: Form = _PLAIN,
) -> GraphView:
    """The GraphView of a graph.

    ``specs`` are those of the step that is looked at (``step.specs``); without them the reader is
    asked for step ``state.step``, or the last one, where it is a step of this graph.
    """
    state = state or ViewState()
    source = Source(graph, reader, specs, state.step)
    folded = structure_of(graph, source, state.unrolled)
    if state.focus:
        wanted = focus.parse(state.focus)
        keep = wanted and focus.cards(folded, graph, wanted)
        if keep:  # a step of another graph may lack the card: then the whole is shown
            return replace(
                _view(graph, source, focus.narrowed(folded, keep), state, form), focus=state.focus
            )
    return _view(graph, source, folded, state, form)


def _view(
    graph: Graph, source: Source, folded: Structure, state: ViewState, form: Form
) -> GraphView:
    opened = state.opened
    if form.collapse is not None:
        opened = _asked(folded, form.collapse)
    if opened is not None:
        return _build(graph, source, folded, opened, state.unrolled, form)
    depths = auto_depths(folded)
    for depth in depths:
        view = _build(graph, source, folded, open_to(folded, depth), state.unrolled, form)
        # The first view fits the canvas' width at zoom 0.5 or more: shut scopes until it does.
        if view.bounds[2] - view.bounds[0] <= CANVAS_WIDTH / MIN_ZOOM:
            return view
    return _build(graph, source, folded, open_to(folded, depths[-1]), state.unrolled, form)


def _asked(folded: Structure, collapse: int | tuple[str, ...]) -> frozenset[str]:
    """The scopes that stay open when others are shut by depth or by name."""
    if isinstance(collapse, int):
        return open_to(folded, collapse)
    paths = [path for path in folded.scopes if path]
    strange = [name for name in collapse if name not in folded.scopes]
    if strange:
        known = ", ".join(sorted(paths)[:8]) or "none in this graph"
        raise UsageError(
            f"collapse: there is no scope {', '.join(map(repr, strange))}; scopes are {known}."
        )
    return frozenset(paths) - set(collapse)


def structure_of(graph: Graph, source: Source, unrolled: bool = False) -> Structure:
    """The cards of a graph, folded once for each set of shapes."""
    key = (source.specs.tobytes(), unrolled)
    with _structures_lock:
        found = _structures.setdefault(graph, {}).get(key)
    if found is None:
        found = structure(graph, source, unrolled=unrolled)
        with _structures_lock:
            _structures[graph][key] = found
    return found


def _build(
    graph: Graph, source: Source, folded: Structure, opened: frozenset[str] | AllBut, unrolled: bool,
    form: Form,
) -> GraphView:  # fmt: skip
    shown = visible(folded, opened)
    if not form.parameters:
        gone = {id for id, node in shown.nodes.items() if node.kind == PARAM}
        shown.nodes = {id: node for id, node in shown.nodes.items() if id not in gone}
        shown.links = [link for link in shown.links if link.src not in gone]
    if not form.lean:
        for node in shown.nodes.values():
            node.host = ""
    if form.size is not None:
        for node in shown.nodes.values():
            node.w, node.h = form.size(node)
    positions = layout.place(shown, form.direction)
    groups = [
        Group(
            f"s:{path}",
            short_name(path),
            frame.x,
            frame.y,
            frame.w,
            frame.h,
            shown.groups[path].depth,
        )
        for path, frame in positions.frames.items()
        if path
    ]
    groups.sort(key=lambda group: group.depth)
    nodes = list(shown.nodes.values())
    edges = Edges(graph, shown.nodes, shown.links, positions.routes)
    is_open = frozenset(path for path in shown.groups if path)
    key = f"{graph.digest} {unrolled} {sorted(is_open)}".encode() + source.specs.tobytes()
    digest = hashlib.blake2b(key, digest_size=8).hexdigest()
    return GraphView(
        digest, positions.bounds, nodes, groups, edges, is_open, source, _start(positions.bounds)
    )


def _start(bounds: tuple[float, float, float, float]) -> dict[str, float]:
    """Zoom and top-left corner of the first look: the width fits, the top is at the top."""
    width = max(bounds[2] - bounds[0], 1.0)
    zoom = max(min(CANVAS_WIDTH / width, 1.0), MIN_ZOOM)
    x = (bounds[0] + bounds[2]) / 2 - CANVAS_WIDTH / zoom / 2
    return {"zoom": round(zoom, 3), "x": round(x, 1), "y": round(bounds[1], 1)}
