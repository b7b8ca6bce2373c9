"""Texts that character models are tried on."""

from __future__ import annotations

from pathlib import Path

from jairika_nb.data.sets.places import Folder, bases, fetched, find, missing
from jairika_nb.data.text import read_lines, read_text

FILES = {
    "shakespeare": ("tinyshakespeare.txt", "tinyshakespeare.txt.gz", "tinyshakespeare/input.txt"),
    "names": ("names.txt", "names.txt.gz"),
}


def shakespeare(folder: Folder = None, *, download: bool = False) -> str:
    """About a million characters of Shakespeare's plays, 65 different ones.

    The file ``tinyshakespeare.txt``, plain or ``.gz``, is looked for in ``folder``, by default in
    that of ``JRK_DATA_DIR`` and in the cache (``JRK_DATA_CACHE``); ``download=True`` fetches it.
    Raises DataError where it is missing. Source: A. Karpathy, char-rnn, 2015.
    """
    return read_text(_file("shakespeare", folder, download))


def names(folder: Folder = None, *, download: bool = False) -> list[str]:
    """About 32,000 first names in small letters, the most frequent first.

    The file is ``names.txt``; arguments are those of :func:`shakespeare`. Source: A. Karpathy,
    makemore, 2022, from the statistics of the US Social Security Administration.
    """
    return read_lines(_file("names", folder, download))


def _file(name: str, folder: Folder, download: bool) -> Path:
    found = find(bases(name, folder, ("", name)), FILES[name])
    if found is not None:
        return found
    if not download:
        raise missing(name, folder, f"{FILES[name][0]}[.gz]")
    return fetched(name, FILES[name][:1])[0]
