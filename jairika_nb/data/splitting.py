"""Cutting a dataset into parts at random."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from jairika_nb.data.draws import occurrences
from jairika_nb.data.order import shuffled
from jairika_nb.data.parts import Subset
from jairika_nb.errors import DataError


def split(
    dataset: Any, sizes: Iterable[int | float], seed: int = 0, stratify: Any = None
) -> list[Subset]:
    """Cut a dataset at random into parts of the given sizes, or of fractions that sum to 1.

    The same seed always gives the same parts. ``stratify`` is the class of each sample, integers or
    texts; then every part has each class in proportion. Raises DataError where the sizes do not add
    up to the dataset's length or a part would be empty.

    >>> from jairika_nb.data import TensorDataset
    >>> train, test = split(TensorDataset(np.arange(10.0)), [8, 2], seed=3)
    >>> len(train), len(test), len({*train.indices, *test.indices})
    (8, 2, 10)
    """
    counts = part_sizes(len(dataset), list(sizes))
    order = shuffled(len(dataset), seed, 0)
    if stratify is not None:
        order = _in_proportion(order, np.asarray(stratify))
    ends = np.cumsum(counts)
    return [Subset(dataset, order[end - c : end]) for c, end in zip(counts, ends, strict=True)]


def _in_proportion(order: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """An order whose every stretch has each class about as often as the whole does."""
    if labels.shape != order.shape:
        raise DataError(
            f"stratify has shape {labels.shape}; give the class of each of {len(order)}"
        )
    _, classes, counts = np.unique(labels[order], return_inverse=True, return_counts=True)
    # Samples of a class are spread evenly over 0 to 1; equal places keep their random order.
    place = (occurrences(classes) + 0.5) / counts[classes]
    return order[np.argsort(place, kind="stable")]


def part_sizes(count: int, sizes: list[int | float]) -> list[int]:
    """How many of ``count`` samples each part gets; DataError where sizes do not add up."""
    counts = _rows(count, sizes)
    if sum(counts) != count or any(c < 1 for c in counts):
        raise DataError(
            f"split into {sizes} of a dataset of {count}: the parts must be positive and add up "
            f"to {count}, or be fractions that add up to 1"
        )
    return counts


def _rows(count: int, sizes: list[int | float]) -> list[int]:
    fractions = any(isinstance(s, float | np.floating) for s in sizes)
    if not fractions or abs(sum(sizes) - 1) > 1e-6:
        return [int(s) for s in sizes]
    # Cutting at rounded running sums, so that no sample is lost to rounding.
    ends = np.rint(np.cumsum(sizes) * count).astype(int)
    return np.diff(ends, prepend=0).tolist()
