"""Bringing iterations from one model file into another: only what is missing, checked.

What comes from another file is nobody's word: ids are the hashes of manifests, manifests name
the hashes of all else, and what a row of the catalogue tells is told again from those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from jairika_nb.errors import Damaged, HeadMoved
from jairika_nb.store import (
    ancestry,
    arrays,
    history,
    keyrings,
    listing,
    names,
    rules,
    signing,
    times,
)
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.keyring import Keyring
from jairika_nb.store.layout import Layout
from jairika_nb.store.manifest import Manifest
from jairika_nb.store.note import Note
from jairika_nb.store.packing import Progress, copy
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import METRIC, Row, Tag, VariantRow
from jairika_nb.store.show import counted

LONGEST = 1000  # iterations of one commit
BATCH = 64 << 20  # bytes of one commit: what is lost at most when a transfer is cut off


@dataclass
class Moved:
    """What a transfer brought: iterations by variant, bytes of new tensors, tags, remarks.

    ``signatures`` counts iterations that were there and got signatures they lacked; ``readers``
    tells whether others can read encrypted layers now.
    """

    iterations: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    tags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    signatures: int = 0
    readers: bool = False

    def __str__(self) -> str:
        parts = [f"{n} to variant {name!r}" for name, n in self.iterations.items()]
        tags = [f"tags {', '.join(self.tags)}"] if self.tags else []
        late = [f"signatures of {counted(self.signatures, 'iteration')}"] if self.signatures else []
        late += ["who can read"] if self.readers else []
        what = "; ".join([*parts, *tags, *late]) or "nothing new"
        return "\n".join([f"{what} ({self.bytes:,} bytes of tensors)", *self.notes])

    def to_json(self) -> dict[str, Any]:
        return vars(self)


class Delivery(Protocol):
    """How what is missing gets into the other model; each call is one commit there."""

    def iterations(
        self, branch: VariantRow | None, place: str, rows: Sequence[Row], head: str | None
    ) -> int:
        """Add iterations to the variant ``place`` whose newest is ``head``; gives new bytes."""

    def keyrings(self) -> None:
        """Bring what reads encrypted layers."""

    def tags(self, tags: Sequence[Tag]) -> Sequence[str]:
        """Add tags where their names are free; gives what could not be done, in words."""

    def signatures(self) -> int:
        """Add signatures that iterations lack there; gives how many iterations got some."""


class Filed:
    """A delivery into a file, through ``change``."""

    def __init__(self, source: Reader, change: Callable[[Any], Any], note: Note) -> None:
        self.source, self.change, self.note = source, change, note

    def iterations(
        self, branch: VariantRow | None, place: str, rows: Sequence[Row], head: str | None
    ) -> int:
        written: list[int] = []
        self.change(received(self.source, branch, place, rows, head, self.note, written))
        return sum(written)

    def keyrings(self) -> None:
        self.change(keyed(self.source.keyrings(), self.source.catalogue.encrypts))

    def tags(self, tags: Sequence[Tag]) -> Sequence[str]:
        self.change(tagged(tags))
        return ()

    def signatures(self) -> int:
        return self.change(signed(self.source))


def transfer(
    source: Reader,
    target: Reader,
    variants: Sequence[str],
    into: str | None,
    delivery: Delivery,
    progress: Progress | None,
) -> Moved:
    """Bring what ``source`` has more in ``variants`` into ``target`` through ``delivery``.

    All is compared before anything is moved: raises ``HeadMoved`` where both sides have added
    to a variant. Each batch is a commit of its own, so a transfer that is cut off goes on from
    there the next time.
    """
    plans = [(name, into or name, missing(source, target, name, into or name)) for name in variants]
    # How far it is, for batches and progress; what is new is known when it is written.
    known: set[str] = set()
    sizes = {row.id: _new_bytes(source, row, known) for _, _, rows in plans for row in rows}
    moved, done, total = Moved(), 0, sum(sizes.values())
    # What reads encrypted layers comes before them, for those who have a key.
    rings = source.keyrings()
    if rings and keyrings.united(rings, target, moved.notes) is not None:
        delivery.keyrings()
        moved.readers = keyrings.united(rings, target, []) is None
        if not moved.readers:
            moved.notes.append("the other side keeps its list of readers, by somebody else")
    for name, place, rows in plans:
        branch = source.variant(name)
        for batch in _batches(source, target, place, rows, sizes):
            head = target.iterations(place)[-1].id if target.variant(place) else None
            moved.bytes += delivery.iterations(branch, place, batch, head)
            moved.iterations[place] = moved.iterations.get(place, 0) + len(batch)
            done += sum(sizes[row.id] for row in batch)
            if progress:
                progress(done, total)
    _tags(source, target, delivery, moved)
    if signing.lacking(source, target):
        moved.signatures = delivery.signatures()
    return moved


def missing(source: Reader, target: Reader, variant: str, place: str) -> list[Row]:
    """The iterations of ``variant`` that ``target`` lacks in ``place``, oldest first."""
    branch = rules.branch_of(source, variant)
    rows = [] if branch.blank else list(source.iterations(variant))
    there = target.iterations(place)
    if target.variant(place) is None:
        shared = {row.id for row in target.iterations(variant)}
        fork = [row for row in rows if row.id not in shared]
        return fork or rows
    if not rows or _is_blank(target, place):
        return rows
    ids, head = [row.id for row in rows], there[-1].id
    if head in ids:
        return rows[ids.index(head) + 1 :]
    if head in ancestry.ancestors([ids[-1]], ancestry.by_id(source)):
        have = {row.id for row in there}
        return [row for row in rows if row.id not in have]
    listed = {row.id for row in there}
    if ids[-1] in listed | ancestry.ancestors([head], ancestry.by_id(target)):
        return []
    raise HeadMoved(
        f"variant {variant!r} has gone different ways in {source.path} and {target.path}: pull "
        "theirs into a variant of its own (into=), merge that, then push"
    )


def _is_blank(target: Reader, place: str) -> bool:
    branch = target.variant(place)
    return bool(branch and branch.blank and len(target.iterations(place)) == 1)


def _batches(
    source: Reader, target: Reader, place: str, rows: Sequence[Row], sizes: dict[str, int]
) -> Iterator[list[Row]]:
    """Rows in commits of bounded size; all in one where the target's line would branch."""
    there = target.iterations(place)
    linear = not there or _is_blank(target, place) or (rows and there[-1].id in rows[0].parents)
    batch: list[Row] = []
    size = 0
    for row in rows:
        size += sizes[row.id]
        if batch and linear and (size > BATCH or len(batch) == LONGEST):
            yield batch
            batch, size = [], sizes[row.id]
        batch.append(row)
    if batch:
        yield batch


def _new_bytes(source: Reader, row: Row, known: set[str]) -> int:
    found = {t.digest: t.bytes for t in source.manifest(row).tensors if t.digest not in known}
    known.update(found)  # ``|=`` of a dictionary's keys would make another set
    return sum(found.values())


def received(
    source: Reader,
    branch: VariantRow | None,
    place: str,
    rows: Sequence[Row],
    head: str | None,
    note: Note,
    written: list[int],
) -> Callable[[Reader, Layout], tuple[Catalogue, None]]:
    """A change that adds iterations of ``source`` to the variant ``place``.

    Its newest iteration must be ``head``. The bytes of each new object go into ``written``.
    """

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, None]:
        there: Sequence[Row] = reader.iterations(place)
        catalogue = reader.catalogue
        if (there[-1].id if there else None) != head:
            raise HeadMoved(f"another program committed to variant {place!r} meanwhile; repeat")
        created = branch.created if branch else note.time
        if catalogue.variant(place) is None:
            parent = branch.parent if branch and place == branch.name else None
            shown = {"parent": "/".join(parent)} if parent else {}
            layout.show_variant(place, created=times.printed(created), **shown)
            catalogue = catalogue.with_variant(VariantRow(place, created, parent))
        elif _is_blank(reader, place):
            layout.hide(place, there[0].name)
            catalogue = catalogue.with_variant(VariantRow(place, created))
            there = ()
        taken = {row.name for row in there}
        made = []
        for row in rows:
            made.append(_arrived(source, layout, row, place, taken, written))
            taken.add(made[-1].name)
        catalogue = replace(catalogue, tail=(*catalogue.tail, *made))
        return catalogue.with_events(history.event("receive", note, there[-1:], made[-1])), None

    return change


def believed(source: Reader, row: Row) -> Row:
    """The row with what its id vouches for in the place of what the other file lists."""
    manifest = source.manifest(row)
    _check_names(manifest)
    meta = source.meta(row, manifest)
    message, metrics = meta.get("message", ""), meta.get("metrics", {})
    if not isinstance(message, str) or not isinstance(metrics, dict):
        raise source.ranges.damaged("the notes of an iteration")
    if not all(isinstance(v, METRIC) for v in metrics.values()) or manifest.time > times.LAST:
        raise source.ranges.damaged("the notes of an iteration")
    return replace(
        row,
        variant=names.checked("variant", row.variant),
        name=names.checked("iteration", row.name),
        time=manifest.time,
        parents=manifest.parents,
        message=message,
        metrics=metrics,
        layers=len(manifest.layers),
        bytes=sum(each.bytes for each in manifest.tensors),
        number=None,
    )


def _arrived(
    source: Reader, layout: Layout, row: Row, place: str, taken: set[str], written: list[int]
) -> Row:
    """The iteration with its objects, under a name that is free in ``place``."""
    manifest = source.manifest(row)
    name = manifest.name if manifest.name not in taken else f"{manifest.name}-{row.id[:8]}"
    origin = (manifest.variant, manifest.name)
    listed = replace(row, variant=place, name=name, origin=origin)
    made = replace(believed(source, listed), at=copy(source, layout, row, written.append).at)
    if origin == (place, name):
        made = replace(made, origin=None)
    links = {each.name: each.digest for each in manifest.parameters}
    layout.show(place, made.name, links, id=made.id, time=times.printed(made.time))
    return made


def _check_names(manifest: Manifest) -> None:
    names.checked("variant", manifest.variant)
    keys = [names.parameter(each.name) for each in manifest.parameters]
    if keys != [each.name for each in manifest.parameters]:
        raise Damaged("a parameter's name is not in Unicode form C; the other file is damaged")
    arrays.check_view(keys)


def _tags(source: Reader, target: Reader, delivery: Delivery, moved: Moved) -> None:
    """Tags come along where their iterations are there and their names are free."""
    ids = {row.id for row in target.rows()}
    new = []
    for tag in source.catalogue.tags:
        names.checked("tag", tag.name)
        there = target.catalogue.tag(tag.name)
        if there is not None and there.id != tag.id:
            moved.notes.append(f"the tag {tag.name!r} names another iteration here and stays so")
        elif there is None and tag.id in ids:
            new.append(tag)
    if new:
        moved.notes += (notes := delivery.tags(new))
        moved.tags = [] if notes else [each.name for each in new]


def tagged(tags: Sequence[Tag]) -> Callable[[Reader, Layout], tuple[Catalogue, None]]:
    """A change that adds the tags whose names are free."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, None]:
        kept = [each for each in tags if reader.catalogue.tag(each.name) is None]
        return replace(reader.catalogue, tags=(*reader.catalogue.tags, *kept)), None

    return change


def signed(source: Reader) -> Callable[[Reader, Layout], tuple[Catalogue, int]]:
    """A change that adds the signatures of ``source`` that are lacking."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, int]:
        found = signing.lacking(source, reader)
        return listing.renewed(reader, reader.catalogue, found), len(found)

    return change


def keyed(
    rings: Sequence[Keyring], encrypts: bool
) -> Callable[[Reader, Layout], tuple[Catalogue, None]]:
    """A change that adds the keyrings of another model, which ``encrypts`` by the first or not."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, None]:
        made = keyrings.united(rings, reader, [])
        if made is None:
            return reader.catalogue, None
        kept = tuple(keyrings.record(layout, each) for each in made)
        # A file that was made to take them goes on encrypting for the same readers.
        begins = not reader.catalogue.keyrings and all(v.blank for v in reader.catalogue.variants)
        goes_on = reader.catalogue.encrypts or (begins and encrypts)
        return replace(reader.catalogue, keyrings=kept, encrypts=goes_on), None

    return change
