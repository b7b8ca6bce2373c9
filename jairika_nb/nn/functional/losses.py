"""Losses with PyTorch's arithmetic.

Classes are picked by comparing labels with a ramp, which fuses with what surrounds it. Labels that
come as NumPy arrays or lists are checked here, on the host, and raise DataError when they are out
of range; labels already on the device are not read back: a wrong one makes the loss NaN, which
``fit`` reports.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from jairika_nb.engine.dtypes import is_float, is_integer
from jairika_nb.errors import DataError, DTypeError, OutOfRange, ShapeError
from jairika_nb.nn.functional.reducing import (
    check_reduction,
    difference_of,
    reduced,
    weighted,
)
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.reductions import log_softmax
from jairika_nb.tensors.shaping import expand_dims, reshape
from jairika_nb.tensors.tensor import Tensor

# Whether labels on the device are known to be classes, all of which count.
_trusted: ContextVar[bool] = ContextVar("trusted_labels", default=False)


@contextlib.contextmanager
def trusting_labels(known: bool) -> Iterator[None]:
    """Inside the block labels on the device were looked at while they were on the host."""
    token = _trusted.set(known)
    try:
        yield
    finally:
        _trusted.reset(token)


@on_tensors
def mse_loss(
    prediction: Tensor, target: Any, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """Squared differences; ``target`` must have the prediction's shape, and so must ``weight``.

    The mean of weighted values is over the weights.

    >>> import jairika_nb as jrk
    >>> mse_loss(jrk.tensor([1.0, 2.0]), jrk.tensor([1.0, 4.0])).item()
    2.0
    """
    difference = difference_of("mse_loss", prediction, _on(prediction, target))
    return weighted("mse_loss", difference * difference, weight, reduction)


@on_tensors
def cross_entropy(
    logits: Tensor,
    target: Any,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The negative log-likelihood of the targets under the softmax of ``logits``.

    ``logits`` is (classes,), (N, classes) or (N, classes, ...). ``target`` holds class indices
    without the class axis, or probabilities of the logits' shape. ``weight`` is (classes,).
    The mean is over the weights of the targets, as in PyTorch.

    >>> import jairika_nb as jrk
    >>> round(cross_entropy(jrk.tensor([[0.0, 0.0]]), np.array([1])).item(), 4)
    0.6931
    """
    check_reduction(reduction)
    if not 0 <= label_smoothing <= 1:
        raise OutOfRange(f"cross_entropy: label_smoothing={label_smoothing} is not within 0 and 1")
    axis = _class_axis("cross_entropy", logits)
    scores = log_softmax(logits, axis)
    if _is_probabilities(target, logits):
        return _soft(scores, _on(logits, target), weight, reduction, label_smoothing)
    loss, weights, kept = _picked(scores, target, weight, ignore_index)
    hard = _averaged(loss, weights, reduction)
    if not label_smoothing:
        return hard
    weighted = scores if weight is None else scores * along_classes(weight, scores)
    spread = -weighted.sum(axis=axis)
    if kept is not None:
        spread = where(kept, spread, 0.0)
    smooth = _averaged(spread, weights, reduction)
    return hard * (1 - label_smoothing) + smooth * (label_smoothing / logits.shape[axis])


@on_tensors
def nll_loss(
    scores: Tensor,
    target: Any,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """The negative of the target's entry in ``scores``, which are log-probabilities."""
    check_reduction(reduction)
    _class_axis("nll_loss", scores)
    loss, weights, _ = _picked(scores, target, weight, ignore_index)
    return _averaged(loss, weights, reduction)


def check_labels(target: np.ndarray, classes: int, ignore_index: int | None = -100) -> bool:
    """Whether none of the labels is to be ignored; DataError where one is no class."""
    ignored = target == ignore_index
    wrong = ~ignored & ((target < 0) | (target >= classes))
    if wrong.any():
        count = int(wrong.sum())
        they_are = "is" if count == 1 else "are"
        outputs = "1 output" if classes == 1 else f"{classes} outputs"
        raise DataError(
            f"{count} of {target.size} labels {they_are} no class, the first is "
            f"{target[wrong].flat[0]}: with {outputs} labels must be 0 to {classes - 1}"
        )
    return not ignored.any()


def _class_axis(name: str, scores: Tensor) -> int:
    if scores.ndim == 0:
        raise ShapeError(f"{name}: scores of shape () have no axis for the classes")
    return 0 if scores.ndim == 1 else 1


def _is_probabilities(target: Any, logits: Tensor) -> bool:
    if isinstance(target, Tensor):
        return is_float(target.dtype)
    return np.asarray(target).dtype.kind == "f"


def _on(like: Tensor, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    return tensor(np.asarray(value), dtype=like.dtype, device=like.device)


def along_classes(weight: Tensor, scores: Tensor) -> Tensor:
    """A weight for each class, so that it meets scores (N, classes, ...) or (classes,)."""
    classes = scores.shape[0 if scores.ndim == 1 else 1]
    if weight.shape != (classes,):
        raise ShapeError(f"weight of shape {weight.shape} does not fit {classes} classes")
    return reshape(weight, (classes,) + (1,) * max(0, scores.ndim - 2))


def hits(
    scores: Tensor, target: Any, axis: int, ignore_index: int | None = None
) -> tuple[Tensor, Tensor | None]:
    """Where along ``axis`` of scores the target's class is, and which targets are no class.

    None in place of the latter says that all are known to be classes.
    """
    labels, clean = _labels(scores, target, axis, ignore_index)
    hit = _ramp(scores, axis) == expand_dims(labels, axis)
    return hit, None if clean else (labels < 0) | (labels >= scores.shape[axis])


def _ramp(scores: Tensor, axis: int) -> Tensor:
    classes = scores.shape[axis]
    ramp = arange(classes, device=scores.device)
    return reshape(ramp, (classes,) + (1,) * (scores.ndim - axis - 1))


def _picked(
    scores: Tensor, target: Any, weight: Tensor | None, ignore_index: int
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The loss of each target, their weights (None: all one), which count (None: all)."""
    axis = 0 if scores.ndim == 1 else 1
    labels, clean = _labels(scores, target, axis, ignore_index)
    classes = scores.shape[axis]
    hit = expand_dims(labels, axis) == _ramp(scores, axis)
    loss = -where(hit, scores, 0.0).sum(axis=axis)
    along = None if weight is None else along_classes(weight, scores)
    weights = None if along is None else where(hit, along, 0.0).sum(axis=axis)
    kept = None
    if not clean:
        kept = labels != ignore_index
        # A label that is no class hits nothing; it must not pass as a perfect prediction.
        wrong = kept & ((labels < 0) | (labels >= classes))
        loss = where(wrong, float("nan"), where(kept, loss, 0.0))
        weights = kept.astype(scores.dtype) if weights is None else where(kept, weights, 0.0)
    return (loss if weight is None else loss * weights), weights, kept


def _labels(
    scores: Tensor, target: Any, axis: int, ignore_index: int | None
) -> tuple[Tensor, bool]:
    """Class indices on the scores' device, and whether all are known to be classes."""
    expected = scores.shape[:axis] + scores.shape[axis + 1 :]
    array = None if isinstance(target, Tensor) else np.asarray(target)
    given = target if array is None else array
    if tuple(given.shape) != expected:
        raise ShapeError(
            f"labels of shape {tuple(given.shape)} do not fit scores of shape {scores.shape}: "
            f"class indices must have shape {expected}"
        )
    if array is None:
        if not is_integer(target.dtype):
            raise DTypeError(f"labels must be integers, not {target.dtype.name}; use x.astype")
        return _signed(target), _trusted.get()
    if array.dtype.kind not in "iu":
        raise DTypeError(f"labels must be integers, not {array.dtype}; use x.astype(int)")
    clean = check_labels(array, scores.shape[axis], ignore_index)
    return tensor(array.astype(np.int32, copy=False), device=scores.device), clean


def _signed(labels: Tensor) -> Tensor:
    """Labels beside which -100 and the number of classes fit, which uint8 lacks, for instance."""
    if labels.dtype.name in ("int32", "int64"):
        return labels
    return labels.astype("int64" if labels.dtype.itemsize >= 4 else "int32")


def _soft(
    scores: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float
) -> Tensor:
    if target.shape != scores.shape:
        raise ShapeError(
            f"probabilities of shape {target.shape} do not fit scores of shape {scores.shape}: "
            "they need one shape; class indices need an integer dtype"
        )
    axis = 0 if scores.ndim == 1 else 1
    if smoothing:
        target = target * (1 - smoothing) + smoothing / scores.shape[axis]
    weighted = scores if weight is None else scores * along_classes(weight, scores)
    return reduced(-(weighted * target).sum(axis=axis), reduction)


def _averaged(loss: Tensor, weights: Tensor | None, reduction: str) -> Tensor:
    if reduction != "mean" or weights is None:
        return reduced(loss, reduction)
    return loss.sum() / weights.sum()
