"""Layers' arithmetic as plain functions, with PyTorch's names and ``axis`` for its ``dim``."""

from jairika_nb.nn.functional.activations import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    tanh,
)
from jairika_nb.nn.functional.layers import dropout, flatten, linear
from jairika_nb.nn.functional.losses import cross_entropy, mse_loss, nll_loss

__all__ = [
    "cross_entropy",
    "dropout",
    "elu",
    "flatten",
    "gelu",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mse_loss",
    "nll_loss",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "tanh",
]
