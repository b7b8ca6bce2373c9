"""How a history is revised: tag, revert and remove; each leaves a line in the reflog.

Nothing is destroyed here: what is removed leaves the lists and stays in the reflog, from where
``revert`` and ``derive`` have it back by its id, until ``gc`` finds it too old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from jairika_nb.errors import NameTaken, StoreError
from jairika_nb.store import history, listing, names, refs, rules
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.layout import Layout
from jairika_nb.store.note import Note
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Event, Row, Tag

Changed = tuple[Catalogue, Row]


def tag(name: str, start: str, note: Note) -> Callable[[Reader, Layout], Changed]:
    """Give an iteration a name that stays with it."""

    def change(reader: Reader, layout: Layout) -> Changed:
        row, there = refs.row_at(reader, start), reader.catalogue.tag(name)
        if there is not None:
            raise NameTaken(
                f"cannot tag {row.name!r} as {name!r}: iteration {there.id[:10]} of "
                f"{rules.file_name(reader)} has that tag, and tags do not move; remove it first"
            )
        made = Tag(name, row.id, note.time, note.message)
        catalogue = replace(reader.catalogue, tags=(*reader.catalogue.tags, made))
        return catalogue.with_events(history.event("tag", note, (), row, name)), row

    return change


def untag(name: str, note: Note) -> Callable[[Reader, Layout], tuple[Catalogue, None]]:
    """Take a tag away; its iteration stays."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, None]:
        there = reader.catalogue.tag(name)
        if there is None:
            known = [each.name for each in reader.catalogue.tags]
            raise names.unknown("tag", name, known, rules.file_name(reader))
        kept = tuple(each for each in reader.catalogue.tags if each is not there)
        line = Event(note.time, note.author, "rm tag", "", name, there.id, None)
        return replace(reader.catalogue, tags=kept).with_events(line), None

    return change


def revert(
    variant: str, start: str, name: str | None, note: Note
) -> Callable[[Reader, Layout], Changed]:
    """Add the state of an earlier iteration to ``variant`` as its newest one."""

    def change(reader: Reader, layout: Layout) -> Changed:
        branch, rows = rules.branch_of(reader, variant), reader.iterations(variant)
        origin = refs.row_at(reader, start, variant)
        if origin.id == rows[-1].id:
            raise StoreError(
                f"cannot revert variant {variant!r} to {origin.name!r}: that is its newest "
                "iteration; name an earlier one (log lists them)"
            )
        if branch.blank is not None:
            raise StoreError(
                f"cannot revert variant {variant!r}: nothing was committed to it yet; derive a "
                "variant from that iteration"
            )
        rules.check_fits(reader, branch, rows, origin)
        chosen = rules.free_name(reader, branch, rows, name)
        said = note if note.message else replace(note, message=f'back to "{origin.name}"')
        row = history.shared(reader, layout, origin, (variant, chosen), said, (rows[-1].id,))
        catalogue = replace(reader.catalogue, tail=(*reader.catalogue.tail, row))
        return catalogue.with_events(history.event("revert", note, rows[-1:], row)), row

    return change


def remove(
    variant: str, start: str | None, note: Note, *, force: bool
) -> Callable[[Reader, Layout], tuple[Catalogue, tuple[Row, ...]]]:
    """Take an iteration, or a whole variant where ``start`` is None, off the lists."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, tuple[Row, ...]]:
        rows = reader.iterations(variant)
        gone = rows[:] if start is None else (rules.row_of(reader, variant, start),)
        if start is not None and len(rows) == 1:
            raise StoreError(
                f"cannot remove iteration {start!r}: it is the only one of variant {variant!r}; "
                "remove the variant"
            )
        catalogue = reader.catalogue
        if not force:
            _check_untagged(reader, gone)
        if start is None:
            catalogue = _without_variant(reader, variant, force=force)
            layout.hide(variant)
        else:
            layout.hide(variant, gone[0].name)
        catalogue = listing.without(reader, catalogue, gone)
        return catalogue.with_events(*removals(reader, catalogue, gone, note)), gone

    return change


def _check_untagged(reader: Reader, gone: Sequence[Row]) -> None:
    ids = {row.id for row in gone}
    for each in reader.catalogue.tags:
        if each.id in ids:
            raise StoreError(
                f"cannot remove what the tag {each.name!r} names: remove the tag first, or "
                "remove both with force=True"
            )


def _without_variant(reader: Reader, variant: str, *, force: bool) -> Catalogue:
    branch = rules.branch_of(reader, variant)
    kept = tuple(each for each in reader.catalogue.variants if each is not branch)
    if not kept:
        raise StoreError(f"cannot remove variant {variant!r}: it is the only one of this model")
    catalogue = replace(reader.catalogue, variants=kept)
    if catalogue.current != variant:
        return catalogue
    if not force:
        raise StoreError(
            f"cannot remove variant {variant!r}: it is the one in use; switch to another first, "
            "or give force=True"
        )
    parent = branch.parent[0] if branch.parent else ""
    return replace(catalogue, current=(catalogue.variant(parent) or kept[0]).name)


def removals(
    reader: Reader, catalogue: Catalogue, gone: Sequence[Row], note: Note
) -> Iterator[Event]:
    """A line of the reflog for each of ``gone``, which ``catalogue`` lists no more."""
    left, after = {row.id for row in gone}, dict[str, str | None]()
    for variant in {row.variant for row in gone}:
        rest = (row.id for row in reversed(reader.iterations(variant)) if row.id not in left)
        after[variant] = next(rest, None) if catalogue.variant(variant) else None
    for row in gone:
        line = row.variant, row.name, row.id, after[row.variant], row
        yield Event(note.time, note.author, "rm", *line)
