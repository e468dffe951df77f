"""Which runs the dashboard lists, and that a request reaches no other file."""

import os
import sqlite3
import threading
from contextlib import closing

import pytest

from graphscope.errors import TraceError
from graphscope.webapp import runs
from graphscope.webapp.runs import RunDirectory
from tests import golden


@pytest.fixture
def folder(tmp_path):
    golden.build("tiny", tmp_path)
    golden.build("failed", tmp_path)
    return tmp_path


@pytest.fixture
def source(folder):
    source = RunDirectory(folder)
    yield source
    for run in list(source.files()):
        try:
            source.reader(run).close()
        except TraceError:
            pass


def states(source):
    return {entry["run"]: entry["state"] for entry in source.runs()}


def test_a_folder_lists_its_traces_with_state_and_length(source):
    entries = {entry["run"]: entry for entry in source.runs()}
    assert set(entries) == {"tiny", "failed"}
    assert entries["tiny"]["state"] == "finished" and entries["tiny"]["steps"] == 3
    assert entries["failed"]["state"] == "failed" and entries["tiny"]["error"] is None


def test_one_file_is_a_directory_of_one_run(folder):
    source = RunDirectory(folder / "tiny.gscope")
    assert list(source.files()) == ["tiny"]
    with pytest.raises(TraceError, match="no run 'failed'"):
        source.reader("failed")
    source.reader("tiny").close()


def test_the_newest_run_comes_first(source, folder):
    os.utime(folder / "tiny.gscope", (4e9, 4e9))
    assert next(iter(source.files())) == "tiny"


def test_new_runs_are_picked_up(source, folder):
    source.runs()
    golden.build("one_step", folder)
    assert states(source)["one_step"] == "finished"


def test_a_run_that_was_deleted_is_gone(source, folder):
    source.reader("tiny").close()
    (folder / "tiny.gscope").unlink()
    assert "tiny" not in states(source)
    with pytest.raises(TraceError):
        source.reader("tiny")


def test_a_missing_or_empty_folder_has_no_runs(tmp_path):
    assert RunDirectory(tmp_path / "nowhere").runs() == []
    assert RunDirectory(tmp_path).runs() == []


def test_a_folder_that_appears_later_is_found(tmp_path):
    source = RunDirectory(tmp_path / "runs")
    assert source.runs() == []
    golden.build("one_step", tmp_path / "runs")
    assert list(states(source)) == ["one_step"]
    source.reader("one_step").close()


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 2000])
def test_a_damaged_file_is_listed_with_a_sentence(source, folder, damage):
    (folder / "broken.gscope").write_bytes(damage)
    entry = next(e for e in source.runs() if e["run"] == "broken")
    assert entry["state"] in ("damaged", "waiting")
    if entry["state"] == "damaged":
        assert entry["error"].endswith(".")
    assert states(source)["tiny"] == "finished"


@pytest.mark.parametrize(
    "run",
    ["../secret", "/etc/passwd", "..", ".", "tiny.gscope", "tiny\0", "TINY/../tiny", "x" * 9999],
)
def test_a_name_is_no_path(source, folder, run):
    golden.build("tiny", folder.parent / "elsewhere")
    (folder.parent / "elsewhere" / "tiny.gscope").rename(folder.parent / "secret.gscope")
    with pytest.raises(TraceError) as told:
        source.reader(run)
    assert len(str(told.value)) < 200


def test_a_reader_is_shared_and_threads_may_use_it(source):
    found = []

    def look():
        reader = source.reader("tiny")
        found.append((reader, reader.revision()["last_step"]))

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {last for _, last in found} == {2}
    assert source.reader("tiny") is source.reader("tiny")


def test_another_run_under_the_same_name_is_read_anew(source, folder):
    assert source.reader("tiny").revision()["last_step"] == 2
    source.reader("tiny").close()
    golden.build("one_step", folder)
    (folder / "one_step.gscope").replace(folder / "tiny.gscope")
    assert source.reader("tiny").revision()["last_step"] == 0


def test_an_entry_says_steps_last_loss_and_when(source):
    entries = {entry["run"]: entry for entry in source.runs()}
    assert entries["failed"]["loss"] == "NaN"
    assert 0 < float(entries["tiny"]["loss"]) < 1e4
    assert entries["tiny"]["written"] > 1e9 and entries["tiny"]["created"]


def test_a_hundred_runs_are_opened_once_and_not_kept_open(tmp_path, monkeypatch):
    first = golden.build("one_step", tmp_path).read_bytes()
    for k in range(99):
        (tmp_path / f"run{k}.gscope").write_bytes(first)
    source = RunDirectory(tmp_path)
    opened = []
    make = runs.TraceReader

    def reader(file):
        opened.append(file)
        return make(file)

    monkeypatch.setattr(runs, "TraceReader", reader)
    assert len(source.runs()) == 100 and len(opened) == 100
    assert source._readers == {}
    opened.clear()
    assert len(source.runs()) == 100 and opened == []
    (tmp_path / "run7.gscope").write_bytes(first + b"")
    os.utime(tmp_path / "run7.gscope", (4e9, 4e9))
    assert source.runs()[0]["run"] == "run7" and len(opened) == 1


def test_a_running_run_is_looked_at_anew(tmp_path):
    golden.build("live", tmp_path)
    source = RunDirectory(tmp_path)
    assert states(source) == {"live": "live"}
    with closing(sqlite3.connect(tmp_path / "live.gscope")) as db, db:
        db.execute("UPDATE meta SET value = '1' WHERE key = 'heartbeat'")
    db.close()
    assert states(source) == {"live": "stale"}


def test_the_names_of_a_poll_are_listed_twice_a_second_at_most(source, monkeypatch):
    asked = []
    files = RunDirectory.files
    monkeypatch.setattr(RunDirectory, "files", lambda self: asked.append(1) or files(self))
    assert {source.names() for _ in range(20)} == {tuple(sorted(files(source)))}
    assert len(asked) == 1
