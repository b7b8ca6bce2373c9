"""IDX files, the format of MNIST and its kin, plain or gzipped.

Two zero bytes, a type byte, the number of axes, one big-endian uint32 per axis, then the values,
big-endian, last axis fastest (http://yann.lecun.com/exdb/mnist/). A file is trusted in nothing:
the header must agree with the length before memory is taken.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb.errors import DataError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
LARGEST = 4 << 30
GZIP_START = b"\x1f\x8b"
# Deflate cannot pack better than 1032 to 1 (RFC 1951); a header that asks for more is a lie.
DEFLATE_RATIO = 1032
CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str], largest: int = LARGEST) -> np.ndarray:
    """The array in an IDX file, in native byte order.

    ``largest`` bounds the unpacked bytes. Raises DataError for a missing, foreign, short, over-long
    or over-large file, saying which.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            packed = file.read(2) == GZIP_START
        opener = gzip.open if packed else open
        with opener(path, "rb") as stream:
            return _read(stream, path, size * DEFLATE_RATIO if packed else size, largest)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: damaged gzip data ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _read(stream: Any, path: Path, available: int, largest: int) -> np.ndarray:
    dtype, shape = _header(stream, path)
    count = math.prod(shape) * dtype.itemsize
    if count > largest:
        raise DataError(f"{path}: its header asks for {count:,} bytes, the limit is {largest:,}")
    if count > available:
        raise DataError(f"{path}: its header {shape} needs {count:,} bytes, the file is shorter")
    values = bytearray()
    while len(values) <= count:  # one byte more than needed tells whether the file goes on
        chunk = stream.read(min(CHUNK, count + 1 - len(values)))
        if not chunk:
            break
        values += chunk
    if len(values) != count:
        kind = "longer" if len(values) > count else f"shorter, {len(values):,}"
        raise DataError(f"{path}: its header {shape} needs {count:,} bytes, the file is {kind}")
    return np.frombuffer(values, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _header(stream: Any, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= 8:
        raise DataError(f"{path}: not an IDX file (it starts with {magic.hex(' ') or 'nothing'})")
    axes = stream.read(4 * magic[3])
    if len(axes) < 4 * magic[3]:
        raise DataError(f"{path}: the file ends within its IDX header")
    return np.dtype(TYPES[magic[2]]), tuple(np.frombuffer(axes, ">u4").tolist())
