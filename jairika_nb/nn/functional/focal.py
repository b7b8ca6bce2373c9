"""Focal losses, in which what is classified well already counts little (Lin et al. 2017)."""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import OutOfRange
from jairika_nb.nn.functional.losses import nll_loss
from jairika_nb.nn.functional.measures import binary_cross_entropy_with_logits
from jairika_nb.nn.functional.reducing import check_reduction, reduced
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.dtypes import finfo
from jairika_nb.tensors.elementwise import clip, expm1, sigmoid
from jairika_nb.tensors.reductions import log_softmax
from jairika_nb.tensors.tensor import Tensor


@on_tensors
def sigmoid_focal_loss(
    inputs: Tensor,
    targets: Tensor,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: str = "none",
) -> Tensor:
    """The cross-entropy of sigmoids times ``(1 - p) ** gamma``, ``p`` the target's probability.

    ``targets`` has the shape of the logits ``inputs``: 0 and 1, or probabilities. Hits count
    ``alpha`` and misses ``1 - alpha``; a negative ``alpha`` counts both as 1. As in torchvision,
    the default reduction is none.

    >>> import jairika_nb as jrk
    >>> round(sigmoid_focal_loss(jrk.tensor([0.0]), jrk.tensor([1.0])).item(), 4)
    0.0433
    """
    _check("sigmoid_focal_loss", gamma)
    if alpha > 1:
        raise OutOfRange(f"sigmoid_focal_loss: alpha={alpha} must be at most 1; negative for none")
    entropy = binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    missed = sigmoid(inputs) * (1 - targets) + sigmoid(-inputs) * targets
    loss = entropy * _power(missed, gamma)
    if alpha >= 0:
        loss = loss * (alpha * targets + (1 - alpha) * (1 - targets))
    return reduced(loss, reduction)


@on_tensors
def softmax_focal_loss(
    logits: Tensor,
    target: Any,
    weight: Tensor | None = None,
    gamma: float = 2.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """``cross_entropy`` of class indices, each times ``(1 - p) ** gamma``.

    ``logits`` is (N, classes, ...) or (classes,), ``p`` the target's share of the softmax. With
    ``gamma=0`` it is the cross-entropy; the mean is over the targets' weights, as there.

    >>> import jairika_nb as jrk
    >>> round(softmax_focal_loss(jrk.tensor([[0.0, 0.0]]), [1]).item(), 4)
    0.1733
    """
    check_reduction(reduction)
    _check("softmax_focal_loss", gamma)
    scores = log_softmax(logits, 0 if logits.ndim == 1 else 1)
    scaled = scores * _power(-expm1(scores), gamma)
    return nll_loss(scaled, target, weight, ignore_index, reduction)


def _check(asked: str, gamma: float) -> None:
    if not gamma >= 0:
        raise OutOfRange(f"{asked}: gamma={gamma} must be from 0 up")


def _power(share: Tensor, gamma: float) -> Tensor:
    # At a share of 0 a power below 1 has no derivative; above the smallest number it has.
    return clip(share, min=finfo(share.dtype).smallest_normal) ** float(gamma)
