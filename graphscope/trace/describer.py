"""Rows of a trace that are no steps: what the numbers of steps stand for, and what a program logs beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphscope.errors import TraceError
from graphscope.trace import codec, schema, squeezed
from graphscope.trace.arrays import Longs

SOURCE_LIMIT = 1 << 20
_NONE = b"\xff\xff\xff\xff"  # -1
GRAPH = "INSERT OR REPLACE INTO graphs VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
SHAPES = "INSERT OR REPLACE INTO shape_sets VALUES (?,?,?)"
# What describes more nodes than this is packed when it is written (``statements``), and not by the thread that adds it.
# Less is packed at once: zlib lets go of Python's lock at every text, and where the writer has many small ones beside a
# running program, each costs both of them several times what it takes.
SMALL = 2000
LARGE_GRAPH = "a large graph"
LARGE_SHAPES = "shapes of a large graph"
NAMES = "UPDATE graphs SET names = ? WHERE id = ?"
PLAN = "UPDATE graphs SET plan = ? WHERE id = ?"
MEDIA = "INSERT INTO media (tag, step, kind, data, wall_ns) VALUES (?,?,?,?,?)"


class Describer:
    """The part of the writer that adds them; the caller chooses all ids."""

    _nodes: dict[int, int]
    """Number of nodes of each graph."""
    _plans: dict[int, bytes]
    """Digests of when memory dies in each graph."""
    _phases: dict[int, bytes]
    """The phase of each node of each graph."""
    _files: set[str]

    def _put(self, sql: str, *row: Any) -> None:
        raise NotImplementedError

    # -- the dictionary ---------------------------------------------------------------------------

    def set_meta(self, key: str, value: Any) -> None:
        self._put("INSERT OR REPLACE INTO meta VALUES (?,?)", key, clean(str(value)))

    def add_string(self, id: int, text: str) -> None:
        self._put("INSERT OR REPLACE INTO strings VALUES (?,?)", id, clean(text))

    def add_op(
        self,
        id: int,
        name: str,
        family: str = "other",
        tex: str = "",
        vjp_tex: Mapping[str, str] | None = None,
        inputs: Sequence[str] = (),
        doc: str = "",
        is_view: bool = False,
    ) -> None:
        family = family if family in schema.FAMILIES else "other"
        row = (id, name, family, tex, json.dumps(dict(vjp_tex or {})), json.dumps(list(inputs)))
        self._put("INSERT OR REPLACE INTO ops VALUES (?,?,?,?,?,?,?,?)", *row, doc, int(is_view))

    def add_site(self, id: int, file: str, line: int, func: str) -> None:
        """A line of the user's program; its file's text is stored once, so it can be shown."""
        self._put("INSERT OR REPLACE INTO sites VALUES (?,?,?,?)", id, clean(file), line, func)
        if file not in self._files:
            self._files.add(file)
            text = _source(file)
            if text is not None:
                self.add_source(file, text)

    def add_source(self, file: str, text: str) -> None:
        self._files.add(file)
        self._put("INSERT OR REPLACE INTO sources VALUES (?,?)", clean(file), clean(text))

    def add_spec(
        self, id: int, shape: Sequence[int], dtype: str, nbytes: int, device: str = "cpu"
    ) -> None:
        dims = json.dumps([int(d) for d in shape])
        row = (id, dims, str(dtype), int(nbytes), str(device))
        self._put("INSERT OR REPLACE INTO specs VALUES (?,?,?,?,?)", *row)

    def add_graph(
        self,
        id: int,
        digest: str,
        kind: str,
        parent: int,
        diverged_at: int,
        nodes: ArrayLike,
        edges: ArrayLike,
        ports: ArrayLike,
        kept: ArrayLike,
        names: ArrayLike | None = None,
        plan: ArrayLike | None = None,
    ) -> None:
        table = np.asarray(nodes, np.int32).reshape(-1, schema.NODE_COLUMNS)
        blobs = [
            None if a is None else codec.raw(np.asarray(a, np.int32))
            for a in (table, edges, ports, kept, names, plan)
        ]
        self.put_graph(id, digest, kind, parent, diverged_at, blobs, phases_of(table))

    def put_graph(
        self, id: int, digest: str, kind: str, parent: int, diverged_at: int, blobs: Sequence[bytes | None], phases: bytes
    ) -> None:  # fmt: skip
        """The same, as raw columns.

        blobs: nodes, edges, ports, kept, and what may be missing: names, plan. phases: ``phases_of`` the nodes.
        """
        *parts, names, plan = blobs
        n = len(phases)
        empty = _NONE * n
        freed = empty if plan is None else plan
        self._nodes[id], self._plans[id], self._phases[id] = n, digest_of(freed), phases
        row = (id, digest, kind, n, parent, diverged_at)
        columns = (*[part or b"" for part in parts], names or empty, freed)
        if n > SMALL:
            self._put(LARGE_GRAPH, *row, *columns)
        else:
            self._put(GRAPH, *row, squeezed.structure(columns), *[b""] * 5)

    def set_names(self, graph: int, names: ArrayLike) -> None:
        self._put(NAMES, codec.raw(np.asarray(names, np.int32)), graph)

    def set_plan(self, graph: int, plan: ArrayLike) -> None:
        """When memory dies in a graph whose first step was not looked at."""
        freed = codec.raw(np.asarray(plan, np.int32))
        self._plans[graph] = digest_of(freed)
        self._put(PLAN, freed, graph)

    def add_shape_set(self, id: int, graph: int, specs: ArrayLike) -> None:
        self.put_shape_set(id, graph, codec.raw(np.asarray(specs, np.int32)))

    def put_shape_set(
        self, id: int, graph: int, specs: bytes, flops: Longs | None = None, traffic: Longs | None = None
    ) -> None:  # fmt: skip
        """The same, as a raw column; with arithmetic operations and bytes moved of each node, where they are known."""
        if len(specs) > 4 * SMALL:
            self._put(LARGE_SHAPES, id, graph, specs, flops, traffic)
        else:
            self._put(SHAPES, id, graph, squeezed.shapes(specs, flops, traffic))

    def add_costs(self, shape_set: int, flops: ArrayLike, traffic: ArrayLike) -> None:
        """The same of a shape set that was added without them."""
        blobs = [codec.pack(np.asarray(a, np.int64), "<i8") for a in (flops, traffic)]
        self._put("INSERT OR REPLACE INTO costs VALUES (?,?,?)", shape_set, *blobs)

    # -- scalars, texts, findings -------------------------------------------------------

    def add_scalar(self, tag: str, step: int, value: float, wall_ns: int = 0) -> None:
        sql = "INSERT INTO scalars (tag, step, value, wall_ns) VALUES (?,?,?,?)"
        self._put(sql, clean(tag), int(step), float(value), int(wall_ns))

    def add_text(self, tag: str, step: int, text: str, wall_ns: int = 0) -> None:
        sql = "INSERT INTO texts (tag, step, text, wall_ns) VALUES (?,?,?,?)"
        self._put(sql, clean(tag), int(step), clean(text), int(wall_ns))

    def add_media(self, tag: str, step: int, kind: str, data: bytes, wall_ns: int = 0) -> None:
        """An image (a PNG file), a histogram (one entry, encoded) or hyperparameters (JSON)."""
        if kind not in schema.MEDIA_KINDS:
            raise TraceError(f"A trace keeps {', '.join(schema.MEDIA_KINDS)}; not {kind!r}.")
        self._put(MEDIA, clean(tag), int(step), kind, bytes(data), int(wall_ns))

    def add_finding(
        self, step: int, rule: str, severity: str, node: int, title: str, data: Mapping[str, Any]
    ) -> None:
        sql = "INSERT INTO findings (step, rule, severity, node, title, data) VALUES (?,?,?,?,?,?)"
        self._put(sql, step, rule, severity, node, clean(title), json.dumps(dict(data)))

    def add_fact(self, graph: int, name: str, data: str) -> None:
        """What the doctor wants to know of a graph and no column of it says: ``data`` is JSON."""
        self._put("INSERT INTO facts (graph, name, data) VALUES (?,?,?)", graph, name, data)

    def set_command_status(self, id: int, status: str) -> None:
        self._put("UPDATE commands SET status = ? WHERE id = ?", status, id)


def digest_of(column: bytes) -> bytes:
    return blake2b(column, digest_size=16).digest()


def phases_of(nodes: NDArray[np.int32]) -> bytes:
    """The phase of each of these rows of nodes, as a byte; one more than there are phases for a copy between devices."""
    copies = len(schema.PHASES)
    phases = np.where(nodes[:, schema.FLAGS] & schema.COPY, copies, nodes[:, schema.PHASE])
    return np.clip(phases, 0, copies).astype(np.int8).tobytes()


def clean(text: str) -> str:
    """Text that SQLite takes: a lone surrogate (an undecodable file name) becomes ``?``."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _source(file: str) -> str | None:
    try:
        path = Path(file)
        if path.stat().st_size >= SOURCE_LIMIT or not path.is_file():
            return None
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None
