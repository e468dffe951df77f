"""Grouping runs by a hyper-parameter, marks of events, and what was logged beside numbers."""

import json

import numpy as np
import pytest

from graphscope.errors import TraceError
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from graphscope.webapp.queries.curve_table import csv_text, rows_at
from graphscope.webapp.queries.curves import Found, grouped, key
from graphscope.webapp.queries.events import changes, events_of
from graphscope.webapp.queries.hparams import differing, hparams_of, mean_band, value_text
from graphscope.webapp.queries.logged import hparams_json, image_of, logged_json
from graphscope.webapp.queries.scalars import series
from tests import golden

PNG = b"\x89PNG\r\n\x1a\n" + b"rest"


@pytest.fixture
def logged(tmp_path):
    w = TraceWriter(tmp_path / "log.gscope", golden.META | {"run": "log"})
    w.add_media("digit", 0, "image", PNG)
    w.add_media("digit", 5, "image", PNG + b"2")
    w.add_media("evil", 0, "image", b"<svg onload=alert(1)>")
    data = {"hparams": {"lr": 0.1, "opt": "sgd"}, "metrics": {"best": 0.5}, "domains": {}}
    w.add_media("hparams", 0, "hparams", json.dumps(data).encode())
    for garbled in (b"no json", b"[" * 3000, b'{"hparams": 7}', b'{"metrics": {"worst": NaN}}'):
        w.add_media("hparams", 0, "hparams", garbled)
    w.add_text("event", 7, "changed the data", 0)
    for k in range(10):
        w.add_scalar("lr", k, 0.1 if k < 6 else 0.01, 0)
    w.close()
    with TraceReader(tmp_path / "log.gscope") as reader:
        yield reader


def test_pages_notice_what_is_logged(logged):
    card = logged.revision()
    assert card["media"] == 8 and card["texts"] == 1 and card["last_step"] is None


def test_the_list_of_what_was_logged_has_no_data_in_it(logged):
    told = logged_json(logged)
    assert told["images"][0] == {"tag": "digit", "steps": [0, 5], "ids": [1, 2]}
    assert told["hparams"] == 5 and told["texts"][0]["text"] == "changed the data"
    assert b"PNG" not in json.dumps(told).encode()


def test_only_pictures_go_out_as_pictures(logged):
    assert image_of(logged, 2) == PNG + b"2"
    for id in (3, 4, 99):  # no PNG, no picture, nothing
        with pytest.raises(TraceError, match="no such picture"):
            image_of(logged, id)


def test_hparams_and_their_metrics(logged):
    assert hparams_of(logged) == {"lr": 0.1, "opt": "sgd"}
    told = hparams_json({"log": logged})
    assert told["names"] == ["lr", "opt"] and told["rows"][0]["metrics"] == {
        "best": 0.5,
        "worst": "NaN",
    }
    json.dumps(told, allow_nan=False)


def test_without_logged_ones_the_trace_itself_says_a_few(tmp_path):
    with TraceReader(golden.build("tiny", tmp_path)) as reader:
        assert "engine" in hparams_of(reader)


def test_events_are_rates_texts_and_findings(logged, tmp_path):
    found = events_of(logged, series(logged))
    assert found == [(6, "lr", "lr 0.1 to 0.01"), (7, "note", "changed the data")]
    with TraceReader(golden.build("digits_like", tmp_path)) as reader:
        kinds = {(step, kind) for step, kind, _ in events_of(reader, series(reader))}
    assert kinds == {(40, "finding")}  # its rate falls in every step: that is a schedule


def test_changes_by_hand():
    steps = np.array([0, 10, 20, 30])
    assert changes("lr", steps, np.array([1.0, 1.0, 0.5, 0.5])) == [(20, "lr", "lr 1 to 0.5")]
    assert changes("lr", steps, np.ones(4)) == []
    assert changes("lr", np.arange(40), np.arange(40.0)) == []


def test_names_that_differ_and_how_values_are_called():
    runs = [{"lr": 0.1, "opt": "sgd"}, {"lr": 0.1}, {"lr": 0.1, "opt": "adam"}]
    assert differing(runs) == ["opt"] and differing([]) == []
    assert [value_text(v) for v in (None, 0.1, 1e-5, True, "x")] == [
        "not set", "0.1", "1e-05", "True", "x",
    ]  # fmt: skip


def curve(steps, values):
    return np.array(steps), np.array(values, float), np.array(steps) * 10


def test_mean_and_band_by_hand():
    grid, mean, low, high = mean_band(
        [curve([0, 2], [1, 3]), curve([0, 1, 2, 3], [3, 4, 5, 9])], 99
    )
    assert grid.tolist() == [0, 1, 2, 3]
    assert mean.tolist() == [2, 3, 4, 9]  # 3: only one run is there
    assert low.tolist() == [1, 2, 3, 9] and high.tolist() == [3, 4, 5, 9]


def test_the_band_leaves_out_what_is_not_finite_and_keeps_spikes():
    spike = np.ones(5000)
    spike[777] = 50.0
    _, _, _, high = mean_band([curve(range(5000), spike), curve([0, 4999], [1, np.nan])], 200)
    assert high.max() == 50.0
    assert all(len(part) == 0 for part in mean_band([curve([0], [np.nan])], 10))


def test_groups_by_prefix_with_losses_and_pins_on_top():
    tags = ["b/y", "b/x", "lr", "loss", "c/z", "train/loss"]
    assert grouped(tags) == [
        ("Pinned", "loss"), ("Pinned", "train/loss"), ("b", "b/x"), ("b", "b/y"),
        ("Other", "c/z"), ("Other", "lr"),
    ]  # fmt: skip
    assert grouped(tags, frozenset([key("c/z")]))[2] == ("Pinned", "c/z")


def found(**tags):
    return Found(0, "=run", 0, {tag: curve(*points) for tag, points in tags.items()})


def test_the_table_at_a_step_by_hand():
    run = found(a=([0, 10, 20], [3, 1, 2]), b=([15], [np.nan]))
    first, second = rows_at([run], 12)
    assert (first["step"], first["value"], first["low"], first["high"]) == (10, 1.0, 1.0, 3.0)
    assert second["value"] is None and second["last"] == "NaN" and second["bad"] == 1
    assert [row["value"] for row in rows_at([run], None)] == [2.0, "NaN"]


def test_of_a_restarted_run_the_newest_value_at_a_step_counts():
    run = found(a=([0, 1, 2, 1, 2, 3], [1, 2, 3, 20, 30, 40]))
    assert rows_at([run], 2)[0]["value"] == 30.0 and rows_at([run], 0)[0]["value"] == 1.0


def test_all_points_as_comma_separated_values():
    tag, text = csv_text([found(a=([0, 10], [0.1, np.inf]))], key("a"))
    assert tag == "a"
    assert text.splitlines() == [
        "run,step,seconds,value", "'=run,0,0.000000,0.1", "'=run,10,0.000000,inf",
    ]  # fmt: skip
    assert csv_text([found(a=([0], [1]))], "nothing")[0] == ""
