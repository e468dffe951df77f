"""Module, containers, state, hooks, initial values and helpers, with one program for both libraries."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import graphscope as gs
from tests.parity.beside import torch

BOTH = pytest.mark.parametrize("lib", [gs, torch], ids=["ours", "torch"])


def beside(program):
    """What the program gives with each library; the two must be equal."""
    ours, theirs = program(gs), program(torch)
    assert ours == theirs
    return ours


def block(lib):
    nn = lib.nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.late = None
            self.register_parameter("nothing", None)
            self.scale = nn.Parameter(lib.full((2,), 0.5))
            self.register_buffer("seen", lib.zeros(3))
            self.register_buffer("scratch", lib.ones(1), persistent=False)
            self.register_buffer("empty", None)
            self.own = nn.Buffer(lib.zeros(2))
            self.parts = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
            self.table = nn.ModuleDict(
                {"a": nn.Linear(2, 1, bias=False), "b": nn.Sequential(nn.Tanh())}
            )
            self.shared = self.parts[0]

        def forward(self, x, plus=0):
            return self.parts[1](self.parts[0](x)) * self.scale + plus

    return Block()


def fill(lib, net):
    with lib.no_grad():
        for k, p in enumerate(net.parameters()):
            p.copy_(lib.linspace(-1, 1, p.numel(), dtype=p.dtype).reshape(p.shape) + k / 10)
    return net


# ---------------------------------------------------------------- walking


def test_iterators():
    def program(lib):
        net = block(lib)
        return [
            [n for n, _ in net.named_parameters()], [n for n, _ in net.named_parameters("net", recurse=False)],
            [n for n, _ in net.named_parameters(remove_duplicate=False)],
            [n for n, _ in net.named_buffers()], [n for n, _ in net.named_buffers("x", False)],
            [n for n, _ in net.named_modules()], [n for n, _ in net.named_modules(prefix="p", remove_duplicate=False)],
            [n for n, _ in net.named_children()], len(list(net.children())), len(list(net.modules())),
            len(list(net.buffers())), len(list(net.parameters(recurse=False))), list(net.state_dict()),
            sorted(k for k in dir(net) if k in ("scale", "seen", "parts", "0")),
            net.state_dict()._metadata,
        ]  # fmt: skip

    beside(program)


def test_finding_and_replacing_parts():
    def program(lib):
        net = block(lib)
        nn = lib.nn
        net.set_submodule("table.b.0", nn.ReLU())
        net.add_module("extra", nn.Identity())
        net.register_module("more", nn.Identity())
        out = [
            type(net.get_submodule("table.b.0")).__name__, tuple(net.get_parameter("parts.1.bias").shape),
            tuple(net.get_buffer("seen").shape), net.get_submodule("") is net, list(net._modules),
        ]  # fmt: skip
        net.scale = nn.Parameter(lib.zeros(1))  # keeps its place
        net.parts[0].weight = None
        out += [list(net.state_dict()), hasattr(net, "extra")]
        del net.extra, net.scale, net.seen
        return [*out, hasattr(net, "extra"), list(net.state_dict())]

    beside(program)


@BOTH
def test_errors_of_names_and_values(lib):
    nn = lib.nn
    net = block(lib)
    for error, call in (
        (AttributeError, lambda: net.get_submodule("table.nose")),
        (AttributeError, lambda: net.get_submodule("scale")),
        (AttributeError, lambda: net.get_buffer("scale")),
        (AttributeError, lambda: net.get_parameter("seen")),
        (AttributeError, lambda: net.get_parameter("no")),
        (KeyError, lambda: net.add_module("late", nn.Identity())),
        (TypeError, lambda: setattr(net, "parts", 3)),
        (TypeError, lambda: setattr(net, "seen", 3)),
    ):  # fmt: skip
        with pytest.raises(error):
            call()

    class Bad(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError) as caught:
        Bad()
    if lib is gs:
        assert "Bad.layer" in str(caught.value) and "super().__init__()" in str(caught.value)


def test_repr():
    def program(lib):
        nn = lib.nn
        many = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)])
        layer = nn.TransformerEncoderLayer(4, 2, 8)
        return [
            repr(block(lib)), repr(many), repr(nn.ModuleList()), repr(nn.ModuleList([many, many])), repr(layer),
            repr(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)), repr(nn.LSTM(3, 4, 2, bias=False, dropout=0.1)),
            repr(nn.GRUCell(1, 2, bias=False)), repr(nn.Sequential()), repr(nn.Sequential(OrderedDict(a=nn.ReLU(True)))),
            repr(nn.ParameterList([lib.zeros(2, 3), 4])), repr(nn.ParameterDict({"a": lib.zeros(2)})),
            repr(nn.Sequential(nn.ParameterList([lib.zeros(1)]))), repr(nn.ModuleDict({"x": many})),
            repr(nn.MultiheadAttention(4, 2, bias=False)),
        ]  # fmt: skip

    beside(program)


# ---------------------------------------------------------------- state


def test_strict_errors_list_everything_in_torchs_words():
    def program(lib):
        net = block(lib)
        state = net.state_dict()
        state["odd"] = state.pop("scale")
        state["table.zzz.weight"] = lib.zeros(1)
        state["parts.0.bias"] = lib.zeros(7)
        state["seen"] = 5
        del state["parts.1.weight"]
        with pytest.raises(RuntimeError) as caught:
            block(lib).load_state_dict(state)
        text = str(caught.value)
        assert (
            "seen" in text and "int" in text
        )  # what is no tensor is described in words of one's own
        text = "\n".join(line for line in text.split("\n") if "seen" not in line)
        state["parts.0.bias"], state["seen"] = lib.zeros(2), lib.ones(3)
        result = block(lib).load_state_dict(state, strict=False)
        return [text, repr(result), str(result), repr(net.load_state_dict(net.state_dict()))]

    beside(program)


def test_state_hooks_extra_state_and_assign():
    def program(lib):
        nn = lib.nn
        log = []

        class Counter(nn.Module):
            _version = 3

            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(lib.zeros(1))
                self.steps = 4

            def get_extra_state(self):
                return {"steps": self.steps}

            def set_extra_state(self, state):
                self.steps = state["steps"]

            def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
                log.append(local_metadata.get("version"))
                super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

        net = nn.Sequential(Counter(), nn.Linear(1, 1))
        net.register_state_dict_pre_hook(lambda m, prefix, keep: log.append(("pre", prefix, keep)))
        net.register_state_dict_post_hook(lambda m, state, prefix, meta: state.update(more=1))
        net.register_load_state_dict_pre_hook(
            lambda m, state, prefix, *rest: state.pop("more", None)
        )
        net.register_load_state_dict_post_hook(lambda m, keys: log.append(keys.missing_keys))
        net[0].steps = 9
        state = net.state_dict()
        keys = list(state)
        net[0].steps = 1
        result = net.load_state_dict(state)
        taken = lib.full((1, 1), 5.0)
        state["1.weight"] = taken
        state["0.weight"] = state["0.weight"].double()
        net.load_state_dict(state, assign=True)
        kept = net.state_dict(prefix="p.", keep_vars=True)
        return [
            keys, repr(result), net[0].steps, log, net[1].weight.data_ptr() == taken.data_ptr(), isinstance(net[1].weight, nn.Parameter),
            str(net[0].weight.dtype), [k for k in kept if k.endswith("1.weight")], kept["p.1.weight"] is net[1].weight,
        ]  # fmt: skip

    beside(program)


def test_copies_and_pickles():
    net = fill(gs, block(gs))
    net.parts[0].weight.requires_grad_(False)
    for other in (copy.deepcopy(net.parts), pickle.loads(pickle.dumps(net.parts))):
        assert list(other.state_dict()) == list(net.parts.state_dict())
        assert [p.requires_grad for p in other.parameters()] == [False, True, True, True]
        assert gs.equal(other[0].weight, net.parts[0].weight)
        assert other[0].weight is not net.parts[0].weight
    twin = copy.deepcopy(net)
    assert twin.shared is twin.parts[0]


# ---------------------------------------------------------------- everything below


def test_modes_types_and_gradients():
    def program(lib):
        net = fill(lib, block(lib))
        out = []
        net.apply(lambda m: out.append(type(m).__name__))
        net.eval()
        out += [m.training for m in net.modules()]
        net.train(True).half().double().float()
        net(lib.ones(1, 2)).sum().backward()
        out += [str(p.dtype) for p in net.parameters()] + [str(net.seen.dtype)]
        out += [p.grad is None for p in net.parameters()]
        net.double()
        out += [str(net.scale.grad.dtype)]
        net.zero_grad(set_to_none=False)
        out += [float(net.scale.grad.sum())]
        net.zero_grad()
        out += [net.scale.grad is None]
        net.requires_grad_(False)
        out += [p.requires_grad for p in net.parameters()]
        net.type(lib.float32).to("cpu", lib.float64).to(lib.zeros(1))
        out += [str(net.scale.dtype), net.share_memory() is net, net.cpu() is net]
        return out

    beside(program)


# ---------------------------------------------------------------- hooks


def test_forward_hooks():
    def program(lib):
        net = fill(lib, block(lib))
        log = []
        note = lambda name: lambda *args: log.append((name, len(args)))  # noqa: E731
        net.register_forward_pre_hook(note("pre"))
        net.register_forward_pre_hook(note("first"), prepend=True)
        net.register_forward_pre_hook(lambda m, a, k: (a, {**k, "plus": 10}), with_kwargs=True)
        net.register_forward_hook(note("post"))
        net.register_forward_hook(note("kwargs"), with_kwargs=True, prepend=True)
        double = net.register_forward_hook(lambda m, a, out: out * 2)
        values = net(lib.ones(1, 2)).tolist()
        double.remove()
        with net.register_forward_pre_hook(lambda m, a: a[0] * 0):
            values += net(lib.ones(1, 2)).tolist()
        values += net(lib.ones(1, 2)).tolist()
        return [log, np.round(values, 5).tolist()]

    beside(program)


def test_hooks_that_are_always_called():
    def program(lib):
        log = []

        class Fails(lib.nn.Module):
            def forward(self, x):
                raise KeyError("no")

        net = Fails()
        net.register_forward_hook(lambda m, a, out: log.append(out), always_call=True)
        net.register_forward_hook(lambda m, a, out: log.append("never"))
        with pytest.raises(KeyError):
            net(1)
        return log

    assert beside(program) == [None]


@pytest.mark.filterwarnings(
    "ignore:Full backward hook is firing", "ignore:.*a backward hook is called"
)
def test_backward_hooks():
    def program(lib):
        net = fill(lib, lib.nn.Linear(2, 3).double())
        log = []

        def short(grads):
            return [None if g is None else [*g.shape, round(float(g.sum()), 6)] for g in grads]

        pre = net.register_full_backward_pre_hook(lambda m, out: log.append(("pre", short(out))))
        net.register_full_backward_hook(lambda m, inp, out: log.append((short(inp), short(out))))
        x = lib.ones(2, 2, dtype=lib.float64).requires_grad_()
        net(x).pow(2).sum().backward()
        log.append(short([x.grad, net.weight.grad]))
        net(lib.ones(2, 2, dtype=lib.float64)).sum().backward()
        pre.remove()
        net.register_full_backward_pre_hook(lambda m, out: (out[0] * 10,))
        net.register_full_backward_hook(lambda m, inp, out: (inp[0] * 0,))
        x.grad = None
        net.zero_grad()
        net(x).sum().backward()
        return [*log, short([x.grad, net.weight.grad])]

    beside(program)


def test_backward_hooks_with_several_inputs_and_outputs():
    def program(lib):
        log = []

        class Two(lib.nn.Module):
            def forward(self, a, b, c):
                return a * b, b + c

        net = Two()
        net.register_full_backward_hook(
            lambda m, i, o: log.append([None if g is None else g.tolist() for g in (*i, *o)])
        )
        a, b = lib.tensor([2.0], requires_grad=True), lib.tensor([3.0])
        first, second = net(a, b, lib.tensor([4.0], requires_grad=True))
        (first * 2).sum().backward(retain_graph=True)
        (first + second).sum().backward()
        return [log, a.grad.tolist()]

    beside(program)


# ---------------------------------------------------------------- containers


def test_sequential_and_lists():
    def program(lib):
        nn = lib.nn
        lin = lambda n: nn.Linear(n, n)  # noqa: E731
        s = nn.Sequential(lin(1), lin(2), lin(3))
        sizes = lambda s: [getattr(m, "in_features", type(m).__name__) for m in s]  # noqa: E731
        out = [sizes(s), sizes(s[1:]), sizes(s[-1:]), len(s), s[-1].in_features]
        s.append(nn.Tanh()).insert(1, nn.ReLU())
        s.extend([lin(7)])
        out += [sizes(s), list(s._modules)]
        s += nn.Sequential(lin(8))
        out += [sizes(s + nn.Sequential(lin(9))), sizes(s * 2), sizes(2 * s)]
        s *= 2
        del s[0], s[1:3]
        s[0] = nn.Sigmoid()
        out += [sizes(s), type(s.pop(0)).__name__, list(s._modules)]
        named = nn.Sequential(OrderedDict(a=lin(1), b=lin(2)))
        out += [list(named[1:]._modules), named.b.in_features]
        m = nn.ModuleList([lin(1)])
        m.append(lin(2)).extend([lin(3)]).insert(0, lin(0 + 4))
        m += [lin(5)]
        out += [
            sizes(m),
            sizes(m[1:3]),
            sizes(m + [lin(6)]),
            sizes(reversed(list(m))),
            m.pop(1).in_features,
            sizes(m),
        ]
        d = nn.ModuleDict([("a", lin(1)), ("b", lin(2))])
        d.update({"c": lin(3)})
        d.update(nn.ModuleDict({"a": lin(9)}))
        out += [
            list(d),
            list(d.keys()),
            sizes(d.values()),
            len(d),
            "b" in d,
            d.pop("b").in_features,
            [k for k, _ in d.items()],
        ]
        d.clear()
        return [*out, len(d)]

    beside(program)


def test_parameter_containers():
    def program(lib):
        nn = lib.nn
        one = lambda n: lib.full((n,), float(n))  # noqa: E731
        p = nn.ParameterList([one(1), one(2)])
        p.append(nn.Parameter(one(3))).extend([one(4)])
        p += [one(5)]
        p[0] = one(6)
        out = [
            [len(t) for t in p],
            len(p),
            [len(t) for t in p[1:3]],
            list(p.state_dict()),
            isinstance(p[0], nn.Parameter),
            len(p[-1]),
        ]
        d = nn.ParameterDict({"a": one(1), "b": one(2)})
        d["c"] = one(3)
        d.update([("d", one(4))])
        out += [
            list(d),
            list(d.keys()),
            [len(v) for v in d.values()],
            [k for k, _ in d.items()],
            "a" in d,
            len(d),
            list(d.state_dict()),
        ]
        out += [
            len(d.pop("a")),
            len(d.get("b")),
            d.get("no"),
            len(d.setdefault("e", one(5))),
            list(reversed(d)),
            d.popitem()[0],
        ]
        out += [
            list(d | nn.ParameterDict({"z": one(1)})),
            list(d.copy()),
            list(d.fromkeys(["q"], one(1))),
        ]
        d |= nn.ParameterDict({"y": one(1)})
        del d["b"]
        out += [list(d)]
        d.clear()
        return [*out, len(d)]

    beside(program)


@BOTH
def test_errors_of_containers(lib):
    nn = lib.nn
    s = nn.Sequential(nn.Tanh())
    for error, call in (
        (IndexError, lambda: s[3]), (IndexError, lambda: nn.ModuleList()[0]), (TypeError, lambda: nn.Sequential(3)),
        (ValueError, lambda: s + nn.ModuleList()), (ValueError, lambda: s * 0), (TypeError, lambda: s * 1.5),
        (TypeError, lambda: nn.ModuleDict(3)), (KeyError, lambda: nn.ModuleDict()["a"]),
        (ValueError, lambda: nn.ModuleDict([("a", nn.Tanh(), 3)])), (NotImplementedError, lambda: nn.ModuleList()(1)),
        (RuntimeError, lambda: nn.ParameterList()(1)), ((KeyError, AttributeError), lambda: nn.ParameterDict()["a"]),
        (IndexError, lambda: nn.ParameterList()[0]), (TypeError, lambda: nn.ParameterList(3)),
    ):  # fmt: skip
        with pytest.raises(error):
            call()


# ---------------------------------------------------------------- initial values


INITS = [
    ("trunc_normal_", dict(std=2.0, a=-1.0, b=3.0)), ("trunc_normal_", {}), ("orthogonal_", dict(gain=2.0)),
    ("sparse_", dict(sparsity=0.3, std=0.5)), ("kaiming_uniform_", dict(a=0.3, mode="fan_out")),
]  # fmt: skip


@pytest.mark.parametrize("name, options", INITS, ids=str)
def test_random_initial_values(name, options):
    a, b = gs.empty(200, 150), torch.empty(200, 150)
    assert getattr(gs.nn.init, name)(a, **options) is a
    getattr(torch.nn.init, name)(b, **options)
    x, y = a.numpy(), b.numpy()
    assert abs(x.mean() - y.mean()) < 0.03 and abs(x.std() / y.std() - 1) < 0.02
    assert abs(x.min() - y.min()) < 0.05 + 0.3 * abs(y.min()) and (x == 0).sum() == (y == 0).sum()


def test_fixed_initial_values():
    def program(lib):
        init = lib.nn.init
        q = init.orthogonal_(lib.empty(3, 5, dtype=lib.float64))
        return [
            init.eye_(lib.empty(2, 3)).tolist(), init.dirac_(lib.empty(4, 2, 3)).tolist(),
            init.dirac_(lib.empty(4, 2, 3, 3), groups=2).tolist(), init.constant_(lib.empty(2), 7).tolist(),
            np.round((q @ q.T).numpy(), 9).tolist(),
            [init.calculate_gain(n) for n in ("linear", "conv3d", "tanh", "relu", "selu", "sigmoid", "leaky_relu")],
            init.calculate_gain("leaky_relu", 0.3),
        ]  # fmt: skip

    beside(program)


@BOTH
def test_a_tensor_without_elements_gets_a_warning(lib):
    with pytest.warns(UserWarning, match=r"\(0, 2\)" if lib is gs else None):
        lib.nn.init.kaiming_uniform_(lib.empty(0, 2))


# ---------------------------------------------------------------- helpers


@pytest.mark.parametrize("norm", [1.0, 2.0, 3.0, float("inf"), 0.0])
def test_clipping(norm):
    def program(lib):
        utils = lib.nn.utils
        ps = [lib.nn.Parameter(lib.zeros(n)) for n in (2, 3, 1)]
        ps[0].grad, ps[1].grad = lib.tensor([3.0, -4.0]), lib.tensor([1.0, 0.0, 2.0])
        total = utils.clip_grad_norm_(ps, 2.0, norm, foreach=None)
        out = [round(total.item(), 5), ps[0].grad.tolist(), str(total.dtype)]
        utils.clip_grad_value_(ps, 0.3)
        out += [
            ps[0].grad.tolist(),
            round(utils.get_total_norm([p.grad for p in ps[:2]], norm).item(), 5),
        ]
        out += [
            utils.clip_grad_norm_(ps[:1], 1e9).item() > 0,
            utils.clip_grad_norm_([], 1.0).item(),
        ]
        return np.round(
            np.array([v for o in out for v in np.ravel(o) if not isinstance(v, str)], float), 5
        ).tolist()

    beside(program)


@BOTH
def test_clipping_what_is_not_finite(lib):
    p = lib.nn.Parameter(lib.zeros(2))
    p.grad = lib.tensor([float("inf"), 1.0])
    with pytest.raises(RuntimeError, match="inf" if lib is gs else "non-finite"):
        lib.nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert lib.nn.utils.clip_grad_norm_(p, 1.0).item() == float("inf")


def test_parameters_as_a_vector():
    def program(lib):
        net = fill(lib, lib.nn.Linear(2, 3))
        vector = lib.nn.utils.parameters_to_vector(net.parameters())
        vector.sum().backward()
        out = [vector.tolist(), net.bias.grad.tolist()]
        lib.nn.utils.vector_to_parameters(lib.arange(9.0), net.parameters())
        with pytest.raises(TypeError, match="list"):
            lib.nn.utils.vector_to_parameters([1], net.parameters())
        skipped = lib.nn.utils.skip_init(lib.nn.Linear, 2, 3)
        return [*out, net.weight.tolist(), net.bias.tolist(), repr(skipped)]

    beside(program)


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated")
@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm(dim):
    def program(lib):
        net = fill(lib, lib.nn.Linear(2, 3).double())
        lib.nn.utils.weight_norm(net, dim=dim)
        x = lib.linspace(-1, 1, 8, dtype=lib.float64).reshape(4, 2)
        net(x).pow(2).sum().backward()
        out = [
            list(net.state_dict()),
            net.weight_g.grad.tolist(),
            net.weight_v.grad.tolist(),
            net(x).tolist(),
        ]
        lib.nn.utils.remove_weight_norm(net)
        out += [list(net.state_dict()), net(x).tolist()]
        return [
            o if isinstance(o, list) and isinstance(o[0], str) else np.round(o, 9).tolist()
            for o in out
        ]

    beside(program)


def test_spectral_norm():
    def program(lib):
        net = fill(lib, lib.nn.Conv2d(2, 3, 2).double())
        lib.nn.utils.spectral_norm(net, n_power_iterations=2)
        with lib.no_grad():
            net.weight_u.copy_(lib.tensor([0.6, 0.8, 0.0]))
            net.weight_v.copy_(lib.full((8,), 8**-0.5))
        x = lib.linspace(-1, 1, 18, dtype=lib.float64).reshape(1, 2, 3, 3)
        net(x).pow(2).sum().backward()
        out = [list(net.state_dict()), net.weight_orig.grad.tolist(), net.weight_u.tolist()]
        out += [net.eval()(x).tolist()]
        lib.nn.utils.remove_spectral_norm(net)
        out += [list(net.state_dict()), net(x).tolist()]
        return [o if isinstance(o[0], str) else np.round(o, 6).tolist() for o in out]

    beside(program)


def test_data_parallel_is_the_model_itself():
    net = gs.nn.DataParallel(fill(gs, gs.nn.Linear(2, 3)))
    assert list(net.state_dict()) == ["module.weight", "module.bias"]
    assert gs.equal(net(gs.ones(1, 2)), net.module(gs.ones(1, 2)))


def test_calling_a_module_that_was_not_set_up_says_why():
    class Bad(gs.nn.Module):
        def __init__(self):
            self.n = 3

    with pytest.raises(AttributeError, match="super"):
        Bad()(1)
