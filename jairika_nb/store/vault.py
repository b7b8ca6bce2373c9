"""The keys that are at hand while a model is open, and those that they open of its keyrings."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jairika_nb.errors import KeyProblem
from jairika_nb.store import keyring, keys
from jairika_nb.store.canonical import decoded
from jairika_nb.store.cipher import GroupKey
from jairika_nb.store.keyring import Keyring, Wrapped
from jairika_nb.store.keys import Key, Passphrase

if TYPE_CHECKING:
    from jairika_nb.store.ranges import Ranges

Which = Key | str | os.PathLike[str] | None


class Vault:
    """A private key, found when it is first needed, a passphrase, and group keys opened so far.

    Default passphrase: what ``JRK_PASSPHRASE`` holds.
    """

    def __init__(self, which: Which = None, passphrase: Passphrase = None) -> None:
        self.which = which
        self._passphrase = passphrase or os.environ.get("JRK_PASSPHRASE") or None
        self.opened: dict[str, GroupKey] = {}
        self.privates: dict[str, Any] = {}  # X25519 keys that the passphrase opened
        self.seen: dict[str, Keyring] = {}  # keyrings by their hash

    @property
    def key(self) -> Key | None:
        """The key at hand, or that ``JRK_KEY`` names, or None."""
        named = self.which or os.environ.get("JRK_KEY")
        if not named:
            return None
        self.which = found = keys.found(named)  # once: a passphrase may have to be asked for
        return found

    def rings(self, ranges: Ranges) -> list[Keyring]:
        """The keyrings of a file, the one that encrypts first; raises ``Damaged``."""
        what = "a keyring"
        for each in ranges.keyrings:
            if each.digest not in self.seen:
                data = ranges.record(each.offset, each.length, each.digest, what)
                self.seen[each.digest] = Keyring.from_json(decoded(data, what))
        return [self.seen[each.digest] for each in ranges.keyrings]

    def group_key(self, id: str, what: str, rings: Callable[[], Sequence[Keyring]]) -> GroupKey:
        """The key of a group; raises ``KeyProblem``, naming ``what``, where none at hand opens it.

        Raises ``MissingPackage`` without the cryptography package.
        """
        if id in self.opened:
            return self.opened[id]
        keys.check_installed(f"decrypt {what}")
        readers: list[str] = []
        for ring in rings():
            if found := ring.wrapped(id):
                group, wrapped = found
                readers += ring.readers_of(wrapped)
                if key := self._unwrapped(ring, group.path, wrapped):
                    self.opened[id] = key
                    return key
        listed = ", ".join(dict.fromkeys(readers)) or "nobody that this file knows"
        raise KeyProblem(
            f"cannot decrypt {what}: it is encrypted for {listed}, {self._said()}; open the model "
            "with key= or passphrase=, or set JRK_KEY"
        )

    def key_in(self, ranges: Ranges, id: str, name: str) -> GroupKey:
        """The key of the tensor ``name`` in a file; raises as ``group_key``."""
        return self.group_key(id, f"{name!r} of {ranges.path}", lambda: self.rings(ranges))

    def seals(self, ring: Keyring) -> list[bytes]:
        """What seals the keyring in the name of its readers by passphrase that are at hand."""
        return [keyring.seal_key(each) for each in self._by_passphrase(ring)]

    def add(self, private: Any) -> None:
        """Have a reader's X25519 key at hand."""
        self.privates[private.public_key().public_bytes_raw().hex()] = private

    def _unwrapped(self, ring: Keyring, path: str, wrapped: Wrapped) -> GroupKey | None:
        own = self.key
        mine = [own.reader()] if own and own.public.reading in wrapped.wraps else []
        for private in mine or self._by_passphrase(ring):
            if key := keyring.unwrap(ring.ring, path, wrapped, private):
                return key
        return None

    def _by_passphrase(self, ring: Keyring) -> list[Any]:
        locked = [each for each in ring.readers if each.lock is not None]
        known = [self.privates[r.reading] for r in locked if r.reading in self.privates]
        if known or self._passphrase is None:
            return known
        word = self._passphrase = keys.told(self._passphrase)
        for reader in locked:
            if (private := keyring.unlocked(ring.ring, reader, word)) is not None:
                self.add(private)
                return [private]
        if locked:
            raise KeyProblem("the passphrase is wrong: none of this model's readers has it")
        return []

    def _said(self) -> str:
        """Which keys there are, in words."""
        named = [f"the key {self.key.name!r}"] if self.key else []
        named += ["the passphrase"] if self._passphrase is not None else []
        return f"and {' and '.join(named)} opens none of that" if named else "and no key is at hand"

    def __repr__(self) -> str:
        return f"<Vault of {len(self.opened)} keys>"

    def __reduce__(self) -> Any:
        raise KeyProblem("cannot copy keys out of this process")
