"""Named datasets: one that comes with scikit-learn, others found in the user's data folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from jairika_nb.data.dataset import TensorDataset
from jairika_nb.data.idx import read_idx
from jairika_nb.data.transforms import Scale
from jairika_nb.errors import DataError

DIGITS = tuple("0123456789")
# The files' names in the original distribution; some copies write the second dot as a dash.
MNIST_PARTS = {True: "train", False: "t10k"}
MNIST_FILES = ("images-idx3-ubyte", "labels-idx1-ubyte")
MNIST_FOLDERS = ("", "mnist", "MNIST", "MNIST/raw")


def digits() -> TensorDataset:
    """1,797 handwritten digits of 8x8 pixels, bundled with scikit-learn, so there is no download.

    Images come as float32 (1, 8, 8) between 0 and 1, labels as int32. Raises DataError where
    scikit-learn is not installed. Source: E. Alpaydin and C. Kaynak, UCI repository, 1998.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            "digits come with scikit-learn, which is not installed; "
            "pip install scikit-learn (or jairika-nb[lab])"
        ) from error
    bundle = load_digits()
    images = bundle.images.astype(np.uint8)[:, None]
    labels = bundle.target.astype(np.int32)
    return TensorDataset(images, labels, transform=Scale(16), classes=DIGITS, name="digits")


def mnist(
    folder: str | os.PathLike[str] | None = None, *, train: bool | None = None
) -> TensorDataset:
    """Handwritten digits of 28x28 pixels from IDX files, plain or ``.gz``.

    ``folder`` defaults to ``JRK_DATA_DIR``. ``train=True`` takes the 60,000 ``train-*`` images,
    ``False`` the 10,000 ``t10k-*``, ``None`` whichever is there, the larger first. Images come as
    float32 (1, 28, 28) between 0 and 1, labels as int32. Raises DataError where the files are
    missing, damaged or do not belong together. Source: LeCun, Cortes, Burges, 1998.
    """
    base = _data_folder(folder)
    wanted = (True, False) if train is None else (train,)
    for part in wanted:
        images, labels = (_find(base, f"{MNIST_PARTS[part]}-{kind}") for kind in MNIST_FILES)
        if images and labels:
            return _mnist(images, labels)
    names = " or ".join(f"{MNIST_PARTS[part]}-images-idx3-ubyte[.gz]" for part in wanted)
    raise DataError(
        f"no MNIST in {base}: put {names} and its labels there, or name another folder with "
        "mnist(folder) or JRK_DATA_DIR"
    )


def _data_folder(folder: str | os.PathLike[str] | None) -> Path:
    named = folder if folder is not None else os.environ.get("JRK_DATA_DIR")
    if not named:
        raise DataError("no data folder: set JRK_DATA_DIR or call mnist(folder)")
    base = Path(named).expanduser()
    if not base.is_dir():
        raise DataError(
            f"the data folder {base} does not exist; check JRK_DATA_DIR or mnist(folder)"
        )
    return base


def _find(base: Path, name: str) -> Path | None:
    spellings = (name, name.replace("-idx", ".idx"))
    candidates = (
        base / folder / f"{spelling}{ending}"
        for folder in MNIST_FOLDERS
        for spelling in spellings
        for ending in ("", ".gz")
    )
    return next((path for path in candidates if path.is_file()), None)


def _mnist(images_file: Path, labels_file: Path) -> TensorDataset:
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(f"{images_file}: {images.shape} {images.dtype} are not images of bytes")
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise DataError(
            f"{labels_file}: {labels.shape} {labels.dtype} labels do not fit the "
            f"{len(images)} images of {images_file.name}"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() <= 9:
        raise DataError(f"{labels_file}: labels reach {labels.max()}, MNIST's are 0 to 9")
    return TensorDataset(
        images[:, None],
        labels.astype(np.int32),
        transform=Scale(255),
        classes=DIGITS,
        name="mnist",
    )
