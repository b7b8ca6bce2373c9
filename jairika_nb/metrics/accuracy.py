"""How often a classifier is right: with its first choice, or with one of its first k."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from jairika_nb.errors import DataError, ShapeError
from jairika_nb.metrics.inputs import classes_of, host, in_range, indices, kept
from jairika_nb.metrics.metric import Metric, function_of, whole_from


@dataclass(eq=False, repr=False)
class Accuracy(Metric):
    """The share of right predictions over all batches seen.

    Predictions are class indices of the targets' shape, or scores with the classes on one more,
    last axis. With ``threshold``, scores of the targets' shape (or with a last axis of one) are
    class 1 above it. Targets equal to ``ignore_index`` do not count. Raises DataError for labels
    out of range and NaN, ShapeError for shapes that do not fit.

    >>> measure = Accuracy()
    >>> measure.update([0, 1], [0, 0]).update([2, 2], [2, 2]).value()
    0.75
    """

    threshold: float | None = None
    ignore_index: int | None = None

    name = "accuracy"
    parts = ("count", "right")

    def reset(self) -> None:
        """Forget all batches."""
        self.count = self.right = 0

    def update(self, predictions: Any, targets: Any, mask: Any = None) -> Self:
        """Take in one batch."""
        predicted, true, _ = classes_of(
            predictions, targets, mask, threshold=self.threshold, ignore_index=self.ignore_index
        )
        self.right += int((predicted == true).sum())
        self.count += true.size
        return self

    def value(self) -> float:
        """The accuracy so far; DataError before the first sample."""
        self.some()
        return self.right / self.count

    def consistent(self) -> bool:
        return self.right <= self.count


@dataclass(eq=False, repr=False)
class TopKAccuracy(Metric):
    """The share of samples whose class is among the ``k`` best scores.

    Scores have the classes on the last axis, after the targets' shape. Of equal scores the lower
    index comes first, as for ``argmax``. Raises DataError for labels out of range, NaN, and fewer
    classes than ``k``.

    >>> TopKAccuracy(k=2).update([[0.1, 0.5, 0.4], [0.6, 0.3, 0.1]], [2, 2]).value()
    0.5
    """

    k: int = 5
    ignore_index: int | None = None

    parts = ("count", "right")

    def check(self) -> None:
        whole_from("k", self.k, 1)
        self.name = f"top_{self.k}_accuracy"

    def reset(self) -> None:
        """Forget all batches."""
        self.count = self.right = 0

    def update(self, predictions: Any, targets: Any, mask: Any = None) -> Self:
        """Take in one batch."""
        true = indices("targets", host("targets", targets))
        which = kept(true, mask, self.ignore_index)
        scores, true = self._scores(predictions, true)[which], true[which].ravel()
        scores = scores.reshape(len(true), scores.shape[-1])
        if np.isnan(scores).any():
            raise DataError("scores hold NaN: classes cannot be ordered by them")
        in_range("target", true, scores.shape[-1])
        self.right += int((_ranks(scores, true) < self.k).sum())
        self.count += len(true)
        return self

    def _scores(self, predictions: Any, true: np.ndarray) -> np.ndarray:
        scores = host("predictions", predictions)
        if scores.shape[:-1] != true.shape or scores.ndim != true.ndim + 1:
            raise ShapeError(
                f"scores {scores.shape} do not fit targets {true.shape}: they have one more, last "
                "axis for the classes"
            )
        if scores.shape[-1] < self.k:
            raise DataError(f"the best {self.k} of {scores.shape[-1]} classes are always right")
        return scores

    def value(self) -> float:
        """The share so far; DataError before the first sample."""
        self.some()
        return self.right / self.count

    def consistent(self) -> bool:
        return self.right <= self.count


def _ranks(scores: np.ndarray, true: np.ndarray) -> np.ndarray:
    """How many classes come before the true one in each row."""
    own = np.take_along_axis(scores, true[:, None], axis=1)
    before = np.arange(scores.shape[1]) < true[:, None]
    return ((scores > own) | ((scores == own) & before)).sum(axis=1)


accuracy = function_of(Accuracy, "accuracy")
top_k_accuracy = function_of(TopKAccuracy, "top_k_accuracy")
