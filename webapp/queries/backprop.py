"""Backward one gradient at a time: in which order they arrive, along which line, and what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.trace import schema
from graphscope.view.encode import gradient_text, reach
from graphscope.webapp.queries.graph import look
from graphscope.webapp.queries.values import card_id

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader

LIMIT = 4000


def backprop_json(reader: TraceReader, num: int | None) -> dict[str, Any]:
    """``moves``: one for each recorded gradient, in the order in which backward computed them.

    Each has ``node`` (the backward op), ``by`` (the op whose gradient it is), ``to`` (the value that receives
    it), ``text`` (its rms, or the number), ``tex`` (the local derivative) and ``ns``. The first move is the
    seed: the loss against itself is 1.
    """
    step = look(reader, num)
    graph = reader.graph(step.graph)
    values = reader.values(step.num, step.kind)
    reached = reach(graph)
    moves: list[dict[str, Any]] = []
    backward = np.flatnonzero((graph.phase == schema.BACKWARD) & (graph.twin >= 0)).tolist()
    for i in backward[:LIMIT]:
        twin, slot = int(graph.twin[i]), int(graph.slot[i])
        inputs = graph.inputs(twin)
        if not moves:
            moves.append(
                {"node": card_id(i), "by": "", "to": card_id(twin), "label": graph.label(twin),
                 "text": "1", "tex": "1", "ns": ""}
            )  # fmt: skip
        if not 0 <= slot < len(inputs):
            continue
        value = inputs[slot]
        info = graph.op_info(twin)
        tex = info.vjp_tex.get(info.inputs[slot], "") if slot < len(info.inputs) else ""
        entry = values.get(value, "g") if values is not None else None
        moves.append(
            {
                "node": card_id(i),
                "by": card_id(twin),
                "to": card_id(value),
                "label": units.clip(graph.label(value), 60),
                "text": gradient_text(entry, value, reached, values is not None),
                "tex": tex.partition("=")[2].strip() or tex,
                "ns": units.ns(int(step.dur_ns[i])) if i < len(step.dur_ns) else "",
            }
        )
    return {
        "step": step.num,
        "graph": graph.id,
        "moves": moves,
        "more": max(len(backward) - LIMIT, 0),
        "why": "" if moves else "Backward has not run in this step.",
    }
