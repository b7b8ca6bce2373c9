"""Focal losses against their formula in PyTorch, and their gradients in double precision."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.nn import functional as F

RNG = np.random.default_rng(5)
X, SOFT = RNG.normal(size=(4, 3)) * 3, RNG.uniform(size=(4, 3))
LABELS = np.array([0, 2, 1, -100])


def sigmoid_form(torch, x, y, alpha, gamma):
    p = torch.sigmoid(x)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(x, y, reduction="none")
    loss = entropy * (1 - (p * y + (1 - p) * (1 - y))) ** gamma
    return loss * (alpha * y + (1 - alpha) * (1 - y)) if alpha >= 0 else loss


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (-1, 2.0), (0.6, 0.0), (0.25, 1.5)])
@pytest.mark.parametrize("targets", [np.round(SOFT), SOFT])
def test_sigmoid_form(alpha, gamma, targets):
    torch = pytest.importorskip("torch")
    with jrk.device("reference"):
        x, y = jrk.tensor(X, "float64"), jrk.tensor(targets, "float64")
        a, b = torch.tensor(X, requires_grad=True), torch.tensor(targets)
        loss, wanted = (
            F.sigmoid_focal_loss(x, y, alpha, gamma),
            sigmoid_form(torch, a, b, alpha, gamma),
        )
        np.testing.assert_allclose(loss.numpy(), wanted.detach(), rtol=1e-10)
        (found,) = jrk.grad(loss.sum(), [x])
        wanted.sum().backward()
        np.testing.assert_allclose(found.numpy(), a.grad, rtol=1e-8, atol=1e-12)


def test_sigmoid_form_on_devices(device):
    torch = pytest.importorskip("torch")
    x, y = X.astype(np.float32), np.round(SOFT).astype(np.float32)
    wanted = sigmoid_form(torch, torch.tensor(x), torch.tensor(y), 0.25, 2.0).mean().item()
    assert F.sigmoid_focal_loss(x, y, reduction="mean").item() == pytest.approx(wanted, rel=1e-5)


def test_softmax_form_without_gamma_is_the_cross_entropy(device):
    weight, x = np.array([0.5, 1.0, 2.0], np.float32), X.astype(np.float32)
    for reduction in ("mean", "sum"):
        focal = nn.FocalLoss(weight, gamma=0.0, reduction=reduction)(x, LABELS)
        plain = nn.CrossEntropyLoss(weight, reduction=reduction)(x, LABELS)
        assert focal.item() == pytest.approx(plain.item(), rel=1e-6)


def test_softmax_form_by_its_formula_and_finite_differences():
    with jrk.device("reference"):

        def value(x):
            p = np.exp(x - x.max(1, keepdims=True))
            p = (p / p.sum(1, keepdims=True))[np.arange(3), LABELS[:3]]
            return np.mean(-((1 - p) ** 1.5) * np.log(p))

        x = jrk.tensor(X, "float64")
        loss = F.softmax_focal_loss(x, LABELS, gamma=1.5)
        assert loss.item() == pytest.approx(value(X[:3]), rel=1e-10)
        found = jrk.grad(loss, [x])[0].numpy()
        step = 1e-6
        for place in np.ndindex(3, 3):
            ends = []
            for sign in (1, -1):
                moved = X[:3].copy()
                moved[place] += sign * step
                ends.append(value(moved))
            assert found[place] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-7)
        assert not found[3].any()


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_certain_predictions_have_a_finite_gradient(device, gamma):
    x = jrk.tensor([[200.0, -200.0], [-200.0, 200.0]])
    loss = F.sigmoid_focal_loss(x, jrk.tensor([[1.0, 0.0], [1.0, 1.0]]), gamma=gamma).sum()
    loss = loss + F.softmax_focal_loss(x, [0, 0], gamma=gamma)
    assert np.isfinite(loss.item())
    assert np.isfinite(jrk.grad(loss, [x])[0].numpy()).all()
