"""The numbers of many cards as columns, and of those only what somebody does not have yet.

Of ten thousand open cards a step's numbers are two megabytes as a table for each card. As columns in the order of the
layout they are a third of that, and from one step to the next most columns are the same: values are taken now and
then, times in every step. Every column has a sum (CRC32 of its text), so that the page knows what it has.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, MutableMapping
from typing import Any

from graphscope.webapp.queries.values import Cards

_HEIGHTS = "0123456789abc"  # a bar's height in px as a letter
_RARE = ("failed", "operands", "strip", "was")


def text(answer: Mapping[str, Any], told: MutableMapping[str, str] | None = None) -> str:
    """``values_json``'s answer as JSON: ``columns`` and ``sums`` in place of ``nodes``.

    ``told`` are the sums of the columns that were sent before; they are left out, and it is brought up to date.
    """
    nodes: Cards = answer["nodes"]
    texts = {name: _dumps(column) for name, column in columns(nodes).items()}
    sums = {name: f"{zlib.crc32(text.encode()):08x}" for name, text in texts.items()}
    news = [name for name in texts if told is None or told.get(name) != sums[name]]
    if told is not None:
        told.clear()
        told.update(sums)
    head = {key: value for key, value in answer.items() if key != "nodes"}
    parts = ",".join(f"{_dumps(name)}:{texts[name]}" for name in news)
    return f'{_dumps(head | {"count": len(nodes), "sums": sums})[:-1]},"columns":{{{parts}}}}}'


def columns(nodes: Cards) -> dict[str, Any]:
    """What the page paints of the cards. Full columns have an entry a card; of what few cards have, ``rare`` has
    ``{place: value}``; colours are ``[[colour, ink], ...]`` and a place in that list for each card."""
    cards = list(nodes.values())
    fills = [(card.get("color"), card.get("on")) for card in cards]
    known = {fill: k for k, fill in enumerate(dict.fromkeys(fills))}
    rare: dict[str, dict[str, Any]] = {}
    for k, card in enumerate(cards):
        found = {name: card[name] for name in _RARE if card.get(name)}
        if card["health"] != "ok":
            found["health"] = card["health"]
        if "was" in found:
            found["was"] = {"v": card["was"]["v"]}
        if card["bwd_ns"] and not card["fwd_ns"]:  # a gradient that has a card of its own
            found["bwd_ns"] = card["bwd_ns"]
        if found:
            rare[str(k)] = found
    return {
        "id": list(nodes),
        "v": [card["v"] for card in cards],
        "g": [card["g"] for card in cards],
        "vh": ["".join(_HEIGHTS[h] for h in card["vh"]) for card in cards],
        "gh": ["".join(_HEIGHTS[h] for h in card["gh"]) for card in cards],
        "share": [round(1e6 * (card["share"] or 0.0)) for card in cards],
        "fill": {
            "of": list(known),
            "at": [known[fill] for fill in fills] if len(known) > 1 else [],
        },
        "rare": rare,
    }


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
