"""How a model grows: commit, derive, switch, and the first iteration of all.

Each is a function from the committed state to the next catalogue, writing objects and records
on the way; ``transaction`` makes it durable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from jairika_nb.errors import NameTaken
from jairika_nb.store import listing, refs, rules, sealing, times
from jairika_nb.store.arrays import Content
from jairika_nb.store.canonical import digest, encoded
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.layout import Layout
from jairika_nb.store.manifest import Manifest, Tensor
from jairika_nb.store.note import Note
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Event, Place, Row, VariantRow


def first(layout: Layout, variant: str, name: str, kept: Content, note: Note) -> Catalogue:
    """The catalogue of a new file: one variant with one iteration, blank where nothing is kept."""
    layout.show_variant(variant, created=times.printed(note.time))
    row = iteration(layout, variant, name, kept, note, parents=())
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
        row = iteration(layout, variant, chosen, content, note, parents)
        expected.add(row.id)
        tail = (
            *reader.catalogue.tail,
            *(() if takes_over or not branch.blank else (branch.blank,)),
        )
        catalogue = reader.catalogue.with_variant(replace(branch, blank=None))
        catalogue = replace(catalogue, tail=(*tail, row))
        return catalogue.with_events(event("commit", note, rows[-1:], row)), row

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
    kept_name = name in (None, old.name)
    chosen = old.name if kept_name else rules.free_name(reader, branch, rows, name)
    content = rules.completed(reader, rows, kept)
    layout.hide(branch.name, old.name)
    row = iteration(layout, branch.name, chosen, content, note, old.parents)
    expected.add(row.id)
    catalogue = listing.without(reader, reader.catalogue, [old])
    catalogue = replace(catalogue, tail=(*catalogue.tail, row))
    return catalogue.with_events(event("replace", note, rows[-1:], row)), row


def derive(
    name: str, source: str, start: str | None, note: Note, *, switch: bool
) -> Callable[[Reader, Layout], tuple[Catalogue, Row]]:
    """Start the variant ``name`` from an iteration of ``source``, sharing its objects."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, Row]:
        origin = (
            rules.row_of(reader, source) if start is None else refs.row_at(reader, start, source)
        )
        if reader.variant(name) is not None:
            raise NameTaken(
                f"cannot derive variant {name!r}: {rules.file_name(reader)} has one of that name; "
                "choose another name"
            )
        parent = (origin.variant, origin.name)
        created = times.printed(note.time)
        layout.show_variant(name, created=created, parent="/".join(parent))
        row = shared(reader, layout, origin, (name, rules.PRIME), note, (origin.id,))
        catalogue = reader.catalogue.with_variant(VariantRow(name, note.time, parent))
        current = name if switch else catalogue.current
        catalogue = replace(catalogue, current=current, tail=(*catalogue.tail, row))
        return catalogue.with_events(event("derive", note, (), row)), row

    return change


def switch(variant: str, note: Note) -> Callable[[Reader, Layout], tuple[Catalogue, None]]:
    """Make ``variant`` the one in use."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, None]:
        rows = reader.iterations(reader.catalogue.current)
        row = rules.row_of(reader, variant)
        catalogue = replace(reader.catalogue, current=variant)
        return catalogue.with_events(event("switch", note, rows[-1:], row)), None

    return change


def iteration(
    layout: Layout, variant: str, name: str, kept: Content, note: Note, parents: Sequence[str]
) -> Row:
    """Write an iteration: its tensors where they are new, and its records."""
    tensors, places = [], []
    for tensor, where in sealing.kept(layout, (variant, name), kept.tensors):
        tensors.append(tensor)
        places.append(where)
    return recorded(layout, (variant, name), tuple(tensors), places, kept, note, parents)


def shared(
    reader: Reader,
    layout: Layout,
    origin: Row,
    place: tuple[str, str],
    note: Note,
    parents: Sequence[str],
) -> Row:
    """The state of ``origin`` once more, as variant and iteration ``place``: no tensor is written.

    Its metrics stay, as they are facts about the state.
    """
    manifest = reader.manifest(origin)
    kept = Content(
        architecture=rules.architecture_bytes(reader, origin),
        scalars=reader.meta(origin, manifest).get("optimizer", {}),
    )
    places = reader.locations(origin, manifest)
    note = replace(note, metrics=origin.metrics)
    return recorded(layout, place, manifest.tensors, places, kept, note, parents)


def event(
    verb: str, note: Note, before: Sequence[Row], after: Row | None, name: str | None = None
) -> Event:
    """A line for the reflog; ``before`` holds the newest iteration so far, or nothing."""
    row = after or before[-1]
    return Event(
        time=note.time,
        author=note.author,
        verb=verb,
        variant=row.variant,
        name=row.name if name is None else name,
        # What the new one continues is known from its parents.
        before=before[-1].id if before and before[-1].id not in row.parents else None,
        after=None if after is None else after.id,
    )


def recorded(
    layout: Layout,
    place: tuple[str, str],
    tensors: tuple[Tensor, ...],
    places: Sequence[Place],
    kept: Content,
    note: Note,
    parents: Sequence[str],
) -> Row:
    """Write the records of an iteration whose tensors lie at ``places``."""
    variant, name = place
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
    layout.show(variant, name, links, id=id, time=times.printed(note.time))
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
        signatures=() if note.sign is None else (note.sign(id),),
    )
