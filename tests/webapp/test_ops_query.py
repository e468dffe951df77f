"""The Ops page's tables, against sums made here by hand from the golden traces' own columns."""

import json
import re

import numpy as np
import pytest

from graphscope.analysis.ceilings import Ceilings
from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.webapp.queries.ops import LAST, Recent, counters, ops_json
from graphscope.webapp.queries.roof import roof_json

CEILINGS = Ceilings(copy=10e9, gemm32=40e9, gemm64=20e9, threads=1, measured=0.0)


@pytest.fixture(scope="module")
def tiny(runs):
    return TraceReader(runs / "tiny.gscope")


@pytest.fixture(scope="module")
def digits(runs):
    return TraceReader(runs / "digits_like.gscope")


def rows_of(answer):
    json.dumps(answer, allow_nan=False)  # what a browser can read
    return {row["key"]: row for row in answer["rows"]}


def by_hand(reader, step):
    """Nanoseconds per op of one step, forward and backward, straight from the columns."""
    graph, dur = reader.graph(0), reader.step(step).dur_ns
    out = {}
    for i in range(graph.n):
        back = graph.phase[i] == schema.BACKWARD
        row = out.setdefault(graph.op_name(i), [0, 0, 0])
        row[0] += 1
        row[1 + back] += int(dur[i])
    return out


def test_one_step_is_the_sum_of_its_ops(tiny):
    answer = ops_json(tiny, "op", "step", 1)
    rows, hand = rows_of(answer), by_hand(tiny, 1)
    assert set(rows) == set(hand)
    for key, (calls, forward, backward) in hand.items():
        row = rows[key]
        assert row["calls"] == calls
        assert row["forward"] == pytest.approx(forward)
        assert row["backward"] == pytest.approx(backward)
        assert row["total"] == pytest.approx(forward + backward)
    # matmul: 4x3 by 3x5 and 4x5 by 5x2, forward 2*4*5*3 + 2*4*2*5 = 200, and three gradients:
    # no gradient of x is wanted, so 2*20*3 for w1, and 2*8*5 each for h and w2.
    assert rows["matmul"]["flops"] == 200 + 120 + 80 + 80
    assert answer["line"].startswith("step 1, ") and answer["steps"] == 1
    assert answer["total"]["total"] == pytest.approx(sum(f + b for _, f, b in hand.values()))
    assert answer["total"]["key"] == "6 ops"


def test_all_steps_add_up_and_the_slowest_is_first(tiny):
    answer = ops_json(tiny)
    hand = [by_hand(tiny, k) for k in range(3)]
    assert rows_of(answer)["matmul"]["total"] == pytest.approx(
        sum(h["matmul"][1] + h["matmul"][2] for h in hand), rel=1e-6
    )
    assert answer["rows"][0]["key"] == "matmul" and answer["rows"][0]["family"] == "linalg"
    totals = [row["total"] for row in answer["rows"]]
    assert totals == sorted(totals, reverse=True)
    assert "in ops" in answer["line"] and answer["wall"] == int(tiny.steps().wall_ns.sum())


def test_the_last_steps_end_at_the_one_that_is_looked_at(digits):
    answer = ops_json(digits, "op", "last", 30)
    assert (answer["first"], answer["last"], answer["steps"]) == (31 - LAST, 30, LAST)
    assert answer["line"].startswith("steps 11 to 30, ")
    assert ops_json(digits, "op", "last", 3)["steps"] == 4


def test_a_click_selects_the_slowest_op_of_its_group(tiny):
    graph, dur = tiny.graph(0), tiny.step(2).dur_ns
    for row in ops_json(tiny, "op", "step")["rows"]:
        mine = [i for i in range(graph.n) if graph.op_name(i) == row["key"]]
        slowest = max(mine, key=lambda i: dur[i])
        twin = int(graph.twin[slowest])
        assert row["node"] == f"n{twin if twin >= 0 else slowest}"
        assert row["cards"] == [i for i in mine if graph.twin[i] < 0]


def test_modules_are_a_tree_and_their_parts_sum_to_it(digits):
    answer = ops_json(digits, "scope", modules=lambda graph, step: {"net"})
    rows = answer["rows"]
    assert [row["key"] for row in rows[:2]] == ["(top)", "net"]
    assert [row["depth"] for row in rows[:3]] == [0, 1, 2] and rows[1]["parent"] == "(top)"
    found = rows_of(answer)
    inside = [row for row in rows if row["parent"] == "net"]
    parts = sum(row["total"] for row in inside) + found["net"]["self"]
    assert found["net"]["total"] == pytest.approx(parts)
    assert found["net"]["node"] == "s:net"
    assert found["net.conv1"]["node"].startswith("n"), "a module of one card is that card"
    # What stands under the table is the whole, and not the sum of sums within sums.
    assert answer["total"]["total"] == pytest.approx(found["(top)"]["total"])
    assert answer["busy"] == pytest.approx(sum(row["self"] for row in rows))


@pytest.mark.parametrize("by", ["op", "scope", "line", "shape", "phase"])
@pytest.mark.parametrize("run", ["hostile", "failed", "one_step", "digits_like"])
def test_every_grouping_of_every_run_is_plain_json(runs, run, by):
    reader = TraceReader(runs / f"{run}.gscope")
    for span in ("all", "last", "step"):
        answer = ops_json(reader, by, span)
        rows_of(answer)
        ids = [row["id"] for row in answer["rows"]]
        assert ids and len(set(ids)) == len(ids)


def test_a_run_that_failed_is_told_by_its_whole_steps(runs):
    reader = TraceReader(runs / "failed.gscope")
    rows = rows_of(ops_json(reader))
    assert rows["pow"]["family"] == "pointwise" and rows["pow"]["node"] is None
    assert roof_json(reader, ceilings=CEILINGS)["step"] == 6


def test_wrong_questions_are_answered_with_a_sentence(client):
    wrong = (
        "run=tiny&by=color",
        "run=tiny&span=week",
        "run=tiny&step=x",
        "run=no",
        "run=tiny&step=99",
    )
    for query in wrong:
        got = client.get(f"/api/ops?{query}")
        assert got.status_code == 404 and got.json["error"].endswith(".")
    with pytest.raises(TraceError):
        roof_json(None, "color")


def test_an_answer_is_made_again_only_when_the_run_has_news(tiny):
    recent, made = Recent(2), []
    for _ in range(3):
        recent.get("a", counters(tiny), lambda: made.append(1))
    recent.get("a", "other", lambda: made.append(1))
    assert len(made) == 2


def test_the_roofline_knows_what_limits_each_op(tiny):
    answer = roof_json(tiny, ceilings=CEILINGS)
    json.dumps(answer, allow_nan=False)
    times = np.median([tiny.step(k).dur_ns for k in range(3)], axis=0)
    graph = tiny.graph(0)
    mine = [i for i in range(graph.n) if graph.op_name(i) == "matmul"]
    dots = answer["figure"]["data"][-1]
    k = dots["customdata"].index("matmul")
    took = times[mine].sum() / 1e9
    assert dots["y"][k] == pytest.approx(480 / took, rel=1e-6)
    # 480 operations at 40 GFLOP/s are 12 ns: microseconds are the cost of calling it.
    assert answer["rows"]["matmul"][0] == "overhead"
    assert "4.00 FLOP/B" in answer["note"]


def test_ceilings_of_another_machine_than_the_run_was_made_on_are_called_that(tiny, monkeypatch):
    from graphscope.trace.host import host

    header = tiny.header()
    for made_on, words in (
        (host(), ""),
        ("Abacus, 3 cores", "made on another: Abacus, 3 cores"),
        ("", "does not say"),
    ):
        monkeypatch.setattr(tiny, "header", lambda made_on=made_on: header | {"host": made_on})
        note = roof_json(tiny, ceilings=CEILINGS)["note"]
        assert words in note and ("made on" in note or "was made" in note) == bool(words)


def test_a_trace_without_costs_says_so(runs, tmp_path):
    import shutil
    import sqlite3
    from contextlib import closing

    shutil.copy(runs / "tiny.gscope", tmp_path / "old.gscope")
    with closing(sqlite3.connect(tmp_path / "old.gscope")) as file, file:
        file.execute("DELETE FROM costs")
    answer = roof_json(TraceReader(tmp_path / "old.gscope"), ceilings=CEILINGS)
    assert answer["figure"] is None and "older version" in answer["note"]


def test_the_grid_script_is_not_on_the_page_until_it_is_wanted(client):
    (address,) = re.findall(r'src="([^"]*/dash_ag_grid/[^"]*)"', client.get("/_dash/").text)
    page, _, told = client.get("/ops").text.partition('<template id="gs-dash">')
    assert 'rel="preload"' in page and "dash_ag_grid" not in page
    assert address in told
    script = client.get(address)
    assert script.status_code == 200 and len(script.data) > 500_000
