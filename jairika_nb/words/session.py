"""What a front knows when it calls a word: the model in use and the variables in reach."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from jairika_nb.errors import AddressError, DataError, WordError
from jairika_nb.words.spelling import did_you_mean


class Python(Protocol):
    """What runs Python in a notebook's namespace."""

    def run(self, text: str) -> Any:
        """Run statements; the value of the last one where it is an expression, else None."""

    def show(self, value: Any) -> None:
        """Display a value in the cell's output."""


@dataclass
class Session:
    """The state between two words.

    ``address`` is the model in use, kept as the store writes it so that changing the folder
    does not lose it. ``variables`` is the notebook's namespace, None on the command line.
    ``quiet`` keeps words that take long from telling how far they are. ``python`` runs Python in
    that namespace, and ``body`` is the cell below the word, None where there is none. ``nets`` are
    the variables last committed, by the address of the model.
    """

    address: str | None = None
    variables: MutableMapping[str, Any] | None = None
    quiet: bool = False
    python: Python | None = None
    body: str | None = None
    nets: dict[str, str] = field(default_factory=dict)

    @property
    def notebook(self) -> bool:
        return self.variables is not None

    @property
    def sign(self) -> str:
        """What the user types before a word here."""
        return "%jrk" if self.notebook else "jrk"

    def say(self, text: str) -> None:
        """Tell how far a long word is, unless the caller wants its result alone."""
        if not self.quiet:
            print(text, flush=True)

    def arrays(self, source: str) -> Any:
        """The network or arrays that ``source`` names: a variable, or an ``.npz`` file."""
        if self.variables is not None and not source.endswith(".npz"):
            return self.variable(source)
        return _npz(Path(source).expanduser())

    def variable(self, name: str) -> Any:
        """What a notebook's variable, or an attribute of one, holds."""
        return _variable(name, self.variables or {})


def _variable(source: str, variables: MutableMapping[str, Any]) -> Any:
    first, *attributes = source.split(".")
    if first not in variables:
        known = [name for name in variables if not name.startswith("_")]
        raise WordError(
            f"no variable {first!r} in this notebook{did_you_mean(first, known)}; "
            "run the cell that makes it first"
        )
    value = variables[first]
    for attribute in attributes:
        if not hasattr(value, attribute):
            raise WordError(f"{source!r}: {type(value).__name__} has no attribute {attribute!r}")
        value = getattr(value, attribute)
    return value


def _npz(path: Path) -> dict[str, Any]:
    import numpy as np

    if path.suffix != ".npz":
        raise WordError(f"{str(path)!r} is not an .npz file: save arrays with numpy.savez")
    if not path.exists():
        raise AddressError(f"no file {str(path)!r}: check the path of the arrays")
    try:
        with zipfile.ZipFile(path):  # numpy would take a lone .npy or a pickle for an archive
            pass
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as problem:
        raise DataError(f"{str(path)!r} cannot be read as an .npz archive: {problem}") from None
