"""Make a model file, or open one."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from jairika_nb.store import address, arrays, history, names
from jairika_nb.store.create import create
from jairika_nb.store.model import Model
from jairika_nb.store.note import noted


def init(
    place: str | os.PathLike[str],
    net: Any = None,
    *,
    variant: str = "main",
    name: str = "prime",
    message: str = "",
    time: datetime | str | None = None,
) -> Model:
    """Make a model file and open it for adding.

    It has one variant with one iteration: ``net``, or nothing yet, and then the first commit to
    the variant takes the iteration's place. Raises ``AddressError`` where a file is there
    already, which stays as it is, and what ``commit`` raises; then no file is left behind.
    """
    path = address.resolve(place)
    branch, first = names.checked("variant", variant), names.checked("iteration", name)
    kept = arrays.Content() if net is None else arrays.content(net)
    note = noted(message, None, time, None)
    create(path, lambda layout: history.first(layout, branch, first, kept, note))
    return Model(path, "a")


def open(place: str | os.PathLike[str], mode: str = "r") -> Model:
    """Open a model file: ``"r"`` for reading, without a lock, or ``"a"`` for adding too.

    ``place`` may also be the URL of a file on a web server that answers byte ranges, or of
    another kind that fsspec reads; those are for reading.

    Raises ``AddressError`` for a file that is missing or not ours, ``Damaged`` where it is not
    whole, ``ReadOnly`` in mode ``"a"`` where it refuses writes.
    """
    return Model(address.located(place), mode)
