"""What a graph is as a network: its layers in order, their activations, what they read, what the loss reads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from graphscope.analysis.rules.wires import Parameter, Wires
from graphscope.trace import schema

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

# Ops that hand their first input on: the same numbers in another shape, type or place.
PASS = frozenset(
    {
        "transpose", "permute", "reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze", "cast",
        "to_device", "clone", "expand", "broadcast_to", "split_heads", "merge_heads",
    }
)  # fmt: skip
_TURNS = frozenset({"transpose", "permute"})
# Between a layer and its non-linearity.
_BETWEEN = PASS | {
    "add", "add_", "batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "dropout", "max_pool2d",
    "avg_pool2d", "max_pool1d", "avg_pool1d",
}  # fmt: skip
_RIGHT = frozenset({"matmul", "mm", "bmm", "addmm", "addmv", "mv", "baddbmm", "dot"})
_CONV = frozenset({"conv1d", "conv2d"})
AFFINE = frozenset({"linear", "conv_transpose1d", "conv_transpose2d", "bilinear"}) | _RIGHT | _CONV
# May be a ReLU; their values say whether they are.
RECTIFIERS = frozenset({"relu", "clamp", "clamp_min", "threshold", "maximum", "clamp_between"})
SQUASHERS = frozenset({"sigmoid", "tanh", "hardsigmoid", "hardtanh"})
OTHERS = frozenset(
    {
        "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "mish", "softplus", "prelu", "hardswish", "softsign",
        "rrelu", "logsigmoid",
    }
)  # fmt: skip
ACTIVATIONS = RECTIFIERS | SQUASHERS | OTHERS
CLASSIFIES = {"cross_entropy": (0, 1), "nll_loss": (0, 1)}  # op: position of scores, of labels
BINARY = frozenset({"binary_cross_entropy", "binary_cross_entropy_with_logits"})


@dataclass(frozen=True)
class Layer:
    """One product of data with a weight.

    node: the product. weight: the parameter's value number, ``axis`` the one of its units. source: the data it
    reads.
    activation: the node of the first non-linearity behind it, -1 when there is none.
    hidden: whether another layer reads what comes behind.
    """

    node: int
    weight: int
    name: str
    shape: tuple[int, ...]
    axis: int
    source: int
    fan_in: int
    fan_out: int
    parameter: Parameter
    activation: int
    hidden: bool

    @property
    def update(self) -> int:
        """The node that updates the weight after it was used; -1 without one.

        An update of the step before that came late stands in front of it, and what it changed is not known.
        """
        return next((u for u in self.parameter.updates if u > self.node), -1)


class Anatomy:
    """The network of one graph."""

    def __init__(self, wires: Wires) -> None:
        self.wires = wires

    @cached_property
    def layers(self) -> list[Layer]:
        """In the order in which data goes through them."""
        found = []
        for p in self.wires.parameters:
            for view, turned in self._views(p.value):
                users = (u for u in self.wires.users(view) if self.wires.is_forward(u))
                layer = next((m for u in users if (m := self._layer(p, view, turned, u))), None)
                if layer is not None:
                    found.append(layer)
                    break
        found.sort(key=lambda layer: layer.node)
        return found

    def _views(self, v: int) -> list[tuple[int, bool]]:
        """The parameter, and forward views of it, each with whether its axes are turned."""
        found, at = [(x, False) for x in self.wires.versions(v)], 0
        while at < len(found):
            value, turned = found[at]
            at += 1
            for u in self.wires.users(value):
                if self.wires.is_forward(u) and self.wires.ops[u] in PASS and len(found) < 8:
                    found.append((u, turned ^ (self.wires.ops[u] in _TURNS)))
        return found

    def _layer(self, p: Parameter, view: int, turned: bool, u: int) -> Layer | None:
        wires, shape = self.wires, self.wires.shape(p.value)
        op, inputs = wires.ops[u], wires.inputs(u)
        if op not in AFFINE or shape is None or len(shape) < 2 or view not in inputs:
            return None
        slot, axis = inputs.index(view), 0
        if op in _RIGHT:
            base = 1 if op.startswith(("add", "badd")) else 0
            if slot < base or len(inputs) < base + 2:
                return None
            other = inputs[2 * base + 1 - slot]
            rows_out = (slot == base) ^ turned  # W x, or x W'
            axis = len(shape) - (2 if rows_out else 1)
            out, into = (shape[-2:]) if rows_out else (shape[-1], shape[-2])
        elif slot != 1:
            return None
        elif op in _CONV:
            other = inputs[0]
            into, out = math.prod(shape[1:]), shape[0] * math.prod(shape[2:])
        elif op.startswith("conv_transpose"):
            other, axis = inputs[0], 1
            into, out = shape[0] * math.prod(shape[2:]), math.prod(shape[1:])
        else:
            other, into, out = inputs[0], math.prod(shape[1:]), shape[0]
        activation = self._activation(u)
        start = activation if activation >= 0 else u
        return Layer(
            u, p.value, p.name, shape, axis, other, int(into), int(out), p, activation,
            self.leads_on[start],
        )  # fmt: skip

    @cached_property
    def leads_on(self) -> list[bool]:
        """Of each forward node, whether a layer reads what is computed from it."""
        wires, found = self.wires, [False] * len(self.wires)
        for i in range(len(wires) - 1, -1, -1):
            if wires.is_forward(i):
                found[i] = any(
                    wires.is_forward(u) and (wires.ops[u] in AFFINE or found[u])
                    for u in wires.users(i)
                )
        return found

    @cached_property
    def _origins(self) -> list[tuple[bool, bool]]:
        """Of each node, (whether it is computed from given data, whether from that and constants alone)."""
        found: list[tuple[bool, bool]] = []
        for i in range(len(self.wires)):
            inputs = [self._origin(v, found) for v in self.wires.inputs(i)]
            found.append((any(data for data, _ in inputs), all(clean for _, clean in inputs)))
        return found

    def _origin(self, v: int, known: list[tuple[bool, bool]]) -> tuple[bool, bool]:
        if v >= 0:
            return known[v] if v < len(known) else (False, False)
        kind = self.wires.graph.port_kind(-1 - v)
        return kind in ("input", "buffer"), kind in ("input", "buffer", "constant")

    def _activation(self, node: int) -> int:
        """The first non-linearity behind a layer, if only harmless ops lie between."""
        at, steps = node, 0
        while steps < 8:
            users = [u for u in self.wires.users(at) if self.wires.is_forward(u)]
            found = [u for u in users if self.wires.ops[u] in ACTIVATIONS]
            if found:
                return found[0]
            on = [u for u in users if self.wires.ops[u] in _BETWEEN]
            if len(on) != 1 or len(users) != 1:
                return -1
            at, steps = on[0], steps + 1
        return -1

    @cached_property
    def activations(self) -> list[int]:
        """Non-linearities with a layer behind them: hidden units."""
        wires = self.wires
        return [
            i
            for i, op in enumerate(wires.ops)
            if op in ACTIVATIONS
            and wires.phases[i] == schema.FORWARD
            and i in wires.to_loss
            and self.leads_on[i]
        ]

    @cached_property
    def inputs(self) -> list[tuple[int, Layer]]:
        """(value, layer): data that enters the network, made of nothing but what the program gave."""
        found: list[tuple[int, Layer]] = []
        for layer in self.layers:
            data, clean = self._origin(layer.source, self._origins)
            is_float = self.wires.dtype(layer.source).startswith(("float", "bfloat"))
            if data and clean and is_float and layer.source not in [v for v, _ in found]:
                found.append((layer.source, layer))
        return found

    @cached_property
    def classifier(self) -> tuple[int, int, int] | None:
        """(loss node, scores, labels) of a loss over classes; None where there is none or several."""
        wires = self.wires
        at = [
            i
            for i in wires.to_loss
            if i >= 0 and wires.ops[i] in CLASSIFIES and wires.is_forward(i)
        ]
        if len(at) != 1 or len(wires.inputs(at[0])) < 2:
            return None
        scores, labels = CLASSIFIES[wires.ops[at[0]]]
        return at[0], wires.inputs(at[0])[scores], wires.inputs(at[0])[labels]

    @cached_property
    def wanted(self) -> set[int]:
        """The values whose statistics the rules look at."""
        found = {p.value for p in self.wires.parameters} | set(self.activations)
        found |= {u for p in self.wires.parameters for u in p.updates}
        found |= {v for layer in self.layers for v in (layer.node, layer.source)}
        found |= {layer.activation for layer in self.layers if layer.activation >= 0}
        if self.wires.loss is not None:
            found.add(self.wires.loss)
        if self.classifier:
            found |= set(self.classifier)
        return found | {v for v, _ in self.inputs}


def anatomy(case: Case, graph: int) -> Anatomy:
    """The anatomy of a graph, worked out once."""
    known: dict[int, Anatomy] = case.keep("anatomy", dict)
    if graph not in known:
        known[graph] = Anatomy(case.wires(graph))
        if len(known) > 48:
            del known[next(iter(known))]
    return known[graph]
