"""Writes the kernels of 3 x 3 convolutions by Winograd's transforms."""

from __future__ import annotations

import math

from jairika_nb.engine.device import Device
from jairika_nb.engine.ops.winograd import (
    DEEP,
    LANES,
    PLACES,
    SIDE,
    TILES,
    TILES_OF_KERNEL,
    WIDE,
    WIDE_FUSED,
    grouped,
)
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import ROUTINES
from jairika_nb.engine.routines.direct import given, moved, share, taken_in_turn, width, written
from jairika_nb.engine.routines.spread import ints
from jairika_nb.engine.source import Source

BEFORE = ("winograd.cl",)

# Channels that a product sums up at a time, and whose kernels are laid side by side at a time.
CHUNK, LAID = 256, 64
# Transformed kernels of so many numbers are kept from one piece to the next.
KEPT = 1 << 20
# Numbers of the strip of an image that a work-item turns at a time: they fit its cache.
STRIP = 1 << 16


def _image(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    take, down, across, above, before, _ = entry.attrs
    samples, channels, height, columns = inputs[0].shape
    blocks = channels // LANES
    strip = min(down, max(1, (STRIP // _rows(1, across)) - 1))
    size = _rows(strip, across)
    each, items = share(device, samples * blocks)
    sizes = ints(height, columns, blocks, down, across, above, before, _room(entry, channels),
                 strip, size, samples * blocks, each)  # fmt: skip
    return written("winograd_image.cl", BEFORE, {"TAKE": take}, given(entry, items * size, sizes),
                   (device, items),
                   (moved(entry, inputs), 12 * (6 + take) * entry.size // PLACES))  # fmt: skip


def _room(image: Entry, channels: int) -> int:
    """Tiles that there is room for in a transformed image."""
    return (image.shape[1] - 1) * LANES // channels


def _rows(strip: int, across: int) -> int:
    """Numbers of the rows that a strip of tiles sees, of 16 planes."""
    return (SIDE * strip + 2) * (SIDE * across + 2) * LANES


def _placed(size: int) -> int:
    """Numbers of the 36 places, each followed by a line."""
    return PLACES * (size + LANES)


def _product(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    (samples, outputs, *out), flipped, corner = entry.attrs
    channels, wide = inputs[1].shape[0 if flipped else 1], width(outputs)
    down, across = (-(-n // SIDE) for n in out)
    strip, columns, group = grouped((down, across), TILES)
    group = min(group, samples)
    tiles = -(-strip * columns * group // 8) * 8
    pieces = math.prod(-(-n // m) for n, m in ((down, strip), (across, columns), (samples, group)))
    chunk = min(CHUNK, channels)
    room, kept = tiles, int(outputs * channels * PLACES <= KEPT and channels <= CHUNK)
    if not corner:
        pieces *= outputs // wide
        room, kept = _room(inputs[0], channels), 0
    aside = max(_rows(strip, columns), 9 * (LAID + 1) * wide)
    size = aside + _placed(tiles * wide) + _placed(chunk * wide) * (outputs // wide if kept else 1)
    size += _placed(channels * tiles) if corner else 0
    image = (*inputs[0].shape[2:], *corner) if corner else (0,) * 4
    sizes = ints(channels, outputs, *out, down, across, samples, *image, room, strip, columns,
                 group, tiles, chunk, kept, aside, size)  # fmt: skip
    macros = {"NR": wide, "ROOM": LAID + 1, "FLIPPED": int(flipped), "FUSED": int(bool(corner))}
    work = 2 * PLACES * samples * down * across * channels * outputs
    return taken_in_turn("winograd_product.cl", (*BEFORE, "direct.cl"), macros, entry,
                         (size, sizes), (device, pieces), (moved(entry, inputs), work))  # fmt: skip


def _kernel(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    (parts, outputs, channels, *_), span, (samples, *tiles), corner = entry.attrs
    deep, wide = min(DEEP, channels), min(WIDE_FUSED if corner else WIDE, outputs)
    pieces = parts * -(-outputs // wide) * -(-channels // deep)
    strip, columns, group = grouped(tuple(tiles), TILES_OF_KERNEL)
    aside = _rows(strip, columns)
    size = aside + _placed(deep * wide)
    if corner:
        room, image = strip * columns * group, (*inputs[0].shape[2:], *corner)
        out = inputs[1].shape[2:]
        size += _placed(deep * room) + _placed(wide * room)
    else:
        room, image, out = _room(inputs[0], channels), (0,) * 4, (0, 0)
    sizes = ints(channels, outputs, *out, *tiles, samples, *image, room, strip, group, span, wide,
                 deep, aside, size)  # fmt: skip
    macros = {"NR": width(outputs), "FUSED": int(bool(corner))}
    work = 2 * PLACES * samples * math.prod(tiles) * channels * outputs
    return taken_in_turn("winograd_kernel.cl", BEFORE, macros, entry, (size, sizes),
                         (device, pieces), (moved(entry, inputs), work))  # fmt: skip


ROUTINES["winograd_image"] = _image
ROUTINES["winograd_product"] = _product
ROUTINES["winograd_kernel"] = _kernel
