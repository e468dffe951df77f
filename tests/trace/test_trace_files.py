"""Files that disappoint, files in use, and programs that die."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphscope.errors import TraceError
from graphscope.trace import format as files
from graphscope.trace import schema
from graphscope.trace.format import new_run_path, newest, open_trace
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from tests.golden import build
from tests.trace.walk import walk

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("tiny", tmp_path_factory.mktemp("files"))


def _sentence(path: Path) -> str:
    with pytest.raises(TraceError) as caught:
        TraceReader(path)
    text = str(caught.value)
    assert "\n" not in text and text.endswith((".", "to open it."))
    return text


def test_each_disappointment_has_its_sentence(tmp_path, tiny):
    path = tmp_path / "x.gscope"
    assert "does not exist" in _sentence(path)
    assert "is a folder" in _sentence(tmp_path)
    path.write_bytes(b"")
    assert "is empty" in _sentence(path)
    path.write_text("step,loss\n1,2\n" * 20)
    assert "another kind of file" in _sentence(path)
    path.write_bytes(tiny.read_bytes()[:60])
    assert "cut off after 60 bytes" in _sentence(path)
    path.unlink()
    other = sqlite3.connect(path)
    other.executescript("CREATE TABLE users (id INTEGER);")
    other.close()
    assert "some other SQLite database" in _sentence(path)
    assert "is not a path" in _sentence(Path("a\0b"))


@pytest.mark.parametrize(
    "sql, words",
    [
        (f"UPDATE meta SET value = {schema.FORMAT + 1} WHERE key = 'format'", "newer GraphScope"),
        ("UPDATE meta SET value = '0' WHERE key = 'format'", "unknown format 0"),
        ("UPDATE meta SET value = 'one' WHERE key = 'format'", "no format number"),
        ("DELETE FROM meta", "no format number"),
        ("DROP TABLE steps", "its table steps is gone"),
    ],
)
def test_versions_and_missing_tables(tmp_path, tiny, sql, words):
    path = Path(shutil.copy(tiny, tmp_path / "x.gscope"))
    db = sqlite3.connect(path)
    db.execute(sql)
    db.commit()
    db.close()
    assert words in _sentence(path)


def test_an_older_format_is_lifted_in_memory(tmp_path, tiny, monkeypatch):
    path = Path(shutil.copy(tiny, tmp_path / "x.gscope"))
    db = sqlite3.connect(path)
    db.execute("UPDATE meta SET value = '0' WHERE key = 'format'")
    db.execute("DROP TABLE texts")
    db.commit()
    db.close()
    before = path.read_bytes()
    table = "CREATE TABLE texts (id INTEGER, tag TEXT, step INTEGER, text TEXT, wall_ns INTEGER)"
    monkeypatch.setitem(files.MIGRATIONS, 0, lambda db: db.execute(table))
    monkeypatch.setitem(files.MIGRATIONS, 1, lambda db: None)
    with TraceReader(path) as reader:
        assert reader.texts() == [] and len(reader.steps()) == 3
    assert path.read_bytes() == before


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_cut_or_flipped_files_give_facts_or_a_sentence(tmp_path, tiny, data):
    raw = bytearray(tiny.read_bytes())
    if data.draw(st.booleans(), "cut"):
        del raw[data.draw(st.integers(0, len(raw) - 1), "length") :]
    else:
        places = st.integers(0, len(raw) - 1) | st.integers(0, 200)
        for at in data.draw(st.lists(places, min_size=1, max_size=30), "places"):
            raw[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "bad.gscope"
    path.write_bytes(bytes(raw))
    try:
        assert walk(path) >= 0
    except TraceError as error:
        assert "\n" not in str(error)


def test_what_is_left_of_a_cut_file_is_shown(tmp_path):
    whole = build("digits_like", tmp_path)
    path = tmp_path / "half.gscope"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with TraceReader(path) as reader:
        assert reader.header()["run"] == "digits"
        assert reader.damage is not None and "damaged" in reader.damage
        assert reader.graph(0).n > 100
        assert reader.step(0).num == 0
    with TraceReader(whole) as reader:
        assert reader.damage is None


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_cut_file_is_a_shorter_run(tmp_path, share):
    """Every question is answered out of the rows that are there, also those about the newest step."""
    whole = build("digits_like", tmp_path)
    path = tmp_path / "cut.gscope"
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with TraceReader(path) as reader, TraceReader(whole) as before:
        assert reader.damage is not None and "part of it is missing" in reader.damage
        table = reader.steps()
        assert 5 < len(table) < 60 and reader.revision()["last_step"] == table.num[-1]
        last = reader.step(-1)
        assert last.num == table.num[-1] and reader.graph(last.graph).n > 100
        assert last.dur_ns.tolist() == before.step(last.num).dur_ns.tolist()
        assert reader.last_loss() == table.loss[-1] == before.step(last.num).loss
        values = reader.values(last.num)
        assert values is not None and values.num in reader.value_steps()
        assert reader.state() == "finished"


def test_a_read_only_folder(tmp_path, tiny, monkeypatch):
    path = Path(shutil.copy(tiny, tmp_path / "x.gscope"))
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")  # as after a kill: WAL mode, and no -shm can be made
    db.close()
    connect = sqlite3.connect

    def refuse(address, **options):
        return connect(address, **options) if "immutable" in address else _Refusing()

    monkeypatch.setattr(files.sqlite3, "connect", refuse)
    with TraceReader(path) as reader:
        assert len(reader.steps()) == 3


class _Refusing:
    text_factory = str

    def execute(self, sql):
        raise sqlite3.OperationalError("unable to open database file")

    def close(self):
        pass


# -- names of runs ---------------------------------------------------------------------------------


def test_run_names(tmp_path):
    names = [
        "digits",
        "digits",
        "<script>alert(1)</script>",
        "../../up",
        "",
        "a" * 500,
        "CON.",
        "ü/é",
    ]
    paths = [new_run_path(tmp_path, name) for name in names]
    assert [p.name for p in paths[:2]] == ["digits.gscope", "digits-2.gscope"]
    assert all(p.parent == tmp_path and p.is_file() for p in paths)
    assert all(len(p.name) < 120 and p.name.isascii() for p in paths) and len(set(paths)) == 8
    TraceWriter(paths[0], {"run": "digits"}).close()
    with pytest.raises(TraceError, match="never written over"):
        TraceWriter(paths[0])
    assert newest(tmp_path) == paths[0]
    with pytest.raises(TraceError, match="No run in"):
        newest(tmp_path / "digits.gscope" / "nothing")


def test_many_programs_on_one_name(tmp_path):
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(new_run_path(tmp_path, "same")))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 16


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TraceError, match="Cannot make the folder"):
        new_run_path(tmp_path / "file" / "runs", "x")
    with pytest.raises(TraceError, match="Cannot write a trace"):
        TraceWriter(tmp_path / "file" / "x.gscope")


# -- in use ----------------------------------------------------------------------------------------


def _step(w: TraceWriter, k: int) -> None:
    w.add_step(k, "train", k, 0, 0, begin_ns=[0, 10], dur_ns=[k, 5], loss=k)


def _start(path: Path) -> TraceWriter:
    w = TraceWriter(path)
    w.add_graph(0, "d", "train", -1, -1, [[0, 1, 0, -1, -1, -1, -1, 0]] * 2, [], [], [])
    w.add_spec(0, (), "float32", 4)
    w.add_shape_set(0, 0, [0, 0])
    w.commit()
    return w


def test_readers_follow_a_writer(tmp_path):
    path = tmp_path / "live.gscope"
    w, stop, problems, seen = _start(path), threading.Event(), [], [0, 0]

    def follow(me: int) -> None:
        try:
            while not stop.is_set():
                table = reader.steps(since=-1)
                assert table.loss.tolist() == list(range(len(table)))  # whole steps, in order
                if len(table):
                    assert reader.step().dur_ns[0] >= len(table) - 1
                    assert reader.revision()["last_step"] >= len(table) - 1
                seen[me] = len(table)
        except BaseException as error:
            problems.append(error)

    reader = TraceReader(path)
    threads = [threading.Thread(target=follow, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    longest = 0.0
    for k in range(300):
        _step(w, k)
        begin = time.perf_counter()
        w.commit()
        longest = max(longest, time.perf_counter() - begin)
    time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems and min(seen) > 0 and longest < 2
    w.close()
    assert reader.state() == "finished" and len(reader.steps()) == 300
    reader.close()


def test_state_goes_stale(tmp_path, monkeypatch):
    path = tmp_path / "x.gscope"
    _start(path).abandon()
    with TraceReader(path) as reader:
        assert reader.state() == "live"
        soon = time.time() + 6
        monkeypatch.setattr(time, "time", lambda: soon)
        assert reader.state() == "stale" and reader.revision()["heartbeat_age"] > 5


def test_commit_with_nothing_new_beats_the_heart(tmp_path, monkeypatch):
    path = tmp_path / "x.gscope"
    w = _start(path)
    soon = time.time() + 100
    later = time.monotonic() + 100
    monkeypatch.setattr(time, "time", lambda: soon)
    monkeypatch.setattr(time, "monotonic", lambda: later)
    w.commit()
    with TraceReader(path) as reader:
        assert float(reader.header()["heartbeat"]) == pytest.approx(soon, abs=0.01)
    w.close()


def test_commands(tmp_path):
    w = _start(tmp_path / "x.gscope")
    other = sqlite3.connect(w.path)
    sql = "INSERT INTO commands (time, kind, data, status) VALUES (1, 'pause', ?, 'new')"
    other.executemany(sql, [('{"at": 3}',), ("not json",)])
    other.commit()
    assert w.commands_since(0) == [
        (1, 1.0, "pause", {"at": 3}, "new"),
        (2, 1.0, "pause", {}, "new"),
    ]
    w.set_command_status(1, "done")
    w.commit()
    assert w.commands_since(1)[0][0] == 2
    assert other.execute("SELECT status FROM commands WHERE id = 1").fetchone() == ("done",)
    other.close()
    w.close()


def test_a_full_disk_is_told_and_survived(tmp_path, monkeypatch):
    # by the module itself: graphscope.trace is also the name of a function of tensors
    monkeypatch.setattr(sys.modules["graphscope.trace.writer"], "PENDING_LIMIT", 5)
    path = tmp_path / "x.gscope"
    w = _start(path)
    pages = w._db.execute("PRAGMA page_count").fetchone()[0]
    w._db.execute(f"PRAGMA max_page_count={pages}")
    w.add_text("big", 0, "x" * 100_000)
    for k in range(10):
        _step(w, k)
    with pytest.raises(TraceError, match="full"):
        w.commit()
    w._db.execute("PRAGMA max_page_count=100000")
    _step(w, 10)
    w.commit()
    w.close()
    with TraceReader(path) as reader:
        assert reader.header()["dropped_steps"] == "10" and reader.steps().num.tolist() == [10]


def test_a_finished_trace_is_one_file(tmp_path):
    path = build("tiny", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.gscope"]
    open_trace(path).close()
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.gscope"]


_VICTIM = """
import sys
from pathlib import Path
from tests.trace.test_trace_files import _start, _step
w = _start(Path(sys.argv[1]))
for k in range(10**9):
    _step(w, k)
    if k % 20 == 19:
        w.commit()
        print(k, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_kill_9_leaves_a_trace_that_opens(tmp_path):
    path = tmp_path / "killed.gscope"
    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert victim.stdout is not None
    told = -1
    while told < 500:
        told = int(victim.stdout.readline())
    os.kill(victim.pid, signal.SIGKILL)
    rest = victim.stdout.read().split()
    victim.wait()
    victim.stdout.close()
    told = int(rest[-1]) if rest else told
    with TraceReader(path) as reader:
        table = reader.steps()
        assert len(table) >= told + 1 and table.num.tolist() == list(range(len(table)))
        assert reader.step(told).dur_ns.tolist() == [told, 5]
        assert reader.state() in ("live", "stale")
