"""The part of a model that talks to other files: push, pull, clone."""

from __future__ import annotations

import os
from pathlib import Path

from jairika_nb.errors import AddressError, ReadOnly
from jairika_nb.store import address as addresses
from jairika_nb.store import arrays, history, names, rules, signing
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.create import create
from jairika_nb.store.delivering import delivered
from jairika_nb.store.encrypting import Encrypting
from jairika_nb.store.layout import Layout
from jairika_nb.store.note import Note, noted
from jairika_nb.store.opened import Opened, known
from jairika_nb.store.packing import Progress
from jairika_nb.store.publishing import publish, write_copy
from jairika_nb.store.reaching import reader_at
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row
from jairika_nb.store.transfer import Filed, Moved, transfer


class Sharing(Encrypting):
    """Push and pull."""

    def push(
        self,
        address: str | os.PathLike[str],
        variant: str | None = None,
        progress: Progress | None = None,
    ) -> Moved:
        """Bring what this model has more into the model file at ``address``.

        All variants, or one; only objects that are missing there move. Where no file is there, one
        is made. To a URL that fsspec can write all of the model goes as one file, to a Jupyter
        server at ``jrk+http://`` what is missing there and what its access rules let you. Raises
        ``HeadMoved`` where that would lose what the other side has added (pull it first),
        ``ReadOnly`` for addresses that are only read, ``Forbidden``.
        """
        self._reader.ranges.check_open()
        self._reader.refresh()
        place = addresses.located(address)
        if isinstance(place, addresses.Served):
            return delivered(self._reader, place, self._chosen(self._reader, variant), progress)
        if not isinstance(place, Path):
            if variant is not None:
                raise ReadOnly(f"cannot push one variant to {place}: all of the model goes there")
            return publish(self._reader, place, progress)
        self._check_other(place)
        chosen, note = self._chosen(self._reader, variant), noted("", None, None, None)
        if not os.path.lexists(place):
            if variant is None:
                return _cloned(self._reader, place, progress)
            rules.branch_of(self._reader, chosen[0])  # no file is made for a name that is none
            create_blank(place, chosen[0], note)
        other = Opened(place, "a", wait=self._wait, vault=self._reader.ranges.vault)
        try:
            delivery = Filed(self._reader, other._change, note)
            return transfer(self._reader, other._reader, chosen, None, delivery, progress)
        finally:
            other.close()

    def pull(
        self,
        address: str | os.PathLike[str],
        variant: str | None = None,
        into: str | None = None,
        progress: Progress | None = None,
        *,
        require_signed: bool | None = None,
    ) -> Moved:
        """Bring what the model at ``address`` has more into this one.

        All variants, or one, which may go ``into`` a variant of another name: that is how to have
        both where both sides went on, and to merge them. Raises ``HeadMoved`` for that without
        ``into``, ``NotFound``, ``Damaged`` where what arrives does not match its hash.

        ``require_signed`` (default: as this model was opened) takes only what trusted keys have
        signed: raises ``Untrusted`` before anything is moved.
        """
        self._check_mode("pull into")
        place = addresses.located(address)
        if isinstance(place, Path):
            self._check_other(place)
        if into is not None and variant is None:
            variant = self.current
        chosen = None if into is None else names.checked("variant", into)
        guard = self._reader.guard if require_signed is None else signing.guard(require_signed)
        source = reader_at(place, guard=guard)
        try:
            self._reader.refresh()
            note = noted("", None, None, None)
            wanted = self._chosen(source, variant)
            delivery = Filed(source, self._change, note)
            return transfer(source, self._reader, wanted, chosen, delivery, progress)
        finally:
            source.close()

    def _chosen(self, source: Reader, variant: str | None) -> list[str]:
        every = [each.name for each in source.catalogue.variants]
        return every if variant is None else [known(variant)]

    def _check_other(self, place: Path) -> None:
        if place.exists() and isinstance(self.path, Path) and place.samefile(self.path):
            raise AddressError(f"cannot push or pull between {place} and itself")


def clone(
    address: str | os.PathLike[str],
    place: str | os.PathLike[str],
    progress: Progress | None = None,
    *,
    require_signed: bool = False,
) -> Moved:
    """Make the file ``place`` a copy of the model at ``address``, with all that is listed.

    Raises ``AddressError`` where ``place`` is taken, ``Damaged`` where what arrives is not whole;
    no file is left behind then. ``require_signed`` raises ``Untrusted`` where a trusted key has not
    signed all of it.
    """
    source = reader_at(addresses.located(address), guard=signing.guard(require_signed))
    try:
        return _cloned(source, addresses.resolve(place), progress)
    finally:
        source.close()


def create_blank(place: Path, variant: str, note: Note) -> Row:
    """Make a model file whose one variant takes what comes; gives its blank iteration."""
    empty = arrays.Content()
    made: list[Row] = []

    def first(layout: Layout) -> Catalogue:
        catalogue = history.first(layout, variant, rules.PRIME, empty, note)
        made.extend(filter(None, [catalogue.variants[0].blank]))
        return catalogue

    create(place, first)
    return made[0]


def _cloned(source: Reader, place: Path, progress: Progress | None) -> Moved:
    write_copy(source, place, progress)
    made = Reader(place)
    try:
        moved = Moved(tags=[each.name for each in made.catalogue.tags])
        for each in made.catalogue.variants:
            moved.iterations[each.name] = len(made.iterations(each.name))
        moved.bytes = sum(
            {t.digest: t.bytes for row in made.rows() for t in made.manifest(row).tensors}.values()
        )
        return moved
    finally:
        made.close()
