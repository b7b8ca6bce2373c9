"""Who descends from whom: ancestors, and where two lines of history part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

from jairika_nb.store import refs
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row


def by_id(reader: Reader) -> dict[str, Row]:
    """All iterations of a file, removed ones too, by id; a listed one goes before.

    One whose parents are gone for good is given the iteration before it in its variant.
    """
    found: dict[str, Row] = {}
    for row in refs.all_rows(reader):
        found.setdefault(row.id, row)
    for variant in reader.branches:
        for before, row in pairwise(reader.iterations(variant)):
            if row.parents and not any(parent in found for parent in row.parents):
                found[row.id] = replace(row, parents=(before.id,))
    return found


def ancestors(start: Iterable[str], rows: Mapping[str, Row]) -> set[str]:
    """The ids in ``start`` and all that they descend from, as far as ``rows`` knows."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        id = waiting.pop()
        if id not in found:
            found.add(id)
            waiting += rows[id].parents if id in rows else ()
    return found


def common(left: str, right: str, rows: Mapping[str, Row]) -> Row | None:
    """The newest iteration that both descend from, the same whichever side asks; None for none.

    Lines that crossed before have several such iterations that do not descend from each other;
    of these the latest counts.
    """
    shared = ancestors([left], rows) & ancestors([right], rows) & rows.keys()
    older = ancestors((parent for id in shared for parent in rows[id].parents), rows)
    newest = shared - older
    return max((rows[id] for id in newest), key=lambda row: (row.time, row.id), default=None)
