"""What comes along with the revision card, and what a long run costs a look at it."""

import base64
import json
import sqlite3
from contextlib import closing
from dataclasses import fields
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import pytest

from graphscope.trace.reader import TraceReader
from graphscope.trace.records import StepTable
from graphscope.webapp import api_live
from graphscope.webapp.queries import findings
from graphscope.webapp.queries.so_far import SoFar
from graphscope.webapp.queries.strip import keep
from graphscope.webapp.runs import RunDirectory
from graphscope.webapp.serve import serve
from tests import golden


@pytest.fixture
def ask(client):
    def ask(*also, run="tiny", **more):
        query = urlencode([("run", run), *(("also", text) for text in also), *more.items()])
        return client.get(f"/api/live?{query}").json

    return ask


def test_what_a_page_shows_comes_along_with_the_card(ask, client):
    card = ask("run,steps~-~/api/strip?run=tiny", "run~-~/api/node?run=tiny&node=n0")
    strip, node = card.pop("also")
    assert strip == {"status": 200, "data": client.get("/api/strip?run=tiny").json}
    assert node["data"] == client.get("/api/node?run=tiny&node=n0").json
    assert card["run"] == "tiny" and "also" not in ask()


def test_packed_columns_come_along_as_text(ask, client):
    (one,) = ask("run~-~/api/timeline?run=tiny&px=900")["also"]
    assert one["status"] == 200
    assert base64.b64decode(one["packed"]) == client.get("/api/timeline?run=tiny&px=900").data


def test_what_was_told_already_is_not_made_again(ask, client, monkeypatch):
    card = ask()
    names = ("run", "state", "steps", "gone", "control_rev")
    seen = "|".join(api_live.told(card.get(name)) for name in names)
    assert seen.startswith("tiny|finished|2|false")
    monkeypatch.setattr("graphscope.webapp.api.home_json", lambda *a: pytest.fail("made"))
    assert ask(f"{','.join(names)}~{seen}~/api/home?run=tiny")["also"] == [None]


def test_a_question_that_fails_says_so_and_the_others_come(ask):
    also = ask(
        "run~-~/api/node?run=tiny&node=n99", "run~-~/api/strip?run=none", "run~-~/api/step?run=tiny"
    )
    assert [one["status"] for one in also["also"]] == [404, 404, 200]
    assert (
        "n99" in also["also"][0]["data"]["error"] and "'none'" in also["also"][1]["data"]["error"]
    )


@pytest.mark.parametrize(
    "question",
    [
        "/api/control/tensor?run=tiny", "/api/command?run=tiny&id=1", "/api/live?run=tiny", "/theme.css",
        "//evil.example/api/home", "/api/home/../command", "", "~~~",
    ],
)  # fmt: skip
def test_only_questions_of_views_come_along(ask, question):
    """The guard at the door has seen the outer request only."""
    assert [one["status"] for one in ask(f"run~-~{question}")["also"]] == [404]


def test_a_flood_of_questions_is_cut(ask):
    assert len(ask(*["run~tiny~/api/home?run=tiny"] * 50)["also"]) == api_live.MOST


def test_a_run_that_is_drawn_beside_is_followed_by_its_file(tmp_path):
    golden.build("tiny", tmp_path)
    w = golden.tiny(tmp_path / "other.gscope", run="other", close=False)
    source = RunDirectory(tmp_path)
    before = source.written(["tiny", "other", "../tiny", "none"])
    assert source.written(["tiny", "other", "../tiny", "none"]) == before
    w.add_scalar("loss", 3, 1.0, 0)
    w.commit()
    assert source.written(["tiny", "other", "../tiny", "none"]) != before
    w.abandon()


def test_the_card_tells_of_runs_beside_only_when_asked(ask):
    assert "others" not in ask() and isinstance(ask(**{"with": "one_step,%2e%2e"})["others"], int)


def same(a: StepTable, b: StepTable) -> bool:
    return all(
        np.array_equal(getattr(a, f.name), getattr(b, f.name), equal_nan=f.name in ("loss", "parts"))
        for f in fields(StepTable)
    )  # fmt: skip


def grow(path, upto):
    """Further steps, as copies of the last; ids and numbers go on."""
    with closing(sqlite3.connect(path)) as db, db:
        names = [row[1] for row in db.execute("PRAGMA table_info(steps)")]
        last = db.execute("SELECT max(id) FROM steps").fetchone()[0]
        copied = ["?" if name in ("id", "num") else name for name in names]
        sql = f"INSERT INTO steps SELECT {', '.join(copied)} FROM steps WHERE id = ?"
        db.executemany(sql, [(k, k, last) for k in range(last + 1, upto)])
    db.close()


def test_a_growing_table_is_the_whole_table(tmp_path):
    path = golden.build("tiny", tmp_path)
    so_far = SoFar()
    with TraceReader(path) as reader:
        tables = []
        for upto in (5, 70, 71, 200, 1000):
            grow(path, upto)
            tables.append(so_far.steps(reader))
            assert same(tables[-1], reader.steps()) and len(tables[-1]) == upto
            assert so_far.steps(reader) is tables[-1]  # nothing new: nothing is copied
        # what was handed out stays
        assert same(tables[1], so_far_rows(reader, 70))


def so_far_rows(reader, count):
    table = reader.steps()
    return StepTable(**{f.name: getattr(table, f.name)[:count] for f in fields(StepTable)})


def test_times_that_were_thinned_away_are_known(tmp_path):
    path = golden.build("tiny", tmp_path)
    grow(path, 700)
    so_far = SoFar()
    with TraceReader(path) as reader:
        assert so_far.whole(reader).steps().timed.all()
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE steps SET chunk = NULL WHERE id > 0 AND id < 650")
        db.close()
        assert np.flatnonzero(so_far.whole(reader).steps().timed).tolist() == [0, *range(650, 700)]
        assert reader.timed([0, 5, 699, 10_000]) == [0, 699] and reader.timed([]) == []
        one, other = so_far.whole(reader).revision(), reader.revision()
    assert (
        one.pop("heartbeat_age") <= other.pop("heartbeat_age") + 1
    )  # it grows between two questions
    assert one == other


def test_the_tail_of_the_steps_is_read_along_the_ids(tmp_path):
    path = golden.build("tiny", tmp_path)
    grow(path, 300)
    with TraceReader(path) as reader:
        table = reader.steps(since=280)
        assert table.id.tolist() == list(range(281, 300))
        looked = []
        plain = reader._batches
        reader._batches = lambda take, many, sql, *args: (
            looked.append((sql, args)) or plain(take, many, sql, *args)
        )
        reader.steps(since=280)
    looked = [(sql, args) for sql, args in looked if "FROM steps" in sql]
    with closing(sqlite3.connect(path)) as db, db:
        plan = json.dumps(db.execute(f"EXPLAIN QUERY PLAN {looked[0][0]}", looked[0][1]).fetchall())
    db.close()
    assert "rowid>" in plan and "TEMP B-TREE" not in plan


def slowly(values, limit):
    """What ``keep`` promises, one bucket after the other."""
    edges = np.linspace(0, len(values), limit // 2 + 1).astype(int)
    chosen = {0, len(values) - 1}
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        part = values[a:b]
        finite = np.isfinite(part)
        if finite.any():
            chosen.add(a + int(np.where(finite, part, np.inf).argmin()))
            chosen.add(a + int(np.where(finite, part, -np.inf).argmax()))
        if not finite.all():
            chosen.add(a + int((~finite).argmax()))
    return sorted(chosen)


@pytest.mark.parametrize("kind", ["noise", "flat", "nan", "steps"])
def test_downsampling_keeps_the_extremes_of_every_bucket(kind):
    rng = np.random.default_rng(3)
    values = rng.normal(size=5_003)
    if kind == "flat":
        values[:] = 2.0
    elif kind == "nan":
        values[rng.random(5_003) < 0.6] = np.nan
        values[rng.random(5_003) < 0.1] = np.inf
        values[1000:2000] = np.nan
    elif kind == "steps":
        values = np.round(values)
    for limit in (10, 400, 1201, 5_002):
        assert keep(values, limit).tolist() == slowly(values, limit)


def test_rules_that_take_long_look_less_often_while_the_run_goes_on(tmp_path, monkeypatch):
    class Slow:
        looks = 0

        def update(self):
            self.looks += 1
            return []

    slow, clock, used = Slow(), [100.0], [0.0]
    monkeypatch.setattr(findings.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(
        findings.time, "thread_time", lambda: used.__setitem__(0, used[0] + 0.009) or used[0]
    )
    doctors = findings.Doctors(lambda _: slow)
    with TraceReader(golden.build("tiny", tmp_path)) as reader:
        looks = []
        for k, (wait, state) in enumerate(
            [
                (0, "live"), (1.1, "live"), (30, "live"), (1.1, "live"), (1.0, "live"), (1.1, "live"),
                (1.1, "finished"),
            ]
        ):  # fmt: skip
            clock[0] += wait
            doctors.nudge(reader, (k, state))
            doctors.wait(reader)
            looks.append(slow.looks)
    # a run that begins is looked at every second; later 0.009 s of work are 3 s of rest; and what a finished run had
    # last is looked at soon
    assert looks == [1, 2, 3, 3, 3, 4, 5]


@pytest.fixture
def growing(tmp_path):
    """A run that is being written and a server over it; ``lines(query)`` gives the lines of an answer as they come."""
    w = golden.tiny(tmp_path / "grow.gscope", run="grow", close=False)
    server = serve(tmp_path, port=0, block=False)

    def lines(**query):
        text = urlencode({"run": "grow", "for": 5, "every": 200, **query}, doseq=True)
        with urlopen(f"{server.url}api/live?{text}") as answer:
            for line in answer:
                yield json.loads(line)

    yield w, lines, server
    w.abandon()
    server.stop()


def test_an_answer_goes_on_with_what_is_written(growing):
    w, lines, _ = growing
    told = lines(
        also=["run,scalars~-~/api/strip?run=grow", "run,scalars~-~/api/home?run=grow"],
        pace="0,60000",
    )
    first = next(told)
    assert [one["status"] for one in first["also"]] == [200, 200]
    w.add_scalar("loss", 3, 1.0, 0)
    w.commit()
    second = next(card for card in told if card["scalars"] != first["scalars"])
    # news for both; the second has been told a moment ago
    assert second["also"][0]["status"] == 200 and second["also"][1] is False
    third = next(told)  # without news there is a line all the same: the program lives
    assert third["scalars"] == second["scalars"] and third["also"] == [None, False]


def wish(pace, seen="live|1", names="state,steps"):
    return api_live._Wish(f"{names}~{seen}~/api/home?run=a", pace)


def test_what_was_answered_a_moment_ago_waits_for_its_turn(monkeypatch):
    clock, cost = [100.0], [0.0]
    monkeypatch.setattr(api_live.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(api_live.time, "thread_time", lambda: cost[0])

    def made(self, *given):
        cost[0] += 0.02  # seconds of a processor
        return "new"

    monkeypatch.setattr(api_live._Wish, "_made", made)

    def ask(one, steps, state="live"):
        return one.answer(None, {"state": state, "steps": steps}, {})

    assert ask(wish("1000"), 2) == "new" and ask(wish("1000@1000"), 2) == "new"
    one = wish("1000@400")
    assert (ask(one, 1), ask(one, 2), ask(one, 2, "failed")) == ("null", "false", "new")
    # it took 0.02 s, of which it may have a share
    clock[0] += 0.02 / api_live.SHARE - 0.1
    assert ask(one, 3, "failed") == "false"
    clock[0] += 0.2
    assert ask(one, 3, "failed") == "new"
    # what shows every step is not kept back
    one = wish("250")
    assert ask(one, 2) == "new" and ask(one, 3) == "false"
    clock[0] += 0.3
    assert ask(one, 3) == "new"


def test_an_answer_that_goes_on_ends_by_itself_and_with_the_server(growing):
    _, lines, server = growing
    assert len(list(lines(**{"for": 0.1}))) == 1  # no second is left for another line
    told = lines()
    next(told)
    server.stop()
    assert list(told) == []


def test_who_comes_when_all_places_are_taken_asks_again(growing):
    _, lines, _ = growing
    held = [lines() for _ in range(api_live.STREAMS)]
    for one in held:
        next(one), next(one)  # with its second line it has a place
    assert len(list(lines())) == 1
