"""The step strip: losses, one health cell per step, what findings and events mark on it."""

import json
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from graphscope.webapp import api
from graphscope.webapp.queries.graph import Views
from graphscope.webapp.queries.home import home_json
from graphscope.webapp.queries.so_far import SoFar
from graphscope.webapp.queries.strip import (
    ERROR,
    FAILED,
    FINE,
    NONFINITE,
    WARNING,
    keep,
    strip_json,
)
from tests import golden


@pytest.fixture
def strip(runs):
    def get(run, marked=()):
        with TraceReader(runs / f"{run}.gscope") as reader:
            return strip_json(reader, None, marked)

    return get


def test_bad_steps_are_marked_by_their_worst(strip):
    told = strip("failed")
    assert (told["steps"], told["last"]) == (8, 7)
    assert [cell[2] for cell in told["cells"]] == [FINE] * 5 + [NONFINITE, NONFINITE, FAILED]
    assert [cell[3:] for cell in told["cells"]][4:6] == [[""], ["not finite", 5]]


def test_not_finite_and_no_loss_are_two_things(strip):
    """A step that failed before its loss has none; hatching it would say NaN."""
    losses = [p[1] for p in strip("failed")["points"]]
    assert losses[5:] == [None, None, False]
    assert all(isinstance(x, float) for x in losses[:5])


def test_recorded_findings_and_those_of_rules_mark_their_steps(strip):
    told = strip("digits_like", [(10, 12, ERROR, "diverging"), (39, 41, 1, "noise")])
    levels = {cell[0]: cell[2:] for cell in told["cells"]}
    assert [levels[k][0] for k in (9, 10, 11, 12, 13)] == [FINE, ERROR, ERROR, ERROR, FINE]
    assert levels[40] == [WARNING, "The loss jumped by 1.5 at step 40", 40]
    assert levels[39] == [1, "noise", 39]


def test_one_bad_step_among_many_is_still_a_cell(tmp_path):
    path = tmp_path / "long.gscope"
    w = TraceWriter(path, golden.META | {"run": "long"})
    d = golden.Dictionary(w, "train.py", golden.TINY_SOURCE)
    sketch, _ = golden.tiny_sketch(d)
    sketch.write(0)
    sketch.write_shapes(0, 0)
    for k in range(3000):
        bad = k == 2345
        w.add_step(k, "train", k, 0, 0, loss=None if bad else 1.0, nonfinite=bad, wall_ns=1000)
    w.close()
    with TraceReader(path) as reader:
        told = strip_json(reader)
    assert len(told["cells"]) == 400 and len(told["points"]) < 1500
    marked = [cell for cell in told["cells"] if cell[2]]
    assert len(marked) == 1 and marked[0][2:] == [NONFINITE, "not finite", 2345]
    assert [2345, None] in told["points"]


def test_what_was_done_to_a_run_is_an_event(tmp_path):
    path = golden.build("live", tmp_path)
    with TraceReader(path) as reader:
        assert strip_json(reader)["events"] == []
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "INSERT INTO findings (step, rule, severity, node, title, data)"
            " VALUES (1, 'control', 'info', -1, 'changed', '{\"text\": \"lr 0.1 to 0.01\"}')"
        )
    db.close()
    with TraceReader(path) as reader:
        events = strip_json(reader)["events"]
    assert events == [{"step": 1, "kind": "control", "text": "lr 0.1 to 0.01"}]


def test_a_run_without_steps_is_empty(strip):
    assert strip("empty")["steps"] == 0
    assert strip("one_step")["steps"] == 1


def test_downsampling_keeps_spike_and_nan():
    loss = np.ones(100_000)
    loss[54_321], loss[77_777] = 50.0, np.nan
    kept = keep(loss, 1000)
    assert {54_321, 77_777, 0, 99_999} <= set(kept.tolist()) and len(kept) < 1300


def test_ten_tabs_cost_one_strip(client, monkeypatch):
    made = []
    monkeypatch.setattr(api, "strip_json", lambda *a: made.append(a) or {"steps": 0})
    answers = [client.get("/api/strip?run=one_step").json for _ in range(10)]
    assert answers == [{"steps": 0}] * 10
    # Once, and once more if the doctor came with its findings in the meantime.
    assert len(made) <= 2


def test_a_thinned_run_says_so_on_the_strip_and_on_the_overview(runs, tmp_path):
    told = {"steps": 2, "limit": 1 << 20, "before_step": 2, "since": "2026-01-02T03:04:05Z"}
    for name, text in (("whole", ""), ("thinned", json.dumps(told)), ("odd", "[1]")):
        shutil.copy(runs / "tiny.gscope", tmp_path / f"{name}.gscope")
        if text:
            with closing(sqlite3.connect(tmp_path / f"{name}.gscope")) as db, db:
                db.execute("INSERT INTO meta VALUES ('thinned', ?)", (text,))
            db.close()
        with TraceReader(tmp_path / f"{name}.gscope") as reader:
            strip, home = strip_json(reader), home_json(reader, SoFar(), Views())
        if not text:
            assert "thinned" not in strip and not home["thinned"]
        elif name == "thinned":
            assert strip["thinned"]["before"] == 2
            assert (
                "1.00 MiB, 2 steps from before step 2"
                in home["thinned"]
                == strip["thinned"]["text"]
            )
        else:
            assert strip["thinned"]["before"] is None and "cannot be read" in home["thinned"]
