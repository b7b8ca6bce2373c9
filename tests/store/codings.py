"""Codecs so plain that a test can tell what they must give, and files with objects they made."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jairika_nb import store
from jairika_nb.store import coded, create, tensors
from jairika_nb.store.packing import packed


def turned(ranges, tensor, found, base) -> np.ndarray:
    """Bytes back to front."""
    if len(found.payload) != tensor.bytes:
        raise ranges.damaged(repr(tensor.name))
    return np.frombuffer(found.payload, np.uint8)[::-1].copy()


def again(ranges, tensor, found, base) -> np.ndarray:
    """The bytes of another object."""
    return base


def base_of(ranges, found) -> tuple[int, int]:
    offset, length, is_coded = found.data["base"]
    return coded.flagged((offset, length)) if is_coded else (offset, length)


CODECS = {
    "turned": coded.Codec(turned, movable=True),
    "again": coded.Codec(again, base=base_of),
}


def turn(tensor, values, layout) -> bytes:
    """The coded form of a tensor with values."""
    return coded.packed("turned", {}, values.tobytes()[::-1])


def repeat(depth: int):
    """Makes coded objects that lead to the plain one over ``depth`` others."""

    def code(tensor, values, layout) -> bytes:
        place = layout.put_bytes("meta", f"base-{tensor.digest}", values.tobytes())
        for number in range(depth + 1):
            base = [*coded.extent(place), coded.is_coded(place)]
            data = coded.packed("again", {"base": base}, b"")
            if number < depth:
                place = layout.put_coded(f"{number}-{tensor.digest}", data)
        return data

    return code


def recoded(source: Path, place: Path, code) -> None:
    """The model once more, with each tensor that has values kept as ``code`` makes it."""
    with store.open(source) as model:
        reader = model._reader

        def make(layout):
            for row in (*reader.rows(), *reader.removed()):
                manifest = reader.manifest(row)
                for placed in zip(manifest.tensors, reader.locations(row, manifest), strict=True):
                    tensor = placed[0]
                    if tensor.bytes and not layout.place(tensor.digest, tensor.dtype, tensor.shape):
                        values = tensors.read(reader.ranges, placed)
                        layout.put_coded(tensor.digest, code(tensor, values, layout))
            return packed(reader, layout, reader.events())

        create.create(place, make)
