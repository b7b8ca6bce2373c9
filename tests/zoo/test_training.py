"""The zoo's networks learn: a few steps on a small batch make the loss fall."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim, zoo
from jairika_nb.zoo.resnet import basic_block, residual_network

RANDOM = np.random.default_rng(2)


def falls(net, x, target, loss, steps=4, lr=1e-3):
    """The losses of some compiled steps of Adam on one batch."""
    optimizer = optim.Adam(lr=lr)

    @jrk.compile
    def step(x, target):
        value = loss(net(x), target)
        optimizer.update(net, value.backward(net))
        return value

    losses = [step(x, target).item() for _ in range(steps)]
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.95 * losses[0], losses
    return losses


def images(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def entropy(logits, labels):
    return nn.functional.cross_entropy(logits, labels)


def test_a_variational_autoencoder_learns(device):
    jrk.random.seed(1)
    x = (RANDOM.uniform(size=(16, 12)) < np.linspace(0, 1, 12)).astype(np.float32)
    net = zoo.vae(12, 16, 2)
    falls(net, x, x, zoo.vae_loss, steps=8, lr=0.02)
    first, second = (net(x)["logits"].numpy() for _ in range(2))
    assert not np.array_equal(first, second)
    net.eval()
    assert np.array_equal(net(x)["logits"].numpy(), net(x)["logits"].numpy())


@pytest.mark.parametrize(
    ("make", "x", "target", "loss", "rate"),
    [
        (zoo.lenet5, images(8, 1, 32, 32), RANDOM.integers(0, 10, 8), entropy, 0.01),
        (
            lambda: residual_network(basic_block, (1, 1), 4, small=True),
            images(4, 3, 8, 8), RANDOM.integers(0, 4, 4), entropy, 0.01,
        ),
        (
            lambda: zoo.mobilenet_v2(4, width=0.25, dropout=0.0),
            images(16, 3, 32, 32), RANDOM.integers(0, 4, 16), entropy, 1e-3,
        ),
        (
            lambda: zoo.unet(1, 2, 4, 2, padding=True, batch_norm=True),
            images(2, 1, 16, 16), RANDOM.integers(0, 2, (2, 16, 16)), entropy, 0.01,
        ),
        (
            lambda: zoo.autoencoder((12, 8, 3)),
            images(16, 12), None, nn.functional.mse_loss, 0.01,
        ),
    ],
    ids=["lenet", "resnet", "mobilenet_v2", "unet", "autoencoder"],
)  # fmt: skip
def test_others_learn(make, x, target, loss, rate):
    jrk.random.seed(1)
    with jrk.device("reference"):
        falls(make(), x, x if target is None else target, loss, steps=6, lr=rate)


def test_fit_trains_a_variational_autoencoder():
    jrk.random.seed(1)
    x = RANDOM.uniform(size=(64, 12)).astype(np.float32)
    with jrk.device("reference"):
        history = jrk.fit(
            zoo.vae(12, 16, 2), (x, x), epochs=4, loss=zoo.vae_loss, progress=False,
            optimizer=optim.Adam(lr=0.01), batch_size=16, seed=0,
        )  # fmt: skip
    assert history.epochs[-1]["loss"] < history.epochs[0]["loss"]
