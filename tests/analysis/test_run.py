"""``gs.open_run`` and what a profile gives back; steps and runs against each other; the command line."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import graphscope as gs
from graphscope.analysis.comparison import FASTER, SAME, SLOWER, regressions
from graphscope.analysis.run import Run, open_run
from graphscope.analysis.steps import PARTS, steps
from graphscope.cli import main
from graphscope.errors import TraceError, UsageError
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from tests import golden
from tests.golden_sketch import Dictionary


def made(folder, name, ns, flops=10, steps=20, wall=None):
    """The tiny net with every op at ``ns(node, step)`` nanoseconds, ``flops`` and twice as many bytes a node."""
    path = folder / f"{name}.gscope"
    w = TraceWriter(path, golden.META | {"run": name})
    s, _ = golden.tiny_sketch(Dictionary(w, "train.py", golden.TINY_SOURCE))
    s.write(0)
    s.write_shapes(0, 0)
    n = len(s.nodes)
    w.add_costs(0, [flops] * n, [2 * flops] * n)
    for k in range(steps):
        dur = np.array([ns(i, k) for i in range(n)])
        begin = np.cumsum(dur) - dur
        w.add_step(k, "train", k, 0, 0, begin_ns=begin, dur_ns=dur, wall_ns=int(dur.sum()) + 1000)
    w.close()
    return path


def steady(i, k):
    return 10_000 + 100 * (k % 5)


@pytest.fixture
def base(tmp_path):
    return made(tmp_path, "base", steady)


def test_no_regression_passes_and_a_slow_op_fails_with_its_ratio(tmp_path, base):
    same = made(tmp_path, "same", lambda i, k: steady(i, k + 3))
    slow = made(tmp_path, "slow", lambda i, k: steady(i, k) * (3 if i == 1 else 1))
    with open_run(same) as run:
        run.assert_no_regression(base, tolerance=0.05)
    with open_run(slow) as run, open_run(base) as before:
        run.assert_no_regression(before, tolerance=1.5)
        with pytest.raises(
            AssertionError, match=r"1 thing got worse.*\nrelu: .* 2\.00 times as long"
        ):
            run.assert_no_regression(before, tolerance=0.5)
        before.assert_no_regression(run, tolerance=0)  # faster is fine, and the run is still open
    with open_run(base) as run, pytest.raises(UsageError, match="tolerance=-1"):
        run.assert_no_regression(base, tolerance=-1)
    with open_run(base) as run, pytest.raises(UsageError, match="is no run"):
        run.assert_no_regression(7)


def test_operations_and_bytes_must_be_equal(tmp_path, base):
    more = made(tmp_path, "more", steady, flops=11)
    with open_run(more) as run:
        found = regressions(run.compare(base), 10.0)
        assert any(s == "(whole step): operations 150 in A, 165 in B." for s in found)
        assert any(s == "relu: bytes moved 40 in A, 44 in B." for s in found)
        with pytest.raises(AssertionError, match="operations 150 in A, 165 in B"):
            run.assert_no_regression(base, 10.0)
        table = run.compare(base).table(width=160)
        assert "FLOP A" in table and "moved B" in table
        assert "FLOP A" not in run.compare(base).table(width=80)
        same = run.compare(more).table(width=160)
        assert "FLOP A" not in same and "FLOP" in same  # alike: one column


def test_a_missing_op_is_a_regression_of_the_structure(tmp_path, base):
    other = golden.build("digits_like", tmp_path)
    with open_run(other) as run, pytest.raises(AssertionError, match="ops of a step differ"):
        run.assert_no_regression(base)


def test_step_against_step(tmp_path):
    """Times go through 0..400 ns in turn; step 19 has one op 4000 ns longer, far outside of that."""
    path = made(tmp_path, "run", lambda i, k: steady(i, k) + 4000 * (i == 1 and k == 19))
    with open_run(path) as run:
        found = run.compare_steps(3, 19)
        rows = {row.key: row for row in found}
        assert rows["relu"].verdict == SLOWER and rows["matmul"].verdict == SAME
        assert (rows["relu"].a.p50, rows["relu"].b.p50) == (2 * 10_300, 2 * 10_400 + 4000)
        assert {row.key: row.verdict for row in run.compare_steps(19, 3)}["relu"] == FASTER
        assert {row.verdict for row in run.compare_steps(3, 4)} == {SAME}
        assert "step 3 of run" in str(found) and found.structure.same
        with pytest.raises(TraceError, match="no train step 99"):
            run.compare_steps(3, 99)
        with pytest.raises(UsageError, match="Cannot group"):
            run.compare_steps(3, 4, "layer")


def test_a_run_is_found_by_its_name_or_its_folder(tmp_path, base):
    for path in (base, tmp_path / "base", tmp_path):
        with open_run(path) as run:
            assert run.path == base and len(run.steps()) == 20
    with pytest.raises(TraceError, match="does not exist"):
        open_run(tmp_path / "nothing")
    assert gs.open_run is open_run


def test_where_the_numbers_of_two_runs_part(tmp_path):
    for name in ("one", "two"):
        golden.build("tiny", tmp_path).rename(tmp_path / f"{name}.gscope")
    with open_run(tmp_path / "one") as run:
        assert run.first_divergent(tmp_path / "two") is None
        failed = run.first_divergent(golden.build("failed", tmp_path))
        assert failed is not None and failed.step == 0 and failed.label == "w1"


def test_a_profile_answers_while_it_records_and_afterwards(tmp_path):
    x, w = gs.randn(4, 3), gs.randn(3, 2, requires_grad=True)
    answers = []
    with gs.profile(tmp_path / "run") as p:
        for _ in range(5):
            (x @ w).sum().backward()
            w.grad = None
        p.step()
        answers.append(p.steps())
        p.assert_no_regression(p, 0.0)
    answers.append(p.steps())
    for found in answers:
        assert len(found) == 5 and found[4].flops == found[0].flops >= 2 * 2 * 4 * 3 * 2
    with p.results() as run:
        assert isinstance(run, Run) and len(run.key_averages()) == len(p.key_averages())
    assert p.peak().peak == p.memory_timeline().peak.live == p.steps()[-1].peak
    assert "alive when it began" in str(p.peak()) and json.dumps(p.peak().to_dict())
    assert {row.key for row in p.roofline()} >= {"mm", "sum"}
    assert len(p.compare_steps(1, 2)) == len(p.key_averages())
    with pytest.raises(TraceError, match="nothing was recorded"):
        gs.profile(tmp_path / "never").steps()


def test_the_steps_command(base, capsys):
    assert main(["steps", str(base), "--top", "2"]) == 0
    out = capsys.readouterr().out
    assert (
        "18 more steps not shown" in out
        and "python" in out
        and out.splitlines()[2].startswith("18")
    )
    assert main(["steps", str(base), "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 20 and int(rows[0]["wall"]) == 15 * 10_000 + 1000
    assert main(["steps", str(base), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 20
    assert main(["steps", str(base), "--kind", "eval"]) == 0
    assert "no eval step yet" in capsys.readouterr().out


def test_the_table_and_compare_commands(base, capsys, tmp_path):
    assert main(["table", str(base), "--csv"]) == 0
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert float(rows["relu"]["flops"]) == 20 * 2 * 10 and rows["relu"]["device"] == ""
    assert main(["table", str(base), "--sort", "flops_s", "--by", "shape", "--top", "1"]) == 0
    assert main(["compare", str(base), "--steps", "1", "3"]) == 0
    assert "step 3 of base" in capsys.readouterr().out
    assert main(["compare", str(base), "--steps", "1", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["step"]["a"]["flops"] == 150
    more = made(tmp_path, "more", steady, flops=11)
    assert main(["compare", str(base), str(more), "--tolerance", "0.5"]) == 1
    assert "operations 150 in A, 165 in B" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["steps", "nowhere"], ["steps"], ["steps", "RUN", "--sort", "time"], ["steps", "RUN", "--top", "x"],
        ["steps", "RUN", "--csv", "--json"], ["table", "RUN", "--csv", "--json"], ["compare", "RUN"],
        ["compare", "RUN", "--steps", "1"], ["compare", "RUN", "--steps", "1", "99"],
        ["compare", "RUN", "RUN", "--steps", "1", "2"], ["compare", "RUN", "--steps", "1", "-2"],
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_and_exit_code_2(base, capsys, words):
    assert main([str(base) if word == "RUN" else word for word in words]) == 2
    out, err = capsys.readouterr()
    assert not out and len(err.strip().splitlines()) == 1 and err.startswith("graphscope")


def test_the_help_has_examples(capsys):
    for command in ("steps", "table", "compare", "memory"):
        assert main([command, "--help"]) == 0
        assert "example:" in capsys.readouterr().out


# What a file of format 1 has.
TABLES_1 = (
    "meta", "strings", "ops", "sites", "sources", "specs", "graphs", "shape_sets", "steps", "tensors", "moments",
    "scalars", "texts", "findings", "commands",
)  # fmt: skip
STEPS_1 = (
    "id", "kind", "num", "graph", "shape_set", "status", "t0_ns", "wall_ns", "rec_ns", "loss", "nonfinite",
    "columns", "shift", "freed", "dev", "live0", "note",
)  # fmt: skip


def test_a_trace_of_format_1_has_no_costs_but_its_steps_have_parts(tmp_path):
    path = golden.build("digits_like", tmp_path)
    with TraceReader(path) as reader:
        before = steps(reader)
    with closing(sqlite3.connect(path)) as db, db:
        names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in names:
            if table not in TABLES_1 and not table.startswith("sqlite_"):
                db.execute(f"DROP TABLE {table}")
        for column in db.execute("SELECT name FROM pragma_table_info('steps')").fetchall():
            if column[0] not in STEPS_1:
                db.execute(f"ALTER TABLE steps DROP COLUMN {column[0]}")
        db.execute("UPDATE meta SET value = '1' WHERE key = 'format'")
    db.close()
    with TraceReader(path) as reader:
        assert np.isnan(reader.steps().parts).all() and reader.costs(0) is None
        for new, old in zip(steps(reader), before, strict=True):
            # Times are stored in units of some nanoseconds; the sums of format 2 are exact.
            assert new.wall == old.wall and new.forward == pytest.approx(old.forward, rel=1e-3)
            assert sum(getattr(new, part) for part in PARTS) == new.wall


def test_a_profile_answers_what_a_run_answers(tmp_path):
    from graphscope.analysis.run import Run

    promised = {name for name in vars(Run) if not name.startswith("_")} - {"close"}
    assert not [name for name in promised if not hasattr(gs.profile, name)]
    found = []
    for name in ("a", "b"):
        with gs.profile(tmp_path / name) as p:
            for _ in range(6):
                gs.ones(3, requires_grad=True).exp().sum().backward()
        found.append(p)
    assert found[1].compare(found[0]).structure.same
    assert found[1].first_divergent(found[0].path) is None


def test_the_table_of_steps_says_which_graph_and_where_it_parts(tmp_path):
    x = gs.ones(3, requires_grad=True)
    with gs.profile(tmp_path / "run", values="off") as p:
        for k in range(6):
            h = x.exp()
            h = h.tanh() if k % 2 else h * 2  # they part here
            h.sum().backward()
            p.step()
    text = Path(__file__).read_text(encoding="utf-8").splitlines()
    line = 1 + next(k for k, words in enumerate(text) if words.endswith("# they part here"))
    said = p.steps().table()
    assert "graph" in said.splitlines()[0]
    assert f"Graph 1, first in step 1, parts from graph 0 at tanh (test_run.py:{line})." in said
    assert "more graphs" not in said
    with gs.profile(tmp_path / "same", values="off") as p:
        for _ in range(3):
            x.exp().sum().backward()
    assert "graph" not in p.steps().table().lower()
