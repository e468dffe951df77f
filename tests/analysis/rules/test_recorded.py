"""Broken trainings that really run: the finding, its rule and its line, from what the recorder saw.

Each has a ``fixed`` twin in the same function; the line that is wrong says ``# WRONG``.
"""

from __future__ import annotations

import inspect

import pytest

import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits
from tests.analysis.rules.judge import findings

cross_entropy = nn.functional.cross_entropy


def train(net, optimizer, images=None, labels=None, steps=30):
    """Thirty steps on batches of 32 digits."""
    if images is None:
        images, labels, _, _ = digits()
        images = images.flatten(1)
    for _ in range(steps):
        rows = gs.randint(0, len(images), (32,))
        loss = cross_entropy(net(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Net(nn.Module):
    def __init__(self, act=None):
        super().__init__()
        self.first, self.last, self.act = (
            nn.Linear(64, 32),
            nn.Linear(32, 10),
            act or nn.functional.relu,
        )

    def forward(self, x):
        return self.last(self.act(self.first(x)))


def symmetric_init(p, fixed):
    class Constant(Net):
        def forward(self, x):
            return self.last(self.act(self.first(x)))  # WRONG

    net = Constant()
    if not fixed:
        for w in (net.first.weight, net.last.weight):
            nn.init.constant_(w, 0.02)
    train(net, optim.SGD(net.parameters(), lr=0.1))


def saturated(p, fixed):
    class Big(Net):
        def forward(self, x):
            h = gs.tanh((1 if fixed else 40) * self.first(x))  # WRONG
            return self.last(h)

    net = Big()
    train(net, optim.SGD(net.parameters(), lr=0.01))


def unnormalised_input(p, fixed):
    class Raw(Net):
        def forward(self, x):
            return self.last(self.first(x).relu())  # WRONG

    images, labels, _, _ = digits()
    net = Raw()
    images = images.flatten(1) * (1 if fixed else 255)
    train(net, optim.SGD(net.parameters(), lr=1e-6 if not fixed else 0.1), images, labels)


def class_imbalance(p, fixed):
    net = Net()
    images, labels, _, _ = digits()
    images = images.flatten(1)
    if not fixed:
        keep = gs.logical_or(labels != 9, gs.rand(len(labels)) < 0.02)
        images, labels = images[keep], labels[keep]
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    for _ in range(30):
        rows = gs.randint(0, len(images), (32,))
        loss = cross_entropy(net(images[rows]), labels[rows])  # WRONG
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def learning_rate(p, fixed):
    net = Net()
    images, labels, _, _ = digits()
    optimizer = optim.Adam(net.parameters(), lr=1e-3 if fixed else 0.3)
    for _ in range(12):
        loss = cross_entropy(net(images[:64].flatten(1)), labels[:64])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()  # WRONG


def frozen_weights(p, fixed):
    net = Net()
    images, labels, _, _ = digits()
    optimizer = optim.SGD(net.parameters(), lr=0.1 if fixed else 0.0)
    for _ in range(12):
        loss = cross_entropy(net(images[:64].flatten(1)), labels[:64])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()  # WRONG


def creeping_memory(p, fixed):
    net, total = Net(), []
    images, labels, _, _ = digits()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    for _ in range(40):
        scores = net(images[:64].flatten(1))
        loss = cross_entropy(scores, labels[:64])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with gs.no_grad():
            total.append(loss.item() if fixed else scores + 0)  # WRONG


def fusable_ops(p, fixed):
    net = nn.Linear(16, 256)
    images = gs.randn(512, 16)
    target = gs.randn(512, 256)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    for _ in range(24):
        scores = net(images)
        if fixed:
            chance = scores.softmax(1)
        else:
            e = scores.exp()
            chance = e / e.sum(1, keepdim=True)  # WRONG
        loss = nn.functional.mse_loss(chance, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def element_loop(p, fixed):
    w = gs.randn(32, requires_grad=True)
    x = gs.randn(32)
    for _ in range(20):
        if fixed:
            total = (w * x).sum()
        else:
            total = sum(w[i] * x[i] for i in range(32))  # WRONG
        w.grad = None
        (total - 1).square().backward()
        with gs.no_grad():
            w -= 0.01 * w.grad


PROGRAMS = (
    symmetric_init, saturated, unnormalised_input, class_imbalance, learning_rate, frozen_weights, creeping_memory,
    fusable_ops, element_loop,
)  # fmt: skip


def said(program, folder, fixed):
    gs.manual_seed(0)
    with gs.profile(folder / "run", values="full") as p:
        program(p, fixed)
    return findings(p.path)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_the_rule_finds_its_line(program, tmp_path):
    rule = program.__name__.replace("_", "-")
    found = said(program, tmp_path, fixed=False)
    mine = [f for f in found if f.id == rule]
    assert mine, [str(f) for f in found]
    lines, first = inspect.getsourcelines(program)
    wrong = first + next(k for k, text in enumerate(lines) if "# WRONG" in text)
    assert {f.site.line for f in mine} == {wrong}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_the_cure_is_silent(program, tmp_path):
    rule = program.__name__.replace("_", "-")
    found = said(program, tmp_path, fixed=True)
    assert not [str(f) for f in found if f.id == rule or f.severity == "error"]


def warmed_up(p, fixed):
    net = Net()
    images, labels, _, _ = digits()
    optimizer = optim.Adam(net.parameters(), lr=1e-3 if fixed else 0.3)
    factor = optim.lr_scheduler.LambdaLR(optimizer, lambda k: 1e-6 if k < 4 else 1.0)
    for _ in range(12):
        loss = cross_entropy(net(images[:64].flatten(1)), labels[:64])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        factor.step()


def test_a_warm_up_is_judged_by_where_it_leads(tmp_path):
    assert not [f for f in said(warmed_up, tmp_path, fixed=True) if f.id == "learning-rate"]
    (one,) = [f for f in said(warmed_up, tmp_path, fixed=False) if f.id == "learning-rate"]
    assert one.evidence["lr"] == 0.3 and one.first_step == 4


def test_the_rate_is_the_optimizers_own(tmp_path):
    (one,) = [f for f in said(learning_rate, tmp_path, fixed=False) if f.id == "learning-rate"]
    assert one.evidence["lr"] == 0.3 and "as the program says" in one.detail
