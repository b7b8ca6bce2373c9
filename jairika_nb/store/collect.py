"""Garbage collection: write the file anew without what nothing leads to, then swap the two.

Nothing is freed in place, since readers may have mapped any byte of the file. The new file
appears under the name in one step, after each of its bytes was checked; whoever has the old one
open keeps it. A process killed on the way leaves the old file as it was, and a file beside it
that the next collection clears away.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jairika_nb.engine.interrupts import uninterrupted
from jairika_nb.errors import Damaged
from jairika_nb.store import coded, locks, ruling, transaction
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.cold import Chilled, has_coded, lay_down
from jairika_nb.store.create import NEW, STALE, clear
from jairika_nb.store.disk import Disk
from jairika_nb.store.faults import telling
from jairika_nb.store.journaled import JournaledFile
from jairika_nb.store.layout import Layout
from jairika_nb.store.note import Note
from jairika_nb.store.packing import Progress, packed
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Event
from jairika_nb.store.show import counted
from jairika_nb.store.verify import verify

DAY = 86_400  # seconds
SUFFIX = ".repack"


@dataclass(frozen=True)
class Collected:
    """Bytes of the file before and after, and what became of iterations.

    ``removed`` left the lists now, ``dropped`` had left them before and are gone for good.
    """

    before: int
    after: int
    dropped: int
    cold: Chilled = field(default_factory=Chilled)
    removed: int = 0

    @property
    def won(self) -> int:
        return self.before - self.after

    def __str__(self) -> str:
        lost = f", {counted(self.removed, 'iteration')} removed" if self.removed else ""
        lost += f", {counted(self.dropped, 'removed iteration')} dropped" if self.dropped else ""
        found = f"{self.won:,} bytes won: {self.before:,} before, {self.after:,} now{lost}"
        return f"{found}\nas differences: {self.cold}" if self.cold.tensors else found

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "cold": vars(self.cold)}


def collect(
    path: Path,
    days: float,
    note: Note,
    *,
    disk: Disk | None,
    wait: float,
    progress: Progress | None = None,
    cold: bool | None = None,
) -> Collected:
    """Rewrite the file at ``path`` without what was removed more than ``days`` days ago.

    ``cold`` makes older iterations cold (see ``store.cold``), False all plain, None leaves each.

    Raises ``Damaged`` where what it would keep is not whole, ``Locked``, ``NoSpace``; the file
    stays as it was then.
    """
    disk, real = disk or Disk(), Path(os.path.realpath(path))
    with locks.writing(path, wait), uninterrupted():
        file = JournaledFile(real, disk)
        try:
            # Those who only read keep the old file, so they need not be waited for.
            locks.keep_others_out(file.file, path, wait, shared=True)
            file.recover()
            clear(real, SUFFIX, 0)  # under the writer's lock nobody is at work on one
            clear(real, NEW, STALE)
            return _swapped(path, real, days, note, disk, progress, cold)
        finally:
            file.close()


def _swapped(
    path: Path,
    real: Path,
    days: float,
    note: Note,
    disk: Disk,
    progress: Progress | None,
    cold: bool | None,
) -> Collected:
    aside = real.with_name(f".{real.name[:100]}.{secrets.token_hex(4)}{SUFFIX}")
    reader = Reader(real, disk)
    try:
        before, (events, dropped) = reader.ranges.size, _kept(reader, days, note.time)
        line = Event(note.time, note.author, "gc", "", "", None, None)
        chilled: list[Chilled] = []

        def make(layout: Layout) -> Catalogue:
            told = progress
            rows = [*reader.rows(), *(each.row for each in events if each.row)]
            maybe = cold is None and reader.root.format >= coded.FORMAT
            if cold or (maybe and has_coded(reader, rows)):
                chilled.append(lay_down(reader, layout, rows, more=bool(cold), progress=told))
                told = None  # all that takes long is there already
            return ruling.ruled(
                packed(reader, layout, (*events, line), told), layout, reader.policy()
            )

        with telling("repack", path):
            transaction.fill(
                aside,
                make,
                disk,
                called=path,
                generation=reader.root.generation + 1,
            )
            after = _checked(aside, path, disk)
            shutil.copymode(real, aside)
            disk.replace(aside, real)
            disk.sync_folder(real.parent)
        return Collected(before, after, dropped, next(iter(chilled), Chilled()))
    finally:
        reader.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)


def too_old(reader: Reader, days: float, now: int) -> Callable[[Event], bool]:
    """Whether an event removed an iteration more than ``days`` days before ``now``.

    What was tagged after its removal does not count: the tag leads to it.
    """
    oldest, tagged = now - days * DAY, {each.id for each in reader.catalogue.tags}

    def is_too_old(event: Event) -> bool:
        return bool(event.row and event.time <= oldest and event.row.id not in tagged)

    return is_too_old


def _kept(reader: Reader, days: float, now: int) -> tuple[list[Event], int]:
    """The events, without the iterations that were removed too long ago, and how many those are."""
    gone, events = too_old(reader, days, now), reader.events()
    return [replace(e, row=None) if gone(e) else e for e in events], sum(map(gone, events))


def _checked(aside: Path, path: Path, disk: Disk) -> int:
    """The size of the new file, once all of it was found whole."""
    reader = Reader(aside, disk)
    try:
        report = verify(reader)
        if not report.ok:
            raise Damaged(
                f"cannot repack {path}: what was written does not read back "
                f"({report.problems[0]}); check the disk, the file is as it was"
            )
        return reader.ranges.size
    finally:
        reader.close()
