"""What a client announces before a commit on a server: JSON, checked before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from jairika_nb.errors import Damaged
from jairika_nb.store import schema
from jairika_nb.store.catalogue import MOST_KEYRINGS
from jairika_nb.store.keyring import Keyring
from jairika_nb.store.policy import Policy
from jairika_nb.store.rows import Row, Tag, VariantRow

LONGEST = 600  # characters of a line for the reflog


@dataclass(frozen=True)
class Batch:
    """Iterations for the variant ``place``, whose newest is ``head``.

    ``branch`` is that variant on the other side; ``first`` the variant of a model that is new;
    ``sealed`` the hashes of encrypted objects, by those of their arrays.
    """

    place: str
    head: str | None
    branch: VariantRow | None
    first: str
    rows: tuple[Row, ...]
    sealed: dict[str, str]

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
            sealed=forms(data.get("sealed", {})),
        )


@dataclass(frozen=True)
class Rings:
    """Keyrings, whether the first says what commits encrypt, and the variant of a new model."""

    first: str
    rings: tuple[Keyring, ...]
    encrypts: bool

    @classmethod
    def from_json(cls, data: Any) -> Rings:
        rings = schema.field(data, "keyrings", list)
        if not 0 < len(rings) <= MOST_KEYRINGS:
            raise Damaged(f"{len(rings)} keyrings were named, 1 to {MOST_KEYRINGS} can be")
        first, encrypts = schema.name(data, "first"), schema.field(data, "encrypts", bool)
        return cls(first, tuple(map(Keyring.from_json, rings)), encrypts)


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


def forms(data: Any) -> dict[str, str]:
    """Hashes of encrypted objects by those of their arrays; raises ``Damaged``."""
    if not isinstance(data, dict):
        raise Damaged("the encrypted objects must be an object of hashes")
    return {schema.digest({"hash": each}, "hash"): schema.digest(data, each) for each in data}


def _listed(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda data: tuple(map(read, schema.field({"list": data}, "list", list)))


KINDS: dict[str, Callable[[Any], Any]] = {
    "batch": Batch.from_json,
    "keyrings": Rings.from_json,
    "tags": _listed(Tag.from_json),
    "signatures": _listed(Row.from_json),
    "rules": Ruled.from_json,
}


def read(kind: str, data: Any) -> Any:
    """What was announced; raises ``Damaged`` where it is not such a thing."""
    return KINDS[kind](data)
