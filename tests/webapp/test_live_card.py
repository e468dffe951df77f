"""The revision card: the state of a run, the texts of the top bar, and when views must ask again."""

import json
import os

import pytest

from graphscope.errors import TraceError
from graphscope.webapp.queries.card import live_json
from graphscope.webapp.runs import RunDirectory
from tests import golden


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("runs")
    for name in ("tiny", "digits_like", "failed", "hostile", "one_step"):
        golden.build(name, where)
    (where / "broken.gscope").write_bytes(b"SQLite format 3\0" + b"\xff" * 2000)
    return where


@pytest.fixture(scope="module")
def source(folder):
    source = RunDirectory(folder)
    yield source
    for run in source.files():
        if run != "broken":
            source.reader(run).close()


def test_a_finished_run_tells_its_sum(source):
    card = live_json(source, "digits_like")
    assert card["state"] == "finished" and card["last_step"] == 59
    assert card["summary"].startswith("60 steps in ") and "best loss 0." in card["summary"]
    assert card["cost"] == "1.7 %"
    assert card["per_step"].split()[1] in ("ns", "µs", "ms", "s")


def test_the_best_loss_is_never_nan(source):
    card = live_json(source, "failed")
    assert card["state"] == "failed" and "matmul of 4×5 and 6×2" in card["message"]
    assert "NaN" not in json.dumps(card)


def test_cards_are_small_and_strict_json(source):
    for run in ("tiny", "digits_like", "one_step"):
        text = json.dumps(live_json(source, run), allow_nan=False)
        assert len(text) < 500, text


def test_a_damaged_file_says_so(source):
    card = live_json(source, "broken")
    assert card["state"] == "damaged" and card["message"].endswith(".")


def test_an_unknown_run_is_an_error(source):
    with pytest.raises(TraceError, match="no run 'nothing'"):
        live_json(source, "nothing")


def test_without_a_name_the_newest_run_that_can_be_read_is_told(source, folder):
    os.utime(folder / "failed.gscope", (4e9, 4e9))
    os.utime(folder / "broken.gscope", (4.1e9, 4.1e9))
    assert live_json(source, "")["run"] == "failed"


def test_no_run_at_all(tmp_path):
    card = live_json(RunDirectory(tmp_path), "")
    assert card["state"] == "none" and card["run"] is None


def test_a_run_without_steps_waits(tmp_path):
    source = RunDirectory(golden.build("empty", tmp_path))
    card = live_json(source, "empty")
    assert card["state"] in ("waiting", "stale") and card["last_step"] is None
    assert "per_step" not in card
    source.reader("empty").close()


def test_the_card_changes_when_a_run_comes(tmp_path):
    source = RunDirectory(tmp_path)
    golden.build("tiny", tmp_path)
    before = live_json(source, "tiny")["runs"]
    assert live_json(source, "tiny")["runs"] == before
    golden.build("one_step", tmp_path)
    assert live_json(source, "tiny")["runs"] != before
    source.reader("tiny").close()


def test_a_program_that_falls_silent_is_stale(tmp_path, monkeypatch):
    import time

    source = RunDirectory(golden.build("live", tmp_path))
    assert live_json(source, "live")["state"] == "live"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 12)
    card = live_json(source, "live")
    assert card["state"] == "stale" and 11 < card["heartbeat_age"] < 14
    source.reader("live").close()


def test_a_finished_run_is_summed_up_once(source, monkeypatch):
    first = live_json(source, "digits_like")
    asked = []
    reader = source.reader("digits_like")
    monkeypatch.setattr(reader, "steps", lambda **given: asked.append(given))
    assert live_json(source, "digits_like")["summary"] == first["summary"] and not asked
