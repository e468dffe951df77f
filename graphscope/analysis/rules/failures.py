"""What stops a training, or makes all that follows worthless: an exception, a number that is not finite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from graphscope.analysis.rules.case import Case
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.trail import Trail, trail, trails
from graphscope.trace import schema
from graphscope.trace.records import Site


def failed(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """The program ended with an exception: the op that it came from, and what that was given."""
    if case.header.get("state") != "failed":
        return
    error = case.header.get("error", "an exception")
    file, line = case.header.get("error_file"), case.header.get("error_line", "0")
    site = (
        Site(file, int(line), case.header.get("error_func", ""))
        if file and line.isdigit()
        else None
    )
    for kind in ("train", "eval"):
        table = case.steps(kind)
        if not len(table) or table.status[-1] != "failed":
            continue
        num, id = int(table.num[-1]), int(table.graph[-1])
        wires = case.wires(id)
        step = case.reader.step(num, kind)
        at = [i for i in range(len(wires)) if wires.flags[i] & schema.FAILED]
        shown = tuple(at[-1:]) + tuple(wires.inputs(at[-1]) if at else ())
        told = (
            f" It was raised by {step.note}." if step.note and at and step.note not in error else ""
        )
        yield Hit(
            num, f"{error}{'' if error.endswith('.') else '.'}{told}", {"error": error, "note": step.note or ""}, id,
            shown, site or wires.site(*at[-1:]), kind=kind,
        )  # fmt: skip
        return
    yield Hit(-1, error, {"error": error}, site=site)


def nonfinite(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """The first loss or gradient that was not finite, followed back to the op where it began."""
    for kind in ("train", "eval"):
        noted = [t for t in trails(case.reader) if t.kind == kind]
        bad = case.steps(kind)
        nums = bad.num[bad.nonfinite]
        first = noted[0] if noted else trail(case.reader, None, kind) if len(nums) else None
        if first is None:
            continue
        finite = bad.loss[: int(np.searchsorted(bad.num, first.step))]
        before = finite[np.isfinite(finite)]
        detail = first.why or first.note
        said = f"The {first.what} of {kind} step {first.step} is not finite"
        said += f": {_sentence(first)}{detail}" if detail else ""
        yield Hit(
            first.step, said if said.endswith(".") else f"{said}.",
            {
                "step": first.step, "what": first.what, "phase": first.phase, "op": first.op,
                "inputs": [dict(i) if i else None for i in first.inputs],
                "output": dict(first.output) if first.output else None, "nonfinite_steps": len(nums),
                "last_finite_loss": float(before[-1]) if len(before) else None,
            },
            first.graph, _nodes(first), first.site, kind=kind,
        )  # fmt: skip


def _sentence(found: Trail) -> str:
    return f"{found.op} " if found.op and not found.why.startswith(found.op) and found.why else ""


def _nodes(found: Trail) -> tuple[int, ...]:
    return tuple(dict.fromkeys(v for v in (found.node, *found.path) if v is not None))


RULES = (
    Rule(
        "failed", "The program stopped with an exception", "error", "structure",
        "The graph of the last step ends at the op that could not be computed; what it was given is drawn with it.",
        "Look at the shapes and values that go into the op above.",
        failed, source="the exception", link="https://docs.pytorch.org/docs/stable/notes/faq.html", on="run",
        lasting=True,
    ),
    Rule(
        "nonfinite", "The loss or a gradient is not finite", "error", "training",
        "From here on every number that depends on it is NaN or infinite; an update with such a gradient destroys the "
        "parameters for good.",
        "Keep the op named above away from where it is not defined (log(x + eps), a clamp, the version of a loss that "
        "takes logits); if gradients grew before it: clip them, or lower the learning rate.",
        nonfinite, source="SageMaker ExplodingTensor; earliest op with finite inputs and a non-finite output",
        link="https://docs.pytorch.org/docs/stable/notes/numerical_accuracy.html", on="run", lasting=True,
    ),
)  # fmt: skip
