"""The Compare page: time per op with its spread, what was added, removed or changed, and where numbers part."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.analysis.aggregate import GROUPS
from graphscope.analysis.compare import FEWEST, compare, compare_steps
from graphscope.analysis.comparison import FASTER, ONLY_A, ONLY_B, SAME, Comparison, Difference
from graphscope.analysis.numeric import NodeDifference, common_steps, differences
from graphscope.analysis.tabular import plain
from graphscope.errors import GraphScopeError, TraceError
from graphscope.trace import schema
from graphscope.view.source import Source
from graphscope.webapp.queries.graph import look
from graphscope.webapp.queries.ops import card_of, heaviest
from graphscope.webapp.queries.sides import Side, facts, sides

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader

LISTED = 60
LOOKED = 200  # steps that are searched for the first difference
RTOL, ATOL = 1e-4, 1e-7  # float32 sums in another order differ by less


def compare_json(
    reader: TraceReader,
    run: str,
    vs: str,
    num: int | None,
    by: str,
    other: Callable[[str], TraceReader],
) -> dict[str, Any]:
    """Everything but the curves. A part that cannot be compared says why in its ``note``.

    Raises: TraceError when there is no such run, step or grouping.
    """
    if by not in GROUPS:
        raise TraceError("There is no such table.")
    a, b = sides(reader, run, vs, num, other)
    # Nodes are named by their place in the graph: a click must not look them up in another one.
    go = None if look(reader, num).graph == b.step.graph else b.step.num
    return {
        "a": _about(a), "b": _about(b) | {"go": go}, "steps": a.alone, "by": by, "facts": facts(a, b),
        "ops": _part(lambda: _ops(a, b, by)), "structure": _part(lambda: structure_json(a, b)),
        "numbers": _part(lambda: numbers_json(a, b)),
    }  # fmt: skip


def _about(side: Side) -> dict[str, Any]:
    return {"name": units.clip(side.name, 80), "run": side.run, "step": side.step.num}


def _part(make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"note": ""} | make()
    except GraphScopeError as error:
        return {"note": str(error), "rows": []}


def _ops(a: Side, b: Side, by: str) -> dict[str, Any]:
    """Rows of one step in both: nanoseconds with quartiles, calls, bytes, operations, and the verdict."""
    if a.alone:
        found = compare_steps(b.reader, a.step.num, b.step.num, by, b.step.kind)
    else:
        found = compare(a.reader, b.reader, by, b.step.kind)
    nodes = heaviest(b.reader, b.graph, by, b.step)
    rows = [_row(row) | {"id": row.key, "node": nodes.get(row.key)} for row in found.sorted()]
    return {
        "rows": rows[:2000],
        "total": _row(found.step) | {"id": "total", "key": "whole step"},
        "line": _line(found, a),
    }


def _row(row: Difference) -> dict[str, Any]:
    out = row.flat()
    out["delta"] = plain(row.b.p50 - row.a.p50)
    for name in ("bytes", "flops"):
        one, two = out[f"a_{name}"], out[f"b_{name}"]
        known = one is not None and two is not None
        out[f"delta_{name}"] = two - one if known else None
    return out


def _line(found: Comparison, a: Side) -> str:
    """The whole step in one sentence."""
    row = found.step
    times = f"{units.ns(row.b.p50)} in B, {units.ns(row.a.p50)} in A"
    few = [name for name, side in (("A", row.a), ("B", row.b)) if side.samples < FEWEST]
    if row.verdict == SAME and few and not a.alone:
        return f"A step takes {times}. Fewer than {FEWEST} steps in {' and '.join(few)} show no difference."
    if row.verdict == SAME:
        return f"A step takes {times}: no difference shown, the spreads overlap."
    if row.verdict in (ONLY_A, ONLY_B) or row.ratio != row.ratio:
        return f"A step takes {times}."
    word, factor = (
        ("faster", 1 / row.ratio) if row.verdict == FASTER and row.ratio else ("slower", row.ratio)
    )
    return f"A step takes {times}: B is {units.number(factor)} times {word}."


def structure_json(a: Side, b: Side) -> dict[str, Any]:
    """Forward ops by module, op and count: only in A, only in B, and in both but of another shape or wiring."""
    one, two = _forward(a), _forward(b)
    removed = [_op(a, i, "") for key, i in one.items() if key not in two]
    added = [_op(b, i, "") for key, i in two.items() if key not in one]
    changed = []
    for key, j in two.items():
        i = one.get(key)
        if i is None:
            continue
        why = _changed(a, i, b, j)
        if why:
            changed.append(_op(b, j, why))
    counts = {"removed": len(removed), "added": len(added), "changed": len(changed)}
    if not any(counts.values()):
        line = f"Both run the same {units.count(len(two))} ops forward, wired and shaped alike."
    else:
        told = [f"{units.count(n)} {word}" for word, n in counts.items() if n]
        line = f"From A to B: {', '.join(told)}, of {units.count(len(two))} ops forward."
    return {
        "line": line, "counts": counts, "removed": removed[:LISTED], "added": added[:LISTED],
        "changed": changed[:LISTED],
    }  # fmt: skip


def _forward(side: Side) -> dict[str, int]:
    graph = side.graph
    return {key: i for i, key in enumerate(graph.keys) if graph.phase[i] <= schema.FORWARD}


def _op(side: Side, i: int, why: str) -> dict[str, Any]:
    graph = side.graph
    shape = Source(graph, side.reader, side.step.specs).shape(i)
    site = graph.site_of(i)
    return {
        "node": card_of(graph, i),
        "label": units.clip(graph.label(i), 60),
        "op": graph.op_name(i),
        "scope": units.clip(graph.scope_path(i), 80),
        "shape": "" if shape is None else units.shape(shape),
        "line": f"{site.file}:{site.line}"[-200:] if site else "",
        "why": why,
    }


def _changed(a: Side, i: int, b: Side, j: int) -> str:
    """What of an op differs, in words; empty when nothing does."""
    was, now = (
        a.reader.spec(a.step.spec_id(i)),
        b.reader.spec(b.step.spec_id(j)),
    )
    words = []
    if was.shape != now.shape:
        words.append(f"{units.shape(was.shape)} \u2192 {units.shape(now.shape)}")
    if was.dtype != now.dtype:
        words.append(f"{was.dtype} \u2192 {now.dtype}")
    if was.device != now.device:
        words.append(f"{was.device} \u2192 {now.device}")
    if a.graph.params_text(i) != b.graph.params_text(j):
        words.append("other arguments")
    if _sources(a, i) != _sources(b, j):
        words.append("other inputs")
    return ", ".join(words)


def _sources(side: Side, i: int) -> list[str]:
    graph = side.graph
    return [graph.key(v) if v >= 0 else graph.port_path(-1 - v) for v in graph.inputs(i)]


def numbers_json(a: Side, b: Side) -> dict[str, Any]:
    """The first value in which both part, and the largest differences at that step.

    Of two steps: what changed most from one to the other.
    """
    if a.alone:
        found = differences(b.reader, b.reader, b.step.num, a.step.num, b.step.kind)
        if not found:
            return {"rows": [], "line": "No values were recorded for both steps.", "first": None}
        values = [r.values(s.step.num, s.step.kind) for r, s in ((b.reader, b), (a.reader, a))]
        nums = [v.num for v in values if v is not None]
        if nums[0] == nums[1]:
            line = f"Values were taken in step {nums[0]} and not between the two: there is nothing to compare."
            return {"rows": [], "line": line, "first": None}
        line = f"Largest changes of values and gradients from step {nums[1]} to step {nums[0]}."
        return {"rows": _largest(b, found), "line": line, "first": None, "step": nums[0]}
    common = common_steps(b.reader, a.reader, b.step.kind)
    if not common:
        text = "No step has recorded values in both runs, so their numbers cannot be compared."
        return {"rows": [], "line": text, "first": None}
    checked, first, found = 0, None, []
    for step in common[:LOOKED]:
        found = differences(b.reader, a.reader, step, kind=b.step.kind)
        checked += 1
        first = next((d for d in found if d.beyond(RTOL, ATOL)), None)
        if first is not None:
            break
    if not found:
        return {"rows": [], "line": "No op of A and B is the same, so no number is compared.", "first": None}  # fmt: skip
    if first is None:
        every = checked == len(common)
        many = (
            "the one step"
            if checked == 1
            else f"{'all' if every else 'the first'} {units.count(checked)} steps"
        )
        line = f"The runs agree to {RTOL:g} in {many} in which both took values."
        if not any(d.max_abs for d in found):
            line += f" At step {found[0].step} every number is the same."
        return {"rows": _largest(b, found), "line": line, "first": None, "step": found[0].step}
    what = "gradient" if first.what == "g" else "value"
    line = (
        f"The first difference is in step {first.step}: the {what} of {units.clip(first.label, 60)}, "
        f"by {units.number(first.max_rel)} of its largest element."
    )
    return {"rows": _largest(b, found), "line": line, "first": _numbers(b, first), "step": first.step}  # fmt: skip


def _largest(side: Side, found: list[NodeDifference]) -> list[dict[str, Any]]:
    ranked = sorted(found, key=lambda d: -(d.max_rel if d.max_rel == d.max_rel else float("inf")))
    return [_numbers(side, d) for d in ranked[:LISTED]]


def _numbers(side: Side, d: NodeDifference) -> dict[str, Any]:
    values = side.reader.values(d.step, side.step.kind)
    graph = side.graph if values is None else side.reader.graph(values.graph)
    return {
        "node": card_of(graph, d.node) if d.node >= 0 else f"p{-1 - d.node}",
        "step": d.step,
        "label": units.clip(d.label, 80),
        "scope": units.clip(graph.scope_path(d.node), 80),
        "what": "gradient" if d.what == "g" else "value",
        "max_abs": units.number(d.max_abs),
        "max_rel": units.number(d.max_rel),
        "size": plain(d.max_rel),
        "ulp": units.count(d.ulp) if d.ulp < 1e15 else units.number(d.ulp),
        "exact": d.exact,
        "beyond": d.beyond(RTOL, ATOL),
        "line": d.line[-200:],
    }
