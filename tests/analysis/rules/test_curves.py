"""The loss over the steps: each rule against a curve that has this fault, and one that nearly has it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graphscope.analysis.doctor import RULES
from graphscope.analysis.rules.curves import Spikes, diverged, swings
from graphscope.analysis.rules.evaluation import overfits
from tests.analysis.rules.golden_mlp import falls, mlp
from tests.analysis.rules.judge import findings, found, is_silent

LEVEL = {rule.id: rule.severity for rule in RULES}
noise = np.random.default_rng(5).normal(0, 1, 2000)


def evaluates(val):
    """A held-out loss every tenth step."""

    def each(w, k, s):
        if k % 10 == 9:
            w.add_scalar("loss/val", k, val(k), 0)

    return each


def jump(to):
    return lambda k: to if k == 50 else 0.3 + 2 * math.exp(-k / 20) + 0.02 * noise[k]


def swing(size):
    return lambda k: 1.0 + size * (-1) ** k + 0.01 * noise[k]


FEW = dict(value_steps=(0,))
TWINS = {
    "loss-spike": (dict(loss=jump(2.0), steps=60), dict(loss=jump(0.7), steps=60)),
    "loss-not-decreasing": (
        dict(loss=lambda k: 2.3 + 0.02 * noise[k], steps=100),
        dict(loss=lambda k: 2.3 - 0.004 * k + 0.02 * noise[k], steps=100),
    ),
    "loss-diverging": (
        dict(loss=lambda k: 2.3 if k < 30 else 2.3 * 2.2 ** (k - 29), steps=40),
        dict(loss=lambda k: falls(k) if k != 30 else 20.0, steps=40),
    ),
    "loss-oscillating": (
        dict(loss=swing(0.8), steps=60),
        dict(loss=lambda k: 1.2 - 0.01 * k + 0.1 * noise[k], steps=60),
    ),
    "slow-convergence": (
        dict(loss=lambda k: 1.6 + 0.7 * math.exp(-k / 20) + 0.01 * noise[k], steps=420),
        dict(loss=lambda k: 1.2 + 1.1 * math.exp(-k / 200) + 0.01 * noise[k], steps=420),
    ),
    "overfitting": (
        dict(loss=lambda k: 2.3 * math.exp(-k / 30), steps=120, each=evaluates(lambda k: 1.5 + abs(k - 29) / 60)),
        dict(loss=lambda k: 2.3 * math.exp(-k / 30), steps=120, each=evaluates(lambda k: 0.5 + 2 * math.exp(-k / 30))),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "rule", sorted(set(TWINS) - {"loss-oscillating"})
)  # which does not decrease either: see below
def test_it_finds_what_is_wrong_and_nothing_else(rule, tmp_path):
    one = found(mlp(tmp_path / "bad.gscope", **FEW, **TWINS[rule][0]), rule)
    assert one.nodes and one.graph == 0
    assert one.site is not None and one.site.line == (33 if rule == "loss-diverging" else 30)


@pytest.mark.parametrize("rule", TWINS)
def test_it_is_silent_where_it_is_nearly_wrong(rule, tmp_path):
    is_silent(mlp(tmp_path / "good.gscope", **FEW, **TWINS[rule][1]), rule, LEVEL[rule])


def test_swings_do_not_fall(tmp_path):
    """A loss that only swings does not decrease either; both are said."""
    path = mlp(tmp_path / "swings.gscope", **FEW, **TWINS["loss-oscillating"][0])
    said = findings(path)
    assert {f.id for f in said} == {"loss-oscillating", "loss-not-decreasing"}
    one = next(f for f in said if f.id == "loss-oscillating")
    assert one.evidence["changes"] == 1.0 and one.evidence["level"] == pytest.approx(1, abs=0.02)
    assert one.site.line == 33


def test_the_numbers_are_those_of_the_curve(tmp_path):
    one = found(mlp(tmp_path / "over.gscope", **FEW, **TWINS["overfitting"][0]), "overfitting")
    assert one.evidence["best_step"] == 29 and one.evidence["best"] == 1.5
    assert one.evidence["val"] == pytest.approx(1.5 + 90 / 60)
    one = found(mlp(tmp_path / "spike.gscope", **FEW, **TWINS["loss-spike"][0]), "loss-spike")
    assert one.evidence["steps"] == [50] and one.evidence["loss"] == 2.0 and one.last_step == 50
    one = found(
        mlp(tmp_path / "away.gscope", **FEW, **TWINS["loss-diverging"][0]), "loss-diverging"
    )
    assert one.evidence["from"] == pytest.approx(2.3) and "10 times in a row" in one.detail


def test_a_loss_that_became_nan_is_judged_up_to_there(tmp_path):
    path = mlp(
        tmp_path / "nan.gscope", **FEW, loss=lambda k: 2.0 * 3**k if k < 20 else math.nan, steps=30
    )
    one = next(f for f in findings(path) if f.id == "loss-diverging")
    assert one.last_step == 19
    flat = mlp(
        tmp_path / "flat.gscope", **FEW, loss=lambda k: 2.3 if k < 80 else math.nan, steps=90
    )
    assert "loss-not-decreasing" not in {f.id for f in findings(flat)}


def test_evaluation_steps_tell_the_loss_too(tmp_path):
    """Recorded for real: the loss under no_grad is a step of its own, with values."""
    import graphscope as gs

    gs.manual_seed(0)
    x, y = gs.randn(24, 8), gs.randn(24, 1)
    net = gs.nn.Sequential(gs.nn.Linear(8, 32), gs.nn.Tanh(), gs.nn.Linear(32, 1))
    optimizer = gs.optim.Adam(net.parameters(), lr=1e-2)
    with gs.profile(tmp_path / "real", values="full") as p:
        for step in range(60):
            loss = gs.nn.functional.mse_loss(net(x[:8]), y[:8])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 6 == 5:
                with gs.no_grad():
                    gs.nn.functional.mse_loss(net(x[8:]), y[8:])
    one = next(f for f in findings(p.path) if f.id == "overfitting")
    assert one.key == "evaluation steps" and one.evidence["val"] > 1.15 * one.evidence["best"]


def test_arithmetic_on_paper():
    assert swings(np.array([1.0, 2, 3])) == (0.0, 1.0)
    assert swings(np.ones(9)) is None
    assert diverged(np.array([1.0, 2, 4, 8, 16]), 4, 2) == (0, 4, 1.0, 16.0)
    assert diverged(np.array([1.0, 2, 4, 8, 16, 1]), 4, 2) is None  # it came down again
    assert diverged(np.array([16.0, 0.5, 1, 2, 4, 8]), 4, 2) is None  # it ends below where it began
    assert diverged(np.array([1.0, -2, 4, 8, 16]), 4, 2) is None
    bad, best = overfits(np.array([1.0, 0.5, 0.5]), np.array([1.0, 0.5, 0.9]), 1.15, 0.9)
    assert (bad, best) == (
        [False, False, False],
        1,
    )  # the training loss stands still: something else
    follower = Spikes(next(r for r in RULES if r.id == "loss-spike").settings)
    curve = np.exp(-np.arange(100) / 10)
    assert follower.tell(curve[:60]) == [] and follower.tell(curve) == []
    assert follower.seen == 100
    level = Spikes(follower.settings)
    assert (
        len(level.tell(np.concatenate([np.full(40, 1.0), np.full(40, 30.0)]))) == 4
    )  # then it is the rule


class OneByOne(Spikes):
    def _is_steady(self):
        return False


def test_many_losses_together_are_what_they_are_one_by_one():
    rng = np.random.default_rng(3)
    told = dict(next(r for r in RULES if r.id == "loss-spike").settings)
    spikes = 0
    for k in range(60):
        n = int(rng.integers(1, 6000))
        loss = np.exp(rng.choice([0.01, 0.1, 0.5]) * rng.standard_normal(n) - np.arange(n) / 2000)
        for at in rng.integers(0, n, 6).tolist():
            loss[at : at + int(rng.integers(1, 8))] *= rng.choice([2, 10, 1e4])
        loss[rng.integers(0, n, k % 3)] = rng.choice([0, -1, math.nan, math.inf])
        some = told | {
            "z": float(rng.choice([0, 2, 6])),
            "alpha": float(rng.choice([0, 0.97, 1])),
            "warm_up": int(rng.choice([0, 20])),
            "floor": float(rng.choice([0, 0.01, 0.1])),
        }
        some = told if k % 2 else some
        whole, single = Spikes(some), OneByOne(some)
        try:
            single.tell(loss)
        except ZeroDivisionError:
            with pytest.raises(ZeroDivisionError):
                whole.tell(loss)
            continue
        for end in sorted(rng.integers(0, n, 3).tolist()) + [n]:
            whole.tell(loss[:end])
        assert repr(vars(whole)) == repr(vars(single))
        spikes += len(whole.found)
    assert spikes > 100
