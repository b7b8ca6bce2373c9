"""A reader of records and objects that do not lie in one file, but come one by one, by hash.

Each array gets a place of its own in a space of bytes that is nowhere, so that whatever reads
arrays by their places reads these too, and checks their hashes as it does in a file.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from jairika_nb.errors import Damaged, StoreError
from jairika_nb.store import address as addresses
from jairika_nb.store.canonical import LARGEST, digest, encoded
from jairika_nb.store.coded import extent, flagged, is_coded
from jairika_nb.store.keyring import Keyring
from jairika_nb.store.manifest import Manifest, Tensor
from jairika_nb.store.reader import Guard, Reader
from jairika_nb.store.rows import Event, Place, Record, Row
from jairika_nb.store.vault import Vault

if TYPE_CHECKING:
    import numpy as np

Bytes = bytes | bytearray | mmap.mmap
Fetch = Callable[[Row, Tensor], Bytes]


class LooseRanges:
    """What stands for the file: places are given out, and read through ``fetch``."""

    size = 1 << 62  # no claim of a manifest reaches it; what arrives is counted
    number = 0
    file = 0
    disk = None

    def __init__(self, path: addresses.Location, fetch: Fetch, vault: Vault | None = None) -> None:
        self.path, self.fetch, self.vault = path, fetch, vault or Vault()
        self.keyrings: tuple[Record, ...] = ()
        self.given: dict[int, tuple[Row, Tensor, Place]] = {}
        self.next = 0

    def place(self, row: Row, tensor: Tensor, sealed: int | None) -> Place:
        """A place for an array of an iteration, plain or encrypted in ``sealed`` bytes."""
        at, size = self.next, tensor.bytes if sealed is None else sealed
        place = (at, size) if sealed is None else flagged((at, size))
        self.given[at], self.next = (row, tensor, place), at + max(size, 1)
        return place

    def at(self, offset: int, length: int, what: str) -> Bytes | memoryview:
        """The bytes of the array whose place this is; of an encrypted one also only the first."""
        self.check_open()
        row, tensor, place = self.given[offset]
        if not length:
            return b""
        data, size = self.fetch(row, tensor), extent(place)[1]
        if len(data) != size:
            raise Damaged(f"cannot read {what} of {self.path}: {len(data)} of {size} bytes came")
        if not is_coded(place):
            return data
        from jairika_nb.store.sealing import check_form

        check_form(self, tensor, memoryview(data))  # type: ignore[arg-type]
        return memoryview(data)[:length]

    def take(self, rings: Iterable[Keyring]) -> None:
        """Have keyrings that came along in the place of those of a file."""
        found = {digest(data := encoded(ring.to_json())): (ring, len(data)) for ring in rings}
        self.vault.seen |= {name: ring for name, (ring, _) in found.items()}
        self.keyrings = tuple(Record(0, length, name) for name, (_, length) in found.items())

    def into(self, view: memoryview, offset: int, what: str) -> None:
        """Fill ``view`` with the bytes at ``offset``."""
        view[:] = self.at(offset, len(view), what)

    def mapped(self, offset: int, length: int) -> np.ndarray:
        """The bytes at ``offset``, read-only."""
        import numpy as np

        values = np.frombuffer(self.at(offset, length, "a tensor"), np.uint8)
        values.flags.writeable = False
        return values

    def damaged(self, what: str) -> Damaged:
        """The error for bytes that do not match their hash."""
        return Damaged(
            f"cannot read {what} of {self.path}: what came does not match its hash; repeat, and "
            "have the other side run verify"
        )

    def check_open(self) -> None:
        """Raise ``StoreError`` once the model is closed."""
        if self.file < 0:
            raise StoreError(f"cannot read {self.path}: the model is closed; open it again")

    def twin(self) -> LooseRanges:
        return self

    def follow(self) -> None:
        self.check_open()

    def close(self) -> None:
        self.file = -1


class Loose(Reader):
    """A reader whose records come from ``record_of`` and whose arrays come from ``object_of``."""

    def __init__(
        self,
        path: addresses.Location,
        guard: Guard | None = None,
        vault: Vault | None = None,
    ) -> None:
        self.ranges = LooseRanges(path, self.object_of, vault)  # type: ignore[assignment]
        self.sealed, self.past, self.guard = {}, {}, guard
        self.placed: dict[str, tuple[Place, ...]] = {}

    def record_of(self, row: Row, kind: str, expected: str) -> bytes:
        """The bytes that should have the hash ``expected``; they are checked."""
        raise NotImplementedError

    def object_of(self, row: Row, tensor: Tensor) -> Bytes:
        """The bytes of an array; they are checked."""
        raise NotImplementedError

    def sealed_of(self, row: Row, manifest: Manifest) -> Mapping[str, int]:
        """Which arrays of an iteration come encrypted, by their hashes, and in how many bytes."""
        return {}

    def events(self) -> tuple[Event, ...]:
        """A reflog stays where it is."""
        return ()

    def locations(self, row: Row, manifest: Manifest) -> tuple[Place, ...]:
        if row.id not in self.placed:
            sealed, place = self.sealed_of(row, manifest), self.ranges.place  # type: ignore[attr-defined]
            self.placed[row.id] = tuple(
                place(row, each, sealed.get(each.digest)) for each in manifest.tensors
            )
        return self.placed[row.id]

    def _record(self, row: Row, kind: str, expected: str, what: str) -> bytes:
        data = self.record_of(row, kind, expected)
        if len(data) > LARGEST or digest(data) != expected:
            raise self.ranges.damaged(what)
        return data
