"""The keyrings of a model file: how they are kept, and how they go from file to file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from jairika_nb.errors import StoreError
from jairika_nb.store import coded, sealing
from jairika_nb.store.canonical import digest, encoded
from jairika_nb.store.catalogue import MOST_KEYRINGS, Catalogue
from jairika_nb.store.keyring import Keyring
from jairika_nb.store.layout import Layout
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Record


def written(catalogue: Catalogue, layout: Layout, ring: Keyring) -> Catalogue:
    """The catalogue with the keyring as the one that encrypts."""
    rest = catalogue.keyrings[1:] if catalogue.encrypts else catalogue.keyrings
    return replace(catalogue, keyrings=(record(layout, ring), *rest), encrypts=True)


def record(layout: Layout, ring: Keyring) -> Record:
    """Write a keyring; older releases, which would not encrypt, refuse the file from then on."""
    layout.format = coded.FORMAT
    data = encoded(ring.to_json())
    name = digest(data)
    return Record(*layout.put_late("keyring", name, data), name)


def united(rings: Iterable[Keyring], target: Reader, notes: list[str]) -> list[Keyring] | None:
    """The keyrings of ``target`` with what ``rings`` have more, or None where that is nothing.

    ``notes`` takes what is newer there and was not believed.
    """
    found = {each.ring: each for each in target.keyrings()}
    for each in rings:
        mine = found.get(each.ring)
        if mine is None or (each.version > mine.version and _follows(each, mine, target)):
            found[each.ring] = each
        elif each.version > mine.version:
            notes.append("the other side's list of readers is newer, by somebody you do not trust")
    if len(found) > MOST_KEYRINGS:
        raise StoreError(f"{len(found)} keyrings in one file, {MOST_KEYRINGS} are the limit")
    return list(found.values()) if list(found.values()) != target.keyrings() else None


def _follows(new: Keyring, old: Keyring, reader: Reader) -> bool:
    """Whether a newer version comes from whom the user lets change the readers."""
    vault = reader.ranges.vault
    try:
        sealing.check_vouched(new, vault, str(reader.path))
    except (StoreError, ImportError):
        same = new.signed and old.signed and new.signed[0] == old.signed[0]
        return bool(same and _is_signed(new))
    return True


def _is_signed(ring: Keyring) -> bool:
    try:
        return ring.is_signed()
    except ImportError:
        return False
