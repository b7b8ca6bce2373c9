"""Byte ranges of a model file, read by position: no lock, no HDF5, never past the end."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from jairika_nb.errors import AddressError, Damaged, StoreError
from jairika_nb.store import slots
from jairika_nb.store.address import Location, Url, missing
from jairika_nb.store.canonical import LARGEST, digest
from jairika_nb.store.disk import Disk
from jairika_nb.store.faults import telling
from jairika_nb.store.rows import Record
from jairika_nb.store.vault import Vault

if TYPE_CHECKING:
    import numpy as np

SIGNATURE = b"\x89HDF\r\n\x1a\n"  # HDF5 file format specification, II.A


class Ranges:
    """A model file open for reading; raises ``AddressError`` where there is none at ``path``."""

    def __init__(
        self, path: Location, disk: Disk | None = None, vault: Vault | None = None
    ) -> None:
        self.path, self.disk = path, disk or disk_of(path)
        self.number = 0  # of files it turned to: offsets hold for one of them
        self.vault = vault or Vault()
        self.keyrings: tuple[Record, ...] = ()  # where the file's lie
        self.file = self._opened()

    @property
    def size(self) -> int:
        self.check_open()
        return self.disk.size(self.file)

    def root(self) -> slots.Root:
        """The newest root; raises ``AddressError`` for a foreign file, ``Damaged``."""
        page = self._read(slots.PAGE_OFFSET, slots.SLOTS_BYTES)
        if not slots.marked(page):
            raise self._foreign()
        try:
            return slots.newest(page)
        except (AddressError, Damaged) as error:
            raise type(error)(f"cannot read {self.path}: {error}") from error

    def at(self, offset: int, length: int, what: str) -> bytes:
        """``length`` bytes at ``offset``; raises ``Damaged``, naming ``what``, past the end."""
        size = self.size
        if offset + length > size:
            raise Damaged(
                f"cannot read {what} of {self.path}: it should end at byte {offset + length}, "
                f"the file ends at {size}; restore the file from a copy"
            )
        data = self._read(offset, length)
        if len(data) != length:
            raise Damaged(f"cannot read {what} of {self.path}: the file was cut meanwhile")
        return data

    def record(self, offset: int, length: int, expected: str, what: str) -> bytes:
        """Bytes whose BLAKE3 hash is ``expected``; raises ``Damaged`` where it is not."""
        if length > LARGEST:
            raise Damaged(f"cannot read {what} of {self.path}: {length} bytes are too many")
        data = self.at(offset, length, what)
        if digest(data) != expected:
            raise self.damaged(what)
        return data

    def into(self, view: memoryview, offset: int, what: str) -> None:
        """Fill ``view`` with the bytes at ``offset``; raises ``Damaged`` past the end."""
        self.check_open()
        with telling("read", self.path):
            if not self.disk.read_into(self.file, offset, view):
                raise Damaged(f"cannot read {what} of {self.path}: the file ends before it does")

    def mapped(self, offset: int, length: int) -> np.ndarray:
        """``length`` bytes at ``offset`` as a read-only view of the file."""
        import mmap

        import numpy as np

        self.check_open()
        if isinstance(self.path, Url):
            return np.frombuffer(self.at(offset, length, "a tensor"), np.uint8)
        start = offset - offset % mmap.ALLOCATIONGRANULARITY
        with telling("map", self.path):
            pages = mmap.mmap(
                self.file, offset - start + length, offset=start, access=mmap.ACCESS_READ
            )
        return np.frombuffer(pages, np.uint8, length, offset - start)

    def check_open(self) -> None:
        """Raise ``StoreError`` once the model is closed."""
        if self.file < 0:
            raise StoreError(f"cannot read {self.path}: the model is closed; open it again")

    def damaged(self, what: str) -> Damaged:
        """The error for bytes that do not match their hash."""
        return Damaged(
            f"cannot read {what} of {self.path}: the bytes do not match their checksum; "
            "restore the file from a copy"
        )

    def twin(self) -> Ranges:
        """The same file once more, which stays that file when this one turns to another."""
        self.check_open()
        made = copy.copy(self)
        made.file = self.disk.dup(self.file)
        return made

    def close(self) -> None:
        if self.file >= 0:
            self.disk.close(self.file)
            self.file = -1

    def follow(self) -> None:
        """Turn to the file that is at the path now, if another was put there."""
        self.check_open()
        file = self._opened()
        if self.disk.stamp(file) == self.disk.stamp(self.file):
            self.disk.close(file)
        else:
            self.disk.close(self.file)
            self.file, self.number = file, self.number + 1

    def __del__(self) -> None:
        if hasattr(self, "file"):
            self.close()

    def _opened(self) -> int:
        path = self.path
        if isinstance(path, Url):
            return self.disk.open(path)  # type: ignore[arg-type]
        with telling("open", path):
            # Asked first: opening a pipe or a device would wait for its other end.
            if path.exists() and not path.is_file():
                raise AddressError(f"cannot open {path}: it is not a file; give a file's address")
            try:
                return self.disk.open(path)
            except FileNotFoundError:
                raise missing(path) from None

    def _read(self, offset: int, length: int) -> bytes:
        self.check_open()
        with telling("read", self.path):
            return self.disk.read(self.file, offset, length)

    def _foreign(self) -> AddressError:
        start = self._read(0, len(SIGNATURE))
        if not start:
            kind = "it is empty; remove it and make a model there with init"
        elif start == SIGNATURE:
            kind = "it is an HDF5 file, but not a model of ours, or it was cut short; "
        else:
            kind = "it is not an HDF5 file; "
        cure = "give a model's address, or make one under another name with init" if start else ""
        return AddressError(f"cannot open {self.path} as a model: {kind}{cure}")


def disk_of(path: Location) -> Disk:
    """What reads the bytes of a file: the operating system, or the network."""
    if not isinstance(path, Url):
        return Disk()
    from jairika_nb.store.remote import disk_for

    return disk_for(path)
