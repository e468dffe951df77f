"""What the integers of a trace mean: its own tables of texts, ops, source lines and shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from graphscope.trace.records import OpInfo, Site, Spec
from graphscope.trace.rows import Rows


class Dictionary(Rows):
    """Looks ids up. Each table is read whole at the first miss: it is small, and a view asks for
    most of it. An id that is not there has an answer too, so that the rest can be shown."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._strings: dict[int, str] = {}
        self._ops: dict[int, OpInfo] = {}
        self._sites: dict[int, Site] = {}
        self._specs: dict[int, Spec] = {}

    def string(self, id: int) -> str:
        if id not in self._strings:
            rows = self._rows("SELECT id, text FROM strings", partial=True)
            self._strings.update((key, str(text)) for key, text in rows)
        return self._strings.get(id, "")

    def op(self, id: int) -> OpInfo:
        if id not in self._ops:
            for row in self._rows("SELECT * FROM ops", partial=True):
                with self._decoding(f"the op {row[1]}"):
                    key, name, family, tex, vjp, inputs, doc, is_view = row
                    texts = (str(name), str(family), str(tex), dict(json.loads(vjp)))
                    rest = (list(json.loads(inputs)), str(doc), bool(is_view))
                    self._ops[key] = OpInfo(key, *texts, *rest)
        return self._ops.get(id) or OpInfo(id, f"op {id}", "other", "", {}, [], "", False)

    def site(self, id: int) -> Site | None:
        if id not in self._sites and id >= 0:
            for key, file, line, func in self._rows("SELECT * FROM sites", partial=True):
                with self._decoding("a source line"):
                    self._sites[key] = Site(str(file), int(line), str(func))
        return self._sites.get(id)

    def spec(self, id: int) -> Spec:
        if id not in self._specs:
            for key, dims, dtype, nbytes, device in self._rows("SELECT * FROM specs", partial=True):
                with self._decoding("a shape"):
                    sizes = tuple(int(d) for d in json.loads(dims))
                    self._specs[key] = Spec(key, sizes, str(dtype), _bytes(nbytes), str(device))
        return self._specs.get(id) or Spec(id, (), "?", 0, "?")

    def sources(self) -> list[str]:
        """The files whose text is in the trace."""
        rows = self._rows("SELECT file FROM sources ORDER BY file", partial=True)
        return [str(file) for (file,) in rows]

    def source(self, file: str) -> str | None:
        """The text of a source file as it was when it ran."""
        row = self._one("SELECT text FROM sources WHERE file = ?", file)
        return None if row is None else str(row[0])


def _bytes(n: Any) -> int:
    """A tensor's size; those of a graph can be added up."""
    if not 0 <= int(n) < 1 << 48:
        raise ValueError(f"{n} bytes")
    return int(n)
