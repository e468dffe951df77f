"""One script of a deck in a process of its own: ``python -m graphscope.cli.gallery_one JOB``.

JOB is JSON: script, folder, themes, formats. The script's ``figures(look)`` is called once per theme; every
figure is saved in each theme as SVG and, in the first, in the other formats. Prints JSON.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from pathlib import Path
from typing import Any

from graphscope.errors import GraphScopeError
from graphscope.export.gallery import plain_name

# A film has a picture per op: at half the size it takes a quarter of the time, and fits a slide.
OPTIONS: dict[str, dict[str, Any]] = {"gif": {"dpi": 72}, "apng": {"dpi": 72}, "mp4": {"dpi": 96}}


def build(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Make the figures of one script; returns what the page needs to know of each."""
    script, folder = Path(job["script"]), Path(job["folder"])
    themes: list[str] = job["themes"]
    sys.path.insert(0, str(script.parent))
    spec = importlib.util.spec_from_file_location(f"deck_{script.stem}", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # classes of the script look their module up
    spec.loader.exec_module(module)
    found: dict[str, dict[str, Any]] = {}
    for theme in themes:
        for key, figure in module.figures(theme).items():
            name = plain_name(f"{script.stem}-{key}" if not key.startswith(script.stem) else key)
            entry = found.setdefault(
                name,
                {
                    "name": name, "title": figure.drawing.title, "pictures": {}, "downloads": {},
                    "width": figure.width, "height": figure.height,
                },
            )  # fmt: skip
            file = f"{name}.{theme}.svg"
            figure.save(folder / file)
            entry["pictures"][theme] = file
            if theme == themes[0]:
                entry["downloads"] = _downloads(figure, name, folder, job["formats"])
    return list(found.values())


def _downloads(figure: Any, name: str, folder: Path, formats: list[str]) -> dict[str, str]:
    """The other formats; one that does not suit a figure (a chart has no DOT) is left out."""
    saved = {}
    for kind in formats:
        file = f"{name}.{kind}"
        try:
            figure.save(folder / file, **OPTIONS.get(kind, {}))
        except GraphScopeError:
            continue
        if (folder / file).is_file():
            saved[kind] = file
    return saved


def main() -> int:
    warnings.simplefilter("ignore")
    stdout, sys.stdout = (
        sys.stdout,
        sys.stderr,
    )  # what the script prints must not mix with the answer
    json.dump(build(json.loads(sys.argv[1])), stdout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
