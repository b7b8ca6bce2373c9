"""Which samples a loader visits, in which order: functions of its seed and the epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import Any

import numpy as np

from jairika_nb.data.order import shuffled, uniforms
from jairika_nb.errors import DataError
from jairika_nb.tensors.plain import whole


class Sampler:
    """An order of samples: subclass it with ``__len__`` and ``order``.

    Any iterable of indices with a length does as a loader's ``sampler`` too, and is gone through
    anew in each epoch.
    """

    repeats = False  # whether one epoch may visit a sample twice

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} needs __len__ to be a sampler")

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The indices of the samples of an epoch, in the order of visiting them."""
        raise NotImplementedError(f"{type(self).__name__} needs order to be a sampler")

    def __iter__(self) -> Iterator[int]:
        return iter(self.order(0, 0).tolist())


class SequentialSampler(Sampler):
    """All samples as they stand."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __len__(self) -> int:
        return len(self.data_source)

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """0, 1, 2, ..."""
        return np.arange(len(self))


class RandomSampler(Sampler):
    """All samples in random order, or ``num_samples`` drawn with ``replacement``.

    Raises DataError for more samples than there are without replacement.

    >>> sorted(RandomSampler("abc").order(seed=0, epoch=0).tolist())
    [0, 1, 2]
    """

    def __init__(
        self, data_source: Sized, replacement: bool = False, num_samples: int | None = None
    ) -> None:
        self.data_source = data_source
        self.repeats = bool(replacement)
        self.num_samples = _count(num_samples, len(data_source), self.repeats)

    def __len__(self) -> int:
        return self.num_samples

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The drawn indices."""
        count = len(self.data_source)
        if self.repeats:
            return (uniforms(len(self), seed, epoch) * count).astype(np.int64)
        return shuffled(count, seed, epoch)[: len(self)]


class SubsetRandomSampler(Sampler):
    """The samples at ``indices`` in random order."""

    def __init__(self, indices: Any) -> None:
        self.indices = np.asarray(indices, np.int64)

    def __len__(self) -> int:
        return len(self.indices)

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The indices, shuffled."""
        return self.indices[shuffled(len(self), seed, epoch)]


class WeightedRandomSampler(Sampler):
    """``num_samples`` samples drawn with chances in proportion to ``weights``.

    ``weights`` has one number from 0 up a sample; with :func:`balanced_weights` every class is
    drawn equally often. Without ``replacement`` no sample comes twice (Efraimidis and Spirakis,
    2006). Raises DataError for weights that are negative, not finite or all zero, and for more
    samples than can be drawn.

    >>> sampler = WeightedRandomSampler([0.0, 1.0, 1.0], 5)
    >>> set(sampler.order(seed=1, epoch=0).tolist())
    {1, 2}
    """

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True) -> None:
        self.weights = np.asarray(weights, np.float64)
        self.repeats = bool(replacement)
        if (
            self.weights.ndim != 1
            or not np.isfinite(self.weights).all()
            or (self.weights < 0).any()
        ):
            raise DataError(
                f"weights of shape {self.weights.shape} must be one finite number from 0 up for "
                "each sample"
            )
        self.num_samples = _count(num_samples, int((self.weights > 0).sum()), self.repeats)

    def __len__(self) -> int:
        return self.num_samples

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The drawn indices."""
        if self.repeats:
            ends = np.cumsum(self.weights)
            drawn = uniforms(len(self), seed, epoch) * ends[-1]
            # Rounding in the sum must not reach samples of weight zero at the end.
            return np.minimum(
                np.searchsorted(ends, drawn, side="right"), np.flatnonzero(self.weights)[-1]
            )
        with np.errstate(divide="ignore"):
            keys = np.log(uniforms(len(self.weights), seed, epoch)) / self.weights
        return np.argsort(-keys, kind="stable")[: len(self)]


def balanced_weights(labels: Any) -> np.ndarray:
    """A weight for each sample, so that all classes weigh the same; their mean is 1.

    ``labels`` is (N,) of integers. scikit-learn calls these weights "balanced".

    >>> balanced_weights([0, 0, 0, 1]).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    values = np.asarray(labels)
    if values.ndim != 1 or not len(values) or values.dtype.kind not in "biu":
        raise DataError(
            f"labels of shape {values.shape} {values.dtype} must be integers, one a sample"
        )
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return len(values) / (len(counts) * counts[which])


def _count(wanted: int | None, available: int, replacement: bool) -> int:
    count = whole(available if wanted is None else wanted)
    if count is None or count < 1:
        raise DataError(f"num_samples {wanted!r} must be an integer from 1 up")
    if not available or (count > available and not replacement):
        raise DataError(
            f"{count} samples cannot be drawn from {available} that may come; use fewer"
            + ("" if replacement else " or replacement=True")
        )
    return count
