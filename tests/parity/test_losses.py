"""Losses and their modules beside torch's: values, gradients, reductions, weights, warnings, errors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import graphscope as gs
from graphscope.nn import functional as F
from tests.parity.beside import TF, arrays, check, quiet, torch

array = arrays(11)
X, Y = array(3, 4), array(3, 4)
P, Q = array(3, 4, low=0.05, high=0.95), array(3, 4, low=0, high=1)
W = array(4, low=0.2, high=2)
SIGNS = np.sign(array(3, 4))
ROWS = np.sign(array(3))
A, B, C = array(5, 3), array(5, 3), array(5, 3)
POSITIVE = array(3, 4, low=0.1, high=3)
NORMALISED = np.log(np.abs(array(3, 4)) + 0.1)
LOGP = NORMALISED - np.log(np.exp(NORMALISED).sum(1, keepdims=True))
REDUCTIONS = ("none", "mean", "sum")

# name: inputs, f(functional, reduction, *tensors)
PAIRS = {
    "mse": ([X, Y], lambda f, r, x, y: f.mse_loss(x, y, reduction=r)),
    "mse_weight": ([X, Y, POSITIVE], lambda f, r, x, y, w: f.mse_loss(x, y, reduction=r, weight=w)),
    "l1": ([X, Y], lambda f, r, x, y: f.l1_loss(x, y, reduction=r)),
    "l1_weight": ([X, Y, POSITIVE], lambda f, r, x, y, w: f.l1_loss(x, y, reduction=r, weight=w)),
    "smooth_l1": ([X, Y], lambda f, r, x, y: f.smooth_l1_loss(x, y, reduction=r)),
    "smooth_l1_beta": ([X, Y], lambda f, r, x, y: f.smooth_l1_loss(x, y, reduction=r, beta=0.5)),
    "smooth_l1_zero": ([X, Y], lambda f, r, x, y: f.smooth_l1_loss(x, y, reduction=r, beta=0.0)),
    "huber": ([X, Y], lambda f, r, x, y: f.huber_loss(x, y, r, 0.5)),
    "huber_weight": ([X, Y, POSITIVE], lambda f, r, x, y, w: f.huber_loss(x, y, r, 0.5, w)),
    "bce": ([P, Q], lambda f, r, x, y: f.binary_cross_entropy(x, y, reduction=r)),
    "bce_weight": ([P, Q], lambda f, r, x, y: f.binary_cross_entropy(x, y, (y * 0 + 2).detach(), reduction=r)),
    "logits": ([X * 9, Q], lambda f, r, x, y: f.binary_cross_entropy_with_logits(x, y, reduction=r)),
    "logits_weight": (
        [X, Q],
        lambda f, r, x, y: f.binary_cross_entropy_with_logits(
            x, y, (x[0] * 0 + 2).detach(), reduction=r, pos_weight=(x[1] * 0 + 3).detach()
        ),
    ),
    "logits_pos": (
        [X * 9, Q],
        lambda f, r, x, y: f.binary_cross_entropy_with_logits(x, y, reduction=r, pos_weight=(x[1] * 0 + 3).detach()),
    ),
    "kl": ([LOGP, Q], lambda f, r, x, y: f.kl_div(x, y, reduction=r)),
    "kl_log": ([LOGP, LOGP[::-1]], lambda f, r, x, y: f.kl_div(x, y, reduction=r, log_target=True)),
    "poisson": ([X, POSITIVE], lambda f, r, x, y: f.poisson_nll_loss(x, y, reduction=r)),
    "poisson_full": (
        [POSITIVE, POSITIVE],
        lambda f, r, x, y: f.poisson_nll_loss(x, y.detach(), log_input=False, full=True, reduction=r),
    ),
    "gaussian": ([X, Y, POSITIVE], lambda f, r, x, y, v: f.gaussian_nll_loss(x, y, v, reduction=r)),
    "gaussian_row": (
        [X, Y, POSITIVE[:, 0]],
        lambda f, r, x, y, v: f.gaussian_nll_loss(x, y, v, full=True, reduction=r),
    ),
    "soft_margin": ([X * 5, SIGNS], lambda f, r, x, y: f.soft_margin_loss(x, y.detach(), reduction=r)),
    "hinge": ([X, SIGNS], lambda f, r, x, y: f.hinge_embedding_loss(x, y.detach(), 0.7, reduction=r)),
    "ranking": ([X, Y, SIGNS], lambda f, r, x, y, s: f.margin_ranking_loss(x, y, s.detach(), 0.3, reduction=r)),
    "cosine": (
        [X, Y, ROWS],
        lambda f, r, x, y, s: f.cosine_embedding_loss(x, y, s.detach(), 0.1, reduction=r),
    ),
    "triplet": ([A, B, C], lambda f, r, a, b, c: f.triplet_margin_loss(a, b, c, reduction=r)),
    "triplet_swap": (
        [A, B, C],
        lambda f, r, a, b, c: f.triplet_margin_loss(a, b, c, 2.0, 1, swap=True, reduction=r),
    ),
    "triplet_distance": (
        [A, B, C],
        lambda f, r, a, b, c: f.triplet_margin_with_distance_loss(
            a, b, c, distance_function=lambda u, v: ((u - v) ** 2).sum(-1), reduction=r
        ),
    ),
    "multilabel_soft": (
        [X, (Q > 0.5).astype(float), W],
        lambda f, r, x, y, w: f.multilabel_soft_margin_loss(x, y, w.detach(), reduction=r),
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PAIRS)
def test_losses_of_two_tensors(name, dtype):
    inputs, function = PAIRS[name]
    for reduction in REDUCTIONS:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*reduction[=:].*'mean' divides")
            check(inputs, lambda t, f, *x: function(f, reduction, *x), dtype, factor=5)


@pytest.mark.parametrize("name", ["mse", "l1", "smooth_l1", "huber", "logits", "kl_log"])
def test_losses_of_nothing_and_of_numbers(name):
    _, function = PAIRS[name]
    with quiet():
        for shape in ((0, 3), ()):
            for r in REDUCTIONS:
                check([array(*shape), array(*shape)], lambda t, f, *x: function(f, r, *x))


LABELS = np.array([1, 0, 3, 3, 2])
IGNORED = np.array([1, -100, 3, -100, 2])
SCORES = array(5, 4)
SPATIAL = np.random.default_rng(0).integers(0, 4, (2, 3, 2))
VOLUME = array(2, 4, 3, 2)
OPTIONS = [
    {}, {"weight": True}, {"label_smoothing": 0.1}, {"weight": True, "label_smoothing": 0.3},
    {"ignore_index": 3}, {"weight": True, "label_smoothing": 0.3, "ignore_index": 3},
]  # fmt: skip


def classes(function, options, reduction, target=None):
    def run(t, f, x, *rest):
        y = rest[0] if target is None else t.tensor(target)
        more = dict(options)
        if more.pop("weight", False):
            more["weight"] = t.tensor(W).to(x.dtype)
        return getattr(f, function)(x, y, reduction=reduction, **more)

    return run


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_cross_entropy_with_class_numbers(options, dtype):
    for reduction in REDUCTIONS:
        for x, y in (
            (SCORES, LABELS),
            (SCORES, IGNORED),
            (VOLUME, SPATIAL),
            (SCORES[0], LABELS[0]),
        ):
            if options.get("ignore_index") is not None and (y == -100).any():
                continue
            check([x], classes("cross_entropy", options, reduction, y), dtype)
            if "label_smoothing" not in options:
                check([x], classes("nll_loss", options, reduction, y), dtype)


@pytest.mark.parametrize("options", OPTIONS[:4], ids=str)
def test_cross_entropy_with_class_probabilities(options):
    for reduction in REDUCTIONS:
        for x in (SCORES, VOLUME, SCORES[0]):
            t = np.abs(array(*x.shape))
            check([x, t], classes("cross_entropy", options, reduction))


def test_everything_ignored_gives_nan_as_in_torch():
    check([SCORES], classes("cross_entropy", {}, "mean", np.full(5, -100)))
    check([SCORES], classes("cross_entropy", {}, "sum", np.full(5, -100)))


def test_huge_scores_do_not_overflow():
    check([SCORES * 1e4], classes("cross_entropy", {}, "mean", LABELS), "float32")


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("weight", [False, True])
def test_multi_margin(p, weight):
    for r in REDUCTIONS:
        options = {"p": p, "margin": 0.7, "weight": weight}
        check([SCORES], classes("multi_margin_loss", options, r, LABELS))
        check([SCORES[0]], classes("multi_margin_loss", options, r, LABELS[0]))


def test_multilabel_margin():
    target = np.array([[3, 0, -1, 1], [-1, 0, 1, 2], [0, 1, 2, 3]])
    for r in REDUCTIONS:
        check([X], classes("multilabel_margin_loss", {}, r, target))
        check([X[0]], classes("multilabel_margin_loss", {}, r, target[0]))


def test_distances():
    for p in (1, 2, 3, float("inf")):
        check([A, B], lambda t, f, x, y: f.pairwise_distance(x, y, p))
    check([A, B], lambda t, f, x, y: f.cosine_similarity(x, y))
    check([A, B], lambda t, f, x, y: f.cosine_similarity(x, y, dim=0))


# ---------------------------------------------------------------- second derivatives


SECOND = {
    k: v
    for k, v in PAIRS.items()
    if k not in ("l1", "l1_weight", "smooth_l1_zero", "hinge", "ranking", "triplet_swap")
}


@pytest.mark.parametrize("name", [*SECOND, "cross_entropy", "smoothed", "probabilities"])
def test_second_derivatives_are_torchs(name):
    got = []
    for lib, f in ((gs, F), (torch, TF)):
        if name in SECOND:
            inputs, function = SECOND[name]
        else:
            inputs = [SCORES, np.abs(SCORES)] if name == "probabilities" else [SCORES]

            def function(f, r, x, *y):
                more = {} if name == "cross_entropy" else {"label_smoothing": 0.2}
                return f.cross_entropy(x, *(y or (lib.tensor(LABELS),)), reduction=r, **more)

        leaves = [lib.tensor(np.ascontiguousarray(a), requires_grad=True) for a in inputs]
        with quiet():
            loss = function(f, "mean", *leaves)
        (first,) = lib.autograd.grad(loss, leaves[:1], create_graph=True)
        second = lib.autograd.grad((first**2).sum() + first.sum(), leaves[0], allow_unused=True)
        got.append(None if second[0] is None else second[0].numpy())
    a, b = (0 if g is None else g for g in got)  # None: a gradient that is constant
    np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-10)


# ---------------------------------------------------------------- words


def test_different_sizes_warn_with_the_shapes_and_the_fix():
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
        with pytest.warns(
            UserWarning, match=rf"{name}: the input .*\(3, 1\), the target \(3,\).*unsqueeze\(-1\)"
        ):
            ours = getattr(F, name)(gs.ones(3, 1), gs.arange(3.0))
        with quiet():
            theirs = getattr(TF, name)(torch.ones(3, 1), torch.arange(3.0))
        assert ours.item() == pytest.approx(theirs.item())


@pytest.mark.parametrize("lib, f", [(gs, F), (torch, TF)], ids=["ours", "torch"])
def test_what_a_loss_cannot_take(lib, f):
    ones = lib.ones
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        f.binary_cross_entropy(lib.full((2,), 9.0), ones(2))
    with pytest.raises(IndexError, match="Target 5 is out of bounds"):
        f.nll_loss(ones(1, 2), lib.tensor([5]))


def test_old_spellings_warn_and_kl_div_warns():
    with pytest.warns(UserWarning, match="size_average and reduce"):
        gs.nn.MSELoss(size_average=False)
    with pytest.warns(UserWarning, match=r"all elements of \(2,\).*reduction='batchmean'"):
        F.kl_div(gs.zeros(2), gs.ones(2))


# ---------------------------------------------------------------- modules

MODULES = {
    "MSELoss": [{}], "L1Loss": [{"reduction": "sum"}], "SmoothL1Loss": [{"beta": 0.3}], "HuberLoss": [{"delta": 0.3}],
    "BCEWithLogitsLoss": [{}], "SoftMarginLoss": [{}], "PoissonNLLLoss": [{"full": True}],
    "HingeEmbeddingLoss": [{"margin": 0.5}], "MultiLabelSoftMarginLoss": [{}],
    "KLDivLoss": [{"reduction": "batchmean"}, {"reduction": "sum", "log_target": True}],
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_modules_of_two_tensors(name):
    for options in MODULES[name]:
        ours, theirs = getattr(gs.nn, name)(**options), getattr(torch.nn, name)(**options)
        assert repr(ours) == repr(theirs)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        a = ours(gs.tensor(X), gs.tensor(POSITIVE))
        b = theirs(torch.tensor(X), torch.tensor(POSITIVE))
        np.testing.assert_allclose(a.item(), b.item())


def test_other_modules():
    for lib in (gs, torch):
        nn = lib.nn
        w = lib.tensor(W)
        values = [
            nn.CrossEntropyLoss(weight=w, ignore_index=1, label_smoothing=0.1)(
                lib.tensor(SCORES), lib.tensor(LABELS)
            ),
            nn.NLLLoss(w, reduction="sum")(lib.tensor(SCORES), lib.tensor(LABELS)),
            nn.BCELoss(w)(lib.tensor(P), lib.tensor(Q)),
            nn.BCEWithLogitsLoss(pos_weight=w)(lib.tensor(X), lib.tensor(Q)),
            nn.MultiMarginLoss(2, 0.5, w)(lib.tensor(SCORES), lib.tensor(LABELS)),
            nn.MarginRankingLoss(0.1)(lib.tensor(X), lib.tensor(Y), lib.tensor(SIGNS)),
            nn.CosineEmbeddingLoss(0.1)(lib.tensor(X), lib.tensor(Y), lib.tensor(ROWS)),
            nn.TripletMarginLoss(p=1)(lib.tensor(A), lib.tensor(B), lib.tensor(C)),
            nn.TripletMarginWithDistanceLoss()(lib.tensor(A), lib.tensor(B), lib.tensor(C)),
            nn.GaussianNLLLoss(full=True)(lib.tensor(X), lib.tensor(Y), lib.tensor(POSITIVE)),
            nn.CosineSimilarity(0)(lib.tensor(X), lib.tensor(Y)).sum(),
            nn.PairwiseDistance(1)(lib.tensor(X), lib.tensor(Y)).sum(),
            nn.MultiLabelMarginLoss()(lib.tensor(X), lib.tensor(np.array([[3, 0, -1, 1]] * 3))),
        ]
        got = [v.item() for v in values]
        if lib is gs:
            ours = got
    np.testing.assert_allclose(ours, got, rtol=1e-9)
    assert list(gs.nn.CrossEntropyLoss(gs.ones(3)).state_dict()) == ["weight"]
