"""Trainings of many kinds with nothing wrong in them: the doctor must keep quiet."""

from __future__ import annotations

from typing import Any

import graphscope as gs
import graphscope.nn.functional as F
from graphscope import nn, optim

N = 6  # steps


def loop(parameters: Any, loss_of: Any, clip: bool = False) -> None:
    parameters = list(parameters)
    optimizer = optim.Adam(parameters, lr=1e-3)
    schedule = optim.lr_scheduler.StepLR(optimizer, 3)
    for _ in range(N):
        optimizer.zero_grad()
        loss_of().backward()
        if clip:
            nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()


def mlp(*sizes: int) -> Any:
    layers: list[Any] = []
    for a, b in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def both(*modules: Any) -> list[Any]:
    return [p for m in modules for p in m.parameters()]


def transformer(p: Any) -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    table, body, head = nn.Embedding(20, 16), nn.TransformerEncoder(layer, 2), nn.Linear(16, 4)
    x, y = gs.randint(0, 20, (8, 6)), gs.randint(0, 4, (8,))
    loop(
        both(table, body, head), lambda: F.cross_entropy(head(body(table(x)).mean(1)), y), clip=True
    )


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(20, 16), nn.Linear(16, 20)
        self.body = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

    def forward(self, x: Any) -> Any:
        mask = gs.full((x.shape[1], x.shape[1]), float("-inf")).triu(1)
        return self.out(self.body(self.table(x), src_mask=mask))


def language(p: Any) -> None:
    net, x = Language(), gs.randint(0, 20, (6, 7))
    loop(
        net.parameters(),
        lambda: F.cross_entropy(net(x[:, :-1]).reshape(-1, 20), x[:, 1:].reshape(-1)),
    )


def convolutions(p: Any) -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2),
        nn.Linear(8, 4),
    )  # fmt: skip
    x, y = gs.randn(16, 1, 8, 8), gs.randint(0, 4, (16,))
    for _ in range(2):
        net.train()
        loop(net.parameters(), lambda: F.cross_entropy(net(x), y))
        net.eval()
        with gs.no_grad():
            (net(x).argmax(1) == y).float().mean().item()


def skipping(p: Any) -> None:
    into, a, b, out = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)
    x, y = gs.randn(16, 4), gs.randint(0, 3, (16,))

    def loss_of() -> Any:
        h = into(x)
        for _ in range(2):  # with the same weights
            h = h + b(a(h).relu())
        return F.cross_entropy(out(h.relu()), y)

    loop(both(into, a, b, out), loss_of)


def lstm(p: Any) -> None:
    net, head = nn.LSTM(5, 8, batch_first=True), nn.Linear(8, 3)
    x, y = gs.randn(6, 4, 5), gs.randint(0, 3, (6,))
    loop(both(net, head), lambda: F.cross_entropy(head(net(x)[0][:, -1]), y))


def time_first(p: Any) -> None:
    for steps in (4, 6):  # also as many as examples
        net, head = nn.GRU(5, 8), nn.Linear(8, 3)
        x, y = gs.randn(steps, 6, 5), gs.randint(0, 3, (6,))
        loop(both(net, head), lambda: F.cross_entropy(head(net(x)[0][-1]), y))


def with_state(p: Any) -> None:
    net, head, state = nn.GRU(5, 8), nn.Linear(8, 3), gs.zeros(1, 6, 8)
    optimizer = optim.Adam(both(net, head))
    for _ in range(20):
        out, last = net(gs.randn(3, 6, 5), state)
        loss = F.cross_entropy(head(out[-1]), gs.randint(0, 3, (6,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state = last.detach()


def decoder(p: Any) -> None:
    table, cell, out = nn.Embedding(12, 8), nn.GRUCell(8, 8), nn.Linear(8, 12)
    x = gs.randint(0, 12, (6, 5))

    def loss_of() -> Any:
        h, loss = gs.zeros(6, 8), 0
        for t in range(4):
            h = cell(table(x[:, t]), h)
            loss = loss + F.cross_entropy(out(h), x[:, t + 1])
        return loss / 4

    loop(both(table, cell, out), loss_of)


def variational(p: Any) -> None:
    into, mean, spread, back = nn.Linear(8, 16), nn.Linear(16, 2), nn.Linear(16, 2), mlp(2, 16, 8)
    x = gs.rand(16, 8)

    def loss_of() -> Any:
        h = into(x).relu()
        m, v = mean(h), spread(h)
        again = back(m + (0.5 * v).exp() * gs.randn_like(v))
        rate = -0.5 * (1 + v - m**2 - v.exp()).sum(1).mean()
        return F.binary_cross_entropy_with_logits(again, x, reduction="sum") / 16 + rate

    loop(both(into, mean, spread, back), loss_of)


def adversaries(p: Any) -> None:
    make = mlp(2, 8, 4)
    judge = nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    of_make, of_judge = optim.Adam(make.parameters()), optim.Adam(judge.parameters())
    yes, no, loss = gs.ones(16, 1), gs.zeros(16, 1), nn.BCEWithLogitsLoss()
    for _ in range(N):
        fake = make(gs.randn(16, 2))
        of_judge.zero_grad()
        loss(judge(gs.randn(16, 4)), yes).backward()
        loss(judge(fake.detach()), no).backward()
        of_judge.step()
        of_make.zero_grad()
        loss(judge(fake), yes).backward()
        of_make.step()


def targets_of_a_copy(p: Any) -> None:
    net, old = mlp(4, 16, 2), mlp(4, 16, 2)
    optimizer = optim.Adam(net.parameters())
    for k in range(N):
        s, a, r, then = gs.randn(16, 4), gs.randint(0, 2, (16, 1)), gs.randn(16), gs.randn(16, 4)
        with gs.no_grad():
            target = r + 0.9 * old(then).max(1)[0]
        loss = F.smooth_l1_loss(net(s).gather(1, a).squeeze(1), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if k % 3 == 0:
            old.load_state_dict(net.state_dict())


def contrast(p: Any) -> None:
    net, x = mlp(4, 16, 8), gs.randn(16, 4)

    def loss_of() -> Any:
        a, b = (F.normalize(net(x + 0.1 * gs.randn(16, 4)), dim=1) for _ in range(2))
        return F.cross_entropy(a @ b.T / 0.1, gs.arange(16))

    loop(net.parameters(), loss_of)


def frozen(p: Any) -> None:
    body, head = mlp(4, 16, 16), nn.Linear(16, 3)
    body.requires_grad_(False)
    x, y = gs.randn(16, 4), gs.randint(0, 3, (16,))
    loop(head.parameters(), lambda: F.cross_entropy(head(body(x).relu()), y))


def taught(p: Any) -> None:
    teacher, net = mlp(4, 16, 3), mlp(4, 8, 3)
    x, y = gs.randn(16, 4), gs.randint(0, 3, (16,))
    teacher.eval()

    def loss_of() -> Any:
        with gs.no_grad():
            soft = (teacher(x) / 2).softmax(1)
        out = net(x)
        return F.kl_div(F.log_softmax(out / 2, 1), soft, reduction="batchmean") + F.cross_entropy(
            out, y
        )

    loop(net.parameters(), loss_of)


def penalty_on_gradients(p: Any) -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

    def loss_of() -> Any:
        x = gs.randn(16, 4).requires_grad_()
        (g,) = gs.autograd.grad(net(x).sum(), x, create_graph=True)
        return (
            net(gs.randn(16, 4)).mean()
            - net(gs.randn(16, 4)).mean()
            + ((g.norm(dim=1) - 1) ** 2).mean()
        )

    loop(net.parameters(), loss_of)


def attacked(p: Any) -> None:
    net, y = mlp(4, 16, 3), gs.randint(0, 3, (16,))
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    for _ in range(N):
        x = gs.randn(16, 4).requires_grad_()
        F.cross_entropy(net(x), y).backward()
        worse = (x + 0.1 * x.grad.sign()).detach()
        optimizer.zero_grad()
        F.cross_entropy(net(worse), y).backward()
        optimizer.step()


def by_closure(p: Any) -> None:
    w, x, y = gs.zeros(3, 1, requires_grad=True), gs.randn(32, 3), gs.randn(32, 1)
    optimizer = optim.LBFGS([w], lr=0.5)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = F.mse_loss(x @ w, y)
        loss.backward()
        return loss

    for _ in range(4):
        optimizer.step(closure)


def many_losses(p: Any) -> None:
    body, a, b = nn.Linear(4, 16), nn.Linear(16, 3), nn.Linear(16, 1)
    x, y, z = gs.randn(16, 4), gs.randint(0, 3, (16,)), gs.randn(16)

    def loss_of() -> Any:
        h = body(x).relu()
        return F.cross_entropy(a(h), y) + F.mse_loss(b(h).squeeze(-1), z)

    loop(both(body, a, b), loss_of)


def playing(p: Any) -> None:
    """Gradients of this and that, and nothing is trained."""
    a, b, c = (gs.randn(3, requires_grad=True) for _ in range(3))
    (a * b).sum().backward()
    d = a + c
    (b * 2).sum().backward()
    assert d.requires_grad


ALL = (
    transformer, language, convolutions, skipping, lstm, time_first, with_state, decoder, variational, adversaries,
    targets_of_a_copy, contrast, frozen, taught, penalty_on_gradients, attacked, by_closure, many_losses, playing,
)  # fmt: skip
