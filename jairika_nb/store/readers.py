"""Who can read a model's encrypted layers, as the model shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jairika_nb.errors import StoreError
from jairika_nb.store import rekeying
from jairika_nb.store.names import unknown

if TYPE_CHECKING:
    from jairika_nb.store.encrypting import Encrypting
    from jairika_nb.store.keyring import Keyring
    from jairika_nb.store.rekeying import Who
    from jairika_nb.store.vault import Vault


class Readers:
    """The readers of a model; iteration goes over their names, ``groups`` tells who reads what."""

    def __init__(self, model: Encrypting) -> None:
        self._model = model

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Names of the readers by the group's path, the group that counts first coming first."""
        ring = self._ring
        return {g.path: ring.readers_of(g.keys[-1]) for g in ring.groups} if ring else {}

    def add(self, who: Who, path: str | None = None) -> Readers:
        """Let somebody read all groups, or one, from their first iteration on.

        ``who`` is the name of a trusted key, or the line of one. Raises ``KeyProblem`` where the
        groups cannot be read here, ``NotFound``, ``NameTaken``, ``Untrusted``.
        """
        reader = rekeying.person(who)

        def edit(ring: Keyring, vault: Vault) -> Keyring:
            return rekeying.with_reader(self._checked(ring, path), vault, reader, path)

        self._model._encrypt("add reader", reader.name, edit)
        return self

    def remove(self, name: str, path: str | None = None) -> Readers:
        """Encrypt what comes next under new keys, which the reader called ``name`` does not get.

        They lose the keys of what is there too, but not what they have: copies of the file from
        before stay readable to them, and so does this one until ``gc`` has dropped the old list of
        readers. Raises ``NotFound``, ``StoreError`` for the only reader, ``Untrusted``.
        """

        def edit(ring: Keyring, vault: Vault) -> Keyring:
            return rekeying.without_reader(self._checked(ring, path), vault, name, path)

        self._model._encrypt("remove reader", name, edit)
        return self

    def _checked(self, ring: Keyring, path: str | None) -> Keyring:
        if not ring.groups:
            raise StoreError("this model encrypts nothing yet: call encrypt() first")
        if path is not None and path not in (known := [group.path for group in ring.groups]):
            raise unknown("group", path, known, "this model")
        return ring

    @property
    def _ring(self) -> Keyring | None:
        return self._model._reader.encrypts()

    def to_json(self) -> dict[str, Any]:
        return {"readers": list(self), "groups": {k: list(v) for k, v in self.groups.items()}}

    def __iter__(self) -> Iterator[str]:
        return iter(self._ring.names if self._ring else ())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in tuple(self)

    def __repr__(self) -> str:
        listed = "; ".join(f"{path}: {', '.join(who)}" for path, who in self.groups.items())
        return f"<Readers {listed or 'none, nothing is encrypted'}>"
