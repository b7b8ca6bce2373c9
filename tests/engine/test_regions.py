"""Regions: templates in place of a composite, with the composite's meaning."""

import numpy as np
import pytest

import jairika_nb as jrk

attention = jrk.nn.functional.scaled_dot_product_attention


def _heads(length, keys, width, depth, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (2, 3, length, width), (2, 3, keys, width), (2, 3, keys, depth)
    return [rng.standard_normal(s).astype(np.float32) * 2 for s in shapes]


def _expected(q, k, v, causal):
    scores = q.astype(np.float64) @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    if causal:
        scores[..., ~np.tril(np.ones(scores.shape[-2:], bool))] = -np.inf
    chances = np.exp(scores - scores.max(-1, keepdims=True))
    return chances / chances.sum(-1, keepdims=True) @ v


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    "size", [(64, 64, 8, 16), (70, 130, 24, 32), (100, 97, 33, 48), (128, 45, 5, 16)]
)
def test_attention_equals_its_formula_in_one_launch(device, size, causal):
    q, k, v = _heads(*size)
    with jrk.profile() as p:
        y = attention(*map(jrk.tensor, (q, k, v)), is_causal=causal).numpy()
    np.testing.assert_allclose(y, _expected(q, k, v, causal), rtol=1e-4, atol=1e-5)
    if device.kind == "cpu":
        large = size[0] * size[1] >= 64 * 64
        assert [k.name for k in p.kernels] == ["attention"] if large else p.launches > 0


def test_attention_keeps_no_buffer_of_all_scores(device):
    if device.is_reference:
        return
    q, k, v = (jrk.tensor(x).realize() for x in _heads(512, 512, 16, 16))
    with jrk.profile() as p:
        attention(q, k, v).realize()
    assert p.peak_bytes - sum(x.nbytes for x in (q, k, v)) < 2 * 3 * 512 * 512 * 4 / 4


def test_a_derivative_uses_the_body_and_its_scores_once(device):
    q, k, v = (jrk.tensor(x) for x in _heads(64, 80, 8, 16))
    y = attention(q, k, v)
    gradients = jrk.grad(y.square().sum(), [q, k, v])
    with jrk.profile() as p:
        jrk.eval(y, *gradients)
    assert "attention" not in [kernel.name for kernel in p.kernels]
    step, chosen = 1e-2, np.zeros(q.shape, np.float32)
    chosen[0, 1, 5, 3] = step
    sums = [
        np.square(_expected(q.numpy() + s * chosen, k.numpy(), v.numpy(), False)).sum()
        for s in (1, -1)
    ]
    slope = (sums[0] - sums[1]) / (2 * step)
    np.testing.assert_allclose(gradients[0].numpy()[0, 1, 5, 3], slope, rtol=2e-2, atol=1e-3)


def test_values_that_are_no_numbers_stay_what_they_are(device):
    q, k, v = _heads(64, 64, 8, 16)
    q[0, 0, 3, 2] = np.nan
    y = attention(*map(jrk.tensor, (q, k, v))).numpy()
    assert np.isnan(y[0, 0, 3]).all()
    assert not np.isnan(y[0, 0, :3]).any() and not np.isnan(y[1]).any()
