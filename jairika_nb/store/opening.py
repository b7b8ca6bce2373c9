"""Make a model file, or open one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from jairika_nb.errors import ArgumentError, StoreError
from jairika_nb.store import address, arrays, history, keyrings, names, rekeying, signing
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.create import create
from jairika_nb.store.keys import Passphrase
from jairika_nb.store.layout import Layout
from jairika_nb.store.model import Model
from jairika_nb.store.note import noted
from jairika_nb.store.rekeying import Who
from jairika_nb.store.sealing import Sealer
from jairika_nb.store.vault import Vault, Which
from jairika_nb.store.vouching import signed


def init(
    place: str | os.PathLike[str],
    net: Any = None,
    *,
    variant: str = "main",
    name: str = "prime",
    message: str = "",
    time: datetime | str | None = None,
    key: Which = None,
    encrypt: str | Iterable[str] | bool = False,
    readers: Iterable[Who] = (),
    passphrase: str | None = None,
) -> Model:
    """Make a model file and open it for adding.

    It has one variant with one iteration: ``net``, or nothing yet, and then the first commit to
    the variant takes the iteration's place. ``key`` is what signs the iterations that are made,
    as for ``open``. ``encrypt`` is the path of the layers to encrypt, or several, or True for all;
    ``readers`` and ``passphrase`` say for whom besides the key, see ``Model.encrypt``.

    Raises ``AddressError`` where a file is there already, which stays as it is, and what ``commit``
    and ``Model.encrypt`` raise; then no file is left behind.
    """
    path = address.resolve(place)
    branch, first = names.checked("variant", variant), names.checked("iteration", name)
    kept = arrays.Content() if net is None else arrays.content(net)
    vault = Vault(key, passphrase)
    note, ring = signed(noted(message, None, time, None), vault.key), None
    if paths := ["*"] if encrypt is True else [encrypt] if isinstance(encrypt, str) else encrypt:
        ring = rekeying.first(paths, vault, readers, passphrase)
    elif passphrase is not None or readers:
        raise ArgumentError("readers and a passphrase are for what is encrypted: give encrypt too")

    def make(layout: Layout) -> Catalogue:
        layout.sealer = Sealer(ring, vault) if ring else None
        catalogue = history.first(layout, branch, first, kept, note)
        return keyrings.written(catalogue, layout, ring) if ring else catalogue

    create(path, make)
    return Model(path, "a", vault=vault)


def open(
    place: str | os.PathLike[str],
    mode: str = "r",
    *,
    key: Which = None,
    passphrase: Passphrase = None,
    require_signed: bool = False,
    as_: str | None = None,
) -> Model:
    """Open a model file: ``"r"`` for reading, without a lock, or ``"a"`` for adding too.

    ``place`` may also be the URL of a file on a web server that answers byte ranges, or of
    another kind that fsspec reads, or ``jrk+http://host:port/path/model.jrk.h5`` of a Jupyter
    server that has jairika_nb; those are for reading, and the last also for ``push``. Its token
    is given as ``?token=...`` or in ``JRK_TOKEN``, or known from a server that runs here.

    ``key``, a key, its name or its file (default: what ``JRK_KEY`` names), signs the iterations
    that are made and opens layers encrypted for its owner; so does ``passphrase``, a text or what
    asks for it, where they were encrypted for one. With ``require_signed`` all is listed as before,
    and whatever uses an iteration that no trusted key has signed raises ``Untrusted``.

    ``as_`` shows the model as its access rules let a user see it, and raises ``Forbidden`` for
    what they do not let that user do. It stops mistakes and is no boundary, since who has the
    file has all of it that is not encrypted.

    Raises ``AddressError`` for a file that is missing or not ours, ``Damaged`` where it is not
    whole, ``ReadOnly`` in mode ``"a"`` where it refuses writes, ``MissingPackage`` where signatures
    are required and cannot be checked.
    """
    vault, guard = Vault(key, passphrase), signing.guard(require_signed)
    model = Model(address.located(place), mode, vault=vault, guard=guard, as_=as_)
    if passphrase is not None and not model._reader.catalogue.keyrings:
        model.close()
        # Whoever took the encryption off a file must not get the next commit in plain.
        raise StoreError(f"{model.path} encrypts nothing, though a passphrase was given")
    return model
