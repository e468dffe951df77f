"""Layers in an order or a mode that does not do what is meant, and work that nobody needs; and their twins."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphscope as gs
import graphscope.nn.functional as F
from graphscope import nn, optim
from tests.analysis.rules.driver import Pair
from tests.analysis.rules.structure_wiring import Net, data, train


def nothing_between(p: Any) -> None:
    net, (x, y) = Net(), data()
    train(net, lambda: F.cross_entropy(net.second(net.first(x)), y))  # wrong


def by_hand(p: Any) -> None:
    x, y = data()
    w1, b1, w2 = (gs.randn(*s, requires_grad=True) for s in ((4, 8), (8,), (8, 5)))
    optimizer = optim.SGD([w1, b1, w2], lr=0.01)

    def loss_of() -> Any:
        h = x @ w1 + b1
        return F.cross_entropy(h @ w2, y)  # wrong

    train(None, loss_of, optimizer)


def bent(p: Any) -> None:
    net, (x, y) = Net(), data()
    train(net, lambda: F.cross_entropy(net(x), y))


def attention(p: Any) -> None:
    """Value and output projections stand in a row, and what is between them depends on the data."""
    layer, head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)
    x, y = gs.randn(16, 5, 8), gs.randint(0, 3, (16,))
    optimizer = optim.SGD([*layer.parameters(), *head.parameters()], lr=0.01)
    train(None, lambda: F.cross_entropy(head(layer(x, x, x)[0].relu().mean(1)), y), optimizer)


def biased(p: Any) -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)
    )
    x, y = gs.randn(8, 1, 8, 8), gs.randint(0, 3, (8,))
    train(net, lambda: F.cross_entropy(net(x), y))  # wrong


def unbiased(p: Any) -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(144, 3),
    )
    x, y = gs.randn(8, 1, 8, 8), gs.randint(0, 3, (8,))
    train(net, lambda: F.cross_entropy(net(x), y))


def _modes(layer: Any, before: Any, after: Any) -> Any:
    """Two rounds of training, and an evaluation behind each."""
    net, (x, y) = (
        nn.Sequential(nn.Linear(4, 8, bias=False), layer, nn.ReLU(), nn.Linear(8, 3)),
        data(),
    )
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    for _ in range(2):
        for _ in range(3):
            loss = F.cross_entropy(net(x), y)  # wrong training
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        before(net)
        with gs.no_grad():
            (net(x).argmax(1) == y).float().mean().item()  # wrong evaluation
        after(net)


def drops_when_asked(p: Any) -> None:
    _modes(nn.Dropout(0.3), lambda net: None, lambda net: None)


def drops_in_training(p: Any) -> None:
    _modes(nn.Dropout(0.3), lambda net: net.eval(), lambda net: net.train())


def normalises_by_batch(p: Any) -> None:
    _modes(nn.BatchNorm1d(8), lambda net: None, lambda net: None)


def normalises_by_past(p: Any) -> None:
    _modes(nn.BatchNorm1d(8), lambda net: net.eval(), lambda net: net.train())


def stays_in_evaluation(p: Any) -> None:
    _modes(nn.Dropout(0.3), lambda net: net.eval(), lambda net: None)


def fixed_norm(p: Any) -> None:
    """One layer in evaluation mode inside of a model that trains: that is how one is frozen."""
    net = nn.Sequential(nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    x, y = data()
    net.train()
    net[1].eval()
    train(net, lambda: F.cross_entropy(net(x), y))


# ---------------------------------------------------------------- cross-sample-leak


def softmax_over_batch(p: Any) -> None:
    net, (x, y) = Net(), data()

    def loss_of() -> Any:
        weights = net.first(x).softmax(0)  # wrong
        return F.cross_entropy(net.second(weights), y)

    train(net, loss_of)


def softmax_over_features(p: Any) -> None:
    net, (x, y) = Net(), data()
    train(net, lambda: F.cross_entropy(net.second(net.first(x).softmax(1)), y))


def reshaped_for_transposed(p: Any) -> None:
    net, head = nn.Linear(4, 8), nn.Linear(8, 3)
    x, y = gs.randn(16, 6, 4), gs.randint(0, 3, (16,))
    optimizer = optim.SGD([*net.parameters(), *head.parameters()], lr=0.01)

    def loss_of() -> Any:
        turned = x.reshape(6, 16, 4)  # wrong
        return F.cross_entropy(head(net(turned).relu().mean(0)), y)

    train(None, loss_of, optimizer)


def transposed(p: Any) -> None:
    net, head = nn.Linear(4, 8), nn.Linear(8, 3)
    x, y = gs.randn(16, 6, 4), gs.randint(0, 3, (16,))
    optimizer = optim.SGD([*net.parameters(), *head.parameters()], lr=0.01)
    train(None, lambda: F.cross_entropy(head(net(x.transpose(0, 1)).relu().mean(0)), y), optimizer)


def _recurrent(batch_first: bool) -> Any:
    layer, head = nn.GRU(5, 8, batch_first=batch_first), nn.Linear(8, 3)
    x, y = gs.randn(6, 4, 5), gs.randint(0, 3, (6,))
    optimizer = optim.SGD([*layer.parameters(), *head.parameters()], lr=0.01)

    def loss_of() -> Any:
        out, _ = layer(x)  # wrong
        return F.cross_entropy(head(out[:, -1]), y)

    train(None, loss_of, optimizer)


def time_first(p: Any) -> None:
    _recurrent(batch_first=False)


def batch_first(p: Any) -> None:
    _recurrent(batch_first=True)


def one_sequence(p: Any) -> None:
    """The loss is over the steps of one sequence, which may see each other."""
    layer, heads, head = nn.GRU(4, 8), nn.MultiheadAttention(8, 2), nn.Linear(8, 3)
    x, y = gs.randn(6, 4), gs.randint(0, 3, (6,))
    optimizer = optim.SGD([*layer.parameters(), *heads.parameters(), *head.parameters()], lr=0.01)

    def loss_of() -> Any:
        out, _ = layer(x)
        return F.cross_entropy(head(heads(out, out, out)[0]), y)

    train(None, loss_of, optimizer)


def centred(p: Any) -> None:
    """A batch norm of one's own, and a loss that is weighted by its own sum."""
    net, (x, y) = Net(), data()

    def loss_of() -> Any:
        h = net.first(x)
        h = (h - h.mean(0)) / (h.var(0) + 1e-5).sqrt()
        each = F.cross_entropy(net.second(h.relu()), y, reduction="none")
        return (each * each.detach() / each.detach().sum()).sum()

    train(net, loss_of)


# ---------------------------------------------------------------- waste


def summed_history(p: Any) -> None:
    net, (x, y) = Net(), data()
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    total: Any = 0
    for _ in range(6):
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total = total + loss  # wrong


def summed_numbers(p: Any) -> None:
    net, (x, y) = Net(), data()
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    total, kept = 0.0, []
    for _ in range(6):
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        kept.append(loss.detach())


def kept_outputs(p: Any) -> None:
    net, x = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 3)), gs.randn(64, 4)
    kept = []
    for _ in range(20):
        kept.append(net(x))  # wrong
        p.step()


def wide_input(p: Any) -> None:
    net, y = Net(), gs.randint(0, 3, (16,))
    x, scale = gs.randn(16, 4), gs.from_numpy(np.linspace(0.5, 1.5, 8))

    def loss_of() -> Any:
        h = net.first(x).relu() * scale  # wrong
        return F.cross_entropy(net.second(h.float()), y)

    train(net, loss_of)


def wide_on_purpose(p: Any) -> None:
    net, y = Net().double(), gs.randint(0, 3, (16,))
    x = gs.randn(16, 4, dtype=gs.float64)
    train(net, lambda: F.cross_entropy(net(x), y))


def twice(p: Any) -> None:
    net, (x, y) = Net(), data()
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    for _ in range(4):
        loss = F.cross_entropy(net(x), y)
        right = (net(x).argmax(1) == y).float().mean()  # wrong
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right.item()


def once(p: Any) -> None:
    net, (x, y) = Net(), data()
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    for _ in range(4):
        out = net(x)
        loss = F.cross_entropy(out, y)
        right = (out.argmax(1) == y).float().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right.item()


def two_views_of_data(p: Any) -> None:
    """Dropout draws anew and slices differ: nothing is computed twice."""
    net, drop, (x, y) = Net(), nn.Dropout(0.5), data(32)
    both = gs.randn(32, 8)

    def loss_of() -> Any:
        parts = net(both[:, :4]) + net(both[:, 4:])
        return (
            F.cross_entropy(net(drop(x)), y)
            + F.cross_entropy(net(drop(x)), y)
            + parts.square().mean()
        )

    train(net, loss_of)


def unread(p: Any) -> None:
    net, extra, (x, y) = Net(), nn.Linear(4, 64), data()

    def loss_of() -> Any:
        extra(x.detach()).relu()  # wrong
        return F.cross_entropy(net(x), y)

    extra.requires_grad_(False)
    train(net, loss_of)


def unread_variable(p: Any) -> None:
    net, extra, (x, y) = Net(), nn.Linear(4, 64), data()
    extra.requires_grad_(False)
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    for _ in range(4):
        hidden = extra(x).relu()  # wrong
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert hidden is not None


def used_later(p: Any) -> None:
    """A result that the next step needs, and one that is kept for the end."""
    net, extra, (x, y) = Net(), nn.Linear(4, 64), data()
    extra.requires_grad_(False)
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    before, kept = gs.zeros(16, 64), []
    for _ in range(20):
        loss = F.cross_entropy(net(x), y) + 0 * before.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with gs.no_grad():
            before = extra(x).relu()
            kept.append(extra(x + 1).relu())
    assert len(kept) == 20


def printed(p: Any) -> None:
    """What Python reads is used."""
    net, extra, (x, y) = Net(), nn.Linear(4, 64), data()
    seen = []

    def loss_of() -> Any:
        seen.append(extra(x).relu().mean().item())
        return F.cross_entropy(net(x), y)

    extra.requires_grad_(False)
    train(net, loss_of)


def other_every_time(p: Any) -> None:
    net, (x, y) = Net(), data()
    steps = iter(range(30))

    def loss_of() -> Any:
        h = x
        for _ in range(next(steps)):
            h = h.tanh()
        return F.cross_entropy(net(h), y)

    train(net, loss_of, steps=16)


def two_kinds(p: Any) -> None:
    net, (x, y) = Net(), data()
    steps = iter(range(30))
    train(net, lambda: F.cross_entropy(net(x.tanh() if next(steps) % 2 else x), y), steps=16)


def _on_device(read: Any) -> None:
    net, (x, y) = Net().to("sim"), data()
    x, y = x.to("sim"), y.to("sim")
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    for k in range(8):
        out = net(x)
        loss = F.cross_entropy(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        read(k, loss, out)


def fetched(p: Any) -> None:
    def read(k: int, loss: Any, out: Any) -> None:
        for row in range(4):
            out[row, 0].item()  # wrong

    _on_device(read)


def fetched_seldom(p: Any) -> None:
    def read(k: int, loss: Any, out: Any) -> None:
        if k == 7:
            loss.item()

    _on_device(read)


PAIRS = (
    Pair("two-linears", nothing_between, bent),
    Pair("two-linears", by_hand, attention, name="by-hand"),
    Pair("bias-before-norm", biased, unbiased),
    Pair("dropout-at-evaluation", drops_when_asked, drops_in_training, wrong="# wrong evaluation"),
    Pair("left-in-train-mode", normalises_by_batch, normalises_by_past, wrong="# wrong evaluation"),
    Pair("left-in-eval-mode", stays_in_evaluation, drops_in_training, wrong="# wrong training"),
    Pair("left-in-eval-mode", stays_in_evaluation, fixed_norm, wrong="# wrong training", name="fixed"),
    Pair("cross-sample-leak", softmax_over_batch, softmax_over_features),
    Pair("cross-sample-leak", reshaped_for_transposed, transposed, name="reshape"),
    Pair("cross-sample-leak", softmax_over_batch, centred, name="own-norm"),
    Pair("cross-sample-leak", time_first, batch_first, name="recurrent"),
    Pair("cross-sample-leak", time_first, one_sequence, name="sequence"),
    Pair("kept-across-steps", summed_history, summed_numbers),
    Pair("kept-across-steps", kept_outputs, summed_numbers, name="outputs"),
    Pair("float64-by-accident", wide_input, wide_on_purpose),
    Pair("computed-twice", twice, once),
    Pair("computed-twice", twice, two_views_of_data, name="views"),
    Pair("unused-output", unread, printed),
    Pair("unused-output", unread_variable, used_later, severity="info", name="variable"),
    Pair("graph-changes", other_every_time, two_kinds, wrong=None),
    Pair("host-copy", fetched, fetched_seldom, also=frozenset({"idle-device"})),
)  # fmt: skip
