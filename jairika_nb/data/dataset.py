"""What a dataset is: a length, a sample at an index, and a batch at many indices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jairika_nb.data.collate import Arrays, as_array, collate
from jairika_nb.data.draws import occurrences, samples
from jairika_nb.errors import DataError, OutOfRange

Transform = Callable[[np.ndarray], np.ndarray]


class Dataset:
    """A collection of samples: subclass it with ``__len__`` and ``__getitem__``.

    A sample is a tuple of arrays or numbers, by custom ``(input, target)``. Overriding ``batch``
    with one that reads many samples at once is worth it where samples are small.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return float(index), float(index**2)
    >>> Squares().batch(np.array([1, 3]))
    (array([1., 3.], dtype=float32), array([1., 9.], dtype=float32))
    """

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} needs __len__ to be a dataset")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs __getitem__ to be a dataset")

    def batch(self, indices: np.ndarray) -> Arrays:
        """The samples at ``indices``, each part stacked along a new first axis."""
        return collate(read_each(self, indices), indices)

    def __add__(self, other: Any) -> Any:
        from jairika_nb.data.parts import ConcatDataset

        return ConcatDataset([self, other])

    def with_transform(
        self, transform: Transform | None = None, target_transform: Transform | None = None
    ) -> Any:
        """The same samples after a further transform: random ones for one part of a split only.

        >>> from jairika_nb.data.transforms import Lambda
        >>> TensorDataset([1.0, 2.0]).with_transform(Lambda(np.negative))[1]
        (array(-2., dtype=float32),)
        """
        from jairika_nb.data.parts import TransformedDataset

        return TransformedDataset(self, transform, target_transform)


class TensorDataset(Dataset):
    """Arrays that share their first axis: sample ``i`` is row ``i`` of each.

    ``transform`` is applied to the first array of every batch, so images can stay bytes in
    memory, ``target_transform`` to the last of several. ``classes`` are the names of the last
    array's labels. Raises DataError for no rows, unequal lengths, rows of unequal shapes, or labels
    that are no class.

    >>> dataset = TensorDataset([[1.0, 2.0], [3.0, 4.0]], [0, 1])
    >>> len(dataset), dataset[1]
    (2, (array([3., 4.], dtype=float32), array(1, dtype=int32)))
    """

    def __init__(
        self,
        *arrays: Any,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        classes: Sequence[str] = (),
        name: str = "",
    ) -> None:
        if not arrays:
            raise DataError("TensorDataset needs at least one array, such as TensorDataset(x, y)")
        self.arrays = tuple(as_array(a, f"array {i}") for i, a in enumerate(arrays))
        self.transform, self.target_transform = transform, target_transform
        self.classes = tuple(classes)
        self.name = name
        self._check()

    def _check(self) -> None:
        shapes = ", ".join(str(a.shape) for a in self.arrays)
        if any(a.ndim == 0 for a in self.arrays):
            raise DataError(f"TensorDataset got shapes {shapes}: every array needs a first axis")
        if len({len(a) for a in self.arrays}) > 1:
            raise DataError(f"TensorDataset got shapes {shapes}: the first axes must be equal")
        if not len(self):
            raise DataError(f"TensorDataset got shapes {shapes}: a dataset needs a sample")
        if self.classes:
            check_classes(self.arrays[-1], len(self.classes))

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int | slice) -> Arrays:
        if isinstance(index, slice):
            return self.batch(np.arange(len(self))[index])
        check_index(index, len(self))
        # A view of one row is a scalar for labels; samples are arrays all the same.
        return tuple(np.asarray(part[0]) for part in self.batch(np.array([index % len(self)])))

    def batch(self, indices: np.ndarray) -> Arrays:
        """The rows at ``indices`` of every array, the first and the last one transformed."""
        parts = [a[indices] for a in self.arrays]
        with samples(indices):
            if self.transform is not None:
                parts[0] = self.transform(parts[0])
            if self.target_transform is not None and len(parts) > 1:
                parts[-1] = self.target_transform(parts[-1])
        return tuple(parts)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{a.shape} {a.dtype}" for a in self.arrays)
        return f"{type(self).__name__}({self.name + ': ' if self.name else ''}{shapes})"


def batch_of(dataset: Any, indices: np.ndarray) -> Any:
    """The samples at ``indices`` of anything with ``__getitem__``, stacked."""
    own = getattr(dataset, "batch", None)
    return own(indices) if own is not None else collate(read_each(dataset, indices), indices)


def read_each(dataset: Any, indices: np.ndarray) -> list[Any]:
    """The samples at ``indices``, one by one, each with its own random numbers."""
    read = []
    for index, turn in zip(indices.tolist(), occurrences(indices).tolist(), strict=True):
        with samples((index,), (turn,)):
            read.append(dataset[index])
    return read


def check_index(index: int, count: int) -> None:
    """Raise OutOfRange for a sample that is not there."""
    if not -count <= index < count:
        raise OutOfRange(f"sample {index} of a dataset of {count}: use 0 to {count - 1}")


def check_classes(labels: np.ndarray, classes: int) -> None:
    """Raise DataError for the first label that is no class; soft labels pass."""
    if labels.dtype.kind not in "iu":
        return
    wrong = np.flatnonzero((labels.reshape(len(labels), -1) >= classes).any(axis=1))
    below = np.flatnonzero((labels.reshape(len(labels), -1) < 0).any(axis=1))
    if len(wrong) or len(below):
        row = min([*wrong[:1], *below[:1]])
        raise DataError(
            f"sample {row} has label {labels[row].tolist()}: labels of {classes} classes are 0 to "
            f"{classes - 1}"
        )
