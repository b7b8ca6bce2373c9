"""Errors of functions in units in the last place, and lanes that do not disturb each other.

The bounds are what was measured on both CPU drivers, rounded up; OpenCL's own are mostly wider.
"""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine.ops import elementwise
from jairika_nb.tensors.tensor import Tensor

torch = pytest.importorskip("torch")  # erf in double precision

# name: (low, high, bound for float32, bound for float64)
RANGES = {
    "exp": (-87, 88, 1, 1), "exp2": (-125, 127, 1, 1), "expm1": (-20, 80, 1.1, 1),
    "log": (1e-30, 1e30, 1, 1), "log2": (1e-30, 1e30, 1, 1), "log10": (1e-30, 1e30, 1, 1),
    "log1p": (-0.99, 1e4, 1, 1), "sin": (-100, 100, 3, 4), "cos": (-100, 100, 3, 4),
    "tan": (-100, 100, 4, 4), "asin": (-1, 1, 2.5, 2.5), "acos": (-1, 1, 2, 2),
    "atan": (-50, 50, 2, 2), "sinh": (-80, 80, 2.5, 2.5), "cosh": (-80, 80, 3, 2.5),
    "tanh": (-12, 12, 1.5, 1.5), "asinh": (-1e5, 1e5, 1.5, 1.5), "acosh": (1, 1e6, 2, 2),
    "atanh": (-0.9999, 0.9999, 1.5, 1.5), "erf": (-4.5, 4.5, 1.5, 2.5),
    "sqrt": (1e-30, 1e30, 0.5, 0.5), "sigmoid": (-87, 30, 2.1, 2.1),
    "rsqrt": (1e-30, 1e30, 1.5, 1.5), "reciprocal": (0.01, 50, 0.5, 0.5),
}  # fmt: skip
INVERSE = {name: name.replace("a", "arc", 1) for name in
           ("asin", "acos", "atan", "asinh", "acosh", "atanh")}  # fmt: skip


def exact(name, x):
    """The function in extended precision, or in double where NumPy lacks it."""
    x = x.astype(np.longdouble)
    if name == "erf":
        return torch.erf(torch.from_numpy(x.astype(np.float64))).numpy()
    if name == "sigmoid":
        return 1 / (1 + np.exp(-x))
    if name in ("rsqrt", "reciprocal"):
        return 1 / (np.sqrt(x) if name == "rsqrt" else x)
    return getattr(np, INVERSE.get(name, name))(x)


def samples(name, dtype):
    """Numbers over the range, dense near zero, with some whole ones."""
    low, high = RANGES[name][:2]
    rng = np.random.default_rng(1)
    if low > 0 and high / low > 1e4:
        return np.exp(rng.uniform(np.log(low), np.log(high), 4000)).astype(dtype)
    x = rng.uniform(low, high, 4000)
    if low < 0:
        x[:1000] *= 10.0 ** rng.uniform(-8, 0, 1000)
    x[1000:1200] = np.clip(np.round(x[1000:1200]), low, high)
    return x.astype(dtype)


@pytest.mark.parametrize("name", RANGES)
def test_functions_are_right_to_a_few_units_in_the_last_place(device, name):
    if device.is_reference:
        pytest.skip("NumPy's own functions")
    xs = [samples(name, dtype) for dtype in ("float32", "float64")]
    outs = [getattr(jrk, name)(jrk.tensor(x)) for x in xs]
    jrk.eval(*outs)
    for x, out, bound in zip(xs, outs, RANGES[name][2:], strict=True):
        want = exact(name, x)
        tiny = np.finfo(x.dtype).tiny
        unit = np.spacing(np.maximum(np.abs(want).astype(x.dtype), tiny))
        error = np.abs(out.numpy() - want) / unit
        worst = error.argmax()
        assert error[worst] <= bound, f"{name}({x[worst]!r}) is {error[worst]:.2f} units off"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["sin", "cos", "tan", "exp", "log", "tanh", "erf", "sqrt", "atan",
                                  "sigmoid"])  # fmt: skip
def test_huge_tiny_and_special_neighbours_disturb_nobody(device, name, dtype):
    rng = np.random.default_rng(5)
    info = np.finfo(dtype)
    special = [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, info.max, info.tiny, info.tiny / 4, 1e-7]
    wide = np.exp(rng.uniform(np.log(info.tiny), np.log(info.max), 160)) * rng.choice([-1, 1], 160)
    x = np.where(rng.random(160) < 0.3, rng.choice(special, 160), wide).astype(dtype)
    x[::3] = rng.integers(-60, 60, len(x[::3]))
    together = getattr(jrk, name)(jrk.tensor(x)).numpy()
    with np.errstate(all="ignore"):
        alone = exact(name, x).astype(dtype)
    np.testing.assert_allclose(together, alone, rtol=8 * info.eps, atol=info.tiny)


@pytest.mark.parametrize("name", ["pow", "remainder", "floor_divide", "atan2", "hypot"])
def test_mixed_vectors_of_two_operands_are_right_in_every_lane(device, name):
    rng = np.random.default_rng(0)
    x = rng.integers(-100, 100, 4096).astype(np.float64)
    y = rng.choice([2.0, 3.0, -1.0, 5.0], 4096)
    numpy = {"pow": np.power, "atan2": np.arctan2}.get(name) or getattr(np, name)
    for dtype in ("float32", "float64"):
        a, b = x.astype(dtype), y.astype(dtype)
        got = getattr(jrk, name)(jrk.tensor(a), jrk.tensor(b)).numpy()
        with np.errstate(all="ignore"):
            want = numpy(a, b)
        np.testing.assert_allclose(got, want, rtol=4 * np.finfo(dtype).eps)


def test_large_arguments_of_tanh_give_one_exactly(device):
    if device.is_reference:
        pytest.skip("NumPy's stays one unit below until 10")
    x = np.array([9.2, 30, 987, np.inf] * 5)
    for dtype in ("float32", "float64"):
        big = x if dtype == "float32" else x + 11
        assert jrk.tanh(jrk.tensor(big, dtype=dtype)).tolist() == [1.0] * 20
        assert jrk.tanh(jrk.tensor(-big, dtype=dtype)).tolist() == [-1.0] * 20
    y = jrk.tensor([30.0])
    assert jrk.grad(jrk.gelu(y, "tanh").sum(), [y])[0].tolist() == [1.0]


NAN_BITS = np.array([0x7FC00000, 0x7FC00001, 0xFFC001FF, 0x7FFFFFFF] * 8, np.uint32)


@pytest.mark.parametrize("name", ["tanh", "erf", "exp", "sigmoid"])
def test_nan_of_any_bits_stays_nan(device, name):
    out = getattr(jrk, name)(jrk.tensor(NAN_BITS.view(np.float32)))
    assert np.isnan(out.numpy()).all()


def below(x):
    """exp of what is never above 0, as softmax takes it."""
    return Tensor(elementwise.call("exp_below", jrk.tensor(x).node)).numpy()


def test_exponentials_of_what_is_never_above_0_are_right_also_below_normal_numbers(device):
    if device.is_reference:
        pytest.skip("NumPy's own functions")
    rng = np.random.default_rng(2)
    x = -np.concatenate([rng.uniform(0, 110, 4000), rng.exponential(1, 4000), np.arange(105)])
    for dtype, bound in (("float32", 1), ("float64", 1)):
        given = x.astype(dtype)
        found, want = below(given), np.exp(given.astype(np.longdouble))
        error = np.abs(found - want) / np.spacing(want.astype(dtype))
        assert error.max() <= bound, given[error.argmax()]
    ends = np.array([0, -0.0, -1e-45, -104, -120, -1e30, -np.finfo(np.float32).max, -np.inf])
    assert below(np.repeat(ends, 5).astype(np.float32)).tolist() == [1.0] * 15 + [0.0] * 25
    assert np.isnan(below(NAN_BITS.view(np.float32))).all()


@pytest.mark.parametrize("approximate, nearer", [("none", 1), ("tanh", 2)])
def test_gelu_and_its_slope_are_as_near_as_pytorchs_and_end_well(device, approximate, nearer):
    """Against PyTorch in double precision; ours in float32 beside PyTorch's in float32."""
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.uniform(-12, 12, 3000), [9.9, -9.9, 9.901, -9.901, 1e4, -1e4, 0, -0.0]])
    x = x.astype(np.float32)

    def torchs(dtype):
        v = torch.tensor(x, dtype=dtype, requires_grad=True)
        y = torch.nn.functional.gelu(v, approximate=approximate)
        y.sum().backward()
        return y.detach().double().numpy(), v.grad.double().numpy()

    (value, slope), theirs = torchs(torch.float64), torchs(torch.float32)
    for dtype, factor in (("float32", 1.0), ("float64", 1e-7)):
        v = jrk.tensor(x, dtype=dtype)
        y = jrk.gelu(v, approximate)
        (g,) = jrk.grad(y.sum(), [v])
        scale = np.maximum(np.abs(value), 1)
        bound = np.abs((theirs[0] - value) / scale).max()
        assert np.abs((y.numpy() - value) / scale).max() <= factor * bound
        bound = np.abs(theirs[1] - slope).max() / nearer
        assert np.abs(g.numpy() - slope).max() <= factor * bound
    ends = jrk.tensor([-np.inf, -1e30, 1e30, np.inf, np.nan] * 4)
    (g,) = jrk.grad(jrk.gelu(ends, approximate).sum(), [ends])
    np.testing.assert_array_equal(g.numpy(), [0, 0, 1, 1, np.nan] * 4)
    np.testing.assert_array_equal(
        jrk.gelu(ends, approximate).numpy(), [np.nan, -0.0, np.float32(1e30), np.inf, np.nan] * 4
    )
