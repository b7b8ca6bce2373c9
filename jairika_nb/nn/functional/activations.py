"""Activations: elementwise, except the softmax family, which works along an axis."""

from __future__ import annotations

from jairika_nb.nn.signature import axis_names
from jairika_nb.tensors import reductions
from jairika_nb.tensors.elementwise import expm1, sigmoid, tanh, where
from jairika_nb.tensors.linear import gelu, relu, silu
from jairika_nb.tensors.tensor import Tensor

__all__ = [
    "elu",
    "gelu",
    "leaky_relu",
    "log_softmax",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "tanh",
]

softmax = axis_names(reductions.softmax)
log_softmax = axis_names(reductions.log_softmax)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """``x`` above 0, else ``alpha * (exp(x) - 1)`` (Clevert et al. 2015).

    >>> import jairika_nb as jrk
    >>> elu(jrk.tensor([0.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    positive = x > 0
    # Derivatives flow through both branches, so the unused one must not overflow.
    return where(positive, x, expm1(where(positive, 0.0, x)) * alpha)


def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """``x`` above 0, else ``negative_slope * x``."""
    return where(x > 0, x, x * negative_slope)
