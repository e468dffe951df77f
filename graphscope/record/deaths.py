"""When each value's memory died in a step: told once for all steps of a graph in which it was the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.trace.records import Ints


def freed_column(graph: Any, freed: bytes) -> Ints | None:
    """After which node each value's memory died (``Noter.freed``); None if that is as in the graph's plan."""
    if graph.deaths is None:
        graph.deaths = freed  # the first step's is the plan
    elif graph.deaths == freed:
        return None
    return np.frombuffer(freed, np.int32)
