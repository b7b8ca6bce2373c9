"""Dropout: which parts go, how often, with which scale, and that evaluation leaves all as it is."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn import functional as F

torch = pytest.importorskip("torch")
# Layers, an input, and the axes along which each draws anew.
KINDS = {
    "Dropout": ((40, 50), (0, 1)),
    "Dropout1d": ((40, 50, 3), (0, 1)),
    "Dropout2d": ((40, 50, 2, 2), (0, 1)),
    "Dropout3d": ((40, 50, 2, 1, 2), (0, 1)),
    "AlphaDropout": ((40, 50), (0, 1)),
    "FeatureAlphaDropout": ((40, 50, 3), (0, 1)),
}


@pytest.mark.parametrize("name", KINDS)
def test_parts_are_dropped_as_often_as_asked_and_to_the_values_of_pytorch(device, name):
    jrk.random.seed(3)
    shape, axes = KINDS[name]
    ours, theirs = getattr(nn, name)(0.3), getattr(torch.nn, name)(0.3)
    assert repr(ours) == repr(theirs)
    x = np.full(shape, 0.75, np.float32)
    a = jrk.tensor(x)
    y = ours(a)
    got, slopes = y.numpy(), jrk.grad(y.sum(), [a])[0].numpy()
    values, wanted = np.unique(got), np.unique(theirs(torch.tensor(x)).numpy())
    assert values.shape == (2,)
    np.testing.assert_allclose(values, wanted, rtol=1e-5, atol=1e-6)
    dropped = got == values[0]
    assert dropped.mean() == pytest.approx(0.3, abs=0.04)
    # A channel goes as a whole, and its slope with it.
    whole = dropped.any(axis=tuple(range(len(axes), len(shape)))) if len(shape) > 2 else dropped
    assert whole.mean() == pytest.approx(0.3, abs=0.04)
    assert np.array_equal(slopes == 0, dropped)


@pytest.mark.parametrize("name", KINDS)
def test_evaluation_and_the_ends_of_the_range(name):
    shape, _ = KINDS[name]
    with jrk.device("reference"):
        x = jrk.ones(shape)
        assert getattr(nn, name)(0.3).eval()(x) is x
        assert getattr(nn, name)(0.0)(x) is x
        assert not getattr(nn, name)(1.0)(x).numpy().any()
        rebuilt = nn.build(getattr(nn, name)(0.2, inplace=True).architecture())
        assert (rebuilt.p, rebuilt.inplace) == (0.2, True)
        with pytest.raises(ArchitectureError, match=f"{name}: p=1.5"):
            getattr(nn, name)(1.5)
        with pytest.raises(ArchitectureError, match=f"{name}: p='high' must be a number"):
            getattr(nn, name)("high")


def test_alpha_dropout_keeps_mean_and_variance():
    jrk.random.seed(1)
    with jrk.device("reference"):
        y = F.alpha_dropout(jrk.random.normal((200, 500)), 0.2, training=True).numpy()
    assert y.mean() == pytest.approx(0, abs=0.02)
    assert y.std() == pytest.approx(1, abs=0.02)


def test_a_missing_batch_axis_and_axes_that_do_not_fit():
    with jrk.device("reference"):
        jrk.random.seed(2)
        for layer, shape in ((nn.Dropout1d, (60, 4)), (nn.Dropout3d, (60, 2, 1, 2))):
            y = layer(0.5)(jrk.ones(shape)).numpy().reshape(60, 4)
            assert set(y.mean(axis=1)) == {0.0, 2.0}
        with pytest.raises(ShapeError, match=r"Dropout1d.*\(3,\) needs 3 axes, or 2"):
            nn.Dropout1d()(jrk.ones(3))
        with pytest.raises(ShapeError, match=r"Dropout2d.*\(3, 4\) needs 4 axes"):
            nn.Dropout2d()(jrk.ones((3, 4)))
        with pytest.raises(ShapeError, match=r"FeatureAlphaDropout.*\(3,\) needs 2 axes"):
            nn.FeatureAlphaDropout()(jrk.ones(3))


def test_random_slopes(device):
    jrk.random.seed(4)
    layer, theirs = nn.RReLU(0.1, 0.5), torch.nn.RReLU(0.1, 0.5)
    assert repr(layer) == repr(theirs)
    x = jrk.tensor(np.full(4000, -2.0, np.float32))
    y = layer(x)
    slopes = jrk.grad(y.sum(), [x])[0].numpy()
    np.testing.assert_allclose(y.numpy(), -2 * slopes, rtol=1e-6)
    assert 0.1 <= slopes.min() < 0.11
    assert 0.49 < slopes.max() <= 0.5
    assert slopes.mean() == pytest.approx(0.3, abs=0.01)
    mixed = np.array([-3.0, 0.0, 2.0], np.float32)
    want = theirs.eval()(torch.tensor(mixed)).numpy()
    np.testing.assert_allclose(layer.eval()(jrk.tensor(mixed)).numpy(), want, rtol=1e-6)


def test_gumbel_softmax_draws_each_class_with_its_probability():
    jrk.random.seed(5)
    with jrk.device("reference"):
        chances = np.array([0.1, 0.6, 0.3], np.float32)
        logits = jrk.tensor(np.tile(np.log(chances), (20000, 1)))
        hard = F.gumbel_softmax(logits, hard=True)
        np.testing.assert_allclose(hard.numpy().mean(0), chances, atol=0.015)
        assert set(np.unique(hard.numpy().round(5))) == {0.0, 1.0}
        soft = F.gumbel_softmax(logits, tau=0.5, axis=1).numpy()
        np.testing.assert_allclose(soft.sum(1), 1, rtol=1e-5)
        assert np.abs(jrk.grad(hard[:, 0].sum(), [logits])[0].numpy()).max() > 0
