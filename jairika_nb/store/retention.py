"""Which iterations of a long history stay: the last, every so many, the best, and what has a tag.

What does not stay is removed as by hand: it leaves the lists, and the reflog has it back until
``gc`` drops it. So a rule that was a mistake costs nothing for thirty days.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from jairika_nb.errors import ArgumentError, NotFound
from jairika_nb.store import arrays, listing, revision
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.layout import Layout
from jairika_nb.store.note import Note
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row
from jairika_nb.tensors.plain import whole

Reasons = dict[tuple[str, str], list[str]]  # by variant and name


@dataclass(frozen=True)
class Keep:
    """What to keep of each variant; an iteration stays where any of these holds.

    ``last``: it is among so many newest ones. ``every``: its number, counted from the first that
    the variant ever had, is a multiple, so the same ones stay however often it is asked.
    ``best_by``: no other iteration of the variant has a better value of that metric; ``mode``
    "min" or "max" says which way better is, "auto" tells it from the name.

    The newest of each variant, tagged ones, and those that other variants continue always stay.
    Raises ``ArgumentError`` where nothing is asked for, or no counting number.

    >>> Keep(last=5, every=100, best_by="val_loss")
    Keep(last=5, every=100, best_by='val_loss', mode='auto')
    """

    last: int | None = None
    every: int | None = None
    best_by: str | None = None
    mode: str = "auto"

    def __post_init__(self) -> None:
        for name in ("last", "every"):
            given = getattr(self, name)
            count = whole(given)
            if given is not None and (count is None or count < 1):
                raise ArgumentError(f"cannot keep {name}={given!r}: give a whole number from 1 up")
        if self.best_by is not None and not isinstance(self.best_by, str):
            raise ArgumentError(f"cannot keep the best by {self.best_by!r}: give a metric's name")
        if self.mode not in ("auto", "min", "max"):
            raise ArgumentError(f"mode={self.mode!r} is unknown; use 'min', 'max' or 'auto'")
        if self.last is None and self.every is None and self.best_by is None:
            raise ArgumentError("nothing to keep was named: give last=, every= or best_by=")


def kept_by(keep: Any) -> Keep | None:
    """``keep`` as rules: None, ``Keep``, or a mapping of its arguments."""
    if keep is None or isinstance(keep, Keep):
        return keep
    known = [each.name for each in fields(Keep)]
    if not isinstance(keep, Mapping):
        raise ArgumentError(
            f"cannot keep {keep!r}: give a mapping of {', '.join(known)}, as in {{'last': 5}}"
        )
    if odd := [name for name in keep if name not in known]:
        close = difflib.get_close_matches(str(odd[0]), known, n=1)
        cure = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        raise ArgumentError(f"no rule {odd[0]!r} for what is kept; {cure}")
    return Keep(**keep)


def reasons(reader: Reader, keep: Keep) -> list[tuple[Row, tuple[str, ...]]]:
    """Each listed iteration with what keeps it, in words; those without a reason may go."""
    found: Reasons = {}
    for row, reason in (*_always(reader), *_asked(reader, keep)):
        found.setdefault((row.variant, row.name), []).append(reason)
    return [(row, tuple(found.get((row.variant, row.name), ()))) for row in reader.rows()]


def thin(keep: Keep, note: Note) -> Callable[[Reader, Layout], tuple[Catalogue, tuple[Row, ...]]]:
    """Take what nothing keeps off the lists, as ``revision.remove`` does."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, tuple[Row, ...]]:
        gone = tuple(row for row, why in reasons(reader, keep) if not why)
        for row in gone:
            layout.hide(row.variant, row.name)
        catalogue = listing.without(reader, reader.catalogue, gone) if gone else reader.catalogue
        return catalogue.with_events(*revision.removals(reader, catalogue, gone, note)), gone

    return change


def _always(reader: Reader) -> Iterator[tuple[Row, str]]:
    tags: dict[str, list[str]] = {}
    for each in reader.catalogue.tags:
        tags.setdefault(each.id, []).append(each.name)
    for variant in reader.branches:
        rows = reader.iterations(variant)
        yield from ((row, "newest") for row in rows[-1:])
        yield from ((row, f"tag {name}") for row in rows for name in tags.get(row.id, ()))
        own = {row.id for row in rows}
        elsewhere = _parents(row for row in reader.rows() if row.id not in own)
        yield from ((row, "continued elsewhere") for row in rows if row.id in elsewhere)


def _parents(rows: Iterable[Row]) -> set[str]:
    """Where variants part or meet: a later merge looks for it."""
    return {parent for row in rows for parent in row.parents}


def _asked(reader: Reader, keep: Keep) -> Iterator[tuple[Row, str]]:
    for variant in reader.branches:
        rows = reader.iterations(variant)
        if keep.last is not None:
            yield from ((row, f"last {keep.last}") for row in rows[-keep.last :])
        if keep.every is not None:
            for number, row in listing.numbered(rows):
                if number % keep.every == 0:
                    yield row, f"every {keep.every}"
    if keep.best_by is not None:
        yield from ((row, f"best {keep.best_by}") for row in _best(reader, keep))


def _best(reader: Reader, keep: Keep) -> Iterator[Row]:
    """The best iteration of each variant that has the metric; of equal ones the newest."""
    from jairika_nb.metrics.direction import smaller_is_better

    name = keep.best_by or ""
    _check_metric(reader, name)
    sign = -1 if smaller_is_better(name, keep.mode) else 1
    for variant in reader.branches:
        values = ((_value(row, name), row) for row in reader.iterations(variant))
        best: tuple[float, Row] | None = None
        for value, row in values:
            if value is not None and (best is None or sign * value >= best[0]):
                best = sign * value, row
        if best is not None:
            yield best[1]


def _check_metric(reader: Reader, name: str) -> None:
    known = {metric: None for row in reader.rows() for metric in row.metrics}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        listed = ", ".join(map(repr, known)) or "none"
        cure = f"did you mean {close[0]!r}?" if close else f"there are {listed}"
        raise NotFound(f"no iteration has a metric {name!r} to keep the best by; {cure}")


def _value(row: Row, name: str) -> float | None:
    value = arrays.number(row.metrics.get(name))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and not math.isnan(value) else None
