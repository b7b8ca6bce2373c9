"""Zstandard frames (RFC 8878) whose size is known beforehand.

From Python 3.14 on the standard library has them; before, the package ``zstandard``. A frame that
claims another size is refused before room is made for it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jairika_nb.errors import MissingPackage

# On differences of weights, higher levels win about 1 % for a third to five times the time.
LEVEL = 1


class NotAFrame(ValueError):
    """Bytes that are no frame of the size that was asked for."""


def compress(data: Any) -> bytes:
    """One frame that holds the bytes of ``data`` and tells how many they are.

    >>> decompress(compress(b"weights"), 7)
    b'weights'
    """
    library, standard = _library()
    if standard:
        return bytes(library.compress(data, LEVEL))
    return bytes(library.ZstdCompressor(level=LEVEL).compress(data))


def decompress(frame: Any, size: int) -> bytes:
    """The ``size`` bytes in ``frame``; raises ``NotAFrame`` for anything else."""
    library, standard = _library()
    try:
        found = (_by_standard if standard else _by_package)(library, frame, size)
    except (library.ZstdError, EOFError, ValueError) as error:
        raise NotAFrame(str(error)) from error
    if found is None or len(found) != size:
        raise NotAFrame(f"not one frame of {size} bytes")
    return bytes(found)


def check_there() -> None:
    """Raise ``MissingPackage`` where nothing here reads Zstandard."""
    _library()


def _by_standard(library: Any, frame: Any, size: int) -> bytes | None:
    if library.get_frame_info(frame).decompressed_size != size:
        return None
    reader = library.ZstdDecompressor()
    # One byte of room more: a reader that was given none would not see the end of the frame.
    found = reader.decompress(frame, size + 1)
    return found if reader.eof and not reader.unused_data else None


def _by_package(library: Any, frame: Any, size: int) -> bytes | None:
    if library.frame_content_size(frame) != size:
        return None
    reader = library.ZstdDecompressor()
    return bytes(reader.decompress(frame, max_output_size=size, allow_extra_data=False))


@cache  # looking for what is missing is slow; an error is not kept
def _library() -> tuple[Any, bool]:
    """The module that is there, and whether it is the standard library's."""
    try:
        from compression import zstd  # type: ignore[import-not-found]

        return zstd, True
    except ImportError:
        pass
    try:
        import zstandard
    except ImportError as error:
        raise MissingPackage(
            "iterations kept as differences need Zstandard, which is in Python 3.14 or comes "
            "with `pip install 'jairika-nb[delta]'`"
        ) from error
    return zstandard, False
