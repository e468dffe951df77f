"""What ops, indices, writes in place and backward say of mistakes; see ``mistakes``."""

from __future__ import annotations

import pytest

from tests.parity.mistakes import check, leaf, ones


def whole(m, *shape):
    return m.zeros(*shape, dtype=m.int64)


def written(m, change):
    """A value that exp saved for its gradient, changed before backward."""
    y = leaf(m, 2).exp()
    change(y)
    y.sum().backward()


def twice(m):
    loss = leaf(m, 2).exp().sum()
    loss.backward()
    loss.backward()


def late_view(m):
    x = leaf(m, 3) * 1
    with m.no_grad():
        view = x[:2]
    view.add_(leaf(m, 2))


SHAPES = {
    "broadcast": (lambda m, t: ones(m, 2, 3) + ones(m, 2, 4), "(2, 3)", "(2, 4)", "non-singleton dimension 1"),
    "reshape": (lambda m, t: ones(m, 3, 4).reshape(5, 2), "(3, 4)", "[5, 2]", "10", "12"),
    "reshape open": (lambda m, t: ones(m, 3, 4).reshape(5, -1), "[5, -1]", "12"),
    "reshape twice": (lambda m, t: ones(m, 3, 4).reshape(-1, -1), "[-1, -1]"),
    "reshape nothing": (lambda m, t: ones(m, 0, 3).reshape(-1, 0), "[-1, 0]"),
    "view": (lambda m, t: ones(m, 2, 3).t().view(6), "(3, 2)", "(6,)", ".reshape("),
    "expand": (lambda m, t: ones(m, 3, 2).expand(3, 4), "[3, 2]", "[3, 4]", "non-singleton dimension 1"),
    "expand less": (lambda m, t: ones(m, 3, 2).expand(2), "[2]", "2 dimensions"),
    "expand new": (lambda m, t: ones(m, 3).expand(-1, 3), "(3,)", "(-1, 3)"),
    "no dim": (lambda m, t: ones(m, 2, 3).sum(5), "sum", "5", "-2..1"),
    "no sorted dim": (lambda m, t: ones(m, 2, 3).sort(2), "2", "-2..1"),
    "a dim twice": (lambda m, t: ones(m, 2, 3).sum((0, 0)), "(0, 0)"),
    "flip": (lambda m, t: ones(m, 2, 3).flip(0, 0), "(0, 0)"),
    "fliplr": (lambda m, t: ones(m, 3).fliplr(), "(3,)"),
    "flipud": (lambda m, t: m.tensor(1.0).flipud(), "flipud", "0-d"),
    "roll": (lambda m, t: ones(m, 3).roll((1, 2), 0), "2 shifts", "1 dims"),
    "rot90": (lambda m, t: ones(m, 3, 3).rot90(1, (0,)), "(0,)"),
    "triangle": (lambda m, t: ones(m, 3).tril(), "tril", "(3,)"),
    "diagonal": (lambda m, t: ones(m, 3, 3).diagonal(0, 1, 1), "dim1=1", "dim2=1"),
    "diag_embed": (lambda m, t: ones(m, 3).diag_embed(0, 1, 1), "dim1=1", "dim2=1"),
    "diag": (lambda m, t: ones(m, 2, 2, 2).diag(), "(2, 2, 2)", "diagonal"),
    "meshgrid": (lambda m, t: m.meshgrid(ones(m, 2), indexing="up"), "'up'", "'ij'"),
    "meshgrid rank": (lambda m, t: m.meshgrid(ones(m, 2, 2), indexing="ij"), "(2, 2)"),
    "meshgrid dtypes": (lambda m, t: m.meshgrid(ones(m, 2), whole(m, 2), indexing="ij"), "int64", "float32"),
    "combinations": (lambda m, t: m.combinations(ones(m, 2, 2)), "(2, 2)"),
    "windows": (lambda m, t: ones(m, 2, 5).unfold(1, 6, 1), "dimension 1", "size 5", "6"),
    "window step": (lambda m, t: ones(m, 5).unfold(0, 2, 0), "step=0"),
    "strides": (lambda m, t: ones(m, 5).as_strided((2, 2), (1,)), "2 sizes", "1 strides"),
    "permute": (lambda m, t: ones(m, 2, 3).permute(0), "(2, 3)", "(0,)"),
    "permute twice": (lambda m, t: ones(m, 2, 3).permute(0, 0), "(0, 0)"),
    "t": (lambda m, t: ones(m, 2, 3, 4).t(), "(2, 3, 4)", ".mT"),
    "flatten": (lambda m, t: ones(m, 2, 3).flatten(1, 0), "start_dim=1", "end_dim=0"),
    "unflatten": (lambda m, t: ones(m, 6).unflatten(0, (4, 2)), "[4, 2]", "6"),
    "cat nothing": (lambda m, t: m.cat([]), "cat"),
    "cat": (lambda m, t: m.cat([ones(m, 2, 3), ones(m, 3, 2)]), "(2, 3)", "(3, 2)", "dimension 1"),
    "cat ranks": (lambda m, t: m.cat([ones(m, 2, 3), ones(m, 3)]), "2 dimensions", "(3,)"),
    "cat numbers": (lambda m, t: m.cat([m.tensor(1.0)]), "stack()"),
    "stack nothing": (lambda m, t: m.stack([]), "stack"),
    "stack": (lambda m, t: m.stack([ones(m, 2), ones(m, 3)]), "[2]", "[3]"),
    "split": (lambda m, t: ones(m, 4).split(-1), "-1"),
    "splits": (lambda m, t: ones(m, 4).split([1, 2]), "[1, 2]", "3", "4"),
    "split a number": (lambda m, t: m.tensor(1.0).split(1), "0-d"),
    "chunk": (lambda m, t: ones(m, 4).chunk(0), "chunks=0"),
    "sections": (lambda m, t: ones(m, 4).tensor_split(0), "0 sections"),
    "narrow": (lambda m, t: ones(m, 4).narrow(0, 3, 3), "length=3", "size 4"),
    "narrow start": (lambda m, t: ones(m, 4).narrow(0, 7, 1), "start=7", "size 4"),
    "narrow number": (lambda m, t: m.tensor(1.0).narrow(0, 0, 1), "0-d"),
    "select": (lambda m, t: ones(m, 4).select(0, 4), "4", "(4,)"),
    "select number": (lambda m, t: m.tensor(1.0).select(0, 0), "item()"),
    "repeat": (lambda m, t: ones(m, 2, 3).repeat(2), "(2,)", "(2, 3)", "tile()"),
    "repeat less": (lambda m, t: ones(m, 2).repeat(-1), "(-1,)"),
    "repeats": (lambda m, t: ones(m, 2).repeat_interleave(m.tensor([1, 2, 3])), "3 repeats", "size 2"),
    "repeats less": (lambda m, t: ones(m, 2).repeat_interleave(m.tensor([1, -2])), "-2"),
    "length": (lambda m, t: len(m.tensor(1.0)), "0-d", "numel()"),
    "loop": (lambda m, t: list(m.tensor(1.0)), "0-d", "item()"),
}  # fmt: skip

VALUES = {
    "powers": (lambda m, t: m.tensor([2]) ** -1, "pow", "int64", "float()"),
    "bool minus": (lambda m, t: (ones(m, 2) > 0) - (ones(m, 2) > 0), "(2,) bool", "^"),
    "bool sign": (lambda m, t: -(ones(m, 2) > 0), "(2,) bool", "~"),
    "rrelu": (lambda m, t: m.rrelu(ones(m, 2), 0.5, 0.1), "0.5", "0.1"),
    "celu": (lambda m, t: m.celu(ones(m, 2), 0.0), "alpha=0"),
    "size": (lambda m, t: ones(m, 2).size(3), "size(3)", "-1..0"),
    "array": (lambda m, t: leaf(m, 2).numpy(), "numpy()", "detach()"),
    "pool": (lambda m, t: m.nn.functional.max_pool2d(ones(m, 1, 1, 4, 4), 2, padding=2), "(2, 2)", "(1, 1, 4, 4)"),
    "alpha": (lambda m, t: m.add(whole(m, 2), whole(m, 2), alpha=1.5), "alpha=1.5"),
    "clamp": (lambda m, t: ones(m, 2).clamp(), "clamp"),
    "where": (lambda m, t: m.where(ones(m, 2), ones(m, 2), ones(m, 2)), "float32", "(2,)", "!= 0"),
    "mean": (lambda m, t: whole(m, 2).mean(), "mean", "int64", "float()"),
    "std": (lambda m, t: whole(m, 2).std(), "std", "int64"),
    "empty": (lambda m, t: m.zeros(0, 3).max(), "max", "(0, 3)"),
    "empty dim": (lambda m, t: m.zeros(0, 3).max(0), "dimension 0", "(0, 3)"),
    "median": (lambda m, t: m.zeros(0, 3).median(0), "dimension 0", "(0, 3)"),
    "quantile": (lambda m, t: ones(m, 3).quantile(25), "25"),
    "quantile dtype": (lambda m, t: whole(m, 3).quantile(0.5), "int64", "float()"),
    "quantile rank": (lambda m, t: ones(m, 3).quantile(ones(m, 2, 2)), "(2, 2)"),
    "quantile of nothing": (lambda m, t: m.zeros(0).quantile(0.5), "(0,)"),
    "histc": (lambda m, t: ones(m, 3).histc(0), "bins=0"),
    "histc range": (lambda m, t: ones(m, 3).histc(2, 3, 1), "min=3", "max=1"),
    "bincount": (lambda m, t: whole(m, 2, 2).bincount(), "int64", "(2, 2)"),
    "bincount below": (lambda m, t: m.tensor([-2]).bincount(), "-2"),
    "cdist": (lambda m, t: m.cdist(ones(m, 2, 3), ones(m, 2, 4)), "(2, 3)", "(2, 4)"),
    "cdist rank": (lambda m, t: m.cdist(ones(m, 3), ones(m, 3)), "(3,)", "unsqueeze(0)"),
    "cdist p": (lambda m, t: m.cdist(ones(m, 2, 3), ones(m, 2, 3), p=-1), "p=-1"),
    "renorm": (lambda m, t: ones(m, 3).renorm(2, 0, 1.0), "(3,)"),
    "diff": (lambda m, t: m.tensor(1.0).diff(), "0-d"),
    "diff order": (lambda m, t: ones(m, 3).diff(-1), "n=-1"),
    "cov": (lambda m, t: ones(m, 2, 2, 2).cov(), "(2, 2, 2)"),
    "vander": (lambda m, t: m.vander(ones(m, 2, 2)), "(2, 2)"),
    "sum_to_size": (lambda m, t: ones(m, 2, 3).sum_to_size(4), "(4,)", "(2, 3)"),
    "topk": (lambda m, t: ones(m, 3).topk(4), "k=4", "3 elements"),
    "kthvalue": (lambda m, t: ones(m, 3).kthvalue(0), "k=0", "3 elements"),
    "side": (lambda m, t: m.searchsorted(ones(m, 3), ones(m, 3), side="top"), "'top'", "'left'"),
    "sides": (lambda m, t: m.searchsorted(ones(m, 3), ones(m, 3), side="left", right=True), "right=True"),
    "searched": (lambda m, t: m.searchsorted(ones(m, 2, 3), ones(m, 3, 3)), "(2, 3)", "(3, 3)"),
    "bucketize": (lambda m, t: m.bucketize(ones(m, 3), ones(m, 2, 2)), "(2, 2)"),
    "polygamma": (lambda m, t: m.polygamma(-1, ones(m, 3)), "n=-1"),
    "bce": (lambda m, t: m.nn.functional.binary_cross_entropy(m.tensor([1.5]), ones(m, 1)), "1.5", "sigmoid"),
    "embedding": (lambda m, t: m.nn.functional.embedding(m.tensor([7]), ones(m, 3, 2)), "index 7", "0..2"),
}  # fmt: skip

INDICES = {
    "combined": (lambda m, t: ones(m, 4, 4)[[0, 1], [0, 1, 2]], "(2,)", "(3,)", "shape mismatch"),
    "row": (lambda m, t: ones(m, 4, 3)[4], "index 4", "dimension 0, which has size 4"),
    "list": (lambda m, t: ones(m, 4, 3)[[0, 9]], "index 9", "dimension 0, which has size 4"),
    "too many": (lambda m, t: ones(m, 4, 3)[0, 0, 0], "3 for 2 dimensions", "(4, 3)"),
    "step": (lambda m, t: ones(m, 4)[::-1], "-1", "flip()"),
    "dtype": (lambda m, t: ones(m, 4)[ones(m, 2)], "float32", "long()"),
    "mask": (lambda m, t: ones(m, 4)[ones(m, 2) > 0], "[2]", "[4]"),
    "number": (lambda m, t: m.tensor(1.0)[0], "0-d", "item()"),
    "gather": (lambda m, t: ones(m, 2, 3).gather(1, m.tensor([[5]])), "index 5", "size 3"),
    "gather dtype": (lambda m, t: ones(m, 2).gather(0, ones(m, 2)), "gather", "float32"),
    "gather rank": (lambda m, t: ones(m, 2, 3).gather(0, whole(m, 2)), "(2,)", "(2, 3)"),
    "gather size": (lambda m, t: ones(m, 2, 3).gather(0, whole(m, 2, 9)), "(2, 9)", "(2, 3)", "dimension 1"),
    "scatter dtype": (lambda m, t: ones(m, 2).scatter(0, whole(m, 2), ones(m, 2).double()), "float32", "float64"),
    "scatter rank": (lambda m, t: ones(m, 2).scatter(0, whole(m, 2), ones(m, 2, 1)), "(2,)", "(2, 1)"),
    "scatter reduce": (lambda m, t: ones(m, 2).scatter_reduce(0, whole(m, 2), ones(m, 2), "most"), "'most'", "sum"),
    "along": (lambda m, t: m.take_along_dim(ones(m, 2, 3), whole(m, 2), 0), "(2, 3)", "(2,)"),
    "select dtype": (lambda m, t: ones(m, 2).index_select(0, ones(m, 2)), "float32", "long()"),
    "select rank": (lambda m, t: ones(m, 2).index_select(0, whole(m, 2, 2)), "(2, 2)"),
    "added dtype": (lambda m, t: ones(m, 2).index_add(0, whole(m, 2), ones(m, 2).double()), "float32", "float64"),
    "fill": (lambda m, t: ones(m, 2).masked_fill(ones(m, 2) > 0, ones(m, 2)), "(2,)", "where("),
    "masked": (lambda m, t: ones(m, 3).masked_scatter(ones(m, 3) > 0, ones(m, 2)), "3 places", "2 elements"),
    "take": (lambda m, t: ones(m, 3).take(ones(m, 1)), "float32", "long()"),
    "fill diagonal": (lambda m, t: ones(m, 3).fill_diagonal_(1.0), "(3,)"),
    "fill diagonals": (lambda m, t: ones(m, 3, 3, 2).fill_diagonal_(1.0), "(3, 3, 2)"),
}  # fmt: skip

LINALG = {
    "product dtypes": (lambda m, g: ones(m, 2, 2) @ ones(m, 2, 2).double(), "float32", "float64"),
    "cross": (lambda m, g: g.cross(ones(m, 2), ones(m, 2)), "(2,)", "3"),
    "inv": (lambda m, g: g.inv(ones(m, 2, 3)), "inv", "(2, 3)", "2 by 3"),
    "power": (lambda m, g: g.matrix_power(ones(m, 2, 3), 2), "matrix_power", "(2, 3) float32"),
    "inv rank": (lambda m, g: g.inv(ones(m, 2)), "(2,)"),
    "det dtype": (lambda m, g: g.det(whole(m, 2, 2)), "int64", "float()"),
    "qr": (lambda m, g: g.qr(ones(m, 2, 2), mode="odd"), "'odd'", "'reduced'"),
    "lstsq": (lambda m, g: g.lstsq(ones(m, 2, 2), ones(m, 2, 2), driver="odd"), "'odd'", "'gels'"),
    "norm": (lambda m, g: g.norm(ones(m, 2, 2, 2), 2), "(2, 2, 2)", "ord=2"),
    "matrix norm": (lambda m, g: g.matrix_norm(ones(m, 3)), "(3,)"),
    "matrix dims": (lambda m, g: g.matrix_norm(ones(m, 3, 3), dim=(0, 0)), "(0, 0)"),
    "norm dtype": (lambda m, g: g.vector_norm(whole(m, 3)), "int64", "float()"),
    "einsum": (lambda m, g: m.einsum("ij,jk", ones(m, 2, 3), ones(m, 4, 5)), "'j'", "4", "3", "operand 1"),
    "einsum rank": (lambda m, g: m.einsum("ij", ones(m, 2, 3, 4)), "'ij'", "3 dimensions", "2 subscripts"),
    "einsum new": (lambda m, g: m.einsum("i->j", ones(m, 2)), "'i->j'", "'j'"),
    "einsum twice": (lambda m, g: m.einsum("i->ii", ones(m, 2)), "'i->ii'", "'i'"),
    "einsum without": (lambda m, g: m.einsum("ij->i"), "'ij->i'"),
    "tensordot": (lambda m, g: m.tensordot(ones(m, 2, 3), ones(m, 4, 5), 1), "(2, 3)", "(4, 5)"),
    "tensordot dims": (lambda m, g: m.tensordot(ones(m, 2, 3), ones(m, 2, 3), ([0], [0, 1])), "([0], [0, 1])"),
}  # fmt: skip

GRADIENTS = {
    "leaf": (lambda m, a: leaf(m, 2).add_(1), "add_", "(2,)", "no_grad()"),
    "view of a leaf": (lambda m, a: leaf(m, 2)[:1].mul_(2), "mul_", "(2,)", "no_grad()"),
    "one of several views": (lambda m, a: (leaf(m, 2) * 1).unbind()[0].add_(1), "UnbindBackward0", "clone()"),
    "late view": (lambda m, a: late_view(m), "add_", "(2,)", "no_grad"),
    "dtype in place": (lambda m, a: whole(m, 2).add_(1.5), "add_", "float32", "int64"),
    "shape in place": (lambda m, a: ones(m, 2).add_(ones(m, 3, 2)), "add_", "(2,)", "(3, 2)"),
    "expanded": (lambda m, a: ones(m, 1).expand(3).add_(ones(m, 3)), "(3,)", "clone()"),
    "filled": (lambda m, a: ones(m, 2).fill_(ones(m, 2)), "fill_", "(2,)"),
    "overwritten": (lambda m, a: written(m, lambda y: y.add_(1)), "'exp'", "(2,)", "clone()"),
    "no graph": (lambda m, a: ones(m, 1).backward(), "(1,)", "requires_grad=True"),
    "second time": (lambda m, a: twice(m), "retain_graph=True", "'sum'"),
    "no input": (lambda m, a: a.grad(leaf(m, 1), ones(m, 2)), "input 0", "(2,)"),
    "unused": (lambda m, a: a.grad(leaf(m, 1).exp(), leaf(m, 3)), "input 0", "(3,)", "allow_unused=True"),
    "unused zeros": (lambda m, a: a.grad(leaf(m, 1), leaf(m, 1), allow_unused=False, materialize_grads=True), "allow_unused"),
}  # fmt: skip


PARTS = {"shape": SHAPES, "values": VALUES, "indices": INDICES, "linalg": LINALG, "autograd": GRADIENTS}  # fmt: skip
OF = {"linalg": "linalg", "autograd": "autograd"}
CASES = [(part, name) for part, table in PARTS.items() for name in table]


@pytest.mark.parametrize("part, name", CASES, ids=lambda x: x.replace(" ", "_"))
def test_a_mistake_has_torchs_type_and_our_words(part, name):
    check(PARTS[part][name], OF.get(part, "Tensor"), __file__)
