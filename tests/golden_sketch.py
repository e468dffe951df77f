"""Draws a training step by hand: ports and forward ops are given, the rest follows.

Backward nodes, what is kept for them, updates and buffer lifetimes are derived here the way the
recorder finds them in a real run, so that a golden trace has the same form as a recorded one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphscope.trace import schema
from graphscope.trace.records import Entry
from graphscope.trace.values import thumbnail
from graphscope.trace.writer import TraceWriter

# name: family, formula, input names, {slot: inputs or "out" that its gradient keeps}
OPS: dict[str, tuple[str, str, list[str], dict[int, list[Any]]]] = {
    "matmul": ("linalg", r"{a} {b}", ["a", "b"], {0: [1], 1: [0]}),
    "conv2d": ("linalg", r"{x} * {w}", ["x", "w"], {0: [1], 1: [0]}),
    "add": ("pointwise", r"{a} + {b}", ["a", "b"], {0: [], 1: []}),
    "sub": ("pointwise", r"{a} - {b}", ["a", "b"], {0: [], 1: []}),
    "mul": ("pointwise", r"{a} {b}", ["a", "b"], {0: [1], 1: [0]}),
    "div": ("pointwise", r"\frac{{a}}{{b}}", ["a", "b"], {0: [1], 1: [0, 1]}),
    "pow": ("pointwise", r"{x}^{{p}}", ["x", "p"], {0: [0]}),
    "relu": ("pointwise", r"\max({x}, 0)", ["x"], {0: ["out"]}),
    "log": ("pointwise", r"\log {x}", ["x"], {0: [0]}),
    "exp": ("pointwise", r"e^{x}", ["x"], {0: ["out"]}),
    "sigmoid": ("pointwise", r"\sigma({x})", ["x"], {0: ["out"]}),
    "tanh": ("pointwise", r"\tanh {x}", ["x"], {0: ["out"]}),
    "dropout": ("pointwise", r"{x} \odot m", ["x"], {0: []}),
    "sum": ("reduce", r"\sum {x}", ["x"], {0: []}),
    "mean": ("reduce", r"\overline{{x}}", ["x"], {0: []}),
    "batch_norm": ("reduce", r"\frac{x-\mu}{\sigma}", ["x", "g", "b"], {0: [0, 1], 1: [0], 2: []}),
    "max_pool2d": ("reduce", r"\max_{3\times3} {x}", ["x"], {0: [0]}),
    "reshape": ("shape", r"\mathrm{reshape}({x})", ["x"], {0: []}),
    "transpose": ("shape", r"{x}^T", ["x"], {0: []}),
    "cross_entropy": ("loss", r"-\log p_{y}", ["x", "y"], {0: [0, 1]}),
    "take": ("data", r"{x}[{i}]", ["x", "i"], {0: [1]}),
    "cast": ("other", r"{x}", ["x"], {0: []}),
    "sgd_": ("other", r"{p} - \eta {g}", ["p", "g"], {}),
    "adam_": ("other", r"{p} - \eta {g}", ["p", "g"], {}),
    "load_batch": ("data", "", [], {}),
    "to_device": ("data", r"{x}", ["x"], {0: []}),
}
VIEWS = frozenset({"reshape", "transpose"})


class Dictionary:
    """Gives out ids and tells the writer once per new thing, as the recorder does."""

    def __init__(self, writer: TraceWriter, file: str = "train.py", text: str | None = None):
        self.w, self.file = writer, file
        self.ids: dict[tuple[Any, ...], int] = {}
        self.counts: dict[str, int] = {}
        self.keys: dict[str, list[Any]] = {"strings": [], "sites": []}
        if text is not None:
            writer.add_source(file, text)
        self.string("")

    def _id(self, table: str, *key: Any) -> tuple[int, bool]:
        full = (table, *key)
        if full in self.ids:
            return self.ids[full], False
        self.ids[full] = self.counts.get(table, 0)
        self.counts[table] = self.ids[full] + 1
        self.keys.setdefault(table, []).append(key)
        return self.ids[full], True

    def string(self, text: str) -> int:
        id, new = self._id("strings", text)
        if new:
            self.w.add_string(id, text)
        return id

    def op(self, name: str) -> int:
        id, new = self._id("ops", name)
        if new:
            family, tex, inputs, keeps = OPS[name.split(".")[0]]
            vjp = {inputs[s]: rf"\partial_{{{inputs[s]}}}" for s in keeps}
            self.w.add_op(id, name, family, tex, vjp, inputs, f"The op {name}.", name in VIEWS)
        return id

    def site(self, line: int, func: str = "<module>") -> int:
        id, new = self._id("sites", self.file, line, func)
        if new:
            self.w.add_site(id, self.file, line, func)
        return id

    def spec(self, shape: Sequence[int], dtype: str = "float32", device: str = "cpu") -> int:
        id, new = self._id("specs", tuple(shape), dtype, device)
        if new:
            size = int(np.prod(shape, dtype=np.int64)) * (8 if dtype == "int64" else 4)
            self.w.add_spec(id, tuple(shape), dtype, size, device)
        return id


class Sketch:
    """One graph under construction. Values are node indices, or ``-1 - k`` for ports."""

    def __init__(self, d: Dictionary, kind: str = "train") -> None:
        self.d, self.kind = d, kind
        self.nodes: list[list[int]] = []
        self.edges: list[tuple[int, int, int]] = []
        self.ports: list[tuple[int, int, int, int]] = []
        self.kept: list[tuple[int, int]] = []
        self.names: list[int] = []
        self.op_names: list[str] = []
        self.shapes: dict[int, tuple[int, ...]] = {}
        self.inputs: list[list[int]] = []
        self.grads: dict[int, int] = {}
        self.wanted: set[int] = set()
        self.dtypes: dict[int, str] = {}

    def port(
        self,
        name: str | None,
        kind: str,
        shape: Sequence[int] = (),
        scope: str = "",
        const: str | None = None,
        dtype: str = "float32",
    ) -> int:
        v = -1 - len(self.ports)
        name_id = -1 if name is None else self.d.string(name)
        const_id = -1 if const is None else self.d.string(const)
        row = (name_id, schema.PORT_KINDS.index(kind), self.d.string(scope), const_id)
        self.ports.append(row)
        self.shapes[v] = tuple(shape)
        self.dtypes[v] = dtype
        if kind == "parameter":
            self.wanted.add(v)
        return v

    def node(
        self,
        op: str,
        inputs: Sequence[int],
        shape: Sequence[int],
        scope: str = "",
        line: int = 1,
        name: str | None = None,
        phase: int = schema.FORWARD,
        twin: int = -1,
        slot: int = -1,
        params: dict[str, Any] | None = None,
        flags: int = 0,
        dtype: str = "float32",
    ) -> int:
        i = len(self.nodes)
        if op in VIEWS and phase == schema.FORWARD:
            flags |= schema.VIEW
        if phase == schema.FORWARD and any(v in self.wanted for v in inputs):
            self.wanted.add(i)
            flags |= schema.WANTS_GRAD
        params_id = -1 if params is None else self.d.string(json.dumps(params))
        site = self.d.site(line, "forward" if scope else "<module>")
        row = [self.d.op(op), phase, self.d.string(scope), site, twin, slot, params_id, flags]
        self.nodes.append(row)
        self.edges += [(i, k, v) for k, v in enumerate(inputs)]
        self.inputs.append(list(inputs))
        self.op_names.append(op)
        self.names.append(-1 if name is None else self.d.string(name))
        self.shapes[i] = tuple(shape)
        self.dtypes[i] = dtype
        return i

    def backward(self, loss: int) -> None:
        """One node per wanted input of each forward node, in reverse; sums where paths meet."""
        for f in range(loss, -1, -1):
            if self.nodes[f][schema.PHASE] != schema.FORWARD or f not in self.wanted:
                continue
            if f != loss and f not in self.grads:
                continue
            incoming = [self.grads[f]] if f in self.grads else []
            keeps = OPS[self.op_names[f]][3]
            scope = self._text(self.nodes[f][schema.SCOPE])
            for slot, v in enumerate(self.inputs[f]):
                if v not in self.wanted or slot not in keeps:
                    continue
                saved = [f if k == "out" else self.inputs[f][k] for k in keeps[slot]]
                self.kept += [(value, f) for value in saved if (value, f) not in self.kept]
                where: dict[str, Any] = {"scope": scope, "phase": schema.BACKWARD}
                where |= {"twin": f, "slot": slot, "line": self._line(f)}
                g = self.node(self.op_names[f], incoming + saved, self.shapes[v], **where)
                if v in self.grads:
                    g = self.node("add", [self.grads[v], g], self.shapes[v], **where)
                self.grads[v] = g

    def update(self, line: int, op: str = "sgd_") -> None:
        for k, row in enumerate(self.ports):
            v = -1 - k
            if row[1] == schema.PORT_KINDS.index("parameter") and v in self.grads:
                self.node(
                    op,
                    [v, self.grads[v]],
                    self.shapes[v],
                    line=line,
                    phase=schema.UPDATE,
                    flags=schema.INPLACE,
                    params={"lr": 0.01},
                )

    def _text(self, id: int) -> str:
        return str(self.d.keys["strings"][id][0])

    def _line(self, node: int) -> int:
        return int(self.d.keys["sites"][self.nodes[node][schema.SITE]][1])

    def plan(self) -> list[int]:
        """After which node each buffer dies: after its last reader, or the readers of its views."""
        n = len(self.nodes)
        owner = list(range(n))
        for i, row in enumerate(self.nodes):
            if row[schema.FLAGS] & (schema.VIEW | schema.INPLACE):
                base = self.inputs[i][0]
                owner[i] = owner[base] if base >= 0 else base
        last = list(range(n))
        for dst, _, src in self.edges:
            if src >= 0 and owner[src] >= 0:
                last[owner[src]] = max(last[owner[src]], dst)
        alive = {g for v, g in self.grads.items() if v < 0}
        alive |= {i for i, name in enumerate(self.names) if name >= 0}
        return [
            schema.NO_MEMORY
            if owner[i] != i
            else schema.SURVIVED
            if i in alive or last[i] == i
            else last[i]
            for i in range(n)
        ]

    def write(self, id: int, parent: int = -1, diverged_at: int = -1) -> None:
        digest = hashlib.sha1(repr((self.op_names, self.edges)).encode()).hexdigest()[:16]
        arrays = [np.array(a, np.int32) for a in (self.nodes, self.edges, self.ports, self.kept)]
        names, plan = np.array(self.names, np.int32), np.array(self.plan(), np.int32)
        self.d.w.add_graph(id, digest, self.kind, parent, diverged_at, *arrays, names, plan)

    def write_shapes(self, id: int, graph: int, swap: dict[int, int] | None = None) -> None:
        """The shape set; ``swap`` replaces sizes, as a ragged last batch does."""
        order = [*range(len(self.nodes)), *(-1 - k for k in range(len(self.ports)))]
        change = swap or {}
        shapes = [tuple(change.get(s, s) for s in self.shapes[v]) for v in order]
        dtypes = [self.dtypes[v] for v in order]
        specs = [self.d.spec(s, t) for s, t in zip(shapes, dtypes, strict=True)]
        self.d.w.add_shape_set(id, graph, specs)
        sizes = dict(zip(order, shapes, strict=True))
        costs = [self._cost(i, sizes) for i in range(len(self.nodes))]
        self.d.w.add_costs(id, [flops for flops, _ in costs], [moved for _, moved in costs])

    def _cost(self, i: int, shapes: dict[int, tuple[int, ...]]) -> tuple[int, int]:
        """Operations and bytes of a node: products as such, the rest one operation per element."""

        def size(v: int) -> int:
            return int(np.prod(shapes[v], dtype=np.int64))

        if self.nodes[i][schema.FLAGS] & schema.VIEW or self.op_names[i] in VIEWS:
            return 0, 0
        moved = sum((8 if self.dtypes[v] == "int64" else 4) * size(v) for v in (i, *self.inputs[i]))
        twin = self.nodes[i][schema.TWIN]
        of = twin if twin >= 0 else i
        op, inputs = self.op_names[i], self.inputs[of]
        if op in ("matmul", "conv2d") and self.op_names[of] == op:
            inner = shapes[inputs[0]][-1:] if op == "matmul" else shapes[inputs[1]][1:]
            return 2 * size(of) * int(np.prod(inner)), moved
        return (0 if op in ("take", "cast") else size(i)), moved

    def times(
        self, rng: np.random.Generator, unit_ns: float = 12_000
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Begin, duration and the step's wall time: plausible, and the same every time."""
        weight = np.array(
            [{"linalg": 6.0, "reduce": 2.0}.get(OPS[o][0], 1.0) for o in self.op_names]
        )
        view = np.array([row[schema.FLAGS] & schema.VIEW for row in self.nodes]) > 0
        weight[view] = 0.1
        n = len(self.nodes)
        dur = (unit_ns * weight * rng.lognormal(0, 0.2, n)).astype(np.int64)
        gap = (2_000 * rng.lognormal(0, 0.3, n)).astype(np.int64)
        begin = np.cumsum(gap) + np.cumsum(dur) - dur
        return begin, dur, int(begin[-1] + dur[-1] + 3_000) if n else 3_000


def entry(array: np.ndarray, whole: bool = False) -> Entry:
    """The statistics of an array, as the recorder takes them."""
    a = np.asarray(array, np.float64)
    good = a[np.isfinite(a)]
    lo, hi = (float(good.min()), float(good.max())) if good.size else (0.0, 0.0)
    stats = np.full(8, np.nan, np.float32)
    stats[0] = a.size
    if good.size:
        rms, top = np.sqrt((good**2).mean()), np.abs(good).max()
        stats[1:7] = (good.mean(), good.std(), lo, hi, rms, top)
    if a.size == 1:
        stats[7] = a.reshape(-1)[0]
    counts = (np.isneginf(a), np.isfinite(a) & (a < 0), a == 0, np.isfinite(a) & (a > 0))
    health = [int(c.sum()) for c in (*counts, np.isposinf(a), np.isnan(a))]
    place = (good - lo) / (hi - lo) * 24 if hi > lo else np.full(good.size, 12)
    hist = np.bincount(np.minimum(place.astype(int).reshape(-1), 23), minlength=24)
    small = np.minimum(hist, 65535).astype(np.uint16)
    thumb = thumbnail(np.asarray(array, np.float32), whole)
    return Entry(stats, np.array(health, np.uint32), small, lo, hi, thumb)
