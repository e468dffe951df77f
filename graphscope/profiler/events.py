"""The recorded intervals one by one, as torch's profiler lists them. Times are microseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from graphscope.analysis.spans import Span, calls
from graphscope.trace import schema
from graphscope.trace.records import Graph, Step


@dataclass(frozen=True)
class Interval:
    """Begin and end since the run began."""

    start: float
    end: float

    def elapsed_us(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass(eq=False)
class FunctionEvent:
    """One op, module, phase or step; ``kind`` says which."""

    id: int
    name: str
    kind: str
    time_range: Interval
    input_shapes: list[list[int]] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)
    module: str = ""
    cpu_parent: FunctionEvent | None = field(default=None, repr=False)
    cpu_children: list[FunctionEvent] = field(default_factory=list, repr=False)
    cpu_memory_usage: int = 0
    device_time_total: float = 0.0
    thread: int = 1
    count: int = 1
    is_async: bool = False

    @property
    def key(self) -> str:
        """What it is summed under."""
        return self.name

    @property
    def cpu_time_total(self) -> float:
        """Its time with what ran inside."""
        return self.time_range.elapsed_us()

    cpu_time = cpu_time_total

    @property
    def self_cpu_time_total(self) -> float:
        """Its time without what ran inside."""
        inside = sum(child.cpu_time_total for child in self.cpu_children)
        return max(self.cpu_time_total - inside, 0.0)

    @property
    def self_cpu_memory_usage(self) -> int:
        """Bytes of its own output."""
        return self.cpu_memory_usage

    cuda_time_total = self_cuda_time_total = self_device_time_total = property(
        lambda self: self.device_time_total
    )


class EventList(list[FunctionEvent]):
    """The events of a profile, in the order in which they began."""

    def __init__(self, events: Iterator[FunctionEvent], owner: Any) -> None:
        super().__init__(events)
        self._owner = owner

    def key_averages(self, *args: Any, **options: Any) -> Any:
        """Summed by name; see ``profile.key_averages``."""
        return self._owner.key_averages(*args, **options)

    def table(self, *args: Any, **options: Any) -> str:
        """The sums as a table."""
        return str(self._owner.key_averages().table(*args, **options))

    def total_average(self) -> Any:
        """All ops as one row."""
        return self._owner.total_average()

    def export_chrome_trace(self, path: str) -> None:
        """A file for Perfetto and chrome://tracing."""
        self._owner.export_chrome_trace(path)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Folded stacks for flame graphs."""
        self._owner.export_stacks(path, metric)

    @property
    def self_cpu_time_total(self) -> float:
        """Time in all ops."""
        return float(sum(event.self_cpu_time_total for event in self if event.kind == "op"))

    def __str__(self) -> str:
        return self.table()


def events(
    reader: Any, steps: list[tuple[str, int]], number: Callable[[str, int], int]
) -> Iterator[FunctionEvent]:
    """The events of these steps (kind, number), parents before what ran inside them.

    ``number`` gives the number that the program has for a step.
    """
    id = 0
    for kind, num in steps:
        step = reader.step(num, kind)
        graph = reader.graph(step.graph)
        open: list[tuple[int, FunctionEvent]] = []  # by depth: what the next span may lie in
        for span in calls(graph, step):
            event = _event(id, span, graph, step, reader)
            if span.kind == "step":
                event.name = f"ProfilerStep#{number(kind, num)}"
            id += 1
            while open and open[-1][0] >= span.depth:
                open.pop()
            if open:
                event.cpu_parent = open[-1][1]
                open[-1][1].cpu_children.append(event)
            open.append((span.depth, event))
            yield event


def _event(id: int, span: Span, graph: Graph, step: Step, reader: Any) -> FunctionEvent:
    when = Interval(span.begin / 1e3, span.end / 1e3)
    if span.kind != "op":
        return FunctionEvent(id, span.name, span.kind, when)
    i = span.node
    site = graph.site_of(i)
    spec = reader.spec(step.spec_id(i))
    moves = graph.flags[i] & (schema.VIEW | schema.INPLACE)
    return FunctionEvent(
        id,
        op_name(graph, i),
        "op",
        when,
        [list(reader.spec(step.spec_id(v)).shape) for v in graph.inputs(i)],
        [] if site is None else [f"{site.file}({site.line}): {site.func}"],
        graph.scope_path(i) or "",
        cpu_memory_usage=0 if moves else spec.nbytes,
        device_time_total=0.0 if step.dev_ns is None else float(step.dev_ns[i]) / 1e3,
    )


def op_name(graph: Graph, i: int) -> str:
    """``mm``, or ``∂mm`` for one of its gradients."""
    return ("∂" if graph.phase[i] == schema.BACKWARD else "") + graph.op_name(i)


def folded(listed: EventList, weight: Callable[[FunctionEvent], float]) -> dict[str, int]:
    """Stacks, outermost first and joined by ``;``, with the microseconds spent right there."""
    sums: dict[str, float] = {}
    for event in listed:
        took = weight(event)
        if event.kind not in ("op", "module") or took <= 0:
            continue
        frames: list[str] = []
        at: FunctionEvent | None = event
        while at is not None:
            if at.kind in ("op", "module"):
                frames.append(at.name)
            at = at.cpu_parent
        frames = [*event.stack, *frames[::-1]]
        key = ";".join(frame.replace(" ", "_").replace(";", ",") for frame in frames)
        sums[key] = sums.get(key, 0.0) + took
    return {key: round(total) for key, total in sums.items() if round(total)}
