"""Names of variants, iterations and parameters: what a file can hold, and what was meant."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

from jairika_nb.errors import BadName, NotFound

LONGEST = 200  # bytes of UTF-8
# Control characters, lone surrogates, line and paragraph separators: unprintable in a tree.
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
# They turn the rest of the line around (UAX 9), so that a tree shows other names than it has.
TURNING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def checked(kind: str, name: object) -> str:
    """``name`` in Unicode normal form C; raises ``BadName`` where the file cannot hold it.

    >>> checked("variant", "cafe\\u0301") == "caf\\xe9"
    True
    """
    if not isinstance(name, str):
        raise BadName(f"cannot name the {kind} {name!r}: a name is text, not {_type(name)}")
    text = unicodedata.normalize("NFC", name)
    if rule := _broken(text):
        raise BadName(f"cannot name the {kind} {_short(text)}: {rule}; choose another name")
    return text


def parameter(name: object) -> str:
    """``name`` checked as a dotted key such as ``"encoder.0.weight"``; raises ``BadName``."""
    text = checked("parameter", name)
    if not all(text.split(".")):
        raise BadName(
            f"cannot name the parameter {name!r}: each part between the dots needs a letter; "
            "write it as in 'encoder.0.weight'"
        )
    return text


def layer_of(parameter: str) -> str:
    """The layer a parameter belongs to: all but the last dotted part.

    >>> layer_of("encoder.0.weight"), layer_of("weight")
    ('encoder.0', '')
    """
    return parameter.rpartition(".")[0]


def unknown(kind: str, name: object, known: Iterable[str], where: str) -> NotFound:
    """The error for a name that is not there, with what may have been meant."""
    names = list(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    if close:
        cure = f"did you mean {close[0]!r}?"
    else:
        cure = "it has " + (", ".join(map(repr, names[-8:])) if names else "none yet")
    return NotFound(f"no {kind} {_short(name)} in {where}; {cure}")


def _broken(text: str) -> str | None:
    if not text.strip():
        return "a name may not be empty"
    if text in (".", ".."):
        return "'.' and '..' mean folders"
    if "/" in text:
        return "'/' separates variant, iteration and layer"
    if any(unicodedata.category(character) in UNPRINTABLE for character in text):
        return "it holds a control character or a line break"
    if not TURNING.isdisjoint(text):
        return "it holds a character that turns the direction of what follows"
    if len(text.encode()) > LONGEST:
        return f"it is {len(text.encode())} bytes long, {LONGEST} are the limit"
    return None


def _short(name: object) -> str:
    text = repr(name)
    return text if len(text) <= LONGEST else text[:60] + "..." + text[-1]


def _type(value: object) -> str:
    return "None" if value is None else type(value).__name__
