"""CIFAR-10 in its binary form; the one for Python is pickled, and is not read."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb.data.dataset import TensorDataset
from jairika_nb.data.sets.places import Folder, bases, fetched, find, missing
from jairika_nb.data.transforms import Scale
from jairika_nb.errors import DataError

ARCHIVE, INNER = "cifar-10-binary.tar.gz", "cifar-10-batches-bin"
FILES = {True: tuple(f"data_batch_{i}.bin" for i in range(1, 6)), False: ("test_batch.bin",)}
CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
PIXELS = 3 * 32 * 32
# A byte for the class, then the pixels: all red ones row by row, the green ones, the blue ones.
RECORD = 1 + PIXELS
LARGEST = 10_000 * RECORD


def cifar10(folder: Folder = None, *, train: bool = True, download: bool = False) -> TensorDataset:
    """Colour images of ten kinds of things, 32x32 pixels, from the binary version.

    The archive, or the folder that it unpacks to, is looked for in ``folder``, by default in that
    of ``JRK_DATA_DIR`` and in the cache (``JRK_DATA_CACHE``); ``download=True`` fetches it, 170 MB.
    ``train`` takes the 50,000 training images, else the 10,000 for testing. Images come as float32
    (3, 32, 32) between 0 and 1, labels as int32. Raises DataError where files are missing or
    damaged. Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    folders = bases("cifar10", folder, ("", "cifar10"))
    unpacked = find([f / INNER for f in folders] + folders, [FILES[train][0]])
    if unpacked:
        contents = [_bytes_of(unpacked.parent / name) for name in FILES[train]]
    else:
        archive = find(folders, [ARCHIVE])
        if archive is None and not download:
            raise missing("cifar10", folder, f"{ARCHIVE} (not the pickled one for Python)")
        contents = _members(archive or fetched("cifar10", [ARCHIVE])[0], FILES[train])
    images, labels = zip(*map(_records, FILES[train], contents), strict=True)
    return TensorDataset(
        np.concatenate(images), np.concatenate(labels), transform=Scale(255), classes=CLASSES,
        name="cifar10",
    )  # fmt: skip


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _members(path: Path, names: tuple[str, ...]) -> list[bytes]:
    """The contents of some files in the archive; nothing is written to disk."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = member.name.removeprefix(f"{INNER}/")
                if name in names and member.isfile() and name not in found:
                    found[name] = _member(archive, member)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: a damaged archive ({error}); fetch it again") from error
    absent = [name for name in names if name not in found]
    if absent:
        raise DataError(f"{path}: the archive has no {absent[0]}")
    return [found[name] for name in names]


def _member(archive: tarfile.TarFile, member: Any) -> bytes:
    stream = archive.extractfile(member)
    return stream.read(LARGEST + 1) if stream is not None else b""


def _records(name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    count, rest = divmod(len(content), RECORD)
    if rest or not 0 < count <= LARGEST // RECORD:
        raise DataError(f"{name}: {len(content):,} bytes are not up to 10,000 images of {RECORD:,}")
    records = np.frombuffer(bytearray(content), np.uint8).reshape(count, RECORD)
    labels = records[:, 0].astype(np.int32)
    if labels.max() >= len(CLASSES):
        raise DataError(f"{name}: image {int(labels.argmax())} has class {labels.max()} of 0 to 9")
    return records[:, 1:].reshape(count, 3, 32, 32), labels
