"""A model as one file at a URL: written beside it, then put in its place."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from jairika_nb.errors import HeadMoved, NoSuchFile, ReadOnly, StoreError
from jairika_nb.store import ancestry, create, keyrings, ruling, signing
from jairika_nb.store.address import Url
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.layout import Layout
from jairika_nb.store.packing import Progress, packed
from jairika_nb.store.policy import Policy
from jairika_nb.store.reader import Reader
from jairika_nb.store.remote import FsspecDisk
from jairika_nb.store.rows import Tag
from jairika_nb.store.transfer import Moved, believed, missing

OFF = Policy()


def write_copy(
    source: Reader,
    place: Path,
    progress: Progress | None = None,
    policy: Policy = OFF,
    tags: Sequence[Tag] = (),
) -> None:
    """Make the file ``place`` of all that ``source`` lists; raises as ``clone`` does.

    Access rules belong to a place, not to a history, so it has those of ``policy``; ``tags`` go
    before those of ``source``.
    """

    def make(layout: Layout) -> Catalogue:
        catalogue = packed(source, layout, (), progress, believed)
        ids, taken = {row.id for row in catalogue.tail}, {each.name for each in tags}
        kept = [each for each in tags if each.id in ids]
        kept += [each for each in catalogue.tags if each.name not in taken]
        return ruling.ruled(replace(catalogue, tags=tuple(kept)), layout, policy)

    create.create(place, make)


def publish(source: Reader, place: Url, progress: Progress | None = None) -> Moved:
    """Put a copy of the model at a URL that fsspec can write.

    What is there may only be an earlier state of the same model: raises ``HeadMoved`` otherwise.
    Its access rules and tags stay. Object stores replace a file in one step; nobody else may
    publish there meanwhile, since most of them offer no lock. Raises ``ReadOnly`` for web servers,
    ``StoreError``.
    """
    if place.scheme in ("http", "https"):
        raise ReadOnly(f"cannot push to {place}: addresses of this kind are for reading")
    disk = FsspecDisk(place)
    moved, policy, tags = _difference(source, place)
    if not (moved.iterations or moved.tags or moved.signatures or moved.readers):
        return moved
    aside = f"{disk.place}.{secrets.token_hex(4)}.new"
    with tempfile.TemporaryDirectory() as folder:
        packed_file = Path(folder) / "model.jrk.h5"
        write_copy(source, packed_file, progress, policy, tags)
        moved.bytes = packed_file.stat().st_size
        try:
            disk.files.put_file(str(packed_file), aside)
            disk.files.mv(aside, disk.place)
        except Exception as error:  # each backend has errors of its own
            with suppress(Exception):
                disk.files.rm_file(aside)
            raise StoreError(f"cannot push to {place}: {error}") from error
    return moved


def _difference(source: Reader, place: Url) -> tuple[Moved, Policy, tuple[Tag, ...]]:
    """What the file at ``place`` lacks, and its access rules and tags.

    Raises ``HeadMoved`` where it has what ``source`` lacks.
    """
    variants = [each.name for each in source.catalogue.variants]
    # What was removed does not go there, and neither do its tags.
    listed = {row.id for row in source.rows()}
    tags = {each.name: each.id for each in source.catalogue.tags if each.id in listed}
    try:
        there = Reader(place)
    except NoSuchFile:
        found = {name: len(source.iterations(name)) for name in variants}
        return Moved(found, tags=list(tags)), Policy(), ()
    known = ancestry.by_id(source)
    if lost := [row for row in there.rows() if row.id not in known]:
        raise HeadMoved(
            f"cannot push to {place}: it has iteration {lost[0].name!r} of variant "
            f"{lost[0].variant!r}, which would be lost; pull it first"
        )
    moved = Moved({name: len(missing(source, there, name, name)) for name in variants})
    moved.iterations = {name: count for name, count in moved.iterations.items() if count}
    old = {each.name: each.id for each in there.catalogue.tags}
    moved.tags = [name for name in tags if name not in old]
    moved.notes = [
        f"the tag {name!r} names another iteration there and stays so"
        for name, id in tags.items()
        if old.get(name, id) != id
    ]
    moved.signatures = len(signing.lacking(source, there))
    moved.readers = keyrings.united(source.keyrings(), there, moved.notes) is not None
    return moved, there.policy(), there.catalogue.tags
