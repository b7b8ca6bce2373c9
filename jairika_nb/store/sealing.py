"""Encrypted objects in a model file: how they are read, and what decides that one is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jairika_nb.errors import KeyProblem, Untrusted
from jairika_nb.store import arrays, cipher, coded, keys, schema, trust
from jairika_nb.store.cipher import CODEC, NONCE, TAG, GroupKey
from jairika_nb.store.coded import Coded
from jairika_nb.store.keyring import Keyring
from jairika_nb.store.manifest import Tensor
from jairika_nb.store.ranges import Ranges
from jairika_nb.store.rows import Place
from jairika_nb.store.vault import Vault
from jairika_nb.store.viewed import layer

if TYPE_CHECKING:
    from jairika_nb.store.layout import Layout
    from jairika_nb.store.reader import Reader

Kept = Sequence[tuple[Tensor, np.ndarray]]


class Sealer:
    """Encrypts what a commit adds, as the keyring of the model says.

    Made for every change of a model; looks at keys only where values are to be written.
    """

    def __init__(
        self,
        ring: Keyring | None,
        vault: Vault,
        check: Callable[[str], None] | None = None,
    ) -> None:
        self.ring, self.vault, self.check = ring, vault, check

    def keys(self, variant: str, iteration: str, tensor: Tensor) -> list[GroupKey]:
        """The keys of the tensor's group, the one that encrypts first; none for a plain tensor.

        The state of optimiser and run goes with the iteration: moments tell about the layers.
        """
        if self.ring is None:
            return []
        group = self.ring.group_of(variant, iteration, layer(tensor))
        if group is None and tensor.owner != "net":
            group = self.ring.group_of(variant, iteration, None)
        if group is None:
            return []
        what = f"{tensor.name!r} of variant {variant!r}"
        newest, *older = (each.id for each in reversed(group.keys))
        found = [self.vault.group_key(newest, what, self._rings)]
        for each in older:
            try:
                found.append(self.vault.group_key(each, what, self._rings))
            except KeyProblem:  # a reader who came later: equal values are written once more
                continue
        return found

    def _rings(self) -> list[Keyring]:
        return [self.ring] if self.ring else []


def sealer(reader: Reader) -> Sealer | None:
    """What encrypts the next commit to a model; None for a file that has nothing encrypted."""
    if reader.root.format < coded.FORMAT:
        return None
    return Sealer(reader.encrypts(), reader.ranges.vault, lambda variant: _check(reader, variant))


def kept(layout: Layout, place: tuple[str, str], content: Kept) -> Iterator[tuple[Tensor, Place]]:
    """Write tensors of the variant and iteration ``place`` where they are new, or encrypted."""
    sealer = layout.sealer
    if sealer is not None and sealer.check is not None:
        sealer.check(place[0])
    chosen = {
        id(tensor): sealer.keys(*place, tensor) if sealer is not None else []
        for tensor, _ in content
    }

    def digest(tensor: Tensor, values: np.ndarray) -> str:
        found = chosen[id(tensor)]
        return found[0].digest(values) if found else arrays.object_digest(values)

    hashed = arrays.hashed_ahead(content, digest)
    for (given, _), (tensor, values) in zip(content, hashed, strict=True):
        yield _kept(layout, tensor, values, chosen[id(given)])


def digest_as(ranges: Ranges, placed: tuple[Tensor, Place], values: np.ndarray) -> str:
    """The hash that ``values`` would have in the place of a tensor, under its key if it has one."""
    id = key_id(ranges, placed)
    if id is None:
        return arrays.object_digest(values)
    return ranges.vault.key_in(ranges, id, placed[0].name).digest(values)


def key_id(ranges: Ranges, placed: tuple[Tensor, Place]) -> str | None:
    """Which key a tensor is encrypted under, by the head of its object; None for others."""
    tensor, place = placed
    if not coded.is_coded(place):
        return None
    what, (offset, length) = f"{tensor.name!r}", coded.extent(place)
    start = ranges.at(offset, min(length, coded.FIXED.size + coded.LONGEST_HEAD), what)
    codec, data, _ = coded.head(ranges.damaged, memoryview(start), what)
    return schema.hexadecimal(data, "key", 8) if codec == CODEC else None


def _kept(
    layout: Layout, tensor: Tensor, values: np.ndarray, found: Sequence[GroupKey]
) -> tuple[Tensor, Place]:
    if not found:
        return tensor, layout.put("objects", tensor.digest, values)
    # What an earlier key of the group has encrypted already stays: its readers had it before.
    for digest in (tensor.digest, *(each.digest(values) for each in found[1:])):
        if (place := layout.coded_place(digest)) is not None:
            return replace(tensor, digest=digest), place
    head, payload = found[0].sealed(tensor, values)
    return tensor, layout.put_coded(tensor.digest, coded.packed(CODEC, head, payload))


def _check(reader: Reader, variant: str) -> None:
    """Raise where a commit to ``variant`` would be readable for others than the user believes.

    Whoever can write the file could have put another list of readers there, or none.
    """
    ring, vault = reader.encrypts(), reader.ranges.vault
    if ring is not None:
        check_vouched(ring, vault, str(reader.path))
    rows = reader.iterations(variant)
    if not rows:
        return
    manifest = reader.manifest(rows[-1])
    placed = zip(manifest.tensors, reader.locations(rows[-1], manifest), strict=True)
    ids = {id for each in placed if (id := key_id(reader.ranges, each)) is not None}
    known = {key.id for each in reader.keyrings() for group in each.groups for key in group.keys}
    if ids and (ring is None or ids - known):
        what = "this file no longer encrypts" if ring is None else "its keyring lacks their keys"
        raise Untrusted(
            f"cannot commit to variant {variant!r} of {reader.path}: its newest iteration has "
            f"encrypted layers, and {what}; restore the file from a copy, or say who may read "
            "what comes next with encrypt()"
        )


def check_vouched(ring: Keyring, vault: Vault, path: str) -> None:
    """Raise ``Untrusted`` unless a trusted key signed the keyring or the passphrase sealed it."""
    keys.check_installed("encrypt layers")
    trusted = trust.trusted()
    own = {vault.key.public.signing} if vault.key else set()
    if ring.signed and ring.signed[0] in own | trusted.keys() and ring.is_signed():
        return
    if ring.is_sealed_by(vault.seals(ring)):
        return
    by = keys.fingerprint(ring.signed[0]) if ring.signed else "nobody"
    why = f"by unknown key {by}" if ring.signed and ring.is_signed() else "by no key at all"
    raise Untrusted(
        f"cannot encrypt for the readers that {path} lists: the list is signed {why}; "
        "`jrk key trust` takes a key that you know"
    )


def _decode(ranges: Ranges, tensor: Tensor, found: Coded, base: np.ndarray | None) -> np.ndarray:
    id, nonce = _head(found)
    if len(found.payload) != tensor.bytes + TAG:
        raise ranges.damaged(f"{tensor.name!r}")
    key = ranges.vault.key_in(ranges, id, tensor.name)
    return key.opened(tensor, nonce, found.payload)


def _digest(ranges: Ranges, found: Coded, values: np.ndarray) -> str:
    return ranges.vault.key_in(ranges, _head(found)[0], "a tensor").digest(values)


def check_form(ranges: Ranges, tensor: Tensor, data: memoryview) -> None:
    """Raise ``Damaged`` unless the bytes are an encrypted object as large as the tensor's."""
    what = f"{tensor.name!r}"
    if not 0 <= len(data) - smallest(tensor) <= coded.LONGEST_HEAD:
        raise ranges.damaged(what)
    found = coded.parsed(ranges, data, what)
    if found.codec != CODEC or len(found.payload) != tensor.bytes + TAG:
        raise ranges.damaged(what)
    _head(found)


def smallest(tensor: Tensor) -> int:
    """Bytes of the tensor's encrypted object less those of its head."""
    return coded.FIXED.size + tensor.bytes + TAG + coded.CHECK


def _head(found: Coded) -> tuple[str, bytes]:
    nonce = schema.hexadecimal(found.data, "nonce", NONCE)
    return schema.hexadecimal(found.data, "key", 8), bytes.fromhex(nonce)


coded.CODECS[cipher.CODEC] = coded.Codec(_decode, movable=True, digest=_digest)
