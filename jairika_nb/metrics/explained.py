"""How much of the targets' variance predictions explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from jairika_nb.errors import DataError
from jairika_nb.metrics.metric import Metric, function_of
from jairika_nb.metrics.regression import Regression


@dataclass(eq=False, repr=False)
class R2(Regression):
    """The share of the targets' variance that the predictions explain: 1 is perfect.

    Predicting the mean gives 0, worse is negative. Targets without variance give 1 where they are
    met and 0 otherwise. ``multioutput`` may also be "variance_weighted". Means and variances are
    joined as in T. Chan, G. Golub, R. LeVeque, The American Statistician 37, 1983. Raises
    DataError for fewer than two samples.

    >>> R2().update([1.0, 2.0, 2.0], [1.0, 2.0, 3.0]).value()
    0.5
    """

    name = "r2"
    parts = ("count", "counts", "total", "mean", "spread")
    allowed = ("uniform_average", "raw_values", "variance_weighted", None)
    linear = False

    def reset(self) -> None:
        """Forget all batches."""
        super().reset()
        self.mean, self.spread = np.zeros((2, 0))

    def reset_columns(self, width: int) -> None:
        super().reset_columns(width)
        self.mean, self.spread = np.zeros((2, width))

    def error(self, difference: np.ndarray) -> np.ndarray:
        return difference**2

    def take(self, predicted: np.ndarray, true: np.ndarray, where: np.ndarray) -> None:
        before = self.counts
        super().take(predicted, true, where)
        counts = where.sum(axis=0)
        mean = true.sum(axis=0, where=where) / np.maximum(counts, 1)
        spread = ((true - mean) ** 2).sum(axis=0, where=where)
        self._join(before if len(before) else np.zeros_like(counts), counts, mean, spread)

    def _join(
        self, before: np.ndarray, counts: np.ndarray, mean: np.ndarray, spread: np.ndarray
    ) -> None:
        both = np.maximum(before + counts, 1)
        step = mean - self.mean
        self.mean = self.mean + step * counts / both
        self.spread = self.spread + spread + step**2 * before * counts / both

    def merge(self, other: Metric) -> Self:
        """Take in all that ``other``, a measure of the same kind and options, has seen."""
        if not isinstance(other, R2) or not len(other.counts):
            return super().merge(other)
        before, mean, spread = self.counts, self.mean, self.spread
        theirs = other.counts, other.mean, other.spread
        super().merge(other)
        width = len(other.counts)
        if not len(before):
            before = np.zeros(width, np.int64)
            mean, spread = np.zeros((2, width))
        self.mean, self.spread = mean, spread
        self._join(before, *theirs)
        return self

    def value(self) -> float | np.ndarray:
        """The measure so far; DataError before the second sample."""
        self.some()
        if self.counts.min() < 2:
            raise DataError("r2 of one sample: targets have a variance from two on")
        met = np.where(self.total == 0, 1.0, 0.0)
        scores = 1 - np.divide(self.total, self.spread, where=self.spread > 0, out=1 - met)
        weights = None
        if self.multioutput == "variance_weighted" and self.spread.any():
            weights = self.spread
        return self.joined(scores, weights)

    def consistent(self) -> bool:
        return super().consistent() and self.mean.shape == self.spread.shape == self.counts.shape


r2 = function_of(R2, "r2")
