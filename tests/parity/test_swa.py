"""Averaged models beside torch's."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from graphscope.optim import swa_utils as ours

torch = pytest.importorskip("torch")
theirs = torch.optim.swa_utils

AVERAGES = {
    "equal": lambda u: {},
    "ema": lambda u: dict(avg_fn=u.get_ema_avg_fn(0.9)),
    "ema list": lambda u: dict(multi_avg_fn=u.get_ema_multi_avg_fn(0.9)),
    "swa list": lambda u: dict(multi_avg_fn=u.get_swa_multi_avg_fn()),
    "buffers": lambda u: dict(use_buffers=True),
}


@pytest.mark.parametrize("name", AVERAGES)
def test_averages_and_batch_norms_are_torchs(name):
    def run(library, utils):
        r = np.random.default_rng(0)
        x = library.tensor(r.normal(size=(8, 3)))
        nn = library.nn
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).double()
        with library.no_grad():
            for p in model.parameters():
                p.copy_(library.tensor(r.normal(size=tuple(p.shape))))
        averaged = utils.AveragedModel(model, **AVERAGES[name](utils))
        optimizer = library.optim.SGD(model.parameters(), lr=0.05)
        schedule = utils.SWALR(optimizer, swa_lr=0.5, anneal_epochs=3)
        rates = []
        for _ in range(5):
            optimizer.zero_grad()
            (model(x) ** 2).mean().backward()
            optimizer.step()
            averaged.update_parameters(model)
            schedule.step()
            rates += schedule.get_last_lr()
        before = {k: v.detach().clone() for k, v in averaged.state_dict().items()}
        utils.update_bn([x[:4], x[4:]], averaged)
        after = averaged.state_dict()
        return rates, [*before.items(), *after.items()], averaged.eval()(x)

    (rates, state, out), (their_rates, their_state, their_out) = run(gs, ours), run(torch, theirs)
    np.testing.assert_allclose(rates, their_rates, rtol=1e-12)
    # torch's list form divides in float32
    assert [k for k, _ in state] == [k for k, _ in their_state]
    for (key, a), (_, b) in zip(state, their_state, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-7, err_msg=key)
    np.testing.assert_allclose(out.detach().numpy(), their_out.detach().numpy(), rtol=1e-6)
