"""The part of a model that signs iterations and tells who did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from jairika_nb.errors import KeyProblem, StoreError
from jairika_nb.store import history, keys, listing, refs, signing
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.keys import Key
from jairika_nb.store.layout import Layout
from jairika_nb.store.note import Note, noted
from jairika_nb.store.opened import Opened
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row
from jairika_nb.store.vault import Which

Signer = Which | bool


class Vouching(Opened):
    """Signing, now or at each change."""

    @property
    def key(self) -> Key | None:
        """What signs the iterations that are made here and opens layers encrypted for its owner.

        A ``Key``, a key's name or its file; default: what ``JRK_KEY`` names, else none.
        """
        return self._reader.ranges.vault.key

    @key.setter
    def key(self, which: Which) -> None:
        self._reader.ranges.vault.which = which

    def sign(self, iteration: str | None = None, key: Signer = None) -> Any:
        """Sign an iteration that is there (default: the newest of the variant in use).

        ``iteration`` is what ``find`` takes; ``key`` is a key, its name or its file, default: that
        of the model. The id stays; a signature by the same key is replaced. Raises ``KeyProblem``
        where there is no key, ``NotFound``.
        """
        from jairika_nb.store.iteration import Iteration

        self._check_mode("sign in")
        chosen = self._signer(True if key is None else key)
        if chosen is None:
            raise KeyProblem("cannot sign without a key: give its name")
        start = self._reader.iterations(self.current)[-1].id if iteration is None else iteration
        row = self._change(_signed(start, chosen, noted("", None, None, None)))
        return Iteration(self._reader, row)

    def _signer(self, sign: Signer) -> Key | None:
        """The key that ``sign`` means: None for that of the model, False for no key."""
        if sign is False:
            return None
        if sign is None or sign is True:
            found = self.key
            if found is None and sign:
                raise KeyProblem(
                    "cannot sign: no key was named; give its name, set JRK_KEY, or make one with "
                    "`jrk key new NAME`"
                )
            return found
        return keys.found(sign)

    def _noted(
        self,
        message: str = "",
        metrics: Mapping[str, Any] | None = None,
        time: datetime | str | None = None,
        author: str | None = None,
        sign: Signer = None,
    ) -> Note:
        """The note of an iteration, signed as this model signs."""
        return signed(noted(message, metrics, time, author), self._signer(sign))


def signed(note: Note, key: Key | None) -> Note:
    """The note of an iteration that ``key``, if there is one, signs."""
    return note if key is None else replace(note, sign=lambda id: signing.signature(key, id))


def _signed(start: str, key: Key, note: Note) -> Callable[[Reader, Layout], tuple[Catalogue, Row]]:
    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, Row]:
        found = refs.row_at(reader, start)
        if all(found.id != row.id for row in reader.rows()):
            raise StoreError(
                f"cannot sign iteration {found.name!r}: it was removed; revert to it first"
            )
        made = signing.signed_row(found, signing.signature(key, found.id))
        catalogue = listing.renewed(reader, reader.catalogue, {found.id: made.signatures})
        return catalogue.with_events(history.event("sign", note, (), made)), made

    return change
