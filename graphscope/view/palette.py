"""Every colour of GraphScope, once: the page, the figures and the charts take theirs from here.

The values were checked by computation for three kinds of colour blindness, for greyscale and for
text contrast; change one only together with that check. Three themes: ``light``, ``dark``, and
``print`` (light on pure white, darker lines, for paper and beamers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from graphscope.errors import UsageError

FAMILY_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "linalg": "linear algebra",
        "pointwise": "pointwise",
        "reduce": "reduce, norm",
        "shape": "shape, index",
        "loss": "loss",
        "data": "data, random",
        "other": "other, cast, copy",
    }
)


@dataclass(frozen=True)
class Theme:
    """One set of colours. Heat scales run from little to much; text on stops from ``flip`` on is inverted."""

    name: str
    page: str
    surface: str
    line: str
    ink: str
    ink2: str
    ink3: str
    value: str
    gradient: str
    edge: str
    tint: float
    families: Mapping[str, str]
    phases: Mapping[str, str]
    states: Mapping[str, str]
    time: Sequence[str]
    memory: Sequence[str]
    signed: Sequence[str]
    time_flip: int
    memory_flip: int
    nonfinite: str
    focus: str
    runs: Sequence[str] = ()
    patterns: bool = False
    """Tell families apart by pattern and not by colour alone, on white cards with thin lines."""

    def tinted(self, colour: str) -> str:
        """``colour`` laid over the card surface at the theme's tint strength."""
        return mix(self.surface, colour, self.tint)

    def heat(self, scale: str, fraction: float) -> str:
        """Colour at ``fraction`` (0 to 1) of the ``time``, ``memory`` or ``signed`` scale."""
        stops: Sequence[str] = getattr(self, scale)
        at = min(max(fraction, 0.0), 1.0) * (len(stops) - 1)
        low = min(int(at), len(stops) - 2)
        return mix(stops[low], stops[low + 1], at - low)

    def on(self, colour: str) -> str:
        """The text colour (ink, or its opposite) that reads better on ``colour``."""
        other = "#FFFFFF" if luminance(self.ink) < 0.5 else "#0F1217"
        return self.ink if contrast(self.ink, colour) >= contrast(other, colour) else other

    def variables(self) -> dict[str, str]:
        """The theme as CSS custom properties, ``{"--gs-page": "#F6F7F9", ...}``."""
        plain = ("page", "surface", "line", "ink", "ink2", "ink3", "value", "gradient", "edge")
        out = {f"--gs-{name}": getattr(self, name) for name in (*plain, "nonfinite", "focus")}
        for group in ("families", "phases", "states"):
            prefix = {"families": "family", "phases": "phase", "states": "state"}[group]
            out |= {f"--gs-{prefix}-{key}": c for key, c in getattr(self, group).items()}
        out |= {f"--gs-tint-{key}": self.tinted(c) for key, c in self.families.items()}
        for scale in ("time", "memory", "signed"):
            out |= {f"--gs-{scale}-{i}": c for i, c in enumerate(getattr(self, scale))}
        out |= {f"--gs-run-{i}": c for i, c in enumerate(self.runs)}
        return out


def mix(back: str, front: str, strength: float) -> str:
    """``front`` over ``back`` at an opacity of ``strength``, as ``#RRGGBB``."""
    a, b = _rgb(back), _rgb(front)
    return "#" + "".join(f"{round(x + (y - x) * strength):02X}" for x, y in zip(a, b, strict=True))


def luminance(colour: str) -> float:
    """Relative luminance after WCAG, 0 black to 1 white."""
    parts = [c / 255 for c in _rgb(colour)]
    lin = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * lin[0] + 0.7152 * lin[1] + 0.0722 * lin[2]


def contrast(one: str, other: str) -> float:
    """WCAG contrast of two colours, 1 (equal) to 21 (black on white)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


_LIGHT_FAMILIES = {
    "linalg": "#3E93E5",
    "pointwise": "#C3861F",
    "reduce": "#71488F",
    "shape": "#42474D",
    "loss": "#C44751",
    "data": "#35807F",
    "other": "#386300",
}
_DARK_FAMILIES = {
    "linalg": "#317AE2",
    "pointwise": "#AD6B1E",
    "reduce": "#D3A8FD",
    "shape": "#737C7F",
    "loss": "#F28781",
    "data": "#7ED7C7",
    "other": "#F0D758",
}
# Runs borrow the family colours in an order in which neighbours differ most.
_RUN_ORDER = ("linalg", "pointwise", "data", "loss", "reduce", "other", "shape")

LIGHT = Theme(
    name="light",
    page="#F6F7F9",
    surface="#FFFFFF",
    line="#DDE1E7",
    ink="#1A1F27",
    ink2="#4A5361",
    ink3="#667080",
    value="#1B5FC1",
    gradient="#B34700",
    edge="#9AA3B0",
    tint=0.08,
    families=_LIGHT_FAMILIES,
    phases={
        "data": "#8A94A3",
        "forward": "#2F6FD0",
        "backward": "#D9731A",
        "update": "#4A2A78",
        "idle": "#C9CFD8",
    },
    states={
        "live": "#00857C",
        "paused": "#A36A00",
        "finished": "#39404A",
        "failed": "#C2263A",
        "nonfinite": "#7B1FA2",
    },
    time=("#FFF3DC", "#FDD296", "#F7A35C", "#E06A3B", "#B2352F", "#6E1330"),
    memory=("#EDF2FA", "#C3D5EF", "#8FB1E0", "#5A86CB", "#355CA5", "#1D2F66"),
    signed=("#0F4C9E", "#5B92DA", "#BAD3F2", "#F4F3F0", "#F8CFA3", "#DE8A35", "#8F4300"),
    time_flip=4,
    memory_flip=4,
    nonfinite="#7B1FA2",
    focus="#1B5FC1",
    runs=tuple(_LIGHT_FAMILIES[f] for f in _RUN_ORDER),
)

DARK = Theme(
    name="dark",
    page="#0F1217",
    surface="#171B22",
    line="#2C333E",
    ink="#E7EAF0",
    ink2="#B3BBC8",
    ink3="#8A94A4",
    value="#7FB4FF",
    gradient="#FFA25C",
    edge="#5A6473",
    tint=0.12,
    families=_DARK_FAMILIES,
    phases={
        "data": "#7C8796",
        "forward": "#5B97F5",
        "backward": "#F0954A",
        "update": "#D9C2FF",
        "idle": "#3A4350",
    },
    states={
        "live": "#2FBFB3",
        "paused": "#F0C94E",
        "finished": "#7C8796",
        "failed": "#FF5D5D",
        "nonfinite": "#E9A8FF",
    },
    time=("#2A1A1F", "#5B2230", "#96342F", "#D0602F", "#F59A4C", "#FFDFA0"),
    memory=("#182238", "#24406F", "#3563A6", "#5A8CD2", "#95B9EA", "#DCE8FA"),
    signed=("#0F4C9E", "#5B92DA", "#BAD3F2", "#F4F3F0", "#F8CFA3", "#DE8A35", "#8F4300"),
    time_flip=4,
    memory_flip=4,
    nonfinite="#E9A8FF",
    focus="#7FB4FF",
    runs=tuple(_DARK_FAMILIES[f] for f in _RUN_ORDER),
)

# Paper: white cards on white, lines and patterns that survive a photocopier.
PRINT = Theme(
    **{
        **{name: getattr(LIGHT, name) for name in Theme.__dataclass_fields__},
        "name": "print",
        "page": "#FFFFFF",
        "line": "#7C8694",
        "edge": "#5F6875",
        "tint": 0.0,
        "patterns": True,
    }
)

THEMES: Mapping[str, Theme] = MappingProxyType({t.name: t for t in (LIGHT, DARK, PRINT)})


def theme(name: str | Theme) -> Theme:
    """The theme called ``name``; a Theme is passed through.

    Raises:
        UsageError: no theme has that name.
    """
    if isinstance(name, Theme):
        return name
    try:
        return THEMES[name]
    except KeyError:
        raise UsageError(
            f"there is no theme {name!r}: a theme is one of {', '.join(THEMES)}. "
            "Pass theme='light' for screens, 'print' for paper."
        ) from None
