"""What recording costs at each level, measured in the steps of the run itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphscope.trace.records import StepTable

LEVELS = ("off", "times", "values", "everything")
_OF_OPTION = {"off": "times", "auto": "values", "stats": "values", "full": "everything"}
_WORDS = {
    "off": "no recording",
    "times": "graph, times and memory of every step",
    "values": "and statistics of values and gradients, as often as the budget allows",
    "everything": "and statistics and samples of every tensor in every step",
}
SAMPLE = 5000  # steps whose median is taken for that of all
FEW = 3  # the first steps of a run learn the graph: they are left out where there are others


def overhead_json(
    table: StepTable, value_steps: list[int], header: Mapping[str, str]
) -> dict[str, Any]:
    """The levels with what each costs, as share of a step and as time, and from how many steps it is known.

    Cost is the recorder's own clock (``rec_ns``). What it cannot see (caches, the interpreter's own
    slowdown) is what the paired benchmark is for.
    """
    level = _OF_OPTION.get(header.get("values", ""), "values" if value_steps else "times")
    ok = np.flatnonzero(table.wall_ns > 0)
    took, wall = table.rec_ns[ok].astype(float), table.wall_ns[ok].astype(float)
    with_values = np.zeros(len(table), bool)
    at = np.searchsorted(
        table.num, value_steps
    )  # both ascend: of a long run, few steps took values
    at = at[at < len(table)]
    with_values[at[np.isin(table.num[at], value_steps)]] = True
    with_values = with_values[ok]
    late = np.arange(len(ok)) >= (FEW if len(ok) > FEW else 0)
    own = np.maximum(wall - took, 1)  # a step as it would be without a recorder
    plain = _cost(took, own, ~with_values & late) or _cost(took, own, ~with_values)
    full = _cost(took, own, with_values & late) or _cost(took, own, with_values)
    mixed = None if level == "times" or full is None else _mean(took, own, late)
    if level == "everything":
        mixed = None
    known = {"times": plain, "values": mixed, "everything": full}
    why = {
        "off": "A run that is not recorded leaves no trace to measure.",
        "times": "In this run every step took values." if len(took) else "No step yet.",
        "values": "This run took values in every step."
        if level == "everything"
        else "This run took no values.",
        "everything": "No step of this run took values.",
    }
    rows = []
    for name in LEVELS:
        cost = known.get(name)
        rows.append(
            {
                "level": name,
                "words": _WORDS[name],
                "here": name == level,
                "share": units.share(cost[0]) if cost else "",
                "fraction": round(cost[0], 5) if cost else None,
                "time": f"{units.ns(cost[1])} a step" if cost else "",
                "from": f"{units.count(cost[2])} step{'' if cost[2] == 1 else 's'}" if cost else "",
                "why": "" if cost else why[name],
            }
        )
    return {"level": level, "levels": rows}


def _cost(took: Any, own: Any, which: Any) -> tuple[float, float, int] | None:
    """Of a usual step: the median, since now and then the system takes the processor away."""
    at = np.flatnonzero(which)
    if not len(at):
        return None
    some = at[np.linspace(0, len(at) - 1, SAMPLE).astype(int)] if len(at) > SAMPLE else at
    took, own = took[some], own[some]
    return float(np.median(took / own)), float(np.median(took)), len(at)


def _mean(took: Any, own: Any, which: Any) -> tuple[float, float, int] | None:
    """Over all steps: of these few take values, and a median would not see them."""
    took, own = took[which], own[which]
    return (float(took.sum() / own.sum()), float(took.mean()), len(took)) if len(took) else None
