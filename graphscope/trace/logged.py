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
        sql = (
            # A tag as bytes: a text of each row would cost as much as the rest of it.
            "SELECT CAST(tag AS BLOB), step, value, wall_ns FROM scalars"
            " WHERE id > ? AND (? IS NULL OR tag = ?) ORDER BY id"
        )
        places: dict[bytes | None, int] = {}
        parts: list[tuple[Longs, Longs, Floats, Longs]] = []

        def take(rows: list[tuple[Any, ...]]) -> None:
            tags, step, value, wall = zip(*rows, strict=True)
            place = np.array([places.setdefault(tag, len(places)) for tag in tags], np.int64)
            numbers = np.array(value, np.float64)  # None becomes NaN
            parts.append((place, np.array(step, np.int64), numbers, np.array(wall, np.int64)))

        with self._decoding("the scalars"):
            if not self._batches(take, 4_096, sql, since, tag, tag):
                parts.clear()
                rows = self._rows(sql, since, tag, tag, partial=True)
                if rows:
                    take(rows)
            if not parts:
                return {}
            place, *columns = (np.concatenate(column) for column in zip(*parts, strict=True))
            order = np.argsort(place, kind="stable")
            ends = np.cumsum(np.bincount(place, minlength=len(places)))[:-1]
            step, value, wall = (np.split(column[order], ends) for column in columns)
            found: dict[str, tuple[Longs, Floats, Longs]] = {}
            for name, *group in zip(places, step, value, wall, strict=True):
                if len(group[0]):
                    text = "None" if name is None else name.decode("utf-8", "replace")
                    found[text] = (group[0], group[1], group[2])
            return found

    def tags(self) -> list[str]:
        """The tags of the numbers, by their names; found without reading the numbers.

        Raises: TraceError where their index is damaged.
        """
        sql = (  # from one tag to the next along their index
            "WITH RECURSIVE t(x) AS (SELECT min(tag) FROM scalars UNION ALL"
            " SELECT (SELECT min(tag) FROM scalars WHERE tag > x) FROM t WHERE x IS NOT NULL)"
            " SELECT CAST(x AS BLOB) FROM t WHERE x IS NOT NULL"
        )
        rows = self._rows(sql)
        with self._decoding("the tags"):
            return [tag.decode("utf-8", "replace") for (tag,) in rows]

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

    def facts(self, since: int = 0, name: str | None = None) -> list[tuple[int, int, str, Any]]:
        """(id, graph, name, data) of what was noted of graphs beside their columns, oldest first; name: of one kind."""
        if self._one("SELECT 1 FROM sqlite_master WHERE name = 'facts'") is None:
            return []  # a file from before that table
        sql = "SELECT id, graph, name, data FROM facts WHERE id > ? AND coalesce(? = name, 1) ORDER BY id"
        rows = self._rows(sql, since, name, partial=True)
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
