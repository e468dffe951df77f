"""Garbled traces: whatever is in the tables, what reads them gives an answer or a sentence, never another error."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphscope as gs
from graphscope.analysis.doctor import Doctor
from graphscope.analysis.trail import trail, trails
from graphscope.errors import TraceError, UsageError
from graphscope.trace import codec, commands, schema, stretches
from graphscope.trace.reader import TraceReader
from tests.trace.walk import walk


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real recording with a row in every table: findings, facts, commands, media, a paused step, a thinned past."""
    folder = tmp_path_factory.mktemp("garbled")
    net = gs.nn.Sequential(gs.nn.Linear(3, 4), gs.nn.ReLU(), gs.nn.Linear(4, 1))
    optimizer = gs.optim.SGD(net.parameters(), lr=0.1)
    with gs.profile(folder / "rich", values="full") as p:
        for k in range(5):
            optimizer.zero_grad()
            x = gs.ones(2, 3) * (float("inf") if k == 3 else 1.0)
            net(x).sum().backward()
            optimizer.step()
            p.scalar("loss", 1.0 / (k + 1))
        p.text("note", "a text")
        p.note(
            "hparams",
            "h",
            json.dumps({"hparams": {"lr": 0.1}, "metrics": {}, "domains": {}}).encode(),
        )
    assert p.path is not None
    db = sqlite3.connect(p.path)
    db.execute("INSERT INTO commands VALUES (1, 1.0, 'pause', '{}', 'done: paused')")
    db.execute("UPDATE steps SET status = 'paused' WHERE num = 4")
    db.execute("INSERT INTO devices VALUES (1, 'cuda', 0, 5, 5, 1, 2, 3, 4)")
    db.execute("INSERT OR REPLACE INTO survivors VALUES (0, 1, 64, 3)")
    # As a shape set has them that was described without.
    [(set_id, n)] = db.execute(
        "SELECT min(s.id), g.n FROM shape_sets s JOIN graphs g ON g.id = s.graph"
    )
    costs = codec.pack(np.arange(n), "<i8")
    db.execute("INSERT INTO costs VALUES (?,?,?)", (set_id, costs, costs))
    told = {"limit": 1 << 30, "before_step": 2, "steps": 1, "since": "2026-01-01T00:00:00Z"}
    db.execute("INSERT INTO meta VALUES ('thinned', ?)", (json.dumps(told),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "LEAST", 1)
        stretches.renew(db, -1, 3, 3)
    db.commit()
    for table in (
        "findings", "facts", "commands", "media", "costs", "alive", "moments", "tensors", "stretches",
    ):  # fmt: skip
        assert db.execute(f"SELECT count(*) FROM {table}").fetchone()[0], f"nothing in {table}"
    db.close()
    return p.path


def answers(path: Path) -> int:
    """What is new since the walk, each part on its own; returns how many gave an answer."""
    with TraceReader(path) as reader:

        def of_database() -> None:
            db = sqlite3.connect(path)
            try:
                commands.newest(db), commands.since(db, 0)
            except sqlite3.Error as error:  # the writer's own connection: it says so itself
                raise TraceError(str(error)) from error
            finally:
                db.close()

        parts: list[Any] = [
            reader.facts, reader.findings, reader.media, reader.media_list, lambda: reader.medium(1),
            reader.thinned, reader.survivors, reader.last_loss, lambda: reader.devices(1),
            lambda: reader.alive_before(3), lambda: reader.costs(0), lambda: reader.moments(0),
            lambda: reader.step(4), lambda: reader.columns("begin_ns", [0, 1, 4]), lambda: trail(reader),
            lambda: trail(reader, 3), lambda: trails(reader), lambda: [t.to_dict() for t in trails(reader)],
            lambda: [f.to_dict() for f in Doctor(reader, {}).update()],
            lambda: commands.status(path, 1), of_database,
        ]  # fmt: skip
        good = 0
        for part in parts:
            try:
                part()
                good += 1
            except (TraceError, UsageError) as error:
                assert str(error) and "\n" not in str(error)
        return good


def test_the_whole_one_has_all_the_answers(rich: Path) -> None:
    assert answers(rich) == 21


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_cut_and_flipped(tmp_path: Path, rich: Path, data: st.DataObject) -> None:
    raw = bytearray(rich.read_bytes())
    if data.draw(st.booleans(), "cut"):
        del raw[data.draw(st.integers(0, len(raw) - 1), "length") :]
    else:
        places = st.integers(0, len(raw) - 1)
        for at in data.draw(st.lists(places, min_size=1, max_size=40), "places"):
            raw[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "bad.gscope"
    path.write_bytes(bytes(raw))
    try:
        assert walk(path) + answers(path) >= 0
    except TraceError as error:
        assert "\n" not in str(error)


COLUMNS = {}
for _table, _body in __import__("re").findall(
    r"CREATE TABLE (\w+) \((.*?)\)(?: WITHOUT ROWID)?;", schema.SQL, 16
):
    COLUMNS[_table] = [
        part.split()[0]
        for part in _body.replace("\n", " ").split(",")
        if part.split()[0] not in ("PRIMARY", "category)")
    ]
CELLS = st.one_of(
    st.none(),
    st.sampled_from([-1, 0, 1, 7, 2**31, 2**62, -(2**62), 0.5, float("inf"), -1e300]),
    st.sampled_from(["", "x", "paused", "[]", "{}", "null", "[" * 2000, '{"op": []}', '{"node": 9999999}', "1e999"]),
    st.sampled_from(['{"limit": "x"}', '{"value": {}}', '[[1, 2], "a"]', "\ud7ff\x00", '"' * 3]),
    st.binary(max_size=64),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_wrong_cells(tmp_path: Path, rich: Path, data: st.DataObject) -> None:
    """A file that SQLite takes for whole, with nonsense in some cells."""
    path = Path(shutil.copy(rich, tmp_path / "bad.gscope"))
    # Closed too where a draw ends the example.
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for _ in range(data.draw(st.integers(1, 4), "cells")):
            table = data.draw(st.sampled_from(sorted(COLUMNS)), "table")
            column = data.draw(st.sampled_from(COLUMNS[table]), "column")
            value = data.draw(CELLS, "value")
            one = data.draw(st.booleans(), "one row") and table not in (
                "meta",
                "devices",
                "survivors",
                "alive",
                "sources",
            )
            where = f" WHERE rowid = (SELECT min(rowid) FROM {table})" if one else ""
            try:
                db.execute(f"UPDATE OR IGNORE {table} SET {column} = ?{where}", (value,))
            except sqlite3.Error:
                pass  # a constraint: that cell cannot be so
    try:
        assert walk(path) + answers(path) >= 0
    except TraceError as error:
        assert "\n" not in str(error)


def test_foreign_and_newer_files_are_a_sentence_for_the_doctor_too(
    tmp_path: Path, rich: Path
) -> None:
    path = Path(shutil.copy(rich, tmp_path / "newer.gscope"))
    db = sqlite3.connect(path)
    db.execute("UPDATE meta SET value = ? WHERE key = 'format'", (schema.FORMAT + 1,))
    db.commit()
    db.close()
    empty, foreign = tmp_path / "empty.gscope", tmp_path / "foreign.gscope"
    empty.write_bytes(b"")
    foreign.write_bytes(b"PK\x03\x04" * 40)
    for bad, words in ((path, "newer"), (empty, "empty"), (foreign, "another kind")):
        with pytest.raises(TraceError, match=words):
            answers(bad)


BROKEN: dict[str, Any] = {
    "cut": lambda raw: raw[: len(raw) // 3],
    "its head only": lambda raw: raw[:100],
    "without its middle": lambda raw: raw[:8192] + bytes(16384) + raw[24576:],
    "zeros behind the head": lambda raw: raw[:100] + bytes(len(raw) - 100),
    "whole": lambda raw: raw,
}


@pytest.mark.parametrize("how", [*BROKEN, "of format 1, it says", "newer", "without a table"])
def test_whatever_is_wrong_no_connection_stays_open(
    tmp_path: Path, rich: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = tmp_path / "bad.gscope"
    path.write_bytes(BROKEN.get(how, bytes)(rich.read_bytes()))
    change = {
        "of format 1, it says": "UPDATE meta SET value = 1 WHERE key = 'format'",
        "newer": f"UPDATE meta SET value = {schema.FORMAT + 1} WHERE key = 'format'",
        "without a table": "DROP TABLE specs",
    }
    if how in change:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute(change[how])
    plain, made = sqlite3.connect, []

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        made.append(plain(*args, **options))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", connect)
    try:
        assert walk(path) + answers(path) > 0
    except TraceError as error:
        assert how != "whole" and str(error)
    assert made
    for db in made:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            db.execute("SELECT 1")
