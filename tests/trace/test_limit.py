"""A stated size: a long run stays within it, keeps what says something, and says what went."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphscope as gs
from graphscope.errors import UsageError
from graphscope.trace import limit, schema, survey, thinned
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import Facts, TraceWriter
from tests.bench.kills import kill
from tests.golden_sketch import entry
from tests.trace.walk import walk

NODES = 6
SIZE = 330 << 10
BATCH = 100


def long_run(path: Path, batches: int, size: int | None = SIZE, graphs: int = 1) -> TraceWriter:
    """Batches of 100 steps with scalars and statistics; odd things happen in the oldest part."""
    w = TraceWriter(path, {"run": "week"}, size)
    w.add_op(0, "mul", "pointwise")
    w.add_spec(0, (3,), "float32", 12)
    for g in range(2):
        table = [[0, 1, 0, -1, -1, -1, -1, 0]] * NODES
        w.add_graph(g, f"d{g}", "train", -1, -1, table, [], [], [])
        w.add_shape_set(g, g, [0] * NODES)
        w.add_costs(g, [3] * NODES, [24] * NODES)
    draw = np.random.default_rng(0)
    for batch in range(batches):
        ids = range(batch * BATCH, batch * BATCH + BATCH)
        facts = [
            Facts(
                k, k, 0, k * 10**9, 10**8, 10**4, 1 / (k + 1), k == 150, None, 100,
                "said" if k == 250 else None, False,
            )
            for k in ids
        ]  # fmt: skip
        dur = draw.integers(1000, 9000, (BATCH, NODES))
        w.add_steps("train", 0, "ok", facts, np.cumsum(dur, 1) - dur, dur)
        w.add_values(ids[7], [(0, "v", entry(draw.normal(size=3)))])
        for k in ids:
            w.add_scalar("loss", k, float("nan") if k == 160 else float(k), k * 10**9)
        if batch % 40 == 0:
            w.add_scalar("rare", batch // 40, float(batch), ids[0] * 10**9)
        w.add_text("said", ids[0], f"batch {batch}", ids[0] * 10**9)
        if batch == 3:
            w.add_finding(333, "nonfinite", "error", 0, "a loss", {})
        w.commit()
        if size is not None:
            assert path.stat().st_size <= size + (64 << 10)
    return w


def test_a_long_run_stays_within_its_size_and_says_what_went(tmp_path: Path) -> None:
    path = tmp_path / "week.gscope"
    w = long_run(path, 200)
    w.close()
    assert path.stat().st_size <= SIZE
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with TraceReader(path) as reader:
        table = reader.steps()
        assert 500 < len(table) < 10_000 and (np.diff(table.num) > 0).all()
        assert {0, 150, 250, 333, 19_999} <= set(table.num.tolist()), "what says something stays"
        assert (table.num[-200:] == np.arange(19_800, 20_000)).all(), "the newest part is whole"
        ages = np.histogram(table.num, 10, (0, 20_000))[0]
        assert ages[:8].min() > 10 and ages[:8].max() < 3 * ages[:8].min(), "evenly, before it"
        assert ages[9] > 3 * ages[0]
        steps, values, _ = reader.scalars("loss")["loss"]
        assert 160 in steps and steps[0] == 0 and steps[-1] == 19_999
        assert np.isnan(values[steps == 160]).all()
        assert reader.scalars("rare")["rare"][0].tolist() == [0, 1, 2, 3, 4], (
            "they are rare already"
        )
        for num in table.num[:: len(table) // 50]:
            assert reader.step(int(num)).dur_ns.sum() > 0
            assert num < 7 or reader.values(int(num)) is not None
        assert np.isnan(reader.columns("dur_ns", table.num.tolist())).any()
        assert reader.moments(0)["n"] == 20_000, "those of all steps, also of the ones that went"
        assert set(reader.value_steps()) <= set(table.num.tolist())
        told = json.loads(reader.header()["thinned"])
        assert told["steps"] == 20_000 - len(table) and told["values"] == 200 - len(
            reader.value_steps()
        )
        assert told["scalars"] == 20_000 - len(steps)
        said = reader.thinned()
        assert said is not None and said.startswith("To stay within 330 KiB, ") and "steps" in said
    assert walk(path) > 15


def test_what_fits_is_left_alone(tmp_path: Path) -> None:
    for size in (None, 64 << 20):
        path = tmp_path / f"{size}.gscope"
        long_run(path, 12, size).close()
        with TraceReader(path) as reader:
            assert len(reader.steps()) == 1200 and reader.thinned() is None


def test_all_steps_odd_are_thinned_too(tmp_path: Path) -> None:
    """A run that is NaN for a week: that every step is special does not make the file grow."""
    path = tmp_path / "nan.gscope"
    w = TraceWriter(path, {}, SIZE)
    w.add_graph(0, "d", "train", -1, -1, [[0, 1, 0, -1, -1, -1, -1, 0]], [], [], [])
    w.add_shape_set(0, 0, [0])
    for batch in range(150):
        for k in range(batch * BATCH, batch * BATCH + BATCH):
            w.add_step(k, "train", k, 0, 0, nonfinite=True, dur_ns=[k], note="NaN")
        w.commit()
        assert path.stat().st_size <= SIZE + (64 << 10)
    w.close()
    with TraceReader(path) as reader:
        table = reader.steps()
        assert 0 in table.num and 14_999 in table.num and 300 < len(table) < 9_000


def test_graphs_that_never_repeat_go_with_their_steps_and_are_described_again(
    tmp_path: Path,
) -> None:
    w = gs.ones(3, requires_grad=True)
    with gs.profile(tmp_path / "a", values="off", max_size=2 * limit.LEAST) as p:
        for turn in range(2):
            for n in range(1, 120):
                h = w
                for _ in range(n):
                    h = h.tanh()
                h.sum().backward()
                w.grad = None
                if n % 3 == 0:
                    p.flush()
    assert p.path is not None
    assert p.path.stat().st_size < limit.LEAST * 2.6
    with TraceReader(p.path) as reader:
        told = json.loads(reader.header()["thinned"])
        assert told["graphs"] > 20
        table = reader.steps()
        assert table.num[-1] == 2 * 119 - 1
        assert set(table.graph.tolist()) <= set(reader.graphs())
        for num, n in zip(table.num.tolist(), reader.steps().graph.tolist(), strict=True):
            step = reader.step(num)
            assert reader.graph(n).n == 2 * ((num % 119) + 1) + 2
            assert reader.spec(step.spec_id(0)).shape == (3,)
            reader.costs(step.shape_set)
    assert walk(p.path) > 10


def test_kill_9_while_it_is_thinned(tmp_path: Path) -> None:
    for seed in range(3):
        found = kill(tmp_path, seed, 0.8, 1.4, "256 KiB")
        assert found.problem == "" and found.done > 20 and found.thinned


@pytest.mark.parametrize("given", ["much", "-1", 0, "1 KB", True, "1 XB", float("nan")])
def test_no_size(given: object) -> None:
    with pytest.raises(UsageError, match="max_size"):
        gs.profile("x", max_size=given)  # type: ignore[arg-type]


def test_garbled_words_are_a_sentence_too() -> None:
    assert thinned.sentence({}) is None
    for text in ("", "[]", "{}", "null", '{"limit": []}', "[" * 100_000):
        assert "cannot be read" in str(thinned.sentence({"thinned": text}))


def test_counters_hold_a_week(tmp_path: Path) -> None:
    """A week in nanoseconds, an op of an hour, and gaps of a day between ops."""
    week, hour, day = 7 * 86_400 * 10**9, 3_600 * 10**9, 86_400 * 10**9
    w = TraceWriter(tmp_path / "a.gscope")
    w.add_graph(0, "d", "train", -1, -1, [[0, 1, 0, -1, -1, -1, -1, 0]] * 3, [], [], [])
    w.add_shape_set(0, 0, [0, 0, 0])
    begin, dur = [0, day, 6 * day], [hour, hour, day]
    w.add_step(0, "train", 0, 0, 0, "ok", 10 * week, week, week, 1.0, begin_ns=begin, dur_ns=dur)
    w.add_device(0, "cuda", 0, week, week, 2**50, 2**50, 2**50, 2**50)
    w.add_scalar("x", 2**40, 1.0, 10 * week)
    w.close()
    with TraceReader(tmp_path / "a.gscope") as reader:
        step = reader.step(0)
        np.testing.assert_allclose(step.begin_ns, begin, rtol=1e-7)
        np.testing.assert_allclose(step.dur_ns, dur, rtol=1e-7)
        assert (step.t0_ns, step.wall_ns) == (10 * week, week)
        assert reader.steps().parts[0, schema.FORWARD] == pytest.approx(sum(dur))
        assert reader.moments(0)["max"][2] == pytest.approx(day)
        assert reader.devices(0)[0].busy_ns == week
        assert reader.scalars()["x"][0].tolist() == [2**40]


def test_a_piece_takes_as_long_however_many_steps_come_after_it(
    tmp_path: Path, monkeypatch: Any
) -> None:
    """Counted in instructions of SQLite's machine: seconds depend on the machine's."""
    monkeypatch.setattr(survey, "PIECE", 100)
    counts = []
    for batches in (20, 80):
        w = long_run(tmp_path / f"{batches}.gscope", batches, None, graphs=12)
        w.limit.size, db = SIZE, w._db
        found = survey.Survey(w.path)
        found.join()
        spent = [0]

        def count(spent: list[int] = spent) -> int:
            spent[0] += 1
            return 0

        db.set_progress_handler(count, 20)
        pieces = w.limit._pieces(db, found.found, 1)
        next(pieces)
        counts.append(spent[0])
        list(pieces)
        spent[0] = 0
        list(w.limit._graphs(db))
        counts.append(spent[0])
        db.set_progress_handler(None, 0)
        w.close()
    assert counts[2] < 1.1 * counts[0], counts
    assert counts[3] < 8 * counts[1], counts
