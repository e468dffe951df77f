"""What holds the memory of a step at its peak, summed by category, module or line, and why it is alive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import PurePath
from typing import Any

import numpy as np

from graphscope import units
from graphscope.analysis import lifetime
from graphscope.analysis.spans import module_of
from graphscope.analysis.tabular import Tabular, plain
from graphscope.errors import TraceError, UsageError
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import DeviceStep, Graph, Longs, Step

GROUPS = ("category", "module", "line")
CATEGORIES = (
    "parameter", "gradient", "optimizer state", "input", "buffer", "saved for backward", "activation", "temporary",
    "other",
)  # fmt: skip
OF_PORT = {
    "input": "input", "parameter": "parameter", "constant": "input", "carried": "activation", "buffer": "buffer",
    "gradient": "gradient", "optimizer_state": "optimizer state",
}  # fmt: skip
BEFORE = "there before the step"
LEFT = "left by the step before"
_IN_WORDS = {"optimizer_state": "optimizer state"}


@dataclass
class Held:
    """One buffer alive at the peak."""

    label: str
    nbytes: int
    category: str
    module: str
    line: str
    shape: str
    why: str
    """Why it is alive: which gradient needs it, or that it outlives the step."""
    value: int | None = None
    """The node that made it, or ``-1 - k`` for port ``k``; None for what no value of the step is."""


@dataclass
class StepMemory(Tabular):
    """The memory of one step. Sizes are bytes; ``curve`` is what is alive while each op runs."""

    step: int
    peak: int
    at: str
    line: str
    start: int
    end: int
    curve: Longs
    holders: list[Held]
    pools: list[DeviceStep] = field(default_factory=list)
    """The pools of the devices that worked in the step."""

    def by(self, group: str) -> list[tuple[str, int]]:
        """Bytes at the peak per category, module or line, largest first.

        Raises: UsageError for another word.
        """
        if group not in GROUPS:
            raise UsageError(f"Cannot group memory by {group!r}; there are {', '.join(GROUPS)}.")
        sums: dict[str, int] = {}
        for held in self.holders:
            key = getattr(held, group) or "(top)"
            sums[key] = sums.get(key, 0) + held.nbytes
        return sorted(sums.items(), key=lambda item: (-item[1], item[0]))

    def columns(self) -> list[str]:
        return [f.name for f in fields(Held)]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON: facts, the curve, and the buffers alive at the peak."""
        found: dict[str, Any] = plain(self)
        return found | {"curve": self.curve.tolist()}

    def table(self, by: str = "category", row_limit: int = 12, width: int = 120) -> str:
        """The peak as text: what it is made of, and its largest buffers (-1: all)."""
        from graphscope.analysis.memory_text import text

        return text(self, by, len(self.holders) if row_limit < 0 else row_limit, width)

    def __iter__(self) -> Iterator[Held]:
        """The buffers alive at the peak, largest first."""
        return iter(self.holders)

    def __str__(self) -> str:
        return self.table()


def step_memory(reader: TraceReader, num: int = -1, kind: str = "train") -> StepMemory:
    """The memory of one step (-1: the last). Raises: TraceError when there is none."""

    step = reader.step(num, kind)
    graph = reader.graph(step.graph)
    sizes = lifetime.nbytes(reader, step)
    ports = lifetime.port_bytes(graph, step, sizes)
    # What was there before the step and is no input of it: the recorder's count, where it has one.
    before = max(int(step.live0), ports)
    if not graph.n:
        return StepMemory(step.num, before, "", "", before, before, np.zeros(0, np.int64), [])
    pools = reader.devices(step.id)
    curve = lifetime.live_bytes(step, sizes) - int(step.live0) + before
    node = int(curve.argmax())
    held = held_at(reader, step, node, sizes, int(curve[node]))
    survivors = int(sizes[: graph.n][step.freed == schema.SURVIVED].sum())
    survivors += int(sizes[[graph.n + k for k in step.fresh]].sum())
    return StepMemory(
        step.num, int(curve[node]), what(graph, node), line_of(graph, node), before, before + survivors, curve, held,
        pools,
    )  # fmt: skip


def held_at(reader: TraceReader, step: Step, node: int, sizes: Longs, total: int) -> list[Held]:
    """The buffers alive while a node runs, largest first; they sum to ``total``, the bytes alive then.

    ``sizes`` is what ``lifetime.nbytes`` gives for the step.
    """
    graph = reader.graph(step.graph)
    held = [_held(reader, graph, step, h) for h in lifetime.holders(graph, step, sizes, node)]
    held = [h for h in held if h.nbytes]
    known: dict[str, int] = {}
    for h in held:
        if h.value is not None and h.value < 0:
            known[h.category] = known.get(h.category, 0) + h.nbytes
    rest = total - sum(h.nbytes for h in held)
    held += earlier(reader, step, known, rest, before_by_name(reader, step) if rest > 0 else {})
    return sorted(held, key=lambda h: -h.nbytes)


def earlier(
    reader: TraceReader,
    step: Step,
    known: dict[str, int],
    rest: int,
    named: dict[str, list[Held]] | None = None,
) -> list[Held]:
    """What ``rest`` bytes from before the step are: by category, as far as the last look at memory says, and what
    every step leaves behind, with its line.

    ``known``: bytes from before the step that are accounted for already, by category. ``named``: what may be among
    the others (``before_by_name``).
    """
    found: list[Held] = []
    before = reader.alive_before(step.id) if rest > 0 else {}
    for category, size in sorted(before.items(), key=lambda item: -item[1]):
        word = _IN_WORDS.get(category, category)
        size = min(size - known.get(word, 0), rest)
        rest -= max(size, 0)
        own = (named or {}).get(word, [])
        if sum(h.nbytes for h in own) <= size:
            found += own
            size -= sum(h.nbytes for h in own)
        if size > 0:  # not used in this step, or not yet
            found.append(Held(f"({word} of earlier steps)", size, word, "", "", "", BEFORE))
    if rest > 0:
        left = left_behind(reader, step, rest)
        found += left
        rest -= sum(h.nbytes for h in left)
    if rest > 0:
        why = "alive before the step began"
        found.append(Held("(not seen in this step)", rest, "other", "", "", "", why))
    return found


def left_behind(reader: TraceReader, step: Step, rest: int) -> list[Held]:
    """What steps leave behind one by one, of ``rest`` bytes: most were not looked at, and are taken to be like those."""
    from graphscope.analysis.growth import leaks  # which says lines as this module does

    found = []
    known = leaks(
        reader, step.kind, often=2
    )  # what is to be explained has grown, be it for a few steps
    share = min(1.0, rest / max(sum(leak.per_step for leak in known) * step.num, 1))
    for leak in known:
        size = int(leak.per_step * step.num * share)
        if size > 0:
            steps = units.count(round(step.num * share))
            why = f"left behind by {steps} steps, {units.bytes_(leak.per_step)} each: something keeps it"
            found.append(
                Held(
                    f"{leak.op} of earlier steps",
                    size,
                    leak.category,
                    leak.module,
                    leak.line,
                    "",
                    why,
                )
            )
    return found


def before_by_name(reader: TraceReader, step: Step) -> dict[str, list[Held]]:
    """By category, what the step before had or left, and this one did not use, or not before it failed."""
    if step.num < 1:
        return {}
    try:
        before = reader.step(step.num - 1, step.kind)
        graph, now = reader.graph(before.graph), reader.graph(step.graph)
        sizes = lifetime.nbytes(reader, before)
    except TraceError:
        return {}  # it was thinned away, or is damaged
    used = {_label_of_port(now, k) for k in range(now.n_ports)}
    found: dict[str, list[Held]] = {}
    for h in lifetime.holders(graph, before, sizes, graph.n - 1) if graph.n else ():
        if h.dies >= 0 or not h.nbytes:
            continue
        if h.value >= 0:
            made = (schema.BACKWARD, "gradient"), (schema.UPDATE, "optimizer state")
            category = dict(made).get(int(graph.phase[h.value]), "activation")
        elif _label_of_port(graph, -1 - h.value) in used:
            continue
        else:
            category = OF_PORT[graph.port_kind(-1 - h.value)]
        one = _held(reader, graph, before, h)
        one.category, one.why, one.value = category, LEFT if h.value >= 0 else BEFORE, None
        found.setdefault(category, []).append(one)
    return found


def what(graph: Graph, i: int) -> str:
    """The op of a node in words."""
    name = graph.op_name(i)
    return f"the gradient of {name}" if graph.phase[i] == schema.BACKWARD else name


def line_of(graph: Graph, i: int) -> str:
    """The line of a node; a gradient's is the line of its forward op."""
    twin = int(graph.twin[i])
    site = graph.site_of(i) or (graph.site_of(twin) if twin >= 0 else None)
    return f"{_file_name(site.file)}:{site.line}" if site else ""


@lru_cache(maxsize=256)
def _file_name(path: str) -> str:
    return PurePath(path).name


def _held(reader: TraceReader, graph: Graph, step: Step, h: lifetime.Holder) -> Held:

    spec = reader.spec(step.spec_id(h.value))
    size = f"{units.shape(spec.shape)} {spec.dtype}"
    if h.value < 0:
        category = OF_PORT[graph.port_kind(-1 - h.value)]
        module, line = _module_of_port(graph, h.value), ""
    else:
        category = _category(graph, step, h.value, h.kept_for)
        module, line = module_of(graph, h.value), line_of(graph, h.value)
    why = _why(graph, h)
    return Held(_label(graph, h), h.nbytes, category, module, line, size, why, h.value)


def _label(graph: Graph, h: lifetime.Holder) -> str:
    """A gradient is called after the value that it is the gradient of."""
    i = h.value
    if i >= 0 and graph.phase[i] == schema.BACKWARD and graph.twin[i] >= 0:
        inputs, slot = graph.inputs(int(graph.twin[i])), int(graph.slot[i])
        if 0 <= slot < len(inputs):
            v = inputs[slot]
            return "grad of " + (graph.port_path(-1 - v) if v < 0 else graph.label(v))
    if i >= 0:
        return h.label
    return _label_of_port(graph, -1 - i)


def _label_of_port(graph: Graph, k: int) -> str:
    of = _state_of(graph, -1 - k)
    return graph.port_path(k) if of is None else f"{of[0]} of {of[1]}"


def _state_of(graph: Graph, value: int) -> tuple[str, str] | None:
    """Of a port that is an optimizer's state: what the optimizer calls it, and the parameter that it belongs to."""
    if graph.port_kind(-1 - value) != "optimizer_state" or graph.port_name(-1 - value):
        return None
    for node in graph.users(value):
        inputs, names = graph.inputs(node), graph.op_info(node).inputs
        if graph.phase[node] == schema.UPDATE and inputs and inputs[0] < 0 and inputs[0] != value:
            at = inputs.index(value)
            return (names[at] if at < len(names) else "state"), graph.port_path(-1 - inputs[0])
    return None


def _module_of_port(graph: Graph, value: int) -> str:
    """A parameter's module, also of what an optimizer keeps for it."""
    of = _state_of(graph, value)
    if of is None and graph.port_kind(-1 - value) in ("parameter", "buffer"):
        of = "", graph.port_path(-1 - value)
    scope = graph.scope_path(value)
    return scope or (of[1].rpartition(".")[0] if of is not None else "")


def full_label(held: Held) -> str:
    """A buffer's name with its module, where the name does not say it."""
    named = held.label.startswith(held.module) or " of " in held.label
    return held.label if named or not held.module else f"{held.module}.{held.label}"


def _category(graph: Graph, step: Step, i: int, kept_for: list[int]) -> str:
    phase = int(graph.phase[i])
    if phase == schema.BACKWARD:
        return "gradient"
    if phase == schema.DATA:
        return "input"
    if phase == schema.UPDATE:
        return "optimizer state" if step.freed[i] == schema.SURVIVED else "temporary"
    if kept_for:
        return "saved for backward"
    return (
        "activation" if step.freed[i] == schema.SURVIVED or step.freed[i] > i + 1 else "temporary"
    )


def _why(graph: Graph, h: lifetime.Holder) -> str:
    if h.kept_for:
        # A line in a loop needs it once a turn: it is named once.
        names = list(dict.fromkeys(_gradient(graph, node) for node in h.kept_for[:64]))[:2]
        rest = len(h.kept_for) - len(names)
        more = f" and {units.count(rest)} more" if rest else ""
        return f"needed by the gradient{'s' if len(names) > 1 else ''} of {', '.join(names)}{more}"
    if h.value < 0 and h.born < 0:
        return BEFORE
    return "outlives the step" if h.dies < 0 else f"used until {graph.op_name(h.dies)}"


def _gradient(graph: Graph, node: int) -> str:
    line = line_of(graph, node)
    return graph.op_name(node) + (f" ({line})" if line else "")
