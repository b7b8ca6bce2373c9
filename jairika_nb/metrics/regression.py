"""How far predicted numbers are from the true ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from jairika_nb.errors import DataError, OutOfRange, ShapeError
from jairika_nb.metrics.inputs import host, kept
from jairika_nb.metrics.metric import Metric, function_of, one_of
from jairika_nb.metrics.state import Chunks


@dataclass(eq=False, repr=False)
class Regression(Metric):
    """Base of measures of numbers.

    Predictions and targets have one shape. The columns of targets (samples, outputs) are measured
    apart, and ``multioutput`` joins them: "uniform_average" is their mean, "raw_values" gives the
    array, a list of numbers weighs them, None takes all elements together. Targets of other ranks
    are always taken together. Sums are float64. Raises ShapeError for shapes that differ,
    DataError for NaN and infinities.
    """

    multioutput: str | Sequence[float] | None = "uniform_average"

    parts: ClassVar[tuple[str, ...]] = ("count", "counts", "total")
    allowed: ClassVar[tuple] = ("uniform_average", "raw_values", None)
    linear = True  # the mean of the columns' measures is the measure of all elements

    def check(self) -> None:
        if self.multioutput is None or isinstance(self.multioutput, str):
            one_of("multioutput", self.multioutput, self.allowed)
            return
        weights = np.asarray(self.multioutput, np.float64)
        if weights.ndim != 1 or not np.isfinite(weights).all() or not weights.sum():
            raise OutOfRange(f"multioutput={self.multioutput!r} holds no weights of outputs")
        self.multioutput = tuple(weights.tolist())

    def reset(self) -> None:
        """Forget all batches."""
        self.count = 0
        self.counts, self.total = np.zeros(0, np.int64), np.zeros(0)

    def update(self, predictions: Any, targets: Any, mask: Any = None) -> Self:
        """Take in one batch."""
        predicted, true, where = self._columns(predictions, targets, mask)
        if where.any():
            self._check_width(true.shape[1])
            self.count += int(where.sum())
            self.take(predicted, true, where)
        return self

    def take(self, predicted: np.ndarray, true: np.ndarray, where: np.ndarray) -> None:
        """Add a batch of columns, of which the elements under ``where`` count."""
        if not len(self.counts):
            self.reset_columns(true.shape[1])
        self.counts = self.counts + where.sum(axis=0)
        self.total = self.total + self.error(predicted - true).sum(axis=0, where=where)

    def reset_columns(self, width: int) -> None:
        """Make room for the first batch."""
        self.counts, self.total = np.zeros(width, np.int64), np.zeros(width)

    def error(self, difference: np.ndarray) -> np.ndarray:
        """What an element adds, of its difference."""
        raise NotImplementedError

    def _columns(
        self, predictions: Any, targets: Any, mask: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        predicted, true = host("predictions", predictions), host("targets", targets)
        if predicted.shape != true.shape:
            raise ShapeError(
                f"predictions {predicted.shape} and targets {true.shape} must have one shape; "
                "nothing is broadcast here, so reshape one of them"
            )
        where = np.zeros(true.shape, bool)
        where[kept(true, mask, None)] = True
        predicted, true = predicted.astype(np.float64), true.astype(np.float64)
        for what, values in (("predictions", predicted), ("targets", true)):
            if not np.isfinite(values[where]).all():
                raise DataError(f"{what} hold NaN or infinities; look at the model or its data")
        apart = true.ndim == 2 and self.multioutput is not None
        width = true.shape[1] if apart and not self._mean_of_all() else 1
        # What does not count may be NaN, and 0 * NaN would stay.
        predicted, true = (np.where(where, values, 0.0) for values in (predicted, true))
        return predicted.reshape(-1, width), true.reshape(-1, width), where.reshape(-1, width)

    def _mean_of_all(self) -> bool:
        return self.linear and self.multioutput == "uniform_average"

    def _check_width(self, width: int) -> None:
        if len(self.counts) not in (0, width):
            raise ShapeError(
                f"targets of {width} outputs follow targets of {len(self.counts)}; for sequences "
                "of any length give multioutput=None"
            )

    def merge(self, other: Metric) -> Self:
        """Take in all that ``other``, a measure of the same kind and options, has seen."""
        if isinstance(other, Regression) and len(other.counts):
            self._check_width(len(other.counts))
        return super().merge(other)

    def joined(self, values: np.ndarray, weights: Any = None) -> float | np.ndarray:
        """The columns' values as one number, or as they are."""
        if self.multioutput == "raw_values":
            return values
        if isinstance(self.multioutput, tuple):
            weights = self.multioutput
            if len(weights) != len(values):
                raise ShapeError(f"{len(weights)} weights do not fit {len(values)} outputs")
        return float(np.average(values, weights=weights))

    def means(self) -> np.ndarray:
        """The mean error of each column; DataError where one has no sample."""
        self.some()
        if not self.counts.all():
            raise DataError(f"{self.name} of no samples for output {int(self.counts.argmin())}")
        return self.total / self.counts

    def value(self) -> float | np.ndarray:
        """The measure so far; DataError before the first sample."""
        return self.joined(self.means())

    def consistent(self) -> bool:
        same = self.total.shape == self.counts.shape and int(self.counts.sum()) == self.count
        return bool(same and (self.total >= 0).all())


@dataclass(eq=False, repr=False)
class MeanSquaredError(Regression):
    """The mean of the squared differences, in squared units of the targets.

    >>> MeanSquaredError().update([3.0, 1.0], [1.0, 1.0]).value()
    2.0
    """

    name = "mean_squared_error"

    def error(self, difference: np.ndarray) -> np.ndarray:
        return difference**2


@dataclass(eq=False, repr=False)
class RootMeanSquaredError(Regression):
    """The root of the mean squared difference, in units of the targets.

    >>> RootMeanSquaredError().update([3.0, 1.0], [1.0, 1.0]).value() == 2**0.5
    True
    """

    name = "root_mean_squared_error"
    linear = False

    def error(self, difference: np.ndarray) -> np.ndarray:
        return difference**2

    def value(self) -> float | np.ndarray:
        """The measure so far; DataError before the first sample."""
        return self.joined(np.sqrt(self.means()))


@dataclass(eq=False, repr=False)
class MeanAbsoluteError(Regression):
    """The mean of the absolute differences, in units of the targets.

    >>> MeanAbsoluteError().update([3.0, 1.0], [1.0, 1.0]).value()
    1.0
    """

    name = "mean_absolute_error"

    def error(self, difference: np.ndarray) -> np.ndarray:
        return np.abs(difference)


@dataclass(eq=False, repr=False)
class MedianAbsoluteError(Regression):
    """The median of the absolute differences, in units of the targets.

    A median cannot be joined from medians of batches: all differences are kept, 8 bytes each, so
    memory grows with the samples.

    >>> MedianAbsoluteError().update([3.0, 1.0, 9.0], [1.0, 1.0, 0.0]).value()
    2.0
    """

    name = "median_absolute_error"
    parts = ("count", "counts", "differences", "places")
    linear = False

    def reset(self) -> None:
        """Forget all batches."""
        self.count = 0
        self.counts = np.zeros(0, np.int64)
        self.differences, self.places = Chunks(1, np.float64), Chunks(1, np.int64)

    def take(self, predicted: np.ndarray, true: np.ndarray, where: np.ndarray) -> None:
        seen = self.counts if len(self.counts) else np.zeros(true.shape[1], np.int64)
        self.counts = seen + where.sum(axis=0)
        self.differences.append(np.abs(predicted - true)[where])
        self.places.append(np.nonzero(where)[1])

    def value(self) -> float | np.ndarray:
        """The measure so far; DataError before the first sample."""
        self.some()
        if not self.counts.all():
            raise DataError(f"{self.name} of no samples for output {int(self.counts.argmin())}")
        differences, places = self.differences.joined(), self.places.joined()
        medians = [np.median(differences[places == i]) for i in range(len(self.counts))]
        return self.joined(np.array(medians))

    def consistent(self) -> bool:
        places = self.places.joined()
        found = np.bincount(places, minlength=len(self.counts)) if self.count < 1 << 40 else None
        same = len(self.differences.joined()) == len(places) == self.count
        return bool(same and found is not None and np.array_equal(found, self.counts))


mean_squared_error = function_of(MeanSquaredError, "mean_squared_error")
root_mean_squared_error = function_of(RootMeanSquaredError, "root_mean_squared_error")
mean_absolute_error = function_of(MeanAbsoluteError, "mean_absolute_error")
median_absolute_error = function_of(MedianAbsoluteError, "median_absolute_error")
