"""Lines that are no whole vectors: every element once, none beyond the last, against NumPy."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.nn import functional as F

# Lengths of lines: shorter than a vector of 16, longer, odd and even.
LENGTHS = (5, 8, 12, 15, 18, 26, 31)


def draw(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("length", LENGTHS)
def test_sums_over_windows_and_over_rows(device, length):
    x = draw(12, 24, 8, 2 * length)
    seen = x.astype(np.float64).reshape(12, 24, 4, 2, length, 2)
    t = jrk.tensor(x)
    windows = t.reshape(seen.shape)
    both = jrk.stack([windows.max(axis=(3, 5)), windows.sum(axis=(3, 5))])
    np.testing.assert_allclose(both.numpy()[0], seen.max((3, 5)), rtol=1e-6)
    np.testing.assert_allclose(both.numpy()[1], seen.sum((3, 5)), atol=2e-6)
    rows = t[..., :length].exp().sum(axis=2)
    np.testing.assert_allclose(rows.numpy(), np.exp(x[..., :length]).sum(2), rtol=2e-6)


@pytest.mark.parametrize("length", LENGTHS)
def test_pooling_and_its_derivative(device, length):
    torch = pytest.importorskip("torch")
    x, g = draw(6, 48, 10, 2 * length), draw(6, 48, 5, length)
    ours = jrk.tensor(x)
    y = F.max_pool2d(ours.relu(), 2)
    theirs = torch.tensor(x, requires_grad=True)
    wanted = torch.nn.functional.max_pool2d(theirs.relu(), 2)
    np.testing.assert_array_equal(y.numpy(), wanted.detach().numpy())
    (slope,) = jrk.grad(y, [ours], jrk.tensor(g))
    (exact,) = torch.autograd.grad(wanted, [theirs], torch.tensor(g))
    np.testing.assert_allclose(slope.numpy(), exact.numpy(), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "bool", "int64", "bfloat16"])
def test_every_other_element(device, dtype):
    x = jrk.tensor(3 * draw(300, 35)).astype(dtype)
    whole = x.astype("float32").numpy()
    twice = [jrk.where(x[:, first::2], x[:, first::2], x[:, :1]) for first in (0, 1)]
    for first, found in enumerate(twice):
        taken = whole[:, first::2]
        wanted = np.where(taken != 0, taken, whole[:, :1])
        np.testing.assert_array_equal(found.astype("float32").numpy(), wanted)


@pytest.mark.parametrize("length", (12, 26, 31))
def test_padded_lines_seen_as_one(device, length):
    x = draw(30, 20, length)
    padded = np.pad(x, ((0, 0), (1, 2), (0, 2))).reshape(30, -1)
    found = F.pad(jrk.tensor(x), (0, 2, 1, 2)).reshape(30, -1)
    np.testing.assert_array_equal((found * 2).numpy(), 2 * padded)
    np.testing.assert_array_equal(F.pad(jrk.tensor(x), (3, 1)).numpy(),
                                  np.pad(x, ((0, 0), (0, 0), (3, 1))))  # fmt: skip


@pytest.mark.parametrize("shape", [(9, 70, 5, 7), (40, 12, 4, 4), (3, 300, 26, 30)])
def test_axes_that_are_summed_together(device, shape):
    x = draw(*shape)
    t, wide = jrk.tensor(x), x.astype(np.float64)
    for axes in ((0, 2, 3), (2, 3), (0, 1), (1, 2), (0, 3), (0, 1, 2)):
        found, wanted = (t * 2 + 1).sum(axis=axes).numpy(), (wide * 2 + 1).sum(axes)
        np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=1e-6 * abs(wanted).max())
        np.testing.assert_array_equal(t.max(axis=axes).numpy(), x.max(axes))


def test_results_over_their_inputs_lose_nothing(device):
    x = jrk.tensor(draw(400, 17))
    wanted = x.numpy().copy()

    @jrk.compile
    def step(t):
        return t * 0.5 + 1

    for _ in range(4):
        x, wanted = step(x), wanted * np.float32(0.5) + np.float32(1)
    np.testing.assert_allclose(x.numpy(), wanted, rtol=1e-6)


def test_lines_are_vectors_on_a_cpu(device):
    if device.is_reference or device.kind == "gpu":
        pytest.skip("the CPU schedule's")
    (kernel,) = F.max_pool2d(jrk.tensor(draw(12, 24, 8, 24)), 2).kernels()
    assert "float16 a0" in str(kernel)
    half = jrk.tensor(draw(12, 24, 1, 24, 1))
    (kernel,) = (half.expand(12, 24, 2, 24, 2).reshape(12, 24, 2, 48) * 2).kernels()
    assert "s0011223344556677" in str(kernel)
