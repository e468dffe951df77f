"""Curves that are read on instead of anew."""

import numpy as np
import pytest

from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from graphscope.webapp.queries.kept import RUNS, Kept
from graphscope.webapp.queries.scalars import series
from tests import golden


def same(a, b):
    assert list(a) == list(b)
    for tag in a:
        for one, other in zip(a[tag], b[tag], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["digits_like", "failed", "one_step", "empty"])
def test_it_gives_what_reading_anew_gives(tmp_path, name):
    with TraceReader(golden.build(name, tmp_path)) as reader:
        kept = Kept()
        for _ in range(3):
            same(kept.series(reader), series(reader))


def test_only_what_is_new_is_asked_for(tmp_path, monkeypatch):
    writer = TraceWriter(tmp_path / "a.gscope", golden.META)
    with TraceReader(tmp_path / "a.gscope") as reader:
        kept, asked, read = Kept(), [], reader.scalars

        def watched(tag=None, since=0):
            asked.append(since)
            return read(tag, since)

        for k in range(4):
            for tag in ("loss", "lr")[: 1 + k % 2]:
                writer.add_scalar(tag, k, float(k), k)
            writer.commit()
            monkeypatch.setattr(reader, "scalars", watched)
            got = kept.series(reader)
            kept.series(reader)
            monkeypatch.undo()
            same(got, series(reader))
        assert asked == [0, 1, 3, 4]
    writer.close()


def test_another_file_of_the_same_name_is_begun_anew(tmp_path):
    kept = Kept()
    with TraceReader(golden.build("digits_like", tmp_path)) as reader:
        assert len(kept.series(reader)) == 3
    (tmp_path / "digits_like.gscope").unlink()
    golden.build("failed", tmp_path)
    (tmp_path / "failed.gscope").rename(tmp_path / "digits_like.gscope")
    with TraceReader(tmp_path / "digits_like.gscope") as reader:
        assert list(kept.series(reader)) == ["loss"]


def test_memory_is_bounded(tmp_path):
    kept = Kept()
    for k in range(RUNS + 3):
        (tmp_path / str(k)).mkdir()
        with TraceReader(golden.build("one_step", tmp_path / str(k))) as reader:
            kept.series(reader)
    assert len(kept._runs) == RUNS
