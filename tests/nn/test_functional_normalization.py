"""Normalisation, attention and embeddings against PyTorch, and what they refuse."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors
from jairika_nb.nn import functional as F

torch = pytest.importorskip("torch")
T = torch.nn.functional


def draw(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def test_layer_norm(device, compare):
    x, w = draw(3, 4, 5) * 3 + 1, draw(4, 5)
    compare(lambda x, w, b: F.layer_norm(x, (4, 5), w, b),
            lambda x, w, b: T.layer_norm(x, (4, 5), w, b), x, w, w + 1, tolerance=1e-4)  # fmt: skip


def test_rms_norm(device, compare):
    x, w = draw(3, 4, 5), draw(5)
    compare(lambda x, w: F.rms_norm(x, 5, w), lambda x, w: T.rms_norm(x, (5,), w), x, w,
            tolerance=1e-4)  # fmt: skip


def test_group_norm(device, compare):
    x, w = draw(3, 4, 5, 2), draw(4)
    compare(lambda x, w, b: F.group_norm(x, 2, w, b), lambda x, w, b: T.group_norm(x, 2, w, b),
            x, w, w + 1, tolerance=1e-4)  # fmt: skip


@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 5), (2, 4, 3, 5)])
def test_batch_norm_in_training_and_out_of_it(device, compare, shape):
    x, w, mean, var = draw(*shape), draw(4), draw(4), np.abs(draw(4)) + 0.5
    compare(lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
            lambda x, w, b: T.batch_norm(x, None, None, w, b, True),
            x, w, w + 1, tolerance=1e-4)  # fmt: skip
    ours, theirs = [jrk.tensor(v) for v in (mean, var)], [torch.tensor(v) for v in (mean, var)]
    compare(lambda x: F.batch_norm(x, *ours), lambda x: T.batch_norm(x, *theirs), x)


def test_running_statistics_move(device):
    x, mean, var = draw(3, 4, 5), draw(4), np.abs(draw(4)) + 0.5
    ours, theirs = [jrk.tensor(v) for v in (mean, var)], [torch.tensor(v) for v in (mean, var)]
    F.batch_norm(jrk.tensor(x), *ours, training=True, momentum=0.3)
    T.batch_norm(torch.tensor(x), *theirs, training=True, momentum=0.3)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)
    F.instance_norm(jrk.tensor(x), *ours, momentum=0.3)
    T.instance_norm(torch.tensor(x), *theirs, momentum=0.3)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_instance_norm(device, compare):
    x, w = draw(3, 4, 5), draw(4)
    compare(lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
            lambda x, w, b: T.instance_norm(x, weight=w, bias=b), x, w, w + 1,
            tolerance=1e-4)  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_two_bytes_are_normalised_in_four(device, dtype):
    # The squares of 300 are beyond float16.
    x = (jrk.tensor(draw(2, 4, 8)) * 300).astype(dtype)
    for function in (
        lambda v: F.layer_norm(v, 8), lambda v: F.rms_norm(v, 8), lambda v: F.group_norm(v, 2),
        lambda v: F.normalize(v, axis=-1), lambda v: F.instance_norm(v),
        lambda v: F.batch_norm(v, None, None, training=True),
        lambda v: F.cosine_similarity(v, v, axis=-1),
    ):  # fmt: skip
        y, exact = function(x), function(x.astype("float32"))
        assert y.dtype == x.dtype
        difference = y.astype("float32").numpy() - exact.numpy()
        assert np.abs(difference).max() < 0.02


@pytest.mark.parametrize("size", [3, 4])
def test_local_response_norm(device, compare, size):
    compare(lambda x: F.local_response_norm(x, size, 0.5),
            lambda x: T.local_response_norm(x, size, 0.5), draw(2, 6, 5))  # fmt: skip


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf")])
def test_normalize(device, compare, p):
    compare(lambda x: F.normalize(x, p, axis=1), lambda x: T.normalize(x, p, dim=1),
            draw(3, 6, 2), tolerance=1e-4)  # fmt: skip


def test_the_norm_of_zeros_has_no_slope(device):
    x = jrk.zeros((1, 3))
    y = F.normalize(x)
    assert not y.numpy().any()
    assert np.isfinite(jrk.grad(y.sum(), [x])[0].numpy()).all()


def test_cosine_similarity(device, compare):
    compare(lambda x, y: F.cosine_similarity(x, y, axis=-1),
            lambda x, y: T.cosine_similarity(x, y, dim=-1), draw(3, 6), draw(3, 6) + 1,
            tolerance=1e-4)  # fmt: skip


def test_cosine_similarity_of_broadcast_vectors(device, compare):
    compare(lambda x, y: F.cosine_similarity(x, y, axis=-2),
            lambda x, y: T.cosine_similarity(x, y, dim=-2), draw(1, 2, 3), draw(2, 1, 3),
            tolerance=1e-4)  # fmt: skip


def test_embedding(device, compare):
    rows = np.array([[1, 2, 2], [0, 2, 3]])
    compare(lambda w: F.embedding(rows, w), lambda w: T.embedding(torch.tensor(rows), w),
            draw(4, 3))  # fmt: skip
    compare(lambda w: F.embedding(rows, w, 2), lambda w: T.embedding(torch.tensor(rows), w, 2),
            draw(4, 3))  # fmt: skip


def test_an_index_outside_the_table_raises(device):
    with pytest.raises(errors.OutOfRange):
        F.embedding([0, 4], jrk.tensor(draw(4, 2))).numpy()


def test_one_hot(device):
    index = np.array([[1, 0], [3, 2]])
    for count in (-1, 5):
        ours, theirs = F.one_hot(index, count), T.one_hot(torch.tensor(index), count)
        assert ours.dtype == jrk.int64
        assert (ours.numpy() == theirs.numpy()).all()


ATTENTION = {
    "plain": ((2, 2, 4, 8), (2, 2, 5, 8), (2, 2, 5, 3), {}),
    "causal": ((2, 5, 8), (2, 5, 8), (2, 5, 8), {"is_causal": True}),
    "causal, more keys": ((2, 3, 8), (2, 5, 8), (2, 5, 8), {"is_causal": True}),
    "scale": ((4, 8), (5, 8), (5, 3), {"scale": 0.5}),
}


def _math(q, k, v, **options):
    # The fused kernels of PyTorch have no second derivative; its plain form does.
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        return T.scaled_dot_product_attention(q, k, v, **options)


@pytest.mark.parametrize("name", ATTENTION)
def test_attention(device, compare, name):
    *shapes, options = ATTENTION[name]
    compare(
        lambda *qkv: F.scaled_dot_product_attention(*qkv, **options),
        lambda *qkv: _math(*qkv, **options), *(draw(*s) for s in shapes), tolerance=1e-4,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["bool", "float"])
def test_masked_attention(device, compare, kind):
    seen = np.array([[1, 0, 1], [1, 1, 1], [0, 0, 1], [1, 0, 0]], bool)
    mask = seen if kind == "bool" else np.where(seen, np.float32(0.5), -np.inf).astype(np.float32)
    ours, theirs = jrk.tensor(mask), torch.tensor(mask)
    compare(
        lambda *qkv: F.scaled_dot_product_attention(*qkv, attn_mask=ours),
        lambda *qkv: _math(*qkv, attn_mask=theirs), draw(2, 4, 8), draw(2, 3, 8), draw(2, 3, 5),
        tolerance=1e-4,
    )  # fmt: skip


def test_a_query_that_sees_nothing_gives_zeros(device):
    q, mask = jrk.tensor(draw(2, 4)), jrk.tensor([[True, False], [False, False]])
    y = F.scaled_dot_product_attention(q, q, q, mask)
    assert not y.numpy()[1].any()
    assert np.isfinite(jrk.grad(y.sum(), [q])[0].numpy()).all()


def test_groups_of_heads_share_keys(device, compare):
    compare(
        lambda *qkv: F.scaled_dot_product_attention(*qkv, enable_gqa=True),
        lambda *qkv: _math(*qkv, enable_gqa=True), draw(2, 4, 5, 8), draw(2, 2, 5, 8),
        draw(2, 2, 5, 8), tolerance=1e-4,
    )  # fmt: skip


X = jrk.zeros((2, 4, 5), device="reference")
BAD = {
    "no statistics": (errors.ShapeError, lambda: F.batch_norm(X, None, None), "running_mean"),
    "one value": (errors.ShapeError, lambda: F.batch_norm(X[:1, :, :1], None, None, training=True),
                  "more than one value"),
    "weights": (errors.ShapeError, lambda: F.group_norm(X, 2, X[0, 0]), "4 channels"),
    "groups": (errors.ShapeError, lambda: F.group_norm(X, 3), "3 groups"),
    "shape": (errors.ShapeError, lambda: F.layer_norm(X, (3, 5)), r"\(3, 5\)"),
    "size": (errors.OutOfRange, lambda: F.local_response_norm(X, 0), "size=0"),
    "dim": (errors.ArgumentError, lambda: F.normalize(X, dim=1), "axis="),
    "inner sizes": (errors.ShapeError, lambda: F.scaled_dot_product_attention(X, X[..., :3], X),
                    "share the last size"),
    "two masks": (
        errors.OutOfRange,
        lambda: F.scaled_dot_product_attention(X, X, X, X[0], is_causal=True), "not both"),
    "heads": (errors.ShapeError,
              lambda: F.scaled_dot_product_attention(X[:1], X, X, enable_gqa=True), "heads"),
    "float index": (errors.DTypeError, lambda: F.embedding(X[0, 0], X[0]), "integers"),
    "table": (errors.ShapeError, lambda: F.embedding([0], X), "rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_wrong_calls(name):
    error, call, words = BAD[name]
    with pytest.raises(error, match=words):
        call()
