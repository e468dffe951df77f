"""Distributions over the steps: quantiles by hand, what is read of a long run, and the routes."""

import math

import numpy as np
import pytest

from graphscope.errors import TraceError
from graphscope.trace import values
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Entry
from graphscope.trace.writer import TraceWriter
from graphscope.webapp.queries.distributions import (
    BINS,
    STEPS,
    Distributions,
    Spread,
    moved,
    quantiles_of,
    rebinned,
    spaced,
    spread_of,
    thinned,
)
from tests import golden
from tests.golden_sketch import entry


def test_quantiles_of_a_histogram_by_hand():
    # Four equal bins from 0 to 4: half of the numbers lie below 2, a twentieth below 0.2.
    assert quantiles_of(np.ones(4), 0.0, 4.0) == pytest.approx([0.2, 1.0, 2.0, 3.0, 3.8])
    assert quantiles_of(np.array([0, 0, 1, 0.0]), 0.0, 4.0)[2] == pytest.approx(2.5)


def test_quantiles_are_right_to_a_bin():
    numbers = np.random.default_rng(0).normal(size=5000)
    found = spread_of(entry(numbers))
    width = (numbers.max() - numbers.min()) / 24
    assert (
        np.abs(
            np.array(found.quantiles) - np.quantile(numbers, (0.05, 0.25, 0.5, 0.75, 0.95))
        ).max()
        < width
    )
    assert found.low == pytest.approx(numbers.min(), abs=1e-5) and found.bad == 0


def test_one_number_is_its_own_distribution():
    found = spread_of(entry(np.array(3.0)))
    assert set(found.quantiles) == {3.0} and found.low == found.high == 3.0


def test_what_is_not_finite_is_counted_beside():
    found = spread_of(entry(np.array([1.0, 2.0, np.nan, np.inf])))
    assert found.bad == 2 and found.high == 2.0


def test_rebinning_keeps_all_of_it():
    spread = spread_of(entry(np.arange(100.0)))
    assert rebinned(spread, -100.0, 200.0).sum() == pytest.approx(1.0)
    half = rebinned(Spread(0, 2, 1, 1, (), np.ones(2), 0.0, 2.0, 0), 0.0, 4.0, 4)
    assert half.tolist() == [0.5, 0.5, 0.0, 0.0]
    point = rebinned(Spread(1, 1, 1, 1, (), np.ones(1), 1.0, 1.0, 0), 0.0, 4.0, 4)
    assert point.tolist() == [0, 1, 0, 0]


def test_an_update_is_the_difference_of_the_samples():
    before, after = entry(np.array([1.0, 2.0, 3.0, 4.0])), entry(np.array([1.5, 2.0, 2.0, 4.0]))
    found = moved(before, after, 0.25)
    assert (found.low, found.high, found.mean) == (-1.0, 0.5, -0.125)
    assert found.ratio == 0.25 and found.rms == pytest.approx(math.sqrt(1.25 / 4))
    assert moved(before, entry(np.ones((2, 3))), None) is None and moved(None, after, None) is None


def test_thinning_keeps_both_ends_and_what_was_read():
    assert thinned(list(range(6)), 3) == [0, 4, 5] and thinned([], 5) == []
    assert thinned([3, 4, 9], 64) == [3, 4, 9]
    long = thinned(list(range(10_000)), STEPS)
    assert len(long) <= STEPS and {0, 9999} <= set(long)
    grown = thinned(list(range(10_100)), STEPS)
    assert set(long[:-1]) <= set(grown)
    assert spaced(3, 5) == [0, 1, 2] and spaced(100, 5)[::4] == [0, 99]


@pytest.fixture
def digits(tmp_path):
    with TraceReader(golden.build("digits_like", tmp_path)) as reader:
        yield reader


@pytest.mark.parametrize("what", ["parameters", "gradients", "activations", "updates"])
def test_every_kind_of_a_run(digits, what):
    told = Distributions().answer(digits, what, hist=True)
    assert told["steps"] == told["read"] == len(digits.value_steps()) == 20
    if what != "updates":  # the sketch's update nodes hold no values
        assert len(told["layers"]) > 4
    for layer in told["layers"]:
        for k in range(len(layer["steps"])):
            low, q1, middle, q3, high = (q[k] for q in layer["quantiles"])
            assert layer["low"][k] <= low <= q1 <= middle <= q3 <= high <= layer["high"][k]
        assert len(layer["hist"]["rows"]) == len(layer["steps"])
        assert {len(row) for row in layer["hist"]["rows"]} == {BINS}


def test_numbers_are_those_of_the_trace(digits):
    told = Distributions().answer(digits, "parameters", "conv1.weight")
    (layer,) = told["layers"]
    assert layer["name"] == "net.conv1.weight" and layer["id"].startswith("p")
    k = layer["steps"].index(5)
    at = digits.values(5).get(-1 - int(layer["id"][1:]))
    assert layer["mean"][k] == pytest.approx(at.mean, rel=1e-4)
    assert layer["rms"][k] == pytest.approx(at.rms, rel=1e-4)


def test_a_step_is_read_once(digits, monkeypatch):
    kept = Distributions()
    first = kept.answer(digits, "parameters")
    asked = []
    real = digits.values
    monkeypatch.setattr(digits, "values", lambda *a: asked.append(a) or real(*a))
    assert (
        kept.answer(digits, "parameters") == first and len(asked) == 1
    )  # the newest names the layers


def test_layers_stand_in_the_order_of_the_network(digits):
    names = [layer["name"] for layer in Distributions().answer(digits, "gradients")["layers"]]
    assert names.index("net.conv1.weight") < names.index("net.conv2.weight")


def test_nonsense_is_refused_and_nothing_is_nothing(digits, tmp_path):
    with pytest.raises(TraceError, match="parameters, gradients"):
        Distributions().answer(digits, "evil")
    with TraceReader(golden.build("empty", tmp_path)) as empty:
        assert Distributions().answer(empty, "parameters")["layers"] == []
        assert Distributions().answer(empty, "logged")["layers"] == []


def test_a_layer_that_never_changes(tmp_path):
    w = TraceWriter(tmp_path / "f.gscope", golden.META)
    for k in range(3):
        w.add_media("frozen", k, "histogram", values.encode([(0, "v", entry(np.arange(9.0)))]))
    w.close()
    with TraceReader(tmp_path / "f.gscope") as reader:
        (layer,) = Distributions().answer(reader, "logged", hist=True)["layers"]
    assert layer["hist"]["rows"][0] == layer["hist"]["rows"][2] and layer["mean"] == [4, 4, 4]


def test_logged_histograms(tmp_path):
    w = TraceWriter(tmp_path / "h.gscope", golden.META)
    for k in range(3):
        made: Entry = entry(np.arange(10.0) + k)
        w.add_media("w<script>", k, "histogram", values.encode([(0, "v", made)]))
    w.close()
    with TraceReader(tmp_path / "h.gscope") as reader:
        (layer,) = Distributions().answer(reader, "logged", hist=True)["layers"]
    assert layer["steps"] == [0, 1, 2] and layer["low"] == [0, 1, 2] and layer["id"] == ""


def test_the_routes(client):
    for path in ("distributions", "logged", "hparams", "curve_table"):
        assert client.get(f"/api/{path}?run=digits_like").status_code == 200
        assert client.get(f"/api/{path}?run=nothing").status_code == 404
    assert client.get("/api/image?run=digits_like&id=1").status_code == 404
    assert client.get("/api/image?run=digits_like&id=../x").status_code == 404
    told = client.get("/api/curves.csv?run=hostile&key=000000000000")
    assert told.status_code == 404
    key = client.get("/api/curves?run=hostile").get_json()["cards"][0]["key"]
    told = client.get(f"/api/curves.csv?run=hostile&key={key}")
    assert (
        told.content_type.startswith("text/csv")
        and "attachment" in told.headers["Content-Disposition"]
    )
