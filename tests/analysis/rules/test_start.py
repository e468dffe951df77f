"""How a training begins, and the data that goes in."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graphscope.analysis.doctor import RULES
from graphscope.analysis.rules.data import label_counts, strange_scale
from graphscope.analysis.rules.series import _fact
from tests.analysis.rules.golden_mlp import (
    ACTS,
    LABELS,
    PRODUCTS,
    WEIGHTS,
    X,
    falls,
    mlp,
    update_of,
)
from tests.analysis.rules.judge import found, is_silent
from tests.golden_sketch import entry

LEVEL = {rule.id: rule.severity for rule in RULES}


def constant(units_apart):
    """The second weight begins as 0.1 everywhere; its units do or do not part with the first update."""

    def edit(k, table, s):
        if k:
            return
        table[WEIGHTS[1], "v"] = np.full((32, 32), 0.1)
        change = np.full((32, 32), 1e-4) * np.arange(1, 33)[:, None]  # by input
        if units_apart:
            change = change.T
        table[update_of(s, 1), "v"] = 0.1 + change

    return edit


def wide(factor):
    """The first weight is larger than He's initialisation, with all that follows of it."""

    def edit(k, table, s):
        for v in (WEIGHTS[0], update_of(s, 0)):
            table[v, "v"] = table[v, "v"] * factor

    return edit


def shrinking(factor):
    """Each layer hands on signals that are smaller by a factor, and gradients are next to nothing."""

    def edit(k, table, s):
        for j, v in enumerate(ACTS, 1):
            table[v, "v"] = table[v, "v"] * factor**j
        for v in WEIGHTS:
            table[v, "g"] = table[v, "g"] * 1e-2

    return edit


def raw(scale, shift):
    def edit(k, table, s):
        table[X, "v"] = table[X, "v"] * scale + shift

    return edit


def labels(rare):
    """Class 9 has so small a share, the other nine share the rest."""

    def edit(k, table, s):
        rng = np.random.default_rng(k)
        table[LABELS, "v"] = np.where(rng.random(64) < rare, 9, rng.integers(0, 9, 64))

    return edit


def adam(step):
    """The first update of Adam moves every element by the learning rate."""

    def edit(k, table, s):
        if k == 0:
            for j in range(3):
                sign = np.sign(np.random.default_rng(j).normal(size=table[WEIGHTS[j], "v"].shape))
                table[update_of(s, j), "v"] = table[WEIGHTS[j], "v"] + step * sign

    return edit


flat = lambda k: 2.31 + 0.002 * math.sin(k)  # noqa: E731
TWINS = {
    "symmetric-init": (dict(edit=constant(False)), dict(edit=constant(True))),
    "unfit-init": (dict(edit=wide(3)), dict(edit=wide(1.3))),
    "poor-start": (dict(edit=shrinking(0.2), loss=flat), dict(edit=shrinking(0.2), loss=falls)),
    "first-loss": (
        dict(loss=lambda k: 12 * math.exp(-k / 20)),
        dict(loss=lambda k: 3 * math.exp(-k / 20)),
    ),
    "unnormalised-input": (dict(edit=raw(40, 100)), dict(edit=raw(1.4, 0.3))),
    "class-imbalance": (
        dict(edit=labels(0.002), value_steps=range(40)),
        dict(edit=labels(0.05), value_steps=range(40)),
    ),
    "learning-rate": (
        dict(update="adam_", edit=adam(0.05)),
        dict(update="adam_", edit=adam(3e-3)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", TWINS)
def test_it_finds_what_is_wrong_and_nothing_else(rule, tmp_path):
    one = found(mlp(tmp_path / "bad.gscope", **TWINS[rule][0]), rule)
    assert one.nodes and one.graph == 0
    assert one.site is not None and one.site.line in (20, 21, 22, 30, 33)


@pytest.mark.parametrize("rule", TWINS)
def test_it_is_silent_where_it_is_nearly_wrong(rule, tmp_path):
    is_silent(mlp(tmp_path / "good.gscope", **TWINS[rule][1]), rule, LEVEL[rule])


def test_the_numbers_are_those_on_paper(tmp_path):
    one = found(mlp(tmp_path / "loss.gscope", **TWINS["first-loss"][0]), "first-loss")
    assert one.evidence == {"loss": 12.0, "right": pytest.approx(math.log(10)), "classes": 10}
    assert "ln 10 = 2.303" in one.detail
    one = found(mlp(tmp_path / "init.gscope", **TWINS["unfit-init"][0]), "unfit-init")
    assert one.evidence["right"] == pytest.approx(2 / 16) and one.evidence["fan_in"] == 16
    assert one.evidence["variance"] == pytest.approx(9 * 2 / 16, rel=0.15)  # 512 random numbers
    one = found(mlp(tmp_path / "rate.gscope", **TWINS["learning-rate"][0]), "learning-rate")
    assert one.evidence["lr"] == pytest.approx(0.05, rel=1e-3)


def test_a_rate_that_was_logged_counts(tmp_path):
    def logs(w, k, s):
        w.add_scalar("train/lr", k, 1e-9, 0)

    one = found(mlp(tmp_path / "low.gscope", update="adam_", each=logs), "learning-rate")
    assert "below" in one.detail and one.evidence["lr"] == 1e-9


def test_a_rate_that_was_too_high_is_found_where_it_was(tmp_path):
    def logs(w, k, s):
        w.add_scalar("lr", k, 0.09 if k == 7 else 1e-3, 0)

    one = found(mlp(tmp_path / "peak.gscope", update="adam_", each=logs), "learning-rate")
    assert one.evidence["lr"] == 0.09 and one.first_step == one.last_step == 7


def test_one_batch_again_and_again_is_one_batch(tmp_path):
    def edit(k, table, s):
        table[LABELS, "v"] = np.zeros(64, np.int64)
        table[LABELS, "v"][:3] = (1, 2, 3)

    is_silent(
        mlp(tmp_path / "same.gscope", edit=edit, value_steps=range(40)),
        "class-imbalance",
        "warning",
    )


def test_labels_are_counted_exactly():
    numbers = np.repeat(np.arange(10), np.arange(1, 11))
    from graphscope.record.statistics import describe

    assert label_counts(_fact(describe(numbers, False)), 10).tolist() == list(range(1, 11))
    assert label_counts(_fact(describe(numbers + 20, False)), 30).sum() == 55
    assert (
        label_counts(_fact(describe(numbers * 4, False)), 40) is None
    )  # 36 apart: several in a bin
    assert label_counts(_fact(describe(numbers + 0.5, False)), 20) is None
    assert label_counts(_fact(describe(np.full(9, 3), False)), 5).tolist() == [0, 0, 0, 9, 0]


@pytest.mark.parametrize(
    ("array", "strange"),
    [
        (np.linspace(0, 1, 200), False), (np.linspace(-1, 1, 200), False), (np.zeros(200), True),
        (np.random.default_rng(0).normal(0, 1, 500), False), (np.linspace(0, 255, 200), True),
        (np.linspace(0, 16, 200), True), (np.random.default_rng(0).normal(0, 1e-2, 500) * 1e-3, False),
        (np.random.default_rng(0).normal(50, 1, 500), True),
    ],
)  # fmt: skip
def test_which_scales_are_strange(array, strange):
    settings = next(r for r in RULES if r.id == "unnormalised-input").settings
    assert bool(strange_scale(_fact(entry(array)), settings)) == strange


def test_nothing_is_said_of_a_step_0_that_was_not_seen(tmp_path):
    path = mlp(tmp_path / "late.gscope", edit=wide(30), value_steps=range(4, 40, 4))
    is_silent(path, "unfit-init", "error")
    assert PRODUCTS  # the layers are there; only how they began is not known
