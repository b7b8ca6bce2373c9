"""The codec ``delta``: values as their differences from another object's of equal form.

Bit patterns are subtracted as integers, differences folded so that small ones of either sign are
small numbers, their bytes sorted by place, and blocks of that compressed by Zstandard. A step of
training changes the low bits of most weights; what is above them becomes zeros. The payload is the
length of each block's frame (u32), then the frames.

An object is never larger than what it builds on, which lies in the file at full length, so no
claim of a size is believed beyond the file's own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from jairika_nb.store import coded, schema, zstd
from jairika_nb.store.coded import Coded
from jairika_nb.store.manifest import SIZES, Tensor
from jairika_nb.store.ranges import Ranges
from jairika_nb.store.rows import Place

CODEC = "delta"
BLOCK = 1 << 18  # bytes of values in a frame: what a core's cache holds


def packed(payload: bytes | memoryview, base: Place) -> bytes:
    """The coded object of a payload that builds on the object at ``base``."""
    place = [*coded.extent(base), int(coded.is_coded(base))]
    return coded.packed(CODEC, {"base": place}, payload)


def base_of(ranges: Ranges, found: Coded) -> Place:
    """Where the object lies that ``found`` builds on; raises ``Damaged``."""
    offset, length, is_coded = schema.numbers(found.data, "base", 3)
    return coded.flagged((offset, length)) if is_coded else (offset, length)


def encoded(values: np.ndarray, base: np.ndarray) -> bytes:
    """The payload that makes ``values`` of ``base``, an array of equal dtype and shape."""
    left, right = (_numbers(each, values.dtype.itemsize) for each in (values, base))
    frames = [zstd.compress(_sorted(_folded(left[part] - right[part]))) for part in _blocks(left)]
    return struct.pack(f"<{len(frames)}I", *map(len, frames)) + b"".join(frames)


def decode(ranges: Ranges, tensor: Tensor, found: Coded, base: np.ndarray | None) -> np.ndarray:
    """The bytes of the tensor, in the place of those of ``base``; raises ``Damaged``."""
    if base is None:
        raise ranges.damaged(f"{tensor.name!r}")
    numbers = _numbers(base, SIZES[tensor.dtype])
    try:
        for part, frame in zip(_blocks(numbers), _frames(found.payload, base.nbytes), strict=True):
            numbers[part] += _unfolded(_unsorted(frame, numbers[part]))
    except (zstd.NotAFrame, struct.error, ValueError) as error:
        raise ranges.damaged(f"{tensor.name!r}") from error
    return base


def _numbers(values: np.ndarray, width: int) -> np.ndarray:
    """The bits of each value as an unsigned integer."""
    return values.reshape(-1).view(f"<u{width}")


def _blocks(numbers: np.ndarray) -> Iterator[slice]:
    step = BLOCK // numbers.itemsize
    return (slice(start, start + step) for start in range(0, numbers.size, step))


def _frames(payload: memoryview, size: int) -> Iterator[memoryview]:
    count = -(-size // BLOCK)
    lengths = struct.unpack(f"<{count}I", payload[: 4 * count])
    if 4 * count + sum(lengths) != len(payload):
        raise ValueError("the frames are not as long as they should be")
    start = 4 * count
    for length in lengths:
        yield payload[start : start + length]
        start += length


def _folded(difference: np.ndarray) -> np.ndarray:
    """0, -1, 1, -2 ... as 0, 1, 2, 3 ... (the zigzag code of signed integers)."""
    signed = difference.view(f"<i{difference.itemsize}")
    sign: Any = signed >> (8 * difference.itemsize - 1)
    return (signed << 1 ^ sign).view(difference.dtype)


def _unfolded(folded: np.ndarray) -> np.ndarray:
    one = folded.dtype.type(1)
    return folded >> one ^ -(folded & one)


def _sorted(numbers: np.ndarray) -> np.ndarray:
    """The lowest byte of each, then the next, and so on."""
    width = numbers.itemsize
    return np.ascontiguousarray(numbers.view(np.uint8).reshape(-1, width).T)


def _unsorted(frame: memoryview, like: np.ndarray) -> np.ndarray:
    planes = np.frombuffer(zstd.decompress(frame, like.nbytes), np.uint8)
    highest, *rest = planes.reshape(like.itemsize, -1)[::-1]
    made = highest.astype(like.dtype)
    for plane in rest:
        made <<= 8
        made |= plane
    return made


coded.CODECS[CODEC] = coded.Codec(decode, base=base_of)
