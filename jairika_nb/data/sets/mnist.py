"""MNIST and the set of clothes that has its form."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jairika_nb.data.dataset import TensorDataset
from jairika_nb.data.idx import read_idx
from jairika_nb.data.sets.digits import DIGITS
from jairika_nb.data.sets.places import Folder, bases, fetched, find, missing
from jairika_nb.data.transforms import Scale
from jairika_nb.errors import DataError

# The files' names in the original distribution; some copies write the second dot as a dash.
PARTS = {True: "train", False: "t10k"}
KINDS = ("images-idx3-ubyte", "labels-idx1-ubyte")
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)  # fmt: skip
FOLDERS = {
    "mnist": ("", "mnist", "MNIST", "MNIST/raw"),
    "fashion_mnist": ("fashion_mnist", "fashion-mnist", "FashionMNIST", "FashionMNIST/raw"),
}


def mnist(
    folder: Folder = None, *, train: bool | None = None, download: bool = False
) -> TensorDataset:
    """Handwritten digits of 28x28 pixels from IDX files, plain or ``.gz``.

    The files are looked for in ``folder``, by default in that of ``JRK_DATA_DIR`` and in the cache
    (``JRK_DATA_CACHE``); ``download=True`` fetches what is missing into the cache. ``train=True``
    takes the 60,000 ``train-*`` images, ``False`` the 10,000 ``t10k-*``, ``None`` whichever is
    there, the larger first. Images come as float32 (1, 28, 28) between 0 and 1, labels as int32.
    Raises DataError where the files are missing, damaged or do not belong together. Source: LeCun,
    Cortes, Burges, 1998.
    """
    return _idx_set("mnist", folder, train, download, DIGITS)


def fashion_mnist(
    folder: Folder = None, *, train: bool | None = None, download: bool = False
) -> TensorDataset:
    """Clothes of ten kinds in 28x28 pixels; arguments and form are those of :func:`mnist`.

    Below ``JRK_DATA_DIR`` the files lie in a folder "fashion_mnist", as their names are those of
    MNIST. Source: Xiao, Rasul, Vollgraf, "Fashion-MNIST", 2017.
    """
    return _idx_set("fashion_mnist", folder, train, download, CLOTHES)


def _idx_set(
    name: str, folder: Folder, train: bool | None, download: bool, classes: tuple[str, ...]
) -> TensorDataset:
    wanted = (True, False) if train is None else (train,)
    folders = bases(name, folder, FOLDERS[name])
    for part in wanted:
        images, labels = (find(folders, _spellings(f"{PARTS[part]}-{kind}")) for kind in KINDS)
        if images and labels:
            return _read(images, labels, classes, name)
    if download:
        images, labels = fetched(name, [f"{PARTS[wanted[0]]}-{kind}.gz" for kind in KINDS])
        return _read(images, labels, classes, name)
    files = " or ".join(f"{PARTS[part]}-images-idx3-ubyte[.gz]" for part in wanted)
    raise missing(name, folder, f"{files} and its labels")


def _spellings(name: str) -> list[str]:
    return [s + ending for s in (name, name.replace("-idx", ".idx")) for ending in ("", ".gz")]


def _read(
    images_file: Path, labels_file: Path, classes: tuple[str, ...], name: str
) -> TensorDataset:
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(f"{images_file}: {images.shape} {images.dtype} are not images of bytes")
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise DataError(
            f"{labels_file}: {labels.shape} {labels.dtype} labels do not fit the "
            f"{len(images)} images of {images_file.name}"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < len(classes):
        raise DataError(f"{labels_file}: labels reach {labels.max()}, there are 0 to 9")
    return TensorDataset(
        images[:, None],
        labels.astype(np.int32),
        transform=Scale(255),
        classes=classes,
        name=name,
    )
