"""What the catalogue lists: iterations, variants, tags, events, and segments of sealed rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from jairika_nb.errors import Damaged
from jairika_nb.store import schema
from jairika_nb.store.times import LAST

MOST_SIGNATURES = 16  # of one iteration
METRIC = (str, int, float, bool, type(None))

Place = tuple[int, int]  # offset and length in the file


@dataclass(frozen=True)
class Row:
    """One iteration as listed: what a tree or a log shows, and where the rest lies.

    ``origin`` is the variant and name it was committed under, where it is listed under others.
    ``signatures`` are pairs of an Ed25519 key and its signature of the id, hexadecimal.
    ``number`` is its place in its variant, from 0, where what was before it is gone.
    """

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
    origin: tuple[str, str] | None = None
    signatures: tuple[tuple[str, str], ...] = ()
    number: int | None = None

    def more(self) -> dict[str, Any]:
        """What it has that most rows do not, as JSON data."""
        found = {"origin": self.origin and list(self.origin), "number": self.number}
        return {key: value for key, value in found.items() if value}

    def with_more(self, data: Any) -> Row:
        """The row with what ``more`` gave of it; raises ``Damaged``."""
        more = schema.field({"more": data}, "more", dict)
        origin = None if more.get("origin") is None else _pair(more["origin"])
        return replace(self, origin=origin, number=_number(more))

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        return {k: v for k, v in data.items() if v or k not in ("origin", "signatures", "number")}

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
            origin=None if data.get("origin") is None else _pair(data["origin"]),
            signatures=_signatures(data.get("signatures", [])),
            number=_number(data),
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
class Tag:
    """A name that stays with one iteration, told by its id."""

    name: str
    id: str
    time: int
    message: str

    @classmethod
    def from_json(cls, data: Any) -> Tag:
        return cls(
            name=schema.name(data, "name"),
            id=schema.digest(data, "id"),
            time=_time(data, "time"),
            message=schema.field(data, "message", str),
        )


@dataclass(frozen=True)
class Event:
    """A line of the reflog: who did what when, and the newest iteration before and after.

    ``row`` is what was removed, kept so that it can be had back.
    """

    time: int
    author: str
    verb: str
    variant: str
    name: str
    before: str | None
    after: str | None
    row: Row | None = None

    def to_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, data: Any) -> Event:
        row = data.get("row") if isinstance(data, dict) else None
        return cls(
            time=_time(data, "time"),
            author=schema.field(data, "author", str),
            verb=schema.field(data, "verb", str),
            variant=schema.field(data, "variant", str),
            name=schema.field(data, "name", str),
            before=schema.digest_or_none(data, "before"),
            after=schema.digest_or_none(data, "after"),
            row=None if row is None else Row.from_json(row),
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
class Record:
    """Where a record lies that the catalogue itself leads to, and its hash."""

    offset: int
    length: int
    digest: str

    @classmethod
    def from_json(cls, data: Any) -> Record:
        offset, length = (schema.field(data, key, int) for key in ("offset", "length"))
        return cls(offset, length, schema.digest(data, "digest"))


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


def _number(data: Any) -> int | None:
    return None if data.get("number") is None else schema.field(data, "number", int)


def _signatures(data: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(data, list) or len(data) > MOST_SIGNATURES:
        raise Damaged("the signatures of an iteration are not a short list; the file is damaged")
    if not all(isinstance(each, list) and len(each) == 2 for each in data):
        raise Damaged("a signature is not a key and a signature; the file is damaged")
    # A signature is as long as two hashes.
    return tuple(
        (
            schema.digest({"key": key}, "key"),
            schema.hexadecimal({"signature": text}, "signature", 64),
        )
        for key, text in data
    )


def _place(places: dict[str, Any], kind: str) -> Place:
    offset, length = schema.numbers(places, kind, 2)
    return offset, length


def _pair(data: Any) -> tuple[str, str]:
    if not isinstance(data, list) or len(data) != 2:
        raise Damaged("a variant's parent is not a variant and an iteration; the file is damaged")
    variant, iteration = (schema.name({"parent": each}, "parent") for each in data)
    return variant, iteration
