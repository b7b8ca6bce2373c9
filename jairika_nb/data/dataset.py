"""What a dataset is: a length, a sample at an index, and a batch at many indices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from jairika_nb.data.order import shuffled
from jairika_nb.errors import DataError, OutOfRange

Arrays = tuple[np.ndarray, ...]
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
        return collate([self[int(i)] for i in indices], indices)


class TensorDataset(Dataset):
    """Arrays that share their first axis: sample ``i`` is row ``i`` of each.

    ``transform`` is applied to the first array of every batch, so images can stay bytes in
    memory. Raises DataError for no rows, unequal lengths, or rows of unequal shapes.

    >>> dataset = TensorDataset([[1.0, 2.0], [3.0, 4.0]], [0, 1])
    >>> len(dataset), dataset[1]
    (2, (array([3., 4.], dtype=float32), array(1, dtype=int32)))
    """

    def __init__(
        self,
        *arrays: Any,
        transform: Transform | None = None,
        classes: Sequence[str] = (),
        name: str = "",
    ) -> None:
        if not arrays:
            raise DataError("TensorDataset needs at least one array, such as TensorDataset(x, y)")
        self.arrays = tuple(as_array(a, f"array {i}") for i, a in enumerate(arrays))
        self.transform = transform
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

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int | slice) -> Arrays:
        if isinstance(index, slice):
            return self.batch(np.arange(len(self))[index])
        if not -len(self) <= index < len(self):
            raise OutOfRange(
                f"sample {index} of a dataset of {len(self)}: use 0 to {len(self) - 1}"
            )
        # A view of one row is a scalar for labels; samples are arrays all the same.
        return tuple(np.asarray(part[0]) for part in self.batch(np.array([index])))

    def batch(self, indices: np.ndarray) -> Arrays:
        """The rows at ``indices`` of every array, the first one transformed."""
        first, *others = (a[indices] for a in self.arrays)
        return (self.transform(first) if self.transform else first, *others)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{a.shape} {a.dtype}" for a in self.arrays)
        return f"TensorDataset({self.name + ': ' if self.name else ''}{shapes})"


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
        _check_index(index, len(self))
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: np.ndarray) -> Arrays:
        """The samples at ``indices`` of this subset."""
        return batch_of(self.dataset, self.indices[indices])

    def __repr__(self) -> str:
        return f"Subset({len(self)} of {self.dataset!r})"


def split(dataset: Any, sizes: Iterable[int | float], seed: int = 0) -> list[Subset]:
    """Cut a dataset at random into parts of the given sizes, or of fractions that sum to 1.

    The same seed always gives the same parts. Raises DataError where the sizes do not add up to
    the dataset's length or a part would be empty.

    >>> train, test = split(TensorDataset(np.arange(10.0)), [8, 2], seed=3)
    >>> len(train), len(test), len({*train.indices, *test.indices})
    (8, 2, 10)
    """
    count, wanted = len(dataset), list(sizes)
    counts = _rows(count, wanted)
    if sum(counts) != count or any(c < 1 for c in counts):
        raise DataError(
            f"split into {wanted} of a dataset of {count}: the parts must be positive and add up "
            f"to {count}, or be fractions that add up to 1"
        )
    order = shuffled(count, seed, 0)
    ends = np.cumsum(counts)
    return [Subset(dataset, order[end - c : end]) for c, end in zip(counts, ends, strict=True)]


def _rows(count: int, sizes: list[int | float]) -> list[int]:
    fractions = any(isinstance(s, float) for s in sizes)
    if not fractions or abs(sum(sizes) - 1) > 1e-6:
        return [int(s) for s in sizes]
    # Cutting at rounded running sums, so that no sample is lost to rounding.
    ends = np.rint(np.cumsum(sizes) * count).astype(int)
    return np.diff(ends, prepend=0).tolist()


def batch_of(dataset: Any, indices: np.ndarray) -> Arrays:
    """The samples at ``indices`` of anything with ``__getitem__``, stacked."""
    own = getattr(dataset, "batch", None)
    if own is not None:
        return own(indices)
    return collate([dataset[int(i)] for i in indices], indices)


def collate(samples: Sequence[Any], indices: Sequence[int] | np.ndarray) -> Arrays:
    """Stack samples part by part; DataError names the first sample that does not fit."""
    rows = [s if isinstance(s, tuple | list) else (s,) for s in samples]
    for row, index in zip(rows, indices, strict=True):
        if len(row) != len(rows[0]):
            raise DataError(
                f"sample {index} has {len(row)} parts, sample {indices[0]} has {len(rows[0])}: "
                "all samples of a dataset need the same parts"
            )
    return tuple(_stack(part, indices) for part in zip(*rows, strict=True))


def _stack(parts: Sequence[Any], indices: Sequence[int] | np.ndarray) -> np.ndarray:
    arrays = [as_array(p, f"sample {i}") for p, i in zip(parts, indices, strict=True)]
    for array, index in zip(arrays, indices, strict=True):
        if array.shape != arrays[0].shape:
            raise DataError(
                f"sample {index} has shape {array.shape}, sample {indices[0]} has "
                f"{arrays[0].shape}: samples of a batch need equal shapes; pad or crop them"
            )
    return np.stack(arrays)


def _check_index(index: int, count: int) -> None:
    if not -count <= index < count:
        raise OutOfRange(f"sample {index} of a dataset of {count}: use 0 to {count - 1}")


def as_array(value: Any, what: str) -> np.ndarray:
    """``value`` as a numeric array; Python floats become float32, Python ints int32."""
    own = isinstance(value, np.ndarray | np.generic) or hasattr(value, "__array__")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{what} has rows of unequal lengths: pad or cut them first") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} has dtype {array.dtype}: only numbers and booleans can be learned")
    if own:
        return array
    return array.astype({"f": np.float32, "i": np.int32}.get(array.dtype.kind, array.dtype))
