"""What takes room in a model file: which iterations hold bytes that no other one holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jairika_nb.store import coded, refs, times
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Place, Row
from jairika_nb.store.sealed_objects import lengths
from jairika_nb.store.show import aligned
from jairika_nb.store.tables import table_html

COLUMNS = ("iteration", "time", "id", "tensors", "bytes", "in the file", "not shared", "what")


@dataclass(frozen=True)
class Share:
    """What one iteration holds: bytes of its values, of them in the file, and of those its alone.

    ``coded`` counts tensors that are not plain in the file: differences, which take fewer bytes,
    and ``encrypted`` ones; ``removed`` iterations wait in the reflog for ``gc``.
    """

    variant: str
    iteration: str
    id: str
    time: str
    tensors: int
    bytes: int
    stored: int
    unique: int
    coded: int
    encrypted: int
    removed: bool

    def cells(self) -> tuple[str, ...]:
        numbers = (f"{n:,}" for n in (self.tensors, self.bytes, self.stored, self.unique))
        counts = {"encrypted": self.encrypted, "as differences": self.coded - self.encrypted}
        what = ["removed"] if self.removed else []
        what += [f"{n} {kind}" for kind, n in counts.items() if n]
        name = f"{self.variant}/{self.iteration}"
        return name, self.time, self.id[:10], *numbers, ", ".join(what)


@dataclass(frozen=True, repr=False)
class Space:
    """Bytes of the file, of the tensors that iterations lead to, and each iteration's share."""

    address: str
    file: int
    tensors: int
    shares: tuple[Share, ...]
    ok: bool = True

    @property
    def title(self) -> str:
        return f"{self.file:,} bytes in {self.address}, {self.tensors:,} of them tensors"

    @property
    def note(self) -> str:
        rest = self.file - self.tensors
        return f"{rest:,} bytes are records, HDF5's own, and what gc gives back"

    def __str__(self) -> str:
        rows = tuple(each.cells() for each in self.shares)
        lines = (f"  {line}" for line in aligned(COLUMNS, rows)) if rows else ()
        return "\n".join([self.title, *lines, self.note])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = tuple(each.cells() for each in self.shares)
        return table_html(self.title, COLUMNS, rows, self.note)

    def to_json(self) -> dict[str, Any]:
        data = {"address": self.address, "file": self.file, "tensors": self.tensors}
        return {**data, "iterations": [vars(each) for each in self.shares]}


def space(reader: Reader, address: str) -> Space:
    """Each iteration's share, variant by variant, then what was removed.

    Only records are read, no values. Raises ``Damaged``.
    """
    listed = list(reader.rows())
    rows = {row.id: row for row in reversed([*refs.all_rows(reader)])}  # listed ones go before
    held = {id: _places(reader, row) for id, row in rows.items()}
    sealed = {id: _encrypted(reader, row) for id, row in rows.items()}
    holders = Counter(place for placed in held.values() for place in _objects(placed))
    ids = {row.id for row in listed}
    removed = [row for id, row in reversed(rows.items()) if id not in ids]
    return Space(
        address,
        reader.ranges.size,
        _stored(holders),
        tuple(
            _share(row, held[row.id], holders, sealed[row.id], row.id not in ids)
            for row in (*listed, *removed)
        ),
    )


def only_theirs(reader: Reader, gone: set[str]) -> int:
    """Bytes of tensors in the file to which no other iteration than ``gone``, ids, leads."""
    theirs: set[Place] = set()
    others: set[Place] = set()
    for row in {row.id: row for row in refs.all_rows(reader)}.values():
        (theirs if row.id in gone else others).update(_objects(_places(reader, row)))
    return _stored(theirs - others)


def _places(reader: Reader, row: Row) -> list[tuple[Place, int]]:
    """Where each tensor of an iteration lies, and how many bytes it is when read."""
    manifest = reader.manifest(row)
    located = zip(reader.locations(row, manifest), manifest.tensors, strict=True)
    return [(place, tensor.bytes) for place, tensor in located]


def _encrypted(reader: Reader, row: Row) -> int:
    manifest = reader.manifest(row)
    found = lengths(reader, row, manifest)
    return sum(each.digest in found for each in manifest.tensors)


def _objects(placed: Iterable[tuple[Place, int]]) -> set[Place]:
    """The objects there: equal tensors share one, and one without values needs none."""
    return {place for place, size in placed if size}


def _stored(objects: Iterable[Place]) -> int:
    return sum(coded.extent(place)[1] for place in objects)


def _share(
    row: Row,
    placed: list[tuple[Place, int]],
    holders: Counter[Place],
    sealed: int,
    removed: bool,
) -> Share:
    objects = _objects(placed)
    return Share(
        variant=row.variant,
        iteration=row.name,
        id=row.id,
        time=times.printed(row.time),
        tensors=len(placed),
        bytes=sum(size for _, size in placed),
        stored=_stored(objects),
        unique=_stored(place for place in objects if holders[place] == 1),
        coded=sum(coded.is_coded(place) for place, _ in placed),
        encrypted=sealed,
        removed=removed,
    )
