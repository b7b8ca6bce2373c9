"""What is said about an iteration besides its values: when, by whom, with what."""

from __future__ import annotations

import getpass
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from jairika_nb import __version__
from jairika_nb.errors import StoreError
from jairika_nb.store import arrays, times

LONGEST_MESSAGE = 1 << 16  # characters


@dataclass(frozen=True)
class Note:
    """Message, metrics, author, software and time of an iteration, as JSON data.

    ``sign`` gives the signature of its id, where it is to have one.
    """

    time: int
    message: str
    metrics: dict[str, Any]
    author: str
    software: dict[str, str]
    sign: Callable[[str], tuple[str, str]] | None = None


def noted(
    message: str,
    metrics: Mapping[str, Any] | None,
    time: datetime | str | None,
    author: str | None,
) -> Note:
    """The note of an iteration made here and now, or as told; raises ``StoreError``."""
    if not isinstance(message, str) or len(message) > LONGEST_MESSAGE:
        raise StoreError(
            f"cannot keep the message: it is text of at most {LONGEST_MESSAGE} letters"
        )
    who = _login() if author is None else author
    for what, text in (("message", message), ("author", who)):
        if not (isinstance(text, str) and _is_unicode(text)):
            raise StoreError(f"cannot keep the {what} {text!r}: it is no Unicode text")
    return Note(times.seconds(time), message, arrays.measures(metrics), who, _software())


def _is_unicode(text: str) -> bool:
    return text.encode(errors="replace").decode() == text  # half of a surrogate pair is not


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""  # a process without a user entry, as in some containers


def _software() -> dict[str, str]:
    return {
        "jairika_nb": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": f"{sys.platform} {platform.machine()}",
    }
