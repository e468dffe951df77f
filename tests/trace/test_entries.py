"""The entries of a value step, each made when it is asked for; the tags of what was logged."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from graphscope.errors import TraceError
from graphscope.trace import codec, values
from graphscope.trace.entries import HEALTH, HIST_BINS, STATS, Entry
from graphscope.trace.reader import TraceReader
from graphscope.trace.values import thumbnail
from graphscope.trace.writer import TraceWriter


def entry(k: int, **health: int) -> Entry:
    counts = np.array([health.get(name.strip("+"), 0) for name in HEALTH], np.uint32)
    hist = np.full(HIST_BINS, k, np.uint16)
    thumb = thumbnail(np.arange(6.0).reshape(2, 3) + k) if k % 2 else None
    return Entry(np.full(len(STATS), k, np.float32), counts, hist, -float(k), float(k), thumb)


def decoded(*entries: Entry):
    return values.decode(values.encode((k, "v", one) for k, one in enumerate(entries)))


def test_entries_are_what_was_written_in_whatever_order_they_are_asked_for():
    found = decoded(*(entry(k) for k in range(5)))
    assert list(found) == [(k, "v") for k in range(5)] and len(found) == 5
    for k in (3, 0, 4, 1):
        one = found[k, "v"]
        assert one is found[k, "v"]
        assert (
            one.count == k and one.hist.tolist() == [k] * HIST_BINS and (one.lo, one.hi) == (-k, k)
        )
        if k % 2:
            assert one.thumb is not None
            assert one.thumb.array().tolist() == (np.arange(6.0).reshape(2, 3) + k).tolist()
        else:
            assert one.thumb is None
    assert found.get((9, "v")) is None and (2, "g") not in found
    with pytest.raises(KeyError):
        found[9, "v"]


def test_entries_may_be_put_in_the_place_of_others():
    found, other = decoded(entry(0), entry(1)), entry(7, nan=1)
    found[1, "v"] = found[5, "g"] = other
    assert found[1, "v"] is other and list(found) == [(0, "v"), (1, "v"), (5, "g")]
    assert {key for key, _ in found.unusual()} == {(1, "v"), (5, "g")}
    del found[0, "v"]
    assert len(found) == 2 and (0, "v") not in found
    assert decoded(entry(0), entry(1))[1, "v"].count == 1  # what is shared by steps is as it was


@pytest.mark.parametrize("what", ["nan", "inf", "-inf"])
def test_those_that_are_not_finite_are_known_without_the_others(what):
    found = decoded(entry(0, positive=3), entry(1, **{what: 1}), entry(2, zero=2, negative=1))
    told = dict(found.unusual())
    assert (1, "v") in told and told[1, "v"].health_word != "ok" and (0, "v") not in told


@pytest.mark.parametrize("head", [
    {"v": [0], "k": "v", "t": [[[7], [1]]]},
    {"v": [0], "k": "v", "t": [[[-1], [1]]]},
    {"v": [0], "k": "v", "t": []},
    {"v": [0], "k": "", "t": [None]},
    {"v": [None], "k": "v", "t": [None]},
    {"v": [0], "k": "v", "t": [5]},
])  # fmt: skip
def test_a_head_that_makes_no_sense_is_damage(head):
    body = zlib.decompress(values.encode([(0, "v", entry(1))])).partition(b"\n")[2]
    blob = zlib.compress(json.dumps(head).encode() + b"\n" + body, codec.LEVEL)
    for _ in range(2):
        with pytest.raises(TraceError, match="damaged"):
            values.decode(blob)


def test_tags_are_found_by_their_names(tmp_path):
    with TraceWriter(tmp_path / "a.gscope") as w:
        for k in range(50):
            for tag in ("val/loss", "lr", "loss \u00e9"):
                w.add_scalar(tag, k, 1.0, 0)
    with TraceReader(tmp_path / "a.gscope") as reader:
        assert reader.tags() == sorted(reader.scalars()) == ["loss \u00e9", "lr", "val/loss"]
    TraceWriter(tmp_path / "b.gscope").close()
    with TraceReader(tmp_path / "b.gscope") as reader:
        assert reader.tags() == []
