"""How predictions and targets come in: class indices or scores, tensors or arrays, masked or not.

Predictions are class indices shaped like the targets, or scores with the classes along one more,
last axis, of which the largest wins (the first of equals). Of scores on a device only the winners
are fetched. With a ``threshold``, scores of the targets' shape are class 1 where they are above.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.errors import DataError, ShapeError
from jairika_nb.tensors.autograd import eval as compute
from jairika_nb.tensors.tensor import Tensor


def host(what: str, values: Any) -> np.ndarray:
    """Values as a NumPy array of numbers; raises DataError for anything else."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise ShapeError(f"{what} are no array: their rows differ in length") from None
    if array.dtype.kind == "V" and array.dtype.name == "bfloat16":
        return array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} of {array.dtype} are no numbers; map names to indices first")
    return array


def kept(targets: np.ndarray, mask: Any, ignore_index: int | None) -> np.ndarray | slice:
    """Which targets count, as an index: those under the mask that are not ``ignore_index``."""
    chosen = None if ignore_index is None else targets != ignore_index
    if mask is None:
        return slice(None) if chosen is None else chosen
    wanted = np.asarray(mask)
    if wanted.dtype.kind != "b" or wanted.shape != targets.shape[: wanted.ndim]:
        raise ShapeError(
            f"mask {wanted.shape} of {wanted.dtype} does not fit targets {targets.shape}: "
            "it is boolean and has the targets' shape or its first axes"
        )
    wanted = wanted.reshape(wanted.shape + (1,) * (targets.ndim - wanted.ndim))
    wanted = np.broadcast_to(wanted, targets.shape)
    return wanted if chosen is None else wanted & chosen


def of_labels(predictions: Any, targets: Any, mask: Any) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and targets of several labels that count, (samples, labels)."""
    said, true = host("predictions", predictions), host("targets", targets)
    if said.shape != true.shape or true.ndim < 2:
        raise ShapeError(
            f"predictions {said.shape} and targets {true.shape} of several labels have one shape, "
            "with the labels on the last axis"
        )
    which = kept(true[..., 0], mask, None)
    return said[which].reshape(-1, said.shape[-1]), true[which].reshape(-1, said.shape[-1])


def classes_of(
    predictions: Any,
    targets: Any,
    mask: Any = None,
    *,
    threshold: float | None = None,
    ignore_index: int | None = None,
) -> tuple[np.ndarray, np.ndarray, int | None]:
    """Predicted and true classes that count, both flat, and how many classes scores were for.

    Raises ShapeError where shapes do not fit, DataError for what is no class index or NaN.
    """
    true = host("targets", targets)
    predicted, bad, size = _decided(predictions, true, threshold)
    true = indices("targets", true, float_too=threshold is not None)
    which = kept(true, mask, ignore_index)
    predicted, true = predicted[which].ravel(), true[which].ravel()
    if bad is not None and bad[which].any():
        raise DataError("scores hold NaN: no class can be chosen; look at the model or its data")
    in_range("target", true, size)
    in_range("prediction", predicted, size)
    return predicted, true, size


def _decided(
    predictions: Any, true: np.ndarray, threshold: float | None
) -> tuple[np.ndarray, np.ndarray | None, int | None]:
    if not isinstance(predictions, Tensor):
        predictions = host("predictions", predictions)
    shape = tuple(predictions.shape)
    if shape[:-1] == true.shape and len(shape) == true.ndim + 1 and shape[-1] > 0:
        if shape[-1] == 1:
            return _decided(_squeezed(predictions, threshold), true, threshold)
        return *_winners(predictions), shape[-1]
    if shape != true.shape:
        raise ShapeError(
            f"predictions {shape} do not fit targets {true.shape}: give class indices of the "
            "targets' shape, or scores with one more, last axis for the classes"
        )
    values = host("predictions", predictions)
    if threshold is None or values.dtype.kind != "f":
        return indices("predictions", values), None, None if threshold is None else 2
    return (values > threshold).astype(np.int64), np.isnan(values), 2


def _squeezed(predictions: Any, threshold: float | None) -> np.ndarray:
    if threshold is None:
        raise DataError(
            f"predictions {tuple(predictions.shape)} hold one score for each target, whose "
            "class only a threshold tells: give threshold=0.5 for probabilities, 0.0 for logits"
        )
    return host("predictions", predictions)[..., 0]


def _winners(scores: Any) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(scores, Tensor):
        best, bad = scores.argmax(-1), (scores != scores).any(axis=-1)
        compute(best, bad)
        return np.asarray(best), np.asarray(bad)
    array = host("predictions", scores)
    return array.argmax(-1), np.isnan(array).any(-1)


def indices(what: str, values: np.ndarray, float_too: bool = False) -> np.ndarray:
    """Class indices as int64; floats only where they are whole and ``float_too`` says so."""
    if values.dtype.kind == "f" and not (float_too and (values == np.round(values)).all()):
        raise DataError(
            f"{what} of {values.dtype} are no class indices, which are integers: astype them "
            "first, or give threshold= where they are scores of one class"
        )
    if values.dtype == np.uint64 and values.size and values.max() > np.iinfo(np.int64).max:
        raise DataError(f"{what} hold {values.max()}, which is no class index")
    return values.astype(np.int64)


def in_range(what: str, classes: np.ndarray, size: int | None) -> None:
    """Raise DataError for a class below 0, or not below ``size`` where that is known."""
    if not classes.size:
        return
    lowest, highest = int(classes.min()), int(classes.max())
    if lowest < 0:
        raise DataError(
            f"{what} class {lowest} is below 0; give ignore_index={lowest} to leave such out"
        )
    if size is not None and highest >= size:
        raise DataError(f"{what} class {highest} is none of {size} classes, 0 to {size - 1}")
