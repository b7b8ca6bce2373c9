"""Fields of JSON data that came out of a file: of the right type, or ``Damaged``."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from jairika_nb.errors import Damaged

Kind = TypeVar("Kind")
HASH = re.compile(r"[0-9a-f]{64}")
HEXADECIMAL = re.compile(r"[0-9a-f]*")
CONTROL = re.compile(r"[/\x00-\x1f]")
LIMIT = 2**63  # no count, offset or time in a file reaches it


def field(data: Any, key: str, kind: type[Kind]) -> Kind:
    """``data[key]``, which must be a ``kind``; raises ``Damaged``."""
    value = data.get(key) if isinstance(data, dict) else None
    # JSON gives no subclasses, and bool, which is one of int, is no number to the file.
    if type(value) is not kind or (kind is int and not 0 <= value < LIMIT):  # type: ignore[operator]
        raise Damaged(f"a record holds {_short(value)} as its {key}; the file is damaged")
    return value


def name(data: Any, key: str) -> str:
    """A name: text without a slash or control characters, so that it can be shown and joined."""
    value = field(data, key, str)
    if not value or CONTROL.search(value):
        raise Damaged(f"a record holds {_short(value)} as its {key}; the file is damaged")
    return value


def digest(data: Any, key: str) -> str:
    """A BLAKE3 hash in hexadecimal."""
    value = field(data, key, str)
    if not HASH.fullmatch(value):
        raise Damaged(f"a record holds {_short(value)} as its {key}; the file is damaged")
    return value


def hexadecimal(data: Any, key: str, count: int) -> str:
    """``count`` bytes in hexadecimal."""
    value = field(data, key, str)
    if len(value) != 2 * count or not HEXADECIMAL.fullmatch(value):
        raise Damaged(f"a record holds {_short(value)} as its {key}; the file is damaged")
    return value


def digest_or_none(data: Any, key: str) -> str | None:
    """A hash, or None where the record has none."""
    return digest(data, key) if isinstance(data, dict) and data.get(key) is not None else None


def numbers(data: Any, key: str, count: int | None = None) -> tuple[int, ...]:
    """A list of ``count`` numbers from 0 up."""
    values = field(data, key, list)
    if count not in (None, len(values)) or not all(map(_countable, values)):
        raise Damaged(f"a record holds {_short(values)} as its {key}; the file is damaged")
    return tuple(values)


def _countable(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LIMIT


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
