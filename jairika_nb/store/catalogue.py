"""The catalogue: what a model holds, in the few kilobytes that a commit writes anew.

A head names the variants and carries the newest iterations; older ones lie in sealed segments
that later commits only point at. Sixteen rows seal a segment, sixteen such segments merge into
one of 256, so a commit writes a few rows however long the history is. They lie there in columns
(before format 2 as JSON). The events of the reflog are kept in the same way, as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from jairika_nb.errors import Damaged
from jairika_nb.store import schema
from jairika_nb.store.rows import Event, Record, Row, Segment, Tag, VariantRow

TAIL = 16  # rows the head carries before they are sealed
FULL = 256  # rows of a segment that is never rewritten
CHUNK = 4096  # rows of the longest segment

LATER = ("policy", "keyrings", "encrypts")  # left out where they say nothing
MOST_KEYRINGS = 32

Each = TypeVar("Each")


@dataclass(frozen=True)
class Catalogue:
    """The head: the variants in order of creation, the one in use, sealed and newest rows.

    ``past`` and ``recent`` are the sealed and the newest events, ``policy`` leads to the access
    rules where there are any, ``keyrings`` to who can read encrypted layers; the first of them says
    what commits encrypt where ``encrypts`` is true.
    """

    current: str
    variants: tuple[VariantRow, ...]
    segments: tuple[Segment, ...] = ()
    tail: tuple[Row, ...] = ()
    tags: tuple[Tag, ...] = ()
    past: tuple[Segment, ...] = ()
    recent: tuple[Event, ...] = ()
    policy: Record | None = None
    keyrings: tuple[Record, ...] = ()
    encrypts: bool = False

    def to_json(self) -> dict[str, Any]:
        data = {**asdict(self), "tail": to_json(self.tail), "recent": to_json(self.recent)}
        return {k: v for k, v in data.items() if v or k not in LATER}

    @classmethod
    def from_json(cls, data: Any) -> Catalogue:
        variants, segments, tail = (
            schema.field(data, key, list) for key in ("variants", "segments", "tail")
        )
        # Files from before there were tags and a reflog lack these.
        tags, past, recent = (
            schema.field({key: data.get(key, [])}, key, list) for key in ("tags", "past", "recent")
        )
        catalogue = cls(
            current=schema.name(data, "current"),
            variants=tuple(map(VariantRow.from_json, variants)),
            segments=tuple(map(Segment.from_json, segments)),
            tail=rows_from_json(tail),
            tags=tuple(map(Tag.from_json, tags)),
            past=tuple(map(Segment.from_json, past)),
            recent=events_from_json(recent),
            policy=None if data.get("policy") is None else Record.from_json(data["policy"]),
            keyrings=tuple(map(Record.from_json, schema.field(_later(data), "keyrings", list))),
            encrypts=schema.field(_later(data), "encrypts", bool),
        )
        if len(catalogue.keyrings) > MOST_KEYRINGS or catalogue.encrypts > len(catalogue.keyrings):
            raise Damaged("the keyrings are none or too many; the file is damaged")
        if catalogue.current not in {each.name for each in catalogue.variants}:
            raise Damaged("the variant in use is not in the catalogue; the file is damaged")
        return catalogue

    def variant(self, name: str) -> VariantRow | None:
        """The variant called ``name``, or None."""
        return next((each for each in self.variants if each.name == name), None)

    def tag(self, name: str) -> Tag | None:
        """The tag called ``name``, or None."""
        return next((each for each in self.tags if each.name == name), None)

    def with_variant(self, changed: VariantRow) -> Catalogue:
        """The catalogue with ``changed`` in the place of its namesake, or at the end."""
        if self.variant(changed.name) is None:
            return replace(self, variants=(*self.variants, changed))
        kept = (changed if each.name == changed.name else each for each in self.variants)
        return replace(self, variants=tuple(kept))

    def with_events(self, *events: Event) -> Catalogue:
        """The catalogue with ``events`` at the end of the reflog."""
        return replace(self, recent=(*self.recent, *events))

    def to_seal(self) -> tuple[Segment, ...] | None:
        """The segments to merge with the tail into a new one; None while the tail is short."""
        return _to_merge(self.segments, len(self.tail))

    def events_to_seal(self) -> tuple[Segment, ...] | None:
        """The same for the events."""
        return _to_merge(self.past, len(self.recent))


def _later(data: dict[str, Any]) -> dict[str, Any]:
    return {"keyrings": [], "encrypts": False, **data}


def rows_from_json(data: Any) -> tuple[Row, ...]:
    """The rows in a JSON list; raises ``Damaged``."""
    return _listed(data, Row.from_json)


def events_from_json(data: Any) -> tuple[Event, ...]:
    """The events in a JSON list; raises ``Damaged``."""
    return _listed(data, Event.from_json)


def to_json(rows: Sequence[Row] | Sequence[Event]) -> list[dict[str, Any]]:
    """Rows or events as the JSON list a segment holds."""
    return [row.to_json() for row in rows]


def _listed(data: Any, read: Callable[[Any], Each]) -> tuple[Each, ...]:
    if not isinstance(data, list):
        raise Damaged("a segment of the catalogue is no list; the file is damaged")
    return tuple(map(read, data))


def _to_merge(segments: Sequence[Segment], newest: int) -> tuple[Segment, ...] | None:
    if newest < TAIL:
        return None
    small = tuple(each for each in segments if each.rows < FULL)
    full = sum(each.rows for each in small) + newest >= FULL
    return small if full else ()
