"""How often a classifier is right, and what it takes for what.

Predictions are class indices shaped like the targets, or scores with the classes along one more,
last axis, of which the largest wins. Tensors and NumPy arrays are both taken.
"""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from jairika_nb.errors import DataError, ShapeError


def classes_of(predictions: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and true class indices, both flat."""
    predicted, true = np.asarray(predictions), np.asarray(targets)
    if predicted.ndim == true.ndim + 1 and predicted.shape[-1] > 0:
        predicted = predicted.argmax(-1)
    if predicted.shape != true.shape:
        raise ShapeError(
            f"predictions {np.shape(predictions)} do not fit targets {true.shape}: give class "
            "indices of the targets' shape, or scores with one more axis for the classes"
        )
    if true.dtype.kind not in "biu" or predicted.dtype.kind not in "biu":
        raise DataError(
            f"class indices must be integers, not {predicted.dtype} and {true.dtype}; "
            "round or astype them first"
        )
    return predicted.ravel(), true.ravel()


class Accuracy:
    """The share of right predictions over all batches seen.

    >>> measure = Accuracy()
    >>> measure.update([0, 1], [0, 0]).update([2, 2], [2, 2]).value()
    0.75
    """

    name = "accuracy"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self.right = self.count = 0

    def update(self, predictions: Any, targets: Any) -> Accuracy:
        """Take in one batch."""
        predicted, true = classes_of(predictions, targets)
        self.right += int((predicted == true).sum())
        self.count += true.size
        return self

    def value(self) -> float:
        """The accuracy so far; DataError before the first sample."""
        if not self.count:
            raise DataError("accuracy of no samples: update() it with a batch first")
        return self.right / self.count

    def __repr__(self) -> str:
        return f"Accuracy({self.right} of {self.count})"


class ConfusionMatrix:
    """Counts of samples by true class (row) and predicted class (column), over all batches seen.

    ``classes`` is their number or their names; without it the matrix grows as classes appear.
    Raises DataError for a class outside it.

    >>> ConfusionMatrix(2).update([0, 1, 1], [0, 0, 1]).value().tolist()
    [[1, 1], [0, 1]]
    """

    name = "confusion_matrix"

    def __init__(self, classes: int | tuple[str, ...] | list[str] | None = None) -> None:
        self.names = () if classes is None or isinstance(classes, int) else tuple(classes)
        self.size = classes if isinstance(classes, int) else len(self.names) or None
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self.counts = np.zeros((self.size or 0,) * 2, dtype=np.int64)

    def update(self, predictions: Any, targets: Any) -> ConfusionMatrix:
        """Take in one batch."""
        predicted, true = classes_of(predictions, targets)
        if not true.size:
            return self
        size = self._room(np.concatenate([predicted, true]))
        pairs = np.bincount(true.astype(np.int64) * size + predicted, minlength=size * size)
        self.counts += pairs.reshape(size, size)
        return self

    def _room(self, seen: np.ndarray) -> int:
        lowest, highest = int(seen.min()), int(seen.max())
        if lowest < 0 or (self.size is not None and highest >= self.size):
            wrong = lowest if lowest < 0 else highest
            limit = f"{self.size} classes, 0 to {self.size - 1}" if self.size else "classes from 0"
            raise DataError(f"class {wrong} does not fit a confusion matrix of {limit}")
        missing = highest + 1 - len(self.counts)
        if missing > 0:
            self.counts = np.pad(self.counts, (0, missing))
        return len(self.counts)

    def value(self) -> np.ndarray:
        """A copy of the counts, int64 (classes, classes)."""
        return self.counts.copy()

    def accuracy(self) -> float:
        """The share on the diagonal; DataError before the first sample."""
        if not self.counts.sum():
            raise DataError("accuracy of no samples: update() it with a batch first")
        return float(np.trace(self.counts) / self.counts.sum())

    def labels(self) -> list[str]:
        """A name for each row and column."""
        return [*self.names] or [str(i) for i in range(len(self.counts))]

    def __str__(self) -> str:
        names = self.labels()
        width = max([len(n) for n in names] + [len(str(self.counts.max(initial=0)))]) + 1
        head = " " * width + "".join(f"{n:>{width}}" for n in names) + "   (columns: predicted)"
        rows = (
            f"{name:>{width}}" + "".join(f"{c:>{width}}" for c in row)
            for name, row in zip(names, self.counts, strict=True)
        )
        return "\n".join([head, *rows])

    def _repr_html_(self) -> str:
        names = [escape(n) for n in self.labels()]
        tallest = max(1, int(self.counts.max(initial=0)))
        head = "".join(f"<th scope='col'>{n}</th>" for n in names)
        rows = "".join(
            f"<tr><th scope='row'>{name}</th>{''.join(_cell(c, tallest) for c in row)}</tr>"
            for name, row in zip(names, self.counts, strict=True)
        )
        caption = "<caption>rows: true class, columns: predicted</caption>"
        return f"<table>{caption}<tr><th></th>{head}</tr>{rows}</table>"


def _cell(count: int, tallest: int) -> str:
    # A tint under the number, so that both light and dark themes keep their text colour.
    shade = f"background:rgba(66,133,244,{0.6 * count / tallest:.2f})" if count else ""
    return f"<td style='text-align:right;{shade}'>{count}</td>"


def accuracy(predictions: Any, targets: Any) -> float:
    """The share of right predictions.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    return Accuracy().update(predictions, targets).value()


def confusion_matrix(
    predictions: Any, targets: Any, classes: int | tuple[str, ...] | list[str] | None = None
) -> np.ndarray:
    """Counts by true class (row) and predicted class (column), int64.

    >>> confusion_matrix([0, 1, 1], [0, 0, 1]).tolist()
    [[1, 1], [0, 1]]
    """
    return ConfusionMatrix(classes).update(predictions, targets).value()
