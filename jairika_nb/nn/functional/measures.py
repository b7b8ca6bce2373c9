"""Losses that compare predictions with targets element by element, or pairs of vectors.

Each takes ``reduction``: the "mean", the "sum", or "none" for every value.
"""

from __future__ import annotations

import math

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.nn.functional.losses import check_reduction
from jairika_nb.nn.functional.normalization import cosine_similarity
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.elementwise import abs as absolute
from jairika_nb.tensors.elementwise import clip, exp, log, log1p, maximum, minimum, where
from jairika_nb.tensors.reductions import sum as total
from jairika_nb.tensors.tensor import Tensor


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    check_reduction(reduction)
    return {"mean": loss.mean, "sum": loss.sum, "none": lambda: loss}[reduction]()


def _same_shape(asked: str, prediction: Tensor, target: Tensor) -> Tensor:
    if prediction.shape != target.shape:
        raise ShapeError(
            f"{asked}: predictions {prediction.shape} and targets {target.shape} must have one "
            "shape; reshape one, as broadcasting would compare each with all"
        )
    return prediction - target


@on_tensors
def l1_loss(prediction: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Absolute differences.

    >>> import jairika_nb as jrk
    >>> l1_loss(jrk.tensor([1.0, 2.0]), jrk.tensor([1.0, 4.0])).item()
    1.0
    """
    return _reduced(absolute(_same_shape("l1_loss", prediction, target)), reduction)


@on_tensors
def smooth_l1_loss(
    prediction: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Differences, squared over ``2 beta`` below ``beta``, absolute above (Girshick 2015)."""
    if beta < 0:
        raise OutOfRange(f"smooth_l1_loss: beta={beta} must be from 0 up")
    far = absolute(_same_shape("smooth_l1_loss", prediction, target))
    if beta == 0:
        return _reduced(far, reduction)
    return _reduced(where(far < beta, far * far * (0.5 / beta), far - 0.5 * beta), reduction)


@on_tensors
def huber_loss(
    prediction: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    """Half the squared differences up to ``delta``, growing straight beyond it (Huber 1964)."""
    if delta <= 0:
        raise OutOfRange(f"huber_loss: delta={delta} must be above 0")
    far = absolute(_same_shape("huber_loss", prediction, target))
    return _reduced(where(far < delta, far * far * 0.5, (far - 0.5 * delta) * delta), reduction)


@on_tensors
def binary_cross_entropy(
    prediction: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """The cross-entropy of probabilities; logarithms are cut at -100, as in PyTorch."""
    _same_shape("binary_cross_entropy", prediction, target)
    yes, no = (clip(log(p), min=-100.0) for p in (prediction, 1 - prediction))
    loss = -(target * yes + (1 - target) * no)
    return _reduced(loss if weight is None else loss * weight, reduction)


@on_tensors
def binary_cross_entropy_with_logits(
    prediction: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """The cross-entropy of sigmoids of logits, without overflow; ``pos_weight`` scales hits."""
    _same_shape("binary_cross_entropy_with_logits", prediction, target)
    # log(1 + exp(-x)) = log1p(exp(-|x|)) + max(-x, 0)
    softplus = log1p(exp(-absolute(prediction))) + maximum(-prediction, 0.0)
    share = 1.0 if pos_weight is None else (pos_weight - 1) * target + 1
    loss = (1 - target) * prediction + softplus * share
    return _reduced(loss if weight is None else loss * weight, reduction)


@on_tensors
def kl_div(
    prediction: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """The divergence of targets from predictions, which are log-probabilities.

    ``reduction`` may also be "batchmean", the sum over the size of the first axis.
    """
    if log_target:
        loss = exp(target) * (target - prediction)
    else:
        some = target > 0
        loss = where(some, target * log(where(some, target, 1.0)), 0.0) - target * prediction
    if reduction == "batchmean":
        return loss.sum() / prediction.shape[0]
    return _reduced(loss, reduction)


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
    return _reduced(loss, reduction)


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
    return _reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@on_tensors
def hinge_embedding_loss(
    x: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """``x`` where the target is 1, ``max(margin - x, 0)`` where it is -1."""
    loss = where(target == 1, x, 0.0) + where(target == -1, maximum(margin - x, 0.0), 0.0)
    return _reduced(loss, reduction)


@on_tensors
def margin_ranking_loss(
    x1: Tensor, x2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """``max(-target * (x1 - x2) + margin, 0)``: target 1 wants ``x1`` higher, -1 lower."""
    return _reduced(maximum(-target * (x1 - x2) + margin, 0.0), reduction)


@on_tensors
def soft_margin_loss(x: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """``log(1 + exp(-target * x))`` for targets 1 and -1."""
    return _reduced(log1p(exp(-target * x)), reduction)


@on_tensors
def multilabel_soft_margin_loss(
    x: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """The mean over classes, the last axis, of the cross-entropy of sigmoids."""
    loss = binary_cross_entropy_with_logits(x, target, weight, "none")
    return _reduced(loss.mean(axis=-1), reduction)


@on_tensors
def cosine_embedding_loss(
    x1: Tensor, x2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """``1 - cos`` of two vectors where the target is 1, ``max(cos - margin, 0)`` where it is -1."""
    cosine = cosine_similarity(x1, x2, axis=-1, eps=1e-12)
    apart = maximum(cosine - margin, 0.0)
    return _reduced(where(target == 1, 1 - cosine, where(target == -1, apart, 0.0)), reduction)


@on_tensors
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False
) -> Tensor:
    """The ``p``-norm of the difference along the last axis, to which ``eps`` is added.

    >>> import jairika_nb as jrk
    >>> round(pairwise_distance(jrk.tensor([[3.0, 4.0]]), jrk.zeros((1, 2))).item(), 3)
    5.0
    """
    far = absolute(x1 - x2 + eps)
    if p == math.inf:
        return far.max(axis=-1, keepdims=keepdims)
    return total(far ** float(p), axis=-1, keepdims=keepdims) ** (1.0 / p)


@on_tensors
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """How much nearer than ``margin`` the negative is, compared with the positive.

    With ``swap`` the negative's distance is the smaller of those to the anchor and to the positive
    (Balntas et al. 2016).
    """
    near, far = (pairwise_distance(anchor, other, p, eps) for other in (positive, negative))
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return _reduced(maximum(near - far + margin, 0.0), reduction)
