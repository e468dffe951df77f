"""Products, einsum, decompositions and norms beside torch: values, gradients, dtypes and errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphscope as gs
from tests.parity.beside import LAYOUTS, arrays, check

torch = pytest.importorskip("torch")
array = arrays()
DTYPES = ("float64", "float32")


def well(*shape):
    """Matrices far from singular."""
    return array(*shape) + 4 * np.eye(*shape[-2:])


def definite(*shape):
    a = array(*shape)
    return a @ a.swapaxes(-1, -2) + 2 * np.eye(shape[-1])


# ---------------------------------------------------------------- products

SHAPES = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3, 4), (4,)), ((4,), (2, 4, 3)), ((2, 3, 4), (4, 5)),
    ((5, 1, 3, 4), (2, 4, 2)), ((3, 4), (2, 4, 5)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 3, 0), (0, 4)),
    ((0,), (0,)), ((2, 3, 4), (2, 4, 1)), ((1, 1), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("a, b", SHAPES)
def test_matmul(a, b, layout):
    for dtype in DTYPES:
        check([array(*a), array(*b)], lambda t, f, x, y: x @ y, dtype, layout)


PRODUCTS = {
    "mm": ([(3, 4), (4, 5)], lambda t, f, a, b: t.mm(a, b)),
    "bmm": ([(2, 3, 4), (2, 4, 5)], lambda t, f, a, b: t.bmm(a, b)),
    "mv": ([(3, 4), (4,)], lambda t, f, a, b: a.mv(b)),
    "dot": ([(4,), (4,)], lambda t, f, a, b: t.dot(a, b) + a.vdot(b)),
    "inner": ([(2, 3), (4, 3)], lambda t, f, a, b: t.inner(a, b)),
    "inner 1-d": ([(3,), (3,)], lambda t, f, a, b: t.inner(a, b)),
    "inner number": ([(), (2, 3)], lambda t, f, a, b: t.inner(a, b)),
    "outer": ([(3,), (4,)], lambda t, f, a, b: t.outer(a, b) + t.ger(a, b)),
    "addmm": ([(3, 5), (3, 4), (4, 5)], lambda t, f, *a: t.addmm(*a)),
    "addmm row": ([(5,), (3, 4), (4, 5)], lambda t, f, *a: t.addmm(*a, beta=0.5, alpha=2)),
    "addmm beta 0": ([(3, 5), (3, 4), (4, 5)], lambda t, f, c, a, b: c.addmm(a, b, beta=0)),
    "addmv": ([(3,), (3, 4), (4,)], lambda t, f, *a: t.addmv(*a, beta=0.5, alpha=2)),
    "addbmm": ([(3, 5), (2, 3, 4), (2, 4, 5)], lambda t, f, *a: t.addbmm(*a, beta=0.5, alpha=2)),
    "baddbmm": ([(2, 3, 5), (2, 3, 4), (2, 4, 5)], lambda t, f, *a: t.baddbmm(*a, beta=0.5, alpha=2)),
    "baddbmm 1": ([(1, 1, 5), (2, 3, 4), (2, 4, 5)], lambda t, f, *a: t.baddbmm(*a)),
    "addr": ([(3, 4), (3,), (4,)], lambda t, f, *a: t.addr(*a, beta=0.5, alpha=2)),
    "tensordot": ([(2, 3, 4), (3, 4, 5)], lambda t, f, a, b: t.tensordot(a, b)),
    "tensordot lists": ([(2, 3, 4), (4, 2)], lambda t, f, a, b: t.tensordot(a, b, dims=([0, 2], [1, 0]))),
    "tensordot 0": ([(2,), (3,)], lambda t, f, a, b: t.tensordot(a, b, 0)),
    "trace": ([(3, 4)], lambda t, f, a: t.trace(a)),
    "kron": ([(2, 3), (2, 2, 2)], lambda t, f, a, b: t.kron(a.contiguous(), b.contiguous())),
    "cross": ([(4, 3), (1, 3)], lambda t, f, a, b: t.linalg.cross(a, b)),
    "cross dim": ([(3, 4), (3, 4)], lambda t, f, a, b: t.cross(a, b, dim=0)),
    "chain": ([(2, 4), (4, 3), (3, 5), (5, 1)], lambda t, f, *a: t.linalg.multi_dot(a)),
    "chain vectors": ([(4,), (4, 3), (3,)], lambda t, f, *a: t.linalg.multi_dot(a)),
    "vecdot": ([(4, 3), (3,)], lambda t, f, a, b: t.linalg.vecdot(a, b)),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name, layout):
    shapes, function = PRODUCTS[name]
    for dtype in DTYPES:
        check([array(*s) for s in shapes], function, dtype, layout)


def test_beta_of_zero_does_not_read_the_added_matrix():
    nan = gs.full((2, 2), float("nan"))
    assert gs.addmm(nan, gs.ones(2, 2), gs.ones(2, 2), beta=0).tolist() == [[2, 2], [2, 2]]


# ---------------------------------------------------------------- einsum

EINSUMS = [
    ("ij,jk", (2, 3), (3, 4)), ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)), ("...ij,...jk", (2, 3, 4), (1, 4, 5)),
    ("ii", (3, 3)), ("ii->i", (3, 3)), ("i,j->ij", (3,), (4,)), ("ijk->kj", (2, 3, 4)), ("bi,bi->b", (3, 4), (3, 4)),
    ("bij,jk,k->bi", (2, 3, 4), (4, 5), (5,)), ("...i,...i", (2, 3), (3,)), ("iij,jk->k", (3, 3, 4), (4, 2)),
    ("Ab,bA", (2, 3), (3, 2)), ("ij->", (2, 3)), ("bij,bjk,bkl->il", (2, 3, 4), (2, 4, 2), (2, 2, 3)),
    (",ij", (), (2, 3)), ("ij,ij->ij", (2, 3), (2, 1)), ("ijkl,jlmk->im", (2, 3, 4, 5), (3, 5, 2, 4)),
    ("b l d, d h k -> b h l k", (2, 3, 4), (4, 2, 3)), ("ij,jk->ik", (2, 0), (0, 3)), ("...->...", (2, 3)),
    ("i...j->j...", (2, 3, 4)), ("ij,kl,jl->ik", (2, 3), (4, 5), (3, 5)), ("bld,ld->bd", (2, 3, 4), (1, 4)),
]  # fmt: skip


@pytest.mark.parametrize("equation, shapes", [(e, s) for e, *s in EINSUMS])
def test_einsum(equation, shapes):
    for dtype in DTYPES:
        for layout in LAYOUTS:
            check(
                [array(*s) for s in shapes], lambda t, f, *a: t.einsum(equation, *a), dtype, layout
            )


@st.composite
def equations(draw):
    sizes = {c: draw(st.integers(1, 3)) for c in "abcd"}
    terms = draw(st.lists(st.text("abcd", min_size=0, max_size=3), min_size=1, max_size=3))
    used = sorted(set("".join(terms)))
    out = draw(st.permutations(used)) if used else []
    out = "".join(out[: draw(st.integers(0, len(used)))])
    # Any single size may be 1 and broadcast, but not one of a diagonal.
    shapes = [[sizes[c] if t.count(c) > 1 or draw(st.booleans()) else 1 for c in t] for t in terms]
    return f"{','.join(terms)}->{out}", shapes


@settings(max_examples=120, deadline=None)
@given(equations())
def test_random_equations(case):
    equation, shapes = case
    r = np.random.default_rng(1)
    check([r.normal(size=s) for s in shapes], lambda t, f, *a: t.einsum(equation, *a))


def test_einsum_in_lists_and_one_list_of_operands():
    a, b = gs.ones(2, 3), gs.ones(3, 4)
    assert gs.einsum(a, [0, 1], b, [1, 2], [2, 0]).shape == (4, 2)
    assert gs.einsum("ij,jk->ik", [a, b]).shape == (2, 4)


# ---------------------------------------------------------------- systems and factorizations

S, B, TALL, WIDE = well(3, 3), well(2, 3, 3), array(4, 3), array(2, 3, 5)
P, PB = definite(3, 3), definite(2, 3, 3)
MATRICES = {
    "inv": ([B], lambda t, f, a: t.linalg.inv(a) + t.inverse(a) + a.inverse()),
    "det": ([B], lambda t, f, a: t.det(a) + t.linalg.det(a)),
    "det of zero": ([array(0, 0)], lambda t, f, a: t.det(a)),
    "slogdet": ([B], lambda t, f, a: (*t.linalg.slogdet(a), *t.slogdet(-a))),
    "logdet": ([P], lambda t, f, a: t.logdet(a)),
    "solve": ([S, array(3, 2)], lambda t, f, a, b: t.linalg.solve(a, b)),
    "solve vector": ([S, array(3)], lambda t, f, a, b: t.linalg.solve(a, b)),
    "solve vectors": ([B, array(2, 3)], lambda t, f, a, b: t.linalg.solve(a, b)),
    "solve broadcast": ([B, array(1, 3, 4)], lambda t, f, a, b: t.linalg.solve(a, b)),
    "solve right": ([S, array(2, 3)], lambda t, f, a, b: t.linalg.solve(a, b, left=False)),
    "triangular": ([B, array(2, 3, 2)], lambda t, f, a, b: t.linalg.solve_triangular(a, b, upper=True)),
    "triangular unit": (
        [S, array(3, 2)], lambda t, f, a, b: t.linalg.solve_triangular(a, b, upper=False, unitriangular=True)
    ),
    "triangular right": ([S, array(2, 3)], lambda t, f, a, b: t.linalg.solve_triangular(a, b, upper=True, left=False)),
    "power 3": ([B], lambda t, f, a: t.linalg.matrix_power(a, 3)),
    "power -2": ([S], lambda t, f, a: t.matrix_power(a, -2)),
    "cholesky": ([PB], lambda t, f, a: t.linalg.cholesky(a)),
    "cholesky upper": ([P], lambda t, f, a: t.linalg.cholesky(a, upper=True)),
    "qr": ([TALL], lambda t, f, a: tuple(t.linalg.qr(a))),
    "qr wide": ([WIDE], lambda t, f, a: tuple(t.linalg.qr(a))),
    "eigh": ([P], lambda t, f, a: (lambda r: (r[0], r[1] ** 2))(t.linalg.eigh(a))),
    "eigvalsh": ([PB], lambda t, f, a: t.linalg.eigvalsh(a)),
    "eigvalsh upper": ([P], lambda t, f, a: t.linalg.eigvalsh(a, UPLO="U")),
    "svd": ([TALL], lambda t, f, a: (lambda r: (r[0] ** 2, r[1], r[2] ** 2))(t.linalg.svd(a, full_matrices=False))),
    "svd wide": ([WIDE], lambda t, f, a: (lambda r: (r[0] ** 2, r[1], r[2] ** 2))(t.svd(a))),
    "svd values": ([TALL], lambda t, f, a: (t.linalg.svd(a)[1], t.linalg.svdvals(a))),
    "pinv": ([TALL], lambda t, f, a: t.linalg.pinv(a) + t.pinverse(a)),
    "pinv wide": ([WIDE], lambda t, f, a: t.linalg.pinv(a)),
    "lstsq": ([TALL, array(4, 2)], lambda t, f, a, b: t.linalg.lstsq(a, b).solution),
    "lstsq wide": ([WIDE, array(2, 3, 2)], lambda t, f, a, b: t.linalg.lstsq(a, b).solution),
    "rank": ([TALL @ TALL.T], lambda t, f, a: t.linalg.matrix_rank(a.detach())),
    "diagonal": ([B], lambda t, f, a: t.linalg.diagonal(a)),
    "cond": ([S], lambda t, f, a: t.linalg.cond(a)),
}  # fmt: skip


@pytest.mark.parametrize("name", MATRICES)
def test_matrices(name):
    inputs, function = MATRICES[name]
    check(inputs, function, "float64", factor=100)
    check(inputs, function, "float64", "transposed", factor=100)
    check(inputs, function, "float32", factor=20)


@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_norms(ord):
    for a in (TALL, WIDE):
        if ord is not None:
            check([a], lambda t, f, x: t.linalg.matrix_norm(x, ord), factor=10)
            check(
                [a],
                lambda t, f, x: t.linalg.matrix_norm(x, ord, dim=(-1, 0), keepdim=True),
                factor=10,
            )
        if a.ndim == 2 or ord is None:
            check([a], lambda t, f, x: t.linalg.norm(x, ord), factor=10)
        if ord not in ("fro", "nuc"):
            p = 2 if ord is None else ord
            check([a], lambda t, f, x: t.linalg.vector_norm(x, p, dim=-1))
            check([a], lambda t, f, x: t.linalg.vector_norm(x, p, keepdim=True))


def test_the_gradient_of_a_singular_determinant_is_its_cofactors():
    # torch gives zeros for this matrix, though its determinant does change with its elements.
    a = gs.tensor([[1.0, 2, 3], [2, 4, 6], [1, 0, 1]], dtype=gs.float64, requires_grad=True)
    gs.det(a).backward()
    np.testing.assert_allclose(a.grad.numpy(), [[4, 4, -4], [-2, -2, 2], [0, 0, 0]], atol=1e-12)


def test_least_squares_tells_what_torch_tells():
    a, b = array(5, 3), array(5, 2)
    for driver in (None, "gelsy", "gelsd", "gels"):
        ours = gs.linalg.lstsq(gs.tensor(a), gs.tensor(b), driver=driver)
        theirs = torch.linalg.lstsq(torch.tensor(a), torch.tensor(b), driver=driver)
        for name in ("solution", "residuals", "singular_values"):
            np.testing.assert_allclose(getattr(ours, name).numpy(), getattr(theirs, name).numpy())
    flat, b = np.outer(np.arange(4.0), np.arange(3.0)), np.ones((4, 1))
    x, _, rank, _ = gs.linalg.lstsq(gs.tensor(flat), gs.tensor(b))
    np.testing.assert_allclose(x.numpy(), np.linalg.lstsq(flat, b, rcond=None)[0], atol=1e-12)
    assert rank.item() == 1


SECOND = {
    "inv": lambda a: gs.linalg.inv(a),
    "det": lambda a: gs.det(a),
    "slogdet": lambda a: gs.slogdet(a)[1],
    "cholesky": lambda a: gs.linalg.cholesky((a + a.mT) / 2),
    "eigvalsh": lambda a: gs.linalg.eigvalsh((a + a.mT) / 2),
    "svdvals": lambda a: gs.linalg.svdvals(a),
    "pinv": lambda a: gs.linalg.pinv(a),
    "einsum": lambda a: gs.einsum("ij,jk,kk->i", a, a, a),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives(name):
    a = gs.tensor(definite(3, 3) + 0.1 * array(3, 3), requires_grad=True)
    assert gs.autograd.gradgradcheck(SECOND[name], (a,))


# ---------------------------------------------------------------- errors

ERRORS = [
    (lambda t: t.ones(3, 4) @ t.ones(3, 5), "mm: (3, 4) float32, (3, 5) float32: (3, 4) @ (3, 5): the inner sizes 4 and 3 differ"),
    (lambda t: t.ones(3, 4) @ t.ones(5, 4), "did you mean x @ y.T?"),
    (lambda t: t.ones(2, 3, 4) @ t.ones(3, 4, 5), "the batch sizes 2 and 3 differ"),
    (lambda t: t.ones(2, 2) @ t.ones(2, 2, dtype=t.float64), "(2, 2) float32 times (2, 2) float64"),
    (lambda t: t.mm(t.ones(3), t.ones(3, 2)), "mm takes a matrix and a matrix"),
    (lambda t: t.bmm(t.ones(2, 3, 4), t.ones(3, 4, 5)), "the batch sizes 2 and 3 differ"),
    (lambda t: t.dot(t.ones(3), t.ones(4)), "two vectors of one length"),
    (lambda t: t.mv(t.ones(3, 4), t.ones(3)), "the inner sizes 4 and 3 differ"),
    (lambda t: t.einsum("ij,jk", t.ones(2, 3), t.ones(4, 5)), "the subscript 'j' stands for size 4 in operand 1 and for 3"),
    (lambda t: t.einsum("ij", t.ones(2, 3, 4)), "operand 0 has 3 dimensions, and 'ij' gives it 2 subscripts"),
    (lambda t: t.einsum("ij,jk", t.ones(2, 3)), "2 operands, but 1 were provided"),
    (lambda t: t.einsum("i->j", t.ones(2)), "'i->j' has 'j' after the arrow only"),
    (lambda t: t.einsum("i->ii", t.ones(2)), "'i->ii' has 'i' twice after the arrow"),
    (lambda t: t.einsum("i$->i", t.ones(2)), "invalid subscript"),
    (lambda t: t.tensordot(t.ones(2, 3), t.ones(4, 5), 1), "dim 1 of (2, 3) has size 3 and dim 0 of (4, 5) 4"),
    (lambda t: t.linalg.inv(t.zeros(2, 2)), "singular"),
    (lambda t: t.linalg.inv(t.ones(2, 3)), "inv: (2, 3) float32: only square matrices will do, and these are 2 by 3"),
    (lambda t: t.linalg.solve(t.eye(3), t.ones(4, 2)), "B needs 3 rows"),
    (lambda t: t.linalg.cholesky(-t.eye(2)), "positive"),
    (lambda t: t.linalg.det(t.ones(2, 2, dtype=t.int64)), "matrices of int64"),
    (lambda t: t.linalg.qr(t.eye(2), mode="odd"), "mode='odd' is unknown"),
    (lambda t: t.linalg.matrix_norm(t.ones(3)), "(3,), which has no matrices"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors_say_the_rule(case):
    function, words = ERRORS[case]
    with pytest.raises(RuntimeError):
        function(torch)
    with pytest.raises(RuntimeError) as caught:
        function(gs)
    assert words in str(caught.value)


def test_results_have_torchs_text():
    for call in (
        lambda t: t.linalg.slogdet(t.eye(2)), lambda t: t.linalg.eigh(t.diag(t.tensor([1.0, 2.0]))),
        lambda t: t.linalg.svd(t.diag(t.tensor([2.0, 1.0]))),
    ):  # fmt: skip
        assert repr(call(gs)) == repr(call(torch))
