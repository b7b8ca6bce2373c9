"""Losses that compare predictions with targets element by element.

Each takes ``reduction``: the "mean", the "sum", or "none" for every value.
"""

from __future__ import annotations

import math

from jairika_nb.errors import OutOfRange
from jairika_nb.nn.functional.reducing import (
    check_reduction,
    difference_of,
    reduced,
    weighted,
)
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.dtypes import finfo
from jairika_nb.tensors.elementwise import abs as absolute
from jairika_nb.tensors.elementwise import clip, exp, log, log1p, maximum, where
from jairika_nb.tensors.tensor import Tensor


@on_tensors
def l1_loss(
    prediction: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """Absolute differences; the mean of weighted ones is over the weights.

    >>> import jairika_nb as jrk
    >>> l1_loss(jrk.tensor([1.0, 2.0]), jrk.tensor([1.0, 4.0])).item()
    1.0
    """
    far = absolute(difference_of("l1_loss", prediction, target))
    return weighted("l1_loss", far, weight, reduction)


@on_tensors
def smooth_l1_loss(
    prediction: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Differences, squared over ``2 beta`` below ``beta``, absolute above (Girshick 2015)."""
    if beta < 0:
        raise OutOfRange(f"smooth_l1_loss: beta={beta} must be from 0 up")
    far = absolute(difference_of("smooth_l1_loss", prediction, target))
    if beta == 0:
        return reduced(far, reduction)
    return reduced(where(far < beta, far * far * (0.5 / beta), far - 0.5 * beta), reduction)


@on_tensors
def huber_loss(
    prediction: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Half the squared differences up to ``delta``, growing straight beyond it (Huber 1964).

    As in PyTorch, the mean of values times ``weight`` is over their number.
    """
    if delta <= 0:
        raise OutOfRange(f"huber_loss: delta={delta} must be above 0")
    far = absolute(difference_of("huber_loss", prediction, target))
    loss = where(far < delta, far * far * 0.5, (far - 0.5 * delta) * delta)
    return reduced(loss if weight is None else loss * weight, reduction)


@on_tensors
def binary_cross_entropy(
    prediction: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """The cross-entropy of probabilities.

    Logarithms are cut at -100 and their derivatives at 1e12, as in PyTorch: chances that were
    rounded to 0 or 1 have finite gradients.
    """
    difference_of("binary_cross_entropy", prediction, target)
    yes, no = (_log_of_chance(p) for p in (prediction, 1 - prediction))
    loss = -(target * yes + (1 - target) * no)
    return reduced(loss if weight is None else loss * weight, reduction)


def _log_of_chance(p: Tensor) -> Tensor:
    least = max(1e-12, float(finfo(p.dtype).smallest_normal))
    tiny, fixed = absolute(p) < least, p.detach()
    flat = clip(log(fixed), min=-100.0) + (p - fixed) * (1 / least)
    # The logarithm of what is not tiny alone, as 0 times an infinite derivative would be NaN.
    return where(tiny, flat, log(where(tiny, 1.0, p)))


@on_tensors
def binary_cross_entropy_with_logits(
    prediction: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """The cross-entropy of sigmoids of logits, without overflow; ``pos_weight`` scales hits."""
    difference_of("binary_cross_entropy_with_logits", prediction, target)
    share = 1.0 if pos_weight is None else (pos_weight - 1) * target + 1
    loss = (1 - target) * prediction + softplus(-prediction) * share
    return reduced(loss if weight is None else loss * weight, reduction)


def softplus(x: Tensor) -> Tensor:
    """``log(1 + exp(x))`` without overflow."""
    return log1p(exp(-absolute(x))) + maximum(x, 0.0)


@on_tensors
def kl_div(
    prediction: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """The divergence of targets from predictions, which are log-probabilities.

    ``reduction`` may also be "batchmean", the sum over the size of the first axis: the divergence
    as it is defined, where "mean" is over all values. With ``log_target`` targets are
    log-probabilities too.
    """
    check_reduction(reduction, also=("batchmean",))
    if log_target:
        loss = exp(target) * (target - prediction)
    else:
        some = target != 0
        loss = where(some, target * log(where(some, target, 1.0)), 0.0) - target * prediction
    if reduction == "batchmean":
        return loss.sum() / (prediction.shape[0] if prediction.ndim else 1)
    return reduced(loss, reduction)


@on_tensors
def poisson_nll_loss(
    prediction: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-likelihood of counts under a Poisson rate, or its logarithm.

    ``full`` adds Stirling's approximation of log(target!).
    """
    if log_input:
        loss = exp(prediction) - target * prediction
    else:
        loss = prediction - target * log(prediction + eps)
    if full:
        many = where(target > 1, target, 1.0)
        stirling = many * log(many) - many + 0.5 * log(2 * math.pi * many)
        loss = loss + where(target > 1, stirling, 0.0)
    return reduced(loss, reduction)


@on_tensors
def gaussian_nll_loss(
    prediction: Tensor,
    target: Tensor,
    var: Tensor,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-likelihood under a normal distribution of the predicted mean and ``var``.

    The variance counts at least as ``eps``, which gets no gradient; ``full`` adds log(2 pi)/2.
    """
    if var.ndim == prediction.ndim - 1 and var.shape == prediction.shape[:-1]:
        var = var.unsqueeze(-1)
    # The bound has no part in the derivative.
    var = var + (maximum(var, eps) - var).detach()
    loss = 0.5 * (log(var) + (prediction - target).square() / var)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
