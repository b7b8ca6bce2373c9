"""What a client announces before a commit on a server: JSON, checked before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from jairika_nb.errors import Damaged
from jairika_nb.store import schema
from jairika_nb.store.policy import Policy
from jairika_nb.store.rows import Row, Tag, VariantRow

LONGEST = 600  # characters of a line for the reflog


@dataclass(frozen=True)
class Batch:
    """Iterations for the variant ``place``, whose newest is ``head``.

    ``branch`` is that variant on the other side; ``first`` the variant of a model that is new.
    """

    place: str
    head: str | None
    branch: VariantRow | None
    first: str
    rows: tuple[Row, ...]

    @classmethod
    def from_json(cls, data: Any) -> Batch:
        rows = tuple(map(Row.from_json, schema.field(data, "rows", list)))
        if not rows:
            raise Damaged("no iteration was named; push again")
        branch = None if data.get("branch") is None else VariantRow.from_json(data["branch"])
        return cls(
            place=schema.name(data, "place"),
            head=schema.digest_or_none(data, "head"),
            branch=branch and replace(branch, blank=None),
            first=schema.name(data, "first"),
            rows=rows,
        )


@dataclass(frozen=True)
class Ruled:
    """Access rules in the place of those with the hash ``expected``, and a line about why."""

    policy: Policy
    expected: str | None
    verb: str
    words: str

    @classmethod
    def from_json(cls, data: Any) -> Ruled:
        policy = schema.field(data, "policy", dict)
        verb, words = (schema.field(data, key, str)[:LONGEST] for key in ("verb", "words"))
        expected = schema.digest_or_none(data, "expected")
        return cls(Policy.from_json(policy) if policy else Policy(), expected, verb, words)


def _listed(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda data: tuple(map(read, schema.field({"list": data}, "list", list)))


KINDS: dict[str, Callable[[Any], Any]] = {
    "batch": Batch.from_json,
    "tags": _listed(Tag.from_json),
    "signatures": _listed(Row.from_json),
    "rules": Ruled.from_json,
}


def read(kind: str, data: Any) -> Any:
    """What was announced; raises ``Damaged`` where it is not such a thing."""
    return KINDS[kind](data)
