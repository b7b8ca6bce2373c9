"""Where what is pushed to a server waits, whole and checked, until a commit takes it.

Pieces come as frames: four bytes of length, a JSON head of that length, then ``bytes`` bytes::

    {"digest", "bytes", "offset", "total", "dtype", "shape", "sealed"}

``dtype`` and ``shape`` are those of an object, or null for a record, whose hash is of its bytes
alone, and for an encrypted object, where ``sealed`` is true and the hash is of the ciphertext. A
piece that is cut off is lost, the ones before it are not: a push goes on from there. What one user
has sent is no other's, for having sent it shows that one had it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from blake3 import blake3

from jairika_nb.errors import ArgumentError, Damaged, NoSpace
from jairika_nb.store import schema
from jairika_nb.store.canonical import LARGEST
from jairika_nb.store.faults import telling
from jairika_nb.store.manifest import MOST_AXES, SIZES

HEAD = 4096  # bytes of the longest head
PIECE = 8 << 20  # bytes of one request, for those who send
STALE = 24 * 3600.0  # seconds for which unfinished work is kept
SPARE = 256 << 20  # bytes that stay free on the disk
PART = ".part"
SEALED = "sealed"
_one_at_a_time = threading.Lock()


def folder_of(model: Path, who: str) -> Path:
    """Where what ``who`` sends for a model waits: beside it, hidden."""
    mark = hashlib.blake2b(who.encode(), digest_size=12).hexdigest()
    return model.with_name(f".{model.name[:100]}.staged") / mark


def frame(digest: str, data: memoryview, offset: int, total: int, kind: Any = None) -> bytes:
    """One piece as it is sent; ``kind`` is dtype and shape of an object, or ``SEALED``."""
    dtype, shape = (None, None) if kind in (None, SEALED) else kind
    head = {"digest": digest, "bytes": len(data), "offset": offset, "total": total}
    head |= {"dtype": dtype, "shape": shape, "sealed": kind == SEALED}
    text = json.dumps(head).encode()
    return len(text).to_bytes(4, "little") + text + data


def kept(folder: Path, digests: Iterable[str]) -> dict[str, int]:
    """How many bytes of each are here already; -1 where it is whole."""
    found = {}
    for name in digests:
        if (folder / name).exists():
            found[name] = -1
        else:
            with contextlib.suppress(FileNotFoundError):
                found[name] = (folder / (name + PART)).stat().st_size
    return found


def receive(folder: Path, data: memoryview) -> int:
    """Keep the pieces in ``data``; gives how many there were.

    Raises ``ArgumentError`` for what is no frame or does not follow what is here, ``Damaged`` for
    an object or a record whose bytes do not match its hash, ``NoSpace``.
    """
    with _one_at_a_time, telling("stage a push in", folder):
        _open(folder)
        count = 0
        for head, piece in _frames(data):
            _check_room(folder, head["total"] - head["offset"])
            _append(folder, head, piece)
            count += 1
        return count


def clear(folder: Path, digests: Iterable[str]) -> None:
    """Drop what a commit has taken, and the folders once they are empty."""
    for name in digests:
        with contextlib.suppress(OSError):
            os.unlink(folder / name)
    for each in (folder, folder.parent):
        with contextlib.suppress(OSError):
            os.rmdir(each)


def _open(folder: Path) -> None:
    top = folder.parent
    with contextlib.suppress(FileNotFoundError):
        for each in os.scandir(top):
            if time.time() - each.stat().st_mtime > STALE:
                shutil.rmtree(each.path, ignore_errors=True)
    top.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _check_room(folder: Path, room: int) -> None:
    if shutil.disk_usage(folder).free < room + SPARE:
        raise NoSpace("cannot take what is pushed: the server's disk is full")


def _frames(data: memoryview) -> Iterator[tuple[dict[str, Any], memoryview]]:
    at = 0
    while at < len(data):
        count = int.from_bytes(data[at : at + 4], "little")
        if count > HEAD or at + 4 + count > len(data):
            raise ArgumentError("what was sent is no frame: its head is too long or cut off")
        try:
            head = _checked(json.loads(bytes(data[at + 4 : at + 4 + count])))
        except (ValueError, RecursionError, Damaged) as error:
            raise ArgumentError(f"what was sent is no frame: {error}") from None
        start = at + 4 + count
        at = start + head["bytes"]
        if at > len(data):
            raise ArgumentError("what was sent is cut off")
        yield head, data[start:at]


def _checked(head: Any) -> dict[str, Any]:
    """The fields of a head, all within bounds; raises ``Damaged``, ``ValueError``."""
    schema.digest(head, "digest")
    size, offset, total = (schema.field(head, key, int) for key in ("bytes", "offset", "total"))
    if offset + size > total:
        raise ValueError("it is longer than it says")
    if head.get("dtype") is None:
        if total > LARGEST and head.get("sealed") is not True:
            raise ValueError("a record is too long")
        return head
    shape = schema.numbers(head, "shape")
    if head["dtype"] not in SIZES or len(shape) > MOST_AXES:
        raise ValueError("it is of no known dtype, or has too many axes")
    if math.prod(shape) * SIZES[head["dtype"]] != total:
        raise ValueError("its shape does not make its size")
    return head


def _append(folder: Path, head: dict[str, Any], piece: memoryview) -> None:
    whole, part = folder / head["digest"], folder / (head["digest"] + PART)
    if whole.exists():
        return
    with open(part, "ab") as file:
        size = file.tell()
        if size != head["offset"]:
            raise ArgumentError(
                f"{size} bytes of {head['digest'][:10]} are here, {head['offset']} were taken for "
                "granted; ask again what is missing"
            )
        file.write(piece)
    if size + len(piece) == head["total"]:
        if _digest(part, head) != head["digest"]:
            os.unlink(part)
            raise Damaged(f"what was sent as {head['digest'][:10]} does not match that hash")
        os.replace(part, whole)


def _digest(part: Path, head: dict[str, Any]) -> str:
    hasher = blake3()
    if head["dtype"] is not None:  # as ``arrays.object_digest`` has it
        text = json.dumps([head["dtype"], head["shape"]], separators=(",", ":"))
        hasher.update(text.encode() + b"\n")
    return hasher.update_mmap(part).hexdigest() if head["total"] else hasher.hexdigest()
