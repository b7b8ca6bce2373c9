"""Find the model files under a folder, within limits that keep a large tree from hurting."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jairika_nb.errors import JairikaError
from jairika_nb.server.paths import MODEL_SUFFIX, SUFFIX, hidden, inside
from jairika_nb.store import reader

# A folder that holds one of these is an environment with packages, not somebody's work.
ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")


@dataclass(frozen=True)
class Limits:
    """How far a scan goes before it stops and says so."""

    models: int = 500
    depth: int = 10
    entries: int = 200_000
    seconds: float = 3.0


@dataclass(frozen=True)
class Found:
    """The model files of one scan, in order of their paths, and whether limits cut it short."""

    paths: tuple[str, ...]
    truncated: bool


def scan(root: Path, limits: Limits = Limits()) -> Found:
    """Return the models under ``root``, as paths relative to it with forward slashes.

    Shallow folders come first, so that a limit cuts off what lies deepest. Links to folders are
    not followed; links to files count where they stay inside ``root``.
    """
    paths: list[str] = []
    for entry in walk(root, limits):
        if entry is None:
            return Found(tuple(sorted(paths)), truncated=True)
        if not is_model(root, entry):
            continue
        if len(paths) == limits.models:
            return Found(tuple(sorted(paths)), truncated=True)
        paths.append(Path(entry.path).relative_to(root).as_posix())
    return Found(tuple(sorted(paths)), truncated=False)


def walk(root: Path, limits: Limits) -> Iterator[os.DirEntry[str] | None]:
    """Yield the files below ``root``, breadth first; ``None`` once where a limit ends it."""
    stop = time.monotonic() + limits.seconds
    folders = deque([(str(root), 0)])
    seen = 0
    while folders:
        folder, depth = folders.popleft()
        for entry in listing(folder):
            seen += 1
            if seen > limits.entries or time.monotonic() > stop:
                yield None
                return
            if entry.is_dir(follow_symlinks=False):
                if depth < limits.depth:
                    folders.append((entry.path, depth + 1))
            else:
                yield entry


def listing(folder: str) -> list[os.DirEntry[str]]:
    """Return what ``folder`` shows; nothing where it cannot be read or is an environment."""
    try:
        with os.scandir(folder) as entries:
            found = [
                entry
                for entry in entries
                if entry.name in ENVIRONMENT_MARKS or not hidden(entry.name)
            ]
    except OSError:
        # A folder that this user may not read, or that vanished meanwhile, holds no models.
        return []
    if any(entry.name in ENVIRONMENT_MARKS for entry in found):
        return []
    return found


def is_model(root: Path, entry: os.DirEntry[str]) -> bool:
    """Say whether a file is a model: by its name, or for any other ``.h5`` by its marker."""
    if not entry.name.endswith(SUFFIX):
        return False
    if not entry.is_file() or not inside(root, Path(entry.path)):
        return False
    if entry.name.endswith(MODEL_SUFFIX):
        return True
    try:
        reader.generation(Path(entry.path))
    except (JairikaError, OSError):
        return False
    return True
