"""What a collection would take away, told before it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jairika_nb.store import collect, retention, space, times
from jairika_nb.store.reader import Reader
from jairika_nb.store.retention import Keep
from jairika_nb.store.rows import Row
from jairika_nb.store.show import aligned
from jairika_nb.store.tables import table_html

COLUMNS = ("iteration", "time", "id", "what")
REMOVED, DROPPED = "leaves the lists; its id finds it until gc drops it", "is dropped for good"


@dataclass(frozen=True, repr=False)
class Planned:
    """Iterations that would leave the lists, those dropped for good, and what keeps the others.

    ``won`` are the bytes of tensors that nothing would lead to any more.
    """

    removed: tuple[Row, ...]
    dropped: tuple[Row, ...]
    kept: tuple[tuple[Row, tuple[str, ...]], ...]
    won: int
    ok: bool = True

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        gone = {row.id for row in self.dropped}
        stays = [(row, REMOVED) for row in self.removed if row.id not in gone]
        found = (*stays, *((row, DROPPED) for row in self.dropped))
        return tuple((_called(r), times.printed(r.time), r.id[:10], what) for r, what in found)

    @property
    def title(self) -> str:
        return (
            f"gc would take {len(self.removed)} iterations off the lists, drop "
            f"{len(self.dropped)} for good and win {self.won:,} bytes of tensors"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(f"{_called(row)} stays: {', '.join(why)}" for row, why in self.kept)

    def __str__(self) -> str:
        lines = (f"  {line}" for line in aligned(COLUMNS, self.rows)) if self.rows else ()
        return "\n".join([self.title, *lines, *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table_html(self.title, COLUMNS, self.rows, *self.notes)

    def to_json(self) -> dict[str, Any]:
        return {
            "removed": [_facts(row) for row in self.removed],
            "dropped": [_facts(row) for row in self.dropped],
            "kept": [{**_facts(row), "reasons": list(why)} for row, why in self.kept],
            "won": self.won,
        }


def planned(reader: Reader, days: float, keep: Keep | None, now: int) -> Planned:
    """What ``gc`` with these arguments would do to the state that ``reader`` shows."""
    found = retention.reasons(reader, keep) if keep else []
    removed = tuple(row for row, why in found if not why)
    old = collect.too_old(reader, days, now)
    dropped = tuple(each.row for each in reader.events() if each.row and old(each))
    if days == 0:
        dropped += removed
    staying = {row.id for row in reader.rows()} - {row.id for row in removed}
    won = space.only_theirs(reader, {row.id for row in dropped} - staying)
    return Planned(removed, dropped, tuple((r, why) for r, why in found if why), won)


def _called(row: Row) -> str:
    return f"{row.variant}/{row.name}"


def _facts(row: Row) -> dict[str, str]:
    time = times.printed(row.time)
    return {"variant": row.variant, "iteration": row.name, "id": row.id, "time": time}
