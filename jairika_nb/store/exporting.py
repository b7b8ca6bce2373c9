"""An iteration as a file for others: plain HDF5, safetensors, NumPy's .npz."""

from __future__ import annotations

import os
import secrets
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from jairika_nb.errors import AddressError, MissingPackage
from jairika_nb.store.create import is_model
from jairika_nb.store.disk import WRITE, Disk
from jairika_nb.store.faults import telling

Arrays = Mapping[str, np.ndarray]


def export(values: Arrays, path: Path, *, force: bool = False) -> None:
    """Write arrays by dotted name to ``path``: ``.h5`` (or ``.hdf5``), ``.safetensors``, ``.npz``.

    In HDF5 dots become groups. The file appears complete or not at all; one that is there is
    replaced only with ``force``, a model never. Raises ``AddressError``, ``MissingPackage``,
    ``NoSpace``.
    """
    write = WRITERS.get(path.suffix)
    if write is None:
        listed = ", ".join(WRITERS)
        raise AddressError(f"cannot export to {path}: give a name that ends in one of {listed}")
    is_kept = path.name.endswith(".jrk.h5") or is_model(path)
    if os.path.lexists(path) and (is_kept or not force):
        what, cure = (
            ("model", "choose another name")
            if is_kept
            else ("file", "choose another name, or give force=True")
        )
        raise AddressError(f"cannot export to {path}: there is a {what} of that name; {cure}")
    aside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}{path.suffix}")
    disk = Disk()
    with telling("export to", path):
        try:
            write(values, aside)
            file = disk.open(aside, WRITE)
            try:
                disk.sync(file)
            finally:
                disk.close(file)
            disk.replace(aside, path)
            disk.sync_folder(path.parent)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(aside)


def _hdf5(values: Arrays, path: Path) -> None:
    import h5py

    with h5py.File(path, "x", libver=("v108", "v108")) as file:
        for name, array in values.items():
            file.create_dataset(name.replace(".", "/"), data=array)


def _safetensors(values: Arrays, path: Path) -> None:
    try:
        from safetensors.numpy import save_file
    except ImportError as error:
        raise MissingPackage(
            "cannot export to .safetensors without that package; `pip install safetensors`"
        ) from error
    # Not ascontiguousarray, which gives a lone number an axis.
    save_file({name: np.asarray(array, order="C") for name, array in values.items()}, path)


def _npz(values: Arrays, path: Path) -> None:
    # Not numpy.savez: a parameter called "file" would meet its own argument.
    with zipfile.ZipFile(path, "x") as archive:
        for name, array in values.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


WRITERS: dict[str, Callable[[Arrays, Path], None]] = {
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".safetensors": _safetensors,
    ".npz": _npz,
}
