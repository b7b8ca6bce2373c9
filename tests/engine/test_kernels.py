"""Every operation on every device against NumPy, with shapes that stress the schedules."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import jairika_nb as jrk

RNG = np.random.default_rng(0)
SHAPES = [(), (7,), (33,), (2, 1, 3, 2, 19), (0, 3)]

UNARY = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2,
    "log10": np.log10, "log1p": np.log1p, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh, "atan": np.arctan,
    "asinh": np.arcsinh, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc,
    "round": np.round, "abs": np.abs, "negative": np.negative, "sign": np.sign,
    "square": np.square, "isnan": np.isnan, "isfinite": np.isfinite, "isinf": np.isinf,
    "reciprocal": lambda x: 1 / x, "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "erf": np.vectorize(math.erf, otypes=[float]),
}  # fmt: skip
BINARY = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
    "maximum": np.maximum, "minimum": np.minimum, "remainder": np.remainder,
    "floor_divide": np.floor_divide, "atan2": np.arctan2, "equal": np.equal,
    "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal,
    "greater": np.greater, "greater_equal": np.greater_equal,
}  # fmt: skip


def together(tensors):
    """The values of independent graphs, whose kernels compile in one program."""
    found = list(tensors)
    jrk.eval(*found)
    return [tensor.numpy() for tensor in found]


def floats(shape, low=-3.0, high=3.0):
    return RNG.uniform(low, high, shape).astype(np.float32)


@pytest.mark.parametrize("name", UNARY)
def test_unary_functions_equal_numpy(device, name):
    low = 0.1 if name in ("log", "log2", "log10", "log1p", "sqrt", "rsqrt") else -3.0
    given = [floats(shape, low) for shape in SHAPES]
    found = together(getattr(jrk, name)(jrk.tensor(x)) for x in given)
    for got, x in zip(found, given, strict=True):
        np.testing.assert_allclose(got, UNARY[name](x.astype(np.float64)), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", BINARY)
def test_binary_functions_broadcast_as_numpy(device, name):
    pairs = [((3, 5), (5,)), ((4, 1, 33), (2, 1)), ((), (17,)), ((2, 3, 16), (2, 3, 16))]
    given = [(floats(a), floats(b)) for a, b in pairs]
    found = together(getattr(jrk, name)(jrk.tensor(x), jrk.tensor(y)) for x, y in given)
    for got, (x, y) in zip(found, given, strict=True):
        np.testing.assert_allclose(got, BINARY[name](x, y), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint32", "uint64"])
def test_integer_arithmetic_equals_numpy(device, dtype):
    low = 0 if dtype.startswith("u") else -7
    x, y = (RNG.integers(low, 8, (5, 19)).astype(dtype) for _ in range(2))
    a, b = jrk.tensor(x), jrk.tensor(y)
    with np.errstate(divide="ignore"):
        pairs = [
            (a + b, x + y), (a - b, x - y), (a * b, x * y), (a // b, x // y), (a % b, x % y),
            (a & b, x & y), (a | b, x | y), (a ^ b, x ^ y), (a << 2, x << 2), (a >> 1, x >> 1),
            (jrk.abs(a), np.abs(x)), (jrk.sign(a), np.sign(x)), (a**2, x**2),
        ]  # fmt: skip
    assert all(got.dtype.name == dtype for got, _ in pairs)
    for got, (_, want) in zip(together(got for got, _ in pairs), pairs, strict=True):
        np.testing.assert_array_equal(got, want)


def test_integer_division_by_zero_does_not_trap(device):
    x = jrk.tensor([7, -7, 0]) // jrk.tensor([0, 0, 0])
    assert x.tolist() == [0, 0, 0]
    smallest = jrk.tensor(np.array([-(2**31)], np.int32))
    assert (smallest // -1).tolist() == [-(2**31)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -0.0])
def test_special_values_flow_as_in_numpy(device, value):
    x = np.array([value, 1.0, -2.0] * 9, np.float32)
    t = jrk.tensor(x)
    with np.errstate(all="ignore"):
        pairs = [
            (t + 1, x + 1), (t * 0, x * 0), (1 / t, 1 / x),
            (jrk.maximum(t, 0.5), np.maximum(x, 0.5)),
            (t.max(), x.max()), (t.min(), x.min()), (t.sum(), x.sum()), (jrk.sign(t), np.sign(x)),
            (jrk.exp(t), np.exp(x)), (jrk.isnan(t), np.isnan(x)),
        ]  # fmt: skip
    for got, (_, want) in zip(together(got for got, _ in pairs), pairs, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("shape", [(5,), (3, 17), (40, 3), (2, 3, 4, 5, 6), (2, 70, 33), (3, 1)])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "var", "std"])
def test_reductions_over_every_axis_equal_numpy(device, name, shape):
    x = floats(shape, 0.5, 1.5)
    axes = [None, *range(len(shape)), tuple(range(0, len(shape), 2))]
    given = [{"axis": a, "keepdims": k} for a, k in itertools.product(axes, (False, True))]
    found = together(getattr(jrk, name)(jrk.tensor(x), **each) for each in given)
    for got, each in zip(found, given, strict=True):
        want = getattr(np, name)(x, **each)
        assert got.shape == np.shape(want)
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-6)


def test_index_of_extremes_takes_the_first(device):
    x = np.array([[1, 5, 5, 2], [7, 0, 7, 0]], np.float32)
    t = jrk.tensor(x)
    for axis in (None, 0, 1):
        np.testing.assert_array_equal(t.argmax(axis=axis).numpy(), x.argmax(axis))
        np.testing.assert_array_equal(t.argmin(axis=axis).numpy(), x.argmin(axis))


def test_empty_reductions_give_their_neutral_element(device):
    x = jrk.zeros((0, 3))
    assert x.sum(axis=0).tolist() == [0, 0, 0]
    assert jrk.prod(x, axis=0).tolist() == [1, 1, 1]
    assert jrk.all(x, axis=0).tolist() == [True] * 3
    assert jrk.any(x, axis=0).tolist() == [False] * 3
    with pytest.raises(jrk.errors.ShapeError, match="empty axis"):
        x.max(axis=0)


def test_long_sums_are_split_and_still_exact_to_float32(device):
    x = floats((1 << 18,), 0, 1)
    got = jrk.tensor(x).sum().item()
    assert abs(got - x.sum(dtype=np.float64)) / got < 2e-6


@pytest.mark.parametrize("shape,axis", [((10**6,), 0), ((40, 50000), 1), ((50000, 40), 0)])
def test_long_sums_of_equal_numbers_do_not_drift(device, shape, axis):
    # Plain float32 accumulation is off by up to 1e-3 here.
    x = jrk.tensor(np.full(shape, 0.1, np.float32))
    want = shape[axis] * np.float64(np.float32(0.1))
    np.testing.assert_allclose(x.sum(axis=axis).numpy(), want, rtol=2e-6)


def test_sums_of_more_terms_than_float32_can_count(device):
    if device.is_reference:
        pytest.skip("the reference would need 6 GB")
    assert jrk.ones((40000, 40000)).mean().item() == 1.0


def test_infinities_pass_through_long_sums(device):
    x = np.ones((4, 5000), np.float32)
    x[0, 3], x[1, 7], x[2, 8] = np.inf, -np.inf, np.nan
    x[3, :2] = np.inf, -np.inf
    got = jrk.tensor(x).sum(axis=1).numpy()
    np.testing.assert_array_equal(got, [np.inf, -np.inf, np.nan, np.nan])


PRODUCTS = [
    ((3, 4), (4, 5)), ((33, 47), (47, 21)), ((128, 64), (64, 10)), ((64, 100), (100, 64)),
    ((1, 300), (300, 500)), ((300, 500), (500, 1)), ((5, 40, 33), (5, 33, 40)), ((6,), (6,)),
    ((4, 2, 40, 50), (50, 60)), ((2, 1, 40, 50), (3, 50, 30)), ((3, 0), (0, 2)), ((50, 70), (70,)),
]  # fmt: skip


@pytest.mark.parametrize("a,b", PRODUCTS)
def test_matrix_products_equal_numpy(device, a, b):
    x, y = floats(a), floats(b)
    got = (jrk.tensor(x) @ jrk.tensor(y)).numpy()
    want = x.astype(np.float64) @ y.astype(np.float64)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("flip_a", [False, True])
@pytest.mark.parametrize("flip_b", [False, True])
def test_products_of_transposed_views_equal_numpy(device, flip_a, flip_b):
    x, y = floats((50, 70)), floats((70, 90))
    a = jrk.tensor(np.ascontiguousarray(x.T)).T if flip_a else jrk.tensor(x)
    b = jrk.tensor(np.ascontiguousarray(y.T)).T if flip_b else jrk.tensor(y)
    np.testing.assert_allclose((a @ b).numpy(), x @ y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["int32", "float64"])
def test_products_of_other_dtypes_equal_numpy(device, dtype):
    x, y = (RNG.integers(-9, 9, s).astype(dtype) for s in ((20, 30), (30, 40)))
    np.testing.assert_array_equal((jrk.tensor(x) @ jrk.tensor(y)).numpy(), x @ y)


def test_what_follows_a_product_is_fused_and_right(device):
    x, w, b, r = floats((70, 90)), floats((90, 50)), floats((50,)), floats((70, 50))
    out = ((jrk.tensor(x) @ jrk.tensor(w) + jrk.tensor(b)).relu() * 2 + jrk.tensor(r)).numpy()
    np.testing.assert_allclose(out, np.maximum(x @ w + b, 0) * 2 + r, rtol=1e-4, atol=1e-4)


def test_views_of_views_equal_numpy(device):
    x = floats((4, 6, 5))
    t = jrk.tensor(x)
    cases = [
        (t.permute(2, 0, 1).reshape(10, 12), x.transpose(2, 0, 1).reshape(10, 12)),
        (t[1:, ::-2, 2], x[1:, ::-2, 2]),
        (t[..., None, ::2].flip(axis=0), x[..., None, ::2][::-1]),
        (t.reshape(24, 5).T.reshape(8, 15)[::3], x.reshape(24, 5).T.reshape(8, 15)[::3]),
        (t.flatten()[5:100:7] + 1, x.reshape(-1)[5:100:7] + 1),
        (t.expand(3, 4, 6, 5).sum(axis=0), 3 * x),
        (jrk.concat([t, t * 2, t[:1]], axis=0), np.concatenate([x, x * 2, x[:1]])),
        (jrk.concat([t, t[..., :2]], axis=-1), np.concatenate([x, x[..., :2]], -1)),
        (jrk.stack([t, t + 1], axis=1), np.stack([x, x + 1], 1)),
        (t.mT, x.transpose(0, 2, 1)),
    ]
    for got, want in cases:
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-6)


def test_assignment_replaces_this_handle_only(device):
    x = floats((5, 6))
    t = jrk.tensor(x)
    other = t
    kept = t + 0
    t[1:4, ::-2] = jrk.tensor([1.0, 2.0, 3.0])
    t[0, 0] = 9
    want = x.copy()
    want[1:4, ::-2] = [1, 2, 3]
    want[0, 0] = 9
    np.testing.assert_allclose(t.numpy(), want)
    np.testing.assert_allclose(kept.numpy(), x)
    assert other is t


def test_casts_equal_numpy(device):
    x = np.array([0.0, 1.9, -1.9, 100.5] * 9, np.float32)
    for name in ("int32", "uint8", "int64", "bool", "float64", "int8"):
        y = np.abs(x) if name.startswith("u") else x
        np.testing.assert_array_equal(jrk.tensor(y).astype(name).numpy(), y.astype(name))
    flags = np.arange(40) % 3 == 0
    np.testing.assert_array_equal(jrk.tensor(flags).astype("float32").numpy(), flags * 1.0)
    np.testing.assert_array_equal((~jrk.tensor(flags)).numpy(), ~flags)


def test_softmax_and_friends_equal_float64(device):
    x = floats((6, 70), -30, 30)
    shifted = x.astype(np.float64) - x.max(1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
    t = jrk.tensor(x)
    np.testing.assert_allclose(t.softmax(axis=1).numpy(), p, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(t.log_softmax(axis=1).numpy(), np.log(p), rtol=1e-5, atol=1e-5)
    lse = np.log(np.exp(shifted).sum(1)) + x.max(1)
    np.testing.assert_allclose(t.logsumexp(axis=1).numpy(), lse, rtol=1e-5)


@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize(
    "size", [(40, 50, 60), (33, 64, 17), (2, 300, 70), (5, 1000, 7), (65, 33, 95)]
)
def test_products_of_any_layout_equal_numpy(device, size, batch):
    (m, k, n), rng = size, np.random.default_rng(0)
    a = rng.standard_normal((*batch, m, k)).astype(np.float32)
    b = rng.standard_normal((*batch, k, n)).astype(np.float32)
    expected = a.astype(np.float64) @ b
    lefts = a, np.ascontiguousarray(a.swapaxes(-1, -2)), a[..., ::-1].copy()
    rights = b, np.ascontiguousarray(b.swapaxes(-1, -2)), b[..., ::-1, :].copy()
    for left, right in itertools.product(range(3), range(3)):
        x, y = jrk.tensor(lefts[left]), jrk.tensor(rights[right])
        x = (x, x.mT, x[..., ::-1])[left]
        y = (y, y.mT, y[..., ::-1, :])[right]
        np.testing.assert_allclose((x @ y).numpy(), expected, atol=2e-4 * k**0.5)
