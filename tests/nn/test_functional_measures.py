"""Losses on elements and pairs, and unpooling, against PyTorch."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors
from jairika_nb.nn import functional as F

torch = pytest.importorskip("torch")
T = torch.nn.functional
RNG = np.random.default_rng(4)


def draw(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def chances(*shape):
    return RNG.uniform(0.05, 0.95, shape).astype(np.float32)


SIGNS = np.array([1, -1, 1, -1, -1], np.float32)
LOSSES = {
    "l1_loss": ({}, draw(5, 3), draw(5, 3)),
    "smooth_l1_loss": ({"beta": 0.7}, draw(5, 3), draw(5, 3)),
    "huber_loss": ({"delta": 0.7}, draw(5, 3), draw(5, 3)),
    "binary_cross_entropy": ({}, chances(5, 3), chances(5, 3)),
    "binary_cross_entropy_with_logits": ({}, draw(5, 3) * 9, chances(5, 3)),
    "kl_div": ({}, draw(5, 3), chances(5, 3)),
    "poisson_nll_loss": ({"full": True}, draw(5, 3), chances(5, 3) * 4),
    "gaussian_nll_loss": ({"full": True}, draw(5, 3), draw(5, 3), chances(5, 3)),
    "hinge_embedding_loss": ({"margin": 0.8}, draw(5), SIGNS),
    "margin_ranking_loss": ({"margin": 0.3}, draw(5), draw(5), SIGNS),
    "soft_margin_loss": ({}, draw(5), SIGNS),
    "multilabel_soft_margin_loss": ({}, draw(5, 3), np.round(chances(5, 3))),
    "cosine_embedding_loss": ({"margin": 0.1}, draw(5, 3), draw(5, 3), SIGNS),
    "triplet_margin_loss": ({"swap": True, "p": 3.0}, draw(5, 3), draw(5, 3), draw(5, 3)),
}


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_loss(device, compare, name, reduction):
    options, *arrays = LOSSES[name]
    if arrays[-1] is SIGNS:
        *arrays, signs = arrays
        ours, theirs = [jrk.tensor(signs)], [torch.tensor(signs)]
    else:
        ours, theirs = [], []
    compare(
        lambda *a: getattr(F, name)(*a, *ours, **options, reduction=reduction),
        lambda *a: getattr(T, name)(*a, *theirs, **options, reduction=reduction),
        *arrays, tolerance=1e-4, order=1,
    )  # fmt: skip


OPTIONS = {
    "smooth_l1_loss": ({"beta": 0.0}, draw(5), draw(5)),
    "kl_div": ({"log_target": True, "reduction": "batchmean"}, draw(5, 3), draw(5, 3)),
    "poisson_nll_loss": ({"log_input": False}, chances(5), chances(5) * 3),
    "gaussian_nll_loss": ({}, draw(5, 3), draw(5, 3), chances(5)),
    "triplet_margin_loss": ({"margin": 0.2}, draw(5, 3), draw(5, 3), draw(5, 3)),
    "pairwise_distance": ({"p": 1.0}, draw(5, 3), draw(5, 3)),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options(device, compare, name):
    options, *arrays = OPTIONS[name]
    compare(lambda *a: getattr(F, name)(*a, **options), lambda *a: getattr(T, name)(*a, **options),
            *arrays, tolerance=1e-4, order=1)  # fmt: skip


def test_weights_of_hits_and_elements(device, compare):
    weight, hits = chances(3), chances(3) * 5
    ours, theirs = (
        [jrk.tensor(v) for v in (weight, hits)],
        [torch.tensor(v) for v in (weight, hits)],
    )
    compare(
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, ours[0], pos_weight=ours[1]),
        lambda x, y: T.binary_cross_entropy_with_logits(x, y, theirs[0], pos_weight=theirs[1]),
        draw(5, 3), chances(5, 3), tolerance=1e-4, order=1,
    )  # fmt: skip


def test_large_logits_do_not_overflow(device):
    x, y = jrk.tensor([500.0, -500.0]), jrk.tensor([1.0, 1.0])
    loss = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    assert loss.tolist() == [0.0, 500.0]
    assert np.isfinite(jrk.grad(loss.sum(), [x])[0].numpy()).all()


def test_chances_rounded_to_0_and_1_have_finite_gradients(device):
    logits = np.array([20.0, 20.0, -200.0, -200.0, -95.0, 0.3], np.float32)
    target = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 1.0], np.float32)
    x, y = jrk.tensor(logits), torch.tensor(logits, requires_grad=True)
    ours = F.binary_cross_entropy(jrk.sigmoid(x), target)
    theirs = T.binary_cross_entropy(torch.sigmoid(y), torch.tensor(target))
    theirs.backward()
    np.testing.assert_allclose(ours.item(), theirs.item(), rtol=1e-5)
    (gradient,) = jrk.grad(ours, [x])
    np.testing.assert_allclose(gradient.numpy(), y.grad.numpy(), rtol=1e-5, atol=1e-7)
    p = jrk.tensor([0.0, 1.0])
    (slopes,) = jrk.grad(F.binary_cross_entropy(p, np.array([1.0, 0.0]), reduction="sum"), [p])
    np.testing.assert_allclose(slopes.numpy(), [-1e12, 1e12], rtol=1e-5)
    assert np.isnan(F.binary_cross_entropy(jrk.tensor([1.2]), np.ones(1)).item())


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_unpooling_puts_maxima_back(device, rank):
    x = draw(2, 3, *(6, 4, 8)[:rank])
    values, places = getattr(F, f"max_pool{rank}d")(jrk.tensor(x), 2, return_indices=True)
    ours = getattr(F, f"max_unpool{rank}d")(values, places, 2)
    wanted = getattr(T, f"max_pool{rank}d")(torch.tensor(x), 2, return_indices=True)
    assert (ours.numpy() == getattr(T, f"max_unpool{rank}d")(*wanted, 2).numpy()).all()
    size = tuple(n + 1 for n in x.shape[2:])
    ours = getattr(F, f"max_unpool{rank}d")(values, places, 2, output_size=size)
    assert ours.shape == (2, 3, *size)


def test_channel_shuffle(device, compare):
    compare(lambda x: F.channel_shuffle(x, 3), lambda x: T.channel_shuffle(x, 3), draw(2, 6, 2, 2))


BAD = {
    "shapes": (errors.ShapeError, lambda x: F.l1_loss(x, x[0]), "one shape"),
    "reduction": (errors.OutOfRange, lambda x: F.huber_loss(x, x, "median"), "'median'"),
    "delta": (errors.OutOfRange, lambda x: F.huber_loss(x, x, delta=0), "delta=0"),
    "beta": (errors.OutOfRange, lambda x: F.smooth_l1_loss(x, x, beta=-1), "beta=-1"),
    "indices": (errors.ShapeError, lambda x: F.max_unpool1d(x, x[:1].astype("int64"), 2), "alike"),
    "groups": (errors.ShapeError, lambda x: F.channel_shuffle(x[None], 3), "3 groups"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_calls(name):
    error, call, words = BAD[name]
    with jrk.device("reference"), pytest.raises(error, match=words):
        call(jrk.zeros((2, 4)))
