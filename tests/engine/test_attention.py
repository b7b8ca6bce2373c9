"""Attention by its kernels: values and derivatives of the formula, no buffer of all scores."""

import numpy as np
import pytest
from attention_formula import (
    attention,
    by_formula,
    check_close,
    drawn,
    mask_of,
    probabilities,
    results,
)

import jairika_nb as jrk

KERNELS = ["attention", "attention_back"]


# Queries, keys, size, size of values, causal, mask.
CASES = [
    (128, 128, 32, 32, True, None), (130, 97, 33, 64, False, "bool"),
    (97, 130, 64, 8, False, "float"), (64, 64, 8, 16, False, None), (17, 250, 1, 5, False, None),
    (250, 17, 16, 1, True, None), (66, 75, 8, 8, False, "padding"), (1, 130, 8, 8, False, "bool"),
    (5, 1, 3, 3, True, None),
]  # fmt: skip
SAMPLE = CASES[:3]


@pytest.mark.parametrize("case", CASES)
def test_values_and_derivatives_are_those_of_the_formula(device, case):
    if case not in SAMPLE and not device.is_reference and device.id != "opencl:0":
        pytest.skip("a sample is enough for the other drivers")
    *sizes, causal, kind = case
    q, k, v, g = drawn(*sizes)
    mask = mask_of(kind, max(sizes[0], 3), sizes[1])[..., : sizes[0], :] if kind else None
    given = None if mask is None else jrk.tensor(mask)
    found, names = results((q, k, v), g, attn_mask=given, is_causal=causal)
    check_close(found, by_formula(q, k, v, g, causal, mask))
    if device.kind == "cpu":
        large = sizes[0] * sizes[1] >= 64 * 64 and min(sizes[:2]) >= 16
        assert (names[:2] == KERNELS) == large
    if kind:
        hidden = np.where(mask, 0, -np.inf) if kind == "bool" else mask
        blind = np.broadcast_to((hidden == -np.inf).all(-1), q.shape[:-1])
        assert not found[0][blind].any() and not found[1][blind].any()


def test_a_training_step_equals_pytorch(device):
    torch = pytest.importorskip("torch")
    q, k, v, g = drawn(70, 130, 24, 40)
    ours, _ = results((q, k, v), g, scale=0.3)
    theirs = [torch.tensor(x, requires_grad=True) for x in (q, k, v)]
    y = torch.nn.functional.scaled_dot_product_attention(*theirs, scale=0.3)
    check_close(ours, [y.detach(), *torch.autograd.grad(y, theirs, torch.tensor(g))])


def test_one_launch_each_way_and_no_copies_of_heads(device):
    if device.kind != "cpu":
        pytest.skip("the kernels are a CPU's")
    rng = np.random.default_rng(2)
    rows = jrk.tensor(rng.standard_normal((4, 64, 3 * 8 * 16)).astype(np.float32))
    weight = jrk.tensor(rng.standard_normal((8 * 16, 8 * 16)).astype(np.float32))

    def joined(rows):
        parts = rows.reshape((4, 64, 3, 8, 16))
        q, k, v = (parts[:, :, i].permute((0, 2, 1, 3)) for i in range(3))
        y = attention(q, k, v, is_causal=True)
        return y.permute((0, 2, 1, 3)).reshape((4 * 64, 8 * 16)) @ weight

    with jrk.profile() as p:
        joined(rows).numpy()
    assert [kernel.name for kernel in p.kernels] == ["attention", "gemm"]
    (slope,) = jrk.grad(joined(rows).square().sum(), [rows])
    with jrk.profile() as p:
        slope.numpy()
    names = [kernel.name for kernel in p.kernels]
    assert names.count("attention") == names.count("attention_back") == 1
    assert len([n for n in names if not n.startswith(("gemm", "attention"))]) <= 2, names
    whole = _apart(rows.numpy())
    g = (2 * joined(rows).numpy() @ weight.numpy().T).reshape((4, 64, 8, 16)).swapaxes(1, 2)
    expected = np.stack(by_formula(*whole, g, causal=True)[1:], axis=2)
    close = expected.transpose(0, 3, 2, 1, 4).reshape(rows.shape)
    np.testing.assert_allclose(slope.numpy(), close, rtol=1e-4, atol=1e-4 * np.abs(close).max())


def _apart(rows):
    parts = rows.reshape((4, 64, 3, 8, 16)).transpose(2, 0, 3, 1, 4)
    return [np.ascontiguousarray(p) for p in parts]


@pytest.mark.parametrize("length", [512, 4096])
def test_no_buffer_of_all_scores(device, length):
    if device.kind != "cpu" or (length > 512 and device.id != "opencl:0"):
        pytest.skip("long sequences on one driver only")
    q, k, v, g = (jrk.tensor(x).realize() for x in drawn(length, length, 16, 16, (1, 1)))
    with jrk.profile() as p:
        y = attention(q, k, v, is_causal=True)
        jrk.eval(y, *jrk.grad(y, [q, k, v], g))
    linear = 2 * sum(x.nbytes for x in (q, k, v, g))
    # Parts of the keys that share a batch have their sums of dq.
    assert p.peak_bytes < linear + 40 * q.nbytes
    if length > 512:
        assert p.peak_bytes < length * length * 4 / 5


def test_runs_repeat_bit_for_bit(device):
    q, k, v, g = drawn(128, 128, 32, 32, (1, 2))
    first, _ = results((q, k, v), g, is_causal=True)
    for _ in range(3):
        again, _ = results((q, k, v), g, is_causal=True)
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("keys", "kind"), [(80, None), (97, None), (97, "bool")])
def test_dropout_leaves_out_the_same_elements_both_ways(device, keys, kind):
    q, k, v, g = drawn(66, keys, 8, 16)
    mask = mask_of(kind, 66, keys) if kind else None
    given = None if mask is None else jrk.tensor(mask)
    jrk.random.seed(5)
    found, _ = results((q, k, v), g, dropout_p=0.25, attn_mask=given)
    jrk.random.seed(5)
    kept = jrk.nn.functional.dropout(jrk.ones((2, 3, 66, keys)), 0.25).numpy()
    assert 0.72 < (kept > 0).mean() < 0.78
    check_close(found, by_formula(q, k, v, g, mask=mask, kept=kept))


def test_second_derivatives_pass_the_kernels(device):
    if not device.is_reference and device.id != "opencl:0":
        pytest.skip("one driver is enough for what is ordinary graph")
    q, k, v, g = drawn(64, 64, 8, 16, (1,))
    directions = [jrk.tensor(x) for x in drawn(64, 64, 8, 16, (1,), seed=3)[:3]]

    def slopes(*operands):
        tensors = [jrk.tensor(x) for x in operands]
        y = attention(*tensors, is_causal=True)
        return tensors, jrk.grad(y, tensors, jrk.tensor(g))

    tensors, first = slopes(q, k, v)
    along = sum((a * d).sum() for a, d in zip(first, directions, strict=True))
    second = [x.numpy() for x in jrk.grad(along, tensors)]
    step = 1e-3
    ends = [
        by_formula(*(x + s * step * d.numpy().astype(np.float64) for x, d in
                    zip((q, k, v), directions, strict=True)), g, causal=True)[1:]
        for s in (1, -1)
    ]  # fmt: skip
    for found, high, low in zip(second, *ends, strict=True):
        np.testing.assert_allclose(found, (high - low) / (2 * step), rtol=1e-3, atol=1e-3)


def test_a_mask_that_is_added_has_a_derivative(device):
    if not device.is_reference and device.id != "opencl:0":
        pytest.skip("one driver is enough for what is ordinary graph")
    q, k, v, g = drawn(64, 64, 8, 16)
    mask = jrk.tensor(mask_of("float", 64, 64)[:, :, 2:3])
    y = attention(*map(jrk.tensor, (q, k, v)), attn_mask=mask)
    (slope,) = jrk.grad(y, [mask], jrk.tensor(g))
    chances = probabilities(q, k, mask=mask.numpy())
    slopes = g.astype(np.float64) @ v.swapaxes(-1, -2)
    slopes = chances * (slopes - (slopes * chances).sum(-1, keepdims=True))
    expected = slopes.sum(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(slope.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_keys_shared_by_heads_and_by_batches(device):
    q, k, v, g = drawn(64, 64, 8, 16, (2, 4))
    k, v = k[:1, :2], v[:1, :2]
    found, _ = results((q, k, v), g, enable_gqa=True)
    wide = [np.broadcast_to(np.repeat(x, 2, axis=1), (2, 4, *x.shape[2:])) for x in (k, v)]
    y, dq, dk, dv = by_formula(q, *wide, g)
    shared = [x.reshape((2, 2, 2, *x.shape[2:])).sum(axis=(0, 2))[None] for x in (dk, dv)]
    check_close(found, (y, dq, *shared), 5e-5)


def test_narrow_floats_are_computed_in_single(device):
    q, k, v, g = (x.astype(np.float16) for x in drawn(64, 80, 8, 16))
    found, _ = results((q, k, v), g)
    assert {x.dtype for x in found} == {np.dtype(np.float16)}
    wide = [x.astype(np.float64) for x in (q, k, v, g)]
    check_close(found, by_formula(*wide), 4e-3)


def test_values_that_are_no_numbers_stay_what_they_are(device):
    q, k, v, _ = drawn(64, 64, 8, 16)
    q[0, 0, 3, 2] = np.nan
    y = attention(*map(jrk.tensor, (q, k, v))).numpy()
    assert np.isnan(y[0, 0, 3]).all()
    assert not np.isnan(y[0, 0, :3]).any() and not np.isnan(y[1]).any()
