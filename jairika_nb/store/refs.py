"""How an iteration is named: what a user types, and the iteration it means.

==================  ===============================================================
``PT``              an iteration of the variant in use (or of the variant meant)
``lstm/PT``         an iteration of another variant
``lstm``            a variant: its newest iteration
``v1.0``            a tag
``3fa9c2d1``        an id, or six or more of its first digits; finds removed ones too
==================  ===============================================================

The first line that fits counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from jairika_nb.errors import NotFound
from jairika_nb.store import names, rules
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row

ID = re.compile(r"[0-9a-f]{6,64}")


def row_at(reader: Reader, text: object, variant: str | None = None) -> Row:
    """The iteration that ``text`` means, seen from ``variant`` (default: the one in use).

    Raises ``NotFound`` with what may have been meant, also for a prefix of several ids.
    """
    branch = variant or reader.catalogue.current
    if isinstance(text, str) and text.count("/") == 1:
        left, right = (names.checked("variant or iteration", part) for part in text.split("/"))
        return rules.row_of(reader, left, right)
    name = names.checked("variant or iteration", text)
    rules.branch_of(reader, branch)
    if (row := reader.iterations(branch).find(name)) is not None:
        return row
    if reader.variant(name) is not None:
        return rules.row_of(reader, name)
    if tag := reader.catalogue.tag(name):
        return by_id(reader, tag.id)
    return by_id(reader, name) if ID.fullmatch(name) else _lost(reader, name, branch)


def by_id(reader: Reader, digits: str) -> Row:
    """The iteration whose id begins with ``digits``, among those listed and those removed."""
    found: dict[str, Row] = {}
    for rows in reader.branches.values():
        for i, id in enumerate(rows.ids):
            if id.startswith(digits):
                found.setdefault(id, rows[i])
    for row in reader.removed():
        if row.id.startswith(digits):
            found.setdefault(row.id, row)
    if not found:
        raise NotFound(f"no iteration {digits!r} in {rules.file_name(reader)}; see log and reflog")
    if len(found) > 1:
        listed = ", ".join(each.id[:12] for each in list(found.values())[:4])
        raise NotFound(f"{digits!r} begins several ids: {listed}; give more digits")
    return next(iter(found.values()))


def again(reader: Reader, row: Row) -> Row:
    """The same iteration in a file that was written anew."""
    rows = reader.iterations(row.variant)
    there = rows.find(row.name)
    return there if there is not None and there.id == row.id else by_id(reader, row.id)


def all_rows(reader: Reader) -> Iterable[Row]:
    """Listed iterations, then removed ones."""
    yield from reader.rows()
    yield from reader.removed()


def _lost(reader: Reader, name: str, branch: str) -> Row:
    known = [*reader.iterations(branch).names]
    known += [each.name for each in (*reader.catalogue.variants, *reader.catalogue.tags)]
    raise names.unknown("iteration, variant or tag", name, known, rules.file_name(reader))
