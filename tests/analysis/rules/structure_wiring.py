"""Programs whose gradients pile up, never arrive, or are never used; and their twins."""

from __future__ import annotations

from typing import Any

import graphscope as gs
import graphscope.nn.functional as F
from graphscope import nn, optim
from tests.analysis.rules.driver import Pair


class Net(nn.Module):
    def __init__(self, spare: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 3)
        if spare:
            self.spare = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        return self.second(self.first(x).relu())


def data(n: int = 16) -> tuple[Any, Any]:
    return gs.randn(n, 4), gs.randint(0, 3, (n,))


def train(
    net: Any, loss_of: Any, optimizer: Any = None, steps: int = 5, clear: bool = True
) -> None:
    """The usual loop; whatever is wrong is in ``loss_of``."""
    optimizer = optimizer or optim.SGD(net.parameters(), lr=0.01)
    for _ in range(steps):
        loss = loss_of()
        if clear:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()


# ---------------------------------------------------------------- missing-zero-grad


def never_cleared(p: Any) -> None:
    net, (x, y) = Net(), data()
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    for _ in range(5):
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()  # wrong


def cleared(p: Any) -> None:
    net, (x, y) = Net(), data()
    train(net, lambda: F.cross_entropy(net(x), y))


def never_cleared_by_hand(p: Any) -> None:
    x, y, w = gs.randn(16, 4), gs.randn(16, 1), gs.randn(4, 1, requires_grad=True)
    for _ in range(5):
        ((x @ w - y) ** 2).mean().backward()
        with gs.no_grad():
            w -= 0.01 * w.grad  # wrong


def cleared_in_many_ways(p: Any) -> None:
    x, y = gs.randn(16, 4), gs.randn(16, 1)
    ways = (
        lambda w: setattr(w, "grad", None),
        lambda w: w.grad.zero_(),
        lambda w: w.grad.data.zero_(),
        lambda w: w.grad.mul_(0.0),
    )
    for clear in ways:
        w = gs.randn(4, 1, requires_grad=True)
        for _ in range(4):
            ((x @ w - y) ** 2).mean().backward()
            with gs.no_grad():
                w -= 0.01 * w.grad
                clear(w)


def set_to_zero(p: Any) -> None:
    net, (x, y) = Net(), data()
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    for _ in range(4):
        optimizer.zero_grad(set_to_none=False)
        F.cross_entropy(net(x), y).backward()
        optimizer.step()


def small_batches(p: Any) -> None:
    """Gradients of four batches are added up on purpose, then used once."""
    net, (x, y) = Net(), data()
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    for _ in range(4):
        optimizer.zero_grad()
        for _ in range(4):
            (F.cross_entropy(net(x), y) / 4).backward()
        optimizer.step()


def accuracy_outside_no_grad(p: Any) -> None:
    """What is computed behind backward begins the next step, and the update falls into that one."""
    net, (x, y) = Net(), data()
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    for _ in range(5):
        optimizer.zero_grad()
        out = net(x)
        F.cross_entropy(out, y).backward()
        (out.argmax(1) == y).float().mean().item()
        optimizer.step()


# ---------------------------------------------------------------- unreached-parameter


def detached(p: Any) -> None:
    net, (x, y) = Net(), data()
    train(
        net,
        lambda: F.cross_entropy(
            net.second(
                net.first(x).relu().detach()  # wrong
            ),
            y,
        ),
    )


def under_no_grad(p: Any) -> None:
    net, (x, y) = Net(), data()

    def loss_of() -> Any:
        with gs.no_grad():
            h = net.first(x).relu()  # wrong
        return F.cross_entropy(net.second(h), y)

    train(net, loss_of)


def cast_to_integers(p: Any) -> None:
    net, (x, y) = Net(), data()

    def loss_of() -> Any:
        h = (net.first(x) * 2).int()  # wrong
        return F.cross_entropy(net.second(h.float()), y)

    train(net, loss_of)


def chosen(p: Any) -> None:
    net, (x, y) = Net(), data()
    table = nn.Embedding(8, 8)

    def loss_of() -> Any:
        best = net.first(x).argmax(1)  # wrong
        return F.cross_entropy(net.second(table(best)), y)

    train(net, loss_of, optim.SGD([*net.parameters(), *table.parameters()], lr=0.01))


def through_python(p: Any) -> None:
    net, (x, y) = Net(), data()

    def loss_of() -> Any:
        h = gs.tensor(net.first(x).relu().tolist())  # wrong
        return F.cross_entropy(net.second(h), y)

    train(net, loss_of)


def frozen_on_purpose(p: Any) -> None:
    """A backbone under no_grad, and an optimizer that has the head alone."""
    net, (x, y) = Net(), data()

    def loss_of() -> Any:
        with gs.no_grad():
            h = net.first(x).relu()
        return F.cross_entropy(net.second(h), y)

    net.first.requires_grad_(False)
    train(net, loss_of, optim.SGD(net.second.parameters(), lr=0.01))


def never_called(p: Any) -> None:
    net, (x, y) = Net(spare=True), data()
    train(net, lambda: F.cross_entropy(net(x), y))


def two_players(p: Any) -> None:
    """Each of two networks is trained in its own step, the other one is cut off or unused there."""
    make, judge = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 4)), Net()
    of_make, of_judge = (optim.SGD(m.parameters(), lr=0.01) for m in (make, judge))
    for _ in range(4):
        fake = make(gs.randn(8, 2))
        of_judge.zero_grad()
        F.cross_entropy(judge(fake.detach()), gs.zeros(8).long()).backward()
        of_judge.step()
        of_make.zero_grad()
        F.cross_entropy(judge(fake), gs.ones(8).long()).backward()
        of_make.step()


# ---------------------------------------------------------------- not-in-optimizer, parameter-twice


def head_alone(p: Any) -> None:
    net, (x, y) = Net(), data()
    optimizer = optim.SGD(net.second.parameters(), lr=0.01)
    for _ in range(5):
        h = net.first(x).relu()  # wrong
        optimizer.zero_grad()
        F.cross_entropy(net.second(h), y).backward()
        optimizer.step()


def with_input_gradient(p: Any) -> None:
    """An input whose gradient is asked for is no parameter that was forgotten."""
    net, (x, y) = Net(), data()

    def loss_of() -> Any:
        return F.cross_entropy(net(x.clone().requires_grad_()), y)

    train(net, loss_of)


def two_optimizers(p: Any) -> None:
    net, (x, y) = Net(), data()
    a = optim.SGD(net.parameters(), lr=0.01)
    b = optim.Adam(net.second.parameters(), lr=0.01)
    for _ in range(4):
        a.zero_grad()
        F.cross_entropy(net(x), y).backward()
        a.step()  # wrong
        b.step()


def own_groups(p: Any) -> None:
    net, (x, y) = Net(), data()
    groups = [{"params": net.first.parameters()}, {"params": net.second.parameters(), "lr": 0.1}]
    train(net, lambda: F.cross_entropy(net(x), y), optim.SGD(groups, lr=0.01))


PAIRS = (
    Pair("missing-zero-grad", never_cleared, cleared),
    Pair("missing-zero-grad", never_cleared_by_hand, cleared_in_many_ways, name="by-hand"),
    Pair("missing-zero-grad", never_cleared, set_to_zero, name="set-to-zero"),
    Pair("missing-zero-grad", never_cleared, small_batches, name="small-batches"),
    Pair("missing-zero-grad", never_cleared, accuracy_outside_no_grad, name="accuracy"),
    Pair("unreached-parameter", detached, cleared, name="detach"),
    Pair("unreached-parameter", under_no_grad, frozen_on_purpose, name="no-grad"),
    Pair("unreached-parameter", cast_to_integers, cleared, name="integer"),
    Pair("unreached-parameter", chosen, cleared, name="argmax"),
    Pair("unreached-parameter", through_python, two_players, name="python"),
    Pair("unreached-parameter", never_called, two_players, severity="warning", wrong=None, name="unused"),
    Pair("not-in-optimizer", head_alone, with_input_gradient),
    Pair("parameter-twice", two_optimizers, own_groups),
)  # fmt: skip
