"""How wide a text is, and what may be drawn of it.

One pair of font files serves for measuring and for PDF and PNG, so a figure looks the same
everywhere and no text can vanish for want of a font: Bitstream Vera, which comes with reportlab.
It has the signs of our numbers (− × ± · ∂ µ — …) but no Greek, arrows or subscripts; those are
spelled out in PDF and PNG (``spelled``), because the only alternative by pip with full coverage is
a plotting library of 50 MB. SVG keeps the original text and asks for better fonts first; Vera is
wider than all of them, so what fits here fits there.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path

FAMILY = "Bitstream Vera Sans"
SANS_STACK = (
    "Inter, 'DejaVu Sans', 'Bitstream Vera Sans', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
)
MONO_STACK = "'JetBrains Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace"
MONO_ADVANCE = 0.602
ELLIPSIS = "\u2026"
LONGEST = 400

_SPELLINGS = {
    "\u2192": "->",
    "\u2190": "<-",
    "\u2207": "grad ",
    "\u2016": "||",
    "\u27e8": "<",
    "\u27e9": ">",
    "\u1d40": "T",
    "\u208b": "-",
    "\u2032": "'",
}
# Marks that turn the direction of the text around them: a name must not rearrange its neighbours.
_TURNERS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def font_file(bold: bool = False) -> Path:
    """The font file that measures, and that PDF and PNG embed."""
    import reportlab

    return Path(reportlab.__file__).parent / "fonts" / ("VeraBd.ttf" if bold else "Vera.ttf")


@lru_cache(maxsize=2)
def _advances(bold: bool) -> dict[int, float]:
    from reportlab.pdfbase.ttfonts import TTFontFile

    widths = TTFontFile(str(font_file(bold))).charWidths
    return {int(char): float(w) / 1000 for char, w in widths.items()}


def covered(char: str) -> bool:
    """Whether the font file has a glyph for a character."""
    return ord(char) in _advances(False)


@lru_cache(maxsize=16384)
def width(text: str, size: float, bold: bool = False, mono: bool = False) -> float:
    """Width in px; for mono text the wider of the mono font and the font that PDF and PNG use."""
    advances = _advances(bold)
    if mono:
        return max(width(text, size, bold), len(text) * MONO_ADVANCE * size)
    total = 0.0
    for char in text:
        known = advances.get(ord(char))
        if known is None:
            wide = 1.0 if unicodedata.east_asian_width(char) in "WF" else 0.75
            known = max(wide, sum(advances.get(ord(c), wide) for c in _spell(char)))
        total += known
    return total * size


def clean(text: str) -> str:
    """Text without control characters and direction marks, cut in the middle when absurdly long."""
    if len(text) > LONGEST:
        text = text[: LONGEST // 2] + ELLIPSIS + text[-LONGEST // 2 :]
    kept = (" " if char in "\n\r\t" else char for char in text)
    return "".join(
        char for char in kept if char not in _TURNERS and unicodedata.category(char)[0] != "C"
    )


def fit(text: str, size: float, room: float, bold: bool = False, mono: bool = False) -> str:
    """The text, shortened in its middle until it fits ``room`` px (names differ at their ends)."""
    text = clean(text)
    if width(text, size, bold, mono) <= room:
        return text
    low, high = 0, len(text) - 1
    while low < high:
        keep = (low + high + 1) // 2
        if width(_cut(text, keep), size, bold, mono) <= room:
            low = keep
        else:
            high = keep - 1
    return _cut(text, low)


def _cut(text: str, keep: int) -> str:
    head = (keep + 1) // 2
    return text[:head] + ELLIPSIS + text[len(text) - (keep - head) :]


def spelled(text: str) -> str:
    """The text with what the font file lacks written out: ``α`` as ``alpha``, ``₁`` as ``1``."""
    return "".join(char if covered(char) else _spell(char) for char in text)


def _spell(char: str) -> str:
    if char in _SPELLINGS:
        return _SPELLINGS[char]
    name = unicodedata.name(char, "")
    if name.startswith("GREEK"):
        word = name.rpartition("LETTER ")[2].partition(" ")[0].lower()
        return word.capitalize() if "CAPITAL" in name else word
    plain = unicodedata.normalize("NFKD", char)
    kept = "".join(c for c in plain if c != char and covered(c))
    if kept and unicodedata.decomposition(char).startswith("<super>"):
        return f"^{kept}"
    return kept or "?"
