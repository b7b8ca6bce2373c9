"""The changes a model knows: commit, derive, switch, and the first iteration of all.

Each is a function from the committed state to the next catalogue, writing objects and records
on the way; ``transaction`` makes it durable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from jairika_nb.errors import NameTaken
from jairika_nb.store import rules, times
from jairika_nb.store.arrays import Content
from jairika_nb.store.canonical import digest, encoded
from jairika_nb.store.catalogue import (
    Catalogue,
    Place,
    Row,
    Segment,
    VariantRow,
    rows_to_json,
)
from jairika_nb.store.layout import Layout
from jairika_nb.store.manifest import Manifest, Tensor
from jairika_nb.store.note import Note
from jairika_nb.store.reader import Reader


def first(layout: Layout, variant: str, name: str, kept: Content, note: Note) -> Catalogue:
    """The catalogue of a new file: one variant with one iteration, blank where nothing is kept."""
    layout.show_variant(variant, created=times.printed(note.time))
    row = _iteration(layout, variant, name, kept, note, parents=())
    blank = not kept.tensors and kept.architecture is None
    branch = VariantRow(variant, note.time, blank=row if blank else None)
    return Catalogue(variant, (branch,), tail=() if blank else (row,))


def commit(
    variant: str,
    name: str | None,
    kept: Content,
    note: Note,
    expected: set[str],
    replaces: str | None = None,
) -> Callable[[Reader, Layout], tuple[Catalogue, Row]]:
    """Add an iteration to ``variant``, whose newest one has an id among ``expected``.

    The new id joins them: a commit that is safe in the journal but could not be applied is
    the newest one when its caller tries again.
    """

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, Row]:
        branch = rules.branch_of(reader, variant)
        rows = reader.iterations(variant)
        rules.check_head(reader, branch, rows, expected)
        rules.check_architecture(reader, branch, rows, kept)
        if replaces is not None:
            return _replacing(reader, layout, branch, replaces, name, kept, note, expected)
        takes_over = branch.blank is not None and len(rows) == 1 and name in (None, rows[0].name)
        chosen = rows[0].name if takes_over else rules.free_name(reader, branch, rows, name)
        parents = () if takes_over or not rows else (rows[-1].id,)
        content = rules.completed(reader, rows, kept)
        row = _iteration(layout, variant, chosen, content, note, parents)
        expected.add(row.id)
        tail = (
            *reader.catalogue.tail,
            *(() if takes_over or not branch.blank else (branch.blank,)),
        )
        catalogue = reader.catalogue.with_variant(replace(branch, blank=None))
        return replace(catalogue, tail=(*tail, row)), row

    return change


def _replacing(
    reader: Reader,
    layout: Layout,
    branch: VariantRow,
    replaces: str,
    name: str | None,
    kept: Content,
    note: Note,
    expected: set[str],
) -> tuple[Catalogue, Row]:
    """Put an iteration in the place of the newest one of its variant."""
    rows = reader.iterations(branch.name)
    old = rules.replaceable(reader, branch, rows, replaces)
    rest = rows[:-1]
    chosen = old.name if name is None else rules.free_name(reader, branch, rest, name)
    content = rules.completed(reader, rows, kept)
    row = _iteration(layout, branch.name, chosen, content, note, old.parents, hides=old.name)
    expected.add(row.id)
    catalogue = without(reader, layout, old)
    return replace(catalogue, tail=(*catalogue.tail, row)), row


def without(reader: Reader, layout: Layout, old: Row) -> Catalogue:
    """The catalogue without an iteration; the segment it was sealed in is written anew."""
    catalogue = reader.catalogue
    if old in catalogue.tail:
        return replace(catalogue, tail=tuple(row for row in catalogue.tail if row != old))
    segments = []
    for segment in catalogue.segments:
        rows = reader.segment(segment)
        kept = [row for row in rows if row != old]
        if len(kept) == len(rows):
            segments.append(segment)
        elif kept:
            segments.append(sealed(layout, kept))
    return replace(catalogue, segments=tuple(segments))


def sealed(layout: Layout, rows: Sequence[Row]) -> Segment:
    """A segment of the catalogue with these rows."""
    data = encoded(rows_to_json(rows))
    name = digest(data)
    offset, length = layout.put_bytes("catalog", f"rows-{name}", data)
    return Segment(offset, length, name, len(rows))


def derive(
    name: str, source: str, iteration: str | None, note: Note, *, switch: bool
) -> Callable[[Reader, Layout], tuple[Catalogue, Row]]:
    """Start the variant ``name`` from an iteration of ``source``, sharing its objects."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, Row]:
        origin = rules.row_of(reader, source, iteration)
        if reader.variant(name) is not None:
            raise NameTaken(
                f"cannot derive variant {name!r}: {rules.file_name(reader)} has one of that name; "
                "choose another name"
            )
        parent = (source, origin.name)
        created = times.printed(note.time)
        layout.show_variant(name, created=created, parent="/".join(parent))
        row = _shared(reader, layout, origin, name, note)
        catalogue = reader.catalogue.with_variant(VariantRow(name, note.time, parent))
        current = name if switch else catalogue.current
        return replace(catalogue, current=current, tail=(*catalogue.tail, row)), row

    return change


def switch(variant: str) -> Callable[[Reader, Layout], tuple[Catalogue, None]]:
    """Make ``variant`` the one in use."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, None]:
        rules.branch_of(reader, variant)
        return replace(reader.catalogue, current=variant), None

    return change


def _iteration(
    layout: Layout,
    variant: str,
    name: str,
    kept: Content,
    note: Note,
    parents: Sequence[str],
    hides: str | None = None,
) -> Row:
    places = [layout.put("objects", tensor.digest, values) for tensor, values in kept.tensors]
    tensors = tuple(tensor for tensor, _ in kept.tensors)
    return _recorded(layout, variant, name, tensors, places, kept, note, parents, hides)


def _shared(reader: Reader, layout: Layout, origin: Row, variant: str, note: Note) -> Row:
    """A copy of ``origin`` as the first iteration of ``variant``: records, not tensors."""
    manifest = reader.manifest(origin)
    kept = Content(
        architecture=rules.architecture_bytes(reader, origin),
        scalars=reader.meta(origin, manifest).get("optimizer", {}),
    )
    places = reader.locations(origin, manifest)
    note = replace(note, metrics=origin.metrics)
    return _recorded(
        layout, variant, rules.PRIME, manifest.tensors, places, kept, note, (origin.id,)
    )


def _recorded(
    layout: Layout,
    variant: str,
    name: str,
    tensors: tuple[Tensor, ...],
    places: Sequence[Place],
    kept: Content,
    note: Note,
    parents: Sequence[str],
    hides: str | None = None,
) -> Row:
    meta = encoded(
        {
            "message": note.message,
            "metrics": note.metrics,
            "author": note.author,
            "software": note.software,
            "optimizer": kept.scalars,
        }
    )
    architecture = None if kept.architecture is None else digest(kept.architecture)
    manifest = Manifest(
        variant, name, note.time, tuple(parents), architecture, digest(meta), tensors
    )
    data = encoded(manifest.to_json())
    id = digest(data)
    at = {
        "manifest": layout.put_bytes("manifests", id, data),
        "locations": layout.put("locations", id, np.array(places, "<u8").reshape(-1)),
        "meta": layout.put_bytes("meta", manifest.meta, meta),
    }
    if kept.architecture is not None and architecture is not None:
        at["architecture"] = layout.put_bytes("arch", architecture, kept.architecture)
    links = {each.name: each.digest for each in manifest.parameters}
    layout.show(variant, name, links, hides, id=id, time=times.printed(note.time))
    return Row(
        id=id,
        variant=variant,
        name=name,
        time=note.time,
        parents=manifest.parents,
        message=note.message,
        metrics=note.metrics,
        layers=len(manifest.layers),
        bytes=sum(each.bytes for each in tensors),
        architecture=architecture,
        at=at,
    )
