"""Taking iterations off the lists of a catalogue, and renewing what is listed of some."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace

from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row
from jairika_nb.store.table import Branch


def without(reader: Reader, catalogue: Catalogue, gone: Sequence[Row]) -> Catalogue:
    """The catalogue without ``gone``: segments that held none of them stay as they are.

    What comes after a gap keeps its number, so that every tenth stays every tenth.
    """
    places_gone = {(row.variant, row.name) for row in gone}

    def kept(rows: Sequence[Row]) -> tuple[Row, ...]:
        rest = (row for row in rows if (row.variant, row.name) not in places_gone)
        return tuple(after_gap.get((row.variant, row.name), row) for row in rest)

    after_gap = {
        (row.variant, row.name): replace(row, number=number)
        for variant in {row.variant for row in gone}
        for number, row in _after_gaps(reader.iterations(variant), places_gone)
    }
    for branch in catalogue.variants:
        if branch.blank and (branch.name, branch.blank.name) in places_gone:
            catalogue = catalogue.with_variant(replace(branch, blank=None))
    segments = catalogue.segments
    tables = [reader.segment(each) for each in segments]
    touched = (i for i, each in enumerate(tables) if not places_gone.isdisjoint(each.places))
    first = next(touched, len(segments))
    tail = kept([*(row for each in tables[first:] for row in each), *catalogue.tail])
    left = {row.id for row in gone} - _listed(reader, places_gone)
    tags = tuple(each for each in catalogue.tags if each.id not in left)
    return replace(catalogue, segments=segments[:first], tail=tail, tags=tags)


def numbered(rows: Sequence[Row]) -> Iterator[tuple[int, Row]]:
    """The iterations of a variant, each with its number: removed ones before it count too."""
    number = -1
    for row in rows:
        number = number + 1 if row.number is None else row.number
        yield number, row


def _after_gaps(rows: Branch, gone: Container[tuple[str, str]]) -> Iterator[tuple[int, Row]]:
    left = [(rows.variant, name) not in gone for name in rows.names]
    if False not in left or True not in left[left.index(False) :]:
        return  # as where the newest is replaced: no row need be made
    is_gap = False
    for number, row in numbered(rows):
        if (row.variant, row.name) in gone:
            is_gap = True
        elif is_gap:
            is_gap = False
            yield number, row


def renewed(
    reader: Reader, catalogue: Catalogue, signatures: Mapping[str, Sequence[tuple[str, str]]]
) -> Catalogue:
    """The catalogue with these signatures of iterations, by id; segments without them stay."""

    def changed(row: Row) -> Row:
        return replace(row, signatures=tuple(signatures[row.id])) if row.id in signatures else row

    for branch in catalogue.variants:
        if branch.blank and branch.blank.id in signatures:
            catalogue = catalogue.with_variant(replace(branch, blank=changed(branch.blank)))
    tables = [reader.segment(each) for each in catalogue.segments]
    touched = (i for i, each in enumerate(tables) if not signatures.keys().isdisjoint(each.ids))
    first = next(touched, len(tables))
    later = (row for each in tables[first:] for row in each)
    tail = tuple(map(changed, (*later, *catalogue.tail)))
    return replace(catalogue, segments=catalogue.segments[:first], tail=tail)


def _listed(reader: Reader, places_gone: set[tuple[str, str]]) -> set[str]:
    """The ids that are still listed when those places are gone."""
    return {
        id
        for variant, rows in reader.branches.items()
        for name, id in zip(rows.names, rows.ids, strict=True)
        if (variant, name) not in places_gone
    }
