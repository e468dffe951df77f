"""Learning rates of each schedule beside torch's, with their state and their warnings."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import graphscope as gs

torch = pytest.importorskip("torch")

SCHEDULES = {
    "lambda": lambda s, o: s.LambdaLR(o, [lambda e: 0.95**e, lambda e: 1 / (e + 1)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.9 if e % 2 else 1.05),
    "step": lambda s, o: s.StepLR(o, 3, gamma=0.5),
    "multistep": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], gamma=0.3),
    "constant": lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=4),
    "linear": lambda s, o: s.LinearLR(o, start_factor=0.2, end_factor=0.9, total_iters=6),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.8),
    "polynomial": lambda s, o: s.PolynomialLR(o, total_iters=7, power=2.0),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 5, eta_min=0.01),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=2, eta_min=0.01),
    "restarts_equal": lambda s, o: s.CosineAnnealingWarmRestarts(o, 4),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.1, 1.0, step_size_up=4),
    "cyclic2": lambda s, o: s.CyclicLR(
        o, [0.1, 0.2], [1.0, 2.0], step_size_up=3, step_size_down=5, mode="triangular2"
    ),
    "cyclic_range": lambda s, o: s.CyclicLR(o, 0.1, 1.0, 4, mode="exp_range", gamma=0.9, cycle_momentum=False),
    "cyclic_own": lambda s, o: s.CyclicLR(o, 0.1, 1.0, 4, scale_fn=lambda x: 1 / x, scale_mode="cycle"),
    "onecycle": lambda s, o: s.OneCycleLR(o, 1.0, total_steps=20),
    "onecycle3": lambda s, o: s.OneCycleLR(
        o, [1.0, 2.0], epochs=4, steps_per_epoch=5, three_phase=True, anneal_strategy="linear", pct_start=0.25
    ),
    "sequential": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=4), s.CosineAnnealingLR(o, 8), s.ExponentialLR(o, 0.5)], [4, 12]
    ),
    "sequential_step": lambda s, o: s.SequentialLR(o, [s.ConstantLR(o, 0.1, 2), s.StepLR(o, 3)], [5]),
    "sequential_poly": lambda s, o: s.SequentialLR(o, [s.PolynomialLR(o, 4), s.MultiplicativeLR(o, lambda e: 0.9)], [3]),
    "chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9)], o),
}  # fmt: skip


def made(library, name, optimizer="SGD"):
    p, q = (library.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    options = dict(momentum=0.9) if optimizer == "SGD" else {}
    groups = [{"params": [p]}, {"params": [q], "lr": 0.3}]
    o = getattr(library.optim, optimizer)(groups, lr=0.5, **options)
    return p, o, SCHEDULES[name](library.optim.lr_scheduler, o)


def facts(o, scheduler):
    return [
        *[float(lr) for lr in scheduler.get_last_lr()],
        *[float(g["lr"]) for g in o.param_groups],
        *[float(g.get("momentum", g.get("betas", [0])[0])) for g in o.param_groups],
    ]


def plain(state):
    """A state dict as comparable plain values."""
    if isinstance(state, dict):
        return {k: plain(v) for k, v in state.items()}
    if isinstance(state, (list, tuple)):
        return [plain(v) for v in state]
    return pytest.approx(state, rel=1e-12) if isinstance(state, float) else state


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_twenty_rates_are_torchs(name, optimizer):
    def run(library):
        p, o, scheduler = made(library, name, optimizer)
        rows = [facts(o, scheduler)]
        for _ in range(20):
            p.sum().backward()
            o.step()
            scheduler.step()
            rows.append(facts(o, scheduler))
        return np.array(rows), scheduler.state_dict(), repr(o)

    with warnings.catch_warnings():
        # torch itself steps ConstantLR through its deprecated epoch at a milestone
        warnings.filterwarnings("ignore", message="The epoch parameter")
        theirs, their_state, their_looks = run(torch)
    ours, state, looks = run(gs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert list(state) == list(their_state)
    assert plain(their_state) == state
    assert looks.count("\n") == their_looks.count("\n")


@pytest.mark.parametrize("name", ["step", "multistep", "constant", "linear", "exponential", "polynomial", "cosine", "restarts"])  # fmt: skip
def test_jumping_to_an_epoch_uses_the_closed_form(name):
    def run(library):
        p, o, scheduler = made(library, name)
        p.sum().backward()
        o.step()
        rows = []
        for epoch in (3, 1, 8, 5):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                scheduler.step(epoch)
            rows.append(facts(o, scheduler))
        return np.array(rows)

    np.testing.assert_allclose(run(gs), run(torch), rtol=1e-12)


@pytest.mark.parametrize("options", [{}, dict(mode="max", threshold_mode="abs", threshold=0.1, patience=1), dict(cooldown=2, patience=0, min_lr=[0.1, 0.02], factor=0.5)])  # fmt: skip
def test_a_plateau_lowers_the_rate(options):
    losses = [
        3,
        2,
        2,
        2.1,
        1.9999,
        1.5,
        1.5,
        1.5,
        1.5,
        1.6,
        2,
        2,
        2,
        2,
        2,
        2,
        1,
        1,
        1,
        1,
        1,
        math.nan,
    ]

    def run(library):
        p, o, _ = made(library, "exponential")
        scheduler = library.optim.lr_scheduler.ReduceLROnPlateau(o, **options)
        rows = []
        for x in losses:
            scheduler.step(x)
            rows.append(facts(o, scheduler))
        return np.array(rows), scheduler.state_dict()

    (ours, state), (theirs, their_state) = run(gs), run(torch)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert state == their_state


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_from_its_state(name):
    p, o, scheduler = made(gs, name)
    for _ in range(6):
        o.step()
        scheduler.step()
    _, other, resumed = made(gs, name)
    other.load_state_dict(o.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    for _ in range(5):
        for a, b in ((o, scheduler), (other, resumed)):
            a.step()
            b.step()
        assert facts(o, scheduler) == facts(other, resumed)


def test_warnings_come_where_torch_warns():
    for library, early, late in (
        (gs, r"before the first optimizer\.step", "replaced"),
        (torch, "before `optimizer.step", "overridden"),
    ):
        _, o, scheduler = made(library, "step")
        with pytest.warns(UserWarning, match=early):
            scheduler.step()
        with pytest.warns(UserWarning, match="get_last_lr"):
            scheduler.get_lr()
        _, o, scheduler = made(library, "step")
        o.step = lambda: None
        with pytest.warns(UserWarning, match=late):
            scheduler.step()
