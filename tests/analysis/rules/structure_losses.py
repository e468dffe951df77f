"""Losses that are given what they do not want, and their twins."""

from __future__ import annotations

from typing import Any

import graphscope as gs
import graphscope.nn.functional as F
from graphscope import nn
from tests.analysis.rules.driver import Pair
from tests.analysis.rules.structure_wiring import Net, data, train


def softmax_first(p: Any) -> None:
    net, (x, y) = Net(), data()

    def loss_of() -> Any:
        probabilities = net(x).softmax(1)  # wrong
        return F.cross_entropy(probabilities, y)

    train(net, loss_of)


def scores(p: Any) -> None:
    net, (x, y) = Net(), data()
    train(net, lambda: F.cross_entropy(net(x), y))


def log_softmax_first(p: Any) -> None:
    net, (x, y) = Net(), data()
    loss = nn.CrossEntropyLoss()

    def loss_of() -> Any:
        out = F.log_softmax(net(x), dim=1)  # wrong
        return loss(out, y)

    train(net, loss_of)


def log_softmax_and_nll(p: Any) -> None:
    net, (x, y) = Net(), data()
    train(net, lambda: F.nll_loss(F.log_softmax(net(x), dim=1), y))


def sigmoid_first(p: Any) -> None:
    net, (x, y) = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)), data()

    def loss_of() -> Any:
        out = net(x).sigmoid()  # wrong
        return F.binary_cross_entropy_with_logits(out.squeeze(1), (y > 0).float())

    train(net, loss_of)


def sigmoid_and_plain(p: Any) -> None:
    net, (x, y) = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid()), data()
    train(net, lambda: F.binary_cross_entropy(net(x).squeeze(1), (y > 0).float()))


def relu_last(p: Any) -> None:
    net, (x, y) = Net(), data()

    def loss_of() -> Any:
        out = net(x).relu()  # wrong
        return F.cross_entropy(out, y)

    train(net, loss_of)


def relu_last_of_regression(p: Any) -> None:
    """Where the target is never negative, a ReLU at the end is sound."""
    net, (x, _) = Net(), data()
    train(net, lambda: F.mse_loss(net(x).relu(), gs.rand(16, 3)))


def tanh_last(p: Any) -> None:
    net, (x, y) = Net(), data()

    def loss_of() -> Any:
        out = net(x).tanh()  # wrong
        return F.cross_entropy(out, y)

    train(net, loss_of)


def scaled_tanh(p: Any) -> None:
    """Scores that are clipped softly, on purpose."""
    net, (x, y) = Net(), data()
    train(net, lambda: F.cross_entropy(net(x).tanh() * 10, y))


def nll_of_scores(p: Any) -> None:
    net, (x, y) = Net(), data()

    def loss_of() -> Any:
        return F.nll_loss(net(x), y)  # wrong

    train(net, loss_of)


def column_against_row(p: Any) -> None:
    net, x, y = (
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)),
        gs.randn(16, 4),
        gs.randn(16),
    )

    def loss_of() -> Any:
        out = net(x)
        return ((out - y) ** 2).mean()  # wrong

    train(net, loss_of)


def column_in_mse(p: Any) -> None:
    import warnings

    net, x, y = (
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)),
        gs.randn(16, 4),
        gs.randn(16),
    )

    def loss_of() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return F.mse_loss(net(x), y)  # wrong

    train(net, loss_of)


def column_against_column(p: Any) -> None:
    net, x, y = (
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)),
        gs.randn(16, 4),
        gs.randn(16),
    )
    train(net, lambda: ((net(x).squeeze(-1) - y) ** 2).mean())


def all_pairs(p: Any) -> None:
    """Distances of all pairs of outputs are meant."""
    net, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)), gs.randn(16, 4)

    def loss_of() -> Any:
        out = net(x)
        return (1 - (out - out.squeeze(1)).abs()).relu().mean()

    train(net, loss_of)


def a_sum(p: Any) -> None:
    net, (x, y) = Net(), data()
    loss = nn.CrossEntropyLoss(reduction="sum")

    def loss_of() -> Any:
        return loss(net(x), y)  # wrong

    train(net, loss_of)


def a_mean_by_hand(p: Any) -> None:
    net, (x, _) = Net(), data()
    y = gs.randn(16, 3)
    train(net, lambda: ((net(x) - y) ** 2).sum() / 16)


PAIRS = (
    Pair("softmax-twice", softmax_first, scores),
    Pair("softmax-twice", log_softmax_first, log_softmax_and_nll, severity="warning", name="log"),
    Pair("sigmoid-twice", sigmoid_first, sigmoid_and_plain),
    Pair("activation-on-logits", relu_last, relu_last_of_regression, name="relu"),
    Pair("activation-on-logits", tanh_last, scaled_tanh, severity="warning", name="tanh"),
    Pair("nll-without-log", nll_of_scores, log_softmax_and_nll),
    Pair("broadcast-in-loss", column_against_row, column_against_column),
    Pair("broadcast-in-loss", column_in_mse, all_pairs, name="mse"),
    Pair("summed-loss", a_sum, a_mean_by_hand),
)  # fmt: skip
