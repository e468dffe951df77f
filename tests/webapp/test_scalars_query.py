"""Curves: order, smoothing, what is not finite, and that no spike is lost on the way."""

import json

import numpy as np
import pytest

import graphscope as gs
from graphscope.errors import ShapeError
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from graphscope.webapp.queries.scalars import (
    POINTS,
    is_loss,
    scalars_json,
    series,
    smoothed,
    wild,
)
from tests import golden


@pytest.mark.parametrize(
    "tag, known",
    [
        ("loss", 1),
        ("train/loss", 1),
        ("loss/train", 1),
        ("Loss", 1),
        ("lossless", 0),
        ("lr", 0),
        ("", 0),
    ],
)
def test_what_is_a_loss(tag, known):
    assert is_loss(tag) == bool(known)


def test_the_loss_comes_first_the_rest_by_name(tmp_path):
    with TraceReader(golden.build("digits_like", tmp_path)) as reader:
        assert list(series(reader)) == ["loss", "accuracy/val", "lr"]


def test_without_a_loss_scalar_the_steps_own_loss_is_shown(tmp_path):
    with TraceReader(golden.build("one_step", tmp_path)) as reader:
        steps, values, wall = series(reader)["loss"]
        assert len(steps) == len(values) == len(wall) == 1 and np.isfinite(values).all()


def test_a_step_that_raised_before_its_loss_is_no_nan(tmp_path):
    w = gs.randn(4, 4, requires_grad=True)
    with pytest.raises(ShapeError), gs.profile(tmp_path / "short") as p:
        for k in range(3):
            (gs.ones(2, 4 + k // 2) @ w).sum().backward()
            p.step()
    with TraceReader(tmp_path / "short.gscope") as reader:
        assert len(reader.steps()) == 3
        steps, values, _ = series(reader)["loss"]
        assert steps.tolist() == [0, 1] and np.isfinite(values).all()
        assert not any(card["nonfinite"] for card in scalars_json(reader))


def test_a_run_without_steps_has_no_curves(tmp_path):
    with TraceReader(golden.build("empty", tmp_path)) as reader:
        assert series(reader) == {} and scalars_json(reader) == []


def test_smoothing_starts_at_the_first_value_and_not_at_zero():
    assert smoothed(np.full(50, 3.0), 0.99) == pytest.approx(3.0)


def test_smoothing_by_hand():
    got = smoothed(np.array([1.0, 2.0, 3.0]), 0.5)
    assert got == pytest.approx([1.0, 1.25 / 0.75, 2.125 / 0.875])


def test_smoothing_with_weight_zero_changes_nothing():
    values = np.array([3.0, -1.0, 7.0])
    assert smoothed(values, 0.0).tolist() == values.tolist()


def test_smoothing_leaves_gaps_and_goes_on_after_them():
    got = smoothed(np.array([1.0, np.inf, np.nan, 1.0]), 0.9)
    assert np.isnan(got[1:3]).all() and got[3] == pytest.approx(1.0)


def test_stretches_that_are_not_finite():
    assert wild(np.array([1, np.nan, np.inf, 2, 3, np.nan])) == [(1, 2), (5, 5)]
    assert wild(np.ones(6)) == [] == wild(np.zeros(0))
    assert wild(np.full(3, np.nan)) == [(0, 2)]


def test_many_stretches_become_few():
    spans = wild(np.where(np.arange(300) % 2, np.nan, 1.0))
    assert len(spans) == 50 and spans[0] == (1, 1) and spans[-1][1] == 299


def long_run(folder, values):
    writer = TraceWriter(folder / "long.gscope", golden.META)
    for k, value in enumerate(values):
        writer.add_scalar("loss", k, float(value), k * 1000)
    writer.close()
    return TraceReader(folder / "long.gscope")


def test_a_single_spike_among_many_survives(tmp_path):
    values = np.ones(20_000)
    values[12_345], values[777], values[15_000] = 50.0, -50.0, np.nan
    with long_run(tmp_path, values) as reader:
        (curve,) = scalars_json(reader)
    kept = {step: value for step, value, _ in curve["points"]}
    assert kept[12_345] == 50.0 and kept[777] == -50.0 and kept[15_000] is None
    assert {0, 19_999} <= set(kept) and len(kept) <= 1.1 * POINTS
    assert curve["count"] == 20_000 and curve["nonfinite"] == [[15_000, 15_000]]


def test_the_answer_is_strict_json(tmp_path):
    with TraceReader(golden.build("failed", tmp_path)) as reader:
        json.dumps(scalars_json(reader), allow_nan=False)


def test_one_tag_alone(tmp_path):
    with TraceReader(golden.build("digits_like", tmp_path)) as reader:
        assert [c["tag"] for c in scalars_json(reader, "lr")] == ["lr"]
        assert scalars_json(reader, "no such tag") == []
