"""The journal of a commit: everything that will overwrite committed bytes, written beforehand.

It is appended to the model file, past all new data::

    head     magic, generation, committed end before, committed end after, number of records
    record   offset, length, bytes        as many as the head says; the last is the root slot
    foot     magic, start of the head, bytes from there to the foot, BLAKE2b-256 of them, magic

The foot ends the file, so a journal is found from the end. It is whole or it is not there: a
commit counts from the moment its foot is on the medium, and writing its records twice does
what writing them once does (redo logging: Gray and Reuter, Transaction Processing, 1992).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from jairika_nb.store.disk import Disk

MAGIC = b"JRKREDO\n"
HEAD = struct.Struct("<8sQQQQ")
RECORD = struct.Struct("<QQ")
FOOT = struct.Struct("<8sQQ32s8s")
DIGEST_BYTES = 32
MOST_BYTES = 1 << 30  # far above any real journal, far below what would exhaust memory

Record = tuple[int, bytes]  # offset in the file, and the bytes to put there


@dataclass(frozen=True)
class Journal:
    """A commit to be applied: its records in order, and where the file ends before and after."""

    generation: int
    base: int
    end: int
    records: tuple[Record, ...]


def encoded(journal: Journal, start: int) -> bytes:
    """The bytes of the journal when written at ``start``, its foot included."""
    parts = [HEAD.pack(MAGIC, journal.generation, journal.base, journal.end, len(journal.records))]
    for offset, data in journal.records:
        parts += [RECORD.pack(offset, len(data)), data]
    body = b"".join(parts)
    return body + FOOT.pack(MAGIC, start, len(body), _digest(body), MAGIC)


def find(disk: Disk, file: int) -> Journal | None:
    """The journal at the end of ``file``, or None where there is no whole one."""
    size = disk.size(file)
    foot = disk.read(file, max(size - FOOT.size, 0), FOOT.size)
    if len(foot) < FOOT.size:
        return None
    opening, start, length, digest, closing = FOOT.unpack(foot)
    if (opening, closing) != (MAGIC, MAGIC) or start + length + FOOT.size != size:
        return None
    if length > MOST_BYTES:
        return None
    body = disk.read(file, start, length)
    return _decoded(body) if _digest(body) == digest else None


def apply(disk: Disk, file: int, journal: Journal) -> None:
    """Write the records of ``journal`` where they belong, then drop it.

    The root slot is the last. All it leads readers to is new data, on the medium before the
    journal was, so the pages need no sync of their own between them and the slot.
    """
    for offset, data in journal.records:
        disk.write(file, offset, data)
    disk.sync(file)
    disk.truncate(file, journal.end)


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=DIGEST_BYTES).digest()


def _decoded(body: bytes) -> Journal | None:
    if len(body) < HEAD.size:
        return None
    magic, generation, base, end, count = HEAD.unpack_from(body)
    if magic != MAGIC or not 0 < count <= len(body) // RECORD.size:
        return None
    records, position = [], HEAD.size
    for _ in range(count):
        if position + RECORD.size > len(body):
            return None
        offset, length = RECORD.unpack_from(body, position)
        position += RECORD.size
        records.append((offset, body[position : position + length]))
        position += length
    # Only what is committed can be overwritten, and the records fill the body exactly.
    if position != len(body) or any(offset + len(data) > base for offset, data in records):
        return None
    return Journal(generation, base, end, tuple(records))
