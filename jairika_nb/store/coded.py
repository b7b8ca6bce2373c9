"""Objects kept otherwise than plain: by a named codec, in fewer bytes or out of others' sight.

A plain object is the tensor's bytes and nothing else. The place of a coded one has the top bit of
its length set, and its bytes describe themselves:

==========  =====  ==========================================================
bytes       type   field, little-endian
==========  =====  ==========================================================
0-7         bytes  magic
8-11        u32    length of the head
12-         JSON   head: ``{"codec": its name, "data": what it needs}``
then        bytes  payload, the codec's own
last 32     bytes  BLAKE3 of all before
==========  =====  ==========================================================

A file with coded objects has format 2 in its root, so that older releases refuse it politely.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from jairika_nb.errors import AddressError, Damaged
from jairika_nb.store import schema
from jairika_nb.store.canonical import decoded, encoded
from jairika_nb.store.manifest import Tensor
from jairika_nb.store.ranges import Ranges
from jairika_nb.store.rows import Place

if TYPE_CHECKING:
    import numpy as np

FORMAT = 2  # of files that hold coded objects
FLAG = 1 << 63  # in the length of a place; no file is as long
MAGIC = b"JRKCODE\n"
FIXED = struct.Struct("<8sI")
CHECK = 32  # bytes of the BLAKE3 hash at the end
LONGEST_HEAD = 4096  # bytes


@dataclass(frozen=True)
class Coded:
    """A coded object as it lies in a file, its checksum verified."""

    codec: str
    data: dict[str, Any]
    payload: memoryview
    whole: memoryview


# Gets the file, the tensor, the object, and the bytes of the object it builds on, to keep or to
# change, as many as the tensor's; gives an array of exactly the tensor's bytes. A codec that builds
# on none may make no room before it knows the file to hold enough. Raises ``Damaged``.
Decode = Callable[[Ranges, Tensor, Coded, "np.ndarray | None"], "np.ndarray"]


@dataclass(frozen=True)
class Codec:
    """How an object is read. ``movable`` ones mean the same in another file, byte for byte.

    ``base`` tells where the object lies that one builds on, where it does. ``digest`` gives the
    hash under which values are known where that is not ``object_digest``.
    """

    decode: Decode
    base: Callable[[Ranges, Coded], Place] | None = None
    movable: bool = False
    digest: Callable[[Ranges, Coded, np.ndarray], str] | None = None


CODECS: dict[str, Codec] = {}


def is_coded(place: Place) -> bool:
    """Whether the place is that of a coded object."""
    return bool(place[1] & FLAG)


def flagged(place: Place) -> Place:
    """The place of a coded object of that extent."""
    return place[0], place[1] | FLAG


def extent(place: Place) -> Place:
    """Offset and length in bytes, whether coded or plain."""
    return place[0], place[1] & ~FLAG


def packed(codec: str, data: Mapping[str, Any], payload: bytes | bytearray | memoryview) -> bytes:
    """The bytes of a coded object, as a file keeps them."""
    head = encoded({"codec": codec, "data": dict(data)})
    if len(head) > LONGEST_HEAD:
        raise ValueError(f"a head of {len(head)} bytes, {LONGEST_HEAD} are the limit")
    body = b"".join((FIXED.pack(MAGIC, len(head)), head, payload))
    return body + blake3(body).digest()


def unpacked(ranges: Ranges, place: Place, what: str) -> Coded:
    """The coded object at ``place``; raises ``Damaged``, naming ``what``."""
    offset, length = extent(place)
    if length < FIXED.size + CHECK:
        raise ranges.damaged(what)
    return parsed(ranges, memoryview(ranges.at(offset, length, what)), what)


def parsed(ranges: Ranges, whole: memoryview, what: str) -> Coded:
    """The coded object that is these bytes, of which there are enough; raises ``Damaged``."""
    body = whole[:-CHECK]
    if blake3(body).digest() != bytes(whole[-CHECK:]):
        raise ranges.damaged(what)
    codec, data, end = head(ranges.damaged, body, what)
    return Coded(codec, data, body[end:], whole)


def head(
    damaged: Callable[[str], Damaged], start: memoryview, what: str
) -> tuple[str, dict[str, Any], int]:
    """Codec, data and end of the head that the bytes start with; raises what ``damaged`` gives."""
    if len(start) < FIXED.size:
        raise damaged(what)
    magic, count = FIXED.unpack(start[: FIXED.size])
    if magic != MAGIC or count > min(LONGEST_HEAD, len(start) - FIXED.size):
        raise damaged(what)
    end = FIXED.size + count
    found = decoded(bytes(start[FIXED.size : end]), f"the head of {what}")
    return schema.field(found, "codec", str), schema.field(found, "data", dict), end


def codec_of(ranges: Ranges, found: Coded) -> Codec:
    """What reads the object; raises ``AddressError`` where a newer release made it."""
    if found.codec not in CODECS:
        raise AddressError(
            f"cannot read {ranges.path}: it keeps tensors by {found.codec[:40]!r}, which this "
            "release does not know; upgrade jairika_nb"
        )
    return CODECS[found.codec]


def check_inside(ranges: Ranges, place: Place, what: str) -> None:
    """Raise ``Damaged`` where the file ends before the object does."""
    end = sum(extent(place))
    if end > ranges.size:
        raise Damaged(
            f"cannot read {what} of {ranges.path}: it should end at byte {end}, the file ends "
            "before; restore the file from a copy"
        )
