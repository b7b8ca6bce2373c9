"""The word ``lab``: JupyterLab on the tutorials."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import jairika_nb
from jairika_nb.errors import DataError, MissingPackage, ReadOnly, WordError
from jairika_nb.words.results import Done
from jairika_nb.words.session import Session
from jairika_nb.words.word import Argument

FOLDER = Path("jairika-tutorials")
FIRST = f"--LabApp.default_url=/lab/tree/{FOLDER}/01-first-network.ipynb"
PLACES = ("default_url", "root_dir", "notebook_dir")


def lab(
    session: Session,
    *rest: Annotated[
        str, Argument("passed on to JupyterLab, as in --no-browser --port 9999", show="ARGUMENT")
    ],
) -> Done:
    """JupyterLab here, opened at the first tutorial; your own changes to them are kept.

    The sidebar shows the models in this folder and below. Arguments that name another folder
    or file to start from have their way.
    """
    if session.notebook:
        raise WordError("lab: this is a notebook already; run `jrk lab` in a terminal")
    if importlib.util.find_spec("jupyterlab") is None:
        raise MissingPackage("lab needs JupyterLab; `pip install 'jairika-nb[lab]'` adds it")
    session.say(copy_tutorials(shipped_tutorials(), FOLDER))
    code = launch([sys.executable, "-m", "jupyterlab", *rest, *_opening(rest)])
    return Done("JupyterLab has ended", {"folder": str(FOLDER), "exit": code}, ok=code == 0)


def _opening(rest: Sequence[str]) -> list[str]:
    """What opens the first tutorial, unless the user's arguments say where to start."""
    places = any(key in each.replace("-", "_") for each in rest for key in PLACES)
    files = any(Path(each).exists() for each in rest if not each.startswith("-"))
    return [] if places or files else [FIRST]


def shipped_tutorials() -> Path:
    """The folder of tutorials: inside the package, or beside it in a checkout."""
    package = Path(jairika_nb.__file__).parent
    for folder in (package / "tutorials", package.parent / "tutorials"):
        if any(folder.glob("*.ipynb")):
            return folder
    raise DataError("the tutorials are not in this installation; reinstall jairika-nb")


def copy_tutorials(source: Path, target: Path) -> str:
    """Copy what ``target`` lacks, never overwriting; tell what was done in one line."""
    wanted = [path for path in sorted(source.rglob("*")) if path.is_file()]
    wanted = [p for p in wanted if not any(part.startswith(".") for part in p.parts[-2:])]
    new = [path for path in wanted if not (target / path.relative_to(source)).exists()]
    try:
        for path in new:
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    except OSError as problem:
        raise ReadOnly(
            f"the tutorials cannot be copied to {str(target.absolute())!r}: {problem.strerror}; "
            "run `jrk lab` in a folder you can write"
        ) from None
    kept = len(wanted) - len(new)
    return f"tutorials in {target}: {len(new)} copied, {kept} already there and left as they are"


def launch(command: list[str]) -> int:
    """Run JupyterLab; where the system can, it takes the place of this process."""
    if os.name == "posix":
        os.execv(command[0], command)
    return subprocess.call(command)
