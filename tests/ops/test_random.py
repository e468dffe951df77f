"""Random numbers: the distributions, the seeds, the states; the numbers themselves are not torch's."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import graphscope as gs

N = 40_000
# Five standard errors: a right generator fails one test in two million.
SIGMAS = 5


def moments(x, mean, std):
    x = np.asarray(x.tolist())
    assert abs(x.mean() - mean) < SIGMAS * std / math.sqrt(x.size)
    assert x.std() == pytest.approx(std, rel=0.05)


def test_uniform_and_normal():
    for dtype in (gs.float16, gs.float32, gs.float64):
        u = gs.rand(N, dtype=dtype)
        assert u.dtype is dtype and u.min().item() >= 0 and u.max().item() < 1
        moments(u, 0.5, math.sqrt(1 / 12))
        moments(gs.randn(N, dtype=dtype), 0, 1)
    moments(gs.normal(3.0, 2.0, (N,)), 3, 2)
    moments(gs.ones(N).uniform_(-1, 3), 1, 4 / math.sqrt(12))
    moments(gs.ones(N).normal_(1, 0.5), 1, 0.5)
    moments(gs.ones(N).exponential_(2.0), 0.5, 0.5)
    moments(gs.ones(N).log_normal_(0, 0.25).log(), 0, 0.25)
    moments(gs.ones(N).geometric_(0.25), 4, math.sqrt(0.75) / 0.25)
    assert abs(np.median(gs.ones(N).cauchy_(2.0).tolist()) - 2) < 0.1


def test_whole_numbers():
    x = gs.randint(3, 7, (N,))
    assert x.dtype is gs.int64 and sorted(set(x.tolist())) == [3, 4, 5, 6]
    moments(x, 4.5, math.sqrt(15 / 12))
    assert set(gs.randint(2, (50,), dtype=gs.float32).tolist()) == {0.0, 1.0}
    assert set(gs.randint_like(gs.ones(50, dtype=gs.int8), 5).tolist()) <= set(range(5))
    p = gs.randperm(100)
    assert sorted(p.tolist()) == list(range(100)) != p.tolist()
    assert gs.randperm(4, dtype=gs.int32).dtype is gs.int32
    assert set(gs.zeros(100, dtype=gs.int64).random_(3).tolist()) == {0, 1, 2}
    assert set(gs.zeros(200).random_(5, 8).tolist()) == {5, 6, 7}
    assert gs.zeros(100, dtype=gs.int8).random_().min().item() >= 0
    assert gs.zeros(100).random_().max().item() <= 2**24


def test_a_mean_and_a_deviation_for_each():
    mean, std = gs.tensor([0.0, 10.0, -5.0]), gs.tensor([1.0, 0.1, 3.0])
    x = gs.normal(mean.expand(N, 3), std.expand(N, 3))
    for k in range(3):
        moments(x[:, k], mean[k].item(), std[k].item())
    assert gs.normal(mean, 2.0).shape == (3,) and gs.normal(1.0, std).shape == (3,)
    mean.requires_grad_()
    gs.normal(mean, std).sum().backward()
    assert mean.grad.tolist() == [0, 0, 0]  # as in torch: a sample is no function of its mean


def test_bernoulli():
    p = gs.tensor([0.0, 0.2, 0.9, 1.0])
    x = gs.bernoulli(p.expand(N, 4)).mean(0).tolist()
    assert x[0] == 0 and x[3] == 1
    assert x[1] == pytest.approx(0.2, abs=0.01) and x[2] == pytest.approx(0.9, abs=0.01)
    assert gs.ones(N).bernoulli(0.3).mean().item() == pytest.approx(0.3, abs=0.015)
    assert gs.ones(N).bernoulli_(0.3).mean().item() == pytest.approx(0.3, abs=0.015)
    assert gs.zeros(4).bernoulli_(gs.tensor([0.0, 1.0, 0.0, 1.0])).tolist() == [0, 1, 0, 1]
    assert gs.zeros(3, dtype=gs.int64).bernoulli_(1.0).tolist() == [1, 1, 1]


def shares(x, n):
    return np.bincount(np.asarray(x.tolist()).ravel(), minlength=n) / x.numel()


def test_multinomial_with_replacement():
    w = gs.tensor([1.0, 0.0, 3.0, 6.0])
    np.testing.assert_allclose(
        shares(gs.multinomial(w, N, True), 4), [0.1, 0, 0.3, 0.6], atol=0.012
    )
    rows = gs.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 5.0], [0.0, 2.0, 2.0]])
    x = gs.multinomial(rows, N // 4, replacement=True)
    assert x.shape == (3, N // 4) and x.dtype is gs.int64
    for got, want in zip(x, ([0.5, 0.5, 0], [0, 0, 1], [0, 0.5, 0.5]), strict=True):
        np.testing.assert_allclose(shares(got, 3), want, atol=0.025)


def test_multinomial_without_replacement():
    w = gs.tensor([1.0, 2.0, 0.0, 5.0]).expand(N // 4, 4)
    x = gs.multinomial(w, 2)
    a = np.asarray(x.tolist())
    assert (a[:, 0] != a[:, 1]).all() and not (a == 2).any()
    np.testing.assert_allclose(shares(x[:, 0], 4), [1 / 8, 2 / 8, 0, 5 / 8], atol=0.025)
    # second draw: the rest, by weight
    want = 1 / 8 * 2 / 7 + 5 / 8 * 2 / 3
    assert shares(x[:, 1], 4)[1] == pytest.approx(want, abs=0.025)


def test_poisson():
    moments(gs.poisson(gs.full((N,), 4.0)), 4, 2)


def test_a_seed_repeats_the_numbers():
    def numbers():
        return (
            gs.rand(3).tolist()
            + gs.randn(2).tolist()
            + gs.randperm(5).tolist()
            + gs.ones(2).uniform_().tolist()
        )

    assert gs.manual_seed(3).initial_seed() == 3 == gs.initial_seed()
    first = numbers()
    assert numbers() != first
    gs.manual_seed(3)
    assert numbers() == first
    gs.manual_seed(-1)
    assert gs.initial_seed() == 2**64 - 1
    assert gs.seed() == gs.initial_seed()


def test_a_generator_goes_its_own_way():
    a, b = gs.Generator().manual_seed(5), gs.Generator(device="cpu").manual_seed(5)
    gs.manual_seed(1)
    before = gs.get_rng_state()
    assert gs.rand(3, generator=a).tolist() == gs.rand(3, generator=b).tolist()
    for draw in (
        lambda g: gs.randint(9, (4,), generator=g), lambda g: gs.randperm(9, generator=g), lambda g: gs.normal(0.0, 1.0, (3,), generator=g),
        lambda g: gs.bernoulli(gs.full((9,), 0.5), generator=g), lambda g: gs.multinomial(gs.ones(9), 3, generator=g),
        lambda g: gs.rand_like(gs.ones(3), generator=g), lambda g: gs.ones(3).normal_(generator=g),
    ):  # fmt: skip
        assert draw(a).tolist() == draw(b).tolist()
    assert gs.get_rng_state().tolist() == before.tolist()
    assert a.device == gs.device("cpu")


def test_the_state_can_be_kept():
    g = gs.Generator().manual_seed(9)
    gs.randint(5, (3,), generator=g)  # leaves half a word behind
    state = g.get_state()
    assert state.dtype is gs.uint8
    want = gs.rand(4, generator=g).tolist()
    other = gs.Generator().set_state(pickle.loads(pickle.dumps(state)))
    assert gs.rand(4, generator=other).tolist() == want and other.initial_seed() == 9
    twin = g.clone_state()
    assert gs.rand(1, generator=twin).tolist() == gs.rand(1, generator=g).tolist()
    gs.set_rng_state(state)
    assert gs.rand(4).tolist() == want
    with pytest.raises(ValueError, match="torch's generator"):
        g.set_state(gs.zeros(5056, dtype=gs.uint8))


def test_fork_rng():
    gs.manual_seed(0)
    first = gs.rand(2).tolist()
    gs.manual_seed(0)
    with gs.random.fork_rng():
        gs.rand(10)
    assert gs.rand(2).tolist() == first


def test_devices_draw_the_same_numbers():
    def numbers(device):
        gs.manual_seed(4)
        w = gs.tensor([[0.2, 0.3, 0.5]], device=device)
        return [
            x.cpu().tolist()
            for x in (
                gs.rand(3, device=device), gs.ones(3, device=device).normal_(), gs.bernoulli(w), gs.multinomial(w, 2),
                gs.multinomial(w, 5, True), gs.randn_like(w), gs.normal(w, 1.0), gs.randint(9, (3,), device=device),
            )
        ]  # fmt: skip

    assert numbers("sim") == numbers("cpu")


def test_filling_counts_as_writing():
    x = gs.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="no_grad"):
        x.uniform_()
    with gs.no_grad():
        assert x.uniform_() is x
    y = gs.ones(3, requires_grad=True)
    square = y * 2
    out = square.exp()
    with gs.no_grad():
        out.normal_()
    with pytest.raises(RuntimeError):
        out.sum().backward()
