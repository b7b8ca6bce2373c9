"""Make a model file, or open one."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from jairika_nb.store import address, arrays, history, names, signing
from jairika_nb.store.create import create
from jairika_nb.store.keys import Key
from jairika_nb.store.model import Model
from jairika_nb.store.note import noted
from jairika_nb.store.vouching import Vouching, signed


def init(
    place: str | os.PathLike[str],
    net: Any = None,
    *,
    variant: str = "main",
    name: str = "prime",
    message: str = "",
    time: datetime | str | None = None,
    key: Key | str | os.PathLike[str] | None = None,
) -> Model:
    """Make a model file and open it for adding.

    It has one variant with one iteration: ``net``, or nothing yet, and then the first commit to
    the variant takes the iteration's place. ``key`` is what signs the iterations that are made,
    as for ``open``. Raises ``AddressError`` where a file is there
    already, which stays as it is, and what ``commit`` raises; then no file is left behind.
    """
    path = address.resolve(place)
    branch, first = names.checked("variant", variant), names.checked("iteration", name)
    kept = arrays.Content() if net is None else arrays.content(net)
    chosen = Vouching.key_of(key)
    note = signed(noted(message, None, time, None), chosen)
    create(path, lambda layout: history.first(layout, branch, first, kept, note))
    return Model(path, "a", key=chosen)


def open(
    place: str | os.PathLike[str],
    mode: str = "r",
    *,
    key: Key | str | os.PathLike[str] | None = None,
    require_signed: bool = False,
    as_: str | None = None,
) -> Model:
    """Open a model file: ``"r"`` for reading, without a lock, or ``"a"`` for adding too.

    ``place`` may also be the URL of a file on a web server that answers byte ranges, or of
    another kind that fsspec reads; those are for reading.

    ``key``, a key, its name or its file (default: what ``JRK_KEY`` names), signs the iterations
    that are made. With ``require_signed`` all is listed as before, and whatever uses an iteration
    that no trusted key has signed raises ``Untrusted``.
    ``as_`` shows the model as its access rules let a user see it, and raises ``Forbidden`` for
    what they do not let that user do. It stops mistakes and is no boundary, since who has the
    file has all of it.

    Raises ``AddressError`` for a file that is missing or not ours, ``Damaged`` where it is not
    whole, ``ReadOnly`` in mode ``"a"`` where it refuses writes, ``MissingPackage`` where signatures
    are required and cannot be checked.
    """
    guard = signing.guard(require_signed)
    return Model(address.located(place), mode, key=key, guard=guard, as_=as_)
