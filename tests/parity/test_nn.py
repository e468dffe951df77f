"""Modules beside torch's: text, values, state dicts, initial values."""

from __future__ import annotations

import inspect
from collections import OrderedDict

import numpy as np
import pytest

import graphscope as gs

torch = pytest.importorskip("torch")


def small(nn):
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU())


def nested(nn):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.Identity()
            self.parts = nn.ModuleList(
                [nn.Linear(2, 2) for _ in range(3)] + [nn.Tanh(), nn.Tanh(), nn.Sigmoid()]
            )
            self.table = nn.ModuleDict({"a": nn.Linear(2, 1, bias=False), "b": small(nn)})

    return Block()


REPRS = {
    "linear": lambda nn: nn.Linear(3, 4),
    "linear_no_bias": lambda nn: nn.Linear(3, 4, bias=False),
    "conv": lambda nn: nn.Conv2d(1, 6, 5),
    "conv_all": lambda nn: nn.Conv2d(
        4, 6, (3, 5), stride=2, padding=1, dilation=2, groups=2, bias=False
    ),
    "conv_same": lambda nn: nn.Conv2d(4, 6, 3, padding="same"),
    "max_pool": lambda nn: nn.MaxPool2d(2),
    "max_pool_pair": lambda nn: nn.MaxPool2d((2, 3), stride=1, padding=1),
    "avg_pool": lambda nn: nn.AvgPool2d(2),
    "adaptive": lambda nn: nn.AdaptiveAvgPool2d((1, 1)),
    "flatten": lambda nn: nn.Flatten(),
    "relu": lambda nn: nn.ReLU(),
    "relu_inplace": lambda nn: nn.ReLU(inplace=True),
    "leaky": lambda nn: nn.LeakyReLU(0.2),
    "softmax": lambda nn: nn.Softmax(dim=1),
    "log_softmax": lambda nn: nn.LogSoftmax(dim=1),
    "dropout": lambda nn: nn.Dropout(0.3),
    "embedding": lambda nn: nn.Embedding(10, 3),
    "identity": lambda nn: nn.Identity(),
    "mse": lambda nn: nn.MSELoss(),
    "cross_entropy": lambda nn: nn.CrossEntropyLoss(),
    "empty": lambda nn: nn.Sequential(),
    "small": small,
    "deep": lambda nn: nn.Sequential(small(nn), nn.Sequential(small(nn), nn.Flatten())),
    "named": lambda nn: nn.Sequential(OrderedDict(first=nn.Linear(1, 2), act=nn.Tanh())),
    "nested": nested,
    "one_in_list": lambda nn: nn.ModuleList([nn.Linear(1, 1)]),
}


@pytest.mark.parametrize("name", REPRS)
def test_text_is_torchs_to_the_letter(name):
    assert repr(REPRS[name](gs.nn)) == repr(REPRS[name](torch.nn))


OPTIMIZERS = {
    "sgd": lambda o, p: o.SGD(p, lr=0.1),
    "sgd_momentum": lambda o, p: o.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda o, p: o.Adam(p),
    "adamw": lambda o, p: o.AdamW(p, lr=0.01, betas=(0.8, 0.9)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_text_is_torchs(name):
    make = OPTIMIZERS[name]
    ours = make(gs.optim, [gs.zeros(1, requires_grad=True)])
    theirs = make(torch.optim, [torch.zeros(1, requires_grad=True)])
    assert repr(ours) == repr(theirs)


def cnn(nn):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.Tanh(),
        nn.Flatten(), nn.Linear(24, 8), nn.Sigmoid(), nn.Linear(8, 3),
    )  # fmt: skip


def twins(make):
    ours, theirs = make(gs.nn), make(torch.nn)
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    return ours, theirs


def test_a_network_computes_the_same_forward_and_backward():
    ours, theirs = twins(cnn)
    r = np.random.default_rng(0)
    x, y = r.normal(size=(5, 1, 8, 8)).astype("float32"), r.integers(0, 3, 5)
    a = gs.nn.CrossEntropyLoss()(ours(gs.tensor(x)), gs.tensor(y))
    b = torch.nn.CrossEntropyLoss()(theirs(torch.tensor(x)), torch.tensor(y))
    np.testing.assert_allclose(a.item(), b.item(), rtol=1e-6)
    a.backward()
    b.backward()
    for (n, p), (m, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert n == m
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_walks_give_torchs_names_and_order():
    for make in (cnn, nested):
        ours, theirs = make(gs.nn), make(torch.nn)
        assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
        assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
        assert [n for n, _ in ours.named_children()] == [n for n, _ in theirs.named_children()]
        assert list(ours.state_dict()) == list(theirs.state_dict())


@pytest.mark.parametrize("make", [lambda nn: nn.Linear(400, 300), lambda nn: nn.Conv2d(8, 64, 5)])
def test_initial_values_have_torchs_distribution(make):
    ours, theirs = make(gs.nn), make(torch.nn)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        a, b = p.detach().numpy(), q.detach().numpy()
        assert a.shape == b.shape and a.dtype == b.dtype
        # The interval ends at a float32, which may lie above the number that is meant.
        bound = np.float32(1 / np.sqrt(ours.weight.numel() / ours.weight.shape[0]))
        assert np.abs(a).max() <= bound and np.abs(b).max() <= bound
        if a.size > 1000:
            assert abs(a.std() / b.std() - 1) < 0.05


INITS = [
    ("kaiming_uniform_", dict(nonlinearity="relu")), ("kaiming_normal_", dict(mode="fan_out")),
    ("xavier_uniform_", dict(gain=2.0)), ("xavier_normal_", {}), ("uniform_", dict(a=-1, b=3)),
    ("normal_", dict(mean=1.0, std=0.5)), ("zeros_", {}), ("ones_", {}), ("constant_", dict(val=3)),
]  # fmt: skip


@pytest.mark.parametrize("name, options", INITS, ids=[n for n, _ in INITS])
def test_init_functions_have_torchs_mean_and_spread(name, options):
    a, b = gs.empty(300, 200), torch.empty(300, 200)
    out = getattr(gs.nn.init, name)(a, **options)
    getattr(torch.nn.init, name)(b, **options)
    assert out is a
    assert abs(float(a.mean()) - float(b.mean())) < 0.02
    assert abs(float(a.std()) - float(b.std())) < 0.02 * max(float(b.std()), 1e-9) + 1e-9


@pytest.mark.filterwarnings("ignore:size_average and reduce", "ignore:reduction='elementwise_mean'")
def test_old_spellings_of_reduction_mean_what_they_meant():
    x, y = gs.tensor([1.0, 3.0]), gs.tensor([0.0, 0.0])
    assert gs.nn.MSELoss(reduction="elementwise_mean")(x, y).item() == 5.0
    assert gs.nn.MSELoss(size_average=False)(x, y).item() == 10.0
    assert gs.nn.MSELoss(reduce=False)(x, y).shape == (2,)
    with pytest.raises(ValueError, match="no reduction='median'"):
        gs.nn.MSELoss(reduction="median")


LAYERS = [
    name
    for name in gs.nn.__all__
    if isinstance(getattr(gs.nn, name), type) and hasattr(torch.nn, name)
]


@pytest.mark.parametrize("name", LAYERS)
def test_layers_have_torchs_bases_and_arguments(name):
    ours, theirs = getattr(gs.nn, name), getattr(torch.nn, name)
    for other in LAYERS:
        is_one = issubclass(theirs, getattr(torch.nn, other))
        assert issubclass(ours, getattr(gs.nn, other)) == is_one, other
    wanted = list(inspect.signature(theirs.__init__).parameters)
    if "kwargs" not in wanted:  # torch's Softsign, and a few others, take anything
        assert list(inspect.signature(ours.__init__).parameters) == wanted
