"""A new model file, which appears under its name complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from jairika_nb.errors import AddressError, Damaged, StoreError
from jairika_nb.store import transaction
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.disk import Disk
from jairika_nb.store.faults import telling
from jairika_nb.store.layout import Layout
from jairika_nb.store.reader import generation

NEW = ".new"
STALE = 3600.0  # seconds: whoever still makes a model writes to it more often
# What file systems without hard links answer to link(2).
NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}


def create(path: Path, make: Callable[[Layout], Catalogue], disk: Disk | None = None) -> None:
    """Make the model file at ``path`` with the first catalogue that ``make`` gives.

    Raises ``AddressError`` where something is there already, which stays untouched; a creation
    that fails leaves nothing behind.
    """
    disk = disk or Disk()
    if os.path.lexists(path):
        raise taken(path)
    if not os.path.lexists(path.parent):
        raise AddressError(f"cannot make {path}: there is no folder {path.parent}; make it first")
    clear(path, NEW, STALE)
    aside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}{NEW}")
    with telling("make", path):
        try:
            transaction.fill(aside, make, disk, called=path)
            _appear(aside, path)
            _keep(path, disk)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside)


def clear(path: Path, ending: str, age: float) -> None:
    """Remove what killed programs left beside ``path`` and have not written for ``age`` seconds."""
    left = re.compile(re.escape(f".{path.name[:100]}.") + "[0-9a-f]{8}" + re.escape(ending))
    with contextlib.suppress(OSError):  # what cannot be removed harms nobody
        for each in os.scandir(path.parent):
            if left.fullmatch(each.name) and time.time() - each.stat().st_mtime >= age:
                os.unlink(each)


def _appear(aside: Path, path: Path) -> None:
    try:
        os.link(aside, path)  # unlike rename, it never replaces what another made meanwhile
    except FileExistsError:
        raise taken(path) from None
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if os.path.lexists(path):
            raise taken(path) from None
        os.rename(aside, path)


def _keep(path: Path, disk: Disk) -> None:
    """Make the new name durable; where that fails, the creation failed."""
    try:
        disk.sync_folder(path.parent)
    except OSError:
        os.unlink(path)
        raise


def taken(path: Path, opening: str = "") -> AddressError:
    """The error for a name that is taken; ``opening`` is how the caller's user opens a model."""
    kind, cure = "a folder", "choose another name"
    if not path.is_dir():
        empty = path.is_file() and not path.stat().st_size
        kind = "an empty file" if empty else "a file"
        cure = ("remove it, or " if empty else "it is no model, so ") + "choose another name"
    if is_model(path):
        opening = opening or f'jrk.open({str(path)!r}, mode="a")'
        kind, cure = "a model", f"open it with {opening}, or choose another name"
    return AddressError(f"cannot make {path}: there is {kind} of that name already; {cure}")


def is_model(path: Path) -> bool:
    """Whether the file is a model of ours, whole or damaged."""
    try:
        generation(path)
    except Damaged:
        return True  # opening it tells what is wrong with it
    except StoreError:
        return False
    return True
