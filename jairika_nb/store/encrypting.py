"""The part of a model that encrypts layers for chosen readers: see ``keyring`` and ``cipher``.

Encrypted are the values of a group's layers, and with them the state of optimiser and run. What
everybody who has the file can read stays: names, dtypes, shapes and sizes, ids and history, the
architecture, messages, metrics, the optimiser's plain numbers, readers' names, and which layers of
two iterations are equal. That holds for a server too, which keeps and hands on what is pushed to it
without a key: who may read something of a model there is given its list of readers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from jairika_nb.store import keyring, keyrings, keys, rekeying, sealing
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.keyring import Keyring
from jairika_nb.store.layout import Layout
from jairika_nb.store.note import Note, noted
from jairika_nb.store.policy import rule
from jairika_nb.store.reader import Reader
from jairika_nb.store.rekeying import Who
from jairika_nb.store.rows import Event
from jairika_nb.store.vault import Vault
from jairika_nb.store.vouching import Vouching

if TYPE_CHECKING:
    from jairika_nb.store.readers import Readers

Edit = Callable[[Keyring, Vault], Keyring]


class Encrypting(Vouching):
    """Which layers are encrypted, and for whom."""

    @property
    def readers(self) -> Readers:
        """Who can read encrypted layers; ``add`` and ``remove`` change that."""
        from jairika_nb.store.readers import Readers

        return Readers(self)

    def encrypt(
        self, path: str = "*", readers: Iterable[Who] = (), passphrase: str | None = None
    ) -> Readers:
        """Encrypt layers from the next commit on; what was committed before stays as it is.

        ``path`` is a glob as access rules have them, ``"mlp/*/encoder.*"``; of several groups that
        hold a layer the one made last counts. The model's ``key`` signs the list of readers and is
        one itself; ``readers`` are others: names of trusted keys, or their lines. ``passphrase``
        adds a reader who needs no key. AES-256-GCM for the values, HPKE (RFC 9180) for their keys.

        Raises ``KeyProblem`` without key and passphrase, ``Untrusted`` where somebody unknown has
        changed the list of readers, ``ArgumentError`` for what is no path.
        """
        wanted = rule("*", "read", path).path
        who = [rekeying.person(each) for each in readers]

        def edit(ring: Keyring, vault: Vault) -> Keyring:
            return rekeying.grouped(ring, vault, wanted, who, passphrase)

        self._encrypt("encrypt", wanted, edit)
        return self.readers

    def _encrypt(self, verb: str, words: str, edit: Edit) -> None:
        self._check_mode("encrypt in")
        keys.check_installed("encrypt layers")
        self._change(_changed(verb, words, edit, noted("", None, None, None)))


def _changed(
    verb: str, words: str, edit: Edit, note: Note
) -> Callable[[Reader, Layout], tuple[Catalogue, Keyring]]:
    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, Keyring]:
        vault, ring = reader.ranges.vault, reader.encrypts()
        if ring is not None:
            sealing.check_vouched(ring, vault, str(reader.path))
        made = rekeying.vouched(edit(ring or keyring.empty(), vault), vault)
        line = Event(note.time, note.author, verb, "", words, None, None)
        return keyrings.written(reader.catalogue, layout, made).with_events(line), made

    return change
