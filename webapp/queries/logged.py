"""What a program logged beside numbers: pictures, texts and hyper-parameters, as lists without their data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphscope.errors import TraceError
from graphscope.units import clip
from graphscope.webapp.queries.hparams import MOST, hparams_of, plain, told_of

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader

PNG = b"\x89PNG\r\n\x1a\n"
TAGS, STEPS, TEXTS, LONGEST = 60, 2000, 300, 20_000


def logged_json(reader: TraceReader) -> dict[str, Any]:
    """``images`` and ``histograms`` by tag, the newest ``texts``, and how many ``hparams`` there are."""
    images: dict[str, list[tuple[int, int]]] = {}
    histograms: dict[str, int] = {}
    hparams = 0
    for id, tag, step, kind, _ in reader.media_list():
        if kind == "image":
            images.setdefault(tag, []).append((step, id))
        elif kind == "histogram":
            histograms[tag] = histograms.get(tag, 0) + 1
        elif kind == "hparams":
            hparams += 1
    texts = reader.texts()
    return {
        "images": [
            {"tag": clip(tag, 200), "steps": [s for s, _ in rows], "ids": [i for _, i in rows]}
            for tag, rows in ((t, sorted(r)[-STEPS:]) for t, r in list(images.items())[:TAGS])
        ],
        "more_images": max(0, len(images) - TAGS),
        "histograms": len(histograms),
        "hparams": hparams,
        "texts": [
            {"tag": clip(tag, 200), "step": step, "text": clip(text, LONGEST)}
            for tag, step, text, _ in texts[-TEXTS:]
        ],
        "more_texts": max(0, len(texts) - TEXTS),
    }


def image_of(reader: TraceReader, id: int) -> bytes:
    """The PNG file of a logged picture.

    Raises: TraceError when there is none of this id, or what is there is no PNG.
    """
    medium = reader.medium(id)
    if medium is None or medium.kind != "image" or not medium.data.startswith(PNG):
        raise TraceError("There is no such picture.")
    return medium.data


def hparams_json(readers: Mapping[str, TraceReader]) -> dict[str, Any]:
    """One row a run, of those that have any; ``names`` and ``metrics`` are the columns."""
    rows: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    metrics: dict[str, None] = {}
    for run, reader in readers.items():
        found = hparams_of(reader)
        told: dict[str, Any] = {}
        for medium in reader.media("hparams"):
            told |= plain(told_of(medium.data, "metrics"))
        names |= dict.fromkeys(found)
        metrics |= dict.fromkeys(told)
        rows.append({"id": run, "run": run, "hparams": found, "metrics": told})
    return {"rows": rows, "names": list(names)[:MOST], "metrics": list(metrics)[:MOST]}
