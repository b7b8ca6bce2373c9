"""Every effect on the disk that a model file depends on, in one place.

Nothing else in the store writes, so a test that stands in for ``Disk`` sees each effect in its
order and can fail, cut or reorder it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# O_BINARY exists on Windows only, where text mode would change bytes.
BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
READ, WRITE = os.O_RDONLY | BINARY, os.O_RDWR | BINARY
CREATE = WRITE | os.O_CREAT | os.O_EXCL


class Disk:
    """The operating system's files: positioned reads and writes, durable when told so."""

    def open(self, path: Path, flags: int = READ) -> int:
        return os.open(path, flags, 0o666)

    def close(self, file: int) -> None:
        os.close(file)

    def dup(self, file: int) -> int:
        """Another number for the same open file, to be closed on its own."""
        return os.dup(file)

    def size(self, file: int) -> int:
        return os.fstat(file).st_size

    def stamp(self, file: int) -> int:
        """A number that a copy of the file does not share."""
        return os.fstat(file).st_ino & (2**64 - 1)

    def read(self, file: int, offset: int, count: int) -> bytes:
        """Up to ``count`` bytes at ``offset``: fewer only at the end of the file."""
        parts = []
        while count and (part := _read_at(file, min(count, 1 << 30), offset)):
            parts.append(part)
            offset, count = offset + len(part), count - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_into(self, file: int, offset: int, view: memoryview) -> bool:
        """Fill ``view`` from ``offset`` on; False where the file ends before it is full."""
        while view:
            count = _read_into(file, view[: 1 << 30], offset)
            if not count:
                return False
            view, offset = view[count:], offset + count
        return True

    def write(self, file: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        """All of ``data`` at ``offset``; a short write goes on until it is done or refused."""
        rest = memoryview(data)
        while rest:
            written = _write_at(file, rest, offset)
            rest, offset = rest[written:], offset + written

    def begin(self, file: int, offset: int, count: int) -> None:
        """Let the system start to bring what was written there to the medium, without waiting."""
        if hasattr(os, "posix_fadvise"):
            # On Linux this begins to write dirty pages back, and keeps them in the cache.
            with contextlib.suppress(OSError):  # a hint: sync() is what counts
                os.posix_fadvise(file, offset, count, os.POSIX_FADV_DONTNEED)

    def truncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def sync(self, file: int) -> None:
        """Wait until the file's bytes and size are on the medium."""
        # On macOS fsync() leaves the data in the drive's cache; F_FULLFSYNC does not (fcntl(2)).
        full = getattr(fcntl, "F_FULLFSYNC", None) if sys.platform == "darwin" else None
        if full is not None:
            with contextlib.suppress(OSError):  # some network volumes know only fsync
                fcntl.fcntl(file, full)
                return
        os.fsync(file)

    def replace(self, source: Path, target: Path) -> None:
        """Put the file ``source`` at ``target``, in one step for whoever looks."""
        os.replace(source, target)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in ``folder`` are on the medium."""
        if os.name == "nt":
            return  # Windows has no such call; its file systems journal names themselves
        file = os.open(folder, READ)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _read_at(file: int, count: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, count, offset)
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, count)


def _read_into(file: int, view: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(file, [view], offset)
    part = _read_at(file, min(len(view), 1 << 22), offset)
    view[: len(part)] = part
    return len(part)


def _write_at(file: int, data: memoryview, offset: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(file, data, offset)
    os.lseek(file, offset, os.SEEK_SET)
    return os.write(file, data)
