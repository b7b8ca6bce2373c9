"""Arrays out of files of others: HDF5 of any origin, Keras's weights, safetensors, NumPy's .npz.

HDF5 is read by a process of its own (``foreign``), under limits of time and memory; what it
sends is checked here like the file itself, since a hostile file may have taken it over.
"""

from __future__ import annotations

import json
import math
import struct
import subprocess
import sys
import threading
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from jairika_nb.errors import AddressError, ArchitectureError, DataError, MissingPackage
from jairika_nb.store import isolated, keras_weights, names, ordering
from jairika_nb.store.create import is_model
from jairika_nb.store.faults import telling
from jairika_nb.store.manifest import MOST_AXES, SIZES
from jairika_nb.store.schema import LIMIT

SECONDS, BYTES_A_SECOND = 60.0, 10e6  # of time for a file: some, and more for a large one
LONGEST_HEADER = 16 << 20
NAMED = 5  # of the arrays that are left out
LAYOUTS = ("plain", "keras")


def read(path: Path, layout: str = "plain") -> dict[str, np.ndarray]:
    """The arrays of a file by dotted name, in the file's order.

    ``.safetensors`` and ``.npz`` by their endings, anything else as HDF5. ``layout="keras"``
    takes a Keras weights file: names become PyTorch's, kernels are turned into its layout.
    Raises ``DataError`` for a file that cannot be read or holds no numbers, ``AddressError``.
    """
    if layout not in LAYOUTS:
        raise DataError(f"no layout {layout!r} of arrays: give one of {', '.join(LAYOUTS)}")
    if not path.is_file():
        raise AddressError(f"cannot import {path}: there is no such file")
    if path.suffix == ".safetensors":
        return _safetensors(path)
    if path.suffix == ".npz":
        return _npz(path)
    if is_model(path):
        raise DataError(
            f"cannot import {path}: it is a model; pull it, or export the iteration that is wanted"
        )
    found, order, skipped = _hdf5(path)
    if not found:
        raise DataError(f"cannot import {path}: it holds no arrays of numbers that can be read")
    _tell_skipped(skipped, path)
    return keras_weights.renamed(path, found, order) if layout == "keras" else _dotted(path, found)


def in_order(
    values: Mapping[str, np.ndarray], wanted: Mapping[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """``values`` under the names in ``wanted``, one after the other; shapes must agree."""
    if len(values) != len(wanted):
        raise ArchitectureError(
            f"cannot match {len(values)} arrays to {len(wanted)} parameters in order"
        )
    found = {}
    for (name, array), (target, shape) in zip(values.items(), wanted.items(), strict=True):
        if array.shape != tuple(shape):
            raise ArchitectureError(
                f"cannot match in order: {name!r} has shape {array.shape}, {target!r} there has "
                f"{tuple(shape)}"
            )
        found[target] = array
    return found


def _hdf5(path: Path) -> tuple[dict[str, np.ndarray], list[str], list[str]]:
    seconds = SECONDS + path.stat().st_size / BYTES_A_SECOND
    command = [sys.executable, "-P", "-s", str(Path(__file__).with_name("foreign.py")), str(path)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=isolated.environment(),
    ) as child:
        clock = threading.Timer(seconds, child.kill)
        clock.start()
        try:
            assert child.stdout is not None
            return _received(child.stdout, path)
        finally:
            clock.cancel()
            child.kill()


def _received(stream: IO[bytes], path: Path) -> tuple[dict[str, np.ndarray], list[str], list[str]]:
    found: dict[str, np.ndarray] = {}
    room = 1100 * path.stat().st_size
    while True:
        header = _header(stream, path)
        if "error" in header:
            raise DataError(f"cannot import {path}: HDF5 says {str(header['error'])[:300]}")
        if "order" in header:
            return found, _texts(header, "order"), _texts(header, "skipped")
        name, dtype, shape = (cast(Any, header.get(key)) for key in ("name", "dtype", "shape"))
        if not _valid(name, dtype, shape):
            raise _broken(path)
        count = SIZES[dtype] * math.prod(shape)
        room -= count
        if room < 0 or name in found:
            raise _broken(path)
        found[name] = np.frombuffer(_taken(stream, count, path), dtype).reshape(shape)


def _texts(header: dict[str, Any], key: str) -> list[str]:
    listed = header.get(key)
    return [str(each) for each in listed] if isinstance(listed, list) else []


def _tell_skipped(skipped: list[str], path: Path) -> None:
    if skipped:
        shown = ", ".join(each[:200] for each in skipped[:NAMED])
        more = ", ..." if len(skipped) > NAMED else ""
        warnings.warn(f"left out of {path}: {shown}{more}", stacklevel=4)


def _valid(name: Any, dtype: Any, shape: Any) -> bool:
    return (
        isinstance(name, str)
        and isinstance(dtype, str)
        and dtype in SIZES
        and isinstance(shape, list)
        and len(shape) <= MOST_AXES
        and all(isinstance(n, int) and 0 <= n < LIMIT for n in shape)
        and math.prod(filter(None, shape)) < LIMIT
    )


def _header(stream: IO[bytes], path: Path) -> dict[str, Any]:
    (length,) = struct.unpack("<I", _taken(stream, 4, path))
    if length > LONGEST_HEADER:
        raise _broken(path)
    try:
        header = json.loads(_taken(stream, length, path))
    except (ValueError, RecursionError):
        raise _broken(path) from None
    if not isinstance(header, dict):
        raise _broken(path)
    return header


def _taken(stream: IO[bytes], count: int, path: Path) -> bytearray:
    """``count`` bytes, with room made only for what has come."""
    data = bytearray()
    while len(data) < count:
        part = stream.read(min(count - len(data), 1 << 24))
        if not part:
            raise _broken(path)
        data += part
    return data


def _broken(path: Path) -> DataError:
    return DataError(
        f"cannot import {path}: HDF5 did not survive reading it, or took too long; it is damaged, "
        "or made to do harm"
    )


def _dotted(path: Path, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    named = {full.strip("/").replace("/", "."): values for full, values in found.items()}
    if len(named) != len(found):
        raise DataError(f"cannot import {path}: two arrays have one name when dots part groups")
    return {names.parameter(name): values for name, values in ordering.sorted_names(named).items()}


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError as error:
        raise MissingPackage(
            f"cannot import {path}: that needs safetensors; `pip install safetensors`"
        ) from error
    try:
        return ordering.sorted_names({names.parameter(k): v for k, v in load_file(path).items()})
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise DataError(f"cannot import {path}: {error}") from error


def _npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with telling("import", path), np.load(path, allow_pickle=False) as arrays:
            return {names.parameter(name): arrays[name] for name in arrays.files}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise DataError(f"cannot import {path}: it is no .npz archive ({error})") from error
