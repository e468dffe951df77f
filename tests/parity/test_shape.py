"""Views, joins and arrangements beside torch's: values, gradients, which results share memory, and errors."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from tests.parity.beside import LAYOUTS, arrays, check, torch

array = arrays(21)
M, V, C, E, S = array(3, 4), array(4), array(2, 3, 4), array(0, 3), array()
W = array(2, 1, 3, 1)

VIEWS = {
    "reshape": (M, lambda x: x.reshape(2, 6)),
    "reshape_infer": (M, lambda x: x.reshape((-1, 2))),
    "reshape_0d": (S, lambda x: x.reshape(1, 1)),
    "view": (M, lambda x: x.view(-1)),
    "view_as": (M, lambda x: x.view_as(x.reshape(4, 3))),
    "flatten": (C, lambda x: x.flatten(1)),
    "unflatten": (C, lambda x: x.unflatten(2, (2, -1))),
    "ravel": (M, lambda x: x.ravel()),
    "squeeze": (W, lambda x: x.squeeze()),
    "squeeze_dim": (W, lambda x: x.squeeze(1)),
    "squeeze_dims": (W, lambda x: x.squeeze((1, -1, 0))),
    "unsqueeze": (M, lambda x: x.unsqueeze(-2)),
    "transpose": (C, lambda x: x.transpose(0, -1)),
    "swapaxes": (C, lambda x: x.swapaxes(1, 2)),
    "t": (M, lambda x: x.t()),
    "t_vector": (V, lambda x: x.t()),
    "T": (M, lambda x: x.T),
    "mT": (C, lambda x: x.mT),
    "permute": (C, lambda x: x.permute(2, 0, 1)),
    "permute_tuple": (C, lambda x: x.permute((1, -1, 0))),
    "movedim": (C, lambda x: x.movedim(0, -1)),
    "movedims": (C, lambda x: x.moveaxis((0, 1), (2, 0))),
    "expand": (W, lambda x: x.expand(2, 5, -1, 4)),
    "expand_lead": (V, lambda x: x.expand(3, -1)),
    "expand_as": (V, lambda x: x.expand_as(x.reshape(1, 4).repeat(2, 1))),
    "broadcast_to": (V, lambda x: x.broadcast_to((2, 4))),
    "narrow": (M, lambda x: x.narrow(1, 1, 2)),
    "narrow_back": (M, lambda x: x.narrow(0, -2, 2)),
    "select": (M, lambda x: x.select(1, -1)),
    "select_vector": (V, lambda x: x.select(0, 2)),
    "diagonal": (C, lambda x: x.diagonal(1, 0, 2)),
    "diagonal_low": (M, lambda x: x.diagonal(-1)),
    "unfold": (array(2, 7), lambda x: x.unfold(1, 3, 2)),
    "split": (array(5, 2), lambda x: x.split(2)),
    "split_sizes": (array(5, 2), lambda x: x.split([1, 4])),
    "split_dim": (C, lambda x: x.split(3, dim=2)),
    "chunk": (array(7, 2), lambda x: x.chunk(3)),
    "chunk_dim": (M, lambda x: x.chunk(2, -1)),
    "tensor_split": (array(7, 2), lambda x: x.tensor_split(3)),
    "tensor_split_at": (array(7, 2), lambda x: x.tensor_split((1, 5))),
    "hsplit": (M, lambda x: x.hsplit(2)),
    "vsplit": (array(4, 2), lambda x: x.vsplit(2)),
    "unbind": (C, lambda x: x.unbind(1)),
    "unbind_vector": (V, lambda x: x.unbind()),
    "empty_reshape": (E, lambda x: x.reshape(3, 0)),
    "empty_split": (E, lambda x: x.split(2)),
    "empty_chunk": (E, lambda x: x.chunk(2)),
}
COPIES = {
    "repeat": (M, lambda t, x: x.repeat(2, 1, 3)),
    "repeat_none": (V, lambda t, x: x.repeat(0)),
    "tile": (C, lambda t, x: t.tile(x, (2, 1))),
    "repeat_interleave": (M, lambda t, x: t.repeat_interleave(x, 2) * 2),
    "repeat_interleave_dim": (M, lambda t, x: x.repeat_interleave(2, dim=1)),
    "repeat_interleave_counts": (M, lambda t, x: x.repeat_interleave(t.tensor([1, 0, 2]), dim=0)),
    "roll": (M, lambda t, x: t.roll(x, 1) + x.roll(-2, 1) + x.roll((1, 2), (0, 1))),
    "flip": (C, lambda t, x: x.flip(0, 2) + t.flip(x, (1,))),
    "fliplr_ud": (M, lambda t, x: t.fliplr(x) + t.flipud(x)),
    "rot90": (M, lambda t, x: t.rot90(x) + x.rot90(-1, [0, 1])),
    "rot180": (C, lambda t, x: x.rot90(2, (1, 2))),
    "tril_triu": (M, lambda t, x: t.tril(x) + x.triu(1) * 2 + x.tril(-1) * 3),
    "tril_batch": (C, lambda t, x: t.tril(x, 1)),
    "diag_matrix": (M, lambda t, x: t.diag(x) + x.diag(1)),
    "diag_vector": (V, lambda t, x: t.diag(x, -1)),
    "diagflat": (M, lambda t, x: t.diagflat(x, 1)),
    "diag_embed": (C, lambda t, x: t.diag_embed(x)),
    "diag_embed_dims": (M, lambda t, x: t.diag_embed(x, 1, 0, 2)),
    "clone": (M, lambda t, x: x.clone() * x),
    "stack_self": (S, lambda t, x: t.stack([x, x * 2])),
    "combinations": (V, lambda t, x: t.combinations(x, 2)),
    "combinations_3": (V, lambda t, x: t.combinations(x, 3, with_replacement=True)),
    "some_parts": (array(5, 2), lambda t, x: x.split(2)[1] * 2),
    "some_places": (M, lambda t, x: x.unbind(1)[2] * 2),
    "as_strided": (V, lambda t, x: t.as_strided(x, (2, 2), (1, 2), 0)),
}  # fmt: skip
JOINS = {
    "cat": lambda t, x, y: t.cat([x, y * 2, x], 1),
    "cat_0": lambda t, x, y: t.cat((x, y)),
    "concat_negative": lambda t, x, y: t.concat([x, y], dim=-1),
    "cat_empty": lambda t, x, y: t.cat([t.zeros(0, dtype=x.dtype), x, y]),
    "stack": lambda t, x, y: t.stack([x, y]) * 2,
    "stack_last": lambda t, x, y: t.stack([x, y], -1),
    "hstack": lambda t, x, y: t.hstack([x, y]),
    "vstack": lambda t, x, y: t.vstack([x, y]),
    "dstack": lambda t, x, y: t.dstack([x, y]),
    "column_stack": lambda t, x, y: t.column_stack([x, y]),
    "block_diag": lambda t, x, y: t.block_diag(x, y),
    "broadcast_tensors": lambda t, x, y: t.broadcast_tensors(x.unsqueeze(0), y.unsqueeze(1)),
    "atleast": lambda t, x, y: (t.atleast_3d(x), t.atleast_1d(x, y)[1], t.atleast_2d([x, y])[0]),
}
VECTORS = {
    "meshgrid": lambda t, x, y: t.meshgrid(x, y, indexing="ij"),
    "meshgrid_xy": lambda t, x, y: t.meshgrid([x, y], indexing="xy"),
    "cartesian_prod": lambda t, x, y: t.cartesian_prod(x, y),
    "hstack": lambda t, x, y: t.hstack((x, y)),
    "vstack": lambda t, x, y: t.vstack((x, x * 2)),
    "column_stack": lambda t, x, y: t.column_stack((x, x * 2)),
    "dstack": lambda t, x, y: t.dstack((x, x * 2)),
    "atleast": lambda t, x, y: (t.atleast_2d(x), t.atleast_3d(y)),
}


def many(names):
    return pytest.mark.parametrize("name", list(names))


every_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])
every_layout = pytest.mark.parametrize("layout", LAYOUTS)


@many(VIEWS)
@every_layout
@every_dtype
def test_views(name, layout, dtype):
    x, function = VIEWS[name]
    if name in ("view", "view_as") and layout != "plain":
        pytest.skip("refused: see below")
    check([x], lambda t, f, v: function(v), dtype, layout)


@many(COPIES)
@every_layout
@every_dtype
def test_copies(name, layout, dtype):
    x, function = COPIES[name]
    if name == "as_strided" and layout != "plain":
        pytest.skip("what it reads is the layout")
    check([x], lambda t, f, v: function(t, v), dtype, layout)


@many(JOINS)
@every_layout
@every_dtype
def test_joins(name, layout, dtype):
    check([array(3, 4), array(3, 4)], lambda t, f, x, y: JOINS[name](t, x, y), dtype, layout)


@many(VECTORS)
def test_joins_of_vectors(name):
    check([array(3), array(4)], lambda t, f, x, y: VECTORS[name](t, x, y))


def pieces(out):
    return list(out) if isinstance(out, (tuple, list)) else [out]


@many(VIEWS)
@every_layout
def test_what_shares_memory_in_torch_shares_it_here(name, layout):
    x, function = VIEWS[name]
    found = []
    for library in (gs, torch):
        base = library.tensor(x)
        if layout == "transposed" and x.ndim > 1:
            base = library.tensor(np.ascontiguousarray(x.swapaxes(0, 1))).transpose(0, 1)
        elif layout == "strided" and x.ndim:
            base = library.tensor(np.repeat(x, 2, -1))[..., ::2]
        try:
            outs = pieces(function(base))
        except RuntimeError:
            found.append("refused")
            continue
        memory = base.detach().numpy()
        found.append([np.shares_memory(o.detach().numpy(), memory) for o in outs])
    assert found[0] == found[1]


def test_a_write_through_a_view_is_seen():
    x = gs.zeros(3, 4)
    x.t()[1] = 1
    x.diagonal().fill_(5)
    x.view(-1)[-1] = 7
    x.unbind(1)[0][2] = 9
    x.select(1, 2)[1] = 4
    t = torch.zeros(3, 4)
    t.t()[1] = 1
    t.diagonal().fill_(5)
    t.view(-1)[-1] = 7
    t.unbind(1)[0][2] = 9
    t.select(1, 2)[1] = 4
    assert x.tolist() == t.tolist()


def test_joins_promote_as_torch_does():
    for a, b in [
        ("int64", "float32"),
        ("bool", "int32"),
        ("float32", "float64"),
        ("uint8", "int8"),
        ("int64", "float16"),
    ]:
        for name in ("cat", "stack", "hstack", "vstack"):
            ours = getattr(gs, name)(
                [gs.ones(2, dtype=getattr(gs, a)), gs.ones(2, dtype=getattr(gs, b))]
            )
            theirs = getattr(torch, name)(
                [torch.ones(2, dtype=getattr(torch, a)), torch.ones(2, dtype=getattr(torch, b))]
            )
            assert str(ours.dtype) == str(theirs.dtype)  # fmt: skip


ERRORS = {
    "view_strided": (RuntimeError, lambda t: t.zeros(2, 3).t().view(6)),
    "view_size": (RuntimeError, lambda t: t.zeros(2, 3).view(5)),
    "reshape_size": (RuntimeError, lambda t: t.zeros(2, 3).reshape(-1, 4)),
    "reshape_empty": (RuntimeError, lambda t: t.zeros(0, 3).reshape(-1, 0)),
    "reshape_two": (RuntimeError, lambda t: t.zeros(2, 3).reshape(-1, -1)),
    "view_float": (TypeError, lambda t: t.zeros(2, 3).view(2.0, 3)),
    "expand_size": (RuntimeError, lambda t: t.zeros(2).expand(3)),
    "expand_few": (RuntimeError, lambda t: t.zeros(2, 3).expand(3)),
    "expand_new": (RuntimeError, lambda t: t.zeros(2).expand(-1, 2)),
    "transpose": (IndexError, lambda t: t.zeros(2).transpose(0, 3)),
    "permute_twice": (RuntimeError, lambda t: t.zeros(2, 3).permute(0, 0)),
    "permute_few": (RuntimeError, lambda t: t.zeros(2, 3).permute(0)),
    "t": (RuntimeError, lambda t: t.zeros(2, 2, 2).t()),
    "squeeze": (IndexError, lambda t: t.zeros(2, 3).squeeze(5)),
    "unsqueeze": (IndexError, lambda t: t.zeros(2).unsqueeze(3)),
    "flatten": (RuntimeError, lambda t: t.zeros(2, 3).flatten(1, 0)),
    "unflatten": (RuntimeError, lambda t: t.zeros(3).unflatten(0, (2, 2))),
    "cat_none": (ValueError, lambda t: t.cat([])),
    "cat_sizes": (RuntimeError, lambda t: t.cat([t.zeros(2, 3), t.zeros(3, 2)])),
    "cat_dims": (RuntimeError, lambda t: t.cat([t.zeros(2, 3), t.zeros(3)])),
    "cat_0d": (RuntimeError, lambda t: t.cat([t.tensor(1.0), t.tensor(2.0)])),
    "stack_sizes": (RuntimeError, lambda t: t.stack([t.zeros(2), t.zeros(3)])),
    "split_sizes": (RuntimeError, lambda t: t.zeros(2, 3).split([1, 2])),
    "chunk": (RuntimeError, lambda t: t.zeros(2, 3).chunk(0)),
    "narrow": (RuntimeError, lambda t: t.zeros(2, 3).narrow(0, 1, 3)),
    "narrow_start": (IndexError, lambda t: t.zeros(2, 3).narrow(0, 5, 1)),
    "select": (IndexError, lambda t: t.zeros(2, 3).select(0, 5)),
    "repeat": (RuntimeError, lambda t: t.zeros(2, 3).repeat(2)),
    "broadcast_shapes": (RuntimeError, lambda t: t.broadcast_shapes((2,), (3,))),
    "roll": (RuntimeError, lambda t: t.zeros(2, 3).roll((1, 2), (0,))),
    "tril": (RuntimeError, lambda t: t.zeros(2).tril()),
    "diagonal": (RuntimeError, lambda t: t.zeros(2, 2).diagonal(0, 0, 0)),
    "unfold": (RuntimeError, lambda t: t.zeros(2, 3).unfold(1, 4, 1)),
    "meshgrid": (RuntimeError, lambda t: t.meshgrid(t.zeros(2, 2), indexing="ij")),
    "as_strided": (RuntimeError, lambda t: t.zeros(4).as_strided((3, 3), (2, 1))),
    "fliplr": (RuntimeError, lambda t: t.fliplr(t.zeros(3))),
}


@many(ERRORS)
def test_errors_have_torchs_type_and_say_more(name):
    kind, function = ERRORS[name]
    with pytest.raises(kind):
        function(torch)
    with pytest.raises(kind) as caught:
        function(gs)
    assert len(str(caught.value)) > 20


def test_the_error_of_view_names_the_fix():
    with pytest.raises(
        RuntimeError, match=r"\(3, 2\) to \(6,\).*Use \.reshape\(\.\.\.\).*test_shape\.py"
    ):
        gs.zeros(2, 3).t().view(6)
    with pytest.raises(RuntimeError, match="to convert"):
        gs.zeros(2, requires_grad=True).view(gs.int32)
    assert gs.ones(2).view(gs.int32).tolist() == torch.ones(2).view(torch.int32).tolist()


def test_broadcast_shapes():
    for shapes in [((2, 1), (3,)), ((), (4, 1), (5,)), ((0, 1), (1, 3)), (3, (2, 3))]:
        assert tuple(gs.broadcast_shapes(*shapes)) == tuple(torch.broadcast_shapes(*shapes))


def test_each_is_one_box_under_torchs_name():
    x = gs.ones(2, 3, requires_grad=True)
    for name, out in {
        "squeeze": x.squeeze(), "unsqueeze": x.unsqueeze(0), "flatten": x.flatten(), "view": x.view(6),
        "expand": x.expand(4, 2, 3), "permute": x.permute(1, 0), "stack": gs.stack([x, x]), "cat": gs.cat([x, x]),
        "split": x.split(1)[0], "unbind": x.unbind()[0], "repeat": x.repeat(2, 1), "tril": x.tril(),
        "var": x.var(), "std": x.std(1), "logsumexp": x.logsumexp(1), "norm": x.norm(), "max": x.max(1).values,
        "lerp": x.lerp(x, 0.5), "addcmul": gs.addcmul(x, x, x), "prod": x.prod(), "median": x.median(1).values,
    }.items():  # fmt: skip
        assert out.grad_fn.row.name == name
        assert out.grad_fn.edges[0] is x or out.grad_fn.edges[0] is None
