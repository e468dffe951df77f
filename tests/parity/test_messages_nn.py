"""What layers and their functions say of mistakes; see ``mistakes``."""

from __future__ import annotations

import pytest

import graphscope as gs
from tests.parity.beside import torch
from tests.parity.mistakes import Bare, check, leaf, ones


def heads(m, **more):
    return m.nn.MultiheadAttention(4, 2, **more)


def attend(m, *shapes, **more):
    return heads(m)(*(m.ones(*s) for s in shapes), **more)


def listened(m, hook, *inputs):
    net = m.nn.Linear(2, 2)
    net.register_full_backward_hook(hook)
    net(*inputs).sum().backward()


def infinite(m):
    p = leaf(m, 2)
    p.grad = m.tensor([float("inf"), 1.0])
    return p


def hooked_state(m, which, hook):
    net = m.nn.Linear(1, 1)
    getattr(net, which)(hook)
    net.load_state_dict(net.state_dict())


def pack(m, *args, **more):
    return m.nn.utils.rnn.pack_padded_sequence(*args, **more)


def unpack(m, *args, **more):
    return m.nn.utils.rnn.pad_packed_sequence(
        m.nn.utils.rnn.pack_sequence([m.ones(3)]), *args, **more
    )


def computed():
    """A parameter that is no leaf, which only our private parts can make."""
    p = gs.nn.Parameter(gs.ones(2))
    made = gs.nn.Parameter(gs.ones(2), requires_grad=False)
    made._node = (p * 1)._node
    return made


FUNCTIONS = {
    "hardtanh": (lambda m, f: f.hardtanh(ones(m, 2), 2.0, 1.0), "min_val=2.0", "max_val=1.0"),
    "softshrink": (lambda m, f: f.softshrink(ones(m, 2), -0.5), "lambd=-0.5"),
    "gelu": (lambda m, f: f.gelu(ones(m, 2), approximate="sin"), "'sin'", "'tanh'"),
    "glu number": (lambda m, f: f.glu(m.tensor(1.0)), "glu"),
    "glu dimension": (lambda m, f: f.glu(ones(m, 2, 4), 5), "dimension 5", "(2, 4)"),
    "glu odd": (lambda m, f: f.glu(ones(m, 2, 3), 1), "dimension 1", "(2, 3)", "size 3"),
    "dtypes": (lambda m, f: f.conv1d(ones(m, 1, 1, 4), ones(m, 1, 1, 2).double()), "float32", "float64"),
    "negative padding": (lambda m, f: f.conv1d(ones(m, 1, 1, 4), ones(m, 1, 1, 2), padding=-1), "(-1,)"),
    "output padding": (lambda m, f: f.conv_transpose1d(ones(m, 1, 1, 4), ones(m, 1, 1, 2), output_padding=3), "(3,)"),
    "dropout": (lambda m, f: f.dropout(ones(m, 2), 1.5), "p=1.5"),
    "dropout1d": (lambda m, f: f.dropout1d(ones(m, 1, 2, 3, 4)), "(1, 2, 3, 4)"),
    "padding row": (lambda m, f: f.embedding(m.tensor([0]), ones(m, 2, 3), 5), "padding_idx=5", "2"),
    "bag mode": (lambda m, f: f.embedding_bag(m.tensor([[0]]), ones(m, 2, 3), mode="min"), "'min'"),
    "bag weights": (lambda m, f: f.embedding_bag(
        m.tensor([[0]]), ones(m, 2, 3), per_sample_weights=ones(m, 1, 1)), "'mean'", "per_sample_weights"),
    "bag shapes": (lambda m, f: f.embedding_bag(
        m.tensor([[0]]), ones(m, 2, 3), mode="sum", per_sample_weights=ones(m, 1, 2)), "(1, 2)", "(1, 1)"),
    "bag offsets": (lambda m, f: f.embedding_bag(m.tensor([[0]]), ones(m, 2, 3), m.tensor([0])), "(1, 1)"),
    "bag input": (lambda m, f: f.embedding_bag(m.tensor([[[0]]]), ones(m, 2, 3)), "(1, 1, 1)"),
    "bag begins": (lambda m, f: f.embedding_bag(m.tensor([0, 1]), ones(m, 2, 3)), "offsets", "(2,)"),
    "bag start": (lambda m, f: f.embedding_bag(m.tensor([0, 1]), ones(m, 2, 3), m.tensor([1])), "1"),
    "bilinear": (lambda m, f: f.bilinear(ones(m, 2, 3), ones(m, 4, 3), ones(m, 1, 3, 3)), "(2, 3)", "(4, 3)"),
    "reduction": (lambda m, f: f.mse_loss(ones(m, 2), ones(m, 2), reduction="median"), "'median'"),
    "loss weight": (lambda m, f: f.mse_loss(ones(m, 2), ones(m, 2), weight=ones(m, 3)), "(3,)", "(2,)"),
    "beta": (lambda m, f: f.smooth_l1_loss(ones(m, 2), ones(m, 2), beta=-1.0), "beta=-1.0"),
    "delta": (lambda m, f: f.huber_loss(ones(m, 2), ones(m, 2), delta=0.0), "delta=0.0"),
    "bce": (lambda m, f: f.binary_cross_entropy(ones(m, 2, 1), ones(m, 2)), "(2, 1)", "(2,)", "unsqueeze(-1)"),
    "logits": (lambda m, f: f.binary_cross_entropy_with_logits(ones(m, 2), ones(m, 3)), "(2,)", "(3,)"),
    "variance": (lambda m, f: f.gaussian_nll_loss(ones(m, 2), ones(m, 2), m.tensor([1.0, -3.0])), "-3"),
    "variances": (lambda m, f: f.gaussian_nll_loss(ones(m, 4, 2), ones(m, 4, 2), ones(m, 3)), "(3,)", "(4, 2)"),
    "gaussian": (lambda m, f: f.gaussian_nll_loss(*[ones(m, 2)] * 3, reduction="max"), "'max'"),
    "ranking": (lambda m, f: f.margin_ranking_loss(ones(m, 2), ones(m, 2), ones(m, 2, 1)), "(2,)", "(2, 1)"),
    "smoothing": (lambda m, f: f.cross_entropy(ones(m, 1, 2), m.tensor([0]), label_smoothing=2.0), "=2.0"),
    "ignored": (lambda m, f: f.cross_entropy(ones(m, 1, 2), ones(m, 1, 2), ignore_index=1), "ignore_index=1"),
    "power": (lambda m, f: f.multi_margin_loss(ones(m, 1, 2), m.tensor([0]), p=3), "p=3"),
    "cosine target": (lambda m, f: f.cosine_embedding_loss(*[ones(m, 2, 3)] * 3), "(2, 3)"),
    "cosine inputs": (lambda m, f: f.cosine_embedding_loss(ones(m, 2, 3), ones(m, 3), ones(m, 2)), "(2, 3)", "(3,)"),
    "triplet margin": (lambda m, f: f.triplet_margin_loss(*[ones(m, 1, 2)] * 3, margin=-1.0), "margin=-1.0"),
    "triplet shapes": (lambda m, f: f.triplet_margin_loss(ones(m, 1, 2), ones(m, 2), ones(m, 1, 2)), "(1, 2)", "(2,)"),
    "one value": (lambda m, f: f.batch_norm(ones(m, 1, 3), None, None, training=True), "(1, 3)"),
    "statistics": (lambda m, f: f.batch_norm(ones(m, 2, 3), ones(m, 4), ones(m, 4)), "4", "3 channels"),
    "no statistics": (lambda m, f: f.batch_norm(ones(m, 2, 3), None, None), "running_mean"),
    "normalized": (lambda m, f: f.layer_norm(ones(m, 2, 3), (4,)), "(4,)", "(2, 3)"),
    "groups": (lambda m, f: f.group_norm(ones(m, 2, 3), 2), "(2, 3)", "num_groups=2"),
    "no channels": (lambda m, f: f.group_norm(ones(m, 2), 2), "(2,)"),
    "one pixel": (lambda m, f: f.instance_norm(ones(m, 2, 3, 1)), "(2, 3, 1)"),
    "local": (lambda m, f: f.local_response_norm(ones(m, 2, 3), 2), "(2, 3)"),
    "one_hot dtype": (lambda m, f: f.one_hot(ones(m, 2)), "float32", "long()"),
    "one_hot empty": (lambda m, f: f.one_hot(m.zeros(0, dtype=m.int64)), "num_classes"),
    "one_hot negative": (lambda m, f: f.one_hot(m.tensor([-2])), "-2"),
    "one_hot large": (lambda m, f: f.one_hot(m.tensor([7]), 3), "7", "num_classes=3"),
    "both sizes": (lambda m, f: f.interpolate(ones(m, 1, 1, 2, 2), 3, 2.0), "size=3", "scale_factor=2.0"),
    "no size": (lambda m, f: f.interpolate(ones(m, 1, 1, 2, 2)), "size"),
    "sizes": (lambda m, f: f.interpolate(ones(m, 1, 1, 2, 2), (3,)), "(3,)", "(1, 1, 2, 2)"),
    "factors": (lambda m, f: f.interpolate(ones(m, 1, 1, 2, 2), scale_factor=(3.0,)), "(3.0,)"),
    "corners": (lambda m, f: f.interpolate(ones(m, 1, 1, 2, 2), 3, align_corners=True), "align_corners=True", "'nearest'"),
    "shuffle": (lambda m, f: f.pixel_shuffle(ones(m, 1, 4, 2, 2), 0), "upscale_factor=0"),
    "unshuffle": (lambda m, f: f.pixel_unshuffle(ones(m, 1, 4, 2, 2), 0), "downscale_factor=0"),
}  # fmt: skip

MODULES = {
    "hardtanh": (lambda m, nn: nn.Hardtanh(1.0, 0.0), "min_val=1.0", "max_val=0.0"),
    "no heads": (lambda m, nn: nn.MultiheadAttention(4, 0), "num_heads=0"),
    "heads": (lambda m, nn: nn.MultiheadAttention(5, 2), "embed_dim=5", "num_heads=2"),
    "hint": (lambda m, nn: attend(m, *[(3, 1, 4)] * 3, is_causal=True), "attn_mask", "(3)"),
    "embedding": (lambda m, nn: attend(m, *[(3, 1, 5)] * 3), "5", "embed_dim=4"),
    "mask": (lambda m, nn: attend(m, *[(3, 1, 4)] * 3, attn_mask=m.zeros(2, 2)), "(2, 2)", "(3, 3)"),
    "padding mask": (lambda m, nn: attend(m, *[(3, 1, 4)] * 3, key_padding_mask=m.zeros(3, 1)), "(3, 1)", "(1, 3)"),
    "dimensions": (lambda m, nn: attend(m, (3, 1, 4), (3, 4), (3, 4)), "(3, 1, 4)", "(3, 4)"),
    "batch norm": (lambda m, nn: nn.BatchNorm2d(3)(ones(m, 2, 3)), "BatchNorm2d", "(2, 3)", "(N, C, H, W)"),
    "instance norm": (lambda m, nn: nn.InstanceNorm1d(3)(ones(m, 2)), "InstanceNorm1d", "(2,)", "(C, L)"),
    "no module": (lambda m, nn: nn.ModuleList([nn.Tanh()])[4], "4", "holds 1"),
    "inserted": (lambda m, nn: nn.Sequential().insert(0, 3), "int", "Module"),
    "insert place": (lambda m, nn: nn.Sequential().insert(3, nn.Tanh()), "3"),
    "added": (lambda m, nn: nn.Sequential() + 3, "int", "Sequential"),
    "added in place": (lambda m, nn: nn.Sequential().__iadd__(3), "int", "Sequential"),
    "times": (lambda m, nn: nn.Sequential() * 1.5, "float"),
    "no times": (lambda m, nn: nn.Sequential() * 0, "0"),
    "extended": (lambda m, nn: nn.ModuleList().extend(3), "int"),
    "updated": (lambda m, nn: nn.ModuleDict().update(3), "int"),
    "updated by": (lambda m, nn: nn.ModuleDict().update([3]), "entry 0", "int"),
    "no pair": (lambda m, nn: nn.ModuleDict().update([("a", nn.Tanh(), 1)]), "entry 0", "3 parts"),
    "conv groups": (lambda m, nn: nn.Conv1d(2, 2, 1, groups=0), "groups=0"),
    "conv inputs": (lambda m, nn: nn.Conv1d(3, 2, 1, groups=2), "in_channels=3", "groups=2"),
    "conv outputs": (lambda m, nn: nn.Conv1d(2, 3, 1, groups=2), "out_channels=3", "groups=2"),
    "conv padding": (lambda m, nn: nn.Conv1d(2, 3, 1, padding="all"), "'all'", "'same'"),
    "conv mode": (lambda m, nn: nn.Conv1d(2, 3, 1, padding_mode="ones"), "'ones'", "reflect"),
    "conv same": (lambda m, nn: nn.Conv1d(2, 3, 1, stride=2, padding="same"), "(2,)", "'same'"),
    "transposed mode": (lambda m, nn: nn.ConvTranspose1d(2, 3, 1, padding_mode="reflect"), "'reflect'"),
    "transposed size": (lambda m, nn: nn.ConvTranspose1d(1, 1, 2, stride=2)(ones(m, 1, 1, 3), (9,)), "(9,)", "6 to 7"),
    "dropout": (lambda m, nn: nn.Dropout(-1.0), "p=-1.0"),
    "padding row": (lambda m, nn: nn.Embedding(2, 3, 4), "padding_idx=4", "2"),
    "table": (lambda m, nn: nn.Embedding(2, 3, _weight=ones(m, 3, 3)), "(3, 3)", "(2, 3)"),
    "pretrained": (lambda m, nn: nn.EmbeddingBag.from_pretrained(ones(m, 3)), "EmbeddingBag", "(3,)"),
    "hook count": (lambda m, nn: listened(m, lambda *a: (None, None), leaf(m, 1, 2)), "2", "grad_input"),
    "eye": (lambda m, nn: nn.init.eye_(ones(m, 3)), "(3,)"),
    "dirac": (lambda m, nn: nn.init.dirac_(ones(m, 3)), "(3,)"),
    "dirac groups": (lambda m, nn: nn.init.dirac_(ones(m, 3, 1, 1), 2), "3", "groups=2"),
    "slope": (lambda m, nn: nn.init.calculate_gain("leaky_relu", "x"), "'x'"),
    "gain": (lambda m, nn: nn.init.calculate_gain("sine"), "'sine'", "relu"),
    "fans": (lambda m, nn: nn.init.xavier_normal_(ones(m, 3)), "(3,)", "zeros_"),
    "fan mode": (lambda m, nn: nn.init.kaiming_normal_(ones(m, 2, 2), mode="middle"), "'middle'", "'fan_in'"),
    "orthogonal": (lambda m, nn: nn.init.orthogonal_(ones(m, 3)), "(3,)"),
    "sparse": (lambda m, nn: nn.init.sparse_(ones(m, 3), 0.5), "(3,)"),
    "margin power": (lambda m, nn: nn.MultiMarginLoss(p=3), "p=3"),
    "margin weight": (lambda m, nn: nn.MultiMarginLoss(weight=ones(m, 2, 2)), "(2, 2)"),
    "triplet": (lambda m, nn: nn.TripletMarginLoss(margin=-1.0), "margin=-1.0"),
    "triplet distance": (lambda m, nn: nn.TripletMarginWithDistanceLoss(margin=0.0), "margin=0.0"),
    "train": (lambda m, nn: nn.Tanh().train("yes"), "Tanh", "'yes'"),
    "to": (lambda m, nn: nn.Linear(1, 1).to(m.int64), "int64", "float32"),
    "group norm": (lambda m, nn: nn.GroupNorm(2, 3), "num_groups=2", "num_channels=3"),
    "cross map": (lambda m, nn: nn.CrossMapLRN2d(2)(ones(m, 2, 3, 4)), "(2, 3, 4)"),
    "parameter": (lambda m, nn: nn.ParameterList([m.ones(1)])[4], "4", "holds 1"),
    "parameters": (lambda m, nn: nn.ParameterList().extend(3), "int"),
    "called list": (lambda m, nn: nn.ParameterList()(3), "ParameterList"),
    "called dict": (lambda m, nn: nn.ParameterDict()(3), "ParameterDict"),
    "key": (lambda m, nn: nn.ParameterDict({3: m.ones(1)}), "'3'"),
    "parameter dict": (lambda m, nn: nn.ParameterDict().update(3), "int"),
    "rnn input": (lambda m, nn: nn.LSTM(3, 4)(ones(m, 2, 2, 3, 1)), "LSTM", "(2, 2, 3, 1)"),
    "rnn steps": (lambda m, nn: nn.LSTM(3, 4)(ones(m, 0, 2, 3)), "(0, 2, 3)", "batch_first=False"),
    "rnn features": (lambda m, nn: nn.LSTM(3, 4)(ones(m, 2, 2, 5)), "input_size=3", "(2, 2, 5)"),
    "rnn state": (lambda m, nn: nn.LSTM(3, 4)(ones(m, 5, 2, 3), (ones(m, 1, 3, 4), ones(m, 1, 2, 4))), "(1, 3, 4)", "(1, 2, 4)"),
    "rnn states": (lambda m, nn: nn.LSTM(3, 4)(ones(m, 5, 2, 3), (ones(m, 1, 4), ones(m, 1, 4))), "(1, 4)", "3 dimensions"),
    "rnn sine": (lambda m, nn: nn.RNN(1, 1, nonlinearity="sin"), "'sin'", "'tanh'"),
    "rnn dropout": (lambda m, nn: nn.RNN(1, 1, dropout=2.0), "dropout=2.0"),
    "rnn size": (lambda m, nn: nn.GRU(1, 0), "hidden_size=0"),
    "rnn float": (lambda m, nn: nn.GRU(1, 2.5), "float"),
    "rnn projection": (lambda m, nn: nn.GRU(1, 2, proj_size=1), "proj_size=1"),
    "rnn wide": (lambda m, nn: nn.LSTM(1, 2, proj_size=3), "proj_size=3", "hidden_size=2"),
    "rnn negative": (lambda m, nn: nn.LSTM(1, 2, proj_size=-3), "proj_size=-3"),
    "cell input": (lambda m, nn: nn.RNNCell(3, 4)(ones(m, 2, 5)), "input_size=3", "(2, 5)"),
    "cell rank": (lambda m, nn: nn.GRUCell(3, 4)(ones(m, 2, 5, 1)), "GRUCell", "(2, 5, 1)"),
    "cell state rank": (lambda m, nn: nn.GRUCell(3, 4)(ones(m, 2, 3), ones(m, 1, 2, 4)), "(1, 2, 4)"),
    "cell state": (lambda m, nn: nn.GRUCell(3, 4)(ones(m, 2, 3), ones(m, 2, 5)), "(2, 5)", "(2, 4)"),
    "cell sine": (lambda m, nn: nn.RNNCell(3, 4, nonlinearity="sin")(ones(m, 2, 3)), "'sin'"),
    "unflatten": (lambda m, nn: nn.Unflatten(1, 3), "3"),
    "softmax2d": (lambda m, nn: nn.Softmax2d()(ones(m, 2, 3)), "(2, 3)", "(C, H, W)"),
    "extra out": (lambda m, nn: nn.Tanh().get_extra_state(), "Tanh", "get_extra_state"),
    "extra in": (lambda m, nn: nn.Tanh().set_extra_state(1), "Tanh", "set_extra_state"),
    "no state": (lambda m, nn: nn.Tanh().load_state_dict([1]), "Tanh", "list"),
    "load hook": (lambda m, nn: hooked_state(m, "register_load_state_dict_post_hook", lambda *a: 1), "Linear"),
    "state hook": (lambda m, nn: hooked_state(m, "register_state_dict_post_hook", lambda *a: 1), "Linear"),
    "activation": (lambda m, nn: nn.TransformerEncoderLayer(4, 2, 4, activation="sin"), "'sin'", "'gelu'"),
    "batches": (lambda m, nn: nn.Transformer(4, 2, 1, 1, 4)(ones(m, 3, 2, 4), ones(m, 3, 1, 4)), "(3, 2, 4)", "(3, 1, 4)"),
    "features": (lambda m, nn: nn.Transformer(4, 2, 1, 1, 4)(ones(m, 3, 2, 4), ones(m, 3, 2, 5)), "(3, 2, 5)", "d_model=4"),
    "replaced": (lambda m, nn: setattr(nn.Linear(1, 1), "weight", ones(m, 1)), "Linear.weight", "Tensor"),
    "name kind": (lambda m, nn: nn.Tanh().register_buffer(3, None), "int", "buffer"),
    "dotted": (lambda m, nn: nn.Tanh().register_buffer("a.b", None), "'a.b'"),
    "nameless": (lambda m, nn: nn.Tanh().register_buffer("", None), "''"),
    "taken": (lambda m, nn: nn.Tanh().register_buffer("forward", None), "'forward'"),
    "no parameter": (lambda m, nn: nn.Tanh().register_parameter("w", ones(m, 1)), "'w'", "Tensor"),
    "no leaf": (lambda m, nn: nn.Tanh().register_parameter("w", nn.Parameter(m.ones(2)).__mul__(1).as_subclass(nn.Parameter)
                if m is torch else computed()), "'w'", "mul"),
    "no buffer": (lambda m, nn: nn.Tanh().register_buffer("b", 3), "'b'", "int"),
    "no child": (lambda m, nn: nn.Tanh().add_module("c", 3), "'c'", "int"),
    "path": (lambda m, nn: nn.Sequential(nn.Tanh()).get_submodule("0.nose"), "'nose'", "'0.nose'", "Tanh"),
    "path to none": (lambda m, nn: nn.Sequential(nn.Tanh()).get_submodule("0.training"), "'training'", "bool"),
    "parameter path": (lambda m, nn: nn.Linear(1, 1).get_parameter("forward"), "'forward'", "parameter"),
    "buffer path": (lambda m, nn: nn.Linear(1, 1).get_buffer("nose"), "'nose'", "not there"),
    "empty path": (lambda m, nn: nn.Tanh().set_submodule("", nn.Tanh()), "set_submodule"),
    "new child": (lambda m, nn: nn.Sequential(nn.Tanh()).set_submodule("0", 3), "int", "'0'"),
    "strict child": (lambda m, nn: nn.Sequential().set_submodule("nose", nn.Tanh(), strict=True), "'nose'"),
    "not finite": (lambda m, nn: nn.utils.clip_grad_norm_(infinite(m), 1.0, error_if_nonfinite=True), "inf", "1 parameters"),
    "two norms": (lambda m, nn: nn.utils.weight_norm(nn.utils.weight_norm(nn.Linear(1, 1))), "'weight'", "Linear"),
    "two spectral": (lambda m, nn: nn.utils.spectral_norm(nn.utils.spectral_norm(nn.Linear(1, 1))), "'weight'"),
    "no norm": (lambda m, nn: nn.utils.remove_weight_norm(nn.Linear(1, 1)), "'weight'", "Linear"),
    "no spectral": (lambda m, nn: nn.utils.remove_spectral_norm(nn.Linear(1, 1)), "'weight'", "Linear"),
    "iterations": (lambda m, nn: nn.utils.spectral_norm(nn.Linear(1, 1), n_power_iterations=0), "n_power_iterations=0"),
    "no bias": (lambda m, nn: nn.utils.spectral_norm(nn.Linear(1, 1, bias=False), "bias"), "'bias'", "Linear"),
    "side": (lambda m, nn: nn.utils.rnn.pad_sequence([ones(m, 1)], padding_side="top"), "'top'"),
    "no sequences": (lambda m, nn: nn.utils.rnn.pad_sequence([]), "pad_sequence"),
    "empty sequence": (lambda m, nn: pack(m, ones(m, 3, 2, 1), [3, 0]), "[3, 0]"),
    "unsorted": (lambda m, nn: pack(m, ones(m, 3, 2, 1), [1, 3]), "[1, 3]", "enforce_sorted=False"),
    "lengths": (lambda m, nn: pack(m, ones(m, 3, 2, 1), [3]), "1 lengths", "2 sequences"),
    "total length": (lambda m, nn: unpack(m, total_length=2), "total_length=2", "3 steps"),
    "skipped": (lambda m, nn: nn.utils.skip_init(Bare), "Bare"),
    "no device": (lambda m, nn: nn.utils.skip_init(nn.ReLU), "ReLU", "device"),
    "vector": (lambda m, nn: nn.utils.vector_to_parameters([1], []), "list"),
}  # fmt: skip


PARTS = {"nn.functional": FUNCTIONS, "nn": MODULES}

CASES = [(part, name) for part, table in PARTS.items() for name in table]


@pytest.mark.parametrize("part, name", CASES, ids=lambda x: x.replace(" ", "_"))
def test_a_mistake_has_torchs_type_and_our_words(part, name):
    check(PARTS[part][name], part, __file__)
