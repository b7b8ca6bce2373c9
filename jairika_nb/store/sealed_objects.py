"""Encrypted layers do not go over a wire: their keys, or plain values, would have to go along."""

from __future__ import annotations

from jairika_nb.errors import Forbidden
from jairika_nb.store import coded
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row
from jairika_nb.store.tensors import Placed


def check_plain(reader: Reader, row: Row, placed: Placed) -> None:
    """Raise ``Forbidden`` for an array that only those with a key can read."""
    tensor, place = placed
    if not coded.is_coded(place):
        return
    found = coded.unpacked(reader.ranges, place, f"{tensor.name!r}")
    if coded.codec_of(reader.ranges, found).digest is not None:
        raise Forbidden(
            f"{tensor.name!r} of {row.variant}/{row.name} is encrypted, and a server neither takes "
            "nor gives that; push or pull between files"
        )
