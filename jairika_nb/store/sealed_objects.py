"""Encrypted objects on a wire: they go as they lie in the file, and who has no key opens none.

A server hands them on without being able to read them, and cannot tell what is in them either:
whoever reads one finds out by its tag and its keyed hash, as in a file that came from elsewhere.
"""

from __future__ import annotations

from blake3 import blake3

from jairika_nb.store import coded, sealing
from jairika_nb.store.manifest import Manifest
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row
from jairika_nb.store.tensors import Placed


def is_sealed(reader: Reader, placed: Placed) -> bool:
    """Whether only those with a key can read the array."""
    return sealing.key_id(reader.ranges, placed) is not None


def bytes_of(reader: Reader, placed: Placed) -> memoryview:
    """The encrypted object of an array, its checksum verified; raises ``Damaged``."""
    return coded.unpacked(reader.ranges, placed[1], f"{placed[0].name!r}").whole


def form_of(reader: Reader, placed: Placed) -> str:
    """The hash of those bytes, by which they go: that of the array is for those with the key."""
    return blake3(bytes_of(reader, placed)).hexdigest()


def lengths(reader: Reader, row: Row, manifest: Manifest) -> dict[str, int]:
    """Bytes of the encrypted objects of an iteration, by the hashes of their arrays."""
    places = reader.locations(row, manifest)
    placed = zip(manifest.tensors, places, strict=True)
    return {t.digest: coded.extent(at)[1] for t, at in placed if is_sealed(reader, (t, at))}
