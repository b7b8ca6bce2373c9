"""Losses with a margin: of signs, of pairs and triplets of vectors.

Each takes ``reduction``: the "mean", the "sum", or "none" for every value.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jairika_nb.errors import ArgumentError, DataError, ShapeError
from jairika_nb.nn.functional.measures import binary_cross_entropy_with_logits, softplus
from jairika_nb.nn.functional.normalization import cosine_similarity
from jairika_nb.nn.functional.reducing import reduced
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.elementwise import abs as absolute
from jairika_nb.tensors.elementwise import maximum, minimum, where
from jairika_nb.tensors.reductions import sum as total
from jairika_nb.tensors.tensor import Tensor


@on_tensors
def hinge_embedding_loss(
    x: Tensor, target: Any, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """``x`` where the target is 1, ``max(margin - x, 0)`` where it is -1.

    Targets that come as arrays are looked at: DataError where one is neither.

    >>> import jairika_nb as jrk
    >>> hinge_embedding_loss(jrk.tensor([0.25, 0.25]), [1, -1], reduction="none").tolist()
    [0.25, 0.75]
    """
    target = _signs("hinge_embedding_loss", x, target)
    loss = where(target == 1, x, 0.0) + where(target == -1, maximum(margin - x, 0.0), 0.0)
    return reduced(loss, reduction)


@on_tensors
def margin_ranking_loss(
    x1: Tensor, x2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """``max(-target * (x1 - x2) + margin, 0)``: target 1 wants ``x1`` higher, -1 lower."""
    return reduced(maximum(-target * (x1 - x2) + margin, 0.0), reduction)


@on_tensors
def soft_margin_loss(x: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """``log(1 + exp(-target * x))`` for targets 1 and -1."""
    return reduced(softplus(-target * x), reduction)


@on_tensors
def multilabel_soft_margin_loss(
    x: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """The mean over classes, the last axis, of the cross-entropy of sigmoids."""
    loss = binary_cross_entropy_with_logits(x, target, weight, "none")
    return reduced(loss.mean(axis=-1), reduction)


@on_tensors
def cosine_embedding_loss(
    x1: Tensor, x2: Tensor, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """``1 - cos`` of two vectors where the target is 1, ``max(cos - margin, 0)`` where it is -1.

    Vectors lie along the last axis. Targets that come as arrays are looked at: DataError where
    one is neither.
    """
    target = _signs("cosine_embedding_loss", x1, target)
    cosine = cosine_similarity(x1, x2, axis=-1, eps=1e-12)
    apart = maximum(cosine - margin, 0.0)
    return reduced(where(target == 1, 1 - cosine, where(target == -1, apart, 0.0)), reduction)


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
    between = functools.partial(pairwise_distance, p=p, eps=eps)
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=between,
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


@on_tensors
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """As ``triplet_margin_loss``, by any distance of two tensors; by default the Euclidean one.

    >>> import jairika_nb as jrk
    >>> a, p, n = jrk.tensor([[0.0]]), jrk.tensor([[1.0]]), jrk.tensor([[3.0]])
    >>> between = lambda x, y: abs(x - y).sum(axis=-1)
    >>> triplet_margin_with_distance_loss(a, p, n, distance_function=between, margin=5.0).item()
    3.0
    """
    ranks = {anchor.ndim, positive.ndim, negative.ndim}
    if len(ranks) > 1:
        raise ShapeError(
            f"triplet loss: anchor {anchor.shape}, positive {positive.shape} and negative "
            f"{negative.shape} must have equally many axes"
        )
    between = pairwise_distance if distance_function is None else distance_function
    if not callable(between):
        raise ArgumentError(
            f"triplet loss: distance_function={between!r} must be a function of two tensors"
        )
    near, far = between(anchor, positive), between(anchor, negative)
    if swap:
        far = minimum(far, between(positive, negative))
    return reduced(maximum(near - far + margin, 0.0), reduction)


def _signs(asked: str, like: Tensor, target: Any) -> Tensor:
    """Targets as a tensor; DataError where those on the host are not all 1 or -1."""
    if isinstance(target, Tensor):
        return target
    array = np.asarray(target)
    check_signs(asked, array)
    return tensor(array, dtype=like.dtype, device=like.device)


def check_signs(asked: str, array: np.ndarray) -> None:
    """Raise DataError where targets are not all 1 or -1."""
    wrong = array[(array != 1) & (array != -1)]
    if wrong.size:
        raise DataError(
            f"{asked}: {wrong.size} of {array.size} targets are neither 1 nor -1, the first is "
            f"{wrong.flat[0]}; for classes 0 and 1 give 2 * y - 1"
        )
