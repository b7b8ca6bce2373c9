"""The catalogue: what a model holds, in the few kilobytes that a commit writes anew.

A head names the variants and carries the newest iterations; older ones lie in sealed segments
that later commits only point at. Sixteen rows seal a segment, sixteen such segments merge into
one of 256, so a commit writes a few rows however long the history is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from jairika_nb.errors import Damaged
from jairika_nb.store import schema
from jairika_nb.store.times import LAST

TAIL = 16  # rows the head carries before they are sealed
FULL = 256  # rows of a segment that is never rewritten
METRIC = (str, int, float, bool, type(None))

Place = tuple[int, int]  # offset and length in the file


@dataclass(frozen=True)
class Row:
    """One iteration as listed: what a tree or a log shows, and where the rest lies."""

    id: str
    variant: str
    name: str
    time: int
    parents: tuple[str, ...]
    message: str
    metrics: dict[str, Any]
    layers: int
    bytes: int
    architecture: str | None
    at: dict[str, Place]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Row:
        parents = schema.field(data, "parents", list)
        places = schema.field(data, "at", dict)
        return cls(
            id=schema.digest(data, "id"),
            variant=schema.name(data, "variant"),
            name=schema.name(data, "name"),
            time=_time(data, "time"),
            parents=tuple(schema.digest({"parent": each}, "parent") for each in parents),
            message=schema.field(data, "message", str),
            metrics=_metrics(data),
            layers=schema.field(data, "layers", int),
            bytes=schema.field(data, "bytes", int),
            architecture=schema.digest_or_none(data, "architecture"),
            at={kind: _place(places, kind) for kind in places},
        )


@dataclass(frozen=True)
class VariantRow:
    """One variant as listed.

    ``blank`` is the iteration that ``init`` gives a variant before anything is committed to it.
    """

    name: str
    created: int
    parent: tuple[str, str] | None = None
    blank: Row | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> VariantRow:
        parent, blank = (
            data.get(key) if isinstance(data, dict) else None for key in ("parent", "blank")
        )
        return cls(
            name=schema.name(data, "name"),
            created=_time(data, "created"),
            parent=None if parent is None else _pair(parent),
            blank=None if blank is None else Row.from_json(blank),
        )


@dataclass(frozen=True)
class Segment:
    """Sealed rows: where they lie, their hash, how many."""

    offset: int
    length: int
    digest: str
    rows: int

    @classmethod
    def from_json(cls, data: Any) -> Segment:
        offset, length, rows = (
            schema.field(data, key, int) for key in ("offset", "length", "rows")
        )
        return cls(offset, length, schema.digest(data, "digest"), rows)


@dataclass(frozen=True)
class Catalogue:
    """The head: the variants in order of creation, the one in use, sealed and newest rows."""

    current: str
    variants: tuple[VariantRow, ...]
    segments: tuple[Segment, ...] = ()
    tail: tuple[Row, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Catalogue:
        variants, segments, tail = (
            schema.field(data, key, list) for key in ("variants", "segments", "tail")
        )
        catalogue = cls(
            current=schema.name(data, "current"),
            variants=tuple(map(VariantRow.from_json, variants)),
            segments=tuple(map(Segment.from_json, segments)),
            tail=rows_from_json(tail),
        )
        if catalogue.current not in {each.name for each in catalogue.variants}:
            raise Damaged("the variant in use is not in the catalogue; the file is damaged")
        return catalogue

    def variant(self, name: str) -> VariantRow | None:
        """The variant called ``name``, or None."""
        return next((each for each in self.variants if each.name == name), None)

    def with_variant(self, changed: VariantRow) -> Catalogue:
        """The catalogue with ``changed`` in the place of its namesake, or at the end."""
        if self.variant(changed.name) is None:
            return replace(self, variants=(*self.variants, changed))
        kept = (changed if each.name == changed.name else each for each in self.variants)
        return replace(self, variants=tuple(kept))

    def to_seal(self) -> tuple[Segment, ...] | None:
        """The segments to merge with the tail into a new one; None while the tail is short."""
        if len(self.tail) < TAIL:
            return None
        small = tuple(each for each in self.segments if each.rows < FULL)
        full = sum(each.rows for each in small) + len(self.tail) >= FULL
        return small if full else ()


def rows_from_json(data: Any) -> tuple[Row, ...]:
    """The rows in a JSON list; raises ``Damaged``."""
    if not isinstance(data, list):
        raise Damaged("a segment of the catalogue is no list; the file is damaged")
    return tuple(map(Row.from_json, data))


def rows_to_json(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows as the JSON list a segment holds."""
    return [row.to_json() for row in rows]


def _time(data: Any, key: str) -> int:
    stamp = schema.field(data, key, int)
    if stamp > LAST:
        raise Damaged(f"a record holds the time {stamp}; the file is damaged")
    return stamp


def _metrics(data: Any) -> dict[str, Any]:
    metrics = schema.field(data, "metrics", dict)
    if not all(isinstance(value, METRIC) for value in metrics.values()):
        raise Damaged("a metric is no number and no text; the file is damaged")
    return metrics


def _place(places: dict[str, Any], kind: str) -> Place:
    offset, length = schema.numbers(places, kind, 2)
    return offset, length


def _pair(data: Any) -> tuple[str, str]:
    if not isinstance(data, list) or len(data) != 2:
        raise Damaged("a variant's parent is not a variant and an iteration; the file is damaged")
    variant, iteration = (schema.name({"parent": each}, "parent") for each in data)
    return variant, iteration
