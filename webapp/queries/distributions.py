"""How the numbers of each layer are spread, over the steps in which values were recorded.

Bounded: of many value steps every second, fourth, eighth ... is read (the first and the newest always), of
many layers evenly spaced ones; a filter brings the others.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope.analysis.updates import update_ratios
from graphscope.errors import TraceError
from graphscope.trace import schema, values
from graphscope.units import clip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Entry, Graph, ValueStep

KINDS = ("parameters", "gradients", "activations", "updates", "logged")
STEPS, LAYERS, BINS = 64, 48, 32
WORK = 400_000  # entries that are unpacked for one answer
KEPT = 8  # answers whose steps are remembered
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Layer:
    """A value that keeps its name through the graphs of a run; ``id`` is its card in the newest."""

    name: str
    value: int
    after: int
    """The node that wrote the parameter anew; -1 where nothing is compared."""
    depth: int

    @property
    def id(self) -> str:
        return f"n{self.value}" if self.value >= 0 else f"p{-1 - self.value}"


@dataclass(frozen=True, eq=False)
class Spread:
    """One tensor in one step."""

    low: float
    high: float
    mean: float
    rms: float
    quantiles: tuple[float, ...]
    hist: NDArray[np.float64]
    lo: float
    hi: float
    bad: int
    ratio: float | None = None


class Distributions:
    """One per app: steps that were read once are not read again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Any, tuple[TraceReader, dict[int, dict[str, Spread]]]] = (
            OrderedDict()
        )
        self._lock = threading.Lock()

    def answer(
        self, reader: TraceReader, what: str, find: str = "", hist: bool = False
    ) -> dict[str, Any]:
        """``layers`` in the order of the network, each with columns over its own ``steps``.

        ``hist`` adds the shares of ``BINS`` equal bins per step, 0 to 99 of the largest.
        """
        if what not in KINDS:
            raise TraceError(f"A distribution is of {', '.join(KINDS)}.")
        if what == "logged":
            return _logged(reader, find, hist)
        recorded = reader.value_steps("train")
        newest = reader.values(recorded[-1]) if recorded else None
        if newest is None:
            return {"layers": [], "hidden": 0, "steps": 0, "read": 0}
        graph = reader.graph(newest.graph)
        known = [x for x in layers_of(graph, what, newest) if find in x.name.casefold()]
        shown = chosen(known)
        room = max(6, min(STEPS, WORK // max(len(newest), 1)))
        nums = thinned(recorded, room)
        table = self._read(reader, (str(reader.path), what, find), nums, shown, what)
        told = [_columns(x.name, x.id, nums, table, hist) for x in shown]
        return {
            "layers": [t for t in told if t["steps"]],
            "hidden": len(known) - len(shown),
            "steps": len(recorded),
            "read": len(nums),
        }

    def _read(
        self, reader: TraceReader, key: Any, nums: Sequence[int], shown: Sequence[Layer], what: str
    ) -> dict[int, dict[str, Spread]]:
        names = frozenset(layer.name for layer in shown)
        with self._lock:
            held = self._kept.get((key, names))
        known = dict(held[1]) if held is not None and held[0] is reader else {}
        table = {}
        maps: dict[int, dict[str, Layer]] = {}
        for num in nums:
            if num not in known:
                found = reader.values(num)
                known[num] = {}
                if found is not None and found.num == num:
                    if found.graph not in maps:
                        graph = reader.graph(found.graph)
                        mine = layers_of(graph, what, found)
                        maps[found.graph] = {x.name: x for x in mine if x.name in names}
                    graph = reader.graph(found.graph)
                    known[num] = _spreads(graph, found, maps[found.graph], what)
            table[num] = known[num]
        with self._lock:
            self._kept[key, names] = (reader, table)
            self._kept.move_to_end((key, names))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return table


def thinned(nums: Sequence[int], room: int) -> list[int]:
    """Every first, second, fourth ... and the last: a growing run keeps what was read.

    >>> thinned([0, 1, 2, 3, 4, 5], 3)
    [0, 4, 5]
    """
    stride = 1
    while math.ceil(len(nums) / stride) > max(room - 1, 1):
        stride *= 2
    found = list(nums[::stride])
    return found if not nums or found[-1] == nums[-1] else [*found, nums[-1]]


def spaced(count: int, room: int) -> list[int]:
    """At most ``room`` of so many places, evenly, with both ends."""
    if count <= room:
        return list(range(count))
    return np.unique(np.linspace(0, count - 1, room).round().astype(int)).tolist()  # type: ignore[no-any-return]


def chosen(known: list[Layer]) -> list[Layer]:
    """What is shown of many layers: weights before biases, then evenly over the depth."""
    if len(known) > LAYERS:
        weights = [x for x in known if not x.name.endswith("bias")]
        known = weights if len(weights) >= LAYERS // 2 else known
    return [known[k] for k in spaced(len(known), LAYERS)]


def layers_of(graph: Graph, what: str, values: ValueStep) -> list[Layer]:
    """The values of a graph that a tab shows, in the order in which the forward pass meets them."""
    if what == "activations":
        return _activations(graph, values)
    found = []
    after = _written(graph) if what == "updates" else {}
    for k in range(graph.n_ports):
        if graph.port_kind(k) != "parameter" or (what == "updates" and -1 - k not in after):
            continue
        users = [i for i in graph.users(-1 - k) if graph.phase[i] == schema.FORWARD]
        depth = min(users, default=graph.n)
        found.append(Layer(clip(graph.port_path(k), 120), -1 - k, after.get(-1 - k, -1), depth))
    return _named_once(sorted(found, key=lambda x: (x.depth, -x.value)))


def _activations(graph: Graph, values: ValueStep) -> list[Layer]:
    """What each module gave back: the last value of it that was recorded; outside of modules, named values."""
    last: dict[str, int] = {}
    for i in np.flatnonzero(graph.phase == schema.FORWARD).tolist():
        entry = values.get(i)
        if entry is None or entry.count < 2:
            continue
        name = graph.scope_path(i) or graph.name(i)
        if name:
            last[name] = i
    return [
        Layer(clip(name, 120), i, -1, i) for name, i in sorted(last.items(), key=lambda p: p[1])
    ]


def _written(graph: Graph) -> dict[int, int]:
    """The update node of each parameter."""
    found = {}
    for node in np.flatnonzero(graph.phase == schema.UPDATE).tolist():
        read = graph.inputs(node)
        if read and read[0] < 0 and graph.port_kind(-1 - read[0]) == "parameter":
            found[read[0]] = node
    return found


def _named_once(found: list[Layer]) -> list[Layer]:
    seen: dict[str, Layer] = {}
    for layer in found:
        seen.setdefault(layer.name, layer)
    return list(seen.values())


def _spreads(
    graph: Graph, found: ValueStep, layers: dict[str, Layer], what: str
) -> dict[str, Spread]:
    out = {}
    ratios = update_ratios(graph, found) if what == "updates" else {}
    for name, layer in layers.items():
        entry = found.get(layer.value, "g" if what == "gradients" else "v")
        if what == "updates":
            spread = moved(entry, found.get(layer.after), ratios.get(layer.value))
        else:
            spread = spread_of(entry) if entry is not None else None
        if spread is not None:
            out[name] = spread
    return out


def spread_of(entry: Entry) -> Spread | None:
    """Quantiles are read off the histogram: right to one of its 24 bins."""
    if not entry.count:
        return None
    bad = int(entry.health[0]) + int(entry.health[4]) + int(entry.health[5])
    counts = entry.hist.astype(np.float64)
    lo, hi = entry.lo, entry.hi
    if not counts.any():
        lo, hi, counts = entry.min, entry.max, np.ones(1)
    quantiles = tuple(np.clip(quantiles_of(counts, lo, hi), entry.min, entry.max).tolist())
    return Spread(entry.min, entry.max, entry.mean, entry.rms, quantiles, counts, lo, hi, bad)


def moved(before: Entry | None, after: Entry | None, ratio: float | None) -> Spread | None:
    """What an update added, of the elements that were sampled before and after it."""
    if before is None or after is None or before.thumb is None or after.thumb is None:
        return None
    if before.thumb.shape != after.thumb.shape or before.thumb.stride != after.thumb.stride:
        return None
    change = after.thumb.values.astype(np.float64) - before.thumb.values
    good = change[np.isfinite(change)]
    if not len(good):
        return None
    counts, edges = np.histogram(good, 24)
    low, high = float(good.min()), float(good.max())
    quantiles = tuple(np.quantile(good, SHARES).tolist())
    rms = float(np.sqrt(np.mean(good**2)))
    ends = float(edges[0]), float(edges[-1])
    bad = len(change) - len(good)
    return Spread(
        low, high, float(good.mean()), rms, quantiles, counts.astype(float), *ends, bad, ratio
    )


def quantiles_of(counts: NDArray[np.float64], lo: float, hi: float) -> NDArray[np.float64]:
    """The 5, 25, 50, 75 and 95 % points of a histogram, on straight lines inside its bins.

    >>> quantiles_of(np.array([1.0, 1.0]), 0.0, 2.0).round(6).tolist()
    [0.1, 0.5, 1.0, 1.5, 1.9]
    """
    edges = np.linspace(lo, hi, len(counts) + 1)
    below = np.concatenate([[0.0], np.cumsum(counts)]) / max(float(counts.sum()), 1.0)
    return np.interp(SHARES, below, edges)


def rebinned(spread: Spread, low: float, high: float, bins: int = BINS) -> NDArray[np.float64]:
    """The share of the numbers in each of ``bins`` equal bins of another range."""
    if spread.hi <= spread.lo:  # one number
        out = np.zeros(bins)
        at = 0.5 if high <= low else (spread.lo - low) / (high - low)
        out[min(int(at * bins), bins - 1)] = 1.0
        return out
    edges = np.linspace(spread.lo, spread.hi, len(spread.hist) + 1)
    below = np.concatenate([[0.0], np.cumsum(spread.hist)]) / max(float(spread.hist.sum()), 1.0)
    return np.diff(np.interp(np.linspace(low, high, bins + 1), edges, below, left=0.0, right=1.0))


def _columns(
    name: str, id: str, nums: Sequence[int], table: dict[int, dict[str, Spread]], hist: bool
) -> dict[str, Any]:
    rows = [(num, table[num][name]) for num in nums if name in table[num]]
    told: dict[str, Any] = {
        "name": name,
        "id": id,
        "steps": [num for num, _ in rows],
        "low": [_plain(s.low) for _, s in rows],
        "high": [_plain(s.high) for _, s in rows],
        "mean": [_plain(s.mean) for _, s in rows],
        "rms": [_plain(s.rms) for _, s in rows],
        "quantiles": [[_plain(s.quantiles[k]) for _, s in rows] for k in range(len(SHARES))],
        "bad": [s.bad for _, s in rows],
    }
    if any(s.ratio is not None for _, s in rows):
        told["ratio"] = [None if s.ratio is None else _plain(s.ratio) for _, s in rows]
    fine = [s for _, s in rows if _has_range(s)]
    if hist and fine:
        low, high = min(s.lo for s in fine), max(s.hi for s in fine)
        shares = np.array(
            [rebinned(s, low, high) if _has_range(s) else np.zeros(BINS) for _, s in rows]
        )
        most = float(shares.max()) or 1.0
        told["hist"] = {
            "low": _plain(low),
            "high": _plain(high),
            "rows": np.ceil(shares / most * 99).astype(int).tolist(),
        }
    return told


def _has_range(spread: Spread) -> bool:
    return math.isfinite(spread.lo) and math.isfinite(spread.hi)


def _logged(reader: TraceReader, find: str, hist: bool) -> dict[str, Any]:
    """The histograms that the program logged itself, by tag."""
    by: dict[str, list[tuple[int, int]]] = {}
    for id, tag, step, _, _ in reader.media_list("histogram"):
        if find in tag.casefold():
            by.setdefault(tag, []).append((step, id))
    names = list(by)
    shown = [names[k] for k in spaced(len(names), LAYERS)]
    told, most = [], 0
    for tag in shown:
        rows = dict(by[tag])
        nums = thinned(sorted(rows), STEPS)
        most = max(most, len(rows))
        table: dict[int, dict[str, Spread]] = {}
        for num in nums:
            medium = reader.medium(rows[num])
            entry = values.decode(medium.data).get((0, "v")) if medium is not None else None
            spread = spread_of(entry) if entry is not None else None
            table[num] = {} if spread is None else {tag: spread}
        told.append(_columns(tag, "", nums, table, hist) | {"name": clip(tag, 200)})
    return {
        "layers": [t for t in told if t["steps"]],
        "hidden": len(names) - len(shown),
        "steps": most,
        "read": min(most, STEPS),
    }


def _plain(x: float) -> float | None:
    return float(f"{x:.5g}") if math.isfinite(x) else None
