"""The changes a model knows: commit, derive, switch, and the first iteration of all.

Each is a function from the committed state to the next catalogue, writing objects and records
on the way; ``transaction`` makes it durable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jairika_nb.errors import ArchitectureError, NameTaken, StoreError
from jairika_nb.store import address, times
from jairika_nb.store.arrays import Content
from jairika_nb.store.canonical import digest, encoded
from jairika_nb.store.catalogue import Catalogue, Place, Row, VariantRow
from jairika_nb.store.layout import Layout
from jairika_nb.store.manifest import Manifest, Tensor
from jairika_nb.store.names import unknown
from jairika_nb.store.reader import Reader

PRIME = "prime"


@dataclass(frozen=True)
class Note:
    """What is said about an iteration: message, metrics, author, software, when."""

    time: int
    message: str
    metrics: dict[str, Any]
    author: str
    software: dict[str, str]


def first(layout: Layout, variant: str, name: str, kept: Content, note: Note) -> Catalogue:
    """The catalogue of a new file: one variant with one iteration, blank where nothing is kept."""
    layout.show_variant(variant, created=times.printed(note.time))
    row = _iteration(layout, variant, name, kept, note, parents=())
    blank = not kept.tensors and kept.architecture is None
    branch = VariantRow(variant, note.time, blank=row if blank else None)
    return Catalogue(variant, (branch,), tail=() if blank else (row,))


def commit(
    variant: str, name: str | None, kept: Content, note: Note, expected: set[str]
) -> Callable[[Reader, Layout], tuple[Catalogue, Row]]:
    """Add an iteration to ``variant``, whose newest one has an id among ``expected``.

    The new id joins them: a commit that is safe in the journal but could not be applied is
    the newest one when its caller tries again.
    """

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, Row]:
        branch = branch_of(reader, variant)
        rows = reader.iterations(variant)
        _check_head(reader, branch, rows, expected)
        _check_architecture(reader, branch, rows, kept)
        takes_over = branch.blank is not None and len(rows) == 1 and name in (None, rows[0].name)
        chosen = rows[0].name if takes_over else _free_name(reader, branch, rows, name)
        parents = () if takes_over or not rows else (rows[-1].id,)
        content = _completed(reader, rows, kept)
        row = _iteration(layout, variant, chosen, content, note, parents)
        expected.add(row.id)
        tail = (
            *reader.catalogue.tail,
            *(() if takes_over or not branch.blank else (branch.blank,)),
        )
        catalogue = reader.catalogue.with_variant(replace(branch, blank=None))
        return replace(catalogue, tail=(*tail, row)), row

    return change


def derive(
    name: str, source: str, iteration: str | None, note: Note, *, switch: bool
) -> Callable[[Reader, Layout], tuple[Catalogue, Row]]:
    """Start the variant ``name`` from an iteration of ``source``, sharing its objects."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, Row]:
        origin = row_of(reader, source, iteration)
        if reader.variant(name) is not None:
            raise NameTaken(
                f"cannot derive variant {name!r}: {_file(reader)} has one of that name; "
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
        branch_of(reader, variant)
        return replace(reader.catalogue, current=variant), None

    return change


def branch_of(reader: Reader, variant: str) -> VariantRow:
    """The variant called ``variant``; raises ``NotFound`` with what may have been meant."""
    branch = reader.variant(variant)
    if branch is None:
        known = [each.name for each in reader.catalogue.variants]
        raise unknown("variant", variant, known, _file(reader))
    return branch


def row_of(reader: Reader, variant: str, iteration: str | None = None) -> Row:
    """The iteration of that name, or the newest; raises ``NotFound``."""
    branch_of(reader, variant)
    rows = reader.iterations(variant)
    found = [row for row in rows if iteration in (None, row.name)]
    if not found:
        where = f"variant {variant!r} of {_file(reader)}"
        raise unknown("iteration", iteration, [row.name for row in rows], where)
    return found[-1]


def _iteration(
    layout: Layout, variant: str, name: str, kept: Content, note: Note, parents: Sequence[str]
) -> Row:
    places = [layout.put("objects", tensor.digest, values) for tensor, values in kept.tensors]
    tensors = tuple(tensor for tensor, _ in kept.tensors)
    return _recorded(layout, variant, name, tensors, places, kept, note, parents)


def _shared(reader: Reader, layout: Layout, origin: Row, variant: str, note: Note) -> Row:
    """A copy of ``origin`` as the first iteration of ``variant``: records, not tensors."""
    manifest = reader.manifest(origin)
    kept = Content(
        architecture=architecture_bytes(reader, origin),
        scalars=reader.meta(origin, manifest).get("optimizer", {}),
    )
    places = reader.locations(origin, manifest)
    note = replace(note, metrics=origin.metrics)
    return _recorded(layout, variant, PRIME, manifest.tensors, places, kept, note, (origin.id,))


def _recorded(
    layout: Layout,
    variant: str,
    name: str,
    tensors: tuple[Tensor, ...],
    places: Sequence[Place],
    kept: Content,
    note: Note,
    parents: Sequence[str],
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
    )


def architecture_bytes(reader: Reader, row: Row) -> bytes | None:
    """The canonical architecture of an iteration, or None."""
    return None if row.architecture is None else encoded(reader.architecture(row))


def _check_head(
    reader: Reader, branch: VariantRow, rows: Sequence[Row], expected: set[str]
) -> None:
    head = rows[-1] if rows else None
    if head is not None and head.id not in expected:
        raise StoreError(
            f"cannot commit to variant {branch.name!r} of {_file(reader)}: iteration "
            f"{head.name!r} was added to it since the model was opened here; open it again to "
            "build on that, or derive a variant to keep both"
        )


def _check_architecture(
    reader: Reader, branch: VariantRow, rows: Sequence[Row], kept: Content
) -> None:
    """One architecture a variant; one that was only derived so far may still change it."""
    if len(rows) == 1 and (branch.blank is not None or branch.parent is not None):
        return
    head = rows[-1] if rows else None
    if head is None or (head.architecture is None and kept.architecture is None):
        return
    if head.architecture is None or kept.architecture is None:
        why = _misfit(reader, head, kept)
    else:
        same = digest(kept.architecture) == head.architecture
        why = None if same else "the net's architecture is another"
    if why:
        raise ArchitectureError(
            f"cannot commit to variant {branch.name!r} of {_file(reader)}: {why}; derive a "
            "variant first and commit to that"
        )


def _misfit(reader: Reader, head: Row, kept: Content) -> str | None:
    """The first parameter whose name or shape differs from the newest iteration's, in words."""
    before = {each.name: each.shape for each in reader.manifest(head).parameters}
    after = {each.name: each.shape for each, _ in kept.tensors if each.role != "optimizer"}
    for name in (*after, *before):
        if before.get(name) != after.get(name):
            return f"{name!r} has shape {after.get(name)}, there it has {before.get(name)}"
    return None


def _completed(reader: Reader, rows: Sequence[Row], kept: Content) -> Content:
    """Arrays without an architecture are given that of the variant where they fit it."""
    head = rows[-1] if rows else None
    if head is None or head.architecture is None or kept.architecture is not None:
        return kept
    if _misfit(reader, head, kept):
        return kept
    return replace(kept, architecture=architecture_bytes(reader, head))


def _free_name(reader: Reader, branch: VariantRow, rows: Sequence[Row], name: str | None) -> str:
    taken = {row.name for row in rows}
    if name is None:
        numbered = (f"iteration-{n}" for n in range(len(rows) + 1, 2 * len(rows) + 3))
        return PRIME if not rows else next(each for each in numbered if each not in taken)
    if name in taken:
        raise NameTaken(
            f"cannot commit {name!r}: variant {branch.name!r} of {_file(reader)} has an iteration "
            "of that name, and iterations do not change; choose another name"
        )
    return name


def _file(reader: Reader) -> str:
    return address.title(reader.path)
