"""The result of running one function on several devices or in several dtypes: times, transfers, numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from graphscope import units
from graphscope.analysis.comparison import SAME, Comparison, Side
from graphscope.analysis.numeric import NodeDifference, table
from graphscope.analysis.tabular import Tabular, nanoseconds, plain, printable, text_table


@dataclass
class Variant:
    """One way to run the function. Times are nanoseconds of a whole call, forward and backward.

    p25, p50, p75: of ``repeats`` calls. verdict: against the first variant; faster or slower only where the
    middle halves do not overlap. speedup: time of the first over the time of this. transfers: copies between
    devices in one call, ``transferred`` their bytes. waits: how often a call waited for the device.
    clock: whose clock the times of the ops are from, ``device`` or ``host``.
    """

    name: str
    device: str
    dtype: str
    p25: float
    p50: float
    p75: float
    repeats: int
    verdict: str
    speedup: float
    transfers: int
    transferred: int
    waits: float
    clock: str


@dataclass
class SizeRow:
    """The whole call at one size: per variant its time, and whether it beats the first variant."""

    size: float
    times: dict[str, float]
    verdicts: dict[str, str]


@dataclass
class Versus:
    """One variant (B) against the first (A): time per op, and numbers per node in the order of computing."""

    name: str
    ops: Comparison
    numbers: list[NodeDifference]
    first_divergent: NodeDifference | None
    """The first node whose difference rounding does not explain; None when all agree."""
    alone: list[str]
    """Nodes that only one of the two computed (copies between devices are not counted)."""


@dataclass
class DeviceComparison(Tabular):
    """``graphscope.compare(fn, inputs)``: print it, or take its parts."""

    function: str
    variants: list[Variant]
    against: list[Versus]
    sizes: list[SizeRow] = field(default_factory=list)
    crossover: dict[str, float | None] = field(default_factory=dict)
    """Per variant the size from which on it is faster than the first; None: not within these sizes."""

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON; NaN becomes None."""
        return {
            "function": self.function, "variants": [plain(v) for v in self.variants],
            "against": [
                {
                    "name": v.name, "ops": v.ops.to_dict(), "numbers": plain(v.numbers),
                    "first_divergent": plain(v.first_divergent), "alone": v.alone,
                }
                for v in self.against
            ],
            "sizes": plain(self.sizes), "crossover": plain(self.crossover),
        }  # fmt: skip

    def columns(self) -> list[str]:
        return [f.name for f in fields(Variant)]

    def table(self, row_limit: int = 12, width: int = 120) -> str:
        """All of it as text."""
        times = nanoseconds(t for v in self.variants for t in (v.p25, v.p50, v.p75))
        rows = [
            [
                v.name, times[3 * k + 1], f"{times[3 * k]} to {times[3 * k + 2]}",
                "" if not k else units.number(v.speedup), "" if not k else v.verdict,
                f"{v.transfers} ({units.bytes_(v.transferred)})" if v.transfers else "0", units.number(v.waits),
            ]
            for k, v in enumerate(self.variants)
        ]  # fmt: skip
        head = ["", "a call", "middle half", "speed-up", "verdict", "transfers", "waits"]
        calls = self.variants[0].repeats
        lines = [f"{printable(self.function)}, {calls} call{'' if calls == 1 else 's'} each", ""]
        lines += text_table(head, rows, width, ("waits", "middle half"), left=("verdict",))
        for one in self.against:
            # The whole call stands above, unrecorded.
            lines += ["", one.ops.table(row_limit, width, whole=False), *self._clock(one)]
            lines += ["", *numbers_text(one, row_limit, width)]
        if self.sizes:
            lines += ["", *self._sizes(width)]
        return "\n".join(lines)

    def _clock(self, one: Versus) -> list[str]:
        """Say so where the ops of a device could only be timed from the host."""
        lines = []
        for v in (self.variants[0], *(v for v in self.variants if v.name == one.name)):
            if v.device != "cpu" and v.clock == "host":
                lines.append(
                    f"The ops of {v.name} are timed on the host: what issuing them took, not what they took."
                )
        return lines

    def _sizes(self, width: int) -> list[str]:
        first = self.variants[0].name
        names = [v.name for v in self.variants]
        times = nanoseconds(row.times[name] for row in self.sizes for name in names)
        rows = [
            [
                units.number(row.size), *times[k * len(names) : (k + 1) * len(names)],
                *(row.verdicts[name] for name in names[1:]),
            ]
            for k, row in enumerate(self.sizes)
        ]  # fmt: skip
        verdicts = [f"{name} is" for name in names[1:]]
        lines = text_table(["size", *names, *verdicts], rows, width, left=verdicts)
        for name, size in self.crossover.items():
            if size is None:
                lines.append(f"{name} does not become faster than {first} within these sizes.")
            else:
                lines.append(
                    f"{name} is faster than {first} from about size {units.number(size)} on."
                )
        return lines

    def __iter__(self) -> Iterator[Variant]:
        return iter(self.variants)

    def __len__(self) -> int:
        return len(self.variants)

    def __str__(self) -> str:
        return self.table()


def numbers_text(one: Versus, row_limit: int, width: int) -> list[str]:
    """Where the numbers of two variants differ, in words and as a table of the largest differences."""
    many = len(one.numbers)
    compared = f"{units.count(many)} values and gradients" if many > 1 else "one value"
    apart = one.first_divergent
    if not one.numbers:
        return ["No number could be compared: the variants compute different nodes."]
    if apart is None:
        every = f"all {compared}" if many > 1 else f"the {compared}"
        lines = [f"The numbers agree in {every}, up to rounding."]
    else:
        where = f" ({apart.line})" if apart.line else ""
        lines = [f"Of {compared}, the first that differs is {apart.name}{where}."]
    if any(d.max_abs for d in one.numbers):
        lines += table(one.numbers, row_limit, width)
    if one.alone:
        few = ", ".join(printable(key.replace("|", " ")) for key in one.alone[:6])
        lines.append(f"Computed by one of them only: {few}")
    return lines


def side_of(times: Sequence[float]) -> Side:
    """Quartiles of whole calls."""
    low, middle, high = (float(q) for q in np.percentile(times, (25, 50, 75)))
    return Side(1, 0, low, middle, high, len(times))


def crossover(
    sizes: Sequence[float], a: Sequence[float], b: Sequence[float], verdicts: Sequence[str]
) -> float | None:
    """The size from which on ``b`` takes less time than ``a``, to the largest; None when it does not.

    Between two sizes both times are taken as powers of the size (straight in a logarithmic plot). The largest
    size must show a difference by its spread, else nothing is claimed.

    >>> round(crossover([10, 1000], [1, 100], [10, 10], ["slower", "faster"]))
    100
    """
    order = np.argsort(np.asarray(sizes, float))
    x = np.asarray(sizes, float)[order]
    gap = np.log(np.asarray(b, float)[order]) - np.log(np.asarray(a, float)[order])
    if gap[-1] >= 0 or verdicts[int(order[-1])] == SAME:
        return None
    above = np.flatnonzero(gap >= 0)
    if not len(above):
        return float(x[0])
    k = int(above[-1])
    at = gap[k] / (gap[k] - gap[k + 1])
    return float(np.exp(np.log(x[k]) + at * (np.log(x[k + 1]) - np.log(x[k]))))
