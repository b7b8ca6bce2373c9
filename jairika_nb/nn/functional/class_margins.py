"""Losses with a margin between the scores of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.engine.dtypes import is_integer
from jairika_nb.errors import DataError, DTypeError, OutOfRange, ShapeError
from jairika_nb.nn.functional.losses import along_classes, hits
from jairika_nb.nn.functional.reducing import check_reduction, reduced
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.elementwise import maximum, where
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.scans import cumulative_prod
from jairika_nb.tensors.shaping import expand_dims
from jairika_nb.tensors.tensor import Tensor


@on_tensors
def multi_margin_loss(
    scores: Tensor,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    """How far other classes come within ``margin`` of the target's score, to the power ``p``.

    ``scores`` is (N, classes) or (classes,), ``target`` class indices (N,), or () or (1,). The sum
    over the other classes is divided by the number of classes and multiplied by the target's
    ``weight``. ``p`` is 1 or 2. Labels on the host that are no class raise DataError; on the device
    they make the loss NaN.

    >>> import jairika_nb as jrk
    >>> multi_margin_loss(jrk.tensor([[0.5, 1.0, 0.0]]), np.array([1])).item()
    0.1666666716337204
    """
    check_reduction(reduction)
    if p not in (1, 2):
        raise OutOfRange(f"multi_margin_loss: p={p!r} must be 1 or 2")
    if scores.ndim not in (1, 2):
        raise ShapeError(
            f"multi_margin_loss: scores {scores.shape} must be (N, classes) or (classes,)"
        )
    if scores.ndim == 1 and np.shape(target) == (1,):
        target = target[0]
    hit, wrong = hits(scores, target, scores.ndim - 1)
    own = where(hit, scores, 0.0).sum(axis=-1, keepdims=True)
    short = maximum(scores - own + margin, 0.0)
    each = where(hit, 0.0, short if p == 1 else short * short)
    if weight is not None:
        along = along_classes(weight, scores)
        each = each * where(hit, along, 0.0).sum(axis=-1, keepdims=True)
    loss = each.sum(axis=-1) / scores.shape[-1]
    return reduced(loss if wrong is None else where(wrong, float("nan"), loss), reduction)


@on_tensors
def multilabel_margin_loss(scores: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """How far classes that are no target come within 1 of each target's score.

    ``scores`` is (N, classes) or (classes,). ``target`` has the same shape: class indices, of which
    those before the first -1 count. The sum is divided by the number of classes.

    >>> import jairika_nb as jrk
    >>> scores = jrk.tensor([[0.1, 0.2, 0.4, 0.8]])
    >>> round(multilabel_margin_loss(scores, np.array([[3, 0, -1, 1]])).item(), 4)
    0.85
    """
    check_reduction(reduction)
    if scores.ndim not in (1, 2):
        raise ShapeError(
            f"multilabel_margin_loss: scores {scores.shape} must be (N, classes) or (classes,)"
        )
    labels = _label_sets(scores, target)
    classes = scores.shape[-1]
    counts = cumulative_prod((labels >= 0).astype(scores.dtype), axis=-1) > 0
    ramp = arange(classes, device=scores.device)
    hit = (expand_dims(labels, -1) == ramp) & expand_dims(counts, -1)
    own = where(hit, expand_dims(scores, -2), 0.0).sum(axis=-1, keepdims=True)
    short = maximum(expand_dims(scores, -2) - own + 1, 0.0)
    others = expand_dims(counts, -1) & ~expand_dims(hit.any(axis=-2), -2)
    loss = where(others, short, 0.0).sum(axis=(-2, -1)) / classes
    wrong = (counts & (labels >= classes)).any(axis=-1)
    return reduced(where(wrong, float("nan"), loss), reduction)


def _label_sets(scores: Tensor, target: Any) -> Tensor:
    given = target if isinstance(target, Tensor) else np.asarray(target)
    if tuple(given.shape) != scores.shape:
        raise ShapeError(
            f"multilabel_margin_loss: targets {tuple(given.shape)} must have the shape of the "
            f"scores, {scores.shape}; fill up with -1"
        )
    whole = is_integer(given.dtype) if isinstance(given, Tensor) else given.dtype.kind in "iu"
    if not whole:
        raise DTypeError(f"labels must be integers, not {given.dtype}; use x.astype(int)")
    if isinstance(given, Tensor):
        return given
    classes = scores.shape[-1]
    counts = np.cumprod(given >= 0, axis=-1, dtype=bool)
    wrong = given[(counts & (given >= classes)) | (given < -1)]
    if wrong.size:
        raise DataError(
            f"{wrong.size} of {given.size} labels are no class, the first is {wrong.flat[0]}: with "
            f"{classes} classes they must be 0 to {classes - 1}, then -1"
        )
    return tensor(given.astype(np.int32), device=scores.device)
