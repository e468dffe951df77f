"""Pointwise functions beside torch's: values and gradients, dtypes, layouts, and the odd numbers."""

# ruff: noqa: E711
from __future__ import annotations

import itertools

import numpy as np
import pytest

import graphscope as gs
from tests.parity.beside import LAYOUTS, arrays, check, torch

array = arrays(11)
UNIT, POSITIVE, AWAY = dict(low=0.05, high=0.95), dict(low=0.2, high=3.0), dict(low=0.4, high=2.5)

# name of a function of one tensor -> where to draw its inputs from
ONE = {
    **dict.fromkeys(
        "abs absolute sign exp exp2 expm1 square sin cos atan arctan sinh cosh tanh asinh arcsinh sigmoid erf erfc "
        "floor ceil round trunc fix frac nan_to_num sinc deg2rad rad2deg neg negative positive relu".split(),
        {},
    ),
    **dict.fromkeys("log log2 log10 log1p sqrt rsqrt lgamma digamma reciprocal".split(), POSITIVE),
    **dict.fromkeys("asin arcsin acos arccos atanh arctanh logit erfinv".split(), UNIT),
    "acosh": dict(low=1.1, high=4.0),
    "arccosh": dict(low=1.1, high=4.0),
    "tan": dict(low=-1.2, high=1.2),
}
TWO = {
    **dict.fromkeys(
        "add sub subtract rsub mul multiply atan2 arctan2 maximum minimum fmax fmin hypot logaddexp logaddexp2 "
        "copysign".split(),
        {},
    ),
    **dict.fromkeys("div divide true_divide remainder fmod pow float_power xlogy".split(), AWAY),
}
NO_GRADIENT = (
    "eq ne not_equal lt less le less_equal gt greater ge greater_equal logical_and logical_or logical_xor "
    "floor_divide heaviside isclose"
).split()
TESTS = "isnan isinf isposinf isneginf isfinite isreal signbit logical_not".split()

SHAPES = [
    ((3, 4), (3, 4)),
    ((3, 4), (4,)),
    ((3, 1), (1, 4)),
    ((), (3, 4)),
    ((), ()),
    ((0, 4), (1, 4)),
    ((2, 0), ()),
]

# With keywords, numbers and several tensors.
MORE = {
    "add_alpha": ([array(3, 4), array(4)], lambda t, f, x, y: t.add(x, y, alpha=2.5) + x.add(y, alpha=-1)),
    "sub_alpha": ([array(3, 4), array(4)], lambda t, f, x, y: t.sub(x, y, alpha=2) - t.rsub(x, y, alpha=0.5)),
    "div_floor": ([array(3, 4, low=0.3), array(4, low=0.3)], lambda t, f, x, y: t.div(x, y, rounding_mode="floor") * x),
    "div_trunc": ([array(3, 4, low=0.3), array(4, low=0.3)], lambda t, f, x, y: t.div(-x, y, rounding_mode="trunc") * x),
    "round_decimals": ([array(3, 4)], lambda t, f, x: t.round(x, decimals=2) * x + x.round(decimals=-1)),
    "clamp_numbers": ([array(3, 4)], lambda t, f, x: x.clamp(-1, 0.5) + t.clamp(x, min=0.1) + x.clip(max=0.3)),
    "clamp_tensors": (
        [array(3, 4), array(4), array(3, 1)],
        lambda t, f, x, y, z: t.clamp(x, y, z) + t.clamp(x, min=y) * 2 + x.clamp(max=z) * 3,
    ),
    "clamp_ties": ([np.round(array(5, 6)), np.round(array(6))], lambda t, f, x, y: t.clamp(x, min=y) + x.clamp(max=y)),
    "maximum_ties": ([np.round(array(5, 6)), np.round(array(6))],
                     lambda t, f, x, y: t.maximum(x, y) + t.fmax(x, y) * 2 + t.minimum(x, y) * 3 + t.fmin(x, y) * 4),
    "lerp": ([array(3, 4), array(3, 4), array(4, low=-0.5, high=1.5)],
             lambda t, f, x, y, w: t.lerp(x, y, w) + t.lerp(x, y, 0.3) + x.lerp(y, 0.8)),
    "addcmul": ([array(3, 4), array(4), array(3, 1)], lambda t, f, x, y, z: t.addcmul(x, y, z, value=0.5) + x.addcmul(y, z)),
    "addcdiv": ([array(3, 4), array(4), array(3, 1, low=0.5)], lambda t, f, x, y, z: t.addcdiv(x, y, z, value=-2) + x.addcdiv(y, z)),
    "where": ([array(3, 4), array(4)], lambda t, f, x, y: t.where(x > 0, x, y) + t.where(x > y, 1.5, y) + x.where(x < 1, 2)),
    "logit_eps": ([array(3, 4, low=-0.2, high=1.2)], lambda t, f, x: t.logit(x, eps=0.2)),
    "nan_to_num": ([array(3, 4)], lambda t, f, x: t.nan_to_num(t.log(x), nan=2.0, posinf=1.0, neginf=-1.0)),
    "operators": ([array(3, 4, low=0.3), array(4, low=0.3)],
                  lambda t, f, x, y: (x % y) + (x**y) + 2**x + x / 2 + 3 / y - (-x) + abs(x - 1) + (1 - x)),
    "pow_at_zero": ([np.array([0.0, 0.0, 2.0, 0.0]), np.array([2.0, 0.0, 0.0, 1.0])], lambda t, f, x, y: t.pow(x, y) + x**2 + x**1 + x**0),
    "pow_numbers": ([array(3, 4, low=0.2)], lambda t, f, x: x**3 + x**0.5 + x**-1 + x**-2.5 + 2.5**x + t.pow(2, x)),
    "abs_at_zero": ([np.array([0.0, -1.0, 2.0])], lambda t, f, x: x.abs() + x.sign() + t.sinc(x)),
    "atan2_origin": ([np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -1.0])], lambda t, f, x, y: t.atan2(x, y)),
    "float_power": ([array(3, 4, low=0.2)], lambda t, f, x: t.float_power(x, 2.5)),
    "ldexp": ([array(3, 4), array(4)], lambda t, f, x, y: t.ldexp(x, y)),
    "nextafter": ([array(3), array(3)], lambda t, f, x, y: t.nextafter(x.detach(), y.detach())),
    "trapezoid": ([array(3, 4), array(4)], lambda t, f, x, y: (t.trapezoid(x), t.trapz(x, y), t.cumulative_trapezoid(x, dx=0.5, dim=0))),
    "cov": ([array(3, 5)], lambda t, f, x: (t.cov(x), t.cov(x, correction=0), t.corrcoef(x), t.cov(x[0]))),
    "vander": ([array(4)], lambda t, f, x: (t.vander(x.detach()), t.vander(x.detach(), 3, increasing=True))),
    "sum_to_size": ([array(2, 3, 4)], lambda t, f, x: (x.sum_to_size(3, 1), x.sum_to_size(2, 3, 4))),
    "gcd": ([np.array([12, -18, 0, 7]), np.array([8, 27, 5, 7])], lambda t, f, i, j: (t.gcd(i, j), t.lcm(i, j))),
    "polygamma": ([array(3, 4, low=0.5, high=4)], lambda t, f, x: t.polygamma(2, x)),
}  # fmt: skip


def many(names):
    return pytest.mark.parametrize("name", list(names))


every_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])


@many(ONE)
@every_dtype
def test_functions_of_one_tensor(name, dtype):
    for shape, layout in [((3, 4), x) for x in LAYOUTS] + [((), "plain"), ((0, 3), "plain")]:
        inputs = [array(*shape, **ONE[name])]
        check(inputs, lambda t, f, x: getattr(t, name)(x), dtype, layout, factor=5.0)
        check(inputs, lambda t, f, x: getattr(x, name)(), dtype, layout, factor=5.0)


@many(TWO)
@every_dtype
def test_functions_of_two_tensors(name, dtype):
    for shapes in SHAPES:
        inputs = [array(*s, **TWO[name]) for s in shapes]
        check(inputs, lambda t, f, x, y: getattr(t, name)(x, y), dtype)
        if hasattr(torch.Tensor, name):
            check(inputs, lambda t, f, x, y: getattr(x, name)(y), dtype, "transposed")


@many(MORE)
@every_dtype
@pytest.mark.parametrize("layout", LAYOUTS)
def test_functions_with_more_arguments(name, dtype, layout):
    inputs, function = MORE[name]
    check(inputs, function, dtype, layout)


@many([*NO_GRADIENT, *TESTS])
def test_functions_without_gradient(name):
    for shapes in SHAPES:
        inputs = [np.round(array(*s, **AWAY)) for s in shapes][: 1 if name in TESTS else 2]
        check(inputs, lambda t, f, *xs: getattr(t, name)(*xs), grad=False)


# ---------------------------------------------------------------- odd numbers, other dtypes

ODD = [np.nan, -0.0, 0.0, 1.0, -1.0, 2.5, -3.5, 0.5, -0.5, np.inf, -np.inf, 1e-30, 3.0]
KINDS = {
    "float64": np.array(ODD),
    "float32": np.array(ODD, np.float32),
    "int64": np.array([0, 1, -1, 2, -3, 7, 100]),
    "int32": np.array([0, 1, -1, 2, -3, 7, 100], np.int32),
    "uint8": np.array([0, 1, 2, 200], np.uint8),
    "bool": np.array([True, False]),
}


def attempt(library, name, given):
    try:
        return getattr(library, name)(
            *(library.tensor(x) if isinstance(x, np.ndarray) else x for x in given)
        ).numpy()
    except (RuntimeError, TypeError) as error:  # both of torch's words for "not for this dtype"
        return error  # fmt: skip


def same(name, given):
    """Equal to torch's answer. Where torch refuses a dtype, ours may be kinder."""
    theirs = attempt(torch, name, given)
    if isinstance(theirs, Exception):
        return
    ours = attempt(gs, name, given)
    assert not isinstance(ours, Exception), ours
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    if ours.dtype.kind != "f":
        np.testing.assert_array_equal(ours, theirs)
    else:
        tolerance = 3e-6 if ours.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@many([*ONE, *TESTS, "bitwise_not"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_odd_numbers_in_functions_of_one(name, kind):
    if (name, kind) == ("square", "bool"):
        pytest.skip("torch's square of flags is int64; ours is int8")
    same(name, [KINDS[kind]])


@many(
    [
        *TWO,
        *NO_GRADIENT,
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "bitwise_left_shift",
        "bitwise_right_shift",
    ]
)
def test_odd_numbers_in_functions_of_two(name):
    for (k, a), (m, b) in itertools.product(KINDS.items(), repeat=2):
        if b.dtype.kind != "f" and name in ("floor_divide", "remainder", "fmod"):
            b = b[b != 0]
        elif b.dtype.kind == "i" and "shift" in name:
            b = np.abs(b[:-2])
        elif b.dtype.kind in "iu" and name == "pow":
            b = b[b < 5]
        same(name, [a[:, None], b])
    for a, number in itertools.product(KINDS.values(), (2, 2.5, -1.5, True)):
        if not (name == "pow" and a.dtype == bool and number is True):  # numpy's answer is int8
            same(name, [a, number])


def test_the_error_function_is_exact():
    from math import erf, erfc

    x = np.concatenate(
        [np.linspace(-7, 7, 4001), np.linspace(-0.5, 0.5, 501), [0.46875, 4.0, 26.0, 1e-300]]
    )
    for ours, exact in ((gs.erf, erf), (gs.erfc, erfc)):
        want = np.array([exact(v) for v in x])
        error = np.abs(ours(gs.tensor(x)).numpy() - want) / np.spacing(np.abs(want))
        assert error.max() <= 8  # units in the last place
    away = np.array([-np.inf, np.inf, np.nan, -0.0])
    assert gs.erf(gs.tensor(away)).tolist()[:2] == [-1, 1]
    assert np.signbit(gs.erf(gs.tensor(away)).numpy()[3])


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "function",
    [
        lambda t: t.add(t.tensor([1]), t.tensor([1]), alpha=1.5),
        lambda t: t.div(t.ones(2), t.ones(2), rounding_mode="up"),
        lambda t: t.clamp(t.ones(2)),
        lambda t: t.where(t.tensor([1, 0]), t.ones(2), t.ones(2)),
        lambda t: t.tensor([1]) // t.tensor([0]),
        lambda t: t.tensor([1]) % t.tensor([0]),
        lambda t: t.tensor([2]) ** -1,
        lambda t: t.ones(3) + t.ones(4),
        lambda t: t.maximum(t.ones(2, 3), t.ones(2)),
        lambda t: t.allclose(t.ones(2), t.ones(2, dtype=t.float64)),
        lambda t: -t.tensor([True]),
        lambda t: t.addcdiv(t.ones(2), t.tensor([1, 2]), t.tensor([1, 2])),
    ],
)
def test_what_torch_refuses_is_refused(function):
    with pytest.raises((RuntimeError, ValueError)):
        function(torch)
    with pytest.raises((RuntimeError, ValueError)) as caught:
        function(gs)
    assert len(str(caught.value)) > 20


def test_closeness():
    a, b = np.array([1.0, np.nan, np.inf, 1e-9]), np.array([1.0 + 1e-6, np.nan, np.inf, 0.0])
    for kwargs in ({}, dict(equal_nan=True), dict(rtol=1e-9, atol=1e-12)):
        ours = gs.isclose(gs.tensor(a), gs.tensor(b), **kwargs)
        theirs = torch.isclose(torch.tensor(a), torch.tensor(b), **kwargs)
        assert ours.tolist() == theirs.tolist()
    assert gs.equal(gs.tensor([1, 2]), gs.tensor([1, 2])) and not gs.equal(gs.ones(2), gs.ones(3))
    assert gs.allclose(gs.ones(2), gs.ones(2) + 1e-9)


OPERATORS = [
    lambda x, i, b: x == None, lambda x, i, b: x != None, lambda x, i, b: x == "a", lambda x, i, b: x == None,
    lambda x, i, b: 2 // i, lambda x, i, b: 7 % i, lambda x, i, b: i // 2, lambda x, i, b: i % 3, lambda x, i, b: x // 0.3,
    lambda x, i, b: 2 ** i.abs(), lambda x, i, b: i & 1, lambda x, i, b: 1 | i, lambda x, i, b: b ^ True,
    lambda x, i, b: True & b, lambda x, i, b: ~b, lambda x, i, b: ~i, lambda x, i, b: i << 1, lambda x, i, b: 1 << i.abs(),
    lambda x, i, b: i >> 1, lambda x, i, b: abs(i), lambda x, i, b: +x, lambda x, i, b: -x, lambda x, i, b: 5 - x,
    lambda x, i, b: 5 / x, lambda x, i, b: 1.5 * i, lambda x, i, b: i / 2, lambda x, i, b: x <= 2, lambda x, i, b: True + x,
    lambda x, i, b: b + 1, lambda x, i, b: b * 2.5, lambda x, i, b: i**2, lambda x, i, b: i**0.5, lambda x, i, b: 1 in i,
    lambda x, i, b: x < i, lambda x, i, b: (x > 1) | b,
]  # fmt: skip


@pytest.mark.parametrize("function", OPERATORS)
def test_operators_give_what_torch_gives(function):
    ours, theirs = (
        function(t.tensor([1.0, 2.0]), t.tensor([5, -3]), t.tensor([True, False]))
        for t in (gs, torch)
    )
    assert repr(ours) == repr(theirs)
