"""The routes of the frame and the curves, in every state that a run can be in."""

import json
import re
import sqlite3
import time
from contextlib import closing

import numpy as np
import pytest

from graphscope.errors import TraceError
from graphscope.view.figures import curves
from graphscope.view.palette import THEMES
from graphscope.webapp import create_app
from graphscope.webapp.assets_path import assets_path
from graphscope.webapp.components.chart import CONFIG
from graphscope.webapp.pages import pages
from graphscope.webapp.queries import scalars
from graphscope.webapp.runs import RunDirectory
from graphscope.webapp.theme import chart_layout, style_sheet
from tests import golden


def live(client, run):
    answer = client.get("/api/live", query_string={"run": run})
    assert answer.status_code == 200
    return answer.json


def test_the_page_is_english_and_asks_nobody_else(client):
    page = client.get("/", follow_redirects=True).text
    assert '<html lang="en">' in page
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses
    assert all(a.startswith(("/", "data:", "#")) and not a.startswith("//") for a in addresses)
    for path in ("/graph", "/scalars"):
        assert client.get(path).status_code == 200


def test_every_page_has_its_place_in_the_frame(client):
    places = client.get("/home").text + client.get("/_dash-layout").text.replace('":"', '="')
    drawings = (assets_path() / "css" / "icons.css").read_text("utf-8")
    for page in pages():
        assert f'data-page="{page.path}"' in places
        assert f".gs-icon-{page.icon} " in drawings


def test_runs_are_listed_with_their_states(client):
    states = {entry["run"]: entry for entry in client.get("/api/runs").json}
    assert states["tiny"]["state"] == "finished"
    assert states["tiny"]["steps"] == 3
    assert states["failed"]["state"] == "failed"
    assert states["broken"]["state"] == "damaged"
    assert states["broken"]["error"].endswith(".")


def test_a_finished_run_is_summed_up(client):
    card = live(client, "digits_like")
    assert card["state"] == "finished"
    assert card["summary"].startswith("60 steps in ")
    assert "best loss" in card["summary"]
    assert card["per_step"].endswith(" ms")
    assert card["cost"].endswith("%")


def test_a_failed_run_says_with_what(client):
    card = live(client, "failed")
    assert card["state"] == "failed"
    assert card["message"].startswith("ShapeError: matmul of 4×5 and 6×2")


def test_a_damaged_file_says_so(client):
    card = live(client, "broken")
    assert card["state"] == "damaged"
    assert "is not a GraphScope trace" in card["message"]


def test_waiting_live_and_stale(tmp_path):
    client = create_app(tmp_path).server.test_client()
    assert live(client, "") | {"runs": 0} == {
        "run": None,
        "state": "none",
        "runs": 0,
        "folder": str(tmp_path),
    }
    golden.build("empty", tmp_path)
    assert live(client, "")["state"] == "waiting"
    path = golden.build("live", tmp_path)
    card = live(client, "")
    assert (card["run"], card["state"], card["last_step"]) == ("live", "live", 2)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "UPDATE meta SET value = ? WHERE key = 'heartbeat'", (f"{time.time() - 12:.3f}",)
        )
    db.close()
    card = live(client, "live")
    assert card["state"] == "stale"
    assert 12 <= card["heartbeat_age"] < 14


def test_new_runs_appear_and_replaced_files_are_read_anew(tmp_path):
    runs = RunDirectory(tmp_path)
    assert runs.runs() == []
    assert runs.newest() is None
    path = golden.build("tiny", tmp_path)
    first = runs.reader("tiny")
    assert runs.reader("tiny") is first
    first.close()
    path.unlink()
    with pytest.raises(TraceError, match="There is no run 'tiny'"):
        runs.reader("tiny")
    (tmp_path / "one").mkdir()
    golden.build("one_step", tmp_path / "one").rename(path)
    assert len(runs.reader("tiny").steps()) == 1


def test_a_single_file_is_a_directory_of_one(runs):
    assert list(RunDirectory(runs / "tiny.gscope").files()) == ["tiny"]


def test_the_newest_run_that_can_be_read_is_shown_first(runs):
    assert RunDirectory(runs).newest() != "broken"


@pytest.mark.parametrize(
    "path",
    [
        "/api/live?run=gone",
        "/api/scalars?run=gone",
        "/api/scalars?run=broken",
        "/api/curves?run=gone",
        "/api/curves",
        "/api/nothing",
        "/api/node?run=tiny&step=1&node=nonsense",
    ],
)
def test_every_error_is_a_sentence_in_json(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert set(answer.json) == {"error"}
    assert answer.json["error"].endswith((".", "?"))


def test_a_fault_of_ours_is_a_sentence_too(runs, monkeypatch):
    app = create_app(runs)
    monkeypatch.setattr(RunDirectory, "runs", lambda self: 1 / 0)
    answer = app.server.test_client().get("/api/runs")
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.json["error"]


def test_numbers_in_json_are_json(client):
    """NaN is no JSON, and browsers refuse it."""
    for run in ("failed", "hostile", "empty"):
        for path in ("/api/scalars", "/api/curves"):
            text = client.get(path, query_string={"run": run, "smooth": "0.5"}).text
            json.loads(text, parse_constant=lambda word: pytest.fail(word))


def test_curves_begin_with_the_loss(client):
    answer = client.get("/api/curves?run=digits_like").json
    assert [card["tag"] for card in answer["cards"]] == ["loss", "accuracy/val", "lr"]
    again = client.get("/api/curves?run=digits_like&want=-").json
    assert len(again["cards"]) == 3
    assert not any("figure" in card for card in again["cards"])


def test_overlaid_runs_keep_their_colours(client):
    answer = client.get("/api/curves?run=digits_like&with=tiny&with=gone").json
    assert [name for name, _ in answer["runs"]] == ["digits_like", "tiny"]
    assert answer["problems"] == ["There is no run 'gone'."]
    loss = answer["cards"][0]["figure"]["data"]
    assert [trace["meta"] for trace in loss] == [["digits_like"], ["tiny"]]
    colours = [trace["line"]["color"] for trace in loss]
    assert colours == [colour for _, colour in answer["runs"]]


def test_steps_give_the_loss_when_nobody_logged_one(tmp_path):
    golden.tiny(tmp_path / "a.gscope", tag="accuracy")
    found = scalars.series(RunDirectory(tmp_path).reader("a"))
    assert list(found) == ["loss", "accuracy"]
    assert found["loss"][1].tolist() == found["accuracy"][1].tolist()


def test_not_finite_is_a_band_not_a_gap(client):
    figure = client.get("/api/curves?run=failed").json["cards"][0]["figure"]
    bands = [trace for trace in figure["data"] if trace["type"] == "bar"]
    assert [(b["x"], b["width"]) for b in bands] == [([5.5], [2.0])]
    assert figure["layout"]["annotations"][0]["text"].startswith("NaN from step 5")
    assert figure["data"][0]["y"][5:] == [None, None]


def test_no_spike_is_lost():
    values = np.ones(200_000)
    values[123_457] = 1e6
    values[77_777] = np.nan
    kept = scalars.keep(values, scalars.POINTS)
    assert len(kept) <= scalars.POINTS + 2
    assert {123_457, 77_777, 0, 199_999} <= set(kept.tolist())


def test_smoothing_is_unbiased_and_leaves_gaps():
    values = np.array([5.0, 5.0, np.nan, 5.0])
    smooth = scalars.smoothed(values, 0.9)
    assert np.allclose(smooth[[0, 1, 3]], 5.0)
    assert np.isnan(smooth[2])
    step = scalars.smoothed(np.array([0.0, 1.0]), 0.5)
    assert step[1] == pytest.approx(2 / 3)


def test_wild_stretches_are_bounded():
    values = np.tile([1.0, np.nan], 400)
    spans = scalars.wild(values)
    assert len(spans) == 50
    assert spans[0] == (1, 1)
    assert spans[-1][1] == 799


def test_a_log_axis_leaves_out_what_it_cannot_show():
    curve = curves.Curve("a", 0, [0, 1, 2], [1.0, 0.0, -1.0], [0, 1, 2])
    look = THEMES["light"]
    drawn = curves.figure([curve], look, chart_layout("light"), log=True)
    assert drawn["data"][0]["y"] == [1.0, None, None]
    assert drawn["layout"]["yaxis"]["type"] == "log"


def test_names_in_charts_are_escaped():
    curve = curves.Curve("<b>&" + "n" * 10_000, 0, [0], [1.0], [0])
    trace = curves.figure([curve], THEMES["light"], chart_layout("light"))["data"][0]
    assert trace["meta"][0].startswith("&lt;b&gt;&amp;nnn")
    assert len(trace["meta"][0]) < 100


def test_charts_keep_to_this_machine():
    """One helper makes all charts; nobody else calls dcc.Graph."""
    assert CONFIG["showSendToCloud"] is False
    assert CONFIG["displaylogo"] is False
    package = assets_path().parent
    folder = package / "webapp" if (package / "webapp").is_dir() else package
    users = [f.name for f in folder.rglob("*.py") if "dcc.Graph(" in f.read_text("utf-8")]
    assert users == ["chart.py"]


def test_the_style_sheet_holds_both_themes(client):
    sheet = client.get("/assets/all.css")
    assert sheet.mimetype == "text/css"
    assert "prefers-color-scheme: dark" in sheet.text
    for name in ("light", "dark"):
        for colour in THEMES[name].variables().values():
            assert colour in style_sheet()
