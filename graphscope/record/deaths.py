"""When each value's memory died in a step, from what weak references left behind.

The recorder notes per node how many had died when it was done, and the references put the dead into
a dict in the order of their deaths. The pattern of a repeated step is compared as a whole; only a
pattern that is new is turned into a column.
"""

from __future__ import annotations

from typing import Any

from graphscope.trace import schema


def freed_column(graph: Any, dead: dict[int, Any], deaths: list[int], refs: list[Any]) -> Any:
    """After which node each value's memory died; None if that is as in the graph's plan.

    dead: values in the order of their deaths. deaths: for each node, how many had died when it was
    done. refs: for each node its reference, None if it made no memory of its own.
    """
    order = list(dead)
    owns = [r is not None for r in refs]
    seen = (order, deaths, owns)
    if graph.deaths == seen:
        return None
    if graph.other is not None and graph.other[0] == seen:
        return graph.other[1]
    freed = [schema.SURVIVED if own else schema.NO_MEMORY for own in owns]
    at = 0
    for node, count in enumerate(deaths):
        while at < count:
            # counted when `node` was done: it died after the node before
            freed[order[at]] = max(node - 1, order[at])
            at += 1
    for value in order[at:]:
        freed[value] = len(freed) - 1
    if graph.deaths is None:
        graph.deaths = seen  # the first step's is the plan
    else:
        graph.other = (seen, freed)
    return freed
