"""The reader for an address: of a file here, of one behind a URL, of a model that is served."""

from __future__ import annotations

from jairika_nb.store.address import Location, Served
from jairika_nb.store.disk import Disk
from jairika_nb.store.reader import Guard, Reader
from jairika_nb.store.vault import Vault


def reader_at(
    path: Location,
    disk: Disk | None = None,
    *,
    guard: Guard | None = None,
    vault: Vault | None = None,
) -> Reader:
    """A reader of the model at ``path``; raises as ``Reader`` does."""
    if isinstance(path, Served):
        from jairika_nb.store.served import ServedReader

        return ServedReader(path, guard, vault=vault)
    return Reader(path, disk, guard=guard, vault=vault)
