"""Do two runs compute the same numbers? Node by node, on the samples of values that the traces hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope import units
from graphscope.analysis.tabular import text_table
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Entry, Graph, ValueStep

TINY = np.finfo(np.float32).tiny
ROUNDED = (
    1 << 12
)  # float32 steps between neighbours in a sample of a larger tensor (trace/values.py)


@dataclass
class NodeDifference:
    """One value (``what`` = "v") or gradient ("g") in both runs, at one step."""

    key: str
    label: str
    what: str
    node: int
    step: int
    max_abs: float
    max_rel: float
    ulp: float
    """Largest distance in units of the last place of float32."""
    line: str
    exact: bool
    """Whether the whole tensor was compared, and not a sample and its moments."""
    module: str = ""

    @property
    def name(self) -> str:
        """What it is called, with its module and as a gradient, if it is one."""
        named = self.label.startswith(self.module) or " of " in self.label
        label = self.label if named or not self.module else f"{self.module}.{self.label}"
        return f"gradient of {label}" if self.what == "g" else label

    def beyond(self, rtol: float, atol: float) -> bool:
        """Whether they differ by more than rounding may explain."""
        return not (self.max_abs <= atol or self.max_rel <= rtol)


def ulp_distance(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """How many numbers of their dtype lie between a and b; inf where exactly one of them is not finite or NaN.

    Source: B. Dawson, "Comparing floating point numbers": the bits of IEEE numbers, read as integers in
    sign-magnitude order, count them.
    """
    ordered = []
    a, b = np.asarray(a), np.asarray(b)
    integer = np.dtype(f"i{a.dtype.itemsize}")
    for x in (a, b):
        flat = np.ascontiguousarray(x).reshape(x.shape)  # the former makes one dimension of none
        bits = flat.view(integer).astype(np.int64)
        ordered.append(np.where(bits < 0, -(bits & np.iinfo(integer).max), bits))
    one, two = ordered
    # On two sides of zero the distances to it add up: their difference may not fit into 64 bits.
    apart = (one < 0) != (two < 0)
    across = np.abs(one.astype(np.float64)) + np.abs(two.astype(np.float64))
    with np.errstate(over="ignore"):
        out = np.where(apart, across, np.abs(one - two).astype(np.float64))
    odd = ~(np.isfinite(a) & np.isfinite(b))
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    out[odd] = np.where(alike[odd], 0.0, np.inf)
    return np.asarray(out)


def array_difference(a: NDArray[Any], b: NDArray[Any]) -> tuple[float, float, float]:
    """Largest absolute difference, the same relative to the largest element, and in units of the last place.

    The last place is that of the narrower of the two dtypes, into which the other one is rounded for it; for
    arrays of whole numbers it is 1.
    """
    if not a.size:
        return 0.0, 0.0, 0.0
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    largest, relative = _gap(x, y)
    if a.dtype.kind != "f" or b.dtype.kind != "f":
        return largest, relative, largest
    narrow = min(a.dtype, b.dtype, key=lambda d: d.itemsize)
    with np.errstate(over="ignore"):
        return largest, relative, float(ulp_distance(a.astype(narrow), b.astype(narrow)).max())


def common_steps(a: TraceReader, b: TraceReader, kind: str = "train") -> list[int]:
    """The steps in which both took statistics."""
    return sorted(set(a.value_steps(kind)) & set(b.value_steps(kind)))


def differences(
    a: TraceReader, b: TraceReader, step: int, other: int | None = None, kind: str = "train"
) -> list[NodeDifference]:
    """Every value and gradient that both runs sampled at a step, in the order in which they were made.

    other: the step of B, if it is not the same one. Nodes are matched by module, op and count.
    """
    left, right = a.values(step, kind), b.values(step if other is None else other, kind)
    if left is None or right is None:
        return []
    one, two = a.graph(left.graph), b.graph(right.graph)
    at = {key: i for i, key in enumerate(two.keys)}
    ports = {_port_key(two, k): -1 - k for k in range(two.n_ports)}
    found = []
    for v, what in sorted(left, key=lambda item: (item[1] == "g", _order(item, one.n))):
        if v >= 0:
            key = one.key(v)
            w = at.get(key)
        else:
            key = _port_key(one, -1 - v)
            w = ports.get(key)
        if w is None:
            continue
        difference = _entry(left, right, v, w, what)
        if difference is None:
            continue
        site = one.site_of(v) if v >= 0 else None
        line = f"{site.file}:{site.line}" if site else ""
        max_abs, max_rel, ulp, exact = difference
        found.append(
            NodeDifference(
                key, called(one, v), what, v, left.num, max_abs, max_rel, ulp, line, exact,
                one.scope_path(v),
            )
        )  # fmt: skip
    return found


def called(graph: Graph, v: int) -> str:
    """A value's label; what belongs to the update of a parameter names it, since all updates are called alike."""
    for node in [v] if v >= 0 else graph.users(v):
        inputs = graph.inputs(node)
        if graph.phase[node] == schema.UPDATE and inputs and inputs[0] < 0 and inputs[0] != v:
            return f"{graph.label(v)} of {graph.port_path(-1 - inputs[0])}"
    return graph.label(v)


def first_divergent(
    a: TraceReader, b: TraceReader, rtol: float = 1e-4, atol: float = 1e-7, kind: str = "train"
) -> NodeDifference | None:
    """The earliest value of the earliest step where the runs part; None when they agree wherever both looked."""
    for step in common_steps(a, b, kind):
        for difference in differences(a, b, step, kind=kind):
            if difference.beyond(rtol, atol):
                return difference
    return None


def table(nodes: Sequence[NodeDifference], limit: int, width: int) -> list[str]:
    """The largest differences as lines of text, relative to the size of their tensors; none where all are equal."""
    shown = sorted((d for d in nodes if d.max_abs), key=lambda d: -d.max_rel)[: max(limit, 1)]
    rows = [
        [
            d.name, PurePath(d.line).name, units.number(d.max_abs), units.number(d.max_rel),
            units.number(d.ulp) + ("" if d.exact else " *"),
        ]
        for d in shown
    ]  # fmt: skip
    if not rows:
        return ["Every number is the same."] if nodes else []
    head = ["largest differences", "line", "absolute", "relative", "ULP"]
    lines = text_table(head, rows, width, ("line",), left=("line",))
    if not all(d.exact for d in shown):
        lines.append("* by a sample of the tensor, or its mean, spread and extremes")
    return lines


def _order(item: tuple[int, str], n: int) -> int:
    """Values in the order in which they come about (ports first), gradients in reverse."""
    v, what = item
    place = v + 1 if v >= 0 else 0
    return n - place if what == "g" else place


def _port_key(graph: Graph, k: int) -> str:
    return f"{graph.port_kind(k)}|{graph.port_path(k)}"


def _entry(
    left: ValueStep, right: ValueStep, v: int, w: int, what: str
) -> tuple[float, float, float, bool] | None:
    a, b = left.get(v, what), right.get(w, what)
    if a is None or b is None or a.count != b.count:
        return None
    if _comparable(a, b):
        assert a.thumb is not None and b.thumb is not None
        x, y = a.thumb.values, b.thumb.values
        if x.size == a.count:
            return (*_arrays(x, y), True)
        # Of a sample the last bits are rounded away: what is then neighbours may have been next to equal.
        close = ulp_distance(x, y) <= ROUNDED
        both = _arrays(x, np.where(close, x, y)), _arrays(a.stats[1:7], b.stats[1:7])
        return (*max(both, key=lambda found: found[1]), False)
    # No sample in common: the moments still tell (and say less: a permutation keeps them).
    return (*_arrays(a.stats[1:7], b.stats[1:7]), False)


def _comparable(a: Entry, b: Entry) -> bool:
    return (
        a.thumb is not None
        and b.thumb is not None
        and a.thumb.shape == b.thumb.shape
        and a.thumb.stride == b.thumb.stride
        and a.thumb.values.size > 0
    )


def _arrays(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[float, float, float]:
    x, y = a.astype(np.float64), b.astype(np.float64)
    return *_gap(x, y), float(ulp_distance(a, b).max())


def _gap(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Largest absolute difference, and the same relative to the largest element."""
    alike = (x == y) | (np.isnan(x) & np.isnan(y))
    with np.errstate(invalid="ignore"):
        gap = np.where(alike, 0.0, np.abs(x - y))
    gap = np.where(np.isnan(gap), np.inf, gap)
    # Relative to the tensor's size and not the element's: where terms cancel, small elements mean little.
    both = np.concatenate([np.abs(x).reshape(-1), np.abs(y).reshape(-1)])
    finite = both[np.isfinite(both)]
    scale = max(float(finite.max(initial=0.0)), float(TINY))
    return float(gap.max()), float(gap.max() / scale)
