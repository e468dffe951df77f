"""What the graph page asks for first: the layout of a step's graph. Its numbers are in ``values``."""

from __future__ import annotations

import gc
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from graphscope.analysis import custom
from graphscope.errors import TraceError
from graphscope.view import packing
from graphscope.view.encode import numbers
from graphscope.view.graphview import GraphView, ViewState, build, structure_of
from graphscope.view.mirror import mirrored
from graphscope.view.source import Source
from graphscope.view.structure import Structure
from graphscope.view.visible import AllBut

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step, ValueStep

UNROLLED = "unrolled"
Opened = frozenset[str] | AllBut | None


_calm_lock = threading.Lock()
_calm = 0


@contextmanager
def calm() -> Iterator[None]:
    """No garbage collection while a picture is made.

    Cards and lines are some hundred thousand objects that all stay: to look through them again and again, and
    through all that the program has, would take longer than to make them.
    """
    global _calm
    with _calm_lock:
        _calm += 1
        was = gc.isenabled() or _calm > 1
        gc.disable()
    try:
        yield
    finally:
        with _calm_lock:
            _calm -= 1
            if was and not _calm:
                gc.enable()


class Views:
    """The last few layouts, so that a step forward asks for numbers only. One per app."""

    def __init__(self, limit: int = 24, cards: int = 120_000) -> None:
        """``cards``: of all layouts together; a card takes about a kilobyte."""
        self._limit, self._cards = limit, cards
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._numbers: tuple[Any, ...] = (None, None, None)
        self._lock = threading.Lock()

    def numbers(self, graph: Graph, step: Step, values: ValueStep | None, view: GraphView) -> Any:
        """``encode.numbers``, kept from one step to the next as long as both show the same values."""
        if step.status != "ok" or values is None:
            return numbers(graph, step, values, view)
        key, known = (values.num, values.kind), self._numbers
        if known[0] is not view or known[1] != key:
            known = self._numbers = (view, key, numbers(graph, step, values, view))
        return known[2]

    def view(
        self,
        reader: TraceReader,
        graph: Graph,
        step: Step,
        opened: Opened,
        focus: str = "",
        mode: str = "",
    ) -> GraphView:
        """``focus`` as in ``view.focus``; ``mode`` "unrolled" has the backward pass beside the forward one."""

        def make() -> GraphView:
            state = ViewState(step=step.num, opened=opened, focus=focus)
            view = build(graph, reader, state, specs=step.specs)
            return mirrored(view, graph) if mode == UNROLLED else view

        base = ("view", *key_of(reader, graph, step), focus, mode)
        view: GraphView = self._get((*base, opened), make)
        if opened is None:  # the numbers are asked for with the scopes that it opened
            self._keep((*base, view.opened), view)
        return view

    def pair(self, key: tuple[Any, ...], opened: Opened, make: Callable[[], Any]) -> Any:
        """Two graphs laid out together (see ``queries.diff``)."""
        both = self._get(("pair", *key, opened), make)
        if opened is None:
            self._keep(("pair", *key, both.view.opened), both)
        return both

    def structure(self, reader: TraceReader, graph: Graph, step: Step) -> Structure:
        return structure_of(graph, Source(graph, reader, step.specs))

    def _get(self, key: tuple[Any, ...], make: Any) -> Any:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        with calm():
            made = make()  # outside the lock: a layout may take a second
        self._keep(key, made)
        return made

    def _keep(self, key: tuple[Any, ...], made: Any) -> None:
        with self._lock:
            self._kept[key] = made
            cards = sum(map(_size, self._kept.values()))
            while len(self._kept) > self._limit or (cards > self._cards and len(self._kept) > 1):
                cards -= _size(self._kept.popitem(last=False)[1])


def _size(made: Any) -> int:
    """How many cards a layout, or one of two graphs together, has."""
    return len(getattr(made, "view", made).nodes)


def key_of(reader: TraceReader, graph: Graph, step: Step) -> tuple[Any, ...]:
    """What two steps must have in common to be drawn by the same layout."""
    return str(reader.path), graph.id, graph.digest, step.shape_set, graph.names.tobytes()


def look(reader: TraceReader, num: int | None) -> Step:
    """The step that is looked at: a number, or the newest one.

    A run that only evaluates has no train step; then its eval steps are shown.

    Raises: TraceError when there is no such step.
    """
    try:
        return reader.step(-1 if num is None else num)
    except TraceError:
        if len(reader.steps()):
            raise
        return reader.step(-1 if num is None else num, "eval")


def opened_scopes(text: str | None) -> Opened:
    """The open scopes out of their text in the URL; None lets the view decide.

    ``none`` shuts all, ``all`` opens all and ``all,-a.b`` all but a.b, else it is paths separated by commas
    (``%2C`` within a path).
    """
    if not text or text == "auto":
        return None
    if text == "none":
        return frozenset()
    first, *rest = text.split(",")
    if first == "all" and all(part[:1] == "-" for part in rest):
        return AllBut(frozenset(unquote(part[1:]) for part in rest))
    return frozenset(unquote(part) for part in text.split(",") if part)


def way(path: str) -> list[str]:
    """The scopes on the way to a path, outermost first.

    >>> way("net.conv1"), way("")
    (['net', 'net.conv1'], [])
    """
    parts = path.split(".") if path else []
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


@dataclass(frozen=True)
class Wish:
    """What a reader wants to see of the graph, as it stands in the address.

    ``vs`` names what it is compared with: ``step:12`` or another run.
    """

    step: int | None = None
    opened: str | None = None
    node: str = ""
    focus: str = ""
    mode: str = ""
    vs: str = ""


def graph_json(reader: TraceReader, views: Views, wish: Wish) -> dict[str, Any]:
    """GraphView JSON of a step's graph, with the ids of graph and step."""
    view, told = graph_view(reader, views, wish)
    return {**view.to_json(), **told}


def graph_text(reader: TraceReader, views: Views, wish: Wish) -> str:
    """The same as JSON text with cards and lines as columns (see ``view.packing``): what the page asks for."""
    view, told = graph_view(reader, views, wish)
    with calm():
        return f"{packing.text(view)},{json.dumps(told)[1:]}"


def graph_view(reader: TraceReader, views: Views, wish: Wish) -> tuple[GraphView, dict[str, Any]]:
    """The layout of a step's graph, and what else is told with it."""
    step = look(reader, wish.step)
    graph = reader.graph(step.graph)
    wanted = opened_scopes(wish.opened)
    view = views.view(reader, graph, step, wanted, wish.focus, wish.mode)
    if wish.node and wanted is None and view.node(wish.node) is None:
        # A link to a node inside a closed scope opens the scopes on the way.
        cards = views.structure(reader, graph, step).cards
        home = next((card.home for card in cards if card.id == wish.node), "")
        if home:
            opened = view.opened | set(way(home))
            view = views.view(reader, graph, step, opened, wish.focus, wish.mode)
    told = {"graph": graph.id, "kind": graph.kind, "step": step.num, "vs": ""}
    told["open"] = wish.opened if isinstance(wanted, AllBut) else ""
    return view, {**told, "custom": custom.names(reader)[:40]}
