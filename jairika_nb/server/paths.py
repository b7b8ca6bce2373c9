"""Which paths a client may name: model files inside the server's root, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

SUFFIX = ".h5"
MODEL_SUFFIX = ".jrk.h5"
SKIPPED_FOLDERS = {"node_modules", "__pycache__", "site-packages", "lost+found"}


def inside(root: Path, path: Path) -> bool:
    """Say whether ``path`` lies in ``root`` after every symbolic link is followed.

    ``root`` must be a real path already.
    """
    return Path(os.path.realpath(path)).is_relative_to(root)


def hidden(name: str) -> bool:
    """Say whether a file or folder of this name is never shown."""
    return name.startswith(".") or name in SKIPPED_FOLDERS


def model_file(root: Path, relative: str) -> Path:
    """Return the file that a client's ``relative`` path names, inside ``root``.

    ``relative`` uses forward slashes. Raises ValueError where it is not such a path at all and
    FileNotFoundError where it names nothing that may be shown; neither tells what lies outside.
    """
    path = place(root, relative)
    if not path.is_file() or not inside(root, path):
        raise FileNotFoundError(f"no model at {relative!r} under the server's root")
    return path


def place(root: Path, relative: str) -> Path:
    """Return where a model of that path is or may be made; raises as ``model_file``."""
    if not relative or "\0" in relative or "\\" in relative or relative.startswith("/"):
        raise ValueError(f"path is {relative!r}; it must be relative to the server's root")
    parts = PurePosixPath(relative).parts
    if ".." in parts:
        raise ValueError(f"path is {relative!r}; it must not leave the server's root")
    path = root.joinpath(*parts)
    shown = not any(hidden(part) for part in parts) and path.name.endswith(SUFFIX)
    if not shown or not path.parent.is_dir() or not inside(root, path):
        raise FileNotFoundError(f"no model at {relative!r} under the server's root")
    return path
