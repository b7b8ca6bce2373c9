"""Reductions down columns: a few rows at a time, sums of many columns side by side."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk

SHAPES = [(16, 16), (17, 33), (64, 100), (65, 513), (130, 1040), (2, 70, 40), (70, 65)]


def drawn(shape, dtype=np.float32):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
def test_columns_of_every_size_equal_numpy(device, shape):
    x, scale = drawn(shape), drawn(shape[-1])
    y, axis = jrk.tensor(x), len(shape) - 2
    wide = x.astype(np.float64)
    outs = [
        y.sum(axis=axis), y.max(axis=axis), (y * jrk.tensor(scale)).sum(axis=axis),
        y.var(axis=axis), (y > 0).sum(axis=axis),
    ]  # fmt: skip
    wants = [
        wide.sum(axis), x.max(axis), (wide * scale).sum(axis), wide.var(axis), (x > 0).sum(axis),
    ]  # fmt: skip
    jrk.eval(*outs)
    for out, want in zip(outs, wants, strict=True):
        np.testing.assert_allclose(out.numpy(), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "int32", "bfloat16"])
def test_columns_of_other_types_equal_numpy(device, dtype):
    x = jrk.tensor(np.round(drawn((90, 60)) * 9)).astype(dtype)
    want = x.astype("float64").numpy().sum(0)
    np.testing.assert_allclose(x.sum(axis=0).astype("float64").numpy(), want, rtol=4e-3)


def test_infinity_and_nan_stay_in_their_columns(device):
    x = np.ones((200, 64), np.float32)
    x[100, 3], x[7, 40], x[150, 20], x[199, 20] = np.nan, np.inf, -np.inf, np.inf
    total, top = jrk.tensor(x).sum(axis=0).numpy(), jrk.tensor(x).max(axis=0).numpy()
    np.testing.assert_array_equal(total, x.sum(0))
    np.testing.assert_array_equal(top, x.max(0))


def test_long_columns_lose_little(device):
    x = np.full((40000, 17), np.float32(0.1))
    np.testing.assert_allclose(jrk.tensor(x).sum(axis=0).numpy(), np.float32(0.1) * 40000.0,
                               rtol=1e-6)  # fmt: skip


def test_tall_columns_are_shared_among_cores_in_one_launch(device):
    if device.is_reference:
        pytest.skip("no launches")
    x = drawn((32768, 130))
    y = jrk.tensor(x).realize()
    with jrk.profile() as p:
        total = y.sum(axis=0).realize()
    assert p.launches <= (1 if device.kind == "cpu" else 2)
    np.testing.assert_allclose(total.numpy(), x.sum(0, dtype=np.float64), rtol=1e-5, atol=1e-4)


def test_statistics_of_channels_run_along_the_image(device):
    x = drawn((3, 32, 9, 20)) + 2
    y = jrk.tensor(x)
    mean, var = y.mean(axis=(0, 2, 3)), y.var(axis=(0, 2, 3))
    jrk.eval(mean, var)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(mean.numpy(), wide.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(var.numpy(), wide.var((0, 2, 3)), rtol=1e-5)
    if device.kind == "cpu":
        (source,) = y.var(axis=(0, 2, 3)).kernels()
        assert "vload16" in source.body and "(float16)(in0[" not in source.body


@pytest.mark.parametrize("shape", [(130, 90), (45, 513), (2, 70, 40)])
def test_what_all_columns_of_a_row_share_is_computed_once_for_it(device, shape):
    """As the gradients of a layer norm's weights, beside another sum and with rows left over."""
    x, g = drawn(shape), np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    given = [jrk.tensor(a) for a in (x, g, mean, var)]
    axis = len(shape) - 2

    def weighted(x, g, mean, var):
        return g * (x - mean / 2) * jrk.rsqrt(var + 1e-5)

    out = weighted(*given).sum(axis=axis)
    if not (device.is_reference or device.kind == "gpu"):
        bodies = [s.body for s in out.kernels() if "int few" in s.body]
        assert all("for_row0[" in body and body.count("rsqrt(") <= 2 for body in bodies)
        assert bodies or shape[axis] < 16
    wide = [a.astype(np.float64) for a in (x, g, mean, var)]
    want = (wide[1] * (wide[0] - wide[2] / 2) / np.sqrt(wide[3] + 1e-5)).sum(axis)
    np.testing.assert_allclose(out.numpy(), want, rtol=2e-5, atol=2e-5)


def test_what_is_asked_for_ahead_changes_no_sum(device):
    x, y = drawn((4099, 1030)), drawn((4099, 1030)) + 1
    a, b = jrk.tensor(x).realize(), jrk.tensor(y).realize()
    wide, other = x.astype(np.float64), y.astype(np.float64)
    cases = [
        (a.sum(axis=0), wide.sum(0)),
        ((a * b).sum(axis=0), (wide * other).sum(0)),
        (a[:, 3:1021].sum(axis=0), wide[:, 3:1021].sum(0)),
        (a[::-1].max(axis=0), x.max(0)),
        (a.var(axis=0), wide.var(0)),
        (a.astype("float64").sum(axis=0), wide.sum(0)),
    ]
    if device.kind == "cpu" and not device.is_reference:
        text = "".join(kernel.body for kernel in cases[0][0].kernels())
        assert "far_ahead(" in text
    for out, want in cases:
        np.testing.assert_allclose(out.numpy(), want, rtol=1e-5, atol=1e-3)
