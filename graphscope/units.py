"""The one place where a number becomes text.

Every page, table, figure and message formats its numbers here, so that one value never shows in two
notations. Three significant digits; integers below a million in full with commas; plain notation
for ``1e-3 <= |x| < 1e4`` and powers of ten outside; a true minus sign on screen. Pass
``ascii=True`` for text that will be copied into code. Full precision belongs in a hover text: use
``exact``.

    >>> number(0.3312), bytes_(7_654_321), ns(1_234_567), share(0.152)
    ('0.331', '7.30 MiB', '1.23 ms', '15.2 %')
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from typing import SupportsFloat

MINUS = "\u2212"
MISSING = "\u2014"
TIMES = "\u00d7"

# From how many nanoseconds on a duration is told in it, its name, its size.
_LONG = ((172_800e9, "days", 86_400e9), (7_200e9, "h", 3_600e9), (600e9, "min", 60e9))
_TIME = (("s", 1e9), ("ms", 1e6), ("\u00b5s", 1e3), ("ns", 1.0))
_BYTES = (("GiB", float(2**30)), ("MiB", float(2**20)), ("KiB", 1024.0), ("B", 1.0))
_DECIMAL = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0))


def number(x: SupportsFloat | None, digits: int = 3, ascii: bool = False) -> str:
    """A value, mean, norm or any other real number.

    >>> number(0.33125), number(-12.3456), number(8.7e-4), number(6e26)
    ('0.331', '−12.3', '8.70e−4', '6.00e26')
    >>> number(0), number(-0.0), number(float("nan")), number(float("-inf")), number(None)
    ('0', '0', 'NaN', '−Inf', '—')
    >>> number(120000), number(1234567), number(250.0), number(9999.6), number(0.00099999)
    ('120,000', '1.23e6', '250', '1.00e4', '1.00e−3')
    >>> number(2.30258, digits=4), number(-8.7e-4, ascii=True)
    ('2.303', '-8.70e-4')
    """
    if x is None:
        return "-" if ascii else MISSING
    if isinstance(x, numbers.Integral) and abs(int(x)) < 1_000_000:
        text = f"{int(x):,}"
    else:
        text = _real(float(x), digits)
    return text if ascii else text.replace("-", MINUS)


def _real(x: float, digits: int) -> str:
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "+Inf" if x > 0 else "-Inf"
    if x == 0:
        return "0"
    # The rounded value decides the notation, so that 9999.6 does not become "10000".
    mantissa, exponent_text = f"{x:.{digits - 1}e}".split("e")
    exponent = int(exponent_text)
    if -3 <= exponent < 4 and abs(x) >= 1e-3:
        if x == int(x) and exponent >= digits - 1:
            return f"{int(x):,}"
        return f"{x:,.{max(digits - 1 - exponent, 0)}f}"
    return f"{mantissa}e{exponent}"


def loss(x: SupportsFloat | None, ascii: bool = False) -> str:
    """A loss: four significant digits.

    >>> loss(2.302585), loss(None)
    ('2.303', '—')
    """
    return number(x, 4, ascii)


def exact(x: SupportsFloat | None) -> str:
    """Full precision in ASCII, for hover texts and copies: what ``repr`` of a float gives.

    >>> exact(0.1), exact(None)
    ('0.1', '-')
    """
    return "-" if x is None else repr(float(x))


def spread(mean: SupportsFloat | None, std: SupportsFloat | None, ascii: bool = False) -> str:
    """Mean and standard deviation as they stand on a card.

    >>> spread(0.3312, 0.4921), spread(None, None)
    ('0.331 ± 0.492', '—')
    """
    if mean is None or std is None:
        return number(mean, ascii=ascii)
    sign = "+-" if ascii else "\u00b1"
    return f"{number(mean, ascii=ascii)} {sign} {number(std, ascii=ascii)}"


def count(n: SupportsFloat | None) -> str:
    """A number of things: in full below a million, then k, M, G.

    >>> count(999_999), count(1_234_567), count(0), count(None)
    ('999,999', '1.23 M', '0', '—')
    """
    if n is None:
        return MISSING
    value = float(n)
    if not math.isfinite(value) or (abs(value) < 1e6 and value == int(value)):
        return number(int(value) if math.isfinite(value) else value)
    return _scaled(value, _DECIMAL, "")


def flops(n: SupportsFloat | None, unit: str | None = None) -> str:
    """Floating point operations.

    >>> flops(1_234_567), flops(950), flops(2e9)
    ('1.23 MFLOP', '950 FLOP', '2.00 GFLOP')
    """
    return MISSING if n is None else _scaled(float(n), _DECIMAL, "FLOP", unit)


def bytes_(n: SupportsFloat | None, unit: str | None = None) -> str:
    """Bytes in powers of 1024. Give ``unit`` to hold one unit through a column.

    >>> bytes_(512), bytes_(2048), bytes_(7_654_321), bytes_(3 * 2**30), bytes_(-2048)
    ('512 B', '2.00 KiB', '7.30 MiB', '3.00 GiB', '−2.00 KiB')
    >>> bytes_(1536, unit="MiB"), bytes_(0), bytes_(1023 * 1024 + 1023), bytes_(2**30), bytes_(1024)
    ('0.00146 MiB', '0 B', '1.00 MiB', '1.00 GiB', '1.00 KiB')
    """
    return MISSING if n is None else _scaled(float(n), _BYTES, "", unit)


def ns(n: SupportsFloat | None, unit: str | None = None) -> str:
    """A duration given in nanoseconds.

    >>> ns(12), ns(3_400), ns(1_234_567), ns(2.5e9), ns(1_500, unit="ms"), ns(0)
    ('12 ns', '3.40 µs', '1.23 ms', '2.50 s', '0.00150 ms', '0 ns')
    >>> ns(599e9), ns(2_000e9), ns(20_000e9), ns(300_000e9)
    ('599 s', '33.3 min', '5.56 h', '3.47 days')
    """
    if n is None:
        return MISSING
    value = float(n)
    if unit is None and math.isfinite(value):
        for least, name, size in _LONG:
            if abs(value) >= least:
                return f"{number(value / size)} {name}"
    return _scaled(value, _TIME, "", unit)


def unit_of(values: Iterable[SupportsFloat | None], kind: str = "ns") -> str:
    """The one unit for a column of numbers: the unit of its largest.

    >>> unit_of([1200, 3_400_000]), unit_of([10, 2048], "bytes"), unit_of([])
    ('ms', 'KiB', 'ns')
    """
    table = {"ns": _TIME, "bytes": _BYTES, "flops": _DECIMAL}[kind]
    finite = [abs(float(v)) for v in values if v is not None and math.isfinite(float(v))]
    return _pick(max(finite, default=0.0), table)[0]


def share(f: SupportsFloat | None) -> str:
    """A fraction of a whole in percent.

    >>> share(0.1523), share(0.0004), share(0), share(1), share(0.004), share(None)
    ('15.2 %', '<0.1 %', '0 %', '100 %', '0.4 %', '—')
    """
    if f is None:
        return MISSING
    percent = 100 * float(f)
    if not math.isfinite(percent) or percent == 0:
        return MISSING if not math.isfinite(percent) else "0 %"
    if 0 < percent < 0.1:
        return "<0.1 %"
    if percent == 100 or abs(percent) >= 1e4:
        return f"{number(int(percent) if percent == 100 else percent)} %"
    return f"{percent:.1f} %".replace("-", MINUS)


def shape(dims: Sequence[int]) -> str:
    """A tensor's shape; a 0-d tensor is a scalar.

    >>> shape((64, 16)), shape((5,)), shape(())
    ('64×16', '5', 'scalar')
    """
    return TIMES.join(str(d) for d in dims) if len(dims) else "scalar"


def clip(text: str, width: int) -> str:
    """Shorten a name in its middle, where names differ least.

    >>> clip("encoder.layers.attention", 12), clip("relu", 12)
    ('encod…tention', 'relu')
    """
    if len(text) <= width + 1:
        return text
    left = (width - 1) // 2
    return f"{text[:left]}\u2026{text[len(text) - (width - left) :]}"


def _pick(size: float, table: Sequence[tuple[str, float]]) -> tuple[str, float]:
    # The rounded size decides, so that 999.9 us is "1.00 ms" and not "1,000 us"; but 1024 is rounded down, and 2**30.
    size = max(size, float(f"{size:.2e}"))
    for name, factor in table:
        if size >= factor:
            return name, factor
    return table[-1]


def _scaled(
    value: float, table: Sequence[tuple[str, float]], suffix: str, unit: str | None = None
) -> str:
    if not math.isfinite(value):
        return number(value)
    name, factor = _pick(abs(value), table)
    if unit is not None:
        name, factor = next(row for row in table if row[0] == unit)
    scaled = value / factor
    text = number(int(scaled) if scaled == int(scaled) and factor == 1.0 else scaled)
    return f"{text} {name}{suffix}".rstrip()
