"""Small graphs written by hand, for tests of the view and of the exporters: no file, no engine."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from graphscope.trace import schema
from graphscope.trace.records import Entry, Graph, OpInfo, Site, Spec, Step, ValueStep

FAMILY = {
    "linear": "linalg",
    "mm": "linalg",
    "relu": "pointwise",
    "add": "pointwise",
    "mul": "pointwise",
    "layer_norm": "reduce",
    "mean": "reduce",
    "reshape": "shape",
    "cross_entropy": "loss",
    "rand": "data",
}
KINDS = schema.PORT_KINDS


class Hand:
    """Write a graph op by op; it answers look-ups like a reader does."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.ops: list[OpInfo] = []
        self.spec_list: list[Spec] = []
        self.nodes: list[list[int]] = []
        self.names: list[int] = []
        self.edges: list[list[int]] = []
        self.ports: list[list[int]] = []
        self.node_specs: list[int] = []
        self.port_specs: list[int] = []
        self.sites: list[Site] = []

    # look-ups
    def string(self, id: int) -> str:
        return self.texts[id]

    def op(self, id: int) -> OpInfo:
        return self.ops[id]

    def spec(self, id: int) -> Spec:
        return self.spec_list[id]

    def site(self, id: int) -> Site:
        return self.sites[id]

    # writing
    def text(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

    def port(
        self, name: str, kind: str, shape: tuple[int, ...], scope: str = "", const: str = ""
    ) -> int:
        self.ports.append(
            [
                self.text(name) if name else -1,
                KINDS.index(kind),
                self.text(scope),
                self.text(const) if const else -1,
            ]
        )
        self.port_specs.append(self._spec(shape))
        return -len(self.ports)

    def node(
        self,
        op: str,
        inputs: list[int],
        shape: tuple[int, ...] = (),
        scope: str = "",
        name: str = "",
        phase: int = schema.FORWARD,
        twin: int = -1,
        slot: int = -1,
        flags: int = 0,
        family: str = "",
    ) -> int:
        known = [info.name for info in self.ops]
        if op not in known:
            kind = family or FAMILY.get(op, "other")
            self.ops.append(OpInfo(len(self.ops), op, kind, "", {}, ["x"], "", False))
            known.append(op)
        i = len(self.nodes)
        self.sites.append(Site("/home/user/train.py", 10 + i, "main"))
        self.nodes.append([known.index(op), phase, self.text(scope), i, twin, slot, -1, flags])
        self.names.append(self.text(name) if name else -1)
        self.edges += [[i, k, src] for k, src in enumerate(inputs)]
        self.node_specs.append(self._spec(shape))
        return i

    def linear(self, x: int, scope: str, rows: int, inside: int, outside: int) -> int:
        w = self.port(f"{scope}.weight", "parameter", (outside, inside), scope)
        b = self.port(f"{scope}.bias", "parameter", (outside,), scope)
        return self.node("linear", [x, w, b], (rows, outside), scope)

    def backward(self) -> None:
        """A backward op for every input of every forward op, last op first."""
        for i in reversed(range(len(self.nodes))):
            inputs = [src for dst, _, src in self.edges if dst == i]
            for k, src in enumerate(inputs):
                name = self.ops[self.nodes[i][0]].name
                spec = self.node_specs[src] if src >= 0 else self.port_specs[-1 - src]
                shape = self.spec_list[spec].shape
                scope = self.texts[self.nodes[i][2]]
                self.node(f"d_{name}", [src], shape, scope, "", schema.BACKWARD, i, k)

    def _spec(self, shape: tuple[int, ...]) -> int:
        size = int(np.prod(shape)) if shape else 1
        spec = Spec(0, shape, "float32", 4 * size, "cpu")
        for other in self.spec_list:
            if other.shape == shape:
                return other.id
        self.spec_list.append(spec._replace(id=len(self.spec_list)))
        return len(self.spec_list) - 1

    @property
    def specs(self) -> Any:
        return np.array(self.node_specs + self.port_specs, np.int32)

    def graph(self) -> Graph:
        nodes = np.array(self.nodes, np.int32).reshape(-1, schema.NODE_COLUMNS)
        edges = np.array(self.edges, np.int32).reshape(-1, 3)
        ports = np.array(self.ports, np.int32).reshape(-1, schema.PORT_COLUMNS)
        raw = (
            nodes.tobytes()
            + edges.tobytes()
            + ports.tobytes()
            + "\0".join(self.texts).encode("utf-8", "surrogatepass")
        )
        n = len(nodes)
        return Graph(
            0,
            hashlib.blake2b(raw, digest_size=8).hexdigest(),
            "train",
            nodes,
            edges,
            ports,
            np.empty((0, 2), np.int32),
            np.array(self.names, np.int32),
            np.full(n, -1, np.int32),
            -1,
            -1,
            self,
        )

    def one_step(self, seed: int = 0) -> Step:
        n = len(self.nodes)
        dur = np.random.default_rng(seed).integers(1_000, 200_000, n)
        begin = np.cumsum(dur) - dur
        wall = int(dur.sum() * 1.1) + 1
        freed = np.full(n, -1, np.int32)
        return Step(
            1, "train", 0, 0, 0, "ok", 0, wall, 0, 0.69, False, 0, None, 0,
            begin, dur, freed, None, self.specs,
        )  # fmt: skip

    def some_values(self, seed: int = 0, nan_at: tuple[int, ...] = ()) -> ValueStep:
        """Made-up statistics of every forward value, every parameter and their gradients."""
        rng = np.random.default_rng(seed)
        entries: dict[tuple[int, str], Entry] = {}
        forward = [i for i, row in enumerate(self.nodes) if row[schema.PHASE] == schema.FORWARD]
        ports = [-1 - k for k in range(len(self.ports))]
        grads = {
            (src, self.nodes[i][schema.TWIN])
            for i, row in enumerate(self.nodes)
            if row[schema.PHASE] == schema.BACKWARD
            for dst, slot, src in self.edges
            if dst == row[schema.TWIN] and slot == row[schema.SLOT]
        }
        with_grad = {src for src, _ in grads}
        for v in forward + ports:
            spec = self.spec_list[self.node_specs[v] if v >= 0 else self.port_specs[-1 - v]]
            size = int(np.prod(spec.shape)) if spec.shape else 1
            entries[v, "v"] = entry(rng.normal(0.1, 0.6, min(size, 4000)), v in nan_at)
            if v in with_grad:
                entries[v, "g"] = entry(rng.normal(0, 1e-3, min(size, 4000)), v in nan_at)
        return ValueStep(0, "train", 0, entries)


def entry(sample: Any, nan: bool = False) -> Entry:
    """Statistics of a sample, as a recorder would take them."""
    counts, bounds = np.histogram(sample, 24)
    n = len(sample)
    stats = [
        n, sample.mean(), sample.std(), sample.min(), sample.max(),
        np.sqrt((sample**2).mean()), np.abs(sample).max(), sample[0] if n == 1 else np.nan,
    ]  # fmt: skip
    health = [0, (sample < 0).sum(), 0, (sample > 0).sum(), 0, 3 if nan else 0]
    return Entry(
        np.array(stats, np.float32),
        np.array(health, np.uint32),
        counts.astype(np.uint16),
        float(bounds[0]),
        float(bounds[-1]),
    )


def tiny() -> Hand:
    """x -> mm(w) -> relu -> mean: one script without modules."""
    hand = Hand()
    x = hand.port("x", "input", (64, 64))
    w = hand.port("W1", "parameter", (64, 32))
    two = hand.port("", "constant", (), const="2.0")
    h = hand.node("mm", [x, w], (64, 32), name="h")
    r = hand.node("relu", [h], (64, 32))
    s = hand.node("mul", [r, two], (64, 32), name="scaled")
    hand.node("mean", [s], (), name="loss")
    hand.backward()
    return hand


def mlp(layers: int = 3, width: int = 64, rows: int = 64) -> Hand:
    """A net of linear and relu modules with a loss beside them."""
    hand = Hand()
    x = hand.port("x", "input", (rows, width))
    y = hand.port("y", "input", (rows,))
    for k in range(layers):
        x = hand.linear(x, f"net.fc{k + 1}", rows, width, width)
        x = hand.node("relu", [x], (rows, width), "net", name=f"h{k + 1}")
    x = hand.linear(x, "net.out", rows, width, 10)
    hand.node("cross_entropy", [x, y], (), name="loss")
    hand.backward()
    return hand


def blocks(count: int, inner: int = 4, width: int = 64, back: bool = False) -> Hand:
    """Residual blocks in nested scopes, like the layers of a transformer."""
    hand = Hand()
    x = hand.port("tokens", "input", (8, 16, width))
    for k in range(count):
        scope = f"model.layers.{k}"
        start = x
        g = hand.port(f"{scope}.norm.weight", "parameter", (width,), f"{scope}.norm")
        x = hand.node("layer_norm", [x, g], (8, 16, width), f"{scope}.norm")
        for j in range(inner):
            x = hand.linear(x, f"{scope}.mlp.fc{j}", 8, width, width)
            x = hand.node("relu", [x], (8, 16, width), f"{scope}.mlp")
        x = hand.node("add", [x, start], (8, 16, width), scope)
    hand.node("mean", [x], (), name="loss")
    if back:
        hand.backward()
    return hand


def chain(n: int) -> Hand:
    """n ops in a row in one scope."""
    hand = Hand()
    x = hand.port("x", "input", (4, 4))
    for _ in range(n):
        x = hand.node("relu", [x], (4, 4))
    return hand
