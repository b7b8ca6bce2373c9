"""Inputs with mean 0 and variance 1, per feature or channel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from jairika_nb.errors import DataError

ROWS = 4096


class Normalize:
    """Subtracts the mean and divides by the standard deviation of each feature or channel.

    ``mean`` and ``std`` are numbers or one number a feature. Features lie on the last axis of
    samples (F,) and batches (N, F); channels on the third but last of (C, H, W) and (N, C, H, W).
    Another place, such as -1 for sequences (N, T, F), is named by ``axis``. Results are float32.
    Raises DataError for deviations that are not positive and for another number of features.

    >>> Normalize([1.0, 10.0], [2.0, 5.0])(np.array([[3.0, 0.0]])).tolist()
    [[1.0, -2.0]]
    """

    def __init__(self, mean: Any, std: Any, axis: int | None = None) -> None:
        self.mean = np.atleast_1d(np.asarray(mean, np.float32))
        self.std = np.atleast_1d(np.asarray(std, np.float32))
        self.axis = axis
        finite = np.isfinite(self.mean).all() and np.isfinite(self.std).all()
        if not finite or not (self.std > 0).all() or max(self.mean.ndim, self.std.ndim) > 1:
            raise DataError("Normalize needs finite means and positive deviations, one a feature")

    @classmethod
    def fit(cls, data: Any, axis: int | None = None) -> Normalize:
        """Means and deviations of an array (N, ...) or of the first part of a dataset.

        A feature that never changes only loses its mean; one with a single value stays untouched.
        Sums are float64, in one pass (Chan, Golub, LeVeque 1979). Raises DataError for values that
        are not finite.

        >>> fitted = Normalize.fit(np.array([[1.0, 10.0], [2.0, 5.0], [6.0, 0.0]]))
        >>> fitted.mean.tolist(), (fitted.std**2 * 3).round(3).tolist()
        ([3.0, 5.0], [14.0, 50.0])
        """
        count, mean, squares = 0, np.zeros(1), np.zeros(1)
        for chunk in _chunks(data):
            values = np.moveaxis(chunk, _axis(chunk, axis), -1).astype(np.float64)
            values = values.reshape(-1, values.shape[-1])
            count, mean, squares = _joined(count, mean, squares, values)
        if not np.isfinite(squares).all():
            raise DataError("Normalize.fit: the data holds values that are not finite")
        if count == 1:
            mean, squares = np.zeros_like(mean), np.zeros_like(squares)
        deviation = np.sqrt(squares / count)
        return cls(mean, np.where(deviation == 0, 1.0, deviation), axis)

    def __call__(self, values: Any) -> np.ndarray:
        array, mean, std = self._spread(values)
        return ((array - mean) / std).astype(np.float32, copy=False)

    def inverse(self, values: Any) -> np.ndarray:
        """The values before normalising."""
        array, mean, std = self._spread(values)
        return (array * std + mean).astype(np.float32, copy=False)

    def _spread(self, values: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        array = np.asarray(values)
        axis = _axis(array, self.axis)
        count, found = max(self.mean.size, self.std.size), array.shape[axis]
        if count not in (1, found):
            raise DataError(f"Normalize for {count} features got {found} in shape {array.shape}")
        shape = (-1, *(1,) * (-axis - 1))
        return array, self.mean.reshape(shape), self.std.reshape(shape)

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean.tolist()}, std={self.std.tolist()})"


def _axis(array: np.ndarray, axis: int | None) -> int:
    """The axis of the features, counted from the end."""
    if axis is None:
        if not 1 <= array.ndim <= 4:
            raise DataError(f"Normalize got shape {array.shape}; name the axis of its features")
        return -1 if array.ndim <= 2 else -3
    if not -array.ndim <= axis < 0:
        raise DataError(f"axis={axis} of shape {array.shape}: count it from the end, such as -1")
    return axis


def _chunks(data: Any) -> Iterator[np.ndarray]:
    if hasattr(data, "batch"):
        from jairika_nb.data.loader import DataLoader

        for batch in DataLoader(data, min(ROWS // 8, len(data))).arrays():
            yield batch[0]
        return
    array = np.asarray(data)
    if array.ndim < 2 or not array.size:
        raise DataError(f"Normalize.fit got shape {array.shape}: it needs samples (N, ...)")
    for start in range(0, len(array), ROWS):
        yield array[start : start + ROWS]


def _joined(
    count: int, mean: np.ndarray, squares: np.ndarray, values: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Count, mean and summed squared distances after more values have come."""
    more, their = len(values), values.mean(axis=0)
    total, shift = count + more, their - mean
    with np.errstate(invalid="ignore"):
        own = ((values - their) ** 2).sum(axis=0)
        return (
            total,
            mean + shift * (more / total),
            squares + own + shift**2 * (count * more / total),
        )
