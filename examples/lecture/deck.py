"""What the scripts of this folder share: where their figures are saved."""

import sys
from pathlib import Path


def save(figures):
    """Write each figure as SVG into the folder that the command line names (default: out)."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out")
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        print(figure.save(folder / f"{name}.svg"))
