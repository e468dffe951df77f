"""The palette as a style sheet and as chart layouts, light and dark."""

from __future__ import annotations

from typing import Any

from graphscope.view.palette import THEMES

SANS = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
MONO = (
    'ui-monospace, "JetBrains Mono", SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'
)


def style_sheet() -> str:
    """``--gs-*`` for both themes; without a choice (no data-theme) the system's preference rules."""
    light, dark = _block("light"), _block("dark")
    return (
        f":root {{ --gs-sans: {SANS}; --gs-mono: {MONO}; }}\n"
        f":root, [data-theme=light] {{ {light} }}\n"
        f"[data-theme=dark] {{ {dark} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme]) {{ {dark} }} }}\n"
        f"@media print {{ :root, :root:not([data-theme]), [data-theme=dark] {{ {light} }} }}\n"
    )


def _block(name: str) -> str:
    rules = "; ".join(f"{k}: {c}" for k, c in THEMES[name].variables().items())
    return f"color-scheme: {name}; {rules};"


def chart_layout(name: str) -> dict[str, Any]:
    """What all charts of a theme share, as a plain plotly layout."""
    t = THEMES["dark" if name == "dark" else "light"]
    axis = {
        "gridcolor": t.line,
        "linecolor": t.line,
        "zeroline": False,
        "ticks": "",
        "nticks": 6,
        "tickfont": {"size": 11, "color": t.ink2},
        "title": {"font": {"size": 11, "color": t.ink2}, "standoff": 6},
        "automargin": True,
    }
    return {
        "paper_bgcolor": t.surface,
        "plot_bgcolor": t.surface,
        "font": {"family": SANS, "size": 12, "color": t.ink},
        "colorway": list(t.runs),
        "margin": {"l": 48, "r": 12, "t": 8, "b": 36},
        "xaxis": {**axis},
        "yaxis": {**axis},
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": t.surface,
            "bordercolor": t.line,
            "font": {"family": SANS, "size": 12, "color": t.ink},
            "align": "left",
        },
        "showlegend": False,
        "dragmode": "zoom",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": t.ink3, "activecolor": t.focus},
        "template": {},  # none of plotly's own: the colours above are all there are
    }
