"""All steps of a run as columns: the same whether they come from stretches or from their rows."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from graphscope.trace import limit, schema, stretches, survey, thinning, writer
from graphscope.trace.reader import TraceReader
from graphscope.trace.steps import StepTable
from graphscope.trace.stretches import Columns
from graphscope.trace.writer import Facts, Plain, TraceWriter

WEEK = 7 * 24 * 3600 * 10**9


def row_by_row(path: Path, kind: str = "train", since: int = -1) -> StepTable:
    """How the table was read before there were stretches."""
    db = sqlite3.connect(path)
    rows = db.execute(
        "SELECT id, num, graph, shape_set, t0_ns, wall_ns, rec_ns, loss, nonfinite, status, data_ns, forward_ns,"
        " backward_ns, update_ns, live0, chunk IS NOT NULL, freed IS NOT NULL, coalesce(copy_ns, 0)"
        " FROM steps WHERE kind = ? AND id > ? AND status != 'paused' ORDER BY id",
        (kind, since),
    ).fetchall()
    db.close()
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * 18
    whole = [np.array(c, np.int64) for c in columns[:7]]
    loss = np.array([np.nan if x is None else x for x in columns[7]], np.float64)
    flags, status = np.array(columns[8], np.bool_), [str(s) for s in columns[9]]
    parts = np.array(columns[10:14], np.float64).T
    live0 = np.array(columns[14], np.int64)
    timed, died = (np.array(c, np.bool_) for c in columns[15:17])
    return StepTable(
        *whole, loss, flags, status, parts, live0, timed, died, np.array(columns[17], float)
    )


def assert_same(a: StepTable, b: StepTable) -> None:
    for f in fields(StepTable):
        one, two = getattr(a, f.name), getattr(b, f.name)
        if f.name == "status":
            assert one == two
        else:
            assert one.dtype == two.dtype and one.shape == two.shape, f.name
            np.testing.assert_array_equal(one, two, f.name)


def check(path: Path) -> None:
    """Every way to ask gives what the rows say."""
    with TraceReader(path) as reader:
        for kind in ("train", "eval", "nothing"):
            whole = row_by_row(path, kind)
            assert_same(reader.steps(kind), whole)
            some = [*reader.tables(kind)]
            assert sum(map(len, some)) == len(whole)
            for f in fields(StepTable) if some else ():
                joined = np.concatenate([np.asarray(getattr(table, f.name)) for table in some])
                np.testing.assert_array_equal(joined, getattr(whole, f.name), f.name)
            for at in {0, len(whole) // 3, len(whole) - 1} & set(range(len(whole))):
                since = int(whole.id[at])
                assert_same(reader.steps(kind, since), row_by_row(path, kind, since))
        assert reader.damage is None


def stored(path: Path) -> list[tuple[int, int, str]]:
    db = sqlite3.connect(path)
    try:
        return db.execute("SELECT first, last, kind FROM stretches ORDER BY first").fetchall()
    finally:
        db.close()


class Run:
    """Writes steps of two kinds as the recorder does: ordinary ones together, others by themselves."""

    def __init__(self, path: Path, seed: int, max_size: int | None = None) -> None:
        self.writer = w = TraceWriter(path, {"run": "r"}, max_size)
        self.draw = np.random.default_rng(seed)
        self.id, self.last = 0, ""
        self.num = {"train": 0, "eval": 0}
        nodes = np.zeros((3, schema.NODE_COLUMNS), np.int32)
        nodes[:, schema.PARAMS] = -1
        nodes[:, schema.PHASE] = 1, 2, 3
        w.add_op(1, "mul")
        w.add_spec(0, (3,), "float32", 12)
        for graph in range(2):
            w.add_graph(graph, f"g{graph}", "train", -1, -1, nodes, [], [], [])
            w.add_shape_set(graph, graph, [0] * 3)

    def _times(self, n: int) -> tuple[Any, Any]:
        dur = self.draw.lognormal(7, 2, (n, 3)).astype(np.int64)
        return np.cumsum(dur, 1) - dur, dur

    def plain(self, kind: str, n: int, far: bool) -> None:
        """n ordinary steps. far: as of a run that goes on for a week."""
        begin, dur = self._times(n)
        ids = self.id + np.arange(n)
        losses = self.draw.normal(size=n)
        losses[self.draw.random(n) < 0.1] = np.nan
        t0 = (WEEK if far else 0) + ids * 10**5 + self.draw.integers(0, 1000, n)
        steps = Plain(
            ids, self.num[kind] + np.arange(n), t0, dur.sum(1), self.draw.integers(0, 99, n), losses,
            self.draw.integers(0, 2, n), self.draw.integers(-5, 1 << 40, n),
        )  # fmt: skip
        self.writer.add_plain(kind, 0, 0, steps, begin, dur)
        self.id += n
        self.num[kind] += n
        self.last = ""

    def single(self, kind: str, status: str, timed: bool, freed: bool, again: bool = False) -> None:
        """One step; ``again``: such a one just before is written once more, as one that was paused is."""
        if again and self.last == kind:
            self.id -= 1
            self.num[kind] -= 1
        self.last = kind
        begin, dur = self._times(1)
        facts = Facts(
            self.id, self.num[kind], 1, self.id * 10**5, 10**6, 5, 0.5 if timed else None, False,
            [0, -1, 2] if freed else None, 7, None, True,
        )  # fmt: skip
        times = (begin, dur) if timed else (None, None)
        self.writer.add_steps(kind, 1, status, [facts], *times)
        self.id += 1
        self.num[kind] += 1


KINDS = st.sampled_from(["train", "train", "eval"])
PLAIN = st.tuples(st.just("plain"), KINDS, st.integers(1, 60), st.booleans())
SINGLE = st.tuples(
    st.just("single"), KINDS, st.sampled_from(["ok", "ok", "partial", "failed", "paused"]), st.booleans(),
    st.booleans(), st.booleans(),
)  # fmt: skip
COMMIT = st.tuples(st.just("commit"))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(PLAIN, PLAIN, SINGLE, COMMIT), max_size=60), st.integers(0, 9))
@example(  # a step without times between one that loses its own and those that follow
    [("plain", "train", 1, False), ("plain", "train", 21, False), ("plain", "train", 34, False),
     ("single", "train", "ok", True, False, False), ("single", "train", "ok", True, False, False),
     ("single", "train", "ok", False, False, False), ("plain", "train", 5, False), ("plain", "train", 1, False)], 0,
)  # fmt: skip
@example(  # so many of them that its stretch has been written
    [("plain", "train", 56, False), *2 * [("single", "train", "ok", True, False, False)],
     *150 * [("single", "train", "ok", False, False, False)], ("plain", "train", 5, False), ("plain", "train", 1, False)], 0,
)  # fmt: skip
def test_what_was_written_is_read(tmp_path: Path, told: list[tuple[Any, ...]], seed: int) -> None:
    path = tmp_path / "a.gscope"
    path.unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "SPAN", 64)
        patch.setattr(stretches, "LEAST", 4)
        patch.setattr(thinning, "KEEP", 50)  # most times go soon
        run = Run(path, seed)
        for what, *how in told:
            if what == "commit":
                run.writer.commit()
            else:
                getattr(run, what)(*how)
        run.writer.close()
    check(path)


def long_run(path: Path, **options: Any) -> None:
    run = Run(path, 1, **options)
    for k in range(40):
        run.plain("train", 256, k > 20)
        if k % 5 == 0:
            run.single("eval", "ok", True, True)
            run.single("train", "partial" if k == 10 else "ok", True, k == 20)
        run.writer.commit()
    run.writer.close()


def test_a_long_run_is_in_stretches_and_a_short_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.gscope"
    long_run(path)
    found = stored(path)
    assert len(found) == 2 and {kind for *_, kind in found} == {"train"}
    assert found[0][0] == 0 and found[-1][1] > 8_000
    check(path)
    short = Run(tmp_path / "b.gscope", 1)
    short.plain("train", 200, False)
    short.writer.close()
    assert not stored(tmp_path / "b.gscope")


def test_times_that_are_thinned_are_thinned_in_both(tmp_path: Path) -> None:
    path = tmp_path / "a.gscope"
    long_run(path)
    with TraceReader(path) as reader:
        timed = reader.steps().timed
    assert 2_000 < timed.sum() < 9_000
    np.testing.assert_array_equal(timed, row_by_row(path).timed)


@pytest.mark.parametrize("seed", range(2))
def test_what_a_size_limit_takes_away_is_gone_from_stretches_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    path = tmp_path / "a.gscope"
    monkeypatch.setattr(stretches, "SPAN", 512)
    monkeypatch.setattr(stretches, "LEAST", 100)
    monkeypatch.setattr(survey, "PIECE", 700)
    monkeypatch.setattr(limit, "CHUNK", 64)
    run = Run(path, seed, 1 << 19)
    for k in range(30):
        for _ in range(int(run.draw.integers(1, 9))):
            run.plain("train", int(run.draw.integers(1, 257)), False)
        for _ in range(int(run.draw.integers(0, 4))):
            run.single("eval", "ok", bool(run.draw.integers(2)), False)
        run.writer.commit()
        check(path)
    told = run.writer.limit.told
    run.writer.close()
    assert told["steps"] and told["times"]
    assert stored(path)
    check(path)


def test_steps_that_are_given_up_on_a_full_disk_are_in_no_stretch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.gscope"
    monkeypatch.setattr(writer, "PENDING_LIMIT", 100)
    run = Run(path, 0)
    run.plain("train", 300, False)
    run.writer.commit()
    run.writer._db.execute("PRAGMA query_only=1")
    for _ in range(30):
        run.plain("train", 256, False)
        with pytest.raises(Exception, match="readonly"):
            run.writer.commit()
    run.writer._db.execute("PRAGMA query_only=0")
    for _ in range(20):
        run.plain("train", 256, False)
    run.writer.close()
    assert len(stored(path)) == 1
    check(path)


@pytest.mark.parametrize(
    "wrong",
    ["data = x'00'", "data = 7", "data = NULL", "first = first + 1", "last = 9999999", "last = 'x'", "kind = 'other'"],
)  # fmt: skip
def test_a_wrong_stretch_is_left_out_and_rows_are_read(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "a.gscope"
    long_run(path)
    db = sqlite3.connect(path)
    db.execute(f"UPDATE OR IGNORE stretches SET {wrong} WHERE first = 0")
    db.commit()
    db.close()
    check(path)


def test_a_file_from_before_stretches(tmp_path: Path) -> None:
    path = tmp_path / "a.gscope"
    long_run(path)
    db = sqlite3.connect(path)
    db.execute("DROP TABLE stretches")
    db.commit()
    db.close()
    check(path)


def test_of_a_damaged_table_the_rows_before_the_damage_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.gscope"
    long_run(path)
    whole = row_by_row(path)
    db = sqlite3.connect(path)
    db.execute("DROP TABLE stretches")
    db.commit()
    page = db.execute("PRAGMA page_size").fetchone()[0]
    root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'steps'").fetchone()[0]
    db.close()
    raw = bytearray(path.read_bytes())
    top = raw[(root - 1) * page : root * page]
    assert (
        top[0] == 5
    )  # an inner page: the page numbers of its children stand at the begin of its cells
    cells = int.from_bytes(top[3:5], "big")
    at = int.from_bytes(top[12 + 2 * (cells // 2) : 14 + 2 * (cells // 2)], "big")
    child = int.from_bytes(top[at : at + 4], "big")
    raw[(child - 1) * page : child * page] = b"\xff" * page
    bad = tmp_path / "bad.gscope"
    bad.write_bytes(raw)
    with TraceReader(bad) as reader:
        found = reader.steps()
        assert reader.damage is not None
        assert 256 < len(found) < len(whole)
        np.testing.assert_array_equal(found.id, whole.id[: len(found)])
        np.testing.assert_array_equal(found.loss, whole.loss[: len(found)])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_bytes_that_are_no_stretch_are_refused(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 5))
    ints = np.cumsum(np.arange(14 * n).reshape(14, n) ** 3, axis=1)
    blob = bytearray(stretches.pack(Columns(ints, np.arange(n) / 3, {0: "failed"})))
    if data.draw(st.booleans()):
        del blob[data.draw(st.integers(0, len(blob) - 1)) :]
    for at in data.draw(st.lists(st.integers(0, max(len(blob) - 1, 0)), max_size=3)):
        if blob:
            blob[at] ^= data.draw(st.integers(0, 255))
    try:
        found = stretches.unpack(bytes(blob))
    except Exception as error:
        from graphscope.trace.rows import DAMAGE

        assert isinstance(error, DAMAGE)
    else:
        assert found.ints.shape == (14, len(found.loss))


def test_whole_range_of_numbers(tmp_path: Path) -> None:
    """Nothing is rounded, whatever stands in a column."""
    draw = np.random.default_rng(0)
    for bits in (1, 7, 31, 40, 61):
        ints = draw.integers(-(1 << bits), 1 << bits, (14, 50))
        loss = draw.normal(size=50) * 10.0 ** draw.integers(-300, 300, 50)
        loss[::7] = np.inf, -np.inf, np.nan, 0.0, -0.0, 5e-324, 1.0, 2.0
        same = stretches.unpack(stretches.pack(Columns(ints, loss, {})))
        np.testing.assert_array_equal(same.ints, ints)
        assert same.loss.tobytes() == loss.tobytes() and same.status == {}
