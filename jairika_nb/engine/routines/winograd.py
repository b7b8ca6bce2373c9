"""Writes the kernels of 3 x 3 convolutions by Winograd's transforms."""

from __future__ import annotations

import math

from jairika_nb.engine.device import Device
from jairika_nb.engine.ops.winograd import LANES, PLACES, TILES, grouped
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import ROUTINES
from jairika_nb.engine.routines.direct import given, moved, share, width, written
from jairika_nb.engine.routines.spread import ints
from jairika_nb.engine.source import Source

BEFORE = ("winograd.cl",)

# Channels of a piece of a product at a time, and of a piece of a kernel's derivative.
CHUNK, CHANNELS = 64, 64
# Numbers of the strip of an image that a work-item turns at a time: they fit its cache.
STRIP = 1 << 16


def _image(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    take, down, across, above, before, _ = entry.attrs
    samples, channels, height, columns = inputs[0].shape
    blocks, room = channels // LANES, entry.shape[2]
    strip = min(down, max(1, (STRIP // (columns * LANES) - 2) // 4))
    size = _rows(strip, columns)
    each, items = share(device, samples * blocks)
    sizes = ints(height, columns, blocks, down, across, above, before, room, strip, size,
                 samples * blocks, each)  # fmt: skip
    return written("winograd_image.cl", BEFORE, {"TAKE": take}, given(entry, items * size, sizes),
                   (device, items),
                   (moved(entry, inputs), 12 * (6 + take) * entry.size // PLACES))  # fmt: skip


def _rows(strip: int, columns: int) -> int:
    """Numbers of the rows that a strip of tiles sees, of 16 planes."""
    return (4 * strip + 2) * columns * LANES


def _product(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    (samples, outputs, *out), flipped, corner = entry.attrs
    down, across = (-(-n // 4) for n in out)
    many, wide = samples * down * across, width(outputs)
    if corner:
        channels, height, across_x = inputs[0].shape[1:]
        strip, group = grouped((down, across))
        tiles, pieces = TILES, -(-down // strip) * -(-samples // group)
    else:
        channels, room = inputs[0].shape[1] * LANES, inputs[0].shape[2]
        tiles = min(TILES, room)
        pieces = -(-many // tiles) * (outputs // wide)
    chunk = min(CHUNK, channels)
    each, items = share(device, pieces)
    size = wide * (PLACES * (chunk + tiles) + 9 * chunk)
    sizes = ints(channels, outputs, *out, down, across)
    if corner:
        size += PLACES * channels * tiles + _rows(strip, across_x)
        sizes += ints(samples, height, across_x, *corner, strip, group, size, pieces, each)
    else:
        sizes += ints(many, room, pieces, each)
    macros = {"NR": wide, "TILES": tiles, "CHUNK": chunk, "ROOM": chunk, "FLIPPED": int(flipped),
              "FUSED": int(bool(corner))}  # fmt: skip
    return written("winograd_product.cl", (*BEFORE, "direct.cl"), macros,
                   given(entry, items * size, sizes), (device, items),
                   (moved(entry, inputs), 2 * PLACES * many * channels * outputs))  # fmt: skip


def _kernel(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    (parts, outputs, channels, *_), span, rest = entry.attrs
    wide, piece = width(outputs), min(CHANNELS, channels)
    pieces = parts * (outputs // wide) * math.ceil(channels / piece)
    each, items = share(device, pieces)
    size = PLACES * wide * piece
    fused = len(rest) == 2
    if fused:
        (samples, _, height, across), out = inputs[0].shape, inputs[1].shape[2:]
        tiles = tuple(-(-n // 4) for n in out)
        many = samples * math.prod(tiles)
        strip, group = grouped(tiles)
        size += PLACES * TILES * (piece + wide) + _rows(strip, max(across, out[1]))
        sizes = ints(channels, outputs, *out, *tiles, samples, height, across, *rest, strip, group,
                     span, size, pieces, each)  # fmt: skip
    else:
        (many,) = rest
        sizes = ints(channels, outputs, many, inputs[0].shape[2], span, pieces, each)
    macros = {"NR": wide, "CHANNELS": piece, "TILES": TILES, "FUSED": int(fused)}
    return written("winograd_kernel.cl", BEFORE, macros, given(entry, items * size, sizes),
                   (device, items),
                   (moved(entry, inputs), 2 * PLACES * many * channels * outputs))  # fmt: skip


ROUTINES["winograd_image"] = _image
ROUTINES["winograd_product"] = _product
ROUTINES["winograd_kernel"] = _kernel
