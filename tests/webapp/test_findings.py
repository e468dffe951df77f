"""The findings of the doctor on the page: looked up in the background, with cards, lines and words."""

import json
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from graphscope.analysis.doctor import Finding
from graphscope.analysis.rules.case import Case
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Site
from graphscope.webapp.queries import findings as query
from graphscope.webapp.queries.graph import Views
from graphscope.webapp.queries.places import Places
from tests import golden

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Fake:
    """A doctor whose findings are given."""

    rules = (
        SimpleNamespace(id="spike", title="Spike", on="steps"),
        SimpleNamespace(id="wired", title="Wired", on="graph"),
    )
    unjudged = {"wired": "no values were recorded"}

    def __init__(self, found=(), error=None):
        self.found, self.error, self.looks = list(found), error, 0
        self.go = threading.Event()
        self.go.set()

    def update(self):
        self.looks += 1
        self.go.wait(5)
        if self.error:
            raise self.error
        return list(self.found)


def made(id="spike", **more):
    base = dict(
        id=id, title="T", severity="warning", topic="training", detail="D", means="M", fix="F"
    )
    return Finding(**base | more)


@pytest.fixture
def reader(runs):
    with TraceReader(runs / "tiny.gscope") as reader:
        yield reader


def ask(reader, fake, revision=1):
    doctors = query.Doctors(lambda _: fake)
    patient = doctors.found(reader, revision)
    return query.findings_json(reader, Views(), patient)


def test_a_finding_has_its_card_its_line_and_its_words(reader):
    step = reader.step()
    graph = reader.graph(step.graph)
    site = graph.site_of(0)
    told = ask(
        reader,
        Fake([made(nodes=(0, -1), graph=graph.id, first_step=0, last_step=2, count=2, site=site)]),
    )
    (one,) = told["findings"]
    assert [c["id"] for c in one["cards"]] == ["n0", "p0"]
    assert one["code"]["short"] == f"train.py:{site.line}"
    assert [line[2] for line in one["code"]["lines"]].count(True) == 1
    assert one["steps"] == "steps 0 to 2, 2 times"
    assert (told["rules"], told["ready"], told["doctor"]) == (2, True, 1)
    assert told["unjudged"] == [{"id": "wired", "title": "Wired", "why": "no values were recorded"}]


@pytest.mark.parametrize(
    ("first", "last", "count", "kind", "text"),
    [
        (-1, -1, 0, "train", ""),
        (80, 80, 1, "train", "step 80"),
        (0, 399, 400, "train", "steps 0 to 399"),
        (80, 399, 212, "train", "steps 80 to 399, 212 times"),
        (402, 497, 1, "train", "steps 402 to 497, once"),
        (3, 4, 2, "eval", "eval steps 3 to 4"),
    ],
)
def test_steps_in_words(first, last, count, kind, text):
    finding = made(first_step=first, last_step=last, count=count, kind=kind)
    assert query.steps_text(finding) == text


@pytest.mark.parametrize("key", ["net.fc.weight", 'a"b\\c', golden.HOSTILE, "\u202egpj\x00\n"])
def test_the_mute_line_is_toml_whatever_the_key(reader, key):
    (one,) = ask(reader, Fake([made(key=key)]))["findings"]
    assert tomllib.loads(one["mute"]) == {"mute": [f"spike:{key}"]}


def test_an_update_has_the_card_of_its_parameter(reader):
    """It had that of the first input: of its twin, -1, as if that were a value."""
    step = reader.step()
    graph = reader.graph(step.graph)
    places = Places(reader, Views(), graph, step)
    updates = [i for i in range(graph.n) if graph.phase[i] == schema.UPDATE]
    assert [places.card(i).label for i in updates] == ["w1", "w2"]


def test_nodes_that_are_gone_and_graphs_that_never_were_have_no_cards(reader):
    found = [made(nodes=(10_000,), last_step=1), made(nodes=(0,), graph=99, last_step=1)]
    told = ask(reader, Fake(found))
    assert [f["cards"] for f in told["findings"]] == [[], []]


def test_only_web_addresses_are_links(reader):
    found = [made(link="javascript:alert(1)"), made(link="https://example.org/x")]
    assert [f["link"] for f in ask(reader, Fake(found))["findings"]] == [
        "",
        "https://example.org/x",
    ]


def test_a_doctor_that_fails_is_a_sentence(reader):
    told = ask(reader, Fake(error=ZeroDivisionError("by zero")))
    assert told["findings"] == [] and "ZeroDivisionError" in told["problem"]


def test_polls_do_not_wait_and_ask_at_most_once_a_second(reader):
    fake = Fake([made(severity="error")])
    fake.go.clear()
    doctors = query.Doctors(lambda _: fake)
    cards = [doctors.nudge(reader, revision) for revision in range(20)]
    assert {card["doctor"] for card in cards} == {0}
    fake.go.set()
    doctors.wait(reader)
    assert fake.looks == 1
    assert doctors.nudge(reader, 19) == {"doctor": 1, "errors": 1, "warnings": 0}


def test_of_a_run_that_goes_on_some_steps_are_looked_at_and_all_when_it_is_over(
    reader, monkeypatch
):
    """Each costs a processor, which the program wants too."""
    monkeypatch.setattr(query, "EVERY", 0)
    made_, case = [], Case(reader)
    case.update()
    assert case.fresh_values() == [0, 1, 2] and not case.left_out
    case.most_values = 2
    assert case.fresh_values() == [0, 2] and case.left_out

    class Watched(Fake):
        def __init__(self):
            super().__init__([])
            self.case = Case(reader)
            made_.append(self)

        def update(self):
            self.case.update()
            self.looked = self.case.fresh_values()
            return super().update()

    monkeypatch.setattr(query, "FEW", 2)
    doctors = query.Doctors(lambda _: Watched())
    for revision in ((1, "live"), (1, "live"), (2, "finished"), (3, "finished")):
        doctors.nudge(reader, revision)
        doctors.wait(reader)
    # one that has left something out is replaced; the other one stays
    assert [doctor.looked for doctor in made_] == [[0, 2], [0, 1, 2]] and made_[1].looks == 2


def test_the_counter_grows_only_when_findings_changed(reader, monkeypatch):
    monkeypatch.setattr(query, "EVERY", 0)
    fake = Fake([made()])
    doctors = query.Doctors(lambda _: fake)
    versions = []
    for revision in range(4):
        fake.found = [made()] if revision < 2 else []
        doctors.nudge(reader, revision)
        doctors.wait(reader)
        versions.append(doctors.nudge(reader, revision)["doctor"])
    assert versions == [1, 1, 2, 2] and fake.looks == 4


def test_the_ribbon_marks_what_says_when(reader):
    """A finding about the graph as such holds in every step: it would drown what happened in one."""
    always = made("wired", first_step=0, last_step=2)
    once = made("spike", first_step=1, last_step=1, severity="error", title="Boom")
    noted = made("exception", first_step=2, last_step=2, severity="error", title="Died")
    doctors = query.Doctors(lambda _: Fake([always, once, noted]))
    marked = query.ribbon(doctors.found(reader, 1))
    assert marked == [(1, 1, 3, "Boom"), (2, 2, 3, "Died")]


def test_where_nan_began_stands_first_with_ranges_and_path(tmp_path):
    path = tmp_path / "nan.gscope"
    w = golden.tiny(path, run="nan", close=False)
    facts = {"count": 4, "min": 0.0, "max": 2.0, "mean": 1.0, "zero": 3, "nan": 0}
    broken = {"count": 4, "min": None, "max": None, "mean": None, "neg_inf": 0, "nan": 4}
    w.add_finding(
        1, "nonfinite", "error", 2, "The loss is not finite",
        {"phase": "forward", "op": "matmul", "why": "because", "path": [2, 3], "what": "loss",
         "inputs": [facts, None], "output": broken},
    )  # fmt: skip
    w.close()
    found = [made(severity="error"), made("nonfinite", first_step=1, last_step=1, nodes=(2,))]
    with TraceReader(path) as reader:
        first, second = ask(reader, Fake(found))["findings"]
    assert (first["id"], second["trail"]) == ("nonfinite", None)
    trail = first["trail"]
    assert trail["why"] == "because" and [c["id"] for c in trail["path"]] == ["n2", "n3"]
    texts = [text for _, text in trail["ranges"]]
    assert texts == [
        "0 to 2.00, mean 1.00; of 4: 3 are 0",
        "not recorded",
        "no finite number; of 4: 4 NaN",
    ]


def test_the_route_and_the_card_agree(client):
    until = time.monotonic() + 20
    while not (told := client.get("/api/findings?run=digits_like").json)["ready"]:
        assert time.monotonic() < until
    assert told["rules"] > 0
    text = json.dumps(told)
    assert "The loss jumped by 1.5 at step 40" in text
    card = client.get("/api/live?run=digits_like").json
    standing = [f["severity"] for f in told["findings"] if f["active"]]
    assert card["errors"] == standing.count("error")
    assert card["warnings"] == standing.count("warning")
    assert card["doctor"] >= 1


def test_hostile_runs_pass_as_data(client):
    answer = client.get("/api/findings?run=hostile")
    assert answer.status_code == 200
    json.loads(answer.text, parse_constant=lambda word: pytest.fail(word))


def test_sites_without_source_still_have_a_path(reader):
    (one,) = ask(reader, Fake([made(site=Site("/gone/<b>.py", 3, "f"))]))["findings"]
    assert one["code"]["path"] == "/gone/<b>.py:3" and one["code"]["lines"] == []
