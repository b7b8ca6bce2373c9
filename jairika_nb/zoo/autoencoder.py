"""Autoencoders: networks that learn to give back their input through a narrow middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from jairika_nb import nn
from jairika_nb.errors import ArchitectureError
from jairika_nb.nn import functional as f
from jairika_nb.tensors.tensor import Tensor


def autoencoder(sizes: Sequence[int] = (784, 1000, 500, 250, 30)) -> nn.Sequential:
    """Linear layers down to a code and, mirrored, up again: (N, sizes[0]) to the same shape.

    The code is ``net.encoder(x)``; all but it and the output, which are linear, go through a
    sigmoid. By default the network for MNIST of G. Hinton, R. Salakhutdinov: Reducing the
    dimensionality of data with neural networks, Science 313 (2006), of 2,837,314 parameters.

    >>> import jairika_nb as jrk
    >>> net = autoencoder((8, 4, 2))
    >>> net(jrk.zeros((5, 8))).shape, net.encoder(jrk.zeros((5, 8))).shape
    ((5, 8), (5, 2))
    """
    if len(sizes) < 2:
        raise ArchitectureError(f"autoencoder: sizes={sizes!r} must be two or more, input to code")
    return nn.Sequential({"encoder": _chain(sizes), "decoder": _chain(sizes[::-1])})


def _chain(sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.Sigmoid()]
    return nn.Sequential(*layers[:-1])


def vae(size: int = 784, hidden: int = 400, latent: int = 20) -> nn.Graph:
    """A variational autoencoder of inputs (N, size) between 0 and 1.

    Gives a dict: ``logits`` of the reconstruction (N, size), ``mean`` and ``log_variance``
    (N, latent) of the code, which is drawn in training and is its mean in evaluation. Train it
    with :func:`vae_loss`; ``net.decoder(code)`` makes new samples' logits. By default 652,824
    parameters.

    D. Kingma, M. Welling: Auto-encoding variational Bayes, ICLR 2014 (arXiv 1312.6114).

    >>> import jairika_nb as jrk
    >>> {name: y.shape for name, y in vae(8, 4, 2)(jrk.zeros((5, 8))).items()}
    {'logits': (5, 8), 'mean': (5, 2), 'log_variance': (5, 2)}
    """
    x = nn.Input("x")
    inside = nn.Sequential(nn.Linear(size, hidden), nn.ReLU())(x).named("encoder")
    mean = nn.Linear(hidden, latent)(inside).named("mean")
    log_variance = nn.Linear(hidden, latent)(inside).named("log_variance")
    code = nn.GaussianSample()(mean, log_variance).named("code")
    decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, size))
    logits = decoder(code).named("decoder")
    return nn.Graph(x, {"logits": logits, "mean": mean, "log_variance": log_variance})


def vae_loss(prediction: Mapping[str, Any], target: Tensor, beta: float = 1.0) -> Tensor:
    """The negative evidence lower bound of a :func:`vae`, as the mean over the batch.

    The cross-entropy of the reconstruction and, times ``beta``, the divergence of the code from
    a standard normal distribution (Kingma and Welling 2014, appendix B; Higgins et al. 2017 for
    ``beta``), both summed over their features. ``target`` is the input again.

    >>> import jairika_nb as jrk
    >>> zero = jrk.zeros((1, 2))
    >>> loss = vae_loss({"logits": zero, "mean": zero, "log_variance": zero}, zero)
    >>> round(loss.item(), 4)
    1.3863
    """
    logits, mean, spread = (prediction[name] for name in ("logits", "mean", "log_variance"))
    entropy = f.binary_cross_entropy_with_logits(logits, target, reduction="sum")
    divergence = (mean * mean + spread.exp() - spread - 1).sum() * 0.5
    return (entropy + divergence * beta) / logits.shape[0]
