"""Special functions against the C library and identities, in float64, and at their edges."""

from __future__ import annotations

import math

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors

RNG = np.random.default_rng(3)
WIDE = np.concatenate([RNG.uniform(-30, 30, 200), 10.0 ** RNG.uniform(-8, 8, 100), [0.5, 1.0, 2.0]])


def double(values):
    return jrk.tensor(np.asarray(values, "float64"))


def test_lgamma_equals_the_c_library():
    with jrk.device("reference"):
        got = jrk.lgamma(double(WIDE)).numpy()
    np.testing.assert_allclose(got, [math.lgamma(v) for v in WIDE], rtol=1e-12, atol=1e-12)


def test_lgamma_in_float32_on_every_device(device):
    x = WIDE.astype("float32")
    want = [math.lgamma(v) for v in x.astype("float64")]
    np.testing.assert_allclose(jrk.lgamma(jrk.tensor(x)).numpy(), want, rtol=2e-5, atol=2e-5)


def test_digamma_has_its_known_values_and_is_the_slope_of_lgamma():
    with jrk.device("reference"):
        euler = 0.57721566490153286
        x = double([1.0, 0.5, 2.0, -0.5])
        known = [-euler, -euler - 2 * math.log(2), 1 - euler, 2 - euler - 2 * math.log(2)]
        np.testing.assert_allclose(jrk.digamma(x).numpy(), known, rtol=1e-13)
        (slope,) = jrk.grad(jrk.lgamma(x).sum(), [x])
        np.testing.assert_allclose(slope.numpy(), known, rtol=1e-12)
        (trigamma,) = jrk.grad(jrk.digamma(x[:1]).sum(), [x])
        assert trigamma.numpy()[0] == pytest.approx(math.pi**2 / 6, rel=1e-12)


def test_erfinv_undoes_erf():
    with jrk.device("reference"):
        y = double(np.linspace(-0.999999, 0.999999, 101))
        np.testing.assert_allclose(jrk.erf(jrk.erfinv(y)).numpy(), y.numpy(), rtol=1e-13)


@pytest.mark.parametrize(
    "call,want",
    [
        (lambda: jrk.lgamma(jrk.tensor([0.0, -2.0, jrk.inf, -jrk.inf])), [math.inf] * 4),
        (lambda: jrk.digamma(jrk.tensor([0.0, -3.0])), [-math.inf, math.nan]),
        (lambda: jrk.erfinv(jrk.tensor([-1.0, 1.0, 2.0])), [-math.inf, math.inf, math.nan]),
        (lambda: jrk.sinc(jrk.tensor([0.0, 1.0, 0.5])), [1.0, 0.0, 2 / math.pi]),
        (lambda: jrk.xlogy(jrk.tensor([0.0, 0.0, 2.0]), jrk.tensor([0.0, jrk.nan, 1.0])),
         [0.0, math.nan, 0.0]),
        (lambda: jrk.fmod(jrk.tensor([-7.5, 7.5]), jrk.tensor([2.0, -2.0])), [-1.5, 1.5]),
        (lambda: jrk.fmax(jrk.tensor([jrk.nan, 1.0]), jrk.tensor([2.0, jrk.nan])), [2.0, 1.0]),
        (lambda: jrk.heaviside(jrk.tensor([-1.0, 0.0, 3.0]), jrk.tensor(0.5)), [0.0, 0.5, 1.0]),
        (lambda: jrk.nanmean(jrk.tensor([1.0, jrk.nan, 3.0])), 2.0),
        (lambda: jrk.isclose(jrk.tensor([jrk.inf, 1.0]), np.array([np.inf, 1.1])), [True, False]),
        (lambda: jrk.allclose(jrk.ones((3,)), jrk.ones((3,)) + 1e-3), False),
        (lambda: jrk.nan_to_num(jrk.tensor([jrk.nan, -jrk.inf]), 1.0, neginf=-5.0), [1.0, -5.0]),
    ],
)  # fmt: skip
def test_edges_are_as_they_should_be(device, call, want):
    np.testing.assert_allclose(call().numpy(), want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "call,error,words",
    [
        (lambda x: jrk.logit(x, eps=0.7), "OutOfRange", "0.7"),
        (lambda x: jrk.isclose(x, x, rtol=-1), "OutOfRange", "negative"),
        (lambda x: jrk.lgamma("x"), "DTypeError", "'x'"),
        (lambda x: jrk.nansum(x, dim=0), "ArgumentError", "axis="),
        (lambda x: jrk.fmod(x, jrk.ones((2,))), "ShapeError", "broadcast"),
    ],
)
def test_wrong_calls_say_what_is_wrong(call, error, words):
    with jrk.device("reference"), pytest.raises(getattr(errors, error), match=words):
        call(jrk.ones((3,)))
