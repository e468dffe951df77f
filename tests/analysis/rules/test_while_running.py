"""Looking while a training runs ends where looking once at its end does."""

from __future__ import annotations

import pytest

from graphscope.analysis.doctor import Doctor
from graphscope.trace.reader import TraceReader
from tests.analysis.rules import test_curves, test_start, test_training
from tests.analysis.rules.golden_mlp import mlp

OF = {
    "dead-relu": test_training.TWINS, "update-ratio": test_training.TWINS, "frozen-weights": test_training.TWINS,
    "exploding-gradient": test_training.TWINS, "gradient-spike": test_training.TWINS,
    "class-imbalance": test_start.TWINS, "poor-start": test_start.TWINS, "unfit-init": test_start.TWINS,
    "overfitting": test_curves.TWINS, "loss-diverging": test_curves.TWINS,
}  # fmt: skip


@pytest.mark.parametrize("rule", OF)
def test_the_rounds_do_not_matter(rule, tmp_path):
    path = tmp_path / "live.gscope"
    watching: list[Doctor] = []
    options = dict(OF[rule][rule][0])
    also = options.pop("each", None)

    def each(w, k, s):
        if also is not None:
            also(w, k, s)
        if k % 7 == 6:
            w.commit()
            if not watching:
                watching.append(Doctor(TraceReader(path), settings={}))
            watching[0].update()

    mlp(path, each=each, **options)
    live = watching[0].update()
    watching[0].reader.close()
    with TraceReader(path) as reader:
        once = Doctor(reader, settings={}).update()
    facts = [
        [(f.id, f.key, f.active, f.detail) for f in found if f.active] for found in (live, once)
    ]
    assert facts[0] == facts[1]
    assert rule in {f.id for f in live}
