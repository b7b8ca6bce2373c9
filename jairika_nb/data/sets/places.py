"""Where files of named sets are looked for: a given folder, JRK_DATA_DIR, the cache."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from jairika_nb.data.sets.download import fetch
from jairika_nb.data.sets.remotes import REMOTES
from jairika_nb.engine.drivers import cache_folder
from jairika_nb.errors import DataError

Folder = str | os.PathLike[str] | None


def cache(name: str) -> Path:
    """The folder that a set is fetched into, below ``JRK_DATA_CACHE`` or the user's cache."""
    named = os.environ.get("JRK_DATA_CACHE")
    return (Path(named).expanduser() if named else cache_folder() / "data") / name


def bases(name: str, folder: Folder, inner: Iterable[str]) -> list[Path]:
    """Folders that may hold a set: a given one alone, or that of JRK_DATA_DIR and the cache.

    ``inner`` are folders in these that copies of the set are known to lie in. Raises DataError for
    a named folder that is not there.
    """
    named = folder if folder is not None else os.environ.get("JRK_DATA_DIR")
    found = []
    if named:
        base = Path(named).expanduser()
        if not base.is_dir():
            raise DataError(
                f"the data folder {base} does not exist; check JRK_DATA_DIR or {name}(folder)"
            )
        # What lies openly in a folder for all sets may belong to another set of the same form.
        found += [base / f for f in (*inner, *([""] if folder is not None else []))]
    return found if folder is not None else [*found, cache(name)]


def find(folders: Iterable[Path], names: Iterable[str]) -> Path | None:
    """The first of the named files that is there."""
    spellings = list(names)
    return next((f / n for f in folders for n in spellings if (f / n).is_file()), None)


def fetched(name: str, files: Iterable[str]) -> list[Path]:
    """The files of a set, in the cache."""
    remotes = {remote.file: remote for remote in REMOTES[name]}
    return [fetch(remotes[file], cache(name)) for file in files]


def missing(name: str, folder: Folder, wanted: str) -> DataError:
    """What to say where a set is nowhere."""
    where = folder if folder is not None else os.environ.get("JRK_DATA_DIR") or "no data folder"
    return DataError(
        f"no {name} in {where}: put {wanted} there, name another folder with {name}(folder) or "
        f"JRK_DATA_DIR, or fetch it with {name}(download=True)"
    )
