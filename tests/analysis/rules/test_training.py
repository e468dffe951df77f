"""Gradients, weights and activations: each rule against a sound training in which one thing is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from graphscope.analysis.doctor import RULES, Doctor
from graphscope.trace.reader import TraceReader
from tests.analysis.rules.golden_mlp import ACTS, PRODUCTS, WEIGHTS, falls, mlp, update_of
from tests.analysis.rules.judge import findings, found, is_silent

stays = lambda k: 2.3 + 0.4 * np.cos(k / 3) - 0.02 * k  # noqa: E731 - falls, but not far


def scale(what, by, since=0, kind="g"):
    """An edit that makes values or gradients larger by a factor."""

    def edit(k, table, s):
        if k >= since:
            factor = by(k) if callable(by) else by
            for v in what:
                table[v, kind] = table[v, kind] * factor

    return edit


def all_of(*edits):
    def edit(k, table, s):
        for one in edits:
            one(k, table, s)

    return edit


def updates(factor):
    """An edit of how far each update moves the first weight."""

    def edit(k, table, s):
        before, u = table[WEIGHTS[0], "v"], update_of(s, 0)
        table[u, "v"] = before + factor * np.abs(before)

    return edit


def still(k, table, s):
    """The second weight stays what it was in step 0, whatever the update."""
    start = np.random.default_rng(1).normal(0, 0.25, (32, 32))
    table[WEIGHTS[1], "v"] = table[update_of(s, 1), "v"] = start


def creeps(k, table, s):
    start = np.random.default_rng(1).normal(0, 0.25, (32, 32))
    table[WEIGHTS[1], "v"], table[update_of(s, 1), "v"] = (
        start * (1 + 4e-4 * k),
        start * (1 + 4e-4 * (k + 1)),
    )


def dead(units):
    """The first layer's ReLU: so many of its 32 units put out 0 in every row."""

    def edit(k, table, s):
        table[ACTS[0], "v"][:, :units] = 0

    return edit


def one_batch(k, table, s):
    if k == 8:
        table[ACTS[0], "v"][:] = 0


def saturate(op, by):
    def edit(k, table, s):
        z = by * table[PRODUCTS[0], "v"]
        table[ACTS[0], "v"] = np.tanh(z) if op == "tanh" else 1 / (1 + np.exp(-z))

    return edit


def negative(share):
    def edit(k, table, s):
        for v in (WEIGHTS[1], update_of(s, 1)):
            w = np.abs(table[v, "v"])
            w.reshape(-1)[: int(w.size * share)] *= -1
            table[v, "v"] = w

    return edit


# rule: what is wrong, what is nearly wrong
TWINS = {
    "vanishing-gradient": (
        dict(loss=stays, edit=scale(WEIGHTS, 1e-6)),
        dict(loss=stays, edit=scale(WEIGHTS, 1e-4)),
    ),
    "vanishing-with-depth": (
        dict(loss=stays, edit=scale(WEIGHTS[:1], 1e-4)),
        dict(loss=falls, edit=scale(WEIGHTS, 1e-4)),  # all of them small: no matter of depth
    ),
    "exploding-gradient": (
        dict(edit=scale(WEIGHTS[1:2], lambda k: 1.5**k)),
        dict(edit=scale(WEIGHTS[1:2], lambda k: 1.02**k)),
    ),
    "exploding-with-depth": (
        dict(edit=scale(WEIGHTS[:1], 300)),
        dict(edit=scale(WEIGHTS, 300)),
    ),
    "gradient-spike": (
        dict(edit=scale(WEIGHTS, 40, since=39), value_steps=range(40)),
        dict(edit=scale(WEIGHTS, 3, since=39), value_steps=range(40)),
    ),
    "update-ratio": (dict(edit=updates(0.3)), dict(edit=updates(0.03))),
    "frozen-weights": (dict(loss=stays, edit=still), dict(loss=stays, edit=creeps)),
    "weight-pathology": (dict(edit=negative(0.97)), dict(edit=negative(0.8))),
    "dead-relu": (dict(edit=dead(20)), dict(edit=dead(8))),
    "saturated": (dict(act="tanh", edit=saturate("tanh", 20)), dict(act="tanh", edit=saturate("tanh", 2))),
    "activation-scale": (
        dict(edit=scale(PRODUCTS[1:2], 100, kind="v")),
        dict(edit=scale(PRODUCTS[1:2], 3, kind="v")),
    ),
}  # fmt: skip
LEVEL = {rule.id: rule.severity for rule in RULES}


@pytest.mark.parametrize("rule", TWINS)
def test_it_finds_what_is_wrong_and_nothing_else(rule, tmp_path):
    one = found(mlp(tmp_path / "bad.gscope", **TWINS[rule][0]), rule)
    assert one.nodes and one.graph == 0 and one.last_step == 39
    assert one.site is not None and one.site.line in (20, 21, 22, 30, 33)


@pytest.mark.parametrize("rule", TWINS)
def test_it_is_silent_where_it_is_nearly_wrong(rule, tmp_path):
    is_silent(mlp(tmp_path / "good.gscope", **TWINS[rule][1]), rule, LEVEL[rule])


@pytest.mark.parametrize("act", ["relu", "tanh", "sigmoid"])
def test_a_sound_training_has_no_finding(act, tmp_path):
    assert findings(mlp(tmp_path / "sound.gscope", act=act)) == []


def test_the_numbers_are_those_of_the_trace(tmp_path):
    """Halved three times over: 20 of 32 units, 24 of which were sampled in 24 of 64 rows."""
    one = found(mlp(tmp_path / "bad.gscope", **TWINS["dead-relu"][0]), "dead-relu")
    assert one.evidence["checks"] == 10  # the last ten of eleven
    assert one.evidence["dead"] == pytest.approx(10 / 16)  # every other unit is in the sample
    assert one.key == "net.0|relu|0"
    ratio = found(mlp(tmp_path / "ratio.gscope", edit=updates(0.3)), "update-ratio")
    assert ratio.evidence["log10_ratio"] == pytest.approx(np.log10(0.3), abs=0.01)
    assert ratio.site.line == 33  # where the update is


def test_one_batch_says_nothing(tmp_path):
    assert findings(mlp(tmp_path / "once.gscope", edit=one_batch)) == []


def test_two_checks_are_not_enough(tmp_path):
    path = mlp(tmp_path / "few.gscope", loss=stays, edit=scale(WEIGHTS, 1e-6), value_steps=(0, 20))
    assert findings(path) == []


def test_what_came_down_needs_no_gradient(tmp_path):
    """A training that has arrived has small gradients with good reason."""
    path = mlp(tmp_path / "done.gscope", loss=lambda k: 2.3 * 0.5**k, edit=scale(WEIGHTS, 1e-6))
    assert findings(path) == []


def test_no_rule_speaks_while_a_number_is_not_finite(tmp_path):
    """Not even of dead units, whose zeros are there for everyone to see."""

    def edit(k, table, s):
        dead(32)(k, table, s)
        table[WEIGHTS[2], "g"] = table[WEIGHTS[2], "g"] * np.nan

    path = mlp(tmp_path / "nan.gscope", edit=edit)
    assert [f.id for f in findings(path) if f.topic == "training" and f.severity != "error"] == []


def test_it_is_armed_again_when_it_was_clear(tmp_path):
    def edit(k, table, s):
        if k < 20 or k >= 30:
            scale(WEIGHTS[:1], 300)(k, table, s)

    path = mlp(tmp_path / "twice.gscope", edit=edit, value_steps=range(40))
    with TraceReader(path) as reader:
        one = next(
            f for f in Doctor(reader, settings={}).update() if f.id == "exploding-with-depth"
        )
    assert (one.active, one.first_step, one.last_step, one.count) == (True, 0, 39, 30)


def test_thresholds_are_settings(tmp_path):
    path = mlp(tmp_path / "mine.gscope", edit=dead(8))
    with TraceReader(path) as reader:
        told = Doctor(reader, settings={"dead-relu": {"units": 0.2}}).update()
    assert [f.id for f in told] == ["dead-relu"]
    assert "dead-relu" not in {f.id for f in findings(path)}
