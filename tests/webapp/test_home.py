"""The Overview's numbers: parts sum to wall time, answers point at cards, costs are measured or said to be unknown."""

import numpy as np
import pytest

import graphscope as gs
from graphscope.trace.reader import TraceReader
from graphscope.webapp.queries import home, overhead
from graphscope.webapp.queries.graph import Views
from graphscope.webapp.queries.so_far import SoFar
from tests import golden


@pytest.fixture
def ask(runs):
    opened = []

    def get(run):
        opened.append(TraceReader(runs / f"{run}.gscope"))
        return home.home_json(opened[-1], SoFar(), Views())

    yield get
    for reader in opened:
        reader.close()


@pytest.mark.parametrize("of", ["recent", "run"])
def test_the_parts_of_a_step_sum_to_its_wall_time(ask, runs, of):
    told = ask("digits_like")["parts"][of]
    with TraceReader(runs / "digits_like.gscope") as reader:
        wall = reader.steps().wall_ns[-told["steps"] :].mean()
    assert sum(p["ns"] for p in told["parts"]) == pytest.approx(wall)
    assert sum(p["fraction"] for p in told["parts"]) == pytest.approx(1)
    assert {"data", "forward", "backward", "update", "python", "recorder"} <= {
        p["part"] for p in told["parts"]
    }
    assert all(p["means"] for p in told["parts"])


def test_answers_lead_to_cards_of_the_graph(ask, client):
    answers = {a["key"]: a for a in ask("digits_like")["answers"]}
    assert list(answers) == ["slowest", "largest", "faintest"]
    view = client.get("/api/graph?run=digits_like&open=all").json
    cards = {node["id"]: node for node in view["nodes"]}
    assert answers["slowest"]["id"] in cards and answers["faintest"]["id"] in cards
    # The largest is the data set: no card of the graph, but the inspector knows it, as the Memory page does.
    node = client.get(f"/api/node?run=digits_like&node={answers['largest']['id']}").json
    assert node["label"] == answers["largest"]["label"] == "images"
    assert answers["faintest"]["text"].startswith("\u2202 ")


def test_the_largest_tensor_of_tiny_is_known(ask, runs):
    answer = next(a for a in ask("tiny")["answers"] if a["key"] == "largest")
    with TraceReader(runs / "tiny.gscope") as reader:
        step = reader.step()
        graph = reader.graph(step.graph)
        sizes = [reader.spec(step.spec_id(v)).nbytes for v in range(-graph.n_ports, graph.n)]
    assert answer["text"] == f"{max(sizes)} B"


def test_throughput_counts_samples_where_all_inputs_agree(ask):
    pace = ask("tiny")["pace"]
    assert pace["steps_per_s"].endswith(" steps/s")
    assert pace["batch"] == "4" and pace["samples_per_s"].endswith(" samples/s")


def test_a_batch_that_is_cut_from_the_data_is_what_counts(tmp_path):
    x, y, w = gs.randn(32, 5), gs.zeros(32), gs.randn(5, requires_grad=True)
    with gs.profile(tmp_path / "cut") as p:
        for k in range(4):
            ((x[8 * k : 8 * k + 8] @ w - y[8 * k : 8 * k + 8]) ** 2).mean().backward()
            w.grad = None
            p.step()
    with TraceReader(tmp_path / "cut.gscope") as reader:
        assert home.home_json(reader, SoFar(), Views())["pace"]["batch"] == "8"


def test_a_run_with_nan_says_since_when(ask):
    told = ask("failed")["loss"]
    assert told["nonfinite"] == 5
    assert [p[1] is None for p in told["points"][:7]] == [False] * 5 + [True] * 2
    assert ask("digits_like")["loss"]["nonfinite"] is None


def test_an_empty_run_has_its_file_and_nothing_else(ask):
    told = ask("empty")
    assert told["steps"] == 0 and "parts" not in told
    assert dict(told["file"]["rows"])["file"].endswith("empty.gscope")


def test_what_was_run_is_told_as_it_was_typed(ask):
    rows = dict(ask("tiny")["file"]["rows"])
    assert rows["command"] == "train.py"
    assert "Python 3.11.0" in rows["with"]
    assert rows["size"].endswith("KiB")


def test_memory_knows_its_peak(ask):
    memory = ask("digits_like")["memory"]
    assert memory["peak"] and memory["now"] and 0 <= memory["peak_step"] < 60


def test_growing_runs_are_read_on(tmp_path, monkeypatch):
    """The second look reads the rows that are new, and the newest again: it may still be growing."""
    path = golden.build("digits_like", tmp_path)
    with TraceReader(path) as reader:
        so_far = SoFar()
        first = so_far.steps(reader)
        asked = []
        steps = TraceReader.steps
        monkeypatch.setattr(
            TraceReader,
            "steps",
            lambda self, kind="train", since=-1: asked.append(since) or steps(self, kind, since),
        )
        again = so_far.steps(reader)
        assert asked == [int(first.id[-2])]
        assert again.num.tolist() == first.num.tolist()
        assert np.array_equal(again.parts, first.parts, equal_nan=True)


# ---- what recording costs


class Table:
    """Only what the overhead asks of a step table."""

    def __init__(self, rec, wall):
        self.num = np.arange(len(rec))
        self.rec_ns, self.wall_ns = np.array(rec), np.array(wall)

    def __len__(self):
        return len(self.num)


def levels(table, values, header):
    told = overhead.overhead_json(table, values, header)
    return told["level"], {row["level"]: row for row in told["levels"]}


def test_costs_are_measured_in_steps_with_and_without_values():
    rec = [9e6] * 3 + [10_000] * 8 + [510_000] * 2  # three steps learn the graph
    level, rows = levels(Table(rec, [1_000_000 + r for r in rec]), [11, 12], {"values": "auto"})
    assert level == "values" and rows["values"]["here"]
    assert rows["times"]["share"] == "1.0 %" and rows["times"]["from"] == "8 steps"
    assert rows["everything"]["share"] == "51.0 %" and rows["everything"]["from"] == "2 steps"
    assert rows["values"]["share"] == "11.0 %"
    assert rows["off"]["share"] == "" and "no trace" in rows["off"]["why"]


def test_what_cannot_be_known_says_so():
    level, rows = levels(Table([10] * 9, [1000] * 9), [], {"values": "off"})
    assert level == "times"
    assert rows["values"]["share"] == rows["everything"]["share"] == ""
    assert rows["everything"]["why"] == "No step of this run took values."
    level, rows = levels(Table([10] * 9, [1000] * 9), list(range(9)), {"values": "full"})
    assert level == "everything" and rows["times"]["share"] == ""
    assert rows["times"]["why"] == "In this run every step took values."
