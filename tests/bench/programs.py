"""The programs that the benchmark times: each returns one training step as a function.

Each exists by hand in numpy (the floor), in GraphScope, and in torch where torch is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], Any]
N, D, H, O = 64, 1000, 100, 10  # noqa: E741 - the names of the lectures
RATE = 1e-6


def _two_layer_data() -> tuple[Any, ...]:
    r = np.random.default_rng(0)
    return tuple(r.standard_normal(s, np.float32) for s in ((N, D), (N, O), (D, H), (H, O)))


def two_layer_numpy() -> Step:
    """The two-layer step of the lectures, forward and backward by hand."""
    x, y, w1, w2 = _two_layer_data()

    def step() -> Any:
        nonlocal w1, w2
        h = x.dot(w1)
        h_relu = np.maximum(h, 0)
        y_pred = h_relu.dot(w2)
        diff = y_pred - y
        loss = np.square(diff).sum()
        grad_y = 2.0 * diff
        grad_w2 = h_relu.T.dot(grad_y)
        grad_h = grad_y.dot(w2.T)
        grad_h[h < 0] = 0
        grad_w1 = x.T.dot(grad_h)
        w1 -= RATE * grad_w1
        w2 -= RATE * grad_w2
        return loss

    return step


def two_layer(torch: Any) -> Step:
    """The same step in torch's API: with torch, or with graphscope imported as torch."""
    x, y, w1, w2 = (torch.from_numpy(a) for a in _two_layer_data())
    w1.requires_grad_()
    w2.requires_grad_()

    def step() -> Any:
        y_pred = x.mm(w1).clamp(min=0).mm(w2)
        loss = (y_pred - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            w1.sub_(RATE * w1.grad)
            w2.sub_(RATE * w2.grad)
            w1.grad = None
            w2.grad = None
        return loss

    return step


# ---------------------------------------------------------------- many tiny ops

REPEATS = 5  # of ten ops, and a sum: 51


def _chain_data() -> tuple[Any, ...]:
    r = np.random.default_rng(0)
    return tuple(
        r.uniform(0.5, 1.0, s).astype(np.float32) for s in ((1, 4), (1, 4), (4, 4), (1, 4))
    )


def chain_numpy() -> Step:
    """51 ops on four numbers, and their gradients by hand."""
    x, a, w, c = _chain_data()

    def step() -> Any:
        t = x
        saved = []
        for _ in range(REPEATS):
            u1 = t * a
            u2 = u1 + c
            u3 = np.tanh(u2)
            u4 = u3.dot(w)
            u5 = u4 - c
            u6 = np.maximum(u5, 0)
            u7 = u6 * 0.5
            u8 = np.exp(u7)
            u9 = -u8
            t = u9 / 2.0
            saved.append((u3, u6, u8))
        loss = np.add.reduce(t, axis=None)
        g = np.ones_like(t)
        for u3, u6, u8 in reversed(saved):
            g = g / 2.0
            g = -g
            g = g * u8
            g = g * 0.5
            g = g * (u6 > 0)
            g = g.dot(w.T)
            g = g * (1 - u3 * u3)
            g = g * a
        return loss, g

    return step


def chain(torch: Any) -> Step:
    """The same 51 ops in torch's API."""
    x, a, w, c = (torch.from_numpy(v) for v in _chain_data())
    x.requires_grad_()

    def step() -> Any:
        t = x
        for _ in range(REPEATS):
            t = (((t * a + c).tanh().mm(w) - c).relu() * 0.5).exp()
            t = -t / 2.0
        loss = t.sum()
        loss.backward()
        grad, x.grad = x.grad, None
        return loss, grad

    return step


# ---------------------------------------------------------------- a real network


def digits_step(torch: Any) -> Step:
    """One step of the demo's network on 32 digits with Adam."""
    from graphscope.datasets import digits

    x, y = (torch.from_numpy(t.numpy()[:32].copy()) for t in digits()[:2])
    nn = torch.nn
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _classifier(torch: Any, net: Any, shape: tuple[int, ...], classes: int = 10) -> Step:
    """One SGD step of a classifier on random images."""
    r = np.random.default_rng(0)
    x = torch.from_numpy(r.standard_normal(shape, np.float32))
    y = torch.from_numpy(r.integers(0, classes, shape[0]))
    loss_of = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def lenet_step(torch: Any) -> Step:
    """LeNet-5 with ReLU and max pooling on 64 images of 28x28."""
    nn = torch.nn
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    return _classifier(torch, net, (64, 1, 28, 28))


def vgg_step(torch: Any) -> Step:
    """A small VGG: four 3x3 convolutions in two blocks, on 16 images of 3x32x32."""
    nn = torch.nn
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 64, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    return _classifier(torch, net, (16, 3, 32, 32))


def _over_sequences(torch: Any, shape: tuple[int, ...], module: Any, call: Any) -> Step:
    """Forward and backward of a module over sequences; the loss is the mean square of its output."""
    r = np.random.default_rng(0)
    x = torch.from_numpy(r.standard_normal(shape, np.float32))
    parameters = list(module.parameters())

    def step() -> Any:
        loss = call(module, x).pow(2).mean()
        loss.backward()
        for p in parameters:
            p.grad = None
        return loss

    return step


def lstm_step(torch: Any) -> Step:
    """An LSTM of 64 units over 16 sequences of 20 steps with 32 features."""
    torch.manual_seed(0)
    return _over_sequences(torch, (20, 16, 32), torch.nn.LSTM(32, 64), lambda net, x: net(x)[0])


def attention_step(torch: Any) -> Step:
    """Self-attention of 4 heads over 8 sequences of 32 steps with 64 features."""
    torch.manual_seed(0)
    net = torch.nn.MultiheadAttention(64, 4, batch_first=True)
    return _over_sequences(torch, (8, 32, 64), net, lambda net, x: net(x, x, x)[0])
