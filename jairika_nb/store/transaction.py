"""A change of a model file: all of it or none, and on the medium when it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from jairika_nb.engine.interrupts import uninterrupted
from jairika_nb.errors import Damaged, JairikaError
from jairika_nb.store import isolated, locks, sealing
from jairika_nb.store.canonical import digest, encoded
from jairika_nb.store.catalogue import CHUNK, Catalogue, to_json
from jairika_nb.store.columns import FORMAT, packed
from jairika_nb.store.disk import Disk
from jairika_nb.store.journaled import JournaledFile
from jairika_nb.store.layout import Layout
from jairika_nb.store.reader import Guard, Reader
from jairika_nb.store.rows import Event, Place, Segment
from jairika_nb.store.slots import Root
from jairika_nb.store.table import Table
from jairika_nb.store.vault import Vault

Result = TypeVar("Result")
# Gets the committed state and the open HDF5 session; gives the new catalogue and a result.
Change = Callable[[Reader, Layout], tuple[Catalogue, Result]]
Written = tuple[Place, bytes, int]  # where the catalogue lies, its bytes, the file's format


def change(
    path: Path,
    make: Change[Result],
    *,
    disk: Disk | None,
    wait: float,
    sealed: dict[str, Table] | None = None,
    guard: Guard | None = None,
    vault: Vault | None = None,
) -> Result:
    """Run ``make`` as the only writer and commit what it wrote.

    ``sealed`` are segments read before, by their hashes, so that a long history is not read again;
    ``guard`` and ``vault`` are those of the reader which ``make`` gets.

    Raises what ``make`` raises, ``Locked``, ``NoSpace``, ``ReadOnly``, ``Damaged``, and then
    the committed state is the one before.
    """
    with locks.writing(path, wait), uninterrupted():
        file = JournaledFile(path, disk)
        try:
            locks.keep_others_out(file.file, path, wait)
            return _changed(file, make, sealed, guard, vault)
        finally:
            file.close()


def recover(path: Path, *, disk: Disk | None) -> None:
    """Finish what a killed writer committed, drop what it did not; raises ``Locked`` at once."""
    with locks.writing(path, 0), uninterrupted():
        file = JournaledFile(path, disk)
        try:
            locks.keep_others_out(file.file, path, 0)
            file.recover()
        finally:
            file.close()


def fill(
    path: Path,
    make: Callable[[Layout], Catalogue],
    disk: Disk | None,
    *,
    called: Path,
    generation: int = 1,
) -> None:
    """Make a new model file at ``path``, which must not exist, in one go.

    Errors name ``called``, where the file is to appear.
    """
    with uninterrupted():
        file = JournaledFile(path, disk, new=True, called=called)
        try:

            def first(layout: Layout) -> Written:
                return _first(layout, make, generation)

            written = _write(file, first, new=True)
            file.finish_new(_root(file, generation, written))
        finally:
            file.close()


def _changed(
    file: JournaledFile,
    make: Change[Result],
    sealed: dict[str, Table] | None = None,
    guard: Guard | None = None,
    vault: Vault | None = None,
) -> Result:
    file.recover()
    reader = Reader(file.path, file.disk, sealed, guard=guard, vault=vault)
    try:
        if reader.root.stamp != file.disk.stamp(file.file):
            # A copy: its HDF5 part may be torn, which only a process of its own may find out.
            isolated.check(reader.unguarded())
        results: list[Result] = []
        written = _write(file, lambda layout: _next(layout, reader, make, results))
        file.commit(_root(file, reader.root.generation + 1, written))
        return results[0]
    finally:
        reader.close()


def _write(file: JournaledFile, fill_in: Callable[[Layout], Any], *, new: bool = False) -> Written:
    """Run an HDF5 session; whatever it raises, the session is closed before it goes on."""
    try:
        with Layout(file, new=new) as layout:
            written = fill_in(layout)
        file.check()
        return written
    except JairikaError:
        file.rollback()
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        file.rollback()
        file.check()  # the disk's error, where HDF5's is only its echo
        raise Damaged(
            f"cannot write {file.called}: HDF5 does not accept its own part of it ({error}); "
            "its iterations can still be read"
        ) from error


def _first(layout: Layout, make: Callable[[Layout], Catalogue], generation: int) -> Written:
    catalogue = _sealed(make(layout), None, layout)  # no segments yet that could merge
    data = encoded(catalogue.to_json())
    return layout.put_bytes("catalog", f"{generation:08d}", data), data, layout.format


def _next(layout: Layout, reader: Reader, make: Change[Result], results: list[Result]) -> Written:
    layout.sealer = sealing.sealer(reader)
    catalogue, result = make(reader, layout)
    results.append(result)
    data = encoded(_sealed(catalogue, reader, layout).to_json())
    place = layout.put_bytes("catalog", f"{reader.root.generation + 1:08d}", data)
    return place, data, max(layout.format, reader.root.format)


def _sealed(catalogue: Catalogue, reader: Reader | None, layout: Layout) -> Catalogue:
    """Move a long tail, and the small segments with it, into segments of their own."""
    if (merged := catalogue.to_seal()) is not None:
        rows = [row for each in merged if reader for row in reader.segment(each)]
        rows += catalogue.tail
        kept = catalogue.segments[: len(catalogue.segments) - len(merged)]
        made = _segments(layout, rows, packed)
        layout.format = max(layout.format, FORMAT)
        catalogue = replace(catalogue, segments=(*kept, *made), tail=())
    if (merged := catalogue.events_to_seal()) is not None:
        events = [event for each in merged if reader for event in reader.event_segment(each)]
        events += catalogue.recent
        kept = catalogue.past[: len(catalogue.past) - len(merged)]
        made = _segments(layout, events, _json)
        catalogue = replace(catalogue, past=(*kept, *made), recent=())
    return catalogue


def _json(events: Sequence[Event]) -> bytes:
    return encoded(to_json(events))


def _segments(
    layout: Layout, rows: Sequence[Any], form: Callable[[Sequence[Any]], bytes]
) -> list[Segment]:
    made = []
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        data = form(chunk)
        name = digest(data)
        offset, length = layout.put_bytes("catalog", f"rows-{name}", data)
        made.append(Segment(offset, length, name, len(chunk)))
    return made


def _root(file: JournaledFile, generation: int, written: Written) -> Root:
    place, data, format = written
    stamp = file.disk.stamp(file.file)
    return Root(generation, *place, digest(data), file.end, stamp, format)
