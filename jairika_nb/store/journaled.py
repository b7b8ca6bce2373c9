"""A file object for h5py that never overwrites a committed byte before the commit is safe.

HDF5 writes where it likes, in any order; killed on the way it leaves a file nobody can read.
Under this object, writes past the committed end go straight to the file, where nothing refers
to them yet, and writes below it stay in memory. ``commit`` then makes them durable in three
steps, each waiting for the medium::

    new data | journal at the file's end: from here on the commit counts | pages and root slot

Errors of the disk are kept until HDF5 has returned: an exception inside its callbacks leaves
the library with buffers it later writes from.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from jairika_nb.errors import Damaged, StoreError
from jairika_nb.store import journal, slots
from jairika_nb.store.disk import CREATE, WRITE, Disk
from jairika_nb.store.faults import told
from jairika_nb.store.journal import Journal
from jairika_nb.store.pages import PAGE, Pages
from jairika_nb.store.slots import Root

LARGE = 8 << 20  # bytes: the medium may as well begin with them before all are there


class JournaledFile(io.RawIOBase):
    """The model file at ``path`` as h5py sees it while a commit is under way.

    Opens an existing file, recovers it, and stands at its committed state; with ``new`` it makes
    an empty one, where nothing is committed yet. Errors name it ``called``, or by its path.
    """

    def __init__(
        self,
        path: Path,
        disk: Disk | None = None,
        *,
        new: bool = False,
        called: Path | None = None,
    ) -> None:
        super().__init__()
        self.path, self.disk, self.called = path, disk or Disk(), called or path
        self.error: Exception | None = None
        self.place = self.waiting = 0
        try:
            self.file = self.disk.open(path, CREATE if new else WRITE)
        except OSError as error:
            raise told(error, "write", self.called) from error
        self._start(0)

    def _start(self, end: int) -> None:
        self.committed = self.end = end
        self.pages = Pages(self.disk, self.file, end)

    # What a commit needs.

    def recover(self) -> Root:
        """Finish what a killed writer committed, drop what it did not, and give the root.

        Raises ``Damaged`` where the root is broken beyond the journal's help, ``StoreError``
        where another HDF5 program has changed the file.
        """
        try:
            root = self._recovered()
        except OSError as error:
            raise told(error, "recover", self.called) from error
        self._start(root.end)
        return root

    def commit(self, root: Root) -> None:
        """Make everything written so far the new committed state, named by ``root``.

        Raises the error kept from an earlier write, and any of its own before the commit
        counts: then the file is as it was. Afterwards an error only says what is pending.
        """
        try:
            self.check()
            pending = self._journal(root)
        except Exception:
            self.rollback()
            raise
        self._apply(pending)

    def check(self) -> None:
        """Raise what a write or a read has met."""
        if self.error is not None:
            if isinstance(self.error, OSError):
                raise told(self.error, "write", self.called) from self.error
            raise self.error

    def rollback(self) -> None:
        """Forget everything since the last commit."""
        self._start(self.committed)
        # Not being able to cut the file is harmless: the next writer does it. It is tried after an
        # error too, since what a full disk could not take must not go on filling it.
        with contextlib.suppress(OSError):
            self.disk.truncate(self.file, self.committed)

    def finish_new(self, root: Root) -> None:
        """Complete a new file: all four slots lead to its first catalogue."""
        self.check()
        earlier = replace(root, generation=root.generation - 1)
        try:
            for each in (earlier, root):
                self.disk.write(self.file, slots.position(each.generation), slots.packed(each))
            self.disk.sync(self.file)
        except OSError as error:
            raise told(error, "write", self.called) from error

    def _recovered(self) -> Root:
        pending, root = journal.find(self.disk, self.file), self._root()
        if pending and (root is None or root.generation in _leads_to(pending)):
            journal.apply(self.disk, self.file, pending)
            root = self._root()
        if root is None:
            raise Damaged(
                f"cannot write {self.called}: its root slots do not match their checksums; "
                "restore the file from a copy"
            )
        if self.disk.size(self.file) > root.end:
            self._check_untouched(root)
            self.disk.truncate(self.file, root.end)
        return root

    def _root(self) -> Root | None:
        page = self.disk.read(self.file, slots.PAGE_OFFSET, slots.SLOTS_BYTES)
        try:
            return slots.newest(page)
        except Damaged:
            return None

    def _check_untouched(self, root: Root) -> None:
        """Cutting the tail is right only if it is ours: HDF5 must agree on where the file ends."""
        if (end := hdf5_end(self.disk.read(self.file, 0, 48))) != root.end:
            raise StoreError(
                f"cannot write {self.called}: another HDF5 program has changed it (it ends at byte "
                f"{end}, our last commit at {root.end}); export what you need from a copy"
            )

    def _journal(self, root: Root) -> Journal:
        records = [*self.pages.records(), (slots.position(root.generation), slots.packed(root))]
        pending = Journal(root.generation, self.committed, root.end, tuple(records))
        try:
            self.disk.sync(self.file)
            start = -(-max(self.end, self.committed, self.disk.size(self.file)) // PAGE) * PAGE
            self.disk.write(self.file, start, journal.encoded(pending, start))
            self.disk.sync(self.file)
        except OSError as error:
            raise told(error, "commit to", self.called) from error
        return pending

    def _apply(self, pending: Journal) -> None:
        try:
            try:
                journal.apply(self.disk, self.file, pending)
            except OSError:
                journal.apply(self.disk, self.file, pending)  # once more: the fault may be gone
        except OSError as error:
            raise StoreError(
                f"the commit to {self.called} is safe in its journal, but bringing the file up to "
                f"date failed ({error.strerror}); the next commit or open for writing does it"
            ) from error
        self._start(pending.end)

    def _quietly(self, effect: Callable[[], Any]) -> None:
        """Run ``effect`` inside an HDF5 callback: what it raises is kept for ``check``."""
        if self.error is None and self.file >= 0:
            try:
                effect()
            except Exception as error:
                self.error = error

    # What h5py calls.

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: self.end}[whence]
        self.place = base + offset
        return self.place

    def tell(self) -> int:
        return self.place

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view, offset = memoryview(buffer).cast("B"), self.place
        view[:] = bytes(len(view))  # what lies past the end reads as zero
        self._quietly(lambda: self._read(offset, view))
        self.place += len(view)
        return len(view)

    def write(self, buffer: Any) -> int:
        view, offset = memoryview(buffer).cast("B"), self.place
        self._quietly(lambda: self._write(offset, view))
        self.place += len(view)
        self.end = max(self.end, self.place)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        self.end = self.place if size is None else size
        kept = max(self.end, self.committed)  # committed bytes stay until the commit is safe
        self._quietly(lambda: self.disk.truncate(self.file, kept))
        return self.end

    def flush(self) -> None:
        pass

    def close(self) -> None:
        if getattr(self, "file", -1) >= 0:
            self.disk.close(self.file)
            self.file = -1  # a late write must not reach a file that took over the number
        super().close()

    def _read(self, offset: int, view: memoryview) -> None:
        self.disk.read_into(self.file, offset, view)
        self.pages.read(offset, view)

    def _write(self, offset: int, view: memoryview) -> None:
        below = view[: max(self.committed - offset, 0)]
        self.pages.write(offset, below)
        if len(below) < len(view):
            self.disk.write(self.file, offset + len(below), view[len(below) :])
            self.waiting += len(view) - len(below)
            if self.waiting >= LARGE:
                end = offset + len(view)
                self.disk.begin(self.file, max(end - self.waiting, 0), self.waiting)
                self.waiting = 0


def hdf5_end(superblock: bytes) -> int | None:
    """Where HDF5 says that its file ends (superblock version 2 or 3, "End of File Address")."""
    if len(superblock) < 36 or superblock[8] not in (2, 3):
        return None
    return int.from_bytes(superblock[28:36], "little")


def _leads_to(pending: Journal) -> tuple[int, int]:
    """The generations a file may stand at when this journal is at its end."""
    return pending.generation - 1, pending.generation
