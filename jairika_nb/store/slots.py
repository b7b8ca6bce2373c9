"""The root of a model file: two generations of a checksummed slot, two copies of each.

The page at byte 4096 (the data of the HDF5 dataset ``/root``) holds four slots of 512 bytes. A
commit writes both copies of the older generation, so the newer one stays whole whatever happens
meanwhile; the copies tell damage of one sector from a commit that never was.

========  =====  ==================================================
bytes     type   field of a slot, little-endian
========  =====  ==================================================
0-7       bytes  magic
8-9       u16    format of the file
10-11     u16    the oldest reader's format that understands it
12-15     u32    flags, zero so far
16-23     u64    generation: the number of commits
24-39     u64x2  offset and length of the catalogue
40-71     bytes  BLAKE3 of the catalogue
72-79     u64    end of the committed file
80-87     u64    inode stamp: which file on disk was written last
88-103    bytes  BLAKE2b-128 of bytes 0-87
========  =====  ==================================================
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from jairika_nb.errors import AddressError, Damaged

PAGE_OFFSET = 4096
PAGE_BYTES = 4096
SLOT_BYTES = 512
SLOTS_BYTES = 4 * SLOT_BYTES
MAGIC = b"JRKROOT\n"
FORMAT = 1  # of files that need nothing newer
NEWEST = 2  # that this release reads

FIELDS = struct.Struct("<8sHHIQQQ32sQQ")
CHECK_BYTES = 16


@dataclass(frozen=True)
class Root:
    """What one slot says: which catalogue is the newest, and where the committed file ends.

    ``format`` is that of the file, and the oldest reader's that understands it.
    """

    generation: int
    offset: int
    length: int
    digest: str
    end: int
    stamp: int = 0
    format: int = FORMAT


def packed(root: Root) -> bytes:
    """The two copies of the slot of ``root``, to be written at ``position(root)``."""
    fields = FIELDS.pack(
        MAGIC,
        root.format,
        root.format,
        0,
        root.generation,
        root.offset,
        root.length,
        bytes.fromhex(root.digest),
        root.end,
        root.stamp,
    )
    return (fields + _check(fields)).ljust(SLOT_BYTES, b"\0") * 2


def position(generation: int) -> int:
    """Where in the file the slots of ``generation`` go."""
    return PAGE_OFFSET + 2 * SLOT_BYTES * (generation % 2)


def newest(page: bytes) -> Root:
    """The newest root in the first 2,048 bytes of the root page.

    Raises ``Damaged`` where both copies of a generation are broken: the newest may be among
    them, and an older state must never pass for it. Raises ``AddressError`` for a file that a
    newer release wrote.
    """
    pairs = [[_unpacked(page, 2 * pair + copy) for copy in (0, 1)] for pair in (0, 1)]
    whole = [[root for root in pair if root is not None] for pair in pairs]
    if not all(whole):
        raise Damaged("its root slots do not match their checksums; restore the file from a copy")
    return max((root for pair in whole for root in pair), key=lambda root: root.generation)


def marked(page: bytes) -> bool:
    """Whether any slot carries our magic: a model file, perhaps a damaged one."""
    return any(page[at : at + len(MAGIC)] == MAGIC for at in range(0, SLOTS_BYTES, SLOT_BYTES))


def _check(fields: bytes) -> bytes:
    return hashlib.blake2b(fields, digest_size=CHECK_BYTES).digest()


def _unpacked(page: bytes, slot: int) -> Root | None:
    start = slot * SLOT_BYTES
    fields = page[start : start + FIELDS.size]
    check = page[start + FIELDS.size : start + FIELDS.size + CHECK_BYTES]
    if len(check) < CHECK_BYTES or _check(fields) != check:
        return None
    magic, format, needed, _, generation, offset, length, digest, end, stamp = FIELDS.unpack(fields)
    if magic != MAGIC:
        return None
    if needed > NEWEST:
        raise AddressError(
            f"it was written by a newer release (format {needed}, this one reads {NEWEST}); "
            "upgrade jairika_nb"
        )
    return Root(generation, offset, length, digest.hex(), end, stamp, format)
