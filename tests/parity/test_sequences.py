"""Recurrent networks, packed sequences, attention and transformers beside torch's."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from graphscope.engine import dispatch
from graphscope.nn import functional as F
from tests.parity.beside import arrays, check, quiet, torch

array = arrays(17)
BOTH = (gs, torch)
TIGHT = {"float64": dict(rtol=1e-8, atol=1e-10), "float32": dict(rtol=2e-4, atol=2e-5)}


def twins(make, dtype="float64"):
    """One module of each library with equal parameters."""
    ours = make(gs.nn).to(getattr(gs, dtype))
    theirs = make(torch.nn).to(getattr(torch, dtype))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    rng = np.random.default_rng(1)
    state = {
        k: rng.uniform(-0.5, 0.5, tuple(v.shape)).astype(dtype)
        for k, v in ours.state_dict().items()
    }
    ours.load_state_dict({k: gs.tensor(v) for k, v in state.items()})
    theirs.load_state_dict({k: torch.tensor(v) for k, v in state.items()})
    return ours, theirs


def flat(value):
    if value is None or isinstance(value, (int, str)):
        return []
    if hasattr(value, "batch_sizes"):
        return [value.data, value.batch_sizes]
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in flat(v)]
    return [value]


def same(make, inputs, call, dtype="float64", mode="train"):
    """Outputs, gradients of the inputs and of all parameters."""
    results = []
    for lib, net in zip(BOTH, twins(make, dtype), strict=True):
        getattr(net, mode)()
        leaves = [lib.tensor(np.asarray(a, dtype), requires_grad=True) for a in inputs]
        outs = flat(call(lib, net, *leaves))
        rng = np.random.default_rng(2)
        total = 0
        for o in outs:
            if o.requires_grad:
                total = (
                    total + (o * lib.tensor(rng.normal(size=tuple(o.shape)).astype(dtype))).sum()
                )
        total.backward()
        grads = {f"input {i}": a.grad for i, a in enumerate(leaves)}
        grads |= {n: p.grad for n, p in net.named_parameters()}
        results.append(([o.detach().numpy() for o in outs], grads))
    (a, ga), (b, gb) = results
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert x.shape == y.shape and x.dtype == y.dtype
        np.testing.assert_allclose(x, y, **TIGHT[dtype])
    for name, y in gb.items():
        x = ga[name]
        assert (x is None) == (y is None), name
        if y is not None:
            np.testing.assert_allclose(x.numpy(), y.numpy(), err_msg=name, **TIGHT[dtype])


# ---------------------------------------------------------------- recurrent networks

KINDS = ["RNN", "LSTM", "GRU"]
OPTIONS = [
    {}, {"bias": False, "batch_first": True}, {"num_layers": 2, "bidirectional": True},
    {"num_layers": 3, "bias": False},
]  # fmt: skip


def state_of(kind, x, *shape):
    first = x.new_zeros(shape) + 0.1
    return (first, first * 2) if kind == "LSTM" else first


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_networks(kind, options):
    def make(nn):
        return getattr(nn, kind)(3, 4, **options)

    rows = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    x = array(5, 2, 3)
    same(make, [x], lambda t, net, x: net(x))
    batch = 5 if options.get("batch_first") else 2
    same(
        make,
        [x, array(rows, batch, 4)],
        lambda t, net, x, h: net(x, (h, h * 2) if kind == "LSTM" else h),
    )
    same(make, [x[:, 0]], lambda t, net, x: net(x))


@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_networks_in_float32_and_without_batch_but_with_state(kind):
    def make(nn):
        return getattr(nn, kind)(3, 4, 2)

    same(make, [array(5, 2, 3)], lambda t, net, x: net(x), "float32")
    same(
        make,
        [array(5, 3), array(2, 4)],
        lambda t, net, x, h: net(x, (h, h) if kind == "LSTM" else h),
    )


def test_rnn_with_relu_and_lstm_with_projection():
    same(lambda nn: nn.RNN(3, 4, 2, "relu"), [array(5, 2, 3)], lambda t, net, x: net(x))
    same(lambda nn: nn.RNN(3, 4, nonlinearity="relu"), [array(5, 2, 3)], lambda t, net, x: net(x))
    same(
        lambda nn: nn.LSTM(3, 5, num_layers=2, proj_size=2, bidirectional=True),
        [array(4, 2, 3)], lambda t, net, x: net(x),
    )  # fmt: skip


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences(kind, ordered):
    lengths = [5, 3, 3, 1] if ordered else [3, 1, 5, 3]

    def run(t, net, x, h):
        packed = t.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=ordered)
        out, last = net(packed, (h, h * 2) if kind == "LSTM" else h)
        padded, sizes = t.nn.utils.rnn.pad_packed_sequence(out, padding_value=-1.0)
        assert sizes.tolist() == lengths
        return out, padded, last

    def make(nn):
        return getattr(nn, kind)(3, 4, 2, bidirectional=True)

    same(make, [array(5, 4, 3), array(4, 4, 4)], run)
    same(make, [array(5, 4, 3)], lambda t, net, x: net(
        t.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=ordered)))  # fmt: skip


def test_padding_and_packing():
    parts = [array(n, 2) for n in (2, 4, 1)]
    for lib in BOTH:
        r = lib.nn.utils.rnn
        given = [lib.tensor(p) for p in parts]
        packed = r.pack_sequence(given, enforce_sorted=False)
        values = [
            r.pad_sequence(given), r.pad_sequence(given, True, 7.0), r.pad_sequence(given, padding_side="left"),
            packed.data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices,
            *r.pad_packed_sequence(packed, batch_first=True, total_length=6), *r.unpack_sequence(packed),
            *r.unpad_sequence(r.pad_sequence(given), lib.tensor([2, 4, 1])),
        ]  # fmt: skip
        got = [v.numpy() for v in values]
        if lib is gs:
            ours = got
    for a, b in zip(ours, got, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
def test_cells(kind):
    lstm = kind == "LSTMCell"
    for options in ({}, {"bias": False}) + (
        ({"nonlinearity": "relu"},) if kind == "RNNCell" else ()
    ):

        def make(nn, options=options):
            return getattr(nn, kind)(3, 4, **options)

        same(make, [array(5, 3)], lambda t, net, x: net(x))
        same(
            make, [array(5, 3), array(5, 4)], lambda t, net, x, h: net(x, (h, h + 1) if lstm else h)
        )
        same(make, [array(3), array(4)], lambda t, net, x, h: net(x, (h, h + 1) if lstm else h))


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_second_derivatives_of_recurrent_networks(kind):
    got = []
    for lib, net in zip(BOTH, twins(lambda nn: getattr(nn, kind)(2, 3)), strict=True):
        x = lib.tensor(np.linspace(-1, 1, 12).reshape(3, 2, 2), requires_grad=True)
        out = flat(net(x))
        (g,) = lib.autograd.grad(sum((o**2).sum() for o in out), x, create_graph=True)
        (g**2).sum().backward()
        got.append([x.grad.numpy(), *(p.grad.numpy() for p in net.parameters())])
    for a, b in zip(*got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def test_initial_values_and_dropout_of_recurrent_networks():
    net = gs.nn.LSTM(20, 100, 2, dropout=0.5)
    bound = 1 / np.sqrt(100)
    for p in net.parameters():
        assert np.abs(p.detach().numpy()).max() <= bound
        assert abs(p.detach().numpy().std() / (bound / np.sqrt(3)) - 1) < 0.15
    x = gs.randn(3, 2, 20)
    assert not gs.equal(net(x)[0], net(x)[0])
    net.eval()
    assert gs.equal(net(x)[0], net(x)[0])
    with pytest.warns(UserWarning, match="dropout=0.5 has no effect.*num_layers=1"):
        gs.nn.GRU(2, 2, dropout=0.5)


# ---------------------------------------------------------------- attention

Q, K, V = array(2, 3, 4, 5), array(2, 3, 6, 5), array(2, 3, 6, 7)
ALLOWED = np.random.default_rng(4).random((4, 6)) > 0.4
ALLOWED[:, 0] = True
ADDED = array(2, 1, 4, 6)
ATTENTION = {
    "plain": ([Q, K, V], lambda t, f, q, k, v: f.scaled_dot_product_attention(q, k, v)),
    "scale": ([Q, K, V], lambda t, f, q, k, v: f.scaled_dot_product_attention(q, k, v, scale=0.3)),
    "causal": ([Q, K, V], lambda t, f, q, k, v: f.scaled_dot_product_attention(q, k, v, is_causal=True)),
    "bool": ([Q, K, V], lambda t, f, q, k, v: f.scaled_dot_product_attention(q, k, v, t.tensor(ALLOWED))),
    "float": ([Q, K, V, ADDED], lambda t, f, q, k, v, m: f.scaled_dot_product_attention(q, k, v, m)),
    "2d": ([Q[0, 0], K[0, 0], V[0, 0]], lambda t, f, q, k, v: f.scaled_dot_product_attention(q, k, v)),
    "gqa": ([array(2, 6, 4, 5), K, V], lambda t, f, q, k, v: f.scaled_dot_product_attention(q, k, v, enable_gqa=True)),
    "nothing_allowed": (
        [Q, K, V],
        lambda t, f, q, k, v: f.scaled_dot_product_attention(q, k, v, t.zeros(4, 6, dtype=t.bool)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ATTENTION)
def test_scaled_dot_product_attention(name, dtype):
    for layout in ("plain", "strided", "transposed") if dtype == "float64" else ("plain",):
        check(*ATTENTION[name], dtype, layout)


def test_attention_drops_weights():
    gs.manual_seed(0)
    ones = gs.ones(1, 1, 200, 50)
    out = F.scaled_dot_product_attention(ones, ones, ones, dropout_p=0.5)
    assert float(out.std()) > 0.02 and abs(float(out.mean()) - 1) < 0.05
    with pytest.raises(RuntimeError, match=r"is_causal=True .* attn_mask \(200, 200\)"):
        F.scaled_dot_product_attention(ones, ones, ones, gs.ones(200, 200), is_causal=True)


E = 6
X, M = array(4, 3, E), array(5, 3, E)
PADDED = np.array([[False] * 4, [False, False, True, True], [False, True, False, True]])
FORBIDDEN = np.triu(np.ones((4, 4), bool), 1)


@pytest.mark.parametrize(
    "options", [{}, {"bias": False}, {"add_bias_kv": True, "add_zero_attn": True}], ids=str
)
def test_multihead_attention_to_oneself(options):
    def make(nn):
        return nn.MultiheadAttention(E, 2, **options)

    with quiet():
        for more in (
            {}, {"need_weights": False}, {"average_attn_weights": False}, {"attn_mask": FORBIDDEN},
            {"attn_mask": array(6, 4, 4)}, {"key_padding_mask": PADDED}, {"key_padding_mask": PADDED, "attn_mask": FORBIDDEN},
        ):  # fmt: skip

            def run(t, net, x, more=more):
                given = {
                    k: t.tensor(v) if isinstance(v, np.ndarray) else v for k, v in more.items()
                }
                return net(x, x, x, **given)

            same(make, [X], run)


def test_multihead_attention_to_a_memory():
    same(lambda nn: nn.MultiheadAttention(E, 3), [X, M], lambda t, net, x, m: net(x, m, m))
    same(
        lambda nn: nn.MultiheadAttention(E, 3, kdim=4, vdim=5, batch_first=True),
        [array(3, 4, E), array(3, 5, 4), array(3, 5, 5)], lambda t, net, q, k, v: net(q, k, v),
    )  # fmt: skip
    same(lambda nn: nn.MultiheadAttention(E, 2), [X[:, 0]], lambda t, net, x: net(x, x, x))
    same(
        lambda nn: nn.MultiheadAttention(E, 2, batch_first=True),
        [X],
        lambda t, net, x: net(x, x, x),
        "float32",
    )


def test_multihead_attention_explains_wrong_masks():
    net, x = gs.nn.MultiheadAttention(E, 2), gs.ones(4, 3, E)
    with pytest.raises(RuntimeError, match=r"attn_mask \(3, 3\) .*: \(4, 4\)"):
        net(x, x, x, attn_mask=gs.zeros(3, 3))
    with pytest.raises(RuntimeError, match=r"key_padding_mask \(4, 3\) .*: \(3, 4\)"):
        net(x, x, x, key_padding_mask=gs.zeros(4, 3))
    with pytest.raises(AssertionError, match="embed_dim=5 .* num_heads=2"):
        gs.nn.MultiheadAttention(5, 2)


LAYER = dict(d_model=E, nhead=2, dim_feedforward=8, dropout=0.0)


@pytest.mark.parametrize(
    "options",
    [{}, {"norm_first": True, "activation": "gelu"}, {"batch_first": True, "bias": False}],
    ids=str,
)
def test_transformer_layers(options):
    same(lambda nn: nn.TransformerEncoderLayer(**LAYER, **options), [X], lambda t, net, x: net(x))
    same(
        lambda nn: nn.TransformerDecoderLayer(**LAYER, **options),
        [X, X[::-1].copy()], lambda t, net, x, m: net(x, m),
    )  # fmt: skip


def test_transformers():
    with quiet():
        same(
            lambda nn: nn.TransformerEncoder(nn.TransformerEncoderLayer(**LAYER), 2, nn.LayerNorm(E)),
            [X], lambda t, net, x: net(x, t.nn.Transformer.generate_square_subsequent_mask(4).to(x.dtype)),
        )  # fmt: skip
        same(
            lambda nn: nn.Transformer(E, 2, 1, 2, 8, 0.0, batch_first=True),
            [X, array(4, 2, E)],
            lambda t, net, x, y: net(
                x,
                y,
                tgt_mask=t.nn.Transformer.generate_square_subsequent_mask(2).to(x.dtype),
                tgt_is_causal=True,
            ),
        )


def test_everything_runs_on_the_pretend_gpu():
    pairs = [
        (gs.nn.LSTM(3, 4, 2, bidirectional=True), gs.randn(5, 2, 3)), (gs.nn.GRU(3, 4), gs.randn(5, 2, 3)),
        (gs.nn.RNN(3, 4), gs.randn(5, 2, 3)), (gs.nn.TransformerEncoderLayer(E, 2, 8, 0.0), gs.randn(4, 3, E)),
    ]  # fmt: skip
    for net, x in pairs:
        want = flat(net(x))[0]
        want.sum().backward()
        grads = [p.grad.numpy().copy() for p in net.parameters()]
        net.zero_grad()
        net.to("sim")
        out = flat(net(x.to("sim")))[0]
        out.sum().backward()
        np.testing.assert_allclose(
            out.detach().cpu().numpy(), want.detach().numpy(), rtol=1e-5, atol=1e-6
        )
        for p, g in zip(net.parameters(), grads, strict=True):
            np.testing.assert_allclose(p.grad.cpu().numpy(), g, rtol=1e-4, atol=1e-5)


class Names:
    """Stands where a recorder stands and notes the names of ops."""

    values = False

    def __init__(self):
        self.log = []

    def op(self, row, *rest):
        self.log.append(row.name)

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


@pytest.mark.parametrize(
    "kind, cell", [("LSTM", "lstm_cell"), ("RNN", "tanh"), ("GRU", "gru_cell")]
)
def test_a_step_is_two_boxes_of_the_graph(kind, cell):
    net, names = getattr(gs.nn, kind)(3, 4), Names()
    before = dispatch.set_recorder(names)
    try:
        net(gs.ones(5, 2, 3))
    finally:
        dispatch.set_recorder(before)
    step = ["linear" if kind == "GRU" else "recur", cell]
    start = names.log.index("unbind", names.log.index("linear")) + 1
    assert names.log[start : start + 10] == step * 5
    assert names.log.count("linear") == (6 if kind == "GRU" else 1)


def test_attention_shows_scores_weights_and_values():
    net, names = gs.nn.MultiheadAttention(4, 2, batch_first=True), Names()
    x = gs.ones(2, 3, 4)
    before = dispatch.set_recorder(names)
    try:
        net(x, x, x, need_weights=False)
    finally:
        dispatch.set_recorder(before)
    boxes = [
        "split_heads",
        "attention_scores",
        "attention_weights",
        "attention_values",
        "merge_heads",
    ]
    assert [n for n in names.log if "heads" in n or "attention" in n] == boxes
