"""The reader: slots, catalogue, manifests, byte ranges; no lock, no HDF5, no writing.

A reader sees one committed state, whole, whatever a writer does meanwhile: every step is bound
to the one before by a hash, from the root slots down to the values of a tensor.
"""

from __future__ import annotations

import copy
import os
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jairika_nb.errors import Damaged
from jairika_nb.store import address as addresses
from jairika_nb.store import times
from jairika_nb.store.canonical import decoded, deeper
from jairika_nb.store.catalogue import Catalogue, events_from_json, rows_from_json
from jairika_nb.store.coded import FORMAT as CODED_FORMAT
from jairika_nb.store.coded import is_coded
from jairika_nb.store.columns import MAGIC, Columns
from jairika_nb.store.disk import Disk
from jairika_nb.store.keyring import Keyring
from jairika_nb.store.manifest import Manifest, Tensor
from jairika_nb.store.policy import Policy
from jairika_nb.store.ranges import Ranges
from jairika_nb.store.rows import METRIC, Event, Place, Row, Segment, VariantRow
from jairika_nb.store.slots import Root
from jairika_nb.store.table import Branch, Table
from jairika_nb.store.vault import Vault

Guard = Callable[["Reader", Row], None]

ATTEMPTS = 6  # a writer may turn the page while it is read; damage stays
PAUSE = 0.002  # seconds before another attempt


def read_tree(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The tree of a model file as JSON data, from two or three small reads.

    Raises ``AddressError`` for a file that is missing or not ours, ``Damaged`` where its bytes
    do not match their checksums. Needs no lock; h5py and numpy are not imported.
    """
    reader = Reader(addresses.resolve(path))
    try:
        return reader.tree()
    finally:
        reader.close()


def generation(path: str | os.PathLike[str]) -> int:
    """The number of commits to the model file so far: one read, for polling.

    Raises as ``read_tree`` does.
    """
    ranges = Ranges(addresses.resolve(path))
    try:
        return _patiently(ranges.root).generation
    finally:
        ranges.close()


class Reader:
    """A model file at one committed state; ``refresh()`` moves on to the newest."""

    def __init__(
        self,
        path: addresses.Location,
        disk: Disk | None = None,
        sealed: dict[str, Table] | None = None,
        *,
        guard: Guard | None = None,
        vault: Vault | None = None,
    ) -> None:
        self.ranges = Ranges(path, disk, vault)
        self.sealed = {} if sealed is None else sealed  # segments by hash
        self.past: dict[str, tuple[Event, ...]] = {}
        self.guard = guard  # raises for an iteration that is not to be used
        try:
            self._turn()
        except BaseException:
            self.ranges.close()
            raise

    @property
    def path(self) -> addresses.Location:
        return self.ranges.path

    def refresh(self) -> None:
        """Look at the newest committed state of the file that is at the path now."""
        self.ranges.follow()
        self._turn()

    def variant(self, name: str) -> VariantRow | None:
        """The variant called ``name``, or None."""
        return self.catalogue.variant(name)

    def iterations(self, variant: str) -> Branch:
        """The iterations of ``variant``, oldest first."""
        return self.branches.get(variant) or Branch(variant)

    def unguarded(self) -> Reader:
        """The same state for those who look at every iteration, whoever made it."""
        found = copy.copy(self)
        found.guard = None
        return found

    def manifest(self, row: Row) -> Manifest:
        """What the iteration is; its hash is the iteration's id."""
        self._check(row)
        what = _called("the manifest", row)
        manifest = Manifest.from_json(decoded(self._record(row, "manifest", row.id, what), what))
        committed = row.origin or (row.variant, row.name)
        if (manifest.variant, manifest.name, manifest.architecture) != (
            *committed,
            row.architecture,
        ):
            raise Damaged(f"{what} of {self.path} does not agree with the catalogue")
        return manifest

    def meta(self, row: Row, manifest: Manifest) -> dict[str, Any]:
        """Author, software, the optimiser's scalars, and message and metrics once more."""
        what = _called("the notes", row)
        meta = decoded(self._record(row, "meta", manifest.meta, what), what)
        if not _holds_notes(meta):
            raise self.ranges.damaged(what)
        return dict(meta)

    def architecture(self, row: Row) -> Any:
        """The architecture as JSON data, or None where none was given."""
        self._check(row)
        if row.architecture is None:
            return None
        what = _called("the architecture", row)
        found = decoded(self._record(row, "architecture", row.architecture, what), what)
        if deeper(found):  # whoever goes through it may call itself for each level
            raise self.ranges.damaged(what)
        return found

    def locations(self, row: Row, manifest: Manifest) -> tuple[Place, ...]:
        """Where the values of each tensor lie, plain or coded, in the manifest's order."""
        what = _called("the locations", row)
        offset, length = self._place(row, "locations", what)
        if length != 16 * len(manifest.tensors):
            raise self.ranges.damaged(what)
        numbers = struct.iter_unpack("<QQ", self.ranges.at(offset, length, what))
        places = tuple((offset, length) for offset, length in numbers)
        for tensor, place in zip(manifest.tensors, places, strict=True):
            coded = is_coded(place) and self.root.format >= CODED_FORMAT
            if not coded and place[1] != tensor.bytes:
                raise self.ranges.damaged(what)
        return places

    def raw(self, row: Row, kind: str, expected: str) -> bytes:
        """The bytes of a record as they lie in the file, checked against their hash."""
        return self._record(row, kind, expected, _called(f"the {kind}", row))

    def segment(self, segment: Segment) -> Table:
        """The rows of a sealed segment, read once."""
        if segment.digest not in self.sealed:
            what = "a segment of the catalogue"
            data = self.ranges.record(segment.offset, segment.length, segment.digest, what)
            if data.startswith(MAGIC):
                table = Table(Columns(data))
            else:  # as format 1 sealed them
                table = Table.of(rows_from_json(decoded(data, what)))
            self.sealed[segment.digest] = table
        return self.sealed[segment.digest]

    def event_segment(self, segment: Segment) -> tuple[Event, ...]:
        """The events of a sealed segment, read once."""
        if segment.digest not in self.past:
            what = "a segment of the reflog"
            data = self.ranges.record(segment.offset, segment.length, segment.digest, what)
            self.past[segment.digest] = events_from_json(decoded(data, what))
        return self.past[segment.digest]

    def events(self) -> tuple[Event, ...]:
        """The reflog, oldest first."""
        sealed = (event for each in self.catalogue.past for event in self.event_segment(each))
        return (*sealed, *self.catalogue.recent)

    def keyrings(self) -> list[Keyring]:
        """Who can read encrypted layers, the keyring that encrypts first; raises ``Damaged``."""
        return self.ranges.vault.rings(self.ranges)

    def encrypts(self) -> Keyring | None:
        """The keyring that says what a commit encrypts and for whom, or None."""
        return self.keyrings()[0] if self.catalogue.encrypts else None

    def policy(self) -> Policy:
        """The access rules; raises ``Damaged`` where they cannot be told."""
        record, what = self.catalogue.policy, "the access rules"
        if record is None:
            return Policy()
        data = self.ranges.record(record.offset, record.length, record.digest, what)
        return Policy.from_json(decoded(data, what))

    def readable(self, row: Row, tensor: Tensor) -> bool:
        """Whether the values of an array may be had: here always."""
        return True

    def expect(self, row: Row, tensors: Iterable[Tensor]) -> None:
        """Know that these arrays are read next, which helps where each costs a journey."""

    def rows(self) -> Iterator[Row]:
        """All iterations, variant by variant."""
        for branch in self.branches.values():
            yield from branch

    def is_signed(self) -> bool:
        """Whether any iteration that is listed has a signature."""
        return any(branch.is_signed for branch in self.branches.values())

    def removed(self) -> Iterator[Row]:
        """Iterations that were removed and can still be had back, the latest first."""
        for event in reversed(self.events()):
            if event.row is not None:
                yield event.row

    def tree(self) -> dict[str, Any]:
        """The variants and their iterations as JSON data."""
        return {
            "address": addresses.url(self.path),
            "path": str(self.path),
            "name": addresses.title(self.path),
            "format": self.root.format,
            "generation": self.root.generation,
            "current": self.catalogue.current,
            "variants": [self._branch(each) for each in self.catalogue.variants],
            "tags": {each.name: each.id for each in self.catalogue.tags},
        }

    def close(self) -> None:
        self.ranges.close()

    def _turn(self) -> None:
        self.root, self.catalogue, tables = _patiently(self._look)
        self.ranges.keyrings = self.catalogue.keyrings
        variants = {each.name for each in self.catalogue.variants}
        if not all(variants.issuperset(each.groups) for each in tables):
            raise self.ranges.damaged("the catalogue")
        self.branches = {
            each.name: Branch.of(each.name, [*_blank(each), *tables])
            for each in self.catalogue.variants
        }

    def _look(self) -> tuple[Root, Catalogue, list[Table]]:
        root = self.ranges.root()
        self._check_end(root)
        what = "the catalogue"
        data = self.ranges.record(root.offset, root.length, root.digest, what)
        catalogue = Catalogue.from_json(decoded(data, what))
        sealed = [self.segment(segment) for segment in catalogue.segments]
        return root, catalogue, [*sealed, Table.of(catalogue.tail)]

    def _check_end(self, root: Root) -> None:
        size = self.ranges.size
        if size < root.end:
            raise Damaged(
                f"cannot read {self.path}: it is cut short, {size} of {root.end} bytes are there; "
                "restore the file from a copy"
            )

    def _check(self, row: Row) -> None:
        if self.guard is not None:
            self.guard(self, row)

    def _place(self, row: Row, kind: str, what: str) -> Place:
        if kind not in row.at:
            raise Damaged(f"cannot read {what} of {self.path}: the catalogue does not place it")
        return row.at[kind]

    def _record(self, row: Row, kind: str, expected: str, what: str) -> bytes:
        return self.ranges.record(*self._place(row, kind, what), expected, what)

    def _branch(self, variant: VariantRow) -> dict[str, Any]:
        parent = variant.parent and dict(zip(("variant", "iteration"), variant.parent, strict=True))
        return {
            "name": variant.name,
            "created": times.printed(variant.created),
            "parent": parent,
            "iterations": self.iterations(variant.name).leaves(),
        }


def _holds_notes(meta: Any) -> bool:
    """Whether these are notes of the kind that ``history.recorded`` writes."""
    if not isinstance(meta, dict):
        return False
    groups = [meta.get(key, {}) for key in ("software", "optimizer", "metrics")]
    return all(isinstance(meta.get(key, ""), str) for key in ("message", "author")) and all(
        isinstance(each, dict) and all(isinstance(v, METRIC) for v in each.values())
        for each in groups
    )


def _blank(variant: VariantRow) -> list[Table]:
    """The empty iteration of a new variant, which is before all others."""
    if variant.blank and variant.blank.variant != variant.name:
        raise Damaged(
            f"the iteration of variant {variant.name!r} is of another; the file is damaged"
        )
    return [Table.of([variant.blank])] if variant.blank else []


def _called(what: str, row: Row) -> str:
    return f'{what} of iteration "{row.name}" of variant "{row.variant}"'


def _patiently(look: Any) -> Any:
    for _ in range(ATTEMPTS - 1):
        try:
            return look()
        except Damaged:
            time.sleep(PAUSE)
    return look()
