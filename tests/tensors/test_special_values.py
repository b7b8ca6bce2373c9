"""NaN, infinities, signed zeros and empty axes, as the standard, NumPy and PyTorch have them."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk


def test_empty_axes_have_the_values_numpy_gives(device):
    x = jrk.zeros((0, 5))
    assert jrk.softmax(x, axis=0).shape == (0, 5)
    assert np.isnan(jrk.var(x, axis=0, correction=1).numpy()).all()
    assert np.isneginf(jrk.logsumexp(x, axis=0).numpy()).all()
    assert jrk.prod(x, axis=0).tolist() == [1.0] * 5


BITS = [0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, np.nan, 3.0e38, 1e-30]


@pytest.mark.parametrize("name", ["copysign", "nextafter", "hypot", "logaddexp"])
def test_real_binary_functions_equal_numpy_at_every_special_pair(device, name):
    a, b = (g.ravel().astype(np.float32) for g in np.meshgrid(BITS, BITS))
    got = getattr(jrk, name)(jrk.tensor(a), jrk.tensor(b)).numpy()
    with np.errstate(all="ignore"):
        want = getattr(np, name)(a, b)
    if name == "nextafter":
        # A driver may treat the smallest numbers as zero.
        got, want = (np.where(np.abs(v) < 1e-37, 0, v) for v in (got, want))
    np.testing.assert_allclose(got, want, rtol=1e-6)
    sure = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(got)[sure], np.signbit(want)[sure])


def test_sign_bits_are_seen(device):
    x = np.array([1.0, -1.0, 0.0, -0.0, np.inf, -np.inf] * 5, np.float32)
    np.testing.assert_array_equal(jrk.signbit(jrk.tensor(x)).numpy(), np.signbit(x))
    assert jrk.signbit(jrk.tensor([-3, 3])).tolist() == [True, False]


def test_floor_division_follows_the_standard_at_infinities(device):
    a = jrk.tensor([np.inf, -np.inf, 2.0, -2.0, 2.0, 1.0, -1.0, 0.0, np.inf])
    b = jrk.tensor([2.0, 2.0, -np.inf, np.inf, np.inf, 0.0, 0.0, 0.0, np.inf])
    got = jrk.floor_divide(a, b).numpy()
    want = np.array([np.inf, -np.inf, -0.0, -0.0, 0.0, np.inf, -np.inf, np.nan, np.nan])
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got)[:7], np.signbit(want)[:7])


def test_a_products_derivatives_hold_at_zeros_to_second_order(device):
    torch = pytest.importorskip("torch")
    for values in ([1.5, 0.0, 0.3, 2.0], [0.0, 0.0, 3.0], [1.0, -2.0, 3.0]):
        x = jrk.tensor(values)
        (first,) = jrk.grad(jrk.prod(x), [x])
        theirs = torch.tensor(values, requires_grad=True)
        (want,) = torch.autograd.grad(theirs.prod(), [theirs], create_graph=True)
        np.testing.assert_allclose(first.numpy(), want.detach().numpy(), rtol=1e-6)
        (second,) = jrk.grad((first * first).sum(), [x])
        (want,) = torch.autograd.grad((want * want).sum(), [theirs])
        np.testing.assert_allclose(second.numpy(), want.numpy(), rtol=1e-5)


def test_clip_keeps_derivatives_on_its_bounds_and_nan_anywhere(device):
    x = jrk.tensor([-2.0, -1.0, 0.0, 1.0, 2.0, np.nan])
    y = jrk.clip(x, -1, 1)
    np.testing.assert_array_equal(y.numpy(), [-1, -1, 0, 1, 1, np.nan])
    (slope,) = jrk.grad(y.sum(), [x])
    np.testing.assert_array_equal(slope.numpy()[:5], [0, 1, 1, 1, 0])
    bounds = jrk.tensor([0.0, np.nan, 0.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(jrk.clip(x, bounds).numpy(), [0, np.nan, 0, 1, 2, np.nan])
    assert jrk.clip(jrk.tensor([0, 200], dtype="uint8"), -5, 300).tolist() == [0, 200]
    assert jrk.clip(jrk.tensor([0, 9]), 0.5, 8.5).tolist() == [0, 8]


def test_integer_powers_below_one_round_to_zero(device):
    got = jrk.tensor([1, -1, -1, 2, 0, 3]) ** jrk.tensor([-3, -3, -2, -1, -1, 4])
    assert got.tolist() == [1, -1, 1, 0, 0, 81]


def test_the_angle_of_no_point_has_no_slope(device):
    a, b = jrk.tensor([0.0, 3.0]), jrk.tensor([0.0, 4.0])
    for got, want in zip(jrk.grad(jrk.atan2(a, b).sum(), [a, b]), (4 / 25, -3 / 25), strict=True):
        np.testing.assert_allclose(got.numpy(), [0.0, want], rtol=1e-6)


def test_what_does_not_vary_has_a_deviation_without_slope(device):
    x = jrk.tensor([[2.0, 2.0], [1.0, 3.0]])
    deviation = x.std(axis=1)
    (slope,) = jrk.grad(deviation.sum(), [x])
    assert deviation.tolist() == [0.0, 1.0]
    np.testing.assert_allclose(slope.numpy(), [[0.0, 0.0], [-0.5, 0.5]])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_two_byte_floats_do_not_overflow_on_the_way(device, dtype):
    x = np.linspace(-300, 300, 1000).astype(np.float32)
    t = jrk.tensor(x).astype(dtype)
    exact = t.astype("float64").numpy()
    for name, want in {"mean": (exact + 1000).mean(), "std": exact.std()}.items():
        got = getattr(jrk, name)(t + 1000 if name == "mean" else t)
        assert got.dtype is t.dtype
        assert got.item() == pytest.approx(want, rel=1e-2)
    assert jrk.var(t / 2).item() == pytest.approx((exact / 2).var(), rel=1e-2)
    top = jrk.logsumexp(jrk.zeros((70000,), dtype=dtype))
    assert top.dtype is t.dtype and top.item() == pytest.approx(np.log(70000), rel=1e-2)
