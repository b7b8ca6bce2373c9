"""Which classes a classifier takes for which, and what follows from the counts alone.

Sources: J. Cohen, Educational and Psychological Measurement 20, 1960 (kappa; with weights
Psychological Bulletin 70, 1968); J. Gorodkin, Computational Biology and Chemistry 28, 2004 (the
correlation of B. Matthews for any number of classes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from html import escape
from typing import Any, Self

import numpy as np

from jairika_nb.errors import DataError, OutOfRange
from jairika_nb.metrics.inputs import classes_of
from jairika_nb.metrics.metric import Metric, function_of, one_of, shown
from jairika_nb.metrics.state import grown

MOST_CLASSES = 1 << 13  # a matrix of 512 MiB


def known_classes(classes: Any) -> tuple[int | None, tuple[str, ...]]:
    """How many classes an option ``classes`` tells of, and their names."""
    if classes is None:
        return None, ()
    if isinstance(classes, int | np.integer) and not isinstance(classes, bool):
        if classes < 1:
            raise OutOfRange(f"classes={classes} must be at least 1")
        return int(classes), ()
    if isinstance(classes, str) or not isinstance(classes, Sequence) or not classes:
        raise OutOfRange(f"classes={classes!r} must be their number or the list of their names")
    return len(classes), tuple(map(str, classes))


@dataclass(eq=False, repr=False)
class PairCounts(Metric):
    """Base of measures that need only how often each true class was taken for each class."""

    classes: int | Sequence[str] | None = None
    _: KW_ONLY
    threshold: float | None = None
    ignore_index: int | None = None

    parts = ("count", "counts")

    def check(self) -> None:
        self.size, self.names = known_classes(self.classes)
        if self.size is not None and self.size > MOST_CLASSES:
            raise OutOfRange(f"a confusion matrix of {self.size} classes takes too much memory")

    def reset(self) -> None:
        """Forget all batches."""
        self.count = 0
        self.counts = np.zeros((self.size or 0,) * 2, dtype=np.int64)

    def update(self, predictions: Any, targets: Any, mask: Any = None) -> Self:
        """Take in one batch."""
        predicted, true, _ = classes_of(
            predictions, targets, mask, threshold=self.threshold, ignore_index=self.ignore_index
        )
        if true.size:
            size = self._room(max(int(true.max()), int(predicted.max())))
            pairs = np.bincount(true * size + predicted, minlength=size * size)
            self.counts += pairs.reshape(size, size)
            self.count += true.size
        return self

    def _room(self, highest: int) -> int:
        limit = self.size if self.size is not None else MOST_CLASSES
        if highest >= limit:
            why = "" if self.size else "; is that a class index?"
            raise DataError(
                f"class {highest} does not fit a confusion matrix of {limit} classes, 0 to "
                f"{limit - 1}{why}"
            )
        size = max(highest + 1, len(self.counts))
        self.counts = grown(self.counts, (size, size))
        return size

    def consistent(self) -> bool:
        square = self.counts.shape[0] == self.counts.shape[1]
        fits = self.size is None or len(self.counts) == self.size
        return square and fits and int(self.counts.sum()) == self.count


@dataclass(eq=False, repr=False)
class ConfusionMatrix(PairCounts):
    """Counts of samples by true class (row) and predicted class (column), over all batches seen.

    ``classes`` is their number or their names; without it the matrix grows as classes appear.
    ``normalize`` gives shares instead: of the "true" class (rows add to 1), of the "pred" class
    (columns), or of "all"; a class that never came has zeros. Predictions and the other options
    are those of :class:`Accuracy`. Raises DataError for a class outside the matrix.

    >>> ConfusionMatrix(2).update([0, 1, 1], [0, 0, 1]).value().tolist()
    [[1, 1], [0, 1]]
    """

    normalize: str | None = None

    name = "confusion_matrix"

    def check(self) -> None:
        super().check()
        one_of("normalize", self.normalize, (None, "true", "pred", "all"))

    def value(self) -> np.ndarray:
        """A copy of the counts, int64 (classes, classes), or the shares, float64."""
        if self.normalize is None:
            return self.counts.copy()
        axis = {"true": 1, "pred": 0, "all": None}[self.normalize]
        total = self.counts.sum(axis=axis, keepdims=True)
        return np.divide(self.counts, total, where=total > 0, out=np.zeros(self.counts.shape))

    def accuracy(self) -> float:
        """The share on the diagonal; DataError before the first sample."""
        if not self.count:
            raise DataError("accuracy of no samples: update() it with a batch first")
        return float(np.trace(self.counts) / self.count)

    def labels(self) -> list[str]:
        """A name for each row and column."""
        return [*self.names] or [str(i) for i in range(len(self.counts))]

    def plot(self, ax: Any = None) -> Any:
        """Draw the matrix on matplotlib's Axes ``ax``, or new ones, and return them."""
        from jairika_nb.metrics.plots import plot_matrix

        return plot_matrix(self.value(), self.labels(), ax)

    def __str__(self) -> str:
        names, cells = self.labels(), [list(map(shown, row)) for row in self.value().tolist()]
        width = max(map(len, (*names, *(cell for row in cells for cell in row), ""))) + 1
        head = " " * width + "".join(f"{n:>{width}}" for n in names) + "   (columns: predicted)"
        rows = (
            f"{name:>{width}}" + "".join(f"{c:>{width}}" for c in row)
            for name, row in zip(names, cells, strict=True)
        )
        return "\n".join([head, *rows])

    def _repr_html_(self) -> str:
        names, values = [escape(n) for n in self.labels()], self.value()
        tallest = values.max(initial=0) or 1
        head = "".join(f"<th scope='col'>{n}</th>" for n in names)
        rows = "".join(
            f"<tr><th scope='row'>{name}</th>{''.join(_cell(c, tallest) for c in row)}</tr>"
            for name, row in zip(names, values.tolist(), strict=True)
        )
        caption = "<caption>rows: true class, columns: predicted</caption>"
        return f"<table>{caption}<tr><th></th>{head}</tr>{rows}</table>"


def _cell(value: float, tallest: float) -> str:
    # A tint under the number, so that both light and dark themes keep their text colour.
    shade = f"background:rgba(66,133,244,{0.6 * value / tallest:.2f})" if value else ""
    return f"<td style='text-align:right;{shade}'>{shown(value)}</td>"


@dataclass(eq=False, repr=False)
class BalancedAccuracy(PairCounts):
    """The mean of the classes' recalls, so that rare classes count as much as frequent ones.

    ``adjusted`` moves chance to 0 and leaves perfection at 1. Classes without targets do not
    count. Predictions and options are those of :class:`ConfusionMatrix`.

    >>> BalancedAccuracy().update([0, 0, 0, 0], [0, 0, 0, 1]).value()
    0.5
    """

    adjusted: bool = False

    name = "balanced_accuracy"

    def value(self) -> float:
        """The mean recall so far; DataError before the first sample, or for one class adjusted."""
        self.some()
        true = self.counts.sum(axis=1)
        score = float((np.diag(self.counts)[true > 0] / true[true > 0]).mean())
        if not self.adjusted:
            return score
        if (true > 0).sum() < 2:
            raise DataError("adjusted balanced accuracy needs targets of two classes")
        chance = 1 / int((true > 0).sum())
        return (score - chance) / (1 - chance)


@dataclass(eq=False, repr=False)
class CohenKappa(PairCounts):
    """Agreement of predictions and targets beyond chance: 1 is perfect, 0 is chance.

    ``weights`` "linear" or "quadratic" makes a mistake weigh by the distance of the class
    indices, for classes that have an order. NaN where both sides hold one and the same class.
    Predictions and the other options are those of :class:`ConfusionMatrix`.

    >>> round(CohenKappa().update([0, 0, 1, 1], [0, 0, 0, 1]).value(), 4)
    0.5
    """

    weights: str | None = None

    name = "cohen_kappa"

    def check(self) -> None:
        super().check()
        one_of("weights", self.weights, (None, "linear", "quadratic"))

    def value(self) -> float:
        """Kappa so far; DataError before the first sample."""
        self.some()
        expected = np.outer(self.counts.sum(axis=1), self.counts.sum(axis=0)) / self.count
        place = np.arange(len(self.counts))
        distance = np.abs(place[:, None] - place)
        power = {None: np.sign, "linear": np.abs, "quadratic": np.square}[self.weights]
        by_chance = float((power(distance) * expected).sum())
        if not by_chance:
            return float("nan")
        return 1 - float((power(distance) * self.counts).sum()) / by_chance


@dataclass(eq=False, repr=False)
class MatthewsCorrelation(PairCounts):
    """The correlation of predicted and true classes, from -1 to 1, for two classes or more.

    0 where either side holds a single class. Predictions and options are those of
    :class:`ConfusionMatrix`.

    >>> round(MatthewsCorrelation().update([1, 0, 1, 1], [1, 1, 1, 0]).value(), 4)
    -0.3333
    """

    name = "matthews_correlation"

    def value(self) -> float:
        """The correlation so far; DataError before the first sample."""
        self.some()
        count = float(self.count)
        true = self.counts.sum(axis=1).astype(np.float64)
        predicted = self.counts.sum(axis=0).astype(np.float64)
        spread = (count**2 - predicted @ predicted) * (count**2 - true @ true)
        if not spread:
            return 0.0
        return float((np.trace(self.counts) * count - true @ predicted) / np.sqrt(spread))


confusion_matrix = function_of(ConfusionMatrix, "confusion_matrix")
balanced_accuracy = function_of(BalancedAccuracy, "balanced_accuracy")
cohen_kappa = function_of(CohenKappa, "cohen_kappa")
matthews_correlation = function_of(MatthewsCorrelation, "matthews_correlation")
