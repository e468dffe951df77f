"""Commands by HTTP: who may send them, which are refused and why, and how an opened tensor is shown."""

from __future__ import annotations

import json
import sqlite3

import numpy as np
import pytest

from graphscope.trace import opened
from graphscope.trace.writer import TraceWriter
from graphscope.webapp import create_app
from graphscope.webapp.queries.opened import tensor_json

OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
TOKEN = {**OWN, "X-Graphscope-Token": "secret"}


@pytest.fixture
def running(tmp_path):
    """A folder with a run that takes commands, and the client of its dashboard."""
    with TraceWriter(tmp_path / "run.gscope") as writer:
        writer.set_meta(
            "control", json.dumps({"rev": 4, "on": True, "state": "running", "at": None})
        )
        writer.commit()
        writer_of = TraceWriter(tmp_path / "plain.gscope")
        writer_of.commit()
        yield create_app(tmp_path, token="secret").server.test_client(), tmp_path
        writer_of.close()


def post(client, kind="pause", data=None, run="run", headers=TOKEN):
    return client.post(
        "/api/command", json={"run": run, "kind": kind, "data": data or {}}, headers=headers
    )


def test_a_command_reaches_the_file_and_its_status_comes_back(running):
    client, folder = running
    answer = post(client, "step", {"by": "phase"})
    assert answer.status_code == 200
    id = answer.json["id"]
    db = sqlite3.connect(folder / "run.gscope")
    row = db.execute("SELECT kind, data, status FROM commands WHERE id = ?", (id,)).fetchone()
    assert row == ("step", '{"by": "phase"}', "new")
    assert client.get(f"/api/command?run=run&id={id}").json == {"status": "new"}
    db.execute("UPDATE commands SET status = 'done: it runs'")
    db.commit()
    db.close()
    assert client.get(f"/api/command?run=run&id={id}").json == {"status": "done: it runs"}
    card = client.get("/api/live?run=run").json
    assert card["control_rev"] == 4 and card["control"]["state"] == "running"
    assert "control" not in client.get("/api/live?run=plain").json


@pytest.mark.parametrize(
    "headers, status",
    [
        (OWN, 403),
        ({**OWN, "X-Graphscope-Token": "wrong"}, 403),
        ({"X-Graphscope-Token": "secret", "Origin": "http://evil.example"}, 403),
        ({"X-Graphscope-Token": "secret", "Sec-Fetch-Site": "cross-site"}, 403),
        ({**TOKEN, "Host": "evil.example"}, 403),
    ],
)
def test_only_our_own_page_commands(running, headers, status):
    client, folder = running
    assert post(client, headers=headers).status_code == status
    db = sqlite3.connect(folder / "run.gscope")
    assert db.execute("SELECT count(*) FROM commands").fetchone() == (0,)
    db.close()


@pytest.mark.parametrize(
    "body, text",
    [
        (b"", "JSON object"),
        (b"{", "JSON object"),
        (b"[" * 60_000, "JSON object"),
        (b"[1]", "JSON object"),
        (b'{"run": 1, "kind": "pause"}', "as texts"),
        (b'{"run": "run"}', "as texts"),
        (b'{"run": "../run", "kind": "pause"}', "no run"),
        (b'{"run": "other", "kind": "pause"}', "no run"),
        (b'{"run": "plain", "kind": "pause"}', "not started with control=True"),
        (b'{"run": "run", "kind": "eval"}', "no command"),
        (b'{"run": "run", "kind": "pause", "data": []}', "no JSON object"),
        (b'{"run": "run", "kind": "open", "data": {"node": "../../x"}}', "must be a node"),
        (b'{"run": "run", "kind": "slow", "data": {"ms": NaN}}', "finite"),
        (json.dumps({"run": "run", "kind": "break_add", "data": {"condition": "x" * 10_000}}).encode(), "1,000 are allowed"),
        (b'{"run": "' + b"x" * 70_000 + b'"}', "at most 64 KiB"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_told_why(running, body, text):
    client, _ = running
    answer = client.post("/api/command", data=body, headers=TOKEN, content_type="application/json")
    assert answer.status_code == 400
    assert text in answer.json["error"] and len(answer.json["error"]) <= 500


def test_numbers_of_commands_are_numbers(running):
    client, _ = running
    for id in ("", "x", "-1", "1e3", "9" * 30, "5"):
        assert client.get(f"/api/command?run=run&id={id}").status_code == 404
        assert client.get(f"/api/tensor/whole?run=run&id={id}").status_code == 404
        assert client.get(f"/api/tensor/npy?run=run&id={id}").status_code == 404


def test_an_opened_tensor_is_shown_and_downloaded(running):
    client, folder = running
    a = np.arange(4 * 300 * 20, dtype=np.float32).reshape(4, 300, 20)
    opened.save(
        folder / "run.gscope", 3, a, {"node": 5, "of": "v", "step": 7, "kind": "train"}, a - 1
    )
    told = client.get("/api/tensor/whole?run=run&id=3").json
    assert told["shape"] == [4, 300, 20] and told["slice"] == [0, None, None]
    assert (told["rows"], told["cols"]) == (300, 20) and told["values"][1][1] == "21.00"
    assert told["picture"]["rows"] == 100 and told["picture"]["by"] == [3, 1]
    told = client.get("/api/tensor/whole?run=run&id=3&slice=2,:,5&row=290&compare=1").json
    assert told["compared"] and (told["rows"], told["cols"]) == (1, 300)
    assert {x for line in told["values"] for x in line} == {"1.000"}
    b = a.copy()
    b[1, 2, 3:6] = np.nan, np.inf, -np.inf
    b[1, 5] = np.nan
    opened.save(
        folder / "run.gscope", 4, b, {"node": 5, "of": "v", "step": 7, "kind": "train"}, None
    )
    wild = client.get("/api/tensor/whole?run=run&id=4&slice=1,:,:").json
    assert wild["stats"][-3:] == [["NaN", "21"], ["+Inf", "1"], ["\u2212Inf", "1"]]
    assert wild["values"][2][3:6] == ["NaN", "+Inf", "\u2212Inf"]
    for wrong in ("1", "9,:,:", ":,:,:", "-1,:,:", "0,x,:", "0,:,:,:"):
        answer = client.get(f"/api/tensor/whole?run=run&id=3&slice={wrong}")
        assert answer.status_code == 404 and answer.json["error"]
    file = client.get("/api/tensor/npy?run=run&id=3")
    assert "node5-v-step7.npy" in file.headers["Content-Disposition"]
    import io

    np.testing.assert_array_equal(np.load(io.BytesIO(file.data)), a)


@pytest.mark.parametrize(
    "a",
    [
        np.float32(3),
        np.zeros((0, 3)),
        np.array([True, False]),
        np.array([np.nan, np.inf, -np.inf, 0.0]),
        np.full((2, 2), 7),
        np.array([[1 + 2j]]),
        np.arange(7, dtype=np.int64),
    ],
)
def test_every_kind_of_tensor_has_a_picture(a):
    told = tensor_json(np.asarray(a), {})
    json.dumps(told, allow_nan=False)
    assert told["picture"]["rows"] * told["picture"]["cols"] == len(told["picture"]["cells"])
