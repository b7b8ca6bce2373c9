"""Arrays from NumPy's files: .npy mapped into memory and read row by row, .npz unpacked.

Nothing in a file is executed: arrays of objects are refused. Sizes in headers are compared with
what the file holds before memory is taken.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from jairika_nb.data.dataset import TensorDataset
from jairika_nb.errors import DataError

LARGEST = 4 << 30
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class MappedDataset(TensorDataset):
    """A TensorDataset whose arrays stay in their .npy files until a batch is read.

    Worker processes open the files themselves instead of being sent what is in them.
    """

    def __init__(self, *paths: str | os.PathLike[str], **options: Any) -> None:
        self.paths, self.options = tuple(map(Path, paths)), options
        super().__init__(*(_mapped(path) for path in self.paths), **options)

    def batch(self, indices: np.ndarray) -> Any:
        """The rows at ``indices``, in native byte order."""
        return tuple(_native(part) for part in super().batch(indices))

    def __reduce__(self) -> Any:
        return _reopened, (self.paths, self.options)


def read_npy(*paths: str | os.PathLike[str], **options: Any) -> MappedDataset:
    """A dataset of one array a file, with equal first axes; the files are mapped, not read.

    ``options`` are those of TensorDataset, such as ``transform``. Raises DataError for missing,
    foreign, short or empty files and for arrays of objects.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/x.npy", np.arange(6.0).reshape(3, 2))
    ...     read_npy(f"{folder}/x.npy")[1]
    (array([2., 3.]),)
    """
    return MappedDataset(*paths, **options)


def _reopened(paths: tuple[Path, ...], options: dict[str, Any]) -> MappedDataset:
    return MappedDataset(*paths, **options)


def _mapped(path: Path) -> np.ndarray:
    try:
        return npy.open_memmap(path, mode="r")
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except Exception as error:  # headers are Python literals, which can be wrong in many ways
        raise DataError(f"{path}: not a .npy file with numbers ({error})") from error


def _native(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def read_npz(
    path: str | os.PathLike[str],
    names: Sequence[str] | None = None,
    largest: int = LARGEST,
    **options: Any,
) -> TensorDataset:
    """A dataset of the arrays called ``names`` in a .npz file, by default all in their order.

    ``largest`` bounds the unpacked bytes. Raises DataError for missing names, foreign or damaged
    files, arrays of objects, and arrays of unequal lengths.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            stored = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
            wanted = list(stored if names is None else names)
            missing = [n for n in wanted if n not in stored]
            if missing:
                raise DataError(f"{path} holds {stored}, not {missing[0]!r}")
            arrays = []
            for name in wanted:
                arrays.append(_unpacked(archive, name, path, largest))
                largest -= arrays[-1].nbytes
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except DataError:
        raise
    except Exception as error:  # damage shows in the archive, its compression or a header
        raise DataError(f"{path}: not a readable .npz file ({error})") from error
    try:
        return TensorDataset(*arrays, **options)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _unpacked(archive: zipfile.ZipFile, name: str, path: Path, largest: int) -> np.ndarray:
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as stream:
        shape, fortran, dtype = HEADERS[npy.read_magic(stream)](stream)
        if dtype.kind not in "biuf":
            raise DataError(f"{path}: {name!r} has dtype {dtype}; only numbers can be learned")
        count, available = math.prod(shape) * dtype.itemsize, info.file_size - stream.tell()
        if count > largest:
            raise DataError(f"{path}: {name!r} asks for {count:,} bytes, the limit is {largest:,}")
        content = stream.read(count) if count == available else b""
    if len(content) != count:
        raise DataError(f"{path}: {name!r} {shape} needs {count:,} bytes, {available:,} are there")
    array = np.frombuffer(bytearray(content), dtype)
    return _native(array.reshape(shape, order="F" if fortran else "C"))
