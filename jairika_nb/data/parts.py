"""Datasets made of others: some of their samples, several one after another, transformed ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from jairika_nb.data.collate import collate
from jairika_nb.data.dataset import Dataset, Transform, batch_of, check_index, read_each
from jairika_nb.data.draws import samples
from jairika_nb.errors import DataError


class Subset(Dataset):
    """Some samples of another dataset, in the order of ``indices``."""

    def __init__(self, dataset: Any, indices: np.ndarray) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices, dtype=np.int64)

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names of the whole dataset."""
        return tuple(getattr(self.dataset, "classes", ()))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.batch(np.arange(len(self))[index])
        check_index(index, len(self))
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: np.ndarray) -> Any:
        """The samples at ``indices`` of this subset."""
        return batch_of(self.dataset, self.indices[indices])

    def __repr__(self) -> str:
        return f"Subset({len(self)} of {self.dataset!r})"


class TransformedDataset(Dataset):
    """Another dataset's batches after a further transform; ``with_transform`` makes one.

    ``transform`` gets the first part of each batch, ``target_transform`` the last of several, as
    the dataset and its own transform give them.
    """

    def __init__(
        self,
        dataset: Any,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        self.dataset = dataset
        self.transform, self.target_transform = transform, target_transform

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names of the dataset."""
        return tuple(getattr(self.dataset, "classes", ()))

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.batch(np.arange(len(self))[index])
        check_index(index, len(self))
        return tuple(np.asarray(p[0]) for p in self.batch(np.array([index % len(self)])))

    def batch(self, indices: np.ndarray) -> Any:
        """The samples at ``indices``, transformed."""
        parts = list(batch_of(self.dataset, indices))
        with samples(indices):
            if self.transform is not None:
                parts[0] = self.transform(parts[0])
            if self.target_transform is not None and len(parts) > 1:
                parts[-1] = self.target_transform(parts[-1])
        return tuple(parts)

    def __repr__(self) -> str:
        return f"TransformedDataset({self.dataset!r}, {self.transform or self.target_transform})"


class ConcatDataset(Dataset):
    """Datasets one after another; ``a + b`` of two datasets is the same.

    Their samples must have the same parts with the same shapes. Raises DataError for no datasets
    or an empty one.

    >>> from jairika_nb.data import TensorDataset
    >>> both = TensorDataset([1, 2]) + TensorDataset([3])
    >>> len(both), both.batch(np.array([2, 0]))
    (3, (array([3, 1], dtype=int32),))
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        sizes = [len(d) for d in self.datasets]
        if not sizes or not all(sizes):
            raise DataError(f"ConcatDataset got datasets of {sizes} samples: each needs a sample")
        self.cumulative_sizes = np.cumsum(sizes).tolist()

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, where all the datasets have the same."""
        first, *others = (tuple(getattr(d, "classes", ())) for d in self.datasets)
        return first if all(other == first for other in others) else ()

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.batch(np.arange(len(self))[index])
        check_index(index, len(self))
        part, row = self._place(np.array([index % len(self)]))
        return self.datasets[int(part[0])][int(row[0])]

    def _place(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which dataset each sample is in, and where in it."""
        part = np.searchsorted(self.cumulative_sizes, indices, side="right")
        return part, indices - np.r_[0, self.cumulative_sizes][part]

    def batch(self, indices: np.ndarray) -> Any:
        """The samples at ``indices``, read from each dataset at once."""
        part, rows = self._place(indices)
        places = [(k, np.flatnonzero(part == k)) for k in np.unique(part)]
        found = [(at, batch_of(self.datasets[k], rows[at])) for k, at in places]
        if not all(isinstance(batch, tuple) for _, batch in found):
            return collate(read_each(self, indices), indices)
        shapes = {tuple(a.shape[1:] for a in batch) for _, batch in found}
        if len(shapes) > 1:
            raise DataError(
                f"the datasets have samples of shapes {' and '.join(map(str, sorted(shapes)))}: "
                "samples of a batch need equal parts and shapes; pad or crop them"
            )
        return tuple(_merged(len(indices), found, i) for i in range(len(found[0][1])))

    def __repr__(self) -> str:
        return f"ConcatDataset({', '.join(map(repr, self.datasets))})"


def _merged(count: int, found: list[tuple[np.ndarray, Any]], i: int) -> np.ndarray:
    arrays = [batch[i] for _, batch in found]
    out = np.empty((count, *arrays[0].shape[1:]), np.result_type(*arrays))
    for (at, _), array in zip(found, arrays, strict=True):
        out[at] = array
    return out
