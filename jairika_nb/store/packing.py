"""Copy a history into a new file: each object once, nothing that no iteration leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from jairika_nb.store import coded, keyrings, tensors, times
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.layout import Layout
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Event, Place, Row
from jairika_nb.store.tensors import Placed
from jairika_nb.store.viewed import check_readable

Progress = Callable[[int, int], None]  # bytes done, bytes in all


def packed(
    reader: Reader,
    layout: Layout,
    events: Iterable[Event],
    progress: Progress | None = None,
    checked: Callable[[Reader, Row], Row] = lambda reader, row: row,
) -> Catalogue:
    """Write all that ``reader`` lists, and the removed iterations that ``events`` hold.

    Every byte is checked against its hash on the way, so a damaged history raises ``Damaged``
    and is not copied; ``checked`` gives each row as it may be believed. Tags of what is not written
    stay behind.
    """
    copied = _Copy(reader, layout, progress)
    branches, tail = [], []
    for branch in reader.catalogue.variants:
        notes = {"created": times.printed(branch.created)}
        if branch.parent:
            notes["parent"] = "/".join(branch.parent)
        layout.show_variant(branch.name, **notes)
        for row in reader.iterations(branch.name):
            made = copied.iteration(checked(reader, row), shown=True)
            if branch.blank == row:
                branch = replace(branch, blank=made)
            else:
                tail.append(made)
        branches.append(branch)
    kept = tuple(
        replace(each, row=copied.iteration(each.row, shown=False)) if each.row else each
        for each in events
    )
    blank = (branch.blank for branch in branches)
    ids = {row.id for row in (*tail, *blank, *(each.row for each in kept)) if row}
    tags = tuple(each for each in reader.catalogue.tags if each.id in ids)
    current = reader.catalogue.current
    return Catalogue(
        current,
        tuple(branches),
        tail=tuple(tail),
        tags=tags,
        recent=kept,
        keyrings=tuple(keyrings.record(layout, each) for each in reader.keyrings()),
        encrypts=reader.catalogue.encrypts,
    )


def copy(
    reader: Reader, layout: Layout, row: Row, told: Callable[[int], None] | None = None
) -> Row:
    """Write the objects and records of an iteration where they are missing; gives its new row."""
    manifest = reader.manifest(row)
    check_readable(reader, row, manifest.tensors)
    places = []
    found = list(zip(manifest.tensors, reader.locations(row, manifest), strict=True))
    reader.expect(row, [each[0] for each in found if not _there(layout, each)])
    for placed in found:
        there = _there(layout, placed)
        places.append(there or copied(reader, layout, placed))
        if told and not there:
            told(placed[0].bytes)
    at = {
        "manifest": layout.put_bytes("manifests", row.id, reader.raw(row, "manifest", row.id)),
        "locations": layout.put("locations", row.id, np.array(places, "<u8").reshape(-1)),
        "meta": layout.put_bytes("meta", manifest.meta, reader.raw(row, "meta", manifest.meta)),
    }
    if manifest.architecture is not None:
        data = reader.raw(row, "architecture", manifest.architecture)
        at["architecture"] = layout.put_bytes("arch", manifest.architecture, data)
    return replace(row, at=at)


def _there(layout: Layout, placed: Placed) -> Place | None:
    """Where the new file has the object already.

    Nobody can tell what is encrypted under the hash of a plain object: that is not taken for it.
    """
    tensor, place = placed
    there = layout.place(tensor.digest, tensor.dtype, tensor.shape)
    if there and coded.is_coded(there) and not coded.is_coded(place):
        return None if layout.is_sealed(tensor.digest) else there
    return there


def copied(reader: Reader, layout: Layout, placed: Placed) -> Place:
    """The object in the new file: coded where that means the same there, else plain."""
    tensor, place = placed
    if coded.is_coded(place):
        found = coded.unpacked(reader.ranges, place, f"{tensor.name!r}")
        if coded.codec_of(reader.ranges, found).movable:
            return layout.put_coded(tensor.digest, found.whole)
    return layout.put("objects", tensor.digest, tensors.mapped(reader.ranges, placed))


class _Copy:
    """Counts the bytes of objects as they are copied."""

    def __init__(self, reader: Reader, layout: Layout, progress: Progress | None) -> None:
        self.reader, self.layout, self.progress = reader, layout, progress
        self.done = 0
        self.total = reader.root.end

    def iteration(self, row: Row, *, shown: bool) -> Row:
        made = copy(self.reader, self.layout, row, self._tell)
        if shown:
            links = {each.name: each.digest for each in self.reader.manifest(row).parameters}
            stamp = times.printed(row.time)
            self.layout.show(row.variant, row.name, links, id=row.id, time=stamp)
        return made

    def _tell(self, count: int) -> None:
        self.done += count
        if self.progress:
            self.progress(self.done, self.total)
