"""Bytes as printable characters, and texts cut into the pieces within which bytes are joined.

Both are those of GPT-2 (Radford et al. 2019), so that vocabularies can be exchanged with tools
that follow it: a byte that prints is its own character, the others come after the first 256; a
piece is a run of letters, of digits or of other signs with the blank before it.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import lru_cache

# The characters with Unicode's White_Space property.
BLANK = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
PRINTS = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))


@lru_cache(maxsize=1)
def characters() -> tuple[str, ...]:
    """The character of each byte."""
    rest = iter(range(256, 512))
    return tuple(chr(b) if b in PRINTS else chr(next(rest)) for b in range(256))


@lru_cache(maxsize=1)
def alphabet() -> tuple[str, ...]:
    """The characters of all bytes, in the order of Unicode."""
    return tuple(sorted(characters()))


@lru_cache(maxsize=1)
def byte_of() -> dict[str, int]:
    """The byte of each character."""
    return {c: b for b, c in enumerate(characters())}


def pieces(text: str) -> list[str]:
    """A text cut into pieces, which joined are the text again.

    >>> pieces("it's 2 o'clock")
    ['it', "'s", ' 2', ' o', "'", 'clock']
    """
    return _pattern().findall(text)


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    # Python's classes know no categories: \d are decimal digits, \w letters, all numbers and "_".
    numbers = _ranges({"Nl", "No"})
    letter, digit = rf"[^\W\d_{numbers}]", rf"[\d{numbers}]"
    other = rf"(?:[^\w{BLANK}{numbers}]|_)"
    return re.compile(
        rf"'s|'t|'re|'ve|'m|'ll|'d| ?{letter}+| ?{digit}+| ?{other}+"
        rf"|[{BLANK}]+(?![^{BLANK}])|[{BLANK}]+"
    )


def _ranges(categories: set[str]) -> str:
    """All characters of some categories as the inside of a class."""
    found = [c for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) in categories]
    parts, start = [], found[0]
    for code, following in zip(found, [*found[1:], -1], strict=True):
        if following != code + 1:
            parts.append(f"{chr(start)}-{chr(code)}")
            start = following
    return "".join(parts)
