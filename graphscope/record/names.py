"""Names and graphs: what the integers of the hot path stand for.

Scopes come from the module tree, tensors' names from parameters and from the user's variables; a
graph is looked up by digest and confirmed by equality.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

from graphscope.engine.frames import locals_of, user_frame
from graphscope.engine.tensor import Tensor
from graphscope.record.columns import Columns, Kinds
from graphscope.record.interned import Keeps, Specs
from graphscope.trace import schema

HELD = 100_000  # nodes of graphs that are kept to be compared with
INPUT, PARAMETER, CONSTANT, CARRIED, BUFFER, GRADIENT, STATE = range(7)


class GraphRecord:
    """A graph as the recorder compares it: its columns, what each node keeps, ports."""

    __slots__ = (
        "id", "kind", "n", "kinds", "columns", "keeps", "ports", "parent", "at", "digest", "sets",
        "shapes", "deaths", "seen", "repeats", "set", "told", "track", "items", "on_device", "tally", "__weakref__",
    )  # fmt: skip

    def __init__(
        self,
        id: int,
        kind: str,
        columns: Columns,
        keeps: bytes,
        ports: Any,
        parent: int,
        at: int,
        digest: str,
        kinds: Kinds,
    ) -> None:
        self.id, self.kind, self.n, self.columns, self.keeps = id, kind, columns.n, columns, keeps
        self.kinds = kinds
        self.ports, self.parent, self.at, self.digest = ports, parent, at, digest
        self.sets: dict[Any, int] = {}
        self.shapes: dict[
            int, Any
        ] = {}  # numbers (interned.Specs) of nodes and ports by that of the set
        self.tally = [0]  # shape sets so far, of this object and of those that it stands for again
        self.deaths: bytes | None = None  # of the plan (record.deaths)
        self.seen = 0  # steps so far
        self.repeats = (
            False  # whether two steps in a row had this graph: else it is no use to follow it
        )
        self.set = -1  # the shape set of the last step
        self.told: Any = None  # its shapes, for the next one to follow (record.track.Shapes)
        self.track: Any = None  # the graph in the form that a step on track follows (record.track)
        self.items: Any = None  # what came in through the ports of the last step on track
        self.on_device = False

    @property
    def keys(self) -> list[Any]:
        """Of each node; they are made anew whenever somebody asks."""
        return self.kinds.keys_of(self.columns)

    def key(self, i: int) -> Any:
        """Of one node."""
        return self.kinds.key(*self.columns.row(i)[:3])

    def shape_set(self, specs: bytes, port_specs: bytes) -> int:
        """The number of the shape set within this graph."""
        key = specs, port_specs
        found = self.sets.get(key)
        if found is None:
            found = self.sets[key] = self.tally[0]
            self.tally[0] += 1
            self.shapes[found] = key
        return found


class Names:
    """Interns texts, assigns scope paths to modules, and finds graphs again."""

    def __init__(self) -> None:
        self.texts: list[str] = [""]
        self._ids: dict[str, int] = {"": 0}
        self._graphs: dict[str, list[GraphRecord]] = {}
        self._nodes = 0  # of the graphs in there
        self.kinds = Kinds()
        self.specs = Specs()
        self.keeps = Keeps()
        self._port_texts: dict[Any, str] = {}
        # Digest -> id, shape sets and, while somebody has it, the graph, of those that are not in there any more.
        self._gone: dict[str, tuple[int, list[int], Any]] = {}
        self.count = 0
        self.parameter_scopes: dict[
            str, tuple[str, int]
        ] = {}  # full name -> own name, owner's scope
        self.consts: dict[int, list[Any]] = {}
        self.device = "cpu"
        self.token = object()
        self.roots: dict[str, Any] = {}  # path -> the module that was called, or watched, under it

    def string(self, text: str) -> int:
        """The id of a text."""
        found = self._ids.get(text)
        if found is None:
            found = self._ids[text] = len(self.texts)
            self.texts.append(text)
        return found

    # ---------------------------------------------------------------- scopes

    def scope(self, module: Any, parent: int, nested: bool) -> int:
        """The id of a module's scope path, given the scope it was called from."""
        if nested or parent:
            # Not in the tree of the module that was called: it gets its place by where it is called.
            path = f"{self.texts[parent]}.{type(module).__name__.lower()}"
        else:
            path = _variable_of(module) or ""
            if not path:
                owner, name = _owner_of(module)
                if owner is not None:
                    self.name_tree(owner, name)
                    known = module.__dict__.get("_gs_scope")
                    if known is not None and known[0] is self.token:
                        return known[1]  # type: ignore[no-any-return]
                path = self._free(type(module).__name__.lower(), module)
        self.name_tree(module, path)
        return module.__dict__["_gs_scope"][1]  # type: ignore[no-any-return]

    def _free(self, path: str, module: Any) -> str:
        """A path that no other living module has."""
        for k in range(1, 1000):
            name = path if k == 1 else f"{path}-{k}"
            there = self.roots.get(name)
            other = None if there is None else there()
            if other is None or other is module:
                return name
        return path

    def name_tree(self, module: Any, root: str) -> None:
        """Give every module and parameter below ``module`` its path; names that exist stay."""
        self.roots[root] = ref(module)
        for name, sub in module.named_modules():
            known = sub.__dict__.get("_gs_scope")
            if known is None or known[0] is not self.token:
                path = f"{root}.{name}" if name else root
                sub.__dict__["_gs_scope"] = (self.token, self.string(path))
        for name, parameter in module.named_parameters():
            owner, _, short = name.rpartition(".")
            if parameter._name is None or parameter._name == short:
                parameter._name = name
            path = f"{root}.{owner}" if owner else root
            self.parameter_scopes.setdefault(parameter._name, (short, self.string(path)))

    # ---------------------------------------------------------------- graphs

    def graph(
        self, kind: str, columns: Columns, keeps: bytes, ports: list[Any], parent: int, at: int
    ) -> tuple[GraphRecord, bool]:
        """The graph with this structure, and whether it is new."""
        texts = [kind, *[self._port_text(port) for port in ports]]
        digest = self.kinds.digest(columns, "".join(texts).encode())
        for known in self._graphs.get(digest, ()):
            if known.columns == columns and known.ports == ports and known.kind == kind:
                return known, False
        was = self._gone.get(digest)
        if was is not None:
            # Two structures with one digest of 96 bits are not to be expected, so that it is known by that alone.
            id, tally, there = was
            again = there()
            if again is None:
                again = GraphRecord(id, kind, columns, keeps, ports, parent, at, digest, self.kinds)
                again.tally = tally
            del self._gone[digest]
            self._keep(again)
            return again, False
        made = GraphRecord(self.count, kind, columns, keeps, ports, parent, at, digest, self.kinds)
        self.count += 1
        self._keep(made)
        return made, True

    def _port_text(self, port: Any) -> str:
        found = self._port_texts.get(port)
        if found is None:
            if len(self._port_texts) > HELD:
                self._port_texts.clear()
            found = self._port_texts[port] = repr(port)
        return found

    def _keep(self, graph: GraphRecord) -> None:
        """Hold a graph, and let the oldest go: a program whose graph changes in every step must not fill the memory."""
        graphs = self._graphs
        graphs.setdefault(graph.digest, []).append(graph)
        self._nodes += graph.n
        while self._nodes > HELD and len(graphs) > 1:
            digest = next(iter(graphs))
            for old in graphs.pop(digest):
                self._nodes -= old.n
                self._gone[digest] = old.id, old.tally, ref(old)


def port_of(x: Tensor, phase: int, names: Names) -> tuple[Any, ...]:
    """(name, kind, scope, dtype) of a tensor that comes from before the step."""
    a = x._a
    name = x._name
    if x._rg and x._node is None:
        short, scope = names.parameter_scopes.get(name, (name, 0)) if name else (None, 0)
        return short, PARAMETER, scope, a.dtype
    if x._node is not None:
        return name, CARRIED, 0, a.dtype
    if a.ndim == 0 and name is None:
        return None, CONSTANT, 0, a.dtype
    if phase == schema.UPDATE and name is None:
        return None, STATE, 0, a.dtype
    return name, INPUT, 0, a.dtype


def names_in_frame(frame: Any, base: int, port: int) -> dict[int, str]:
    """The user's variable for each value of the step that one holds: value number -> name."""
    found: dict[int, str] = {}
    while frame is not None:
        # Most variables hold something else.
        for name, held in [pair for pair in locals_of(frame) if isinstance(pair[1], Tensor)]:
            v = held._rid - base
            if not v >> 24 and not name.startswith("_"):
                found.setdefault(v if v < port else port - 1 - v, name)
        if frame.f_code.co_name == "<module>":
            break
        frame = frame.f_back
    return found


def _variable_of(module: Any) -> str | None:
    """The user's variable that holds a module, looked for from the running line outwards."""
    frame = user_frame(2)
    while frame is not None:
        for name, held in locals_of(frame):
            if held is module and name != "self" and not name.startswith("_"):
                return name
        frame = frame.f_back
    return None


def _owner_of(module: Any) -> tuple[Any, str]:
    """The module in a variable of the user's that has ``module`` somewhere below, and the variable's name."""
    frame = user_frame(3)
    while frame is not None:
        for name, held in locals_of(frame):
            if name.startswith("_") or name == "self" or not hasattr(type(held), "named_modules"):
                continue
            if any(sub is module for sub in held.modules()):
                return held, name
        frame = frame.f_back
    return None, ""
