"""A model as one file at a URL: written beside it, then put in its place."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from jairika_nb.errors import AddressError, HeadMoved, ReadOnly, StoreError
from jairika_nb.store import ancestry, create
from jairika_nb.store.address import Url
from jairika_nb.store.packing import Progress, packed
from jairika_nb.store.reader import Reader
from jairika_nb.store.remote import FsspecDisk
from jairika_nb.store.transfer import Moved, believed, missing


def write_copy(source: Reader, place: Path, progress: Progress | None = None) -> None:
    """Make the file ``place`` of all that ``source`` lists; raises as ``clone`` does."""
    create.create(place, lambda layout: packed(source, layout, (), progress, believed))


def publish(source: Reader, place: Url, progress: Progress | None = None) -> Moved:
    """Put a copy of the model at a URL that fsspec can write.

    What is there may only be an earlier state of the same model: raises ``HeadMoved`` otherwise.
    Object stores replace a file in one step; nobody else may publish there meanwhile, since most
    of them offer no lock. Raises ``ReadOnly`` for web servers, ``StoreError``.
    """
    if place.scheme in ("http", "https"):
        raise ReadOnly(f"cannot push to {place}: addresses of this kind are for reading")
    disk = FsspecDisk(place)
    moved = _difference(source, place)
    if not (moved.iterations or moved.tags):
        return moved
    aside = f"{disk.place}.{secrets.token_hex(4)}.new"
    with tempfile.TemporaryDirectory() as folder:
        packed_file = Path(folder) / "model.jrk.h5"
        write_copy(source, packed_file, progress)
        moved.bytes = packed_file.stat().st_size
        try:
            disk.files.put_file(str(packed_file), aside)
            disk.files.mv(aside, disk.place)
        except Exception as error:  # each backend has errors of its own
            with suppress(Exception):
                disk.files.rm_file(aside)
            raise StoreError(f"cannot push to {place}: {error}") from error
    return moved


def _difference(source: Reader, place: Url) -> Moved:
    """What the file at ``place`` lacks; raises ``HeadMoved`` where it has what ``source`` lacks."""
    variants = [each.name for each in source.catalogue.variants]
    try:
        there = Reader(place)
    except AddressError as error:
        if "no such file" not in str(error):
            raise
        return Moved({name: len(source.iterations(name)) for name in variants})
    known = ancestry.by_id(source)
    if lost := [row for row in there.rows() if row.id not in known]:
        raise HeadMoved(
            f"cannot push to {place}: it has iteration {lost[0].name!r} of variant "
            f"{lost[0].variant!r}, which would be lost; pull it first"
        )
    moved = Moved({name: len(missing(source, there, name, name)) for name in variants})
    moved.iterations = {name: count for name, count in moved.iterations.items() if count}
    tags = {each.name: each.id for each in there.catalogue.tags}
    moved.tags = [t.name for t in source.catalogue.tags if tags.get(t.name) != t.id]
    return moved
