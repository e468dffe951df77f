"""What happened during a training, as marks on its curves: settings that changed, pauses, findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.analysis.rates import Rates, changed_at, words
from graphscope.webapp.queries.scalars import is_loss

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphscope.trace.reader import TraceReader
    from graphscope.webapp.queries.scalars import Series

MOST = 60
_RATE = {"lr", "learning_rate", "learning-rate"}
Event = tuple[int, str, str]
"""Step, kind (finding, control, lr, note), text."""


def events_of(
    reader: TraceReader,
    series: Mapping[str, Series],
    findings: Iterable[Any] = (),
    rates: Rates | None = None,
) -> list[Event]:
    """By step, the first ``MOST``. ``findings`` are the doctor's, ``rates`` those that the recorder saw.

    Where the program logged its learning rate too, a change that both tell is told as the program does.
    """
    found: list[Event] = []
    for finding in findings:
        if (
            finding.kind == "train"
            and finding.first_step >= 0
            and finding.on in ("steps", "values")
        ):
            found.append((finding.first_step, "finding", units.clip(finding.title, 120)))
    for noted in reader.findings():
        if noted.step < 0:
            continue
        kind = "control" if noted.rule.startswith("control") else "finding"
        text = str(noted.data.get("text") or noted.title)
        found.append((noted.step, kind, units.clip(text, 120)))
    for _, step, text, _ in reader.texts("event"):
        found.append((step, "note", units.clip(text, 120)))
    seen = (rates or Rates()).read(reader)
    own, logged = seen.series(), set[str]()
    for tag, (steps, values, _) in series.items():
        if tag.casefold().split("/")[-1] not in _RATE or is_loss(tag):
            continue
        if tag not in own or tag in reader.tags():  # else it is a curve of the recorder's
            found += changes(tag, steps, values)
            logged |= {words(values[k - 1], values[k]) for k in changed_at(steps, values)}
    found += [(j.step, "lr", j.text) for j in seen.jumps() if j.words not in logged]
    unique = dict.fromkeys(sorted(found, key=lambda e: (e[0], e[1], e[2])))
    return list(unique)[:MOST]


def changes(tag: str, steps: Any, values: Any) -> list[Event]:
    """The steps at which a rate became another one; of one that changes all the time those that stick out.

    >>> import numpy as np
    >>> changes("lr", np.array([0, 1, 2]), np.array([0.1, 0.1, 0.01]))
    [(2, 'lr', 'lr 0.1 to 0.01')]
    """
    name = units.clip(tag, 40)
    return [
        (int(steps[k]), "lr", f"{name} {words(values[k - 1], values[k])}")
        for k in changed_at(steps, values)
    ]


def origin_of(reader: TraceReader, findings: Iterable[Any]) -> tuple[int, str] | None:
    """The step and the op in which the numbers stopped being finite, once the doctor knows."""
    for finding in findings:
        if finding.id == "nonfinite" and finding.nodes and finding.nodes[0] >= 0:
            graph = reader.graph(finding.graph)
            if finding.nodes[0] < graph.n:
                return finding.first_step, units.clip(graph.op_name(finding.nodes[0]), 24)
    return None
