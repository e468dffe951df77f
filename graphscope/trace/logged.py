"""What a program logs beside its steps, as a reader gives it: numbers, texts, pictures, findings and facts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from graphscope.trace.dictionary import Dictionary
from graphscope.trace.records import Finding, Floats, Longs, Media


class Logged(Dictionary):
    """The part of a reader that has nothing to do with graphs and steps."""

    def scalars(
        self, tag: str | None = None, since: int = 0
    ) -> dict[str, tuple[Longs, Floats, Longs]]:
        """Per tag (step, value, wall_ns) arrays of the rows with an id above ``since``."""
        rows = self._rows(
            "SELECT tag, step, value, wall_ns FROM scalars"
            " WHERE id > ? AND (? IS NULL OR tag = ?) ORDER BY id",
            since,
            tag,
            tag,
            partial=True,
        )
        table: dict[str, list[tuple[int, float, int]]] = {}
        for name, step, value, wall in rows:
            number = np.nan if value is None else value
            table.setdefault(str(name), []).append((step, number, wall))
        with self._decoding("the scalars"):
            return {
                name: (
                    np.array([row[0] for row in group], np.int64),
                    np.array([row[1] for row in group], np.float64),
                    np.array([row[2] for row in group], np.int64),
                )
                for name, group in table.items()
            }

    def texts(self, tag: str | None = None, since: int = 0) -> list[tuple[str, int, str, int]]:
        """(tag, step, text, wall_ns), oldest first."""
        sql = "SELECT tag, step, text, wall_ns FROM texts WHERE id > ? AND (? IS NULL OR tag = ?)"
        rows = self._rows(sql + " ORDER BY id", since, tag, tag, partial=True)
        with self._decoding("the texts"):
            return [(str(t), int(s), str(x), int(w)) for t, s, x, w in rows]

    def media(self, kind: str | None = None, tag: str | None = None, since: int = 0) -> list[Media]:
        """What the program logged beside numbers and texts, oldest first."""
        rows = self._rows(
            "SELECT id, tag, step, kind, data, wall_ns FROM media"
            " WHERE id > ? AND (? IS NULL OR kind = ?) AND (? IS NULL OR tag = ?) ORDER BY id",
            since,
            kind,
            kind,
            tag,
            tag,
            partial=True,
        )
        with self._decoding("the media"):
            return [
                Media(int(id), str(t), int(s), str(k), bytes(data), int(w))
                for id, t, s, k, data, w in rows
            ]

    def media_list(self, kind: str | None = None) -> list[tuple[int, str, int, str, int]]:
        """(id, tag, step, kind, wall_ns) of the media without their data, oldest first."""
        rows = self._rows(
            "SELECT id, tag, step, kind, wall_ns FROM media WHERE (? IS NULL OR kind = ?) ORDER BY id",
            kind,
            kind,
            partial=True,
        )
        with self._decoding("the list of media"):
            return [(int(i), str(t), int(s), str(k), int(w)) for i, t, s, k, w in rows]

    def medium(self, id: int) -> Media | None:
        """One of the media by its id; None when there is none."""
        row = self._one("SELECT id, tag, step, kind, data, wall_ns FROM media WHERE id = ?", id)
        if row is None:
            return None
        with self._decoding(f"media {id}"):
            number, tag, step, kind, data, wall = row
            return Media(int(number), str(tag), int(step), str(kind), bytes(data), int(wall))

    def facts(self, since: int = 0) -> list[tuple[int, int, str, Any]]:
        """(id, graph, name, data) of what was noted of graphs beside their columns, oldest first."""
        if self._one("SELECT 1 FROM sqlite_master WHERE name = 'facts'") is None:
            return []  # a file from before that table
        rows = self._rows(
            "SELECT id, graph, name, data FROM facts WHERE id > ? ORDER BY id", since, partial=True
        )
        with self._decoding("the facts of a graph"):
            return [(int(i), int(g), str(name), json.loads(data)) for i, g, name, data in rows]

    def findings(self, since: int = 0) -> list[Finding]:
        rows = self._rows("SELECT * FROM findings WHERE id > ? ORDER BY id", since, partial=True)
        with self._decoding("the findings"):
            return [
                Finding(
                    int(id),
                    number(step),
                    str(rule),
                    str(severity),
                    number(node),
                    str(title),
                    dict(json.loads(data)),
                )
                for id, step, rule, severity, node, title, data in rows
            ]


def number(x: Any) -> int:
    """An integer that a trace may hold; sums of some of them fit 64 bits."""
    if abs(number := int(x)) >= 1 << 60:
        raise ValueError(f"{x} is out of range")
    return number
