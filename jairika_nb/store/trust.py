"""Whom the user trusts: public keys by name, in a file of the user's, never in a model's.

The file ``trusted_keys`` in the folder of settings holds a line in OpenSSH's format for each key.
Keys of the user's own are trusted too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from jairika_nb.errors import KeyProblem, NameTaken
from jairika_nb.store import keys
from jairika_nb.store.keys import PublicKey
from jairika_nb.store.names import unknown


def place() -> Path:
    """The file of trusted keys."""
    return keys.config() / "trusted_keys"


def listed() -> list[PublicKey]:
    """The keys in the file, in its order; raises ``KeyProblem`` where others may write to it."""
    if not place().is_file():
        return []
    keys.check_private(place(), 0o022, "others may add to this list of trusted keys")
    lines = place().read_text(encoding="utf-8", errors="replace").splitlines()
    return [keys.parsed(line) for line in lines if line.strip() and not line.startswith("#")]


def trusted() -> Mapping[str, PublicKey]:
    """All trusted keys by their Ed25519 part: the user's own, and those in the file."""
    return _trusted(_state())


def add(line: str, name: str | None = None) -> PublicKey:
    """Trust the key in ``line``, under ``name`` or the one it comes with.

    Raises ``KeyProblem`` for what is no public key, ``NameTaken`` where the name means another.
    """
    key = keys.parsed(line, name)
    for each in trusted().values():
        if each.name == key.name and each.signing != key.signing:
            raise NameTaken(
                f"cannot trust {key.fingerprint} as {key.name!r}: that name is the key "
                f"{each.fingerprint}; choose another name, or forget that one first"
            )
    _write([*(each for each in listed() if each.signing != key.signing), key])
    return key


def forget(name: str) -> PublicKey:
    """No longer trust the key called ``name``; raises ``NotFound``."""
    there = listed()
    gone = next((each for each in there if each.name == name), None)
    if gone is None:
        raise unknown("trusted key", name, [each.name for each in there], str(place()))
    _write([each for each in there if each is not gone])
    return gone


def _state() -> tuple[Any, ...]:
    """What changes with the keys; a log of thousands of iterations reads them once."""
    folder = keys.folder()
    # Another key under the name of one that was removed is not that one.
    own = tuple(sorted(_dated(folder)))
    if not place().is_file():
        return str(folder), own
    found = place().stat()
    which = (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode, found.st_uid)
    return str(folder), own, which


def _dated(folder: Path) -> list[tuple[str, int]]:
    found = []
    with suppress(OSError):  # no folder, or a key that goes just now
        for each in os.scandir(folder):
            found.append((each.name, each.stat().st_mtime_ns))
    return found


@lru_cache(maxsize=1)
def _trusted(state: tuple[Any, ...]) -> Mapping[str, PublicKey]:
    return {each.signing: each for each in (*listed(), *keys.own())}


def _write(kept: list[PublicKey]) -> None:
    place().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = place().with_name(".trusted_keys.new")
    try:
        number = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(number, "w", encoding="utf-8") as file:
            file.writelines(each.line + "\n" for each in kept)
        os.replace(aside, place())
    except OSError as error:
        raise KeyProblem(f"cannot write {place()}: {error.strerror}") from error
