"""Taking iterations off the lists of a catalogue, and renewing what is listed of some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row


def without(reader: Reader, catalogue: Catalogue, gone: Sequence[Row]) -> Catalogue:
    """The catalogue without ``gone``: segments that held none of them stay as they are."""
    names_gone = {(row.variant, row.name) for row in gone}

    def kept(rows: Sequence[Row]) -> tuple[Row, ...]:
        return tuple(row for row in rows if (row.variant, row.name) not in names_gone)

    for branch in catalogue.variants:
        if branch.blank and (branch.name, branch.blank.name) in names_gone:
            catalogue = catalogue.with_variant(replace(branch, blank=None))
    segments = catalogue.segments
    touched = (i for i, each in enumerate(segments) if len(kept(reader.segment(each))) < each.rows)
    first = next(touched, len(segments))
    later = [row for each in segments[first:] for row in reader.segment(each)]
    tail = kept([*later, *catalogue.tail])
    listed = (row for row in reader.rows() if (row.variant, row.name) not in names_gone)
    ids = {row.id for row in gone} - {row.id for row in listed}
    tags = tuple(each for each in catalogue.tags if each.id not in ids)
    return replace(catalogue, segments=segments[:first], tail=tail, tags=tags)


def renewed(
    reader: Reader, catalogue: Catalogue, signatures: Mapping[str, Sequence[tuple[str, str]]]
) -> Catalogue:
    """The catalogue with these signatures of iterations, by id; segments without them stay."""

    def changed(row: Row) -> Row:
        return replace(row, signatures=tuple(signatures[row.id])) if row.id in signatures else row

    for branch in catalogue.variants:
        if branch.blank and branch.blank.id in signatures:
            catalogue = catalogue.with_variant(replace(branch, blank=changed(branch.blank)))
    segments = catalogue.segments
    touched = (
        i
        for i, each in enumerate(segments)
        if any(row.id in signatures for row in reader.segment(each))
    )
    first = next(touched, len(segments))
    later = (row for each in segments[first:] for row in reader.segment(each))
    tail = tuple(map(changed, (*later, *catalogue.tail)))
    return replace(catalogue, segments=segments[:first], tail=tail)
