"""Arrays in HDF5 files, read batch by batch."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb.data.dataset import Dataset, Transform, check_classes, check_index
from jairika_nb.data.draws import samples
from jairika_nb.errors import DataError

# A chunk is unpacked as a whole however little of it is asked for.
LARGEST_CHUNK = 1 << 30


class HDF5Dataset(Dataset):
    """Arrays of an HDF5 file with equal first axes; only the rows of a batch are read.

    ``names`` are the arrays' paths in the file, inputs first. The file is opened where it is first
    read, so that worker processes open it themselves. ``transform`` is applied to the first array
    of every batch, ``target_transform`` to the last. Raises DataError for missing, foreign or
    damaged files, for what are no numbers, and for arrays that lie in other files, which are not
    followed.

    >>> import h5py, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with h5py.File(f"{folder}/set.h5", "w") as file:
    ...         file["x"], file["y"] = np.eye(3), np.arange(3)
    ...     dataset = HDF5Dataset(f"{folder}/set.h5", ["x", "y"])
    ...     x, y = dataset.batch(np.array([2, 0]))
    ...     dataset.close()
    >>> y.tolist()
    [2, 0]
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        names: str | Sequence[str],
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        classes: Sequence[str] = (),
    ) -> None:
        self.path = Path(path)
        self.names = [names] if isinstance(names, str) else list(names)
        self.transform, self.target_transform = transform, target_transform
        self.classes = tuple(classes)
        self._file: Any = None
        self._length = self._check()

    def _check(self) -> int:
        if not self.names:
            raise DataError("HDF5Dataset needs the name of an array in the file")
        with _damage_told(self.path):
            shapes = [array.shape for array in self._arrays()]
        if any(not shape for shape in shapes) or len({shape[0] for shape in shapes}) > 1:
            raise DataError(
                f"{self.path}: {self.names} have shapes {shapes}; first axes must be equal"
            )
        if not shapes[0][0]:
            raise DataError(f"{self.path}: {self.names} hold no sample")
        if self.classes:
            with _damage_told(self.path):
                labels = self._arrays()[-1][:]
            check_classes(labels, len(self.classes))
        return shapes[0][0]

    def _arrays(self) -> list[Any]:
        if self._file is None:
            self._file = _opened(self.path)
        return [_array(self._file, name, self.path) for name in self.names]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.batch(np.arange(len(self))[index])
        check_index(index, len(self))
        return tuple(np.asarray(part[0]) for part in self.batch(np.array([index % len(self)])))

    def batch(self, indices: np.ndarray) -> Any:
        """The rows at ``indices`` of every array."""
        # The file is read in rising order, each row once; then rows go where they belong.
        rows, back = np.unique(indices, return_inverse=True)
        with _damage_told(self.path):
            parts = [_native(array[_selection(rows)])[back] for array in self._arrays()]
        with samples(indices):
            if self.transform is not None:
                parts[0] = self.transform(parts[0])
            if self.target_transform is not None and len(parts) > 1:
                parts[-1] = self.target_transform(parts[-1])
        return tuple(parts)

    def close(self) -> None:
        """Close the file; reading opens it again."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def __getstate__(self) -> dict[str, Any]:
        # A process that this is sent to opens the file itself.
        return self.__dict__ | {"_file": None}

    def __repr__(self) -> str:
        return f"HDF5Dataset({str(self.path)!r}, {self.names}: {len(self)} samples)"


@contextlib.contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """What the HDF5 library finds wrong comes as errors of many types."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path}: a damaged HDF5 file ({error})") from error


def _opened(path: Path) -> Any:
    import h5py

    try:
        return h5py.File(path, "r")
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except OSError as error:
        raise DataError(f"{path}: not a readable HDF5 file ({error})") from error


def _array(file: Any, name: str, path: Path) -> Any:
    import h5py

    found = file
    for part in (p for p in name.split("/") if p):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if link is None:
            raise DataError(f"{path} holds no {name!r}; at this level it has {_listed(found)}")
        if not isinstance(link, h5py.HardLink):
            raise DataError(f"{path}: {name!r} is a link to elsewhere, which is not followed")
        found = found[part]
    if not isinstance(found, h5py.Dataset):
        raise DataError(f"{path}: {name!r} is a group, holding {_listed(found)}; name an array")
    if found.external or found.is_virtual:
        raise DataError(f"{path}: {name!r} keeps its values in other files, which are not read")
    if found.dtype.kind not in "biuf":
        raise DataError(f"{path}: {name!r} has dtype {found.dtype}; only numbers can be learned")
    if found.chunks and math.prod(found.chunks) * found.dtype.itemsize > LARGEST_CHUNK:
        raise DataError(f"{path}: {name!r} has chunks of {found.chunks}, too large to read in part")
    return found


def _selection(rows: np.ndarray) -> Any:
    """Rows without a gap as a slice, which HDF5 reads far faster than a list."""
    whole = len(rows) and rows[-1] - rows[0] + 1 == len(rows)
    return slice(int(rows[0]), int(rows[-1]) + 1) if whole else rows


def _listed(group: Any) -> list[str]:
    return sorted(group)[:12] if hasattr(group, "keys") else []


def _native(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("="), copy=False)
