"""The dictionary of a graph that was never written to a file."""

from __future__ import annotations

from typing import Any

from graphscope.record.formulas import gradient_formulas
from graphscope.trace import records


class MemoryTrace:
    """A graph in memory that answers like a trace reader: strings, ops, specs and sites."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._ops: list[Any] = []
        self._op_ids: dict[Any, int] = {}
        self._specs: list[Any] = []

    def string(self, id: int) -> str:
        """A text by its id."""
        return self._texts[id]

    def op(self, id: int) -> records.OpInfo:
        """An op by its id."""
        found: records.OpInfo = self._ops[id]
        return found

    def spec(self, id: int) -> records.Spec:
        """Shape, dtype and bytes by id."""
        found: records.Spec = self._specs[id]
        return found

    def site(self, id: int) -> records.Site | None:
        """The tape keeps no source lines."""
        return None

    def intern(self, text: str) -> int:
        """The id of a new text."""
        self._texts.append(text)
        return len(self._texts) - 1

    def op_id(self, row: Any) -> int:
        """The id of an op row."""
        found = self._op_ids.get(row)
        if found is None:
            found = self._op_ids[row] = len(self._ops)
            formulas = gradient_formulas(row)
            self._ops.append(
                records.OpInfo(
                    found,
                    row.name,
                    row.family,
                    row.tex,
                    formulas,
                    list(row.inputs),
                    row.doc,
                    row.view,
                )
            )
        return found

    def spec_id(self, array: Any) -> int:
        """The id of an array's shape and dtype; -1 for an array that is not known."""
        if array is None:
            return -1
        size = int(array.size) * array.dtype.itemsize
        self._specs.append(
            records.Spec(len(self._specs), tuple(array.shape), array.dtype.name, size, "cpu")
        )
        return len(self._specs) - 1
