"""Kernels that pass over a row several times: what they keep for later, odd lengths, NaN."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine.ops import elementwise
from jairika_nb.tensors.tensor import Tensor

LENGTHS = [1, 15, 17, 63, 64, 65, 127, 1000, 1090, 4099]


def softmax(x):
    e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def rows(length, seed=0):
    return np.random.default_rng(seed).standard_normal((5, length)).astype(np.float32) * 3


@pytest.mark.parametrize("length", LENGTHS)
def test_rows_of_every_length_equal_numpy(device, length):
    x = rows(length)
    y = jrk.tensor(x)
    wide = x.astype(np.float64)
    outs = jrk.softmax(y, axis=-1), y.max(axis=-1), (y * y - 1).min(axis=-1)
    wants = softmax(x), x.max(-1), (wide * wide - 1).min(-1)
    total = y.sum(axis=-1)
    jrk.eval(*outs, total)
    assert (np.abs(total.numpy() - wide.sum(-1)) <= 2**-23 * np.abs(wide).sum(-1)).all()
    for out, want in zip(outs, wants, strict=True):
        np.testing.assert_allclose(out.numpy(), want, rtol=2e-6, atol=1e-6)


def test_an_exponential_that_two_passes_need_is_computed_once(device):
    if device.is_reference or device.kind == "gpu":
        pytest.skip("the schedule for CPUs")
    (source,) = jrk.softmax(jrk.tensor(rows(1000)), axis=-1).kernels()
    # For vectors, and for what they leave of a row.
    assert source.body.count("= exp_below_float16(") == source.body.count(" exp(") == 1
    assert [a.kind for a in source.arguments].count("scratch") == 1


def test_kernels_side_by_side_keep_values_of_their_own(device):
    first, second = rows(500, 1), rows(500, 2)
    outs = [jrk.softmax(jrk.tensor(x), axis=-1) for x in (first, second)]
    jrk.eval(*outs)
    for out, x in zip(outs, (first, second), strict=True):
        np.testing.assert_allclose(out.numpy(), softmax(x), rtol=2e-6)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_other_types_keep_values_as_they_compute_them(device, dtype):
    x = jrk.tensor(rows(333)).astype(dtype)
    want = softmax(x.astype("float64").numpy())
    got = jrk.softmax(x, axis=-1).astype("float64").numpy()
    np.testing.assert_allclose(got, want, rtol=1e-2 if dtype == "bfloat16" else 1e-14)


@pytest.mark.parametrize("length", [65, 200, 1100])
def test_nan_anywhere_in_a_row_is_its_maximum(device, length):
    x = np.zeros((length + 1, length), np.float32)
    x[np.arange(length), np.arange(length)] = np.nan
    top = jrk.tensor(x).max(axis=-1).numpy()
    assert np.isnan(top[:length]).all() and top[length] == 0


def test_gradients_of_softmax_and_norms_equal_torch(device):
    torch = pytest.importorskip("torch")
    x, g = rows(777), rows(777, 3)
    for ours, theirs in (
        (lambda v: jrk.softmax(v, axis=-1), lambda v: v.softmax(-1)),
        (lambda v: jrk.nn.functional.layer_norm(jrk.nn.functional.silu(v), (777,)),
         lambda v: torch.nn.functional.layer_norm(torch.nn.functional.silu(v), (777,))),
    ):  # fmt: skip
        v = jrk.tensor(x)
        t = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        (theirs(t) * torch.tensor(g)).sum().backward()
        (found,) = jrk.grad((ours(v) * jrk.tensor(g)).sum(), [v])
        np.testing.assert_allclose(found.numpy(), t.grad.numpy(), rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("what", ["softmax", "layer_norm", "cross_entropy"])
def test_rows_that_are_read_ahead_equal_numpy(device, what):
    """Large ones, the last of which has none behind it, of lengths that are no whole vectors."""
    x = np.random.default_rng(0).standard_normal((1031, 1030)).astype(np.float32)
    wide, y = x.astype(np.float64), jrk.tensor(x)
    if what == "softmax":
        out, want = jrk.softmax(y, axis=-1), softmax(x)
    elif what == "layer_norm":
        out = jrk.nn.functional.layer_norm(y, (1030,))
        want = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 1e-5)
    else:
        labels = np.arange(1031, dtype=np.int32) % 1030
        out = jrk.nn.functional.cross_entropy(y, jrk.tensor(labels), reduction="none")
        want = -np.log(softmax(x)[np.arange(1031), labels])
    if not (device.is_reference or device.kind == "gpu"):
        assert any("ahead(in0" in s.body for s in out.kernels())
    np.testing.assert_allclose(out.numpy(), want, rtol=2e-5, atol=2e-6)


def test_small_rows_are_not_read_ahead(device):
    if device.is_reference or device.kind == "gpu":
        pytest.skip("the schedule for CPUs")
    assert not any("ahead(" in s.body for s in jrk.softmax(jrk.tensor(rows(1000)), -1).kernels())


def test_parts_of_a_whole_are_divided_as_float32_divides(device):
    """Also where the whole is 0, infinite, NaN or below the normal numbers."""
    x = np.random.default_rng(2).uniform(-5, 5, (64, 83)).astype(np.float32)
    shifts = np.array([0, 60, -60, 85, -88, -95, -200, 200, np.inf, -np.inf, np.nan, 86, -90, 3])
    x[: len(shifts)] += shifts[:, None].astype(np.float32)
    x[20, 5] = np.inf

    def parts(axis):
        e = jrk.exp(jrk.tensor(x))
        total = e.sum(axis=axis, keepdims=True)
        return e, total, Tensor(elementwise.share(e.node, total.node))

    for axis in (-1, 0):
        e, total, share = parts(axis)
        jrk.eval(e, total)
        with np.errstate(all="ignore"):
            want = e.numpy() / total.numpy()
        np.testing.assert_allclose(parts(axis)[2].numpy(), want, rtol=4e-7, atol=3e-45)
        np.testing.assert_allclose(share.numpy(), want, rtol=4e-7, atol=3e-45)


@pytest.mark.parametrize("shape", [(1 << 22) + 12345, (103, 40999)])
def test_long_rows_that_are_read_in_several_places_equal_numpy(device, shape):
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    y, wide = jrk.tensor(x), x.astype(np.float64)
    total, top = y.sum(axis=-1), (y * 2).max(axis=-1)
    if not (device.is_reference or device.kind == "gpu"):
        assert any("r0_at += 16" in s.body for s in total.kernels())
    again = y.sum(axis=-1).numpy()
    jrk.eval(total, top)
    assert (np.abs(total.numpy() - wide.sum(-1)) <= 2**-23 * np.abs(wide).sum(-1) / 8).all()
    np.testing.assert_array_equal(top.numpy(), 2 * x.max(-1))
    np.testing.assert_array_equal(total.numpy(), again)


def test_nan_and_infinity_anywhere_in_a_long_row_are_seen(device):
    x = np.zeros((128, 32805), np.float32)
    x[np.arange(120), np.arange(120) * 275] = np.nan
    x[120, 32804], x[121, 5], x[121, 20000] = np.inf, np.inf, -np.inf
    total, top = jrk.tensor(x).sum(axis=-1).numpy(), jrk.tensor(x).max(axis=-1).numpy()
    assert np.isnan(total[:120]).all() and np.isnan(top[:120]).all()
    assert total[120] == top[120] == np.inf and np.isnan(total[121]) and top[121] == np.inf
    assert (total[122:] == 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("axis", [0, 1])
def test_exponentials_of_rows_with_nan_and_infinities_are_numpys(device, dtype, axis):
    x = np.random.default_rng(3).standard_normal((8, 150))
    x[1, 3], x[2], x[3], x[4, 5], x[5, ::2], x[6, 1:] = (
        np.nan, np.nan, -np.inf, np.inf, -np.inf, -np.inf)  # fmt: skip
    x[7, 0], x[7, 1] = np.nan, -np.inf
    given = jrk.tensor(x if axis else x.T, dtype=dtype)
    with np.errstate(invalid="ignore", divide="ignore"):
        shifted = x - x.max(-1, keepdims=True)
        total = np.exp(shifted).sum(-1, keepdims=True)
        wants = np.exp(shifted) / total, shifted - np.log(total)
        sums = np.log(np.exp(x).sum(-1))
    rtol = 2e-2 if dtype == "float16" else 1e-5
    for function, want in zip((jrk.softmax, jrk.log_softmax), wants, strict=True):
        got = function(given, axis=axis).astype("float64").numpy()
        np.testing.assert_allclose(got if axis else got.T, want, rtol=rtol, atol=rtol)
    got = jrk.logsumexp(given, axis=axis).astype("float64").numpy()
    np.testing.assert_allclose(got, sums, rtol=rtol)
