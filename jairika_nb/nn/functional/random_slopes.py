"""Activations that draw random numbers."""

from __future__ import annotations

from jairika_nb.errors import OutOfRange
from jairika_nb.nn.signature import axis_names
from jairika_nb.tensors import random
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.elementwise import log, where
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.reductions import argmax, softmax
from jairika_nb.tensors.shaping import normal_axes
from jairika_nb.tensors.tensor import Tensor


@on_tensors
def rrelu(
    x: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """``x`` above 0, else ``x`` times a slope drawn from [lower, upper), or their mean.

    The slopes, one for each element, are drawn in training only; ``inplace`` has no effect.
    Source: Xu et al., "Empirical evaluation of rectified activations", 2015.

    >>> import jairika_nb as jrk
    >>> rrelu(jrk.tensor([-4.0, 2.0]), 0.0, 0.5).tolist()
    [-1.0, 2.0]
    """
    if not lower <= upper:
        raise OutOfRange(f"rrelu: lower={lower} exceeds upper={upper}")
    if not training:
        return where(x >= 0, x, x * ((lower + upper) / 2))
    slopes = random.uniform(x.shape, lower, upper, dtype=x.dtype, device=x.device)
    return where(x >= 0, x, x * slopes)


@axis_names
@on_tensors
def gumbel_softmax(
    logits: Tensor, tau: float = 1.0, hard: bool = False, eps: float = 1e-10, axis: int = -1
) -> Tensor:
    """Random points near the corners of the simplex along ``axis``, by the Gumbel trick.

    ``tau`` is the temperature: low ones are near one-hot. With ``hard`` the values are one-hot,
    and the derivatives those of the soft ones. ``eps`` has no effect. Source: Jang et al.,
    "Categorical reparameterization with Gumbel-softmax", 2017.

    >>> import jairika_nb as jrk
    >>> sorted(gumbel_softmax(jrk.zeros(3), hard=True).tolist())
    [0.0, 0.0, 1.0]
    """
    (at,) = normal_axes("gumbel_softmax", axis, logits.shape)
    # A uniform draw may be 0, and an exponential one that is 0 has no logarithm.
    unit = random.uniform(logits.shape, device=logits.device) + 2.0**-25
    noise = (-log(-log(unit))).astype(logits.dtype)
    soft = softmax((logits + noise) / tau, axis=at)
    if not hard:
        return soft
    places = arange(logits.shape[at], device=logits.device)
    places = places.reshape((-1, *(1,) * (logits.ndim - 1 - at)))
    one = (places == argmax(soft, axis=at, keepdims=True)).astype(soft.dtype)
    return one + (soft - soft.detach())
