"""A model that a Jupyter server serves, read piece by piece; nothing that comes is trusted.

The server lists what the user may read. Iterations are the hashes of their manifests, and those
name the hashes of all else, so that a server can hold back but not change what was committed.
"""

from __future__ import annotations

import struct
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from jairika_nb.errors import Damaged, NoSuchFile
from jairika_nb.store import coded, schema, sealing
from jairika_nb.store.address import Served
from jairika_nb.store.calling import Server
from jairika_nb.store.canonical import LARGEST, decoded
from jairika_nb.store.catalogue import MOST_KEYRINGS, Catalogue
from jairika_nb.store.keyring import Keyring
from jairika_nb.store.loose import Loose
from jairika_nb.store.manifest import Manifest, Tensor
from jairika_nb.store.policy import Policy
from jairika_nb.store.reader import Guard
from jairika_nb.store.rows import Row
from jairika_nb.store.slots import Root
from jairika_nb.store.table import Table
from jairika_nb.store.vault import Vault

BATCH = 32 << 20  # bytes of arrays asked for at a time, and of records kept
MOST = 1000  # records or arrays asked for at a time
AHEAD = 256  # iterations whose records are asked for with one that follows the last one
LENGTH = struct.Struct("<I")
Key = tuple[str, str]  # kind, and the iteration or the hash of the architecture


class ServedReader(Loose):
    """The reader of a model at a ``jrk+http`` address; a ``new`` one need not be there yet."""

    def __init__(
        self,
        url: Served,
        guard: Guard | None = None,
        *,
        vault: Vault | None = None,
        new: bool = False,
    ) -> None:
        super().__init__(url, guard, vault)
        self.new, self.one_at_a_time = new, threading.Lock()
        self.server, self.mark, self.who = Server(url), "", ""
        self.seen: Any = None
        self.records: OrderedDict[Key, bytes] = OrderedDict()
        self.ahead = 1
        self.awaited: dict[str, Tensor] = {}
        self.arrived: dict[str, bytearray] = {}
        self.lengths: dict[str, int] = {}  # of encrypted arrays that were told so far
        self._turn()

    def policy(self) -> Policy:
        """The access rules, for those who may see them; raises ``Forbidden``."""
        return self.ruling()[0]

    def ruling(self) -> tuple[Policy, str | None]:
        """The access rules and their hash, which is None where there are none."""
        found, _ = self.server.get("rules")
        data = schema.field(found, "policy", dict)
        policy = Policy.from_json(data) if data else Policy()
        return policy, schema.digest_or_none(found, "digest")

    def expect(self, row: Row, tensors: Iterable[Tensor]) -> None:
        self.awaited = {each.digest: each for each in tensors}
        self.arrived = {}

    def record_of(self, row: Row, kind: str, expected: str) -> bytes:
        key = _key(row, kind)
        if key not in self.records:
            rows = self._following(row)
            self._fetch({_key(each, k): each.id for each in rows for k in self._kinds(each, kind)})
        if key not in self.records:
            raise Damaged(f"cannot read {self.path}: the {kind} that was asked for did not come")
        return self.records[key]

    def object_of(self, row: Row, tensor: Tensor) -> bytearray:
        with self.one_at_a_time:  # arrays may be read side by side
            if tensor.digest not in self.arrived:
                self.arrived |= self._objects(row, self._batch(tensor))
            self.awaited.pop(tensor.digest, None)
            return self.arrived.pop(tensor.digest)

    def sealed_of(self, row: Row, manifest: Manifest) -> Mapping[str, int]:
        if not self.ranges.keyrings:
            return {}
        what = "what is encrypted"
        told = decoded(self.record_of(row, "sealed", ""), what)  # nobody vouches for it
        for each in manifest.tensors if isinstance(told, dict) else ():
            if each.digest in told:
                self.lengths[each.digest] = size = schema.field(told, each.digest, int)
                if not 0 <= size - sealing.smallest(each) <= coded.LONGEST_HEAD:
                    raise self.ranges.damaged(f"{each.name!r}")
        return self.lengths

    def _look(self) -> tuple[Root, Catalogue, list[Table]]:
        try:
            return self._listed()
        except NoSuchFile:
            if not self.new:
                raise
            return Root(0, 0, 0, "", 0), Catalogue("", ()), []

    def _listed(self) -> tuple[Root, Catalogue, list[Table]]:
        found, self.mark = self.server.get("catalogue", self.mark)
        if found is not None:
            self.who = schema.field(found, "who", str)
            catalogue = Catalogue.from_json(schema.field(found, "catalogue", dict))
            generation = schema.field(found, "generation", int)
            # Places are the server's own affair.
            rows = tuple(replace(row, at={}) for row in catalogue.tail)
            rings = schema.field(found, "keyrings", list)
            if len(rings) > MOST_KEYRINGS:
                raise self.ranges.damaged("the keyrings")
            self.ranges.take(map(Keyring.from_json, rings))  # type: ignore[attr-defined]
            encrypts = schema.field(found, "encrypts", bool) and bool(rings)
            catalogue = replace(catalogue, keyrings=self.ranges.keyrings, encrypts=encrypts)
            root = Root(generation, 0, 0, "", 0)
            self.seen = root, replace(catalogue, tail=rows, segments=(), past=()), [Table.of(rows)]
        return self.seen

    def _following(self, row: Row) -> list[Row]:
        """The iteration, and the more of those after it the longer they are read in order."""
        rows = self.iterations(row.variant)
        if row.id not in rows.ids:
            return [row]
        at = rows.ids.index(row.id)
        before = at and ("manifest", rows.ids[at - 1]) in self.records
        self.ahead = min(4 * self.ahead, AHEAD) if before else 1
        return [*rows[at : at + self.ahead]]

    def _fetch(self, ids: dict[Key, str]) -> None:
        """Ask for records of iterations; fewer may come, in the order asked for."""
        wanted = [key for key in ids if key not in self.records][:MOST]
        asked = [[ids[key], key[0]] for key in wanted]
        data = bytearray()
        for piece in self.server.stream("records", records=asked):
            data += piece
            if len(data) > 2 * LARGEST:
                raise Damaged(f"cannot read {self.path}: more came than was asked for")
        at = 0
        for key in wanted:
            if at + LENGTH.size > len(data):
                break  # fewer, because they are long
            (length,) = LENGTH.unpack_from(data, at)
            self.records[key] = bytes(data[at + LENGTH.size : at + LENGTH.size + length])
            at += LENGTH.size + length
        if at != len(data):
            raise Damaged(f"cannot read {self.path}: what came is not what was asked for")
        while len(self.records) > len(wanted) and sum(map(len, self.records.values())) > BATCH:
            self.records.popitem(last=False)

    def _batch(self, tensor: Tensor) -> list[Tensor]:
        """The array, and those after it that are awaited, up to a bound."""
        names = list(self.awaited)
        start = names.index(tensor.digest) if tensor.digest in self.awaited else len(names)
        batch, room = [tensor], BATCH - self._size(tensor)
        for name in names[start + 1 : start + MOST]:
            room -= self._size(self.awaited[name])
            if room < 0:
                break
            batch.append(self.awaited[name])
        return batch

    def _objects(self, row: Row, wanted: list[Tensor]) -> dict[str, bytearray]:
        total, data = sum(map(self._size, wanted)), bytearray()
        names = [each.digest for each in wanted]
        # Room is made as it comes, for a manifest may claim any size.
        for piece in self.server.stream("objects", iteration=row.id, objects=names):
            data += piece
            if len(data) > total:
                raise Damaged(f"cannot read {self.path}: more came than was asked for")
        found, at = {}, 0
        for each in wanted:
            size = self._size(each)
            found[each.digest] = data[at : at + size]
            at += size
        return found

    def _size(self, tensor: Tensor) -> int:
        return self.lengths.get(tensor.digest, tensor.bytes)

    def _kinds(self, row: Row, first: str) -> list[str]:
        """What is asked for of an iteration at once, ``first`` first."""
        kinds = ["manifest", "meta"] + (["architecture"] if row.architecture else [])
        kinds += ["sealed"] if self.ranges.keyrings else []
        return sorted(kinds, key=lambda kind: kind != first)


def _key(row: Row, kind: str) -> Key:
    # Many iterations share an architecture.
    return kind, row.architecture or "" if kind == "architecture" else row.id
