"""Sealed rows in columns, so that a long list is read and checked without making its rows.

::

    head     magic, numbers of rows, of digests and of numbers
    digests  32 bytes each: the id of each row; the parents, then the signatures (the key and
             two of the signature) of each row in turn; architectures
    numbers  u64, little-endian: a column of each of COLUMNS; offset and length of each place
    text     JSON: names, messages, values of metrics; what the columns count: variants, kinds of
             places, names of metrics; and what a row has besides, by its number

A digest cannot be wrong in kind, a number only too large, and text is looked at as a whole.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate, chain
from math import isfinite
from typing import Any

from jairika_nb.errors import Damaged
from jairika_nb.store import schema, times
from jairika_nb.store.canonical import decoded, encoded
from jairika_nb.store.rows import METRIC, MOST_SIGNATURES, Place, Row

MAGIC = b"JRKROWS\n"
HEAD = struct.Struct("<8sQQQ")
DIGEST_BYTES = 32
COLUMNS = (
    *("time", "layers", "bytes", "variant", "parents", "signatures"),
    *("architecture", "kinds", "measures"),
)
SIGNATURE = 3  # digests: a key, and a signature of twice its length
FORMAT = 2  # of files that hold rows in this form


def packed(rows: Sequence[Row]) -> bytes:
    """The bytes of a segment that holds ``rows``."""
    variants, kinds, measures, architectures = (_Numbered() for _ in range(4))
    architectures[None] = 0
    columns = [
        [row.time for row in rows],
        [row.layers for row in rows],
        [row.bytes for row in rows],
        [variants[row.variant] for row in rows],
        [len(row.parents) for row in rows],
        [len(row.signatures) for row in rows],
        [architectures[row.architecture] for row in rows],
        [kinds[tuple(row.at)] for row in rows],
        [measures[tuple(row.metrics)] for row in rows],
        chain.from_iterable(place for row in rows for place in row.at.values()),
    ]
    numbers = list(chain.from_iterable(columns))
    digests = [row.id for row in rows] + [parent for row in rows for parent in row.parents]
    for key, signature in (pair for row in rows for pair in row.signatures):
        digests += [key, signature[: 2 * DIGEST_BYTES], signature[2 * DIGEST_BYTES :]]
    digests += list(architectures)[1:]
    text = {
        "variants": list(variants),
        "names": [row.name for row in rows],
        "messages": [row.message for row in rows],
        "kinds": [list(each) for each in kinds],
        "measures": [list(each) for each in measures],
        "values": [value for row in rows for value in row.metrics.values()],
        "more": {str(i): more for i, row in enumerate(rows) if (more := row.more())},
    }
    head = HEAD.pack(MAGIC, len(rows), len(digests), len(numbers))
    body = bytes.fromhex("".join(digests)) + struct.pack(f"<{len(numbers)}Q", *numbers)
    return head + body + encoded(text)


class Columns:
    """The columns of a segment; raises ``Damaged`` where its bytes are none."""

    def __init__(self, data: bytes) -> None:
        if len(data) < HEAD.size:
            raise _damaged("head")
        magic, self.count, digests, numbers = HEAD.unpack_from(data)
        middle = HEAD.size + DIGEST_BYTES * digests
        end = middle + 8 * numbers
        if magic != MAGIC or end > len(data) or numbers < len(COLUMNS) * self.count:
            raise _damaged("head")
        self.digests = data[HEAD.size : middle]
        self.numbers = struct.unpack_from(f"<{numbers}Q", data, middle)
        starts = range(0, len(COLUMNS) * self.count, self.count or 1)
        columns = [self.numbers[start : start + self.count] for start in starts]
        self.by_name = dict(zip(COLUMNS, columns or [()] * len(COLUMNS), strict=True))
        self._read(decoded(data[end:], "a segment of the catalogue", float))
        self._check_numbers()
        self._find_ends()

    def column(self, name: str) -> tuple[int, ...]:
        """A number of each row."""
        return self.by_name[name]

    @cached_property
    def hashes(self) -> list[str]:
        """All digests, in hexadecimal."""
        return self.digests.hex("\n", DIGEST_BYTES).split("\n") if self.digests else []

    def parents(self, rows: Sequence[int]) -> list[list[str]]:
        """The ids of the parents of these rows."""
        base, starts, hashes = self.count, self.parents_from, self.hashes
        return [hashes[base + starts[i] : base + starts[i + 1]] for i in rows]

    def signatures(self, i: int) -> tuple[tuple[str, str], ...]:
        """Keys and signatures of a row."""
        base = self.count + self.parents_from[-1]
        start, stop = (base + SIGNATURE * each for each in self.signatures_from[i : i + 2])
        found = iter(self.hashes[start:stop])
        return tuple((key, one + two) for key, one, two in zip(found, found, found, strict=True))

    def metrics(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """The measures of these rows."""
        names, which = self.measures, self.column("measures")
        values, starts = self.values, self.values_from
        return [
            dict(zip(names[which[i]], values[starts[i] : starts[i + 1]], strict=True)) for i in rows
        ]

    def architecture(self, i: int) -> str | None:
        number = self.column("architecture")[i]
        return self.hashes[self.architectures_from + number - 1] if number else None

    def at(self, i: int) -> dict[str, Place]:
        start = len(COLUMNS) * self.count + self.places_from[i]
        kinds = self.kinds[self.column("kinds")[i]]
        found = iter(self.numbers[start : start + 2 * len(kinds)])
        return dict(zip(kinds, zip(found, found, strict=True), strict=True))

    def _read(self, text: Any) -> None:
        self.variants, self.names, self.messages = (
            _texts(text, key) for key in ("variants", "names", "messages")
        )
        self.kinds, self.measures = (_groups(text, key) for key in ("kinds", "measures"))
        self.values: list[Any] = schema.field(text, "values", list)
        self.more: dict[str, Any] = schema.field(text, "more", dict)
        shown = self.names + self.variants
        if not all(shown) or schema.CONTROL.search("".join(shown)):
            raise _damaged("names")
        if {len(self.names), len(self.messages)} != {self.count}:
            raise _damaged("names")
        if not set(map(type, self.values)) <= set(METRIC):
            raise _damaged("metrics")
        if not all(isfinite(each) for each in self.values if type(each) is float):
            raise _damaged("metrics")
        if not all(key.isdecimal() and int(key) < self.count for key in self.more):
            raise _damaged("rows")

    def _check_numbers(self) -> None:
        rooms = {
            "time": times.LAST + 1,
            "variant": len(self.variants),
            "kinds": len(self.kinds),
            "measures": len(self.measures),
            "signatures": MOST_SIGNATURES + 1,
        }
        most = max(self.numbers, default=0)
        if most >= schema.LIMIT or any(
            max(self.column(name), default=-1) >= room for name, room in rooms.items()
        ):
            raise _damaged("numbers")

    def _find_ends(self) -> None:
        """Where what belongs to each row begins: where that of the one before ends."""
        pairs, measures = [2 * len(each) for each in self.kinds], list(map(len, self.measures))
        self.parents_from = _starts(self.column("parents"))
        self.signatures_from = _starts(self.column("signatures"))
        self.places_from = _starts(map(pairs.__getitem__, self.column("kinds")))
        self.values_from = _starts(map(measures.__getitem__, self.column("measures")))
        places = len(self.numbers) - len(COLUMNS) * self.count
        signatures = SIGNATURE * self.signatures_from[-1]
        self.architectures_from = self.count + self.parents_from[-1] + signatures
        architectures = len(self.digests) // DIGEST_BYTES - self.architectures_from
        if (self.places_from[-1], self.values_from[-1]) != (places, len(self.values)):
            raise _damaged("numbers")
        if architectures < max(self.column("architecture"), default=0):
            raise _damaged("digests")


class _Numbered(dict[Any, int]):
    """Things by the number they are given at their first mention."""

    def __missing__(self, key: Any) -> int:
        return self.setdefault(key, len(self))


def _starts(lengths: Iterable[int]) -> list[int]:
    return list(accumulate(lengths, initial=0))


def _texts(data: Any, key: str) -> list[str]:
    found = schema.field(data, key, list)
    if not set(map(type, found)) <= {str}:
        raise _damaged(key)
    return found


def _groups(data: Any, key: str) -> list[list[str]]:
    return [_texts({key: each}, key) for each in schema.field(data, key, list)]


def _damaged(what: str) -> Damaged:
    return Damaged(
        f"a segment of the catalogue has other {what} than it needs; the file is damaged"
    )
