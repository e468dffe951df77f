"""``graphscope.compare(fn, inputs)``: one function on several devices, or in several dtypes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.backend import Backend, backend_of
from graphscope.engine.device import named
from graphscope.errors import UsageError, UsageTypeError
from graphscope.record.called import Call, prepared
from graphscope.record.keeper import Keeper, Kept
from graphscope.record.session import profile

if TYPE_CHECKING:
    from graphscope.analysis.devices import DeviceComparison, SizeRow, Variant, Versus
    from graphscope.analysis.numeric import NodeDifference
    from graphscope.trace.reader import TraceReader


class Way(NamedTuple):
    """One way to run the function."""

    name: str
    device: str
    dtype: Any  # None: as the inputs are
    backend: Backend


def compare(
    fn: Callable[..., Any],
    inputs: Any,
    devices: Sequence[Any] | None = None,
    *,
    dtypes: Sequence[Any] | None = None,
    sizes: Sequence[float] | None = None,
    backward: bool = True,
    warmup: int = 3,
    repeats: int = 20,
    group_by: str = "op",
    rtol: float | None = None,
    atol: float = 1e-7,
) -> DeviceComparison:
    """Run a function, forward and backward, in several ways: what each op costs, and where numbers part.

    fn: takes tensors; a module is copied to each device. inputs: a tensor, a tuple of them or a dictionary of
    keywords; with ``sizes`` a function of the size that makes them. devices: default "cpu" and "cuda", or the
    cpu alone with ``dtypes``. The first way is the one that the others are compared with.
    backward: from the outputs that have a gradient, with ones. rtol, atol: what counts as rounding, relative to
    the largest element of a tensor; default 1e-4, or twice the precision of the narrowest dtype where that is more.
    Raises: UsageError for less than two ways, or where no op ran; DeviceError for a device that is not there.

        print(graphscope.compare(lambda a, b: (a @ b).relu(), (x, w), devices=("cpu", "cuda")))
    """
    from graphscope.analysis.compare import compare as compare_runs
    from graphscope.analysis.devices import DeviceComparison

    if not callable(fn):
        raise UsageTypeError(
            f"compare: {type(fn).__name__} is no function; give what computes, then its inputs"
        )
    if warmup < 0 or repeats < 1:
        raise UsageError(f"compare: warmup={warmup} and repeats={repeats} must be 0 and 1 or more")
    ways = _ways(devices, dtypes)
    rows: list[SizeRow] = []
    crossing: dict[str, float | None] = {}
    if sizes is not None:
        if not callable(inputs):
            raise UsageError(
                "compare: with sizes=, inputs is a function of the size that makes the inputs"
            )
        given = sorted(sizes)
        if not given:
            raise UsageError("compare: sizes= is empty")
        rows, crossing = _by_size(fn, inputs, given, ways, backward, warmup, repeats)
        inputs = inputs(given[-1])
    calls = [prepared(fn, inputs, way.device, way.dtype, backward) for way in ways]
    timed = [_times(call, way, warmup, repeats) for call, way in zip(calls, ways, strict=True)]
    numbers = _numbers(calls)
    with tempfile.TemporaryDirectory() as folder:
        readers = [
            _traced(call, way, Path(folder) / f"way{k}", min(warmup, 1), repeats)
            for k, (call, way) in enumerate(zip(calls, ways, strict=True))
        ]
        try:
            variants = _variants(ways, timed, readers)
            against: list[Versus] = []
            for k in range(1, len(ways)):
                ops = compare_runs(readers[0], readers[k], group_by, _kind(readers[0]))
                ops.name_a, ops.name_b = ways[0].name, ways[k].name
                ops.structure.tensors = []  # their dtypes are what was asked for
                against.append(_versus(ways[k].name, ops, numbers[0], numbers[k], rtol, atol))
        finally:
            for reader in readers:
                reader.close()
    return DeviceComparison(_name(fn), variants, against, rows, crossing)


def _ways(devices: Sequence[Any] | None, kinds: Sequence[Any] | None) -> list[Way]:
    for word, given in (("devices", devices), ("dtypes", kinds)):
        if isinstance(given, str):
            raise UsageError(
                f'compare: {word}="{given}" is one; give several: {word}=("{given}", ...)'
            )
    places = [str(named(d)) for d in (devices or (("cpu", "cuda") if kinds is None else ("cpu",)))]
    ways = []
    for place in places:
        backend = backend_of(place)  # says so if it is not there
        for kind in kinds or (None,):
            known = None if kind is None else dtypes.of(_dtype(kind))
            words = [place] if len(places) > 1 or known is None else []
            ways.append(
                Way(" ".join([*words, *([known.name] if known else [])]), place, known, backend)
            )
    if len(ways) < 2:
        raise UsageError(
            'compare: one way to run is nothing to compare; give two devices or dtypes, as in devices=("cpu", "cuda")'
        )
    if len({way.name for way in ways}) < len(ways):
        raise UsageError(f"compare: {', '.join(way.name for way in ways)} names a way twice")
    return ways


def _dtype(kind: Any) -> Any:
    """``"float64"`` as a dtype; others are known by themselves."""
    if not isinstance(kind, str):
        return kind
    found = dtypes._BY_NAME.get(kind.removeprefix("torch."))
    if found is None:
        raise UsageError(f"compare: there is no dtype {kind!r}")
    return found


def _times(call: Call, way: Way, warmup: int, repeats: int) -> tuple[list[float], float]:
    """Nanoseconds of whole calls on the device's clock, and how often one waited; nothing is recorded."""
    with _same_numbers():
        for _ in range(max(warmup, 1)):
            call()
        way.backend.synchronize()
        found, waits = [], 0
        for _ in range(repeats):
            begin, before = way.backend.record(), way.backend.sync_count
            call()
            end = way.backend.record()
            waits += way.backend.sync_count - before
            way.backend.synchronize()
            found.append(float(way.backend.elapsed_ns(begin, end)))
    return found, waits / repeats


class _same_numbers:  # noqa: N801 - reads as a phrase
    """Random numbers are drawn alike in every way, and the program's own go on undisturbed."""

    def __enter__(self) -> None:
        from graphscope.ops.random import default_generator

        self.generator = default_generator
        self.state = default_generator.get_state()

    def __exit__(self, *error: Any) -> None:
        self.generator.set_state(self.state)


def _numbers(calls: list[Call]) -> list[list[Kept]]:
    found = []
    for call in calls:
        with _same_numbers(), Keeper(call.fn) as keeper:
            call()
        found.append(keeper.kept)
    return found


def _traced(call: Call, way: Way, path: Path, warmup: int, repeats: int) -> TraceReader:
    from graphscope.trace.reader import TraceReader

    with _same_numbers(), profile(path, values="off", name=way.name) as p:
        for _ in range(warmup + repeats):
            call()
            way.backend.synchronize()
            p.step()
    if p.path is None:
        raise UsageError(f"compare: no trace could be written in {path.parent}")
    return TraceReader(p.path)


def _kind(reader: TraceReader) -> str:
    """Calls without gradients are recorded as evaluation. Raises: UsageError when no op ran."""
    for kind in ("train", "eval"):
        if len(reader.steps(kind)):
            return kind
    raise UsageError("compare: the function ran no op on a tensor: there is nothing to compare")


# ---------------------------------------------------------------- results


def _variants(
    ways: list[Way], timed: list[tuple[list[float], float]], readers: list[TraceReader]
) -> list[Variant]:
    from graphscope.analysis.compare import SAME, _verdict
    from graphscope.analysis.devices import Variant, side_of

    sides = [side_of(times) for times, _ in timed]
    found = []
    for way, side, reader, (_, waits) in zip(ways, sides, readers, timed, strict=True):
        step = reader.step(-1, _kind(reader))
        graph = reader.graph(step.graph)
        moves = [i for i in range(graph.n) if graph.op_name(i) == "to_device"]
        moved = sum(reader.spec(int(step.specs[i])).nbytes for i in moves)
        kind = np.dtype(way.dtype.np).name if way.dtype is not None else ""
        verdict = SAME if side is sides[0] else _verdict(sides[0], side)
        clock = "device" if step.dev_ns is not None and step.dev_ns.any() else "host"
        found.append(
            Variant(
                way.name, way.device, kind, side.p25, side.p50, side.p75, side.samples, verdict,
                sides[0].p50 / side.p50 if side.p50 else float("nan"), len(moves), moved, waits, clock,
            )
        )  # fmt: skip
    return found


def _rounding(a: list[Kept], b: list[Kept]) -> float:
    """The relative difference that the narrowest dtype explains."""
    kinds = {kept.array.dtype for kept in (*a, *b) if kept.array.dtype.kind == "f"}
    return max([1e-4, *(2 * float(np.finfo(kind).eps) for kind in kinds)])


def _versus(
    name: str, ops: Any, a: list[Kept], b: list[Kept], rtol: float | None, atol: float
) -> Versus:
    from graphscope.analysis.devices import Versus

    numbers, alone = differences(a, b)
    limit = _rounding(a, b) if rtol is None else rtol
    first = next((d for d in numbers if d.beyond(limit, atol)), None)
    return Versus(name, ops, numbers, first, alone)


def differences(a: list[Kept], b: list[Kept]) -> tuple[list[NodeDifference], list[str]]:
    """What two runs of a function kept, node by node, and the keys that only one of them has."""
    from graphscope.analysis.numeric import NodeDifference, array_difference

    other = {(kept.key, kept.what): kept for kept in b}
    found, alone = [], []
    for k, kept in enumerate(a):
        twin = other.pop((kept.key, kept.what), None)
        if twin is None or twin.array.shape != kept.array.shape:
            alone.append(kept.key)
            continue
        apart = array_difference(kept.array, twin.array)
        found.append(
            NodeDifference(
                kept.key, kept.label, kept.what, k, 0, *apart, kept.line, True, kept.module
            )
        )
    return found, [*alone, *(key for key, _ in other)]


def _by_size(
    fn: Any, inputs: Any, sizes: list[float], ways: list[Way], backward: bool, warmup: int, repeats: int
) -> tuple[list[SizeRow], dict[str, float | None]]:  # fmt: skip
    from graphscope.analysis.compare import SAME, _verdict
    from graphscope.analysis.devices import SizeRow, crossover, side_of

    rows = []
    for size in sizes:
        made = inputs(size)
        sides = {
            way.name: side_of(
                _times(prepared(fn, made, way.device, way.dtype, backward), way, warmup, repeats)[0]
            )
            for way in ways
        }
        first = sides[ways[0].name]
        rows.append(
            SizeRow(
                float(size),
                {name: side.p50 for name, side in sides.items()},
                {
                    name: SAME if side is first else _verdict(first, side)
                    for name, side in sides.items()
                },
            )
        )
    first_name = ways[0].name
    crossing = {
        way.name: crossover(
            sizes, [row.times[first_name] for row in rows], [row.times[way.name] for row in rows],
            [row.verdicts[way.name] for row in rows],
        )
        for way in ways[1:]
    }  # fmt: skip
    return rows, crossing


def _name(fn: Any) -> str:
    return getattr(fn, "__qualname__", None) or type(fn).__name__
