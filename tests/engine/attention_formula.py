"""Attention and its derivatives by the formula in float64, and what to try them on."""

import numpy as np

import jairika_nb as jrk

attention = jrk.nn.functional.scaled_dot_product_attention


def drawn(length, keys, width, depth, leading=(2, 3), seed=0):
    rng = np.random.default_rng(seed)
    sizes = (length, width), (keys, width), (keys, depth), (length, depth)
    return [rng.standard_normal((*leading, *s)).astype(np.float32) for s in sizes]


def mask_of(kind, length, keys, seed=1):
    """A mask in which one row shows nothing, another everything."""
    rng = np.random.default_rng(seed)
    if kind == "bool":
        mask = rng.random((length, keys)) < 0.6
        mask[1], mask[2] = False, True
        return mask
    if kind == "padding":
        return np.arange(keys) < np.array([keys, keys // 3])[:, None, None, None]
    mask = rng.standard_normal((2, 1, length, keys)).astype(np.float32)
    mask[..., rng.random(keys) < 0.3] = -np.inf
    mask[0, 0, 1], mask[:, :, 2] = -np.inf, 0
    return mask


def probabilities(q, k, causal=False, mask=None):
    scores = q.astype(np.float64) @ k.astype(np.float64).swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    if causal:
        mask = np.tri(*scores.shape[-2:], dtype=bool)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    top = scores.max(-1, keepdims=True)
    powers = np.exp(scores - np.where(top == -np.inf, 0, top))
    total = powers.sum(-1, keepdims=True)
    return powers / np.where(total == 0, 1, total)


def by_formula(q, k, v, g, causal=False, mask=None, kept=1.0):
    """The result and the derivatives of q, k and v in float64."""
    chances = probabilities(q, k, causal, mask)
    slopes = kept * (g.astype(np.float64) @ v.swapaxes(-1, -2))
    slopes = chances * (slopes - (slopes * chances).sum(-1, keepdims=True)) / np.sqrt(q.shape[-1])
    used = chances * kept
    return used @ v, slopes @ k, slopes.swapaxes(-1, -2) @ q, used.swapaxes(-1, -2) @ g


def results(operands, g, **options):
    """The same by the package, and the names of the kernels that ran."""
    tensors = [jrk.tensor(x) for x in operands]
    y = attention(*tensors, **options)
    found = [y, *jrk.grad(y, tensors, jrk.tensor(g))]
    with jrk.profile() as p:
        jrk.eval(*found)
    return [x.numpy() for x in found], [kernel.name for kernel in p.kernels]


def check_close(found, expected, tolerance=2e-5):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
