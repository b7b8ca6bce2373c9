"""JSON with one spelling for each value, so that its hash names it.

Keys are sorted, nothing is spaced, text is UTF-8. Size and depth are bounded, since the bytes
may come from anyone (RFC 8259, section 9, lets a parser set such limits).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from blake3 import blake3

from jairika_nb.errors import Damaged

LARGEST = 64 << 20  # bytes of one JSON text
DEEPEST = 100  # lists and dicts inside each other
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def encoded(value: Any) -> bytes:
    """The canonical bytes of JSON data; raises ``ValueError`` or ``TypeError`` for other data.

    >>> encoded({"b": [1, None], "a": 0.5})
    b'{"a":0.5,"b":[1,null]}'
    """
    if deeper(value, DEEPEST):
        raise ValueError(f"more than {DEEPEST} lists or dicts inside each other")
    data = _text(value).encode()
    if len(data) > LARGEST:
        raise ValueError(f"{len(data)} bytes of JSON, {LARGEST} are the limit")
    return data


def decoded(data: bytes, what: str, real: Callable[[str], float] | None = None) -> Any:
    """The JSON data in ``data``; raises ``Damaged``, naming ``what``, where it is none.

    ``real`` reads a number with a point or an exponent; by default one beyond all floats is damage.
    """
    try:
        if len(data) > LARGEST:
            raise ValueError("too long")
        text, real = data.decode(), real or _finite
        found = json.loads(text, parse_constant=_no_constant, parse_float=real)
        if SURROGATE.search(text):
            _text(found).encode()  # half a character can be neither printed nor kept again
        return found
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{what} does not read as JSON ({error}); the file is damaged") from error


def digest(data: bytes) -> str:
    """The BLAKE3 hash of ``data`` in hexadecimal, 64 digits."""
    return blake3(data).hexdigest()


def deeper(value: Any, room: int = DEEPEST) -> bool:
    """Whether more than ``room`` lists or dicts are inside each other."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return False
    return room == 0 or any(deeper(each, room - 1) for each in value)


def _text(value: Any) -> str:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number
