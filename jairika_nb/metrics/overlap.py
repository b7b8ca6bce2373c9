"""How well the samples predicted as a class overlap with those that are of it.

Precision, recall, F and Jaccard's index all follow from three counts by class: right predictions,
predictions, and targets. Source: C. van Rijsbergen, Information Retrieval, 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np

from jairika_nb.errors import DataError, OutOfRange, ShapeError
from jairika_nb.metrics.confusion import known_classes
from jairika_nb.metrics.inputs import classes_of, in_range, of_labels
from jairika_nb.metrics.metric import Metric, function_of, one_of
from jairika_nb.metrics.state import grown

MOST_CLASSES = 1 << 24
AVERAGES = ("binary", "micro", "macro", "weighted", None)


@dataclass(eq=False, repr=False)
class Overlap(Metric):
    """Base of precision, recall, F and Jaccard's index.

    ``average`` is "binary" (class ``pos_label`` of the classes 0 and 1), "micro" (all classes'
    counts together), "macro" (mean over classes), "weighted" (mean weighted by targets) or None
    (an array with one value for each class). Without ``classes``, their number or their names,
    means are over the classes seen in predictions or targets. ``zero_division`` (0, 1 or NaN)
    stands for nothing over nothing; NaN leaves a class out of means. ``multilabel`` says that the
    last axis of both holds one yes or no for each class. Predictions, ``threshold`` and
    ``ignore_index`` are those of :class:`Accuracy`.
    """

    average: str | None = "binary"
    _: KW_ONLY
    pos_label: int = 1
    zero_division: float = 0.0
    classes: int | Sequence[str] | None = None
    threshold: float | None = None
    ignore_index: int | None = None
    multilabel: bool = False

    parts = ("count", "right", "predicted", "true")

    def check(self) -> None:
        one_of("average", self.average, AVERAGES)
        if self.pos_label not in (0, 1):
            raise OutOfRange(f"pos_label={self.pos_label!r} is neither 0 nor 1")
        if self.zero_division not in (0, 1) and self.zero_division == self.zero_division:
            raise OutOfRange(f"zero_division={self.zero_division!r} is none of 0, 1 and NaN")
        if self.multilabel and (self.average == "binary" or self.ignore_index is not None):
            raise OutOfRange(
                f"multilabel does not go with average={self.average!r} and "
                f"ignore_index={self.ignore_index}: choose another average, mask samples"
            )
        self.size, self.names = known_classes(self.classes)

    def reset(self) -> None:
        """Forget all batches."""
        self.count = 0
        self.right, self.predicted, self.true = np.zeros((3, self.size or 0), np.int64)

    def update(self, predictions: Any, targets: Any, mask: Any = None) -> Self:
        """Take in one batch."""
        if self.multilabel:
            return self._update_labels(predictions, targets, mask)
        predicted, true, _ = classes_of(
            predictions, targets, mask, threshold=self.threshold, ignore_index=self.ignore_index
        )
        if true.size:
            limit = MOST_CLASSES if self.size is None else self.size
            in_range("target", true, limit)
            in_range("prediction", predicted, limit)
            self._add(*map(np.bincount, (true[true == predicted], predicted, true)))
            self.count += true.size
        return self

    def _update_labels(self, predictions: Any, targets: Any, mask: Any) -> Self:
        said, so = of_labels(predictions, targets, mask)
        width = said.shape[1]
        if self.right.size not in (0, width):
            raise ShapeError(f"{width} labels follow batches of {self.right.size}")
        said, so, _ = classes_of(said, so, threshold=self.threshold)
        in_range("target", so, 2)
        in_range("prediction", said, 2)
        said, so = said.reshape(-1, width), so.reshape(-1, width)
        self._add((said * so).sum(0), said.sum(0), so.sum(0))
        self.count += len(so)
        return self

    def _add(self, *batch: np.ndarray) -> None:
        size = max(len(self.true), *map(len, batch))
        self.right, self.predicted, self.true = (
            grown(old, (size,)) + grown(new, (size,))
            for old, new in zip((self.right, self.predicted, self.true), batch, strict=True)
        )

    def value(self) -> float | np.ndarray:
        """The measure so far; DataError before the first sample."""
        self.some()
        right, predicted, true = self.right, self.predicted, self.true
        if self.average == "micro":
            right, predicted, true = (c.sum(keepdims=True) for c in (right, predicted, true))
        above, below = self.ratio(right, predicted, true)
        empty = np.full(len(right), float(self.zero_division))
        shares = np.divide(above, below, where=below > 0, out=empty)
        if self.average is None:
            return shares
        if self.average == "binary":
            return self._positive(shares)
        return self._mean(shares)

    def ratio(self, right: Any, predicted: Any, true: Any) -> tuple[np.ndarray, np.ndarray]:
        """What the measure divides by what, for each class."""
        raise NotImplementedError

    def _positive(self, shares: np.ndarray) -> float:
        if len(shares) > 2:
            raise DataError(
                f"{self.name} with average='binary' is for classes 0 and 1, but there are "
                f"{len(shares)}: choose average='macro', 'micro', 'weighted' or None"
            )
        seen = self.pos_label < len(shares)
        return float(shares[self.pos_label]) if seen else float(self.zero_division)

    def _mean(self, shares: np.ndarray) -> float:
        counted = ~np.isnan(shares)
        if self.average != "micro" and self.size is None and not self.multilabel:
            counted &= self.true + self.predicted > 0
        if not counted.any():
            return float("nan")
        weights = self.true[counted] if self.average == "weighted" else None
        if weights is not None and not weights.sum():
            weights = None
        return float(np.average(shares[counted], weights=weights))

    def consistent(self) -> bool:
        sizes = {len(self.right), len(self.predicted), len(self.true)}
        fits = self.size is None or sizes == {self.size}
        enough = fits and len(sizes) == 1 and (self.right <= self.true).all()
        return bool(enough and (self.right <= self.predicted).all())

    def rows(self) -> list[tuple[str, Any]]:
        value = self.value()
        if self.average is not None:
            return [(self.name, value)]
        names = self.names or tuple(map(str, range(np.size(value))))
        return [
            (f"{self.name} {n}", v) for n, v in zip(names, np.ravel(value).tolist(), strict=True)
        ]


@dataclass(eq=False, repr=False)
class Precision(Overlap):
    """The share of the samples predicted as a class that are of it.

    >>> Precision().update([1, 1, 0, 1], [1, 0, 0, 1]).value() == 2 / 3
    True
    """

    name = "precision"

    def ratio(self, right: Any, predicted: Any, true: Any) -> tuple[np.ndarray, np.ndarray]:
        return right, predicted


@dataclass(eq=False, repr=False)
class Recall(Overlap):
    """The share of the samples of a class that are predicted as it.

    >>> Recall(None).update([0, 1, 0, 2], [0, 1, 1, 2]).value().tolist()
    [1.0, 0.5, 1.0]
    """

    name = "recall"

    def ratio(self, right: Any, predicted: Any, true: Any) -> tuple[np.ndarray, np.ndarray]:
        return right, true


@dataclass(eq=False, repr=False)
class FBeta(Overlap):
    """The harmonic mean of precision and recall, recall weighing ``beta`` squared as much.

    >>> FBeta(beta=2.0).update([1, 1, 0, 1], [1, 0, 0, 1]).value() == 10 / 11
    True
    """

    beta: float = 1.0

    name = "fbeta"

    def check(self) -> None:
        super().check()
        if not self.beta >= 0:
            raise OutOfRange(f"beta={self.beta!r} must be at least 0")

    def ratio(self, right: Any, predicted: Any, true: Any) -> tuple[np.ndarray, np.ndarray]:
        if math.isinf(self.beta):
            return right, true
        square = self.beta**2
        return (1 + square) * right, square * true + predicted


@dataclass(eq=False, repr=False)
class F1(Overlap):
    """The harmonic mean of precision and recall.

    >>> F1("macro").update([0, 1, 1, 2], [0, 1, 1, 1]).value() == (1 + 0.8 + 0) / 3
    True
    """

    name = "f1"

    def ratio(self, right: Any, predicted: Any, true: Any) -> tuple[np.ndarray, np.ndarray]:
        return 2 * right, true + predicted


@dataclass(eq=False, repr=False)
class Jaccard(Overlap):
    """The samples both predicted as a class and of it, among those that are either.

    Also known as intersection over union, with masks of images as classes.

    >>> Jaccard().update([1, 1, 0, 1], [1, 0, 1, 1]).value()
    0.5
    """

    name = "jaccard"

    def ratio(self, right: Any, predicted: Any, true: Any) -> tuple[np.ndarray, np.ndarray]:
        return right, predicted + true - right


precision = function_of(Precision, "precision")
recall = function_of(Recall, "recall")
fbeta = function_of(FBeta, "fbeta")
f1 = function_of(F1, "f1")
jaccard = function_of(Jaccard, "jaccard")
