"""A model file that is open: its state as last seen, and the way a change goes into it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from jairika_nb.errors import AddressError, Forbidden, Locked, ReadOnly
from jairika_nb.store import locks, names, transaction
from jairika_nb.store.address import Location
from jairika_nb.store.disk import WRITE, Disk
from jairika_nb.store.faults import telling
from jairika_nb.store.needs import watched
from jairika_nb.store.policy import person
from jairika_nb.store.reaching import reader_at
from jairika_nb.store.reader import Guard
from jairika_nb.store.vault import Vault
from jairika_nb.store.viewed import Viewed, refused

MODES = ("r", "a")


class Opened:
    """What the parts of ``Model`` share: the reader, the mode, the lock's patience."""

    def __init__(
        self,
        path: Location,
        mode: str = "r",
        *,
        disk: Disk | None = None,
        wait: float = locks.WAIT,
        guard: Guard | None = None,
        as_: str | None = None,
        vault: Vault | None = None,
    ) -> None:
        if mode not in MODES:
            raise AddressError(f"cannot open {path} in mode {mode!r}: the modes are 'r' and 'a'")
        self.path: Location = path
        self.mode, self._disk, self._wait = mode, disk, wait
        if mode == "a":
            self._file()
        self._as = None if as_ is None else person(as_)
        if self._as is None:
            self._reader = reader_at(path, disk, guard=guard, vault=vault)
        else:
            self._reader = Viewed(path, self._as, disk, guard=guard, vault=vault)
        self._attempted: set[str] = set()
        if mode == "a":
            self._check_writable()

    @property
    def current(self) -> str:
        """Name of the variant in use: where commits go by default."""
        return self._reader.catalogue.current

    def close(self) -> None:
        """Let the file go; commits are on the medium already."""
        self._reader.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _file(self) -> Path:
        if isinstance(self.path, Path):
            return self.path
        raise ReadOnly(
            f"cannot write {self.path}: addresses of this kind are for reading; pull it into a "
            "file of your own and commit to that"
        )

    def _change(self, change: Any) -> Any:
        if self._as is not None:
            change = watched(change, self._as)
        options: Any = {"disk": self._disk, "wait": self._wait}
        options |= {"sealed": self._reader.sealed, "guard": self._reader.guard}
        options["vault"] = self._reader.ranges.vault
        result = transaction.change(self._file(), change, **options)
        with suppress(Forbidden):  # what was done may be that one may read no longer
            self._reader.refresh()
        self._attempted.clear()
        return result

    def _check_mode(self, verb: str) -> None:
        self._reader.ranges.check_open()
        if self.mode == "r":
            raise ReadOnly(
                f"cannot {verb} {self.path}: it was opened for reading; open it with mode='a'"
            )

    def _check_may(self, verb: str) -> None:
        """Raise ``Forbidden`` where whom the model was opened as may not do it to all of it."""
        reader = self._reader
        if isinstance(reader, Viewed) and not reader.ruling.allows(reader.who, verb, whole=True):
            raise refused(reader, verb, ())

    def _check_writable(self) -> None:
        """Say now, not after an hour of training, that the file refuses writes."""
        with telling("write", self.path):
            os.close(os.open(self._file(), WRITE))
        if self._reader.ranges.size > self._reader.root.end:
            # A writer was killed here, or is at work; then it holds the lock and needs no help.
            with suppress(Locked):
                transaction.recover(self._file(), disk=self._disk)
                self._reader.refresh()


def known(name: object) -> str:
    """A name to look up: as it would have been stored, so that either Unicode form finds it."""
    return names.checked("variant or iteration", name)
