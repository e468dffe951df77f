"""Where the style sheets and scripts lie: beside this package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from graphscope.errors import UsageError


def assets_path() -> Path:
    """The folder with ``css/`` and ``js/``.

    Raises: UsageError when the installation lacks it.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "assets", here.parent / "assets"):
        if (folder / "js" / "00_bus.js").is_file():
            return folder
    raise UsageError(
        f"The dashboard's style sheets and scripts are missing beside {here}. The installation is "
        "incomplete; install graphscope-debugger again."
    )
